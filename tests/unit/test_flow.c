// SPDX-License-Identifier: BSD-2-Clause
/*
 * bpf/flow.h against SipHash written plainly over bytes, which in turn is held against published
 * vectors: SipHash-1-3 from Rust's standard library (library/core/tests/hash/sip.rs) and
 * SipHash-2-4 from appendix A of the paper. Both take key 00 01 .. 0f and input 00 01 02 ...
 */
#include "bpf/flow.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13);
	v[3] = rotl(v[3], 16);
	v[1] ^= v[0];
	v[3] ^= v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17);
	v[3] = rotl(v[3], 21);
	v[1] ^= v[2];
	v[3] ^= v[0];
	v[2] = rotl(v[2], 32);
}

static uint64_t word_of(const uint8_t *bytes)
{
	uint64_t word = 0;
	for (int i = 7; i >= 0; i--)
		word = word << 8 | bytes[i];
	return word;
}

/* SipHash-c-d as section 2.2 of the paper tells it. */
static uint64_t plain_sip(int c, int d, const uint8_t key[16], const uint8_t *in, size_t length)
{
	uint64_t k0 = word_of(key), k1 = word_of(key + 8);
	uint64_t v[4] = {k0, k1, k0, k1};
	uint8_t padded[128] = {0};
	size_t words = length / 8 + 1;
	memcpy(padded, in, length);
	padded[words * 8 - 1] = length;
	for (int i = 0; i < 4; i++)
		v[i] ^= word_of((const uint8_t *)&"uespemosmodnarodarenegylsetybdet"[8 * i]);
	for (size_t w = 0; w < words; w++) {
		v[3] ^= word_of(padded + 8 * w);
		for (int i = 0; i < c; i++)
			sip_round(v);
		v[0] ^= word_of(padded + 8 * w);
	}
	v[2] ^= 0xff;
	for (int i = 0; i < d; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void test_plain_sip_gives_published_vectors(void **state)
{
	static const struct {
		int c, d;
		size_t length;
		uint64_t hash;
	} rows[] = {
		{1, 3, 0, 0xabac0158050fc4dc},  {1, 3, 1, 0xc9f49bf37d57ca93},
		{1, 3, 7, 0xd3927d989bb11140},  {1, 3, 8, 0x369095118d299a8e},
		{1, 3, 15, 0xd320d86d2a519956}, {1, 3, 16, 0xcc4fdd1a7d908b66},
		{1, 3, 40, 0xc1d2363299e41531}, {1, 3, 63, 0x9d199062b7bbb3a8},
		{2, 4, 15, 0xa129ca6149be45e5},
	};
	uint8_t bytes[64];
	for (int i = 0; i < 64; i++)
		bytes[i] = i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(plain_sip(rows[i].c, rows[i].d, bytes, bytes, rows[i].length),
				 rows[i].hash);
}

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

/* The message of a key: addresses (IPv4: four bytes each), ports, protocol. */
static uint64_t plain_flow_hash(const struct flow_key *k, const struct flow_seed *seed, int v4)
{
	uint8_t message[37], key[16];
	size_t part = v4 ? 4 : 16;
	const uint8_t *bytes = (const uint8_t *)k;
	memcpy(message, bytes + 16 - part, part);
	memcpy(message + part, bytes + 32 - part, part);
	memcpy(message + 2 * part, bytes + 32, 5);
	memcpy(key, seed, 16);
	return plain_sip(1, 3, key, message, 2 * part + 5);
}

static void test_flow_hash_is_siphash_1_3(void **state)
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

/* One family in the source and another in the destination is hashed as IPv6: all bytes count. */
static void test_half_mapped_key_is_hashed_whole(void **state)
{
	uint64_t random = 2;
	struct flow_seed seed = {.k0 = 3, .k1 = 4};
	struct flow_key v4 = random_key(&random, 1), v6 = random_key(&random, 0);
	struct flow_key k = v4;
	k.destination = v6.destination;
	assert_int_equal(flow_hash(&k, &seed), plain_flow_hash(&k, &seed, 0));
	k = v4;
	k.source = v6.source;
	assert_int_equal(flow_hash(&k, &seed), plain_flow_hash(&k, &seed, 0));
	for (size_t byte = 0; byte < 12; byte++) {
		k = v4;
		((uint8_t *)&k.source)[byte] ^= 1;
		assert_int_equal(flow_hash(&k, &seed), plain_flow_hash(&k, &seed, 0));
		k = v4;
		((uint8_t *)&k.destination)[byte] ^= 1;
		assert_int_equal(flow_hash(&k, &seed), plain_flow_hash(&k, &seed, 0));
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
	expect_avalanche(&v6, &seed, &seed, 0, 16);
	expect_avalanche(&v4, &seed, &v4, 12, 4);
	expect_avalanche(&v4, &seed, &v4, 28, 9);
	expect_avalanche(&v4, &seed, &seed, 0, 16);
}

/* Keys that share a bucket under one seed are spread over all under another. */
static void test_bucket_can_not_be_aimed_at(void **state)
{
	enum { BUCKETS = 64, KEYS = 1024 };
	struct flow_seed known = {.k0 = 6, .k1 = 7}, secret = {.k0 = 8, .k1 = 9};
	unsigned int hits[BUCKETS] = {0};
	uint64_t random = 10;
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
		cmocka_unit_test(test_plain_sip_gives_published_vectors),
		cmocka_unit_test(test_flow_hash_is_siphash_1_3),
		cmocka_unit_test(test_half_mapped_key_is_hashed_whole),
		cmocka_unit_test(test_all_bits_count),
		cmocka_unit_test(test_bucket_can_not_be_aimed_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
