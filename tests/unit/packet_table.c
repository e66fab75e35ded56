// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table. What is expected is written down from the RFCs and the design, never taken from what
 * the code answered. long file: it is one table.
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
#include "tools/weir/offline.h"

_Static_assert(FRAME_HEADROOM == LB_HEADROOM, "frames are a worker's");

const char packet_table_yaml[] =
	"interfaces: [{name: eth0}, {name: eth1}]\n"
	"flow_table: {entries: 65536}\n"
	"icmp: {echo_limit: 100000000}\n"
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
	"  - {name: quiet6, address: \"2001:db8:1::11\", protocol: udp, ports: any,\n"
	"     backends: [{name: q6, address: \"2001:db8:2::12\"}]}\n";

/* --- words of the table ---------------------------------------------------------------------- */

/* clang-format off */
#define CLIENT         "198.51.100.7"
#define CLIENT6        "2001:db8:99::7"
#define VIP            "203.0.113.10"
#define QUIET          "203.0.113.11"
#define VIP6           "2001:db8:1::10"
#define QUIET6         "2001:db8:1::11"
#define VIP6_GROUP     "ff02::1:ff00:10"
#define VIP6_GROUP_MAC "33:33:ff:00:00:10"
#define ROUTER         "192.0.2.1"
#define ROUTER6        "2001:db8:aa::1"
#define OTHER          "203.0.113.99"
#define OTHER6         "2001:db8:1::99"

#define VLAN         {ETH_P_8021Q, 42}
#define SERVICE_VLAN {ETH_P_8021AD, 7}

