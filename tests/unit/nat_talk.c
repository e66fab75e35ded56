// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/nat_talk.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lb/process.h"
#include "lb/reason.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/offline.h"

#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:99::7"
#define SNAT4   "192.0.2.200"
#define SNAT6   "2001:db8:9::200"

const char nat_talk_yaml[] =
	"interfaces: [{name: eth0}, {name: eth1}]\n"
	"flow_table: {entries: 65536}\n"
	"nat: {addresses: [" SNAT4 ", \"" SNAT6 "\"], ports: 5000-5099}\n"
	"services:\n"
	"  - {name: web, address: 203.0.113.20, protocol: tcp, ports: [80, 81], forward: nat,\n"
	"     backends: [{name: b1, address: 10.0.0.111, port: 8080}]}\n"
	"  - {name: dns, address: 203.0.113.20, protocol: udp, ports: 53, forward: nat,\n"
	"     backends: [{name: d1, address: 10.0.0.153}]}\n"
	"  - {name: web6, address: \"2001:db8:1::20\", protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b6, address: \"2001:db8:2::111\"}]}\n"
	"  - {name: dns6, address: \"2001:db8:1::20\", protocol: udp, ports: 53, forward: nat,\n"
	"     backends: [{name: d6, address: \"2001:db8:2::153\", port: 5353}]}\n"
	"  - {name: web46, address: 203.0.113.21, protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b46, address: \"2001:db8:2::111\", port: 8080}]}\n"
	"  - {name: dns46, address: 203.0.113.21, protocol: udp, ports: 53, forward: nat,\n"
	"     backends: [{name: d46, address: \"2001:db8:2::154\"}]}\n"
	"  - {name: web64, address: \"2001:db8:1::21\", protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b64, address: 10.0.0.112}]}\n"
	"  - {name: dns64, address: \"2001:db8:1::21\", protocol: udp, ports: 53, forward: nat,\n"
	"     backends: [{name: d64, address: 10.0.0.154}]}\n";

const struct nat_talk nat_talks[] = {
	{"TCP over IPv4", CLIENT4, "203.0.113.20", SNAT4, "10.0.0.111", "02:04:0a:00:00:6f", 80,
	 8080, IPPROTO_TCP},
	{"UDP over IPv4", CLIENT4, "203.0.113.20", SNAT4, "10.0.0.153", "02:04:0a:00:00:99", 53, 53,
	 IPPROTO_UDP},
	{"TCP over IPv6", CLIENT6, "2001:db8:1::20", SNAT6, "2001:db8:2::111", "02:06:00:00:01:11",
	 80, 80, IPPROTO_TCP},
	{"UDP over IPv6", CLIENT6, "2001:db8:1::20", SNAT6, "2001:db8:2::153", "02:06:00:00:01:53",
	 53, 5353, IPPROTO_UDP},
	{"TCP from IPv4 to IPv6", CLIENT4, "203.0.113.21", SNAT6, "2001:db8:2::111",
	 "02:06:00:00:01:11", 80, 8080, IPPROTO_TCP},
	{"UDP from IPv4 to IPv6", CLIENT4, "203.0.113.21", SNAT6, "2001:db8:2::154",
	 "02:06:00:00:01:54", 53, 53, IPPROTO_UDP},
	{"TCP from IPv6 to IPv4", CLIENT6, "2001:db8:1::21", SNAT4, "10.0.0.112",
	 "02:04:0a:00:00:70", 80, 80, IPPROTO_TCP},
	{"UDP from IPv6 to IPv4", CLIENT6, "2001:db8:1::21", SNAT4, "10.0.0.154",
	 "02:04:0a:00:00:9a", 53, 53, IPPROTO_UDP},
};
const size_t nat_talk_count = sizeof(nat_talks) / sizeof(nat_talks[0]);

uint64_t nat_talk_now_ns = 1000000000000;

/* --- frames ---------------------------------------------------------------------------------- */

static bool is_v6(const char *address)
{
	return strchr(address, ':');
}

