// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sums against sums taken anew, 16 bits at a time and in network order; checksums of packets
 * against those that packet_build() writes.
 */
#include "lb/checksums.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/checksum.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"

#define CLIENT  "198.51.100.7"
#define CLIENT6 "2001:db8:99::7"
#define VIP     "203.0.113.10"
#define VIP6    "2001:db8:1::10"

/* RFC 1071 by the book. */
static uint16_t naive_checksum(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i++) {
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return ~sum;
}

/* --- sums ------------------------------------------------------------------------------------ */

static void test_sums_of_all_lengths(void **state)
{
	uint64_t random = 0x73756d73;
	for (uint32_t length = 0; length < 300; length++) {
		uint8_t *bytes = malloc(length + 1);
		for (uint32_t i = 0; i < length; i++)
			bytes[i] = fixture_random(&random);
		uint16_t got = ~checksum_fold(checksum_add(bytes, length));
		assert_int_equal(bpf_ntohs(got), naive_checksum(bytes, length));
		free(bytes);
	}
}

static void test_sums_that_carry(void **state)
{
	static uint8_t ones[65536];
	memset(ones, 0xff, sizeof(ones));
	for (uint32_t length = 1; length < sizeof(ones); length += 997) {
		uint16_t got = ~checksum_fold(checksum_add(ones, length));
		assert_int_equal(bpf_ntohs(got), naive_checksum(ones, length));
	}
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_fold(0xffffffffffffffff), 0xffff);
	assert_int_equal(checksum_fold(0x1fffe), 0xffff);
	assert_int_equal(checksum_fold(0xfffeffffffffull), 0xfffe);
}

/* Every checksum there can be, above all those where the change carries out of the 16 bits. */
static void expect_adjusted(uint16_t from, uint16_t to)
{
	for (uint32_t word = 0; word < 65536; word++) {
		uint8_t bytes[] = {from >> 8, from, word >> 8, word, 0x12, 0x34};
		uint16_t before = naive_checksum(bytes, sizeof(bytes));
		bytes[0] = to >> 8;
		bytes[1] = to;
		uint16_t got = checksum_adjust(bpf_htons(before), bpf_htons(from), bpf_htons(to));
		if (bpf_ntohs(got) != naive_checksum(bytes, sizeof(bytes)))
			fail_msg("%04x, %04x to %04x: %04x", before, from, to, bpf_ntohs(got));
	}
}

static void test_adjusted_checksums(void **state)
{
	expect_adjusted(0x0800, 0x0000);
	expect_adjusted(0x8000, 0x8100);
	for (uint32_t ttl = 0; ttl < 256; ttl += 15)
		expect_adjusted(ttl << 8 | 1, 64 << 8 | 1);
}

/* --- of packets ------------------------------------------------------------------------------ */

static struct packet parse(const struct frame *f)
{
	struct packet p = {0};
	assert_int_equal(parse_packet(f->bytes, f->bytes + f->length, &p), REASON_NONE);
	return p;
}

static bool is_right(const struct frame *f)
{
	struct packet p = parse(f);
	return checksums_are_right(f->bytes, f->length, &p);
}

static bool is_unfinished(const struct frame *f)
{
	struct packet p = parse(f);
	return checksums_are_unfinished(f->bytes, f->length, &p);
}

static void draw(uint64_t *random, struct recipe *r)
{
	uint64_t n = fixture_random(random);
	bool v6 = n & 1;
	*r = (struct recipe){
		.from = v6 ? CLIENT6 : CLIENT,
		.to = v6 ? VIP6 : VIP,
		.protocol = n & 2 ? IPPROTO_TCP : IPPROTO_UDP,
		.ipv4_options = (n >> 8) % 11 * 4,
		.extensions = n & 4 ? "hd" : NULL,
		.from_port = n >> 16,
		.to_port = n >> 32,
		.payload = (n >> 24) % 200,
		.padding = (n >> 32) % 20,
		.tags = {{n & 8 ? 0x8100 : 0, n >> 48}},
	};
}

