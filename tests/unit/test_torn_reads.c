// SPDX-License-Identifier: BSD-2-Clause
/*
 * One bucket is rewritten without pause, while the XDP program and a reader in user space look
 * flows up in it: none may ever see the one flow with what belongs to the other.
 *
 * Two flows take turns in the same entry. HALF_OPEN is only ever stored in the handshake, so the
 * program must never repeat a decision for it; OPEN is only ever stored established, and the
 * program repeats it whenever it is there. A read that takes the tag of the one and the state of
 * the other shows at once.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

#define READS          10000000ull /* of each side */
#define READS_MOST     (50 * READS)
#define READS_AT_ONCE  500000u /* of the program, in one system call */
#define USER_READ_STEP 1000u

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp;

enum { HALF_OPEN, OPEN, FLOWS };
static const enum flow_state states[FLOWS] = {FLOW_HANDSHAKE, FLOW_ESTABLISHED};
static struct frame frames[FLOWS];
static struct flow_key keys[FLOWS];
static uint64_t hashes[FLOWS];
static bool stop;
static uint64_t rewrites;

#define REWRITES                                                                         \
	1000u /* at least, while a side reads: the machine may be busy with other things \
	       */

static int open_all(void **state)
{
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

static int close_all(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

/* Finds clients whose flows share a bucket: one in so many as there are buckets. */
static void make_flows(void)
{
	uint64_t bucket = 0;
	uint32_t client = 0xc0000201; /* 192.0.2.1 */
	for (int flow = 0; flow < FLOWS; flow++) {
		struct recipe r = {
			.from = "192.0.2.1",
			.to = "203.0.113.10",
			.protocol = IPPROTO_TCP,
			.from_port = 1000 + flow,
			.to_port = 80,
			.tcp_flags = TCP_ACK,
		};
		char from[INET_ADDRSTRLEN];
		do {
			struct packet p = {};
			struct in_addr address = {htonl(client++)};
			r.from = inet_ntop(AF_INET, &address, from, sizeof(from));
			packet_build(&r, &frames[flow]);
			assert_int_equal(parse_packet(frames[flow].bytes,
						      frames[flow].bytes + frames[flow].length, &p),
					 REASON_NONE);
			keys[flow] = p.key;
			hashes[flow] = flow_hash(&p.key, &balancer.flows.seed);
		} while (flow && (hashes[flow] & balancer.flows.mask) != bucket);
		bucket = hashes[flow] & balancer.flows.mask;
	}
}

/* Takes out the one and puts in the other, over and over: they get the same, first entry. */
static void *rewrite(void *argument)
{
	for (uint64_t i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		uint64_t now_ns = xdp_run_now_ns();
		flow_table_remove(&balancer.flows, hashes[i % 2], 0);
		flow_table_insert(&balancer.flows, hashes[(i + 1) % 2], 0, states[(i + 1) % 2],
				  now_ns, &keys[(i + 1) % 2]);
		__atomic_store_n(&rewrites, i, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* At least READS, and until the flow was `seen`, unless that is not to be hoped for. */
static bool is_enough(uint64_t reads, uint64_t rewrites_before, bool seen)
{
	if (reads >= READS_MOST)
		return true;
	return reads >= READS && seen &&
	       __atomic_load_n(&rewrites, __ATOMIC_RELAXED) >= rewrites_before + REWRITES;
}

static uint64_t read_in_user_space(int flow)
{
	uint64_t found = 0, now_ns = 0, before = __atomic_load_n(&rewrites, __ATOMIC_RELAXED);
	for (uint64_t i = 0; !is_enough(i, before, found > 0); i++) {
		struct flow_hit hit;
		if (i % USER_READ_STEP == 0)
			now_ns = xdp_run_now_ns();
		if (!flow_table_find(&balancer.flows, hashes[flow], now_ns, &hit))
			continue;
		assert_int_equal(hit.state, states[flow]);
		found++;
	}
	return found;
}

static uint64_t read_in_kernel(int flow)
{
	uint64_t repeated = 0, before = __atomic_load_n(&rewrites, __ATOMIC_RELAXED);
	for (uint64_t i = 0; !is_enough(i, before, repeated > 0 || flow == HALF_OPEN);
	     i += READS_AT_ONCE)
		repeated += xdp_run_many(&xdp, &frames[flow], READS_AT_ONCE);
	return repeated;
}

static void test_no_mixed_entry(void **state)
{
	pthread_t writer;
	if (no_xdp) {
		print_message("# skipped: %s\n", no_xdp);
		skip();
	}
	make_flows();
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	assert_int_equal(pthread_create(&writer, NULL, rewrite, NULL), 0);
	assert_true(read_in_user_space(HALF_OPEN) > 0);
	assert_true(read_in_user_space(OPEN) > 0);
	assert_int_equal(read_in_kernel(HALF_OPEN), 0);
	assert_true(read_in_kernel(OPEN) > 0);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
	xdp_run_expect_ledger(&xdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_mixed_entry),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
