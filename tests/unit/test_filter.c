// SPDX-License-Identifier: BSD-2-Clause
/*
 * Filters at the taps against libpcap's own bpf_filter(): packets made at random, whole and
 * mutated, through bpf/filter.h in user space and through the XDP program's tap. WEIR_SEED takes
 * the place of the seed, which is printed.
 */
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dice.h"
#include "tests/unit/packet_random.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

static int filter_load(void *source, __u32 offset, void *to, __u32 size)
{
	const struct frame *f = source;
	assert_true(offset + size <= f->length);
	memcpy(to, f->bytes + offset, size);
	return 0;
}

#include "bpf/filter.h"

#define PACKETS 400 /* for each filter */

/* Each opcode that libpcap's compiler knows is in one of them. */
static const char *const filters[] = {
	"",
	"tcp",
	"udp port 53",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"ip host 203.0.113.10 and not src net 192.0.2.0/28",
	"ip6 and (tcp dst portrange 80-443 or udp)",
	"icmp6 or icmp[icmptype] = icmp-unreach",
	"ip[6:2] & 0x1fff != 0",
	"len > 100 and greater 60",
	"vlan and tcp",
	"vlan and vlan and ip",
	"ether src 02:00:00:00:00:01 or arp",
	"ip[0] & 0xf != 5 and ip[20] > 3",
	"ip[2:2] - ((ip[0] & 0xf) << 2) > 40",
	"ip[8] * 3 / 2 % 7 = 1 or (ip[9] ^ 17) | ip[1] = 0",
	"tcp[(tcp[12] >> 4) * 4] = 120",
	"ip[2:2] / ip[8] = 0 or ip[2:2] % (ip[8] - 64) = 1",
	"ip6 protochain 6",
	"ether[len - 1] = 0",
	"ip[ip[3]] > 7",
	"ether[60:4] = 0 or ether[0xffffffff] = 1",
	"udp[4:2] = 18 and udp[len - 40] != -1",
};

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp; /* why not */
static struct dice dice;

static int open_all(void **state)
{
	const char *seed = getenv("WEIR_SEED");
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	dice.random = seed ? strtoull(seed, NULL, 0) : 0x66696c746572;
	print_message("# WEIR_SEED=%#llx\n", (unsigned long long)dice.random);
	return 0;
}

static int close_all(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

/* -1: it does not end. Chains of headers can make libpcap's `protochain` go round for ever. */
static int in_user_space(const struct capture_slot *slot, struct frame *f)
{
	struct filter_machine m;
	filter_begin(&m, f->length);
	if (!slot->filter_length)
		return true;
	for (int turn = 0; !filter_step(&m, &slot->filter[m.pc], f); turn++)
		if (turn >= (int)CAPTURE_FILTER_MAX)
			return -1;
	return m.result != 0;
}

static void count_record(void *context, const struct tap_record *r, const void *bytes)
{
	const struct frame *f = context;
	assert_int_equal(r->point, TAP_RX);
	assert_int_equal(r->length, f->length);
	assert_memory_equal(bytes, f->bytes, r->captured);
	xdp.drained++;
}

static bool in_kernel(struct frame *f)
{
	struct frame out;
	xdp.drained = 0;
	xdp_run_packet(&xdp, f, &out);
	xdp_run_drain(&xdp, count_record, f);
	assert_true(xdp.drained <= 1);
	return xdp.drained;
}

static void try_packet(const char *filter, const struct bpf_program *program,
		       const struct capture_slot *slot, struct frame *f)
{
	struct pcap_pkthdr head = {.caplen = f->length, .len = f->length};
	int got = in_user_space(slot, f);
	if (got < 0) {
		assert_true(strstr(filter, "protochain"));
		return;
	}
	bool want = pcap_offline_filter(program, &head, f->bytes) != 0;
	if (got != want)
		fail_msg("\"%s\": libpcap says %d, bpf/filter.h does not", filter, want);
	if (no_xdp || f->length < XDP_RUN_MIN || f->length > XDP_RUN_MAX)
		return;
	if (in_kernel(f) != want)
		fail_msg("\"%s\": libpcap says %d, the XDP program does not", filter, want);
}

/* How many packets it let through. */
static void try_filter(pcap_t *dead, const char *filter)
{
	struct bpf_program program;
	struct capture_slot slot = {.rule = ABI_NO_RULE, .rx_ports = 1, .snaplen = 64};
	if (pcap_compile(dead, &program, filter, 1, PCAP_NETMASK_UNKNOWN))
		fail_msg("\"%s\": %s", filter, pcap_geterr(dead));
	assert_true(program.bf_len <= CAPTURE_FILTER_MAX);
	slot.filter_length = program.bf_len;
	memcpy(slot.filter, program.bf_insns, program.bf_len * sizeof(*program.bf_insns));
	if (!no_xdp)
		xdp_run_capture(&xdp, &slot);
	for (int i = 0; i < PACKETS; i++) {
		struct frame f;
		packet_random(&dice, &f);
		if (i % 2)
			packet_mutate(&dice, &f);
		try_packet(filter, &program, &slot, &f);
	}
	pcap_freecode(&program);
}

static void test_filters_are_those_of_libpcap(void **state)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		try_filter(dead, filters[i]);
	pcap_close(dead);
	if (no_xdp)
		print_message("# in user space alone: %s\n", no_xdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters_are_those_of_libpcap),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