static void test_right_and_unfinished(void **state)
{
	uint64_t random = 0x726967;
	struct recipe r;
	struct frame f;
	int right = 0;
	for (int i = 0; i < 20000; i++) {
		draw(&random, &r);
		packet_build(&r, &f);
		assert_true(is_right(&f));
		assert_false(is_unfinished(&f));
		r.unfinished = true;
		packet_build(&r, &f);
		/* One in 65,536 is right by chance, and then there is nothing to finish. */
		right += is_right(&f);
		assert_int_equal(is_unfinished(&f), !is_right(&f));
	}
	assert_in_range(right, 0, 5);
}

/* One changed bit in what checksums cover, if a packet with the same headers is left of it. */
static void expect_covered(const struct recipe *r)
{
	struct frame f;
	packet_build(r, &f);
	const struct packet before = parse(&f);
	for (uint32_t bit = 0; bit < (f.length - r->padding - f.l3) * 8; bit++) {
		struct packet p = {0};
		uint32_t at = f.l3 + bit / 8;
		f.bytes[at] ^= 1 << bit % 8;
		if (parse_packet(f.bytes, f.bytes + f.length, &p) == REASON_NONE &&
		    p.key.protocol == r->protocol && p.l4_offset == before.l4_offset &&
		    !(before.ethertype == bpf_htons(ETH_P_IPV6) && at < f.l3 + 8u) && !p.fragment)
			assert_false(checksums_are_right(f.bytes, f.length, &p));
		f.bytes[at] ^= 1 << bit % 8;
	}
	assert_true(is_right(&f));
}

static void test_what_is_covered(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	for (int i = 0; i < 2; i++) {
		expect_covered(&(struct recipe){.from = CLIENT,
						.to = VIP,
						.protocol = protocols[i],
						.ipv4_options = 8,
						.payload = 21,
						.padding = 7});
		expect_covered(&(struct recipe){.from = CLIENT6,
						.to = VIP6,
						.protocol = protocols[i],
						.payload = 21,
						.padding = 7});
	}
}

/* Each value of the field: one is right, or two where 0 stands for what is not there or for ~0. */
static void expect_values(const struct recipe *r, unsigned int right, unsigned int unfinished)
{
	struct frame f;
	packet_build(r, &f);
	uint32_t at = f.l4 + (r->protocol == IPPROTO_TCP ? 16 : 6);
	for (uint32_t value = 0; value < 65536; value++) {
		f.bytes[at] = value >> 8;
		f.bytes[at + 1] = value;
		right -= is_right(&f);
		unfinished -= is_unfinished(&f);
	}
	assert_int_equal(right, 0);
	assert_int_equal(unfinished, 0);
}

static void test_all_values(void **state)
{
	struct recipe r = {.from = CLIENT, .to = VIP, .protocol = IPPROTO_TCP, .payload = 5};
	struct recipe r6 = {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_TCP, .payload = 5};
	expect_values(&r, 1, 1);
	expect_values(&r6, 1, 1);
	r.protocol = r6.protocol = IPPROTO_UDP;
	expect_values(&r, 2, 1);
	expect_values(&r6, 1, 1);
}

/* What the message's checksum covers is not all there. */
static void test_fragments(void **state)
{
	struct recipe r = {.from = CLIENT,
			   .to = VIP,
			   .protocol = IPPROTO_UDP,
			   .payload = 24,
			   .ipv4_fragment = 0x2000,
			   .pokes = {POKE(4, 6, 0x77)}};
	struct frame f;
	packet_build(&r, &f);
	assert_true(is_right(&f));
	f.bytes[f.l3 + 8]++;
	assert_false(is_right(&f));
	r.unfinished = true;
	packet_build(&r, &f);
	assert_false(is_unfinished(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums_of_all_lengths),
		cmocka_unit_test(test_sums_that_carry),
		cmocka_unit_test(test_adjusted_checksums),
		cmocka_unit_test(test_right_and_unfinished),
		cmocka_unit_test(test_what_is_covered),
		cmocka_unit_test(test_all_values),
		cmocka_unit_test(test_fragments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
