/* SPDX-License-Identifier: BSD-2-Clause */
/* The words that packet_cases[] is written in: packets, verdicts, and whom packets go to. */
#ifndef WEIR_TESTS_PACKET_WORDS_H
#define WEIR_TESTS_PACKET_WORDS_H

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
	.verdict = LB_TRANSMIT, .service = (service_), .backend = (backend_), .never_repeated = true, \
	.refused = true

/* By nat each service has one port to come from (packet_table_yaml). */
#define SNAT    "192.0.2.200"
#define SNAT6   "2001:db8:9::200"
#define NAT4    "203.0.113.60" /* to IPv4 */
#define NAT46   "203.0.113.61" /* to IPv6 */
#define NAT6    "2001:db8:1::60"
#define NAT64   "2001:db8:1::61"
#define NAT_PORT 5000
#define BY_NAT(service_, mac_, ...) \
	.verdict = LB_TRANSMIT, .service = (service_), .backend = "b", \
	.reply = {.mac_from = PORT_MAC, .mac_to = (mac_), .hop_limit = 63, __VA_ARGS__}
#define NAT_DROPS(reason_, service_) \
	WORKER_DROPS(reason_, .service = (service_), .backend = "b", .never_repeated = true)
/* Addresses and ports. */
#define FROM_TO(from_, from_port_, to_, to_port_) \
	.from = (from_), .from_port = (from_port_), .to = (to_), .to_port = (to_port_)
#define QUOTING(...) .quote = &(const struct recipe){__VA_ARGS__}
/* clang-format on */

#endif
