// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf/flow.h: the hash against NH written plainly from its definition (CRYPTO '99, section 3: the
 * sum over pairs of (m1 + k1 mod 2^w) * (m2 + k2 mod 2^w), mod 2^2w), the bijection against
 * published outputs of SplitMix64, and both together on the flows that a balancer meets.
 */
#include "bpf/flow.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_word(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void random_bytes(uint64_t *seed, void *out, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((uint8_t *)out)[i] = random_word(seed);
}

static struct flow_key random_key(uint64_t *seed, int v4)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct flow_key k;
	random_bytes(seed, &k, sizeof(k));
	memset(k.zero, 0, sizeof(k.zero));
	if (v4) {
		memcpy(&k.source, mapped, sizeof(mapped));
		memcpy(&k.destination, mapped, sizeof(mapped));
	}
	return k;
}

/* SplitMix64 with seed 1234567, as published with the Rosetta Code task of that name. */
static void test_bijection_gives_published_outputs(void **state)
{
	static const uint64_t published[] = {6457827717110365317u, 3203168211198807973u,
					     9817491932198370423u, 4593380528125082431u,
					     16408922859458223821u};
	uint64_t at = 1234567;
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++) {
		at += 0x9e3779b97f4a7c15;
		assert_int_equal(flow_mix(at), published[i]);
	}
}

/* NH of `count` words, with the numbers as large as they get. */
static uint64_t plain_nh(const uint32_t *message, const uint32_t *key, size_t count)
{
	unsigned __int128 sum = 0, word = (unsigned __int128)1 << 32;
	for (size_t i = 0; i < count; i += 2)
		sum += (((unsigned __int128)message[i] + key[i]) % word) *
		       (((unsigned __int128)message[i + 1] + key[i + 1]) % word);
	return (uint64_t)sum;
}

static uint64_t plain_flow_hash(const struct flow_key *k, const struct flow_seed *seed, int v4)
{
	uint32_t message[10], key[12];
	memcpy(key, seed, sizeof(key)); /* the low half of a word comes first */
	memcpy(message, k, 36);
	message[9] = k->protocol;
	if (!v4)
		return flow_mix(plain_nh(message, key, 10) ^ seed->k[5]);
	message[6] = k->source.word[3];
	return flow_mix(plain_nh(message + 6, key + 6, 4) ^ seed->k[5]);
}

static void test_flow_hash_is_nh(void **state)
{
	uint64_t random = 1;
	for (int i = 0; i < 2000; i++) {
		struct flow_seed seed;
		random_bytes(&random, &seed, sizeof(seed));
		for (int v4 = 0; v4 < 2; v4++) {
			struct flow_key k = random_key(&random, v4);
			assert_int_equal(flow_hash(&k, &seed), plain_flow_hash(&k, &seed, v4));
		}
	}
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/*
 * Flows that differ little, as those of one client, of one network or of one scan do: none share a
 * hash, and they fill buckets as evenly as chance would (chi-squared, within five deviations).
 */
static void expect_spread(const struct flow_seed *seed, int v4, uint32_t clients, uint32_t ports)
{
	enum { BUCKETS = 1024 };
	static uint32_t hits[BUCKETS];
	size_t count = 0, all = (size_t)clients * ports;
	uint64_t *hashes = malloc(all * sizeof(*hashes)), random = 77;
	struct flow_key k = random_key(&random, v4);
	uint32_t first = __builtin_bswap32(k.source.word[3]);
	double expected = (double)all / BUCKETS, chi = 0;
	assert_non_null(hashes);
	memset(hits, 0, sizeof(hits));
	for (uint32_t c = 0; c < clients; c++) {
		for (uint32_t port = 0; port < ports; port++) {
			k.source.word[3] = __builtin_bswap32(first + c);
			k.source_port = __builtin_bswap16(port);
			hashes[count] = flow_hash(&k, seed);
			hits[hashes[count++] % BUCKETS]++;
		}
	}
	for (int i = 0; i < BUCKETS; i++)
		chi += (hits[i] - expected) * (hits[i] - expected) / expected;
	assert_true(chi > BUCKETS - 5 * 45.2 && chi < BUCKETS + 5 * 45.2);
	qsort(hashes, count, sizeof(*hashes), compare_hashes);
	for (size_t i = 1; i < count; i++)
		assert_true(hashes[i] != hashes[i - 1]);
	free(hashes);
}

static void test_flows_alike_are_spread(void **state)
{
	uint64_t random = 3;
	for (int round = 0; round < 4; round++) {
		struct flow_seed seed;
		random_bytes(&random, &seed, sizeof(seed));
		for (int v4 = 0; v4 < 2; v4++) {
			expect_spread(&seed, v4, 1, 65536);
			expect_spread(&seed, v4, 65536, 1);
			expect_spread(&seed, v4, 512, 512);
		}
	}
}

/* Each bit of the key and of the seed turns about half of the hash's bits. */
static void expect_avalanche(const struct flow_key *k, const struct flow_seed *seed, void *where,
			     size_t first, size_t length)
{
	uint64_t before = flow_hash(k, seed);
	for (size_t bit = first * 8; bit < (first + length) * 8; bit++) {
		uint8_t *byte = (uint8_t *)where + bit / 8;
		*byte ^= 1 << bit % 8;
		assert_in_range(__builtin_popcountll(before ^ flow_hash(k, seed)), 12, 52);
		*byte ^= 1 << bit % 8;
	}
}

static void test_all_bits_count(void **state)
{
	uint64_t random = 5;
	struct flow_seed seed;
	random_bytes(&random, &seed, sizeof(seed));
	struct flow_key v4 = random_key(&random, 1), v6 = random_key(&random, 0);
	expect_avalanche(&v6, &seed, &v6, 0, 37);
	expect_avalanche(&v6, &seed, &seed, 0, 48);
	expect_avalanche(&v4, &seed, &v4, 12, 4);
	expect_avalanche(&v4, &seed, &v4, 28, 9);
	expect_avalanche(&v4, &seed, &seed, 24, 24);
}

/* Keys that share a bucket under one seed are spread over all under another. */
static void test_bucket_can_not_be_aimed_at(void **state)
{
	enum { BUCKETS = 64, KEYS = 1024 };
	struct flow_seed known, secret;
	unsigned int hits[BUCKETS] = {0};
	uint64_t random = 10;
	random_bytes(&random, &known, sizeof(known));
	random_bytes(&random, &secret, sizeof(secret));
	for (int found = 0; found < KEYS;) {
		struct flow_key k = random_key(&random, 1);
		if (flow_hash(&k, &known) % BUCKETS != 0)
			continue;
		hits[flow_hash(&k, &secret) % BUCKETS]++;
		found++;
	}
	/* 16 on average; Poisson's law gives more than 40 once in 10^7. */
	for (int i = 0; i < BUCKETS; i++)
		assert_in_range(hits[i], 1, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bijection_gives_published_outputs),
		cmocka_unit_test(test_flow_hash_is_nh),
		cmocka_unit_test(test_flows_alike_are_spread),
		cmocka_unit_test(test_all_bits_count),
		cmocka_unit_test(test_bucket_can_not_be_aimed_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
