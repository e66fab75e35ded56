// SPDX-License-Identifier: BSD-2-Clause
/* The table of targets against a plain list that is searched from its start. */
#include "lb/target_table.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"

static struct target_key key_of(uint32_t address, uint16_t port, uint8_t protocol)
{
	return (struct target_key){
		.address = {.word = {0, 0, htonl(0xffff), htonl(address)}},
		.port = htons(port),
		.protocol = protocol,
	};
}

static void test_empty_table(void **state)
{
	struct target_table *t = target_table_new(0);
	struct target_key key = key_of(0xcb00710a, 80, IPPROTO_TCP);
	assert_non_null(t);
	assert_null(target_table_find(t, &key));
	assert_int_equal(t->count, 0);
	target_table_free(t);
	target_table_free(NULL);
}

static void test_all_of_a_key_counts(void **state)
{
	struct target_table *t = target_table_new(1);
	struct target value = {.service = 7, .flags = TARGET_ANNOUNCE};
	struct target_key key = key_of(0xcb00710a, 80, IPPROTO_TCP);
	target_table_put(t, &key, &value);
	const struct target *found = target_table_find(t, &key);
	assert_non_null(found);
	assert_int_equal(found->service, 7);
	assert_int_equal(found->flags, TARGET_ANNOUNCE);
	/* A byte that differs anywhere in the key makes it another. */
	for (size_t i = 0; i < sizeof(key); i++) {
		struct target_key other = key;
		((uint8_t *)&other)[i] ^= 1;
		assert_null(target_table_find(t, &other));
	}
	target_table_free(t);
}

/* --- prefixes, against a look at each -------------------------------------------------------- */

static bool bit_of(const struct addr *a, uint32_t n)
{
	return ((const uint8_t *)a)[n / 8] >> (7 - n % 8) & 1;
}

static bool has_address(const struct target_key *prefix, const struct addr *a)
{
	for (uint32_t n = 0; n < prefix->prefix; n++)
		if (bit_of(&prefix->address, n) != bit_of(a, n))
			return false;
	return true;
}

/* Addresses of few different bits, so that prefixes meet. */
static struct addr random_address(uint64_t *random)
{
	struct addr a;
	for (int i = 0; i < 4; i++)
		a.word[i] = fixture_random(random) & fixture_random(random) & htonl(0x80018001);
	return a;
}

static void test_longest_prefix(void **state)
{
	enum { PREFIXES = 200, ADDRESSES = 5000 };
	struct target_table *t = target_table_new(PREFIXES);
	struct target_key prefixes[PREFIXES];
	uint64_t random = 0x707265666978;
	for (int i = 0; i < PREFIXES; i++) {
		struct addr a = random_address(&random);
		struct target value = {.service = i};
		prefixes[i] = (struct target_key){.prefix = 1 + fixture_random(&random) % 127};
		for (uint32_t n = 0; n < prefixes[i].prefix; n++)
			((uint8_t *)&prefixes[i].address)[n / 8] |= bit_of(&a, n) << (7 - n % 8);
		target_table_put(t, &prefixes[i], &value);
	}
	for (int i = 0; i < ADDRESSES; i++) {
		struct addr a = random_address(&random);
		uint32_t longest = fixture_random(&random) % 129, best = 0;
		for (int j = 0; j < PREFIXES; j++)
			if (prefixes[j].prefix <= longest && prefixes[j].prefix > best &&
			    has_address(&prefixes[j], &a))
				best = prefixes[j].prefix;
		const struct target_key *found = target_table_find_prefix(t, &a, longest);
		assert_int_equal(found ? found->prefix : 0, best);
		assert_true(!found || has_address(found, &a));
	}
	target_table_free(t);
}

static void test_put_replaces(void **state)
{
	struct target_table *t = target_table_new(1);
	struct target_key key = key_of(0xcb00710a, 0, 0);
	for (uint32_t i = 0; i < 100; i++) {
		struct target value = {.service = i};
		target_table_put(t, &key, &value);
		assert_int_equal(target_table_find(t, &key)->service, i);
		assert_int_equal(t->count, 1);
	}
	target_table_free(t);
}

/* Whole ranges of ports of a few addresses, as a configuration has them. */
static void test_full_of_ports(void **state)
{
	enum { ADDRESSES = 3, PORTS = 20000 };
	struct target_table *t = target_table_new(ADDRESSES * PORTS);
	for (uint32_t a = 0; a < ADDRESSES; a++) {
		for (uint32_t port = 1; port <= PORTS; port++) {
			struct target_key key = key_of(0xcb007100 + a, port, IPPROTO_UDP);
			struct target value = {.service = a * PORTS + port};
			target_table_put(t, &key, &value);
		}
	}
	assert_int_equal(t->count, ADDRESSES * PORTS);
	for (uint32_t a = 0; a <= ADDRESSES; a++) {
		for (uint32_t port = 0; port <= PORTS + 1; port++) {
			struct target_key key = key_of(0xcb007100 + a, port, IPPROTO_UDP);
			const struct target *found = target_table_find(t, &key);
			if (a == ADDRESSES || port == 0 || port > PORTS)
				assert_null(found);
			else
				assert_int_equal(found->service, a * PORTS + port);
		}
	}
	target_table_free(t);
}

