// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table. What is expected is written down from the RFCs and the design, never taken from what
 * the code answered. Its rows are in files by what they are about, its words in packet_words.h.
 */
#include "tests/unit/packet_table.h"

#include <linux/if_ether.h>
#include <linux/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/icmp.h"
#include "bpf/neighbor.h"
#include "lb/snapshot.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_words.h"
#include "tools/weir/offline.h"

_Static_assert(FRAME_HEADROOM == LB_HEADROOM, "frames are a worker's");

const char packet_table_yaml[] =
	"interfaces: [{name: eth0}, {name: eth1}]\n"
	"flow_table: {entries: 65536, timeouts: {tcp_closing: 1s}}\n"
	"icmp: {echo_limit: 100000000}\n"
	/* One port: a connection at a time to each address and port of a backend. */
	"nat: {addresses: [192.0.2.200, \"2001:db8:9::200\"], ports: 5000-5000}\n"
	"services:\n"
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: [80, 443, 8000-8009],\n"
	"     announce: neighbor, backends: [{name: b1, address: 10.0.0.11}]}\n"
	"  - {name: dns, address: 203.0.113.10, protocol: udp, ports: 53,\n"
	"     backends: [{name: d1, address: 10.0.0.53}]}\n"
	"  - {name: quiet, address: 203.0.113.11, protocol: udp, ports: any,\n"
	"     backends: [{name: q1, address: 10.0.0.12}]}\n"
	"  - {name: empty, address: 203.0.113.12, protocol: tcp, ports: 80, backends: []}\n"
	"  - {name: sick, address: 203.0.113.13, protocol: tcp, ports: 80,\n"
	"     backends: [{name: s1, address: 10.0.0.13, state: down}]}\n"
	"  - {name: light, address: 203.0.113.14, protocol: tcp, ports: 80,\n"
	"     backends: [{name: l1, address: 10.0.0.14, weight: 0}]}\n"
	"  - {name: leaving, address: 203.0.113.15, protocol: tcp, ports: 80,\n"
	"     backends: [{name: o1, address: 10.0.0.15, state: drain}]}\n"
	"  - {name: lost, address: 203.0.113.16, protocol: tcp, ports: 80,\n"
	"     backends: [{name: n1, address: 10.0.0.16}]}\n"
	"  - {name: log, address: 203.0.113.17, protocol: udp, ports: 514, tracking: none,\n"
	"     backends: [{name: u1, address: 10.0.0.17}]}\n"
	"  - {name: h3, address: 203.0.113.18, protocol: udp, ports: 443, affinity: quic,\n"
	"     quic: {config_id: 2, server_id_length: 2}, backends: [\n"
	"       {name: h1, address: 10.0.0.21, server_id: 0x00a1},\n"
	"       {name: h2, address: 10.0.0.22, weight: 0, server_id: 0x343b},\n"
	"       {name: h3, address: 10.0.0.23, state: down, server_id: 0x343c}]}\n"
	"  - {name: pool, address: 203.0.113.32/28, protocol: udp, ports: any,\n"
	"     announce: neighbor, backends: [{name: p1, address: 10.0.0.18}]}\n"
	"  - {name: inner, address: 203.0.113.40/30, protocol: udp, ports: 99,\n"
	"     backends: [{name: i1, address: 10.0.0.19}]}\n"
	"  - {name: one, address: 203.0.113.41, protocol: udp, ports: 7,\n"
	"     backends: [{name: e1, address: 10.0.0.20}]}\n"
	"  - {name: ipip44, address: 203.0.113.50, protocol: tcp, ports: 80, forward: ipip,\n"
	"     backends: [{name: t1, address: 10.0.0.50}]}\n"
	"  - {name: ipip44u, address: 203.0.113.50, protocol: udp, ports: any, forward: ipip,\n"
	"     backends: [{name: t2, address: 10.0.0.51}]}\n"
	"  - {name: ipip46, address: 203.0.113.51, protocol: udp, ports: any, forward: ipip,\n"
	"     backends: [{name: t3, address: \"2001:db8:2::51\"}]}\n"
	"  - {name: gue44, address: 203.0.113.52, protocol: udp, ports: any, forward: gue,\n"
	"     backends: [{name: t4, address: 10.0.0.52}]}\n"
	"  - {name: gue46, address: 203.0.113.53, protocol: udp, ports: any, forward: gue,\n"
	"     backends: [{name: t5, address: \"2001:db8:2::53\"}]}\n"
	"  - {name: ipip66, address: \"2001:db8:1::50\", protocol: udp, ports: any, forward: "
	"ipip,\n"
	"     backends: [{name: t6, address: \"2001:db8:2::50\"}]}\n"
	"  - {name: ipip64, address: \"2001:db8:1::51\", protocol: udp, ports: any, forward: "
	"ipip,\n"
	"     backends: [{name: t7, address: 10.0.0.53}]}\n"
	"  - {name: gue66, address: \"2001:db8:1::52\", protocol: udp, ports: any, forward: gue,\n"
	"     backends: [{name: t8, address: \"2001:db8:2::52\"}]}\n"
	"  - {name: gue64, address: \"2001:db8:1::53\", protocol: udp, ports: any, forward: gue,\n"
	"     backends: [{name: t9, address: 10.0.0.54}]}\n"
	"  - {name: tagged, address: 203.0.113.54, protocol: udp, ports: any,\n"
	"     backends: [{name: v1, address: 10.0.0.55}]}\n"
	"  - {name: tagged6, address: \"2001:db8:1::54\", protocol: udp, ports: any, forward: "
	"gue,\n"
	"     backends: [{name: v2, address: 10.0.0.56}]}\n"
	"  - {name: narrow, address: 203.0.113.55, protocol: udp, ports: any,\n"
	"     backends: [{name: m1, address: 10.0.0.57}]}\n"
	"  - {name: narrow6, address: \"2001:db8:1::55\", protocol: udp, ports: any, forward: "
	"gue,\n"
	"     backends: [{name: m2, address: \"2001:db8:2::55\"}]}\n"
	"  - {name: narrow4, address: 203.0.113.56, protocol: tcp, ports: any, forward: ipip,\n"
	"     backends: [{name: m3, address: 10.0.0.58}]}\n"
	"  - {name: pool6, address: \"2001:db8:5::/64\", protocol: tcp, ports: 80,\n"
	"     announce: neighbor, backends: [{name: p6, address: \"2001:db8:2::18\"}]}\n"
	"  - {name: web6, address: \"2001:db8:1::10\", protocol: tcp, ports: [80, 443],\n"
	"     announce: neighbor, backends: [{name: b6, address: \"2001:db8:2::11\"}]}\n"
	"  - {name: dns6, address: \"2001:db8:1::10\", protocol: udp, ports: 53,\n"
	"     backends: [{name: d6, address: \"2001:db8:2::53\"}]}\n"
	"  - {name: checked, address: 203.0.113.19, protocol: tcp, ports: 80,\n"
	"     verify_checksums: true, backends: [{name: c1, address: 10.0.0.24}]}\n"
	"  - {name: checked-udp, address: 203.0.113.19, protocol: udp, ports: any,\n"
	"     verify_checksums: true, backends: [{name: c1, address: 10.0.0.25}]}\n"
	"  - {name: checked6, address: \"2001:db8:1::19\", protocol: tcp, ports: 80,\n"
	"     verify_checksums: true, backends: [{name: c1, address: \"2001:db8:2::19\"}]}\n"
	"  - {name: checked6-udp, address: \"2001:db8:1::19\", protocol: udp, ports: any,\n"
	"     verify_checksums: true, backends: [{name: c1, address: \"2001:db8:2::1a\"}]}\n"
	"  - {name: nat44, address: 203.0.113.60, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.60}]}\n"
	"  - {name: nat44t, address: 203.0.113.60, protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.61, port: 8080}]}\n"
	"  - {name: nat66, address: \"2001:db8:1::60\", protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::60\"}]}\n"
	"  - {name: nat66t, address: \"2001:db8:1::60\", protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::61\", port: 8080}]}\n"
	"  - {name: nat46, address: 203.0.113.61, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::62\"}]}\n"
	"  - {name: nat46t, address: 203.0.113.61, protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::63\", port: 8080}]}\n"
	"  - {name: nat64, address: \"2001:db8:1::61\", protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.62}]}\n"
	"  - {name: nat64t, address: \"2001:db8:1::61\", protocol: tcp, ports: 80, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.63, port: 8080}]}\n"
	"  - {name: natslim, address: 203.0.113.62, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: 10.0.0.64}]}\n"
	"  - {name: natslim46, address: 203.0.113.63, protocol: udp, ports: any, forward: nat,\n"
	"     backends: [{name: b, address: \"2001:db8:2::65\"}]}\n"
	"  - {name: quiet6, address: \"2001:db8:1::11\", protocol: udp, ports: any,\n"
	"     backends: [{name: q6, address: \"2001:db8:2::12\"}]}\n";

