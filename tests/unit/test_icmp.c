// SPDX-License-Identifier: BSD-2-Clause
/*
 * Echo requests and their replies against frames that packet_build() makes.
 */
#include "bpf/icmp.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"

#define CLIENT  "198.51.100.7"
#define CLIENT6 "2001:db8:99::7"
#define VIP     "203.0.113.10"
#define VIP6    "2001:db8:1::10"

/* --- requests and replies -------------------------------------------------------------------- */

/* A frame on the heap of just its length, so that ASan sees what reads or writes past it. */
static uint8_t *on_heap(const struct frame *f, uint32_t length, struct packet *p)
{
	uint8_t *bytes = malloc(length);
	memcpy(bytes, f->bytes, length);
	memset(p, 0, sizeof(*p));
	return bytes;
}

static void expect_reply(const struct recipe *request, const struct recipe *reply)
{
	static const uint8_t mac[ETH_ALEN] = {2};
	struct frame in, want;
	struct packet p;
	packet_build(request, &in);
	packet_build(reply, &want);
	uint8_t *bytes = on_heap(&in, in.length, &p);
	assert_int_equal(parse_packet(bytes, bytes + in.length, &p), REASON_NONE);
	assert_int_equal(p.icmp, PACKET_ICMP_ECHO);
	assert_int_equal(icmp_check(bytes, bytes + in.length, &p), REASON_NONE);
	assert_int_equal(icmp_reply(bytes, bytes + in.length, &p, mac), REASON_NONE);
	assert_int_equal(in.length, want.length);
	assert_memory_equal(bytes, want.bytes, want.length);
	free(bytes);
}

static void test_replies(void **state)
{
	uint64_t random = 0x6563686f;
	for (int i = 0; i < 20000; i++) {
		uint64_t r = fixture_random(&random);
		bool v6 = r & 1;
		struct recipe request = {
			.from = v6 ? CLIENT6 : CLIENT,
			.to = v6 ? VIP6 : VIP,
			.protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
			.ipv4_options = (r >> 8) % 11 * 4,
			.hop_limit = 1 + (r >> 16) % 255,
			.payload = (r >> 24) % 200,
			.padding = (r >> 32) % 20,
			.tags = {{r & 2 ? 0x8100 : 0, r >> 48}},
		};
		struct recipe reply = request;
		reply.mac_from = PORT_MAC;
		reply.mac_to = CLIENT_MAC;
		reply.from = request.to;
		reply.to = request.from;
		reply.hop_limit = 64;
		reply.icmp_is_reply = true;
		expect_reply(&request, &reply);
	}
}

/* What can't be told from a request that arrived whole: the tags, the link's and the padding. */
static bool is_covered(const struct frame *f, const struct recipe *r, uint32_t at)
{
	uint32_t from = strchr(r->to, ':') ? f->l3 + 8 : f->l3;
	return at >= from && at < f->length - r->padding;
}

/* One changed bit in what checksums cover: it is no request any more, or not a right one. */
static void expect_covered(const struct recipe *r)
{
	struct frame f;
	packet_build(r, &f);
	for (uint32_t bit = 0; bit < f.length * 8; bit++) {
		struct packet p = {0};
		if (!is_covered(&f, r, bit / 8))
			continue;
		f.bytes[bit / 8] ^= 1 << bit % 8;
		if (parse_packet(f.bytes, f.bytes + f.length, &p) == REASON_NONE &&
		    p.icmp == PACKET_ICMP_ECHO && !p.fragment)
			assert_int_equal(icmp_check(f.bytes, f.bytes + f.length, &p),
					 REASON_MALFORMED_ICMP);
		f.bytes[bit / 8] ^= 1 << bit % 8;
	}
}

static void test_checksums_cover_all(void **state)
{
	expect_covered(&(struct recipe){.from = CLIENT,
					.to = VIP,
					.protocol = IPPROTO_ICMP,
					.ipv4_options = 8,
					.payload = 21,
					.padding = 7});
	expect_covered(&(struct recipe){
		.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .payload = 21});
}

/* A frame that ends before what its header promised, for who did not ask the parser. */
static void test_cut_frames(void **state)
{
	struct recipe r = {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .payload = 9};
	struct frame f;
	struct packet p = {0};
	packet_build(&r, &f);
	assert_int_equal(parse_packet(f.bytes, f.bytes + f.length, &p), REASON_NONE);
	for (uint32_t length = ETH_HLEN; length < f.length; length++) {
		struct packet unused;
		uint8_t *bytes = on_heap(&f, length, &unused);
		if (length >= f.l4)
			assert_int_equal(icmp_check(bytes, bytes + length, &p), REASON_TRUNCATED);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_checksums_cover_all),
		cmocka_unit_test(test_cut_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
