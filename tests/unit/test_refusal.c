// SPDX-License-Identifier: BSD-2-Clause
/*
 * What comes back where no backend serves: resets and unreachables, byte by byte, with checksums
 * summed up naively; what is not answered; how many are; and services that pass to the kernel.
 */
#include "lb/refusal.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lb/process.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull
#define V4     "198.51.100.7"
#define V6     "2001:db8:9::7"
#define VIP4   "203.0.113.10"
#define VIP6   "2001:db8::10"

static const char world[] =
	"interfaces: [{name: eth0}]\nservices:\n"
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80, no_backend: reset,\n"
	"     backends: [{name: b1, address: 10.0.0.1, state: down}]}\n"
	"  - {name: web6, address: \"2001:db8::10\", protocol: tcp, ports: 80, no_backend: reset,\n"
	"     backends: []}\n"
	"  - {name: dns, address: 203.0.113.10, protocol: udp, ports: 53, no_backend: reset,\n"
	"     backends: []}\n"
	"  - {name: dns6, address: \"2001:db8::10\", protocol: udp, ports: 53, no_backend: reset,\n"
	"     backends: []}\n"
	"  - {name: quiet, address: 203.0.113.10, protocol: tcp, ports: 81, backends: []}\n"
	"  - {name: kernel, address: 203.0.113.10, protocol: tcp, ports: 82, no_backend: pass,\n"
	"     backends: [{name: b1, address: 10.0.0.1}]}\n";
static struct offline o;

static int start(void **state)
{
	client_start(&o, world);
	return 0;
}

static int end(void **state)
{
	offline_close(&o);
	return 0;
}

/* The sum of RFC 1071, word by word: 0xffff over what has a right checksum in it. */
static uint32_t sum16(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void expect_l4_sum(const uint8_t *addresses, size_t length, const uint8_t *l4,
			  size_t l4_length, uint8_t protocol)
{
	assert_int_equal(sum16(l4, l4_length, sum16(addresses, length, protocol + l4_length)),
			 0xffff);
}

static struct frame frame;

static struct lb_packet send_one(const struct recipe *r)
{
	packet_build(r, &frame);
	return client_send(&o, &frame);
}

/* The link addresses have changed places. */
static const uint8_t *expect_answer(const struct lb_packet *p)
{
	static const uint8_t client[6] = {6, 0, 0, 0, 0, 1}, port[6] = {2};
	assert_int_equal(p->verdict, LB_TRANSMIT);
	assert_int_equal(p->egress, p->ingress);
	assert_int_equal(p->backend, ABI_NO_BACKEND);
	assert_memory_equal(p->data, client, 6);
	assert_memory_equal(p->data + 6, port, 6);
	return p->data + frame.l3;
}

static const struct tcphdr *expect_reset(const struct lb_packet *p, bool v6)
{
	const uint8_t *l3 = expect_answer(p);
	const uint8_t *l4 = l3 + (v6 ? 40 : 20);
	assert_int_equal(p->length, l4 + 20 - p->data);
	if (v6) {
		const struct ip6_hdr *ip = (const void *)l3;
		assert_int_equal(ntohs(ip->ip6_plen), 20);
		assert_int_equal(ip->ip6_nxt, IPPROTO_TCP);
		expect_l4_sum(l3 + 8, 32, l4, 20, IPPROTO_TCP);
	} else {
		const struct iphdr *ip = (const void *)l3;
		assert_int_equal(ntohs(ip->tot_len), 40);
		assert_int_equal(ip->ihl, 5);
		assert_int_equal(ip->saddr, inet_addr(VIP4));
		assert_int_equal(ip->daddr, inet_addr(V4));
		assert_int_equal(sum16(l3, 20, 0), 0xffff);
		expect_l4_sum(l3 + 12, 8, l4, 20, IPPROTO_TCP);
	}
	const struct tcphdr *tcp = (const void *)l4;
	assert_int_equal(ntohs(tcp->source), 80);
	assert_int_equal(ntohs(tcp->dest), 1234);
	assert_true(tcp->rst && !tcp->syn && !tcp->fin && !tcp->psh);
	return tcp;
}

/* RFC 9293, 3.10.7.1: without ACK, SEQ 0 and ACK behind the segment; else SEQ is its ACK. */
static void test_reset(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct recipe r = {.from = v6 ? V6 : V4,
				   .to = v6 ? VIP6 : VIP4,
				   .protocol = IPPROTO_TCP,
				   .from_port = 1234,
				   .to_port = 80,
				   .tcp_flags = TCP_SYN};
		struct lb_packet p = send_one(&r);
		const struct tcphdr *tcp = expect_reset(&p, v6);
		packet_build(&r, &frame);
		uint32_t seq = ntohl(((const struct tcphdr *)(frame.bytes + frame.l4))->seq);
		p = client_send(&o, &frame);
		tcp = expect_reset(&p, v6);
		assert_true(tcp->ack);
		assert_int_equal(tcp->seq, 0);
		assert_int_equal(ntohl(tcp->ack_seq), seq + 1);
		/* With data, options and a FIN, and without ACK. */
		r.tcp_flags = TCP_FIN;
		r.payload = 101;
		r.ipv4_options = v6 ? 0 : 8;
		r.extensions = v6 ? "h" : NULL;
		packet_build(&r, &frame);
		seq = ntohl(((const struct tcphdr *)(frame.bytes + frame.l4))->seq);
		p = client_send(&o, &frame);
		tcp = expect_reset(&p, v6);
		assert_int_equal(ntohl(tcp->ack_seq), seq + 101 + 1);
		/* In the middle of a connection. */
		r.tcp_flags = TCP_ACK | TCP_PSH;
		packet_build(&r, &frame);
		uint32_t ack = ntohl(((const struct tcphdr *)(frame.bytes + frame.l4))->ack_seq);
		p = client_send(&o, &frame);
		tcp = expect_reset(&p, v6);
		assert_false(tcp->ack);
		assert_int_equal(ntohl(tcp->seq), ack);
	}
	assert_int_equal(o.counters->refusals, 8);
	assert_int_equal(client_flow_count(&o), 0);
}