const struct packet_case packet_cases[] = {
#include "tests/unit/packet_rows_balanced.h"
#include "tests/unit/packet_rows_malformed.h"
#include "tests/unit/packet_rows_icmp.h"
#include "tests/unit/packet_rows_neighbor.h"
#include "tests/unit/packet_rows_checksums.h"
#include "tests/unit/packet_rows_tunnels.h"
#include "tests/unit/packet_rows_nat.h"
};
const size_t packet_case_count = sizeof(packet_cases) / sizeof(packet_cases[0]);

/* --- around it ------------------------------------------------------------------------------ */

static struct next_hop *hop_of(struct offline *o, const char *backend)
{
	return &o->next_hops[fixture_backend(o, backend)];
}

void packet_table_open(struct offline *o)
{
	fixture_open(o, packet_table_yaml);
	hop_of(o, "lost/n1")->known = false;
	hop_of(o, "tagged/v1")->vlan = 77;
	hop_of(o, "tagged6/v2")->vlan = 78;
	hop_of(o, "narrow/m1")->mtu = 1280;
	hop_of(o, "narrow6/m2")->mtu = 1500;
	hop_of(o, "narrow4/m3")->mtu = 1280;
	hop_of(o, "natslim/b")->mtu = 1280;
	hop_of(o, "natslim46/b")->mtu = 1280;
	fixture_publish(o);
}

static void parse_tight(const struct frame *in)
{
	struct packet p = {0};
	uint8_t *bytes = malloc(in->length);
	assert_true(bytes || !in->length);
	memcpy(bytes, in->bytes, in->length);
	parse_packet(bytes, bytes + in->length, &p);
	if (p.neighbor_request)
		neighbor_check(bytes, bytes + in->length, &p);
	if (p.icmp == PACKET_ICMP_ECHO)
		icmp_check(bytes, bytes + in->length, &p);
	free(bytes);
}

struct lb_packet packet_judge(struct offline *o, const struct frame *in, uint64_t time_ns,
			      struct frame *out)
{
	struct lb_packet p = {.data = out->bytes, .length = in->length};
	parse_tight(in);
	*out = *in;
	offline_process(o, &p, 1, time_ns);
	out->length = p.length;
	memmove(out->bytes, p.data, p.length);
	return p;
}

void packet_case_expect(const struct packet_case *c, const struct frame *in,
			const struct frame *got, struct frame *out)
{
	if (c->reply.from)
		packet_build(&c->reply, out);
	else if (c->mac_to)
		outer_build(&c->outer, c->mac_to, in, got, out);
	else
		*out = *in;
}
