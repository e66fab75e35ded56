// SPDX-License-Identifier: BSD-2-Clause
/*
 * What SYNs say of segments: options in all their forms, and what comes out of a balancer by each
 * method. Checksums are added up anew, by the book.
 */
#include "lb/mss.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "lb/process.h"
#include "lb/snapshot.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/offline.h"

#define TCP_HEADER 20u

/* --- frames, and a naive look at them --------------------------------------------------------- */

static uint32_t add16(const uint8_t *bytes, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

/* Of the TCP segment at `l4` to the frame's end, with its pseudo-header: 0xffff is right. */
static uint16_t tcp_sum(const uint8_t *l3, const uint8_t *l4, const uint8_t *end)
{
	bool v6 = l3[0] >> 4 == 6;
	uint32_t sum = add16(l4, end - l4) + 6 + (end - l4);
	sum += v6 ? add16(l3 + 8, 32) : add16(l3 + 12, 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A SYN with these options, a multiple of four bytes. */
static void build_syn(struct recipe r, const uint8_t *options, uint32_t count, struct frame *f)
{
	r.protocol = IPPROTO_TCP;
	r.tcp_flags = r.tcp_flags ? r.tcp_flags : TCP_SYN;
	r.payload = count;
	packet_build(&r, f);
	uint8_t *tcp = f->bytes + f->l4;
	tcp[12] = (TCP_HEADER + count) / 4 << 4;
	memcpy(tcp + TCP_HEADER, options, count);
	memset(tcp + 16, 0, 2);
	uint16_t sum = ~tcp_sum(f->bytes + f->l3, tcp, f->bytes + f->length);
	tcp[16] = sum >> 8;
	tcp[17] = sum;
}

/* --- options ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t options[12];
	uint32_t count;
	uint16_t most;
	int at; /* where the value is that becomes `most`; -1: nothing changes */
} rows[] = {
	{"alone", {2, 4, 0x05, 0xb4}, 4, 1400, 2},
	{"of just that size", {2, 4, 0x05, 0x78}, 4, 1400, -1},
	{"one more", {2, 4, 0x05, 0x79}, 4, 1400, 2},
	{"smaller", {2, 4, 0x02, 0x18}, 4, 1400, -1},
	{"the largest", {2, 4, 0xff, 0xff}, 4, 65495, 2},
	{"none", {0}, 0, 536, -1},
	{"at an odd place", {1, 2, 4, 0x05, 0xb4, 1, 1, 1}, 8, 1400, 3},
	{"at another one", {1, 1, 1, 2, 4, 0x05, 0xb4, 0}, 8, 1399, 5},
	{"behind others", {3, 3, 7, 4, 2, 2, 4, 0x23, 0x00, 0, 0, 0}, 12, 1220, 7},
	{"the last bytes", {8, 8, 0, 0, 0, 0, 0, 0, 2, 4, 0x05, 0xb4}, 12, 536, 10},
	{"behind the end of the list", {0, 2, 4, 0x05, 0xb4, 0, 0, 0}, 8, 536, -1},
	{"cut by the header's end", {1, 1, 2, 4}, 4, 536, -1},
	{"of another length", {2, 6, 0x05, 0xb4, 0, 0, 0, 0}, 8, 536, -1},
	{"behind one of length 0", {3, 0, 2, 4, 0x05, 0xb4, 0, 0}, 8, 536, -1},
	{"behind one of length 1", {3, 1, 2, 4, 0x05, 0xb4, 0, 0}, 8, 536, -1},
	{"behind one longer than the header", {3, 40, 2, 4, 0x05, 0xb4, 0, 0}, 8, 536, -1},
};

static void run_row(size_t i, bool v6)
{
	const struct recipe r = v6 ? (struct recipe){.from = "2001:db8::7", .to = "2001:db8::1"}
				   : (struct recipe){.from = "192.0.2.7", .to = "192.0.2.1"};
	struct frame f, want;
	build_syn(r, rows[i].options, rows[i].count, &f);
	want = f;
	struct lb_packet p = {.data = f.bytes, .length = f.length};
	struct packet parsed = {0};
	assert_int_equal(parse_packet(f.bytes, f.bytes + f.length, &parsed), 0);
	bool changed = mss_clamp(&p, &parsed, rows[i].most);
	if (changed != (rows[i].at >= 0))
		fail_msg("%s: changed %d", rows[i].name, changed);
	const uint8_t *tcp = f.bytes + f.l4;
	if (tcp_sum(f.bytes + f.l3, tcp, f.bytes + f.length) != 0xffff)
		fail_msg("%s: the checksum is wrong", rows[i].name);
	if (changed) {
		uint8_t *value = want.bytes + want.l4 + TCP_HEADER + rows[i].at;
		value[0] = rows[i].most >> 8;
		value[1] = rows[i].most;
		memcpy(want.bytes + want.l4 + 16, tcp + 16, 2);
	}
	assert_memory_equal(f.bytes, want.bytes, f.length);
}

static void test_options(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_row(i, false);
		run_row(i, true);
	}
}

/* A checksum that was wrong stays wrong. */
static void test_wrong_checksum(void **state)
{
	const struct recipe r = {.from = "192.0.2.7", .to = "192.0.2.1"};
	struct frame f;
	struct packet parsed = {0};
	build_syn(r, rows[0].options, rows[0].count, &f);
	f.bytes[f.l4 + 4] ^= 0x10;
	struct lb_packet p = {.data = f.bytes, .length = f.length};
	assert_int_equal(parse_packet(f.bytes, f.bytes + f.length, &parsed), 0);
	assert_true(mss_clamp(&p, &parsed, 1000));
	assert_int_not_equal(tcp_sum(f.bytes + f.l3, f.bytes + f.l4, f.bytes + f.length), 0xffff);
}

static void test_sizes(void **state)
{
	assert_int_equal(mss_of(1500, true), 1460);
	assert_int_equal(mss_of(1500, false), 1440);
	assert_int_equal(mss_of(1280, false), 1220);
	assert_int_equal(mss_of(39, true), 0);
}

/* --- through the balancer --------------------------------------------------------------------- */

static struct offline balancer;

/* Each method and each pair of families, and what is left of 1500 bytes; one asks for less. */
static const char yaml[] =
	"interfaces: [{name: eth0}, {name: eth1}]\n"
	"flow_table: {entries: 1024}\n"
	"nat: {addresses: [192.0.2.200, \"2001:db8:9::200\"], ports: 5000-5000}\n"
	"services:\n"
#define SERVICE(name, vip, forward, clamp, backend)                                              \
	"  - {name: " name ", address: \"" vip "\", protocol: tcp, ports: 80, forward: " forward \
	", mss_clamp: " clamp ", backends: [{name: b, address: \"" backend "\"}]}\n"
	SERVICE("ipip44", "203.0.113.1", "ipip", "path", "10.0.0.1") SERVICE(
		"ipip46", "203.0.113.2", "ipip", "path",
		"2001:db8:2::1") SERVICE("ipip66", "2001:db8:1::3", "ipip", "path", "2001:db8:2::1")
		SERVICE("ipip64", "2001:db8:1::4", "ipip", "path", "10.0.0.1") SERVICE(
			"gue44", "203.0.113.5", "gue", "path",
			"10.0.0.1") SERVICE("gue46", "203.0.113.6", "gue", "path", "2001:db8:2::1")
			SERVICE("gue66", "2001:db8:1::7", "gue", "path", "2001:db8:2::1") SERVICE(
				"gue64", "2001:db8:1::8", "gue", "path",
				"10.0.0.1") SERVICE("less", "203.0.113.9", "gue", "1200",
						    "10.0.0.1") SERVICE("more", "203.0.113.10",
									"gue", "9000", "10.0.0.1")
				SERVICE("none", "203.0.113.11", "gue", "none", "10.0.0.1")
					SERVICE("nat44", "203.0.113.12", "nat", "path",
						"10.0.0.2") SERVICE("nat46", "203.0.113.13", "nat",
								    "path", "2001:db8:2::2")
						SERVICE("nat66", "2001:db8:1::14", "nat", "path",
							"2001:db8:2::3")
							SERVICE("nat64", "2001:db8:1::15", "nat",
								"path", "10.0.0.3")
								SERVICE("natless", "203.0.113.16",
									"nat", "1000", "10.0.0.4")
#undef SERVICE
	;

static const struct {
	const char *service, *vip, *backend;
	uint16_t mss; /* of 9000 that the client and the backend say */
} methods[] = {
	{"ipip44", "203.0.113.1", "10.0.0.1", 1500 - 20 - 40},
	{"ipip46", "203.0.113.2", "2001:db8:2::1", 1500 - 40 - 40},
	{"ipip66", "2001:db8:1::3", "2001:db8:2::1", 1500 - 40 - 60},
	{"ipip64", "2001:db8:1::4", "10.0.0.1", 1500 - 20 - 60},
	{"gue44", "203.0.113.5", "10.0.0.1", 1500 - 28 - 40},
	{"gue46", "203.0.113.6", "2001:db8:2::1", 1500 - 48 - 40},
	{"gue66", "2001:db8:1::7", "2001:db8:2::1", 1500 - 48 - 60},
	{"gue64", "2001:db8:1::8", "10.0.0.1", 1500 - 28 - 60},
	{"less", "203.0.113.9", "10.0.0.1", 1200},
	{"more", "203.0.113.10", "10.0.0.1", 1500 - 28 - 40},
	{"none", "203.0.113.11", "10.0.0.1", 9000},
	{"nat44", "203.0.113.12", "10.0.0.2", 1460},
	{"nat46", "203.0.113.13", "2001:db8:2::2", 1440},
	{"nat66", "2001:db8:1::14", "2001:db8:2::3", 1440},
	{"nat64", "2001:db8:1::15", "10.0.0.3", 1440},
	{"natless", "203.0.113.16", "10.0.0.4", 1000},
};
static const uint8_t says_9000[] = {1, 1, 1, 2, 4, 0x23, 0x28, 0};

static int open_balancer(void **state)
{
	fixture_open(&balancer, yaml);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		char key[64];
		snprintf(key, sizeof(key), "%s/b", methods[i].service);
		balancer.next_hops[fixture_backend(&balancer, key)].mtu = 1500;
	}
	fixture_publish(&balancer);
	balancer.snapshot->port_mtus[0] = 1500;
	return 0;
}