bool nat_talk_crosses(const struct nat_talk *t)
{
	return is_v6(t->client) != is_v6(t->backend);
}

static struct recipe packet(const char *from, uint16_t from_port, const char *to, uint16_t to_port,
			    const struct nat_talk *t, uint8_t flags, uint16_t payload)
{
	return (struct recipe){.from = from,
			       .from_port = from_port,
			       .to = to,
			       .to_port = to_port,
			       .protocol = t->protocol,
			       .tcp_flags = t->protocol == IPPROTO_TCP ? flags : 0,
			       .payload = payload};
}

/* It went through Weir. */
static struct recipe sent_on(struct recipe r, const struct nat_talk *t, const char *mac_to)
{
	r.mac_from = PORT_MAC;
	r.mac_to = mac_to;
	r.hop_limit = 63;
	r.ipv4_anew = nat_talk_crosses(t) && !is_v6(r.to);
	return r;
}

struct recipe nat_talk_from_client(const struct nat_talk *t, uint8_t flags, uint16_t payload)
{
	return packet(t->client, NAT_TALK_CLIENT_PORT, t->vip, t->vip_port, t, flags, payload);
}

struct recipe nat_talk_to_backend(const struct nat_talk *t, uint16_t port, uint8_t flags,
				  uint16_t payload)
{
	return sent_on(packet(t->snat, port, t->backend, t->backend_port, t, flags, payload), t,
		       t->backend_mac);
}

struct recipe nat_talk_from_backend(const struct nat_talk *t, uint16_t port, uint8_t flags,
				    uint16_t payload)
{
	struct recipe r = packet(t->backend, t->backend_port, t->snat, port, t, flags, payload);
	r.mac_from = t->backend_mac;
	return r;
}

struct recipe nat_talk_to_client(const struct nat_talk *t, uint8_t flags, uint16_t payload)
{
	return sent_on(
		packet(t->vip, t->vip_port, t->client, NAT_TALK_CLIENT_PORT, t, flags, payload), t,
		CLIENT_MAC);
}

/* --- packets ---------------------------------------------------------------------------------- */

struct lb_packet nat_talk_send(struct offline *o, const struct recipe *r, struct frame *out)
{
	struct frame in;
	packet_build(r, &in);
	return packet_judge(o, &in, nat_talk_now_ns, out);
}

void nat_talk_expect_frame(const struct frame *got, const struct recipe *want)
{
	struct frame f;
	packet_build(want, &f);
	assert_int_equal(got->length, f.length);
	for (uint32_t i = 0; i < f.length; i++)
		if (got->bytes[i] != f.bytes[i])
			fail_msg("from %s to %s: byte %u is %02x; expected %02x", want->from,
				 want->to, i, got->bytes[i], f.bytes[i]);
}

void nat_talk_expect(struct offline *o, const struct recipe *in, const struct recipe *want)
{
	struct frame out;
	struct lb_packet p = nat_talk_send(o, in, &out);
	if (p.verdict != LB_TRANSMIT)
		fail_msg("from %s to %s: verdict %u, %s", in->from, in->to, p.verdict,
			 reason_word(p.reason));
	nat_talk_expect_frame(&out, want);
}

uint16_t nat_talk_open(struct offline *o, const struct nat_talk *t)
{
	struct recipe in = nat_talk_from_client(t, TCP_SYN, 0);
	struct frame out;
	struct lb_packet p = nat_talk_send(o, &in, &out);
	if (p.verdict != LB_TRANSMIT)
		fail_msg("%s: verdict %u, %s", t->name, p.verdict, reason_word(p.reason));
	/* Behind Ethernet's header and an IP header without options. */
	uint32_t l4 = 14 + (is_v6(t->snat) ? 40 : 20);
	uint16_t port = out.bytes[l4] << 8 | out.bytes[l4 + 1];
	assert_in_range(port, 5000, 5099);
	struct recipe want = nat_talk_to_backend(t, port, TCP_SYN, 0);
	nat_talk_expect_frame(&out, &want);
	return port;
}