#define V4(protocol_, to_, ...) \
	{.from = CLIENT, .to = (to_), .protocol = IPPROTO_##protocol_, __VA_ARGS__}
#define V6(protocol_, to_, ...) \
	{.from = CLIENT6, .to = (to_), .protocol = IPPROTO_##protocol_, __VA_ARGS__}
#define SYN(...)    V4(TCP, VIP, .to_port = 80, .tcp_flags = TCP_SYN, __VA_ARGS__)
#define SYN6(...)   V6(TCP, VIP6, .to_port = 80, .tcp_flags = TCP_SYN, __VA_ARGS__)
#define QUERY(...)  V4(UDP, VIP, .to_port = 53, .payload = 30, __VA_ARGS__)
#define QUERY6(...) V6(UDP, VIP6, .to_port = 53, .payload = 30, __VA_ARGS__)
#define V4_PART(id, field) .payload = 32, .fragment_id = (id), .ipv4_fragment = (field)
#define V6_PART(id, ext)   .payload = 32, .fragment_id = (id), .extensions = (ext)
#define ASK(...)    {.mac_to = "ff:ff:ff:ff:ff:ff", .arp_op = 1, .from = CLIENT, __VA_ARGS__}
#define SOLICIT(...) \
	{.mac_to = VIP6_GROUP_MAC, .from = CLIENT6, .to = VIP6_GROUP, \
	 .protocol = IPPROTO_ICMPV6, .nd_type = 135, __VA_ARGS__}
#define ADVERTISE(to_, mac_, flags_, ...) \
	{.mac_from = PORT_MAC, .mac_to = (mac_), .from = VIP6, .to = (to_), \
	 .protocol = IPPROTO_ICMPV6, .nd_type = 136, .nd_flags = (flags_), .nd_option = 2, \
	 .nd_target = VIP6, __VA_ARGS__}

/* The port of clients that errors are about: no UDP flow of the table has it. */
#define LONELY          41000
#define CLIENT_PORT     40000 /* that of recipes that name none */
#define ECHO(...)       V4(ICMP, VIP, .payload = 56, __VA_ARGS__)
#define ECHO6(...)      V6(ICMPV6, VIP6, .payload = 56, __VA_ARGS__)
#define ECHOED(...) \
	{.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = VIP, .to = CLIENT, \
	 .protocol = IPPROTO_ICMP, .icmp_is_reply = true, __VA_ARGS__}
#define ECHOED6(...) \
	{.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = VIP6, .to = CLIENT6, \
	 .protocol = IPPROTO_ICMPV6, .icmp_is_reply = true, __VA_ARGS__}
#define QUOTED(protocol_, from_, port_, ...) \
	.quote = &(const struct recipe){.from = (from_), .to = CLIENT, .from_port = (port_), \
	 .protocol = IPPROTO_##protocol_, .to_port = LONELY, __VA_ARGS__}
#define QUOTED6(protocol_, from_, port_, ...) \
	.quote = &(const struct recipe){.from = (from_), .to = CLIENT6, .from_port = (port_), \
	 .protocol = IPPROTO_##protocol_, .to_port = LONELY, __VA_ARGS__}
#define ERROR(type_, ...) \
	{.from = ROUTER, .to = VIP, .protocol = IPPROTO_ICMP, .icmp_type = (type_), __VA_ARGS__}
#define ERROR6(type_, ...) \
	{.from = ROUTER6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .icmp_type = (type_), __VA_ARGS__}

#define PASS                 .verdict = LB_PASS
#define DROP(r)              .verdict = LB_DROP, .reason = REASON_##r
#define WORKER_DROPS(r, ...) DROP(r), .by_worker = true, __VA_ARGS__
#define HOLD                 .verdict = LB_HOLD
#define REPLY                .verdict = LB_TRANSMIT, .reply
#define TO(service_, backend_, mac_) \
	.verdict = LB_TRANSMIT, .service = (service_), .backend = (backend_), .mac_to = (mac_)
#define TO_WEB    TO("web", "b1", "02:04:0a:00:00:0b")
#define TO_DNS    TO("dns", "d1", "02:04:0a:00:00:35")
#define TO_QUIET  TO("quiet", "q1", "02:04:0a:00:00:0c")
#define TO_LOG    TO("log", "u1", "02:04:0a:00:00:11")
#define TO_POOL   TO("pool", "p1", "02:04:0a:00:00:12")
#define TO_INNER  TO("inner", "i1", "02:04:0a:00:00:13")
#define TO_ONE    TO("one", "e1", "02:04:0a:00:00:14")
#define TO_POOL6  TO("pool6", "p6", "02:06:00:00:00:18")
/* Bytes 7 and 8 of any UDP payload here are 0x34 and 0x3b: the id of h2. */
#define QUIC(...)  V4(UDP, "203.0.113.18", .to_port = 443, __VA_ARGS__)
#define TO_FLOW    TO("h3", "h1", "02:04:0a:00:00:15"), .never_repeated = true
#define TO_NAMED   TO("h3", "h2", "02:04:0a:00:00:16"), .never_repeated = true
#define CHECKED    "203.0.113.19"
#define CHECKED6   "2001:db8:1::19"
#define TO_CHECKED_AS(name_, mac_) TO(name_, "c1", mac_), .never_repeated = true
#define TO_CHECKED      TO_CHECKED_AS("checked", "02:04:0a:00:00:18")
#define TO_CHECKED_UDP  TO_CHECKED_AS("checked-udp", "02:04:0a:00:00:19")
#define TO_CHECKED6     TO_CHECKED_AS("checked6", "02:06:00:00:00:19")
#define TO_CHECKED6_UDP TO_CHECKED_AS("checked6-udp", "02:06:00:00:00:1a")
#define WRONG(service_) WORKER_DROPS(BAD_CHECKSUM, .service = (service_), .never_repeated = true)
#define TO_WEB6   TO("web6", "b6", "02:06:00:00:00:11")
#define TO_DNS6   TO("dns6", "d6", "02:06:00:00:00:53")
#define TO_QUIET6 TO("quiet6", "q6", "02:06:00:00:00:12")

#define L4 "192.0.2.254" /* see tools/weir/offline.c */
#define L6 "2001:db8:fe::1"
#define TO_T1 TO("ipip44", "t1", "02:04:0a:00:00:32"), \
	.outer = {.from = L4, .to = "10.0.0.50"}
#define TO_T2 TO("ipip44u", "t2", "02:04:0a:00:00:33"), \
	.outer = {.from = L4, .to = "10.0.0.51"}
#define TO_T3 TO("ipip46", "t3", "02:06:00:00:00:51"), \
	.outer = {.from = L6, .to = "2001:db8:2::51"}
#define TO_T4 TO("gue44", "t4", "02:04:0a:00:00:34"), \
	.outer = {.from = L4, .to = "10.0.0.52", .gue = true}
#define TO_T5 TO("gue46", "t5", "02:06:00:00:00:53"), \
	.outer = {.from = L6, .to = "2001:db8:2::53", .gue = true}
#define TO_T6 TO("ipip66", "t6", "02:06:00:00:00:50"), \
	.outer = {.from = L6, .to = "2001:db8:2::50"}
#define TO_T7 TO("ipip64", "t7", "02:04:0a:00:00:35"), \
	.outer = {.from = L4, .to = "10.0.0.53"}
#define TO_T8 TO("gue66", "t8", "02:06:00:00:00:52"), \
	.outer = {.from = L6, .to = "2001:db8:2::52", .gue = true}
#define TO_T9 TO("gue64", "t9", "02:04:0a:00:00:36"), \
	.outer = {.from = L4, .to = "10.0.0.54", .gue = true}
#define TO_V1 TO("tagged", "v1", "02:04:0a:00:00:37"), .outer = {.vlan = 77}
#define TO_V2 TO("tagged6", "v2", "02:04:0a:00:00:38"), \
	.outer = {.from = L4, .to = "10.0.0.56", .gue = true, .vlan = 78}
#define TO_M1 TO("narrow", "m1", "02:04:0a:00:00:39")
#define TO_M2 TO("narrow6", "m2", "02:06:00:00:00:55"), \
	.outer = {.from = L6, .to = "2001:db8:2::55", .gue = true}
#define TO_M3 TO("narrow4", "m3", "02:04:0a:00:00:3a"), \
	.outer = {.from = L4, .to = "10.0.0.58"}
#define REFUSED_BY(service_, backend_) \
	.verdict = LB_TRANSMIT, .service = (service_), .backend = (backend_), .never_repeated = true

const struct packet_case packet_cases[] = {
	/* --- what is balanced --------------------------------------------------------------- */
	{"v4 tcp syn", SYN(), TO_WEB},
	{"v4 tcp syn with payload", SYN(.payload = 100), TO_WEB},
	{"v4 tcp to a second port", V4(TCP, VIP, .to_port = 443, .tcp_flags = TCP_SYN), TO_WEB},
	{"v4 tcp to the first port of a range",
	 V4(TCP, VIP, .to_port = 8000, .tcp_flags = TCP_SYN), TO_WEB},
	{"v4 tcp to the last port of a range",
	 V4(TCP, VIP, .to_port = 8009, .tcp_flags = TCP_SYN), TO_WEB},
	{"v4 tcp in the middle of a connection",
	 V4(TCP, VIP, .to_port = 80, .tcp_flags = TCP_ACK, .from_port = 1), TO_WEB},
	{"v4 tcp rst", V4(TCP, VIP, .to_port = 80, .tcp_flags = TCP_RST, .from_port = 2), TO_WEB},
	{"v4 tcp without flags", V4(TCP, VIP, .to_port = 80, .from_port = 3), TO_WEB},
	{"v4 tcp from port 0", SYN(.pokes = {POKE(4, 0, 0), POKE(4, 1, 0)}), TO_WEB},
	{"v4 udp", QUERY(), TO_DNS},
	{"v4 udp without payload", V4(UDP, VIP, .to_port = 53), TO_DNS},
	{"v4 udp without checksum", QUERY(.pokes = {POKE(4, 6, 0), POKE(4, 7, 0)}), TO_DNS},
	{"v4 udp to any port", V4(UDP, QUIET, .to_port = 4433), TO_QUIET},
	{"v4 udp to port 0 of a service of any port", V4(UDP, QUIET, .to_port = 0), TO_QUIET},
	{"v4 udp without tracking",
	 V4(UDP, "203.0.113.17", .to_port = 514, .payload = 30), TO_LOG, .never_repeated = true},
	{"v4 to a foreign link address", SYN(.mac_to = "02:aa:aa:aa:aa:aa"), TO_WEB},
	{"v6 tcp syn", SYN6(), TO_WEB6},
	{"v6 udp", QUERY6(), TO_DNS6},
	{"v6 udp to any port", V6(UDP, QUIET6, .to_port = 4433), TO_QUIET6},
	{"v4 tcp, the longest frame", SYN(.payload = 1460), TO_WEB},

	/* --- prefixes: the most specific one that has the port ------------------------------- */
	{"first address of a prefix", V4(UDP, "203.0.113.32", .to_port = 5), TO_POOL},
	{"last address of a prefix", V4(UDP, "203.0.113.47", .to_port = 5), TO_POOL},
	{"address before a prefix", V4(UDP, "203.0.113.31", .to_port = 5), PASS},
	{"address behind a prefix", V4(UDP, "203.0.113.48", .to_port = 5), PASS},
	{"another protocol to a prefix",
	 V4(TCP, "203.0.113.33", .to_port = 5, .tcp_flags = TCP_SYN), PASS},
	{"a prefix within a prefix", V4(UDP, "203.0.113.40", .to_port = 99), TO_INNER},
	{"a port that only the wider prefix has", V4(UDP, "203.0.113.43", .to_port = 98), TO_POOL},
	{"an address within prefixes", V4(UDP, "203.0.113.41", .to_port = 7), TO_ONE},
	{"its port that the inner prefix has", V4(UDP, "203.0.113.41", .to_port = 99), TO_INNER},
	{"its port that the outer prefix has", V4(UDP, "203.0.113.41", .to_port = 8), TO_POOL},
	{"malformed, to a prefix",
	 V4(UDP, "203.0.113.33", .to_port = 5, .pokes = {POKE(3, 0, 0x44)}), DROP(MALFORMED_IPV4)},
	{"malformed, behind a prefix",
	 V4(UDP, "203.0.113.48", .to_port = 5, .pokes = {POKE(3, 0, 0x44)}), PASS},
	{"v6 prefix", V6(TCP, "2001:db8:5::1:2:3", .to_port = 80, .tcp_flags = TCP_SYN), TO_POOL6},
	{"v6 prefix, a port that is not served",
	 V6(TCP, "2001:db8:5::1:2:3", .to_port = 81, .tcp_flags = TCP_SYN), PASS},
	{"v6 behind a prefix",
	 V6(TCP, "2001:db8:5:1::", .to_port = 80, .tcp_flags = TCP_SYN), PASS},
	{"arp for an address of a prefix",
	 ASK(.to = "203.0.113.34"),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = "203.0.113.34",
	  .to = CLIENT, .arp_target_mac = CLIENT_MAC}},
	{"arp behind a prefix", ASK(.to = "203.0.113.48"), PASS},
	{"arp where a narrower prefix is not announced", ASK(.to = "203.0.113.42"), PASS},
	{"solicitation for an address of a prefix",
	 {.from = CLIENT6, .to = "2001:db8:5::77", .protocol = IPPROTO_ICMPV6, .nd_type = 135,
	  .nd_target = "2001:db8:5::77"},
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "2001:db8:5::77",
	  .to = CLIENT6, .protocol = IPPROTO_ICMPV6, .nd_type = 136, .nd_flags = 0x60000000,
	  .nd_option = 2, .nd_target = "2001:db8:5::77"}},

	/* --- QUIC: byte 8 of UDP is the first of the payload --------------------------------- */
	{"quic short header",
	 QUIC(.payload = 40,
	      .pokes = {POKE(4, 8, 0x40), POKE(4, 9, 0x5f), POKE(4, 10, 0x34), POKE(4, 11, 0x3b)}),
	 TO_NAMED},
	{"quic long header",
	 QUIC(.payload = 40, .pokes = {POKE(4, 8, 0xc3), POKE(4, 13, 8), POKE(4, 14, 0x40)}),
	 TO_NAMED},
	{"quic long header of another version",
	 QUIC(.payload = 40, .from_port = 7,
	      .pokes = {POKE(4, 8, 0x80), POKE(4, 9, 0xff), POKE(4, 13, 20), POKE(4, 14, 0x40)}),
	 TO_NAMED},
	{"quic short header, the shortest id",
	 QUIC(.payload = 8,
	      .pokes = {POKE(4, 8, 0), POKE(4, 9, 0x40), POKE(4, 10, 0x34), POKE(4, 11, 0x3b)}),
	 TO_NAMED},
	{"quic short header, too short an id",
	 QUIC(.payload = 7,
	      .pokes = {POKE(4, 8, 0), POKE(4, 9, 0x40), POKE(4, 10, 0x34), POKE(4, 11, 0x3b)}), TO_FLOW},
	{"quic long header, too short an id",
	 QUIC(.payload = 40, .pokes = {POKE(4, 8, 0xc3), POKE(4, 13, 6), POKE(4, 14, 0x40)}),
	 TO_FLOW},
	{"quic long header, an id beyond the packet",
	 QUIC(.payload = 13, .pokes = {POKE(4, 8, 0xc3), POKE(4, 13, 8), POKE(4, 14, 0x40)}),
	 TO_FLOW},
	{"quic of another configuration",
	 QUIC(.payload = 40, .pokes = {POKE(4, 8, 0xc3), POKE(4, 13, 8), POKE(4, 14, 0x60)}),
	 TO_FLOW},
	{"quic of no configuration",
	 QUIC(.payload = 40, .pokes = {POKE(4, 8, 0xc3), POKE(4, 13, 8), POKE(4, 14, 0xff)}),
	 TO_FLOW},
	{"quic of an unknown server",
	 QUIC(.payload = 40,
	      .pokes = {POKE(4, 8, 0x40), POKE(4, 9, 0x5f), POKE(4, 10, 0x3b), POKE(4, 11, 0x34)}),
	 TO_FLOW},
	{"quic of a server that is down",
	 QUIC(.payload = 40,
	      .pokes = {POKE(4, 8, 0x40), POKE(4, 9, 0x5f), POKE(4, 10, 0x34), POKE(4, 11, 0x3c)}),
	 TO_FLOW},
	{"quic long header cut", QUIC(.payload = 5, .pokes = {POKE(4, 8, 0xc3)}), TO_FLOW},
	{"quic without payload", QUIC(), TO_FLOW},

	/* --- VLANs -------------------------------------------------------------------------- */
	{"vlan v4", SYN(.tags = {VLAN}), TO_WEB},
	{"vlan v6", SYN6(.tags = {VLAN}), TO_WEB6},
	{"qinq v4", SYN(.tags = {SERVICE_VLAN, VLAN}), TO_WEB},
	{"qinq v6", QUERY6(.tags = {SERVICE_VLAN, VLAN}), TO_DNS6},
	{"two tags of one type", SYN(.tags = {VLAN, VLAN}), TO_WEB},
	{"three tags are more than is read", SYN(.tags = {SERVICE_VLAN, VLAN, VLAN}), PASS},
	{"vlan arp",
	 ASK(.to = VIP, .tags = {VLAN}),
	 REPLY = {.tags = {VLAN}, .mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2,
	  .from = VIP, .to = CLIENT, .arp_target_mac = CLIENT_MAC}},
	{"vlan solicitation",
	 SOLICIT(.tags = {VLAN}, .nd_target = VIP6, .nd_option = 1),
	 REPLY = ADVERTISE(CLIENT6, CLIENT_MAC, 0x60000000, .tags = {VLAN})},

	/* --- padding: Ethernet's minimum is 60 bytes without the check sequence --------------- */
	{"v4 padded", SYN(.padding = 6), TO_WEB},
	{"v4 udp padded", V4(UDP, VIP, .to_port = 53, .padding = 18), TO_DNS},
	{"v6 padded", V6(UDP, VIP6, .to_port = 53, .padding = 10), TO_DNS6},
	{"arp padded",
	 ASK(.to = VIP, .padding = 18),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = VIP,
	  .to = CLIENT, .arp_target_mac = CLIENT_MAC, .padding = 18}},

	/* --- what is not for a service goes to the kernel ---------------------------------- */
	{"v4 tcp to a port that is not served",
	 V4(TCP, VIP, .to_port = 22, .tcp_flags = TCP_SYN), PASS},
	{"v4 tcp to a port behind a range",
	 V4(TCP, VIP, .to_port = 8010, .tcp_flags = TCP_SYN), PASS},
	{"v4 tcp to a udp port", V4(TCP, VIP, .to_port = 53, .tcp_flags = TCP_SYN), PASS},
	{"v4 udp to a tcp port", V4(UDP, VIP, .to_port = 80), PASS},
	{"v4 tcp to a vip with udp only",
	 V4(TCP, QUIET, .to_port = 80, .tcp_flags = TCP_SYN), PASS},
	{"v4 tcp to port 0", V4(TCP, VIP, .to_port = 0, .tcp_flags = TCP_SYN), PASS},
	{"v4 tcp to somebody else", V4(TCP, OTHER, .to_port = 80, .tcp_flags = TCP_SYN), PASS},
	{"v4 tcp from a vip",
	 {.from = VIP, .to = CLIENT, .protocol = IPPROTO_TCP, .to_port = 80}, PASS},
	{"v6 tcp to somebody else", V6(TCP, OTHER6, .to_port = 80, .tcp_flags = TCP_SYN), PASS},
	{"v6 to a vip's mapped address",
	 V6(TCP, "::ffff:203.0.113.10", .to_port = 80, .tcp_flags = TCP_SYN), PASS},
	{"v6 between mapped addresses, where v4 is a known flow",
	 {.from = "::ffff:198.51.100.7", .to = "::ffff:203.0.113.10", .protocol = IPPROTO_UDP,
	  .to_port = 53, .payload = 30}, PASS},
	{"v6 from a mapped address, where the last words are a known v4 flow's",
	 {.from = "::ffff:198.51.100.7", .to = "2000::ffff:203.0.113.10", .protocol = IPPROTO_UDP,
	  .to_port = 53, .payload = 30}, PASS},
	{"v6 from a mapped address to a vip (RFC 6890: no source)",
	 {.from = "::ffff:198.51.100.7", .to = VIP6, .protocol = IPPROTO_TCP, .to_port = 80,
	  .tcp_flags = TCP_SYN}, PASS},
	{"v4 sctp to a vip", V4(SCTP, VIP, .payload = 40), PASS},
	{"v4 icmpv6 is no neighbour discovery",
	 V4(ICMPV6, VIP, .nd_type = 135, .nd_target = VIP6, .hop_limit = 255), PASS},
	{"v4 ospf to a group", V4(RAW, "224.0.0.5", .payload = 44), PASS},
	{"lldp", {.mac_to = "01:80:c2:00:00:0e", .ethertype = ETH_P_LLDP, .payload = 60}, PASS},
	{"an unknown ethertype", {.ethertype = 0x88b5, .payload = 46}, PASS},
	{"an ethertype that is a length", {.ethertype = 46, .payload = 46}, PASS},
	{"no payload at all", {.ethertype = ETH_P_IP}, PASS},
	{"v4 in an ethertype of v6", SYN(.ethertype = ETH_P_IPV6), PASS},

	/* --- malformed: dropped for a VIP, left alone for others ----------------------------- */
	{"v4 with 4 bytes of options", SYN(.ipv4_options = 4), TO_WEB},
	{"v4 with 40 bytes of options", SYN(.ipv4_options = 40), TO_WEB},
	{"v4 header length 4", SYN(.pokes = {POKE(3, 0, 0x44)}), DROP(MALFORMED_IPV4)},
	{"v4 header length 0", SYN(.pokes = {POKE(3, 0, 0x40)}), DROP(MALFORMED_IPV4)},
	{"v4 header length 15, frame ends before",
	 SYN(.pokes = {POKE(3, 0, 0x4f), POKE(3, 3, 60)}), DROP(TRUNCATED)},
	{"v4 header longer than the total length",
	 SYN(.pokes = {POKE(3, 0, 0x4b)}), DROP(MALFORMED_IPV4)},
	{"v4 version 5", SYN(.pokes = {POKE(3, 0, 0x55)}), DROP(MALFORMED_IPV4)},
	{"v4 version 6", SYN(.pokes = {POKE(3, 0, 0x65)}), DROP(MALFORMED_IPV4)},
	{"v4 total length 19", SYN(.pokes = {POKE(3, 3, 19)}), DROP(MALFORMED_IPV4)},
	{"v4 total length 0", SYN(.pokes = {POKE(3, 3, 0)}), DROP(MALFORMED_IPV4)},
	{"v4 total length of a header alone", SYN(.pokes = {POKE(3, 3, 20)}), DROP(TRUNCATED)},
	{"v4 total length ends in the tcp header", SYN(.pokes = {POKE(3, 3, 39)}), DROP(TRUNCATED)},
	{"v4 total length ends in the udp header",
	 QUERY(.pokes = {POKE(3, 3, 27)}), DROP(TRUNCATED)},
	{"v4 total length one too big", SYN(.pokes = {POKE(3, 3, 41)}), DROP(MALFORMED_IPV4)},
	{"v4 total length of 65535",
	 SYN(.pokes = {POKE(3, 2, 0xff), POKE(3, 3, 0xff)}), DROP(MALFORMED_IPV4)},
	{"v4 malformed, a port that is not served",
	 V4(TCP, VIP, .to_port = 22, .pokes = {POKE(3, 0, 0x44)}), DROP(MALFORMED_IPV4)},
	{"v4 malformed, not for a vip",
	 V4(TCP, OTHER, .to_port = 80, .pokes = {POKE(3, 0, 0x44)}), PASS},
	{"v6 version 4", SYN6(.pokes = {POKE(3, 0, 0x40)}), DROP(MALFORMED_IPV6)},
	{"v6 payload length one too big", SYN6(.pokes = {POKE(3, 5, 21)}), DROP(MALFORMED_IPV6)},
	{"v6 payload length ends in the tcp header",
	 SYN6(.pokes = {POKE(3, 5, 19)}), DROP(TRUNCATED)},
	{"v6 payload length 0 (a jumbogram)", SYN6(.pokes = {POKE(3, 5, 0)}), DROP(TRUNCATED)},
	{"v6 payload length ends in the udp header",
	 QUERY6(.pokes = {POKE(3, 5, 7)}), DROP(TRUNCATED)},
	{"v6 malformed, not for a vip",
	 V6(TCP, OTHER6, .to_port = 80, .pokes = {POKE(3, 0, 0x40)}), PASS},
	{"tcp header length 4", SYN(.pokes = {POKE(4, 12, 4 << 4)}), DROP(MALFORMED_TCP)},
	{"tcp header length 0", SYN6(.pokes = {POKE(4, 12, 0)}), DROP(MALFORMED_TCP)},
	{"tcp header length 15, with options",
	 SYN(.payload = 40, .pokes = {POKE(4, 12, 15 << 4)}), TO_WEB},
	{"tcp header longer than the packet",
	 SYN(.payload = 39, .pokes = {POKE(4, 12, 15 << 4)}), DROP(MALFORMED_TCP)},
	{"tcp options in the padding",
	 SYN(.padding = 4, .pokes = {POKE(4, 12, 6 << 4)}), DROP(MALFORMED_TCP)},
	{"tcp malformed, not for a vip",
	 V4(TCP, OTHER, .to_port = 80, .pokes = {POKE(4, 12, 0)}), PASS},
	{"udp length 7", QUERY(.pokes = {POKE(4, 5, 7)}), DROP(MALFORMED_UDP)},
	{"udp length 0", QUERY6(.pokes = {POKE(4, 5, 0)}), DROP(MALFORMED_UDP)},
	{"udp length one too big", QUERY(.pokes = {POKE(4, 5, 39)}), DROP(MALFORMED_UDP)},
	{"udp length shorter than the packet", QUERY(.pokes = {POKE(4, 5, 20)}), TO_DNS},
	{"udp length into the padding",
	 V4(UDP, VIP, .to_port = 53, .padding = 18, .pokes = {POKE(4, 5, 10)}),
	 DROP(MALFORMED_UDP)},

	/* --- fragments: the first is for a service, the others wait for it -------------------- */
	{"v4 don't fragment", SYN(.ipv4_fragment = 0x4000), TO_WEB},
	{"v4 first fragment", V4(UDP, VIP, .to_port = 53, V4_PART(1, 0x2000)), TO_DNS},
	{"v4 first fragment, with the datagram's udp length",
	 V4(UDP, VIP, .to_port = 53, V4_PART(2, 0x2000), .pokes = {POKE(4, 4, 0x20)}), TO_DNS},
	{"v4 first fragment, the udp header alone",
	 V4(UDP, VIP, .to_port = 53, .ipv4_fragment = 0x2000, .fragment_id = 3), TO_DNS},
	{"v4 first fragment of tcp",
	 SYN(.payload = 4, .ipv4_fragment = 0x2000, .fragment_id = 4), TO_WEB},
	{"v4 first fragment with options", V4(UDP, VIP, .to_port = 53, V4_PART(5, 0x2000), .ipv4_options = 8), TO_DNS},
	{"v4 first fragment to a port that is not served",
	 V4(UDP, VIP, .to_port = 54, V4_PART(6, 0x2000)), WORKER_DROPS(FRAGMENT_UNMATCHED)},
	{"v4 first fragment without backends",
	 V4(TCP, "203.0.113.12", .to_port = 80, .tcp_flags = TCP_SYN, .payload = 4,
	    .ipv4_fragment = 0x2000), WORKER_DROPS(NO_BACKEND, .service = "empty")},
	{"v4 later fragment", V4(UDP, VIP, .to_port = 53, V4_PART(7, 0x2005)), HOLD},
	{"v4 last fragment", QUERY(.ipv4_fragment = 0x0005, .fragment_id = 8), HOLD},
	{"v4 last fragment of the longest datagram",
	 V4(UDP, VIP, .payload = 3, .ipv4_fragment = 8188, .fragment_id = 9), HOLD},
	{"v4 fragment of a datagram that is too long",
	 V4(UDP, VIP, .payload = 4, .ipv4_fragment = 8188), DROP(MALFORMED_IPV4)},
	{"v4 fragment of a datagram that is too long with its options",
	 V4(UDP, VIP, .payload = 3, .ipv4_options = 4, .ipv4_fragment = 8188),
	 DROP(MALFORMED_IPV4)},
	{"v4 fragment at the last offset",
	 QUERY(.ipv4_fragment = 0x1fff), DROP(MALFORMED_IPV4)},
	{"v4 fragment of odd length, with more to follow",
	 QUERY(.ipv4_fragment = 0x2000), DROP(MALFORMED_IPV4)},
	{"v4 fragment of nothing",
	 QUERY(.ipv4_fragment = 5, .pokes = {POKE(3, 3, 20)}), DROP(MALFORMED_IPV4)},
	{"v4 tiny first fragment (RFC 1858)",
	 SYN(.ipv4_fragment = 0x2000, .pokes = {POKE(3, 3, 36)}), DROP(FRAGMENT_TINY)},
	{"v4 first fragment that ends in the tcp options",
	 SYN(.payload = 4, .ipv4_fragment = 0x2000, .pokes = {POKE(4, 12, 7 << 4)}),
	 DROP(FRAGMENT_TINY)},
	{"v4 first fragment with an impossible tcp header",
	 SYN(.payload = 4, .ipv4_fragment = 0x2000, .pokes = {POKE(4, 12, 4 << 4)}),
	 DROP(MALFORMED_TCP)},
	{"v4 first fragment with an impossible udp length",
	 V4(UDP, VIP, .to_port = 53, V4_PART(1, 0x2000), .pokes = {POKE(4, 5, 7)}), DROP(MALFORMED_UDP)},
	{"v4 tcp fragment over the flags (RFC 3128)",
	 SYN(.payload = 4, .ipv4_fragment = 0x2001), DROP(FRAGMENT_TINY)},
	{"v4 tcp fragment behind them",
	 SYN(.payload = 4, .ipv4_fragment = 0x2002, .fragment_id = 10), HOLD},
	{"v4 udp fragment at offset 8", V4(UDP, VIP, .to_port = 53, V4_PART(11, 0x2001)), HOLD},
	{"v4 fragments of icmp", V4(ICMP, VIP, .payload = 56, .ipv4_fragment = 0x2000), PASS},
	{"v4 fragment not for a vip", V4(UDP, OTHER, .to_port = 53, V4_PART(1, 0x2000)), PASS},
	{"v4 tiny fragment not for a vip",
	 V4(TCP, OTHER, .payload = 4, .ipv4_fragment = 0x2001), PASS},
	{"v6 first fragment", V6(UDP, VIP6, .to_port = 53, V6_PART(1, "1")), TO_DNS6},
	{"v6 first fragment behind options", V6(UDP, VIP6, .to_port = 53, V6_PART(2, "hd1")), TO_DNS6},
	{"v6 first fragment, options in it", V6(UDP, VIP6, .to_port = 53, V6_PART(3, "h1Da")), TO_DNS6},
	{"v6 first fragment of tcp", SYN6(.payload = 4, .extensions = "1"), TO_WEB6},
	{"v6 first fragment to a port that is not served",
	 V6(UDP, VIP6, .to_port = 54, V6_PART(4, "1")), WORKER_DROPS(FRAGMENT_UNMATCHED)},
	{"v6 later fragment", V6(UDP, VIP6, .to_port = 53, V6_PART(5, "2")), HOLD},
	{"v6 fragment behind options", V6(UDP, VIP6, .to_port = 53, V6_PART(6, "hd2")), HOLD},
	{"v6 later fragment that names options", V6(UDP, VIP6, .to_port = 53, V6_PART(7, "2d")), HOLD},
	{"v6 last fragment", QUERY6(.extensions = "x", .ipv6_fragment = 64, .fragment_id = 8), HOLD},
	{"v6 last fragment of the longest datagram",
	 V6(UDP, VIP6, .payload = 7, .extensions = "x", .ipv6_fragment = 65520,
	    .fragment_id = 9), HOLD},
	{"v6 fragment of a datagram that is too long",
	 V6(UDP, VIP6, .payload = 8, .extensions = "x", .ipv6_fragment = 65520),
	 DROP(MALFORMED_IPV6)},
	{"v6 fragment of a datagram that is too long with its options",
	 V6(UDP, VIP6, .payload = 7, .extensions = "hx", .ipv6_fragment = 65520),
	 DROP(MALFORMED_IPV6)},
	{"v6 fragment of odd length, with more to follow",
	 QUERY6(.extensions = "1"), DROP(MALFORMED_IPV6)},
	{"v6 fragment of nothing",
	 QUERY6(.extensions = "1", .pokes = {POKE(3, 5, 8)}), DROP(MALFORMED_IPV6)},
	{"v6 tiny first fragment",
	 SYN6(.extensions = "1", .pokes = {POKE(3, 5, 8 + 16)}), DROP(FRAGMENT_TINY)},
	{"v6 first fragment that ends in its options (RFC 7112)",
	 QUERY6(.extensions = "1D", .pokes = {POKE(3, 5, 8 + 16)}), DROP(FRAGMENT_TINY)},
	{"v6 first fragment that ends behind its options",
	 QUERY6(.extensions = "1d", .pokes = {POKE(3, 5, 8 + 8)}), DROP(FRAGMENT_TINY)},
	{"v6 tcp fragment over the flags", SYN6(.payload = 4, .extensions = "2"), DROP(FRAGMENT_TINY)},
	{"v6 fragment in a fragment", V6(UDP, VIP6, .to_port = 53, V6_PART(1, "11")), DROP(HEADER_CHAIN)},
	{"v6 atomic fragment (RFC 6946)", QUERY6(.extensions = "f"), TO_DNS6},
	{"v6 fragments of icmp", V6(ICMPV6, VIP6, .payload = 56, .extensions = "1"), PASS},
	{"v6 fragment not for a vip", V6(UDP, OTHER6, .to_port = 53, V6_PART(1, "1")), PASS},
	{"v6 solicitation in a fragment (RFC 6980)",
	 {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .extensions = "1",
	  .nd_type = 135, .nd_target = VIP6, .hop_limit = 255}, PASS},

	/* --- IPv6 extension headers --------------------------------------------------------- */
	{"v6 hop-by-hop options", SYN6(.extensions = "h"), TO_WEB6},
	{"v6 all headers in order", QUERY6(.extensions = "hdrfad"), TO_DNS6},
	{"v6 all headers out of order", QUERY6(.extensions = "dafrh"), TO_DNS6},
	{"v6 long options", SYN6(.extensions = "DhD"), TO_WEB6},
	{"v6 authentication header", SYN6(.extensions = "a"), TO_WEB6},
	{"v6 eight headers", SYN6(.extensions = "hdddrdad"), TO_WEB6},
	{"v6 nine headers", SYN6(.extensions = "hdddrdadd"), DROP(HEADER_CHAIN)},
	{"v6 nine headers, not for a vip",
	 V6(TCP, OTHER6, .to_port = 80, .extensions = "hdddrdadd"), PASS},
	{"v6 option length beyond the packet",
	 SYN6(.extensions = "h", .pokes = {POKE(3, 41, 3)}), DROP(MALFORMED_IPV6)},
	{"v6 option length up to the end",
	 SYN6(.extensions = "h", .payload = 4, .pokes = {POKE(3, 41, 3)}), DROP(TRUNCATED)},
	{"v6 option length into the padding",
	 SYN6(.extensions = "h", .padding = 100, .pokes = {POKE(3, 41, 5)}), DROP(MALFORMED_IPV6)},
	{"v6 option header cut",
	 V6(NONE, VIP6, .extensions = "h", .pokes = {POKE(3, 5, 4)}), DROP(MALFORMED_IPV6)},
	{"v6 authentication length beyond the packet",
	 SYN6(.extensions = "a", .pokes = {POKE(3, 41, 40)}), DROP(MALFORMED_IPV6)},
	{"v6 no next header", V6(NONE, VIP6), PASS},
	{"v6 payload in esp", V6(ESP, VIP6, .payload = 40), PASS},
	{"v6 icmpv6 behind options", V6(ICMPV6, VIP6, .extensions = "h", .payload = 8), PASS},

	/* --- services that can't take a flow ------------------------------------------------ */
	{"no backends",
	 V4(TCP, "203.0.113.12", .to_port = 80, .tcp_flags = TCP_SYN),
	 WORKER_DROPS(NO_BACKEND, .service = "empty")},
	{"no backends, in the middle",
	 V4(TCP, "203.0.113.12", .to_port = 80, .tcp_flags = TCP_ACK),
	 WORKER_DROPS(NO_BACKEND, .service = "empty")},
	{"backend down",
	 V4(TCP, "203.0.113.13", .to_port = 80, .tcp_flags = TCP_SYN),
	 WORKER_DROPS(NO_BACKEND, .service = "sick")},
	{"backend of weight 0",
	 V4(TCP, "203.0.113.14", .to_port = 80, .tcp_flags = TCP_SYN),
	 WORKER_DROPS(NO_BACKEND, .service = "light")},
	{"backend draining",
	 V4(TCP, "203.0.113.15", .to_port = 80, .tcp_flags = TCP_SYN),
	 WORKER_DROPS(NO_BACKEND, .service = "leaving")},
	{"next hop unknown",
	 V4(TCP, "203.0.113.16", .to_port = 80, .tcp_flags = TCP_SYN),
	 WORKER_DROPS(NO_NEXT_HOP, .service = "lost", .backend = "n1")},

	/* --- echo requests (RFC 792, RFC 4443) ------------------------------------------------ */
	{"v4 echo", ECHO(), REPLY = ECHOED(.payload = 56)},
	{"v4 echo without data", V4(ICMP, VIP), REPLY = ECHOED()},
	{"v4 echo of odd length", V4(ICMP, VIP, .payload = 33), REPLY = ECHOED(.payload = 33)},
	{"v4 echo, the longest frame",
	 V4(ICMP, VIP, .payload = 1472), REPLY = ECHOED(.payload = 1472)},
	{"v4 echo to a vip that is not announced",
	 V4(ICMP, QUIET, .payload = 8),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = QUIET, .to = CLIENT,
	  .protocol = IPPROTO_ICMP, .icmp_is_reply = true, .payload = 8}},
	{"v4 echo with options",
	 ECHO(.ipv4_options = 40), REPLY = ECHOED(.payload = 56, .ipv4_options = 40)},
	{"v4 echo at its last hop", ECHO(.hop_limit = 1), REPLY = ECHOED(.payload = 56)},
	{"v4 echo with the longest life", ECHO(.hop_limit = 255), REPLY = ECHOED(.payload = 56)},
	{"v4 echo, don't fragment",
	 ECHO(.ipv4_fragment = 0x4000), REPLY = ECHOED(.payload = 56, .ipv4_fragment = 0x4000)},
	{"v4 echo padded", V4(ICMP, VIP, .padding = 18), REPLY = ECHOED(.padding = 18)},
	{"v4 echo to a foreign link address",
	 ECHO(.mac_to = "02:aa:aa:aa:aa:aa"), REPLY = ECHOED(.payload = 56)},
	{"vlan v4 echo", ECHO(.tags = {VLAN}), REPLY = ECHOED(.payload = 56, .tags = {VLAN})},
	{"v6 echo", ECHO6(), REPLY = ECHOED6(.payload = 56)},
	{"v6 echo without data", V6(ICMPV6, VIP6), REPLY = ECHOED6()},
	{"v6 echo of odd length", V6(ICMPV6, VIP6, .payload = 1), REPLY = ECHOED6(.payload = 1)},
	{"v6 echo at its last hop", ECHO6(.hop_limit = 1), REPLY = ECHOED6(.payload = 56)},
	{"v6 echo padded", V6(ICMPV6, VIP6, .padding = 3), REPLY = ECHOED6(.padding = 3)},
	{"qinq v6 echo",
	 ECHO6(.tags = {SERVICE_VLAN, VLAN}),
	 REPLY = ECHOED6(.payload = 56, .tags = {SERVICE_VLAN, VLAN})},
	{"v6 echo behind options", ECHO6(.extensions = "h"), PASS},
	{"v4 echo to an address of a prefix",
	 V4(ICMP, "203.0.113.34", .payload = 8),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "203.0.113.34", .to = CLIENT,
	  .protocol = IPPROTO_ICMP, .icmp_is_reply = true, .payload = 8}},
	{"v4 echo behind a prefix", V4(ICMP, "203.0.113.48", .payload = 8), PASS},
	{"v6 echo to an address of a prefix",
	 V6(ICMPV6, "2001:db8:5::77", .payload = 8),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "2001:db8:5::77",
	  .to = CLIENT6, .protocol = IPPROTO_ICMPV6, .icmp_is_reply = true, .payload = 8}},
	{"v4 echo with a bad checksum",
	 ECHO(.pokes = {POKE(4, 8, 0)}), WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo with a bad header checksum",
	 ECHO(.pokes = {POKE(3, 10, 0)}), WORKER_DROPS(MALFORMED_ICMP)},
	{"v6 echo with a bad checksum",
	 ECHO6(.pokes = {POKE(4, 8, 0)}), WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo from the vip itself",
	 {.from = VIP, .to = VIP, .protocol = IPPROTO_ICMP}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo from a group",
	 {.from = "224.0.0.1", .to = VIP, .protocol = IPPROTO_ICMP}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo from everybody",
	 {.from = "255.255.255.255", .to = VIP, .protocol = IPPROTO_ICMP},
	 WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo from the loopback",
	 {.from = "127.0.0.1", .to = VIP, .protocol = IPPROTO_ICMP}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo from nobody",
	 {.from = "0.0.0.0", .to = VIP, .protocol = IPPROTO_ICMP}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v6 echo from the vip itself",
	 {.from = VIP6, .to = VIP6, .protocol = IPPROTO_ICMPV6}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v6 echo from a group",
	 {.from = "ff02::1", .to = VIP6, .protocol = IPPROTO_ICMPV6}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v6 echo from nobody",
	 {.from = "::", .to = VIP6, .protocol = IPPROTO_ICMPV6}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v6 echo from the loopback",
	 {.from = "::1", .to = VIP6, .protocol = IPPROTO_ICMPV6}, WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 echo from a link group",
	 ECHO(.mac_from = "03:00:00:00:00:01"), WORKER_DROPS(MALFORMED_ICMP)},
	{"v4 total length ends in the icmp header",
	 ECHO(.pokes = {POKE(3, 3, 27)}), DROP(TRUNCATED)},
	{"v6 payload length ends in the icmp header",
	 ECHO6(.pokes = {POKE(3, 5, 7)}), DROP(TRUNCATED)},
	{"v4 echo to somebody else", V4(ICMP, OTHER, .payload = 56), PASS},
	{"v6 echo to somebody else", V6(ICMPV6, OTHER6, .payload = 56), PASS},
	{"v4 icmp header cut, not for a vip", V4(ICMP, OTHER, .pokes = {POKE(3, 3, 27)}), PASS},

	/* --- other ICMP ------------------------------------------------------------------------ */
	{"v4 echo with a code", ECHO(.icmp_code = 1), PASS},
	{"v4 echo reply to a vip", ECHO(.icmp_is_reply = true), PASS},
	{"v6 echo reply to a vip", ECHO6(.icmp_is_reply = true), PASS},
	{"v4 timestamp request", ECHO(.icmp_type = 13), PASS},
	{"v4 icmp of type 128", ECHO(.icmp_type = 128), PASS},
	{"v6 icmp of type 8", ECHO6(.icmp_type = 8), PASS},
	{"v4 redirect", ERROR(5, QUOTED(TCP, VIP, 80)), PASS},
	{"v4 source quench", ERROR(4, QUOTED(TCP, VIP, 80)), PASS},
	{"v6 icmp of type 5", ERROR6(5, QUOTED6(TCP, VIP6, 80)), PASS},
	{"v6 icmp in v4", ERROR(1, QUOTED(TCP, VIP, 80)), PASS},

	/* --- ICMP errors go where the flow goes that they are about ----------------------------- */
	{"v4 too big for a path",
	 ERROR(3, .icmp_code = 4, .icmp_rest = 1280, QUOTED(TCP, VIP, 80, .payload = 508)), TO_WEB},
	{"v4 unreachable, quoting udp", ERROR(3, .icmp_code = 3, QUOTED(UDP, VIP, 53)), TO_DNS},
	{"v4 time exceeded", ERROR(11, QUOTED(TCP, VIP, 443)), TO_WEB},
	{"v4 parameter problem", ERROR(12, QUOTED(TCP, VIP, 8009)), TO_WEB},
	{"v4 error about a service of any port",
	 {.from = ROUTER, .to = QUIET, .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(UDP, QUIET, 7)}, TO_QUIET},
	{"v4 error with options", ERROR(3, .ipv4_options = 8, QUOTED(TCP, VIP, 80)), TO_WEB},
	{"v4 error, the quote has options",
	 ERROR(3, QUOTED(TCP, VIP, 80, .ipv4_options = 40)), TO_WEB},
	{"v4 error, the quote has options and no more than it must",
	 ERROR(3, .quote_length = 68, QUOTED(TCP, VIP, 80, .ipv4_options = 40)), TO_WEB},
	{"v4 error, the quote is as short as may be (RFC 792)",
	 ERROR(3, .quote_length = 28, QUOTED(TCP, VIP, 80)), TO_WEB},
	{"v4 error, the quote is too short",
	 ERROR(3, .quote_length = 27, QUOTED(TCP, VIP, 80)), DROP(MALFORMED_ICMP)},
	{"v4 error, the rest of the quote is padding",
	 ERROR(3, .quote_length = 27, .padding = 8, QUOTED(TCP, VIP, 80)), DROP(MALFORMED_ICMP)},
	{"v4 error, the quote ends behind its options",
	 ERROR(3, .quote_length = 60, QUOTED(TCP, VIP, 80, .ipv4_options = 40)),
	 DROP(MALFORMED_ICMP)},
	{"v4 error, the quote ends in its options",
	 ERROR(3, .quote_length = 28, QUOTED(TCP, VIP, 80, .ipv4_options = 40)),
	 DROP(MALFORMED_ICMP)},
	{"v4 error, the quote ends in its header",
	 ERROR(3, .quote_length = 19, QUOTED(TCP, VIP, 80)), DROP(MALFORMED_ICMP)},
	{"v4 error without a quote", ERROR(3), DROP(MALFORMED_ICMP)},
	{"v4 error, quoted header length 4",
	 ERROR(3, QUOTED(TCP, VIP, 80, .pokes = {POKE(3, 0, 0x44)})), DROP(MALFORMED_ICMP)},
	{"v4 error, quoted version 6",
	 ERROR(3, QUOTED(TCP, VIP, 80, .pokes = {POKE(3, 0, 0x65)})), DROP(MALFORMED_ICMP)},
	{"v4 error, malformed, not for a vip",
	 {.from = ROUTER, .to = OTHER, .protocol = IPPROTO_ICMP, .icmp_type = 3}, PASS},
	{"v4 error, its checksum is the backend's business",
	 ERROR(3, .pokes = {POKE(4, 2, 0)}, QUOTED(TCP, VIP, 80)), TO_WEB},
	{"v4 error about a first fragment",
	 ERROR(11, QUOTED(UDP, VIP, 53, .ipv4_fragment = 0x2000)), TO_DNS},
	{"v4 error about a later fragment",
	 ERROR(11, QUOTED(UDP, VIP, 53, .ipv4_fragment = 0x2005)), PASS},
	{"v4 error about another vip's packet", ERROR(3, QUOTED(UDP, QUIET, 53)), PASS},
	{"v4 error about a stranger's packet", ERROR(3, QUOTED(TCP, OTHER, 80)), PASS},
	{"v4 error about a port that is not served", ERROR(3, QUOTED(TCP, VIP, 22)), PASS},
	{"v4 error about an echo reply",
	 ERROR(3, QUOTED(ICMP, VIP, 0, .icmp_is_reply = true)), PASS},
	{"v4 error about a packet to the vip",
	 ERROR(3, .quote = &(const struct recipe)SYN(.from_port = LONELY)), PASS},
	{"v4 error to somebody else",
	 {.from = ROUTER, .to = OTHER, .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(TCP, OTHER, 80)}, PASS},
	{"v4 error in fragments",
	 ERROR(3, .ipv4_fragment = 0x2000, QUOTED(TCP, VIP, 80)), PASS},
	{"vlan v4 error", ERROR(3, .tags = {VLAN}, QUOTED(TCP, VIP, 80)), TO_WEB},
	{"v4 error, no backends",
	 {.from = ROUTER, .to = "203.0.113.12", .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(TCP, "203.0.113.12", 80)}, WORKER_DROPS(NO_BACKEND, .service = "empty")},
	{"v4 error, next hop unknown",
	 {.from = ROUTER, .to = "203.0.113.16", .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(TCP, "203.0.113.16", 80)},
	 WORKER_DROPS(NO_NEXT_HOP, .service = "lost", .backend = "n1")},
	{"v4 error about a prefix's flow",
	 {.from = ROUTER, .to = "203.0.113.33", .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(UDP, "203.0.113.33", 9)}, TO_POOL},
	{"v4 error about a flow of a prefix within a prefix",
	 {.from = ROUTER, .to = "203.0.113.40", .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(UDP, "203.0.113.40", 99)}, TO_INNER},
	{"v4 error about a prefix's flow, malformed",
	 {.from = ROUTER, .to = "203.0.113.33", .protocol = IPPROTO_ICMP, .icmp_type = 3},
	 DROP(MALFORMED_ICMP)},
	{"v4 error about a flow that is not tracked",
	 {.from = ROUTER, .to = "203.0.113.17", .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(UDP, "203.0.113.17", 514)}, TO_LOG},
	{"v6 too big for a path",
	 ERROR6(2, .icmp_rest = 1280, QUOTED6(TCP, VIP6, 80, .payload = 1172)), TO_WEB6},
	{"v6 unreachable, quoting udp", ERROR6(1, .icmp_code = 4, QUOTED6(UDP, VIP6, 53)), TO_DNS6},
	{"v6 time exceeded", ERROR6(3, QUOTED6(TCP, VIP6, 443)), TO_WEB6},
	{"v6 parameter problem", ERROR6(4, QUOTED6(TCP, VIP6, 80)), TO_WEB6},
	{"v6 error behind options",
	 ERROR6(2, .extensions = "hd", QUOTED6(TCP, VIP6, 80)), TO_WEB6},
	{"v6 error, the quote has extension headers",
	 ERROR6(2, QUOTED6(TCP, VIP6, 80, .extensions = "hDra")), TO_WEB6},
	{"v6 error, the quote has more of them than are followed",
	 ERROR6(2, QUOTED6(TCP, VIP6, 80, .extensions = "hdrad")), DROP(HEADER_CHAIN)},
	{"v6 error, the quote ends in an extension header",
	 ERROR6(2, .quote_length = 47, QUOTED6(TCP, VIP6, 80, .extensions = "h")),
	 DROP(MALFORMED_ICMP)},
	{"v6 error, the quote ends behind an extension header",
	 ERROR6(2, .quote_length = 64, QUOTED6(TCP, VIP6, 80, .extensions = "D")),
	 DROP(MALFORMED_ICMP)},
	{"v6 error, the quote is as short as may be",
	 ERROR6(2, .quote_length = 48, QUOTED6(TCP, VIP6, 80)), TO_WEB6},
	{"v6 error, the quote is too short",
	 ERROR6(2, .quote_length = 47, QUOTED6(TCP, VIP6, 80)), DROP(MALFORMED_ICMP)},
	{"v6 error, the quote ends in its header",
	 ERROR6(2, .quote_length = 39, QUOTED6(TCP, VIP6, 80)), DROP(MALFORMED_ICMP)},
	{"v6 error, quoted version 4",
	 ERROR6(2, QUOTED6(TCP, VIP6, 80, .pokes = {POKE(3, 0, 0x45)})), DROP(MALFORMED_ICMP)},
	{"v6 error about a first fragment",
	 ERROR6(2, QUOTED6(UDP, VIP6, 53, .extensions = "1")), TO_DNS6},
	{"v6 error about a later fragment",
	 ERROR6(2, QUOTED6(UDP, VIP6, 53, .extensions = "h2")), PASS},
	{"v6 error about an echo reply",
	 ERROR6(1, QUOTED6(ICMPV6, VIP6, 0, .icmp_is_reply = true)), PASS},
	{"v6 error about a port that is not served", ERROR6(2, QUOTED6(TCP, VIP6, 22)), PASS},
	{"v6 error about a stranger's packet", ERROR6(2, QUOTED6(TCP, OTHER6, 80)), PASS},
	{"v6 error about a prefix's flow",
	 {.from = ROUTER6, .to = "2001:db8:5::7", .protocol = IPPROTO_ICMPV6, .icmp_type = 2,
	  QUOTED6(TCP, "2001:db8:5::7", 80)}, TO_POOL6},
	{"v6 error about a packet to a mapped address",
	 ERROR6(1, .quote = &(const struct recipe){.from = VIP6, .to = "::ffff:198.51.100.7",
		   .from_port = 53, .protocol = IPPROTO_UDP, .to_port = LONELY}), PASS},
	{"v6 error, the last words of what it quotes are a known v4 flow's",
	 {.from = ROUTER6, .to = "2000::ffff:203.0.113.10", .protocol = IPPROTO_ICMPV6,
	  .icmp_type = 1,
	  .quote = &(const struct recipe){.from = "2000::ffff:203.0.113.10",
		   .to = "::ffff:198.51.100.7", .from_port = 53, .protocol = IPPROTO_UDP,
		   .to_port = CLIENT_PORT, .payload = 30}}, PASS},
	{"qinq v6 error", ERROR6(2, .tags = {SERVICE_VLAN, VLAN}, QUOTED6(TCP, VIP6, 80)), TO_WEB6},

	/* --- ARP (RFC 826) --------------------------------------------------------------------- */
	{"arp for a vip",
	 ASK(.to = VIP),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = VIP,
	  .to = CLIENT, .arp_target_mac = CLIENT_MAC}},
	{"arp for a vip, unicast",
	 {.arp_op = 1, .from = CLIENT, .to = VIP},
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = VIP,
	  .to = CLIENT, .arp_target_mac = CLIENT_MAC}},
	{"arp probe (RFC 5227)",
	 {.mac_to = "ff:ff:ff:ff:ff:ff", .arp_op = 1, .from = "0.0.0.0", .to = VIP},
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = VIP,
	  .to = "0.0.0.0", .arp_target_mac = CLIENT_MAC}},
	{"arp for a vip that is not announced", ASK(.to = QUIET), PASS},
	{"arp for somebody else", ASK(.to = OTHER), PASS},
	{"arp reply", {.arp_op = 2, .from = CLIENT, .to = VIP, .arp_target_mac = PORT_MAC}, PASS},
	{"arp of another hardware type", ASK(.to = VIP, .pokes = {POKE(3, 1, 6)}), PASS},
	{"arp of another protocol", ASK(.to = VIP, .pokes = {POKE(3, 2, 0x86)}), PASS},
	{"arp of another address length", ASK(.to = VIP, .pokes = {POKE(3, 4, 8)}), PASS},
	{"arp from a group address",
	 {.mac_from = "03:00:00:00:00:01", .mac_to = "ff:ff:ff:ff:ff:ff", .arp_op = 1,
	  .from = CLIENT, .to = VIP}, WORKER_DROPS(MALFORMED_NEIGHBOR)},

	/* --- checksums, of services that verify them ------------------------------------------ */
	{"v4 tcp, checked", V4(TCP, CHECKED, .to_port = 80, .payload = 21), TO_CHECKED},
	{"v4 tcp, checked, with options and padding",
	 V4(TCP, CHECKED, .to_port = 80, .ipv4_options = 8, .payload = 3, .padding = 9), TO_CHECKED},
	{"v4 udp, checked", V4(UDP, CHECKED, .to_port = 53, .payload = 30), TO_CHECKED_UDP},
	{"v4 udp, checked, without checksum",
	 V4(UDP, CHECKED, .to_port = 53, .payload = 30, .pokes = {POKE(4, 6, 0), POKE(4, 7, 0)}),
	 TO_CHECKED_UDP},
	{"v6 tcp, checked", V6(TCP, CHECKED6, .to_port = 80, .payload = 22), TO_CHECKED6},
	{"v6 tcp, checked, behind options",
	 V6(TCP, CHECKED6, .to_port = 80, .payload = 7, .extensions = "hd"), TO_CHECKED6},
	{"v6 udp, checked", V6(UDP, CHECKED6, .to_port = 53, .payload = 31), TO_CHECKED6_UDP},
	{"v4 tcp, a wrong checksum",
	 V4(TCP, CHECKED, .to_port = 80, .pokes = {POKE(4, 17, 0x77)}), WRONG("checked")},
	{"v4 tcp, a wrong header checksum",
	 V4(TCP, CHECKED, .to_port = 80, .pokes = {POKE(3, 8, 63)}), WRONG("checked")},
	{"v4 tcp, a wrong checksum of a flow that is known",
	 V4(TCP, CHECKED, .to_port = 80, .payload = 21, .pokes = {POKE(4, 25, 0x5a)}),
	 WRONG("checked")},
	{"v4 tcp, an unfinished checksum",
	 V4(TCP, CHECKED, .to_port = 80, .payload = 9, .unfinished = true), WRONG("checked")},
	{"v4 udp, a wrong checksum",
	 V4(UDP, CHECKED, .to_port = 53, .payload = 30, .pokes = {POKE(4, 8, 0x77)}),
	 WRONG("checked-udp")},
	{"v4 udp, an unfinished checksum",
	 V4(UDP, CHECKED, .to_port = 53, .payload = 30, .unfinished = true), WRONG("checked-udp")},
	{"v6 tcp, a wrong checksum",
	 V6(TCP, CHECKED6, .to_port = 80, .pokes = {POKE(4, 17, 0x77)}), WRONG("checked6")},
	{"v6 tcp, an unfinished checksum",
	 V6(TCP, CHECKED6, .to_port = 80, .payload = 9, .unfinished = true), WRONG("checked6")},
	{"v6 udp, a wrong checksum",
	 V6(UDP, CHECKED6, .to_port = 53, .payload = 30, .pokes = {POKE(4, 8, 0x77)}),
	 WRONG("checked6-udp")},
	{"v6 udp, checked, without checksum (RFC 8200, 8.1)",
	 V6(UDP, CHECKED6, .to_port = 53, .payload = 30, .pokes = {POKE(4, 6, 0), POKE(4, 7, 0)}),
	 WRONG("checked6-udp")},
	{"v4 udp, checked, a first fragment",
	 V4(UDP, CHECKED, .to_port = 53, V4_PART(0x7701, 0x2000)), TO_CHECKED_UDP},
	{"v4 udp, checked, a later fragment with a wrong header checksum",
	 V4(UDP, CHECKED, V4_PART(0x7701, 0x2005), .pokes = {POKE(3, 8, 63)}),
	 WRONG("checked-udp"), .backend = "c1"},
	{"v4 udp, a first fragment with a wrong header checksum",
	 V4(UDP, CHECKED, .to_port = 53, V4_PART(0x7702, 0x2000), .pokes = {POKE(3, 8, 63)}),
	 WRONG("checked-udp")},
	{"v4 error about a checked flow",
	 {.from = ROUTER, .to = CHECKED, .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(TCP, CHECKED, 80)}, TO_CHECKED},
	{"v4 error about a checked flow, a wrong checksum",
	 {.from = ROUTER, .to = CHECKED, .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(TCP, CHECKED, 80), .pokes = {POKE(4, 2, 0x77)}}, WRONG("checked")},
	{"v6 error about a checked flow",
	 {.from = ROUTER6, .to = CHECKED6, .protocol = IPPROTO_ICMPV6, .icmp_type = 2,
	  QUOTED6(UDP, CHECKED6, 53)}, TO_CHECKED6_UDP},
	{"v6 error about a checked flow, a wrong checksum",
	 {.from = ROUTER6, .to = CHECKED6, .protocol = IPPROTO_ICMPV6, .icmp_type = 2,
	  QUOTED6(UDP, CHECKED6, 53), .pokes = {POKE(4, 2, 0x77)}}, WRONG("checked6-udp")},
	{"v4 tcp, an unfinished checksum that nobody verifies",
	 SYN(.from_port = 77, .unfinished = true), TO_WEB},
	{"v6 udp, an unfinished checksum that nobody verifies",
	 QUERY6(.from_port = 77, .unfinished = true), TO_DNS6},

	/* --- neighbour discovery (RFC 4861) --------------------------------------------------- */
	{"solicitation for a vip",
	 SOLICIT(.nd_target = VIP6, .nd_option = 1),
	 REPLY = ADVERTISE(CLIENT6, CLIENT_MAC, 0x60000000)},
	{"solicitation without option, unicast",
	 {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .nd_type = 135,
	  .nd_target = VIP6}, REPLY = ADVERTISE(CLIENT6, CLIENT_MAC, 0x60000000)},
	{"solicitation of who tests the address",
	 {.mac_to = VIP6_GROUP_MAC, .from = "::", .to = VIP6_GROUP, .protocol = IPPROTO_ICMPV6,
	  .nd_type = 135, .nd_target = VIP6},
	 REPLY = ADVERTISE("ff02::1", "33:33:00:00:00:01", 0x20000000)},
	{"solicitation for a vip that is not announced",
	 SOLICIT(.nd_target = QUIET6, .nd_option = 1), PASS},
	{"solicitation for somebody else", SOLICIT(.nd_target = OTHER6, .nd_option = 1), PASS},
	{"solicitation for a vip's mapped address",
	 SOLICIT(.nd_target = "::ffff:203.0.113.10"), PASS},
	{"solicitation from afar",
	 SOLICIT(.nd_target = VIP6, .nd_option = 1, .hop_limit = 254), PASS},
	{"solicitation with a code", SOLICIT(.nd_target = VIP6, .pokes = {POKE(4, 1, 1)}), PASS},
	{"solicitation with a bad checksum",
	 SOLICIT(.nd_target = VIP6, .nd_option = 1, .pokes = {POKE(4, 4, 1)}),
	 WORKER_DROPS(MALFORMED_NEIGHBOR)},
	{"solicitation with an option of length 0",
	 SOLICIT(.nd_target = VIP6, .nd_option = 1, .pokes = {POKE(4, 25, 0)}),
	 WORKER_DROPS(MALFORMED_NEIGHBOR)},
	{"solicitation with a source option of nobody",
	 {.mac_to = VIP6_GROUP_MAC, .from = "::", .to = VIP6_GROUP, .protocol = IPPROTO_ICMPV6,
	  .nd_type = 135, .nd_target = VIP6, .nd_option = 1}, WORKER_DROPS(MALFORMED_NEIGHBOR)},
	{"solicitation behind options",
	 {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .extensions = "h",
	  .nd_type = 135, .nd_target = VIP6}, WORKER_DROPS(HEADER_CHAIN)},
	{"advertisement for a vip",
	 {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .nd_type = 136,
	  .nd_target = VIP6, .nd_option = 2}, PASS},
	{"router solicitation", V6(ICMPV6, "ff02::2", .nd_type = 133, .nd_target = "::"), PASS},

	/* --- tunnels, VLAN tags and ways that are too narrow --------------------------------- */
	{"4in4", V4(UDP, "203.0.113.50", .to_port = 9, .payload = 40), TO_T2},
	{"4in4, a SYN", V4(TCP, "203.0.113.50", .to_port = 80, .tcp_flags = TCP_SYN), TO_T1},
	{"4in4, DSCP and ECN are copied",
	 V4(UDP, "203.0.113.50", .to_port = 9, .traffic_class = 0xbb), TO_T2},
	{"4in4, options", V4(UDP, "203.0.113.50", .to_port = 9, .ipv4_options = 40), TO_T2},
	{"4in4, padding behind the packet",
	 V4(UDP, "203.0.113.50", .to_port = 9, .padding = 18), TO_T2},
	{"4in4, from a VLAN", V4(UDP, "203.0.113.50", .to_port = 9, .tags = {VLAN}), TO_T2},
	{"4in4, the longest that comes in", V4(UDP, "203.0.113.50", .to_port = 9, .payload = 1472),
	 TO_T2},
	{"4in4, an error about its flow",
	 {.from = ROUTER, .to = "203.0.113.50", .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTED(UDP, "203.0.113.50", 9)}, TO_T2},
	{"4in4, a first fragment",
	 V4(UDP, "203.0.113.50", .to_port = 9, V4_PART(0x5001, 0x2000)), TO_T2},
	{"4in4, a later fragment",
	 V4(UDP, "203.0.113.50", V4_PART(0x5001, 0x0005)), TO_T2},
	{"4in6", V4(UDP, "203.0.113.51", .to_port = 9, .payload = 1), TO_T3},
	{"4in6, from two VLANs",
	 V4(UDP, "203.0.113.51", .to_port = 9, .tags = {SERVICE_VLAN, VLAN}), TO_T3},
	{"gue 4 over 4", V4(UDP, "203.0.113.52", .to_port = 9, .payload = 2), TO_T4},
	{"gue 4 over 6", V4(UDP, "203.0.113.53", .to_port = 9, .payload = 3), TO_T5},
	{"6in6", V6(UDP, "2001:db8:1::50", .to_port = 9, .payload = 30), TO_T6},
	{"6in6, the traffic class is copied",
	 V6(UDP, "2001:db8:1::50", .to_port = 9, .traffic_class = 0xb9),
	 TO_T6},
	{"6in6, extension headers",
	 V6(UDP, "2001:db8:1::50", .to_port = 9, .extensions = "hd"), TO_T6},
	{"6in4", V6(UDP, "2001:db8:1::51", .to_port = 9), TO_T7},
	{"gue 6 over 6", V6(UDP, "2001:db8:1::52", .to_port = 9), TO_T8},
	{"gue 6 over 4", V6(UDP, "2001:db8:1::53", .to_port = 9, .tags = {VLAN}), TO_T9},
	{"to a VLAN", V4(UDP, "203.0.113.54", .to_port = 9), TO_V1},
	{"from a VLAN to another", V4(UDP, "203.0.113.54", .to_port = 9, .tags = {VLAN}), TO_V1},
	{"from two VLANs to another",
	 V4(UDP, "203.0.113.54", .to_port = 9, .tags = {SERVICE_VLAN, VLAN}), TO_V1},
	{"gue into a VLAN", V6(UDP, "2001:db8:1::54", .to_port = 9), TO_V2},
	{"dsr, just fits", V4(UDP, "203.0.113.55", .to_port = 9, .payload = 1252), TO_M1},
	{"dsr, too big", V4(UDP, "203.0.113.55", .to_port = 9, .payload = 1253), REFUSED_BY("narrow", "m1"),
	 .reply = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "203.0.113.55", .to = CLIENT,
	  .protocol = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4, .icmp_rest = 1280,
	  .no_id = true, .quote_length = 548,
	  .quote = &(const struct recipe) V4(UDP, "203.0.113.55", .to_port = 9, .payload = 1253)}},
	{"dsr, too big, a later fragment of a datagram of which nothing is known",
	 V4(UDP, "203.0.113.55", .payload = 1400, .fragment_id = 0x5002, .ipv4_fragment = 0x2005),
	 HOLD},
	{"ipip, just fits", V4(TCP, "203.0.113.56", .to_port = 9, .tcp_flags = TCP_ACK,
	 .payload = 1220), TO_M3},
	{"ipip, too big", V4(TCP, "203.0.113.56", .to_port = 9, .tcp_flags = TCP_ACK, .payload = 1221,
	 .tags = {VLAN}), REFUSED_BY("narrow4", "m3"),
	 .reply = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "203.0.113.56", .to = CLIENT,
	  .tags = {VLAN},
	  .protocol = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4, .icmp_rest = 1260,
	  .no_id = true, .quote_length = 548,
	  .quote = &(const struct recipe) V4(TCP, "203.0.113.56", .to_port = 9, .tcp_flags = TCP_ACK,
	   .payload = 1221)}},
	{"gue, just fits", V6(UDP, "2001:db8:1::55", .to_port = 9, .payload = 1404), TO_M2},
	{"gue, too big", V6(UDP, "2001:db8:1::55", .to_port = 9, .payload = 1405),
	 REFUSED_BY("narrow6", "m2"),
	 .reply = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "2001:db8:1::55",
	  .to = CLIENT6, .protocol = IPPROTO_ICMPV6, .icmp_type = 2, .icmp_rest = 1452,
	  .quote_length = 1232,
	  .quote = &(const struct recipe) V6(UDP, "2001:db8:1::55", .to_port = 9, .payload = 1405)}},
	{"gue, too big, from nobody",
	 {.from = "::", .to = "2001:db8:1::55", .protocol = IPPROTO_UDP, .to_port = 9,
	  .payload = 1405}, WORKER_DROPS(TOO_BIG, .never_repeated = true, .service = "narrow6", .backend = "m2")},
};
/* clang-format on */
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
