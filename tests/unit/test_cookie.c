// SPDX-License-Identifier: BSD-2-Clause
/*
 * SYN cookies: what lb/ and the XDP program answer beyond a limit, that a real client's reset lets
 * it in and nobody else's does, and that they are SipHash-1-3.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/cookie.h"
#include "lb/reason.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/sides.h"
#include "tools/weir/offline.h"

#define SYN 0x02
#define RST 0x04
#define ISN 0x01020304u

static const char policy[] =
	"policy: {rules: [{name: guard, match: tcp-syn, limit: {per: service, rate: 1/s, burst: 1, "
	"beyond: challenge}}]}\n";

static int open_policy(void **state)
{
	static char yaml[65536];
	snprintf(yaml, sizeof(yaml), "%s%s", packet_table_yaml, policy);
	fixture_open(&balancer, yaml);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

/* Of CPython 3.11's hash() of bytes with PYTHONHASHSEED=0, which is SipHash-1-3 under zeroes. */
static void test_siphash(void **state)
{
	uint8_t bytes[40];
	__u64 words[5];
	for (int i = 0; i < 40; i++)
		bytes[i] = i;
	memcpy(words, bytes, sizeof(words));
	assert_true(cookie_siphash(words, 0, 0) == 0x95bc321ab41d8206ull);
}

/* --- a client ---------------------------------------------------------------------------------- */

static uint32_t sum16(const uint8_t *at, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i += 2)
		sum += at[i] << 8 | at[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void segment(struct frame *f, bool v6, uint16_t port, uint8_t flags, uint32_t sequence)
{
	const struct recipe r = {
		.from = v6 ? "2001:db8:99::7" : "198.51.100.7",
		.to = v6 ? "2001:db8:1::10" : "203.0.113.10",
		.protocol = IPPROTO_TCP,
		.from_port = port,
		.to_port = 80,
		.tcp_flags = flags,
	};
	packet_build(&r, f);
	uint8_t *tcp = f->bytes + f->l4;
	sequence = htonl(sequence);
	memcpy(tcp + 4, &sequence, 4);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t n;
	memcpy(&n, at, 4);
	return ntohl(n);
}

/* The answer to that SYN as a client's TCP checks it; what it acknowledges. */
static uint32_t expect_answer(const struct frame *syn, const struct frame *f, bool v6)
{
	const uint8_t *ip = f->bytes + 14, *tcp = ip + (v6 ? 40 : 20);
	const uint8_t *was = syn->bytes + 14;
	uint32_t addresses = v6 ? 32 : 8, at = v6 ? 8 : 12;
	assert_int_equal(f->length, v6 ? 74 : 54);
	assert_memory_equal(f->bytes, syn->bytes + 6, 6);
	assert_memory_equal(ip + at, was + at + addresses / 2, addresses / 2);
	assert_memory_equal(ip + at + addresses / 2, was + at, addresses / 2);
	assert_memory_equal(tcp, syn->bytes + syn->l4 + 2, 2);
	assert_memory_equal(tcp + 2, syn->bytes + syn->l4, 2);
	assert_int_equal(tcp[12] >> 4, 5);
	assert_int_equal(tcp[13], 0x12);
	if (!v6)
		assert_int_equal(fold(sum16(ip, 20)), 0xffff);
	assert_int_equal(fold(sum16(ip + at, addresses) + IPPROTO_TCP + 20 + sum16(tcp, 20)), 0xffff);
	return get32(tcp + 8);
}

/* --- both sides -------------------------------------------------------------------------------- */

enum side { SIDE_LB, SIDE_XDP };

struct seen {
	bool answered, dropped, on; /* on: to a backend, or a worker */
	enum reason reason;
};

static struct seen put(enum side side, const struct frame *f, struct frame *out)
{
	if (side == SIDE_XDP) {
		struct xdp_verdict v = xdp_run_packet(&xdp, f, out);
		return (struct seen){v.outcome == OUTCOME_SENT, v.outcome == OUTCOME_DROPPED,
				     v.outcome == OUTCOME_STEERED, v.reason};
	}
	struct lb_packet p = packet_judge(&balancer, f, xdp_run_now_ns(), out);
	bool sent = p.verdict == LB_TRANSMIT;
	return (struct seen){sent && p.backend == ABI_NO_BACKEND, p.verdict == LB_DROP,
			     sent && p.backend != ABI_NO_BACKEND, p.reason};
}

/* The limit is used up by others. */
static void use_up(enum side side, bool v6)
{
	struct frame f, out;
	for (int i = 0; i < 3; i++) {
		segment(&f, v6, 100 + i, SYN, ISN);
		put(side, &f, &out);
	}
}

static void try_client(enum side side, bool v6)
{
	struct frame syn, reset, out;
	use_up(side, v6);
	segment(&syn, v6, 4000, SYN, ISN);
	struct seen s = put(side, &syn, &out);
	assert_true(s.answered);
	uint32_t cookie = expect_answer(&syn, &out, v6);
	assert_int_not_equal(cookie, ISN + 1);
	/* Of another port, and a wrong one, prove nothing. */
	segment(&reset, v6, 4001, RST, cookie);
	assert_false(put(side, &reset, &out).dropped);
	segment(&reset, v6, 4000, RST, cookie + 1);
	assert_false(put(side, &reset, &out).dropped);
	assert_true(put(side, &syn, &out).answered);
	segment(&reset, v6, 4000, RST, cookie);
	s = put(side, &reset, &out);
	assert_true(s.dropped);
	assert_int_equal(s.reason, REASON_SYN_PROOF);
	assert_true(put(side, &syn, &out).on);
}

static void test_lb(void **state)
{
	try_client(SIDE_LB, false);
	try_client(SIDE_LB, true);
	fixture_expect_ledger(&balancer);
}

static void test_xdp(void **state)
{
	sides_need_xdp();
	try_client(SIDE_XDP, false);
	try_client(SIDE_XDP, true);
	xdp_run_expect_ledger(&xdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_lb),
		cmocka_unit_test(test_xdp),
	};
	return cmocka_run_group_tests(tests, open_policy, sides_close);
}