static void test_unreachable(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct recipe r = {.from = v6 ? V6 : V4,
				   .to = v6 ? VIP6 : VIP4,
				   .protocol = IPPROTO_UDP,
				   .from_port = 1234,
				   .to_port = 53,
				   .payload = 1400};
		struct frame sent;
		packet_build(&r, &sent);
		struct lb_packet p = send_one(&r);
		const uint8_t *l3 = expect_answer(&p), *icmp = l3 + (v6 ? 40 : 20);
		size_t length = p.data + p.length - icmp;
		assert_int_equal(p.length - frame.l3, v6 ? 1280 : 576);
		assert_int_equal(icmp[0], v6 ? 1 : 3);
		assert_int_equal(icmp[1], v6 ? 4 : 3);
		/* The quote begins with the packet as it was sent. */
		assert_memory_equal(icmp + 8, sent.bytes + sent.l3, length - 8);
		if (v6)
			expect_l4_sum(l3 + 8, 32, icmp, length, IPPROTO_ICMPV6);
		else
			assert_int_equal(sum16(icmp, length, 0), 0xffff);
		if (!v6)
			assert_int_equal(sum16(l3, 20, 0), 0xffff);
	}
}

static void expect_dropped(const struct recipe *r)
{
	struct lb_packet p = send_one(r);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_NO_BACKEND);
}

static void test_what_is_not_answered(void **state)
{
	struct recipe r = {.from = V4,
			   .to = VIP4,
			   .protocol = IPPROTO_TCP,
			   .from_port = 1234,
			   .to_port = 80,
			   .tcp_flags = TCP_RST};
	expect_dropped(&r); /* a reset */
	r.tcp_flags = TCP_SYN;
	r.from = "224.0.0.1"; /* a group */
	expect_dropped(&r);
	r.from = V4;
	r.mac_from = "01:00:5e:00:00:01";
	expect_dropped(&r);
	r.mac_from = NULL;
	r.to_port = 81; /* a service that says drop */
	expect_dropped(&r);
	r.to_port = 80;
	r.ipv4_fragment = 0x2000; /* a first fragment */
	r.payload = 60;
	expect_dropped(&r);
	assert_int_equal(o.counters->refusals, 0);
}

static void test_limit(void **state)
{
	struct recipe r = {.from = V4,
			   .to = VIP4,
			   .protocol = IPPROTO_TCP,
			   .from_port = 1234,
			   .to_port = 80,
			   .tcp_flags = TCP_SYN};
	for (uint32_t i = 0; i < 2 * LB_REFUSALS_S; i++)
		send_one(&r);
	assert_in_range(o.counters->refusals, LB_REFUSALS_S / 100, LB_REFUSALS_S);
	uint64_t refused = o.counters->refusals;
	client_now_ns += SECOND;
	send_one(&r);
	assert_int_equal(o.counters->refusals, refused + 1);
}

/* The kernel's, while nobody serves; one that drains still serves what it has. */
static void test_pass(void **state)
{
	struct recipe r = {.from = V4,
			   .to = VIP4,
			   .protocol = IPPROTO_TCP,
			   .from_port = 1234,
			   .to_port = 82,
			   .tcp_flags = TCP_SYN};
	static const enum config_state states[] = {STATE_UP, STATE_DOWN, STATE_DRAIN, STATE_DOWN,
						   STATE_UP};
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		client_set_state(&o, "b1", states[i]);
		struct lb_packet p = send_one(&r);
		assert_int_equal(p.verdict, states[i] == STATE_DOWN ? LB_PASS : LB_TRANSMIT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reset, start, end),
		cmocka_unit_test_setup_teardown(test_unreachable, start, end),
		cmocka_unit_test_setup_teardown(test_what_is_not_answered, start, end),
		cmocka_unit_test_setup_teardown(test_limit, start, end),
		cmocka_unit_test_setup_teardown(test_pass, start, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