static int close_balancer(void **state)
{
	fixture_expect_ledger(&balancer);
	offline_close(&balancer);
	return 0;
}

/* The innermost TCP header of what was sent has the option, and a right checksum. */
static void expect_said(const char *name, const struct frame *out, uint16_t mss)
{
	const uint8_t *end = out->bytes + out->length, *l4 = end - TCP_HEADER - sizeof(says_9000);
	const uint8_t *l3 = l4 - 20;
	if (l3[0] != 0x45 || l3[9] != IPPROTO_TCP)
		l3 = l4 - 40;
	uint16_t said = l4[TCP_HEADER + 5] << 8 | l4[TCP_HEADER + 6];
	if (said != mss)
		fail_msg("%s: the segment size is %u; expected %u", name, said, mss);
	if (tcp_sum(l3, l4, end) != 0xffff)
		fail_msg("%s: the checksum is wrong", name);
}

static void judge(const char *name, const struct frame *in, uint16_t mss, struct frame *out)
{
	struct lb_packet p = packet_judge(&balancer, in, 0, out);
	if (p.verdict != LB_TRANSMIT || p.reason)
		fail_msg("%s: verdict %u, reason %u", name, p.verdict, p.reason);
	expect_said(name, out, mss);
}

static void test_every_method(void **state)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		bool v6 = strchr(methods[i].vip, ':');
		struct recipe r = {.from = v6 ? "2001:db8:99::7" : "198.51.100.7",
				   .to = methods[i].vip,
				   .to_port = 80};
		struct frame in, out;
		build_syn(r, says_9000, sizeof(says_9000), &in);
		judge(methods[i].service, &in, methods[i].mss, &out);
		if (strncmp(methods[i].service, "nat", 3))
			continue;
		/* The answer of the backend is for the client's segments. */
		v6 = strchr(methods[i].backend, ':');
		r = (struct recipe){.from = methods[i].backend,
				    .to = v6 ? "2001:db8:9::200" : "192.0.2.200",
				    .from_port = 80,
				    .to_port = 5000,
				    .tcp_flags = TCP_SYN | TCP_ACK};
		build_syn(r, says_9000, sizeof(says_9000), &in);
		judge(methods[i].service, &in, methods[i].mss, &out);
	}
}

/* The client's side may be the narrower one; what is no SYN stays as it is. */
static void test_other_side(void **state)
{
	struct recipe r = {.from = "198.51.100.7", .to = "203.0.113.12", .to_port = 80};
	struct frame in, out;
	balancer.snapshot->port_mtus[0] = 1400;
	build_syn(r, says_9000, sizeof(says_9000), &in);
	judge("nat44", &in, 1360, &out);
	r.tcp_flags = TCP_ACK;
	build_syn(r, says_9000, sizeof(says_9000), &in);
	judge("nat44", &in, 9000, &out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_wrong_checksum),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test_setup_teardown(test_every_method, open_balancer, close_balancer),
		cmocka_unit_test_setup_teardown(test_other_side, open_balancer, close_balancer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