struct list {
	struct target_key keys[64];
	uint32_t services[64];
	unsigned int count;
};

static const uint32_t *list_find(const struct list *l, const struct target_key *key)
{
	for (unsigned int i = 0; i < l->count; i++)
		if (!memcmp(&l->keys[i], key, sizeof(*key)))
			return &l->services[i];
	return NULL;
}

static void list_put(struct list *l, const struct target_key *key, uint32_t service)
{
	uint32_t *old = (uint32_t *)list_find(l, key);
	if (old) {
		*old = service;
		return;
	}
	l->keys[l->count] = *key;
	l->services[l->count++] = service;
}

/* Few addresses, ports and protocols, so that keys come again and are near to each other. */
static struct target_key random_key(uint64_t *random)
{
	uint64_t r = fixture_random(random);
	struct target_key key = key_of(0xcb007100 + (r & 3), r >> 2 & 7, r >> 5 & 1 ? 6 : 17);
	if (r >> 6 & 1)
		key.address.word[0] = htonl(0x20010db8);
	return key;
}

static void test_agrees_with_a_list(void **state)
{
	uint64_t random = 0x7461726765;
	for (int round = 0; round < 500; round++) {
		struct target_table *t = target_table_new(64);
		struct list list = {.count = 0};
		while (list.count < 64) {
			struct target_key key = random_key(&random);
			struct target value = {.service = fixture_random(&random)};
			target_table_put(t, &key, &value);
			list_put(&list, &key, value.service);
		}
		assert_int_equal(t->count, list.count);
		for (int i = 0; i < 400; i++) {
			struct target_key key = random_key(&random);
			const uint32_t *want = list_find(&list, &key);
			const struct target *found = target_table_find(t, &key);
			assert_int_equal(!found, !want);
			if (want)
				assert_int_equal(found->service, *want);
		}
		target_table_free(t);
	}
}

static struct target_table *table_of(uint32_t capacity, const uint16_t *ports, uint32_t service)
{
	struct target_table *t = target_table_new(capacity);
	struct target value = {.service = service};
	assert_non_null(t);
	for (; *ports; ports++) {
		struct target_key key = key_of(0xcb00710a, *ports, IPPROTO_TCP);
		target_table_put(t, &key, &value);
	}
	return t;
}

static void test_equal(void **state)
{
	static const uint16_t two[] = {80, 443, 0}, one[] = {80, 0}, others[] = {80, 444, 0};
	struct target_table *t = table_of(2, two, 7);
	struct target_table *tables[] = {
		table_of(2, two, 7),    table_of(2, two, 8),   table_of(2, one, 7),
		table_of(2, others, 7), table_of(200, two, 7),
	};
	assert_true(target_table_equal(t, tables[0]));
	for (int i = 1; i < 5; i++)
		assert_false(target_table_equal(t, tables[i]));
	for (int i = 0; i < 5; i++)
		target_table_free(tables[i]);
	target_table_free(t);
}

/* A copy has all that was there, and neither changes with the other. */
static void test_copy(void **state)
{
	static const uint16_t ports[] = {80, 443, 8080, 0};
	struct target_table *t = table_of(3, ports, 7), *copy = target_table_copy(t);
	struct target_key key = key_of(0xcb00710a, 443, IPPROTO_TCP);
	const struct target other = {.service = 9};
	assert_non_null(copy);
	assert_true(target_table_equal(t, copy));
	target_table_put(copy, &key, &other);
	assert_false(target_table_equal(t, copy));
	assert_int_equal(target_table_find(t, &key)->service, 7);
	assert_int_equal(target_table_find(copy, &key)->service, 9);
	target_table_free(t);
	assert_int_equal(target_table_find(copy, &key)->service, 9);
	/* Who holds one frees it once more. */
	assert_ptr_equal(target_table_hold(copy), copy);
	target_table_free(copy);
	assert_int_equal(copy->count, 3);
	target_table_free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_table),    cmocka_unit_test(test_all_of_a_key_counts),
		cmocka_unit_test(test_longest_prefix), cmocka_unit_test(test_put_replaces),
		cmocka_unit_test(test_full_of_ports),  cmocka_unit_test(test_agrees_with_a_list),
		cmocka_unit_test(test_equal),          cmocka_unit_test(test_copy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
