// SPDX-License-Identifier: BSD-2-Clause
/*
 * The taps of the XDP program: packets before and after, samples, limits, full rings, and that the
 * books of each capture are right.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lb/registry.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

#define SEEN_MAX 64u

struct seen {
	uint32_t count;
	struct tap_record records[SEEN_MAX];
	uint8_t bytes[SEEN_MAX][CAPTURE_BYTES_MAX];
};

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp; /* why not */
static struct seen seen;
static struct frame syn, ack, malformed;

static int open_all(void **state)
{
	struct recipe r = {.from = "192.0.2.1",
			   .to = "203.0.113.10",
			   .protocol = IPPROTO_TCP,
			   .from_port = 40000,
			   .to_port = 80,
			   .tcp_flags = 2};
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	packet_build(&r, &syn);
	r.tcp_flags = 16;
	r.payload = 200;
	packet_build(&r, &ack);
	r.pokes[0] = (struct poke)POKE(3, 0, 0x44);
	packet_build(&r, &malformed);
	return 0;
}

static int close_all(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

static void need_xdp(void)
{
	memset(&seen, 0, sizeof(seen));
	if (!no_xdp)
		return;
	print_message("# skipped: %s\n", no_xdp);
	skip();
}

static void see(void *context, const struct tap_record *r, const void *bytes)
{
	assert_in_range(seen.count, 0, SEEN_MAX - 1);
	memcpy(seen.bytes[seen.count], bytes, r->captured);
	seen.records[seen.count++] = *r;
}

static enum xdp_outcome run(const struct frame *f)
{
	struct frame out;
	return xdp_run_packet(&xdp, f, &out).outcome;
}

/* Has the fast path know the flow of `ack`. */
static void establish(void)
{
	struct frame out;
	packet_judge(&balancer, &syn, xdp_run_now_ns(), &out);
	packet_judge(&balancer, &ack, xdp_run_now_ns(), &out);
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	assert_int_equal(run(&ack), OUTCOME_SENT);
}

static struct capture_slot slot_for_service(const char *name)
{
	struct capture_slot s = {.rule = ABI_NO_RULE, .snaplen = 1500, .services_wanted = 1};
	int64_t id = registry_find(balancer.services, name);
	assert_true(id >= 0);
	s.services[id / 64] |= 1ull << (id % 64);
	return s;
}

static void test_service_before_and_after(void **state)
{
	need_xdp();
	establish();
	struct capture_slot slot = slot_for_service("web");
	xdp_run_capture(&xdp, &slot);
	for (int i = 0; i < 3; i++)
		assert_int_equal(run(&ack), OUTCOME_SENT);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(seen.count, 6);
	for (int i = 0; i < 6; i += 2) {
		const struct tap_record *before = &seen.records[i], *after = &seen.records[i + 1];
		assert_int_equal(before->point, TAP_BEFORE);
		assert_int_equal(after->point, TAP_TX);
		assert_int_equal(before->id, after->id);
		assert_int_equal(before->service, registry_find(balancer.services, "web"));
		assert_int_equal(before->backend, registry_find(balancer.backends, "web/b1"));
		assert_memory_equal(seen.bytes[i], ack.bytes, ack.length);
		assert_memory_not_equal(seen.bytes[i + 1], ack.bytes, 12);
		assert_memory_equal(seen.bytes[i + 1] + 14, ack.bytes + 14, ack.length - 14);
		assert_true(!i || before->id != seen.records[i - 1].id);
	}
	slot = slot_for_service("dns");
	xdp_run_capture(&xdp, &slot);
	run(&ack);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(seen.count, 6);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
}

/* One record for what came in and one for why it was dropped, of one packet. */
static void test_packet_keeps_its_id(void **state)
{
	need_xdp();
	struct capture_slot slot = {
		.rule = ABI_NO_RULE, .snaplen = 64, .reasons = ~0ull, .rx_ports = 1};
	xdp_run_capture(&xdp, &slot);
	assert_int_equal(run(&malformed), OUTCOME_DROPPED);
	assert_int_equal(run(&malformed), OUTCOME_DROPPED);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(seen.count, 4);
	assert_int_equal(seen.records[0].point, TAP_RX);
	assert_int_equal(seen.records[0].action, CAPTURE_NO_ACTION);
	assert_int_equal(seen.records[1].point, TAP_DROP);
	assert_int_equal(seen.records[0].id, seen.records[1].id);
	assert_int_not_equal(seen.records[1].id, seen.records[2].id);
}

/* The XDP program copies short ones by words and long ones by a call. */
static void test_bytes(void **state)
{
	static const uint32_t snaplens[] = {1, 14, 15, 16, 17, 64, 127, 128, 129, 256, 2000};
	struct frame f = {};
	need_xdp();
	for (uint32_t i = 0; i < sizeof(f.bytes); i++)
		f.bytes[i] = i * 37 + i / 256;
	for (size_t i = 0; i < sizeof(snaplens) / sizeof(snaplens[0]); i++) {
		struct capture_slot slot = {
			.rule = ABI_NO_RULE, .snaplen = snaplens[i], .rx_ports = 1};
		xdp_run_capture(&xdp, &slot);
		for (f.length = XDP_RUN_MIN; f.length < 300; f.length++) {
			uint32_t expected = f.length < snaplens[i] ? f.length : snaplens[i];
			memset(&seen, 0, sizeof(seen));
			assert_int_equal(run(&f), OUTCOME_PASSED);
			xdp_run_drain(&xdp, see, NULL);
			assert_int_equal(seen.count, 1);
			assert_int_equal(seen.records[0].length, f.length);
			assert_int_equal(seen.records[0].captured, expected);
			assert_memory_equal(seen.bytes[0], f.bytes, expected);
		}
	}
}

static void test_rule(void **state)
{
	need_xdp();
	struct capture_slot slot = {.rule = 7, .snaplen = 64, .reasons = ~0ull};
	xdp_run_capture(&xdp, &slot);
	run(&malformed);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(seen.count, 0);
}

static struct capture_tally run_many(uint32_t count)
{
	struct capture_tally before = xdp_run_tally(&xdp), after;
	for (uint32_t i = 0; i < count; i++)
		run(&malformed);
	after = xdp_run_tally(&xdp);
	return (struct capture_tally){
		.matched = after.matched - before.matched,
		.skipped = after.skipped - before.skipped,
		.lost_rate = after.lost_rate - before.lost_rate,
		.lost_full = after.lost_full - before.lost_full,
	};
}

static void test_sample(void **state)
{
	need_xdp();
	struct capture_slot slot = {
		.rule = ABI_NO_RULE, .snaplen = 64, .reasons = ~0ull, .sample = 10};
	xdp_run_capture(&xdp, &slot);
	struct capture_tally t = run_many(100);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(t.matched, 100);
	assert_int_equal(t.matched, t.skipped + seen.count);
	/* Of each CPU one in ten; the test may move to another. */
	assert_in_range(seen.count, 8, 10);
}

static void test_limit(void **state)
{
	need_xdp();
	struct capture_slot slot = {
		.rule = ABI_NO_RULE, .snaplen = 64, .reasons = ~0ull, .limited = 1, .credit = 30};
	xdp_run_capture(&xdp, &slot);
	struct capture_tally t = run_many(100);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(seen.count, 30);
	assert_int_equal(t.lost_rate, 70);
	assert_int_equal(t.lost_full, 0);
}

static void count_only(void *context, const struct tap_record *r, const void *bytes)
{
	++*(uint64_t *)context;
}

static void test_full_ring_is_counted(void **state)
{
	enum { MANY = 200000 };
	need_xdp();
	struct capture_slot slot = {.rule = ABI_NO_RULE, .snaplen = 1500, .reasons = ~0ull};
	uint64_t drained = 0;
	xdp_run_capture(&xdp, &slot);
	struct capture_tally before = xdp_run_tally(&xdp), after;
	xdp_run_many(&xdp, &malformed, MANY);
	after = xdp_run_tally(&xdp);
	xdp_run_drain(&xdp, count_only, &drained);
	assert_int_equal(after.matched - before.matched, MANY);
	assert_true(after.lost_full > before.lost_full);
	assert_int_equal(drained + after.lost_full - before.lost_full, MANY);
}

static void test_disarmed(void **state)
{
	need_xdp();
	struct capture_slot slot = {.rule = ABI_NO_RULE};
	xdp_run_capture(&xdp, &slot);
	run(&malformed);
	run(&ack);
	xdp_run_drain(&xdp, see, NULL);
	assert_int_equal(seen.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_before_and_after),
		cmocka_unit_test(test_packet_keeps_its_id),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_rule),
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_full_ring_is_counted),
		cmocka_unit_test(test_disarmed),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
