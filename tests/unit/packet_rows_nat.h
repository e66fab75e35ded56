/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of packet_cases[]: nat, of both families and between them. For packet_table.c alone. */
/* clang-format off */

/* --- UDP: of the client, of the backend; `to` and `from` say what else is in headers then --------- */
#define NAT_UDP(service_, client_, vip_, snat_, backend_, mac_, to_, from_) \
	{service_ ", a datagram", \
	 {FROM_TO(client_, CLIENT_PORT, vip_, 9), .protocol = IPPROTO_UDP, .payload = 30}, \
	 BY_NAT(service_, mac_, FROM_TO(snat_, NAT_PORT, backend_, 9), .protocol = IPPROTO_UDP, \
		.payload = 30, to_)}, \
	{service_ ", its answer", \
	 {.mac_from = mac_, FROM_TO(backend_, 9, snat_, NAT_PORT), .protocol = IPPROTO_UDP, \
	  .payload = 30}, \
	 BY_NAT(service_, CLIENT_MAC, FROM_TO(vip_, 9, client_, CLIENT_PORT), \
		.protocol = IPPROTO_UDP, .payload = 30, from_)}, \
	{service_ ", a long datagram", \
	 {FROM_TO(client_, CLIENT_PORT, vip_, 9), .protocol = IPPROTO_UDP, .payload = 1300}, \
	 BY_NAT(service_, mac_, FROM_TO(snat_, NAT_PORT, backend_, 9), .protocol = IPPROTO_UDP, \
		.payload = 1300, to_)}, \
	{service_ ", a long answer", \
	 {.mac_from = mac_, FROM_TO(backend_, 9, snat_, NAT_PORT), .protocol = IPPROTO_UDP, \
	  .payload = 1300}, \
	 BY_NAT(service_, CLIENT_MAC, FROM_TO(vip_, 9, client_, CLIENT_PORT), \
		.protocol = IPPROTO_UDP, .payload = 1300, from_)}, \
	{service_ ", the traffic class stays", \
	 {FROM_TO(client_, CLIENT_PORT, vip_, 9), .protocol = IPPROTO_UDP, .traffic_class = 0xbb}, \
	 BY_NAT(service_, mac_, FROM_TO(snat_, NAT_PORT, backend_, 9), .protocol = IPPROTO_UDP, \
		.traffic_class = 0xbb, to_)}, \
	{service_ ", no port is left", \
	 {FROM_TO(client_, 41001, vip_, 9), .protocol = IPPROTO_UDP}, \
	 NAT_DROPS(NAT_EXHAUSTED, service_)}, \
	{service_ ", the last hop", \
	 {FROM_TO(client_, CLIENT_PORT, vip_, 9), .protocol = IPPROTO_UDP, .hop_limit = 1}, \
	 NAT_DROPS(HOP_LIMIT, service_)}, \
	{service_ ", an answer of nobody", \
	 {.mac_from = mac_, FROM_TO(backend_, 10, snat_, NAT_PORT), .protocol = IPPROTO_UDP}, \
	 WORKER_DROPS(NAT_UNKNOWN, .never_repeated = true)}
#define ANEW .ipv4_anew = true
#define KEPT .ipv4_anew = false
	NAT_UDP("nat44", CLIENT, NAT4, SNAT, "10.0.0.60", "02:04:0a:00:00:3c", KEPT, KEPT),
	NAT_UDP("nat66", CLIENT6, NAT6, SNAT6, "2001:db8:2::60", "02:06:00:00:00:60", KEPT, KEPT),
	NAT_UDP("nat46", CLIENT, NAT46, SNAT6, "2001:db8:2::62", "02:06:00:00:00:62", KEPT, ANEW),
	NAT_UDP("nat64", CLIENT6, NAT64, SNAT, "10.0.0.62", "02:04:0a:00:00:3e", ANEW, KEPT),

/* --- TCP ---------------------------------------------------------------------------------------- */
#define NAT_TCP_TO(name_, service_, client_, vip_, snat_, backend_, mac_, to_, ...) \
	{service_ ", " name_, \
	 {FROM_TO(client_, CLIENT_PORT, vip_, 80), .protocol = IPPROTO_TCP, __VA_ARGS__}, \
	 BY_NAT(service_, mac_, FROM_TO(snat_, NAT_PORT, backend_, 8080), \
		.protocol = IPPROTO_TCP, to_, __VA_ARGS__)
#define NAT_TCP_FROM(name_, service_, client_, vip_, snat_, backend_, mac_, from_, ...) \
	{service_ ", " name_, \
	 {.mac_from = mac_, FROM_TO(backend_, 8080, snat_, NAT_PORT), .protocol = IPPROTO_TCP, \
	  __VA_ARGS__}, \
	 BY_NAT(service_, CLIENT_MAC, FROM_TO(vip_, 80, client_, CLIENT_PORT), \
		.protocol = IPPROTO_TCP, from_, __VA_ARGS__)
#define NAT_TCP(service_, client_, vip_, snat_, backend_, mac_, to_, from_) \
	{service_ ", in the middle of a connection that nobody knows", \
	 {FROM_TO(client_, 41002, vip_, 80), .protocol = IPPROTO_TCP, .tcp_flags = TCP_ACK}, \
	 NAT_DROPS(NAT_UNKNOWN, service_)}, \
	NAT_TCP_TO("a SYN", service_, client_, vip_, snat_, backend_, mac_, to_, \
		   .tcp_flags = TCP_SYN)}, \
	NAT_TCP_FROM("its answer", service_, client_, vip_, snat_, backend_, mac_, from_, \
		     .tcp_flags = TCP_SYN | TCP_ACK)}, \
	NAT_TCP_TO("an ACK", service_, client_, vip_, snat_, backend_, mac_, to_, \
		   .tcp_flags = TCP_ACK), .repeated = true}, \
	NAT_TCP_TO("data", service_, client_, vip_, snat_, backend_, mac_, to_, \
		   .tcp_flags = TCP_ACK | TCP_PSH, .payload = 1001), .repeated = true}, \
	NAT_TCP_FROM("data of the backend", service_, client_, vip_, snat_, backend_, mac_, from_, \
		     .tcp_flags = TCP_ACK, .payload = 1400), .repeated = true}
	NAT_TCP("nat44t", CLIENT, NAT4, SNAT, "10.0.0.61", "02:04:0a:00:00:3d", KEPT, KEPT),
	NAT_TCP("nat66t", CLIENT6, NAT6, SNAT6, "2001:db8:2::61", "02:06:00:00:00:61", KEPT, KEPT),
	NAT_TCP("nat46t", CLIENT, NAT46, SNAT6, "2001:db8:2::63", "02:06:00:00:00:63", KEPT, ANEW),
	NAT_TCP("nat64t", CLIENT6, NAT64, SNAT, "10.0.0.63", "02:04:0a:00:00:3f", ANEW, KEPT),

/* --- errors: of a router in front of Weir, to the backend; of one behind it, to the client -------- */
#define TOO_BIG4(mtu_) .protocol = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4, .icmp_rest = mtu_
#define TOO_BIG6(mtu_) .protocol = IPPROTO_ICMPV6, .icmp_type = 2, .icmp_rest = mtu_
#define QUOTE_UDP .protocol = IPPROTO_UDP, .payload = 100
#define NAT_ERRORS(service_, client_, vip_, router_, snat_, backend_, back_router_, mac_, \
		   in_front_, told_backend_, behind_, told_client_) \
	{service_ ", too big for a router on the way to the client", \
	 {.from = router_, .to = vip_, in_front_, \
	  QUOTING(FROM_TO(vip_, 9, client_, CLIENT_PORT), QUOTE_UDP)}, \
	 BY_NAT(service_, mac_, .from = snat_, .to = backend_, told_backend_, .ipv4_anew = true, \
		QUOTING(FROM_TO(backend_, 9, snat_, NAT_PORT), QUOTE_UDP, .no_id = CROSS))}, \
	{service_ ", too big for a router on the way to the backend", \
	 {.from = back_router_, .to = snat_, behind_, \
	  QUOTING(FROM_TO(snat_, NAT_PORT, backend_, 9), QUOTE_UDP)}, \
	 BY_NAT(service_, CLIENT_MAC, .from = vip_, .to = client_, told_client_, .ipv4_anew = true, \
		QUOTING(FROM_TO(client_, CLIENT_PORT, vip_, 9), QUOTE_UDP, .no_id = CROSS))}
#define CROSS false
	NAT_ERRORS("nat44", CLIENT, NAT4, ROUTER, SNAT, "10.0.0.60", ROUTER, "02:04:0a:00:00:3c",
		   TOO_BIG4(1400), TOO_BIG4(1400), TOO_BIG4(1400), TOO_BIG4(1400)),
	NAT_ERRORS("nat66", CLIENT6, NAT6, ROUTER6, SNAT6, "2001:db8:2::60", ROUTER6,
		   "02:06:00:00:00:60", TOO_BIG6(1400), TOO_BIG6(1400), TOO_BIG6(1400), TOO_BIG6(1400)),
#undef CROSS
#define CROSS true
	NAT_ERRORS("nat46", CLIENT, NAT46, ROUTER, SNAT6, "2001:db8:2::62", ROUTER6,
		   "02:06:00:00:00:62", TOO_BIG4(1400), TOO_BIG6(1420), TOO_BIG6(1400), TOO_BIG4(1380)),
	NAT_ERRORS("nat64", CLIENT6, NAT64, ROUTER6, SNAT, "10.0.0.62", ROUTER, "02:04:0a:00:00:3e",
		   TOO_BIG6(1400), TOO_BIG4(1380), TOO_BIG4(1400), TOO_BIG6(1420)),
#undef CROSS
	{"nat44t, unreachable, with as much of TCP as RFC 792 asks for",
	 {.from = ROUTER, .to = SNAT, .protocol = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 1,
	  .quote_length = 28, QUOTING(FROM_TO(SNAT, NAT_PORT, "10.0.0.61", 8080), .protocol = IPPROTO_TCP)},
	 BY_NAT("nat44t", CLIENT_MAC, .from = NAT4, .to = CLIENT, .protocol = IPPROTO_ICMP, .ipv4_anew = true,
		.icmp_type = 3, .icmp_code = 1, .quote_length = 28,
		QUOTING(FROM_TO(CLIENT, CLIENT_PORT, NAT4, 80), .protocol = IPPROTO_TCP))},
	{"an error about a connection of nobody",
	 {.from = ROUTER, .to = SNAT, .protocol = IPPROTO_ICMP, .icmp_type = 3,
	  QUOTING(FROM_TO(SNAT, NAT_PORT, "10.0.0.99", 9), .protocol = IPPROTO_UDP)},
	 WORKER_DROPS(NAT_UNKNOWN)},
	{"nat44, a first fragment",
	 V4(UDP, NAT4, .to_port = 9, V4_PART(0x6001, 0x2000)),
	 BY_NAT("nat44", "02:04:0a:00:00:3c", FROM_TO(SNAT, NAT_PORT, "10.0.0.60", 9),
		.protocol = IPPROTO_UDP, V4_PART(0x6001, 0x2000))},
	{"nat44, a later one",
	 V4(UDP, NAT4, V4_PART(0x6001, 0x0005), .pokes = {POKE(4, 6, 0), POKE(4, 7, 0)}),
	 BY_NAT("nat44", "02:04:0a:00:00:3c", .from = SNAT, .to = "10.0.0.60",
		.protocol = IPPROTO_UDP, V4_PART(0x6001, 0x0005),
		.pokes = {POKE(4, 6, 0), POKE(4, 7, 0)})},
	{"nat46, a first fragment",
	 V4(UDP, NAT46, .to_port = 9, V4_PART(0x6002, 0x2000)), NAT_DROPS(UNTRANSLATABLE, "nat46")},
	{"nat44, from a VLAN",
	 V4(UDP, NAT4, .to_port = 11, .tags = {VLAN}), .never_repeated = true,
	 BY_NAT("nat44", "02:04:0a:00:00:3c", FROM_TO(SNAT, NAT_PORT, "10.0.0.60", 11),
		.protocol = IPPROTO_UDP)},
	{"nat44, the answer, to that VLAN",
	 {.mac_from = "02:04:0a:00:00:3c", FROM_TO("10.0.0.60", 11, SNAT, NAT_PORT),
	  .protocol = IPPROTO_UDP}, .never_repeated = true,
	 BY_NAT("nat44", CLIENT_MAC, FROM_TO(NAT4, 11, CLIENT, CLIENT_PORT), .protocol = IPPROTO_UDP,
		.tags = {VLAN})},
	{"nat44, the answer of a backend in a VLAN",
	 {.mac_from = "02:04:0a:00:00:3c", .tags = {VLAN}, FROM_TO("10.0.0.60", 9, SNAT, NAT_PORT),
	  .protocol = IPPROTO_UDP, .payload = 7}, .never_repeated = true,
	 BY_NAT("nat44", CLIENT_MAC, FROM_TO(NAT4, 9, CLIENT, CLIENT_PORT), .protocol = IPPROTO_UDP,
		.payload = 7)},
	{"nat64, the answer of a backend in a VLAN",
	 {.mac_from = "02:04:0a:00:00:3e", .tags = {VLAN}, FROM_TO("10.0.0.62", 9, SNAT, NAT_PORT),
	  .protocol = IPPROTO_UDP, .payload = 7},
	 BY_NAT("nat64", CLIENT_MAC, FROM_TO(NAT64, 9, CLIENT6, CLIENT_PORT), .protocol = IPPROTO_UDP,
		.payload = 7)},
	{"arp for a SNAT address in a VLAN", ASK(.to = SNAT, .tags = {VLAN}),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = SNAT,
	  .to = CLIENT, .arp_target_mac = CLIENT_MAC, .tags = {VLAN}}},
	{"nat, just fits", V4(UDP, "203.0.113.62", .to_port = 9, .payload = 1252),
	 BY_NAT("natslim", "02:04:0a:00:00:40", FROM_TO(SNAT, NAT_PORT, "10.0.0.64", 9),
		.protocol = IPPROTO_UDP, .payload = 1252)},
	{"nat, too big", V4(UDP, "203.0.113.62", .to_port = 9, .payload = 1253),
	 REFUSED_BY("natslim", "b"),
	 .reply = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "203.0.113.62", .to = CLIENT,
	  .protocol = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4, .icmp_rest = 1280,
	  .no_id = true, .quote_length = 548,
	  .quote = &(const struct recipe) V4(UDP, "203.0.113.62", .to_port = 9, .payload = 1253)}},
	{"nat46, just fits", V4(UDP, "203.0.113.63", .to_port = 9, .payload = 1232),
	 BY_NAT("natslim46", "02:06:00:00:00:65", FROM_TO(SNAT6, NAT_PORT, "2001:db8:2::65", 9),
		.protocol = IPPROTO_UDP, .payload = 1232)},
	{"nat46, too big with the longer header", V4(UDP, "203.0.113.63", .to_port = 9, .payload = 1233),
	 REFUSED_BY("natslim46", "b"),
	 .reply = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = "203.0.113.63", .to = CLIENT,
	  .protocol = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4, .icmp_rest = 1260,
	  .no_id = true, .quote_length = 548,
	  .quote = &(const struct recipe) V4(UDP, "203.0.113.63", .to_port = 9, .payload = 1233)}},
	{"malformed, to a SNAT address",
	 V4(UDP, SNAT, .to_port = 9, .pokes = {POKE(3, 0, 0x44)}), DROP(MALFORMED_IPV4)},
	{"a protocol that nat does not know, to a SNAT address",
	 {.from = CLIENT, .to = SNAT, .protocol = 132, .payload = 20}, PASS},
	{"arp for a SNAT address", ASK(.to = SNAT),
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .arp_op = 2, .from = SNAT,
	  .to = CLIENT, .arp_target_mac = CLIENT_MAC}},
	{"solicitation for a SNAT address",
	 {.from = CLIENT6, .to = SNAT6, .protocol = IPPROTO_ICMPV6, .nd_type = 135,
	  .nd_target = SNAT6},
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = SNAT6,
	  .to = CLIENT6, .protocol = IPPROTO_ICMPV6, .nd_type = 136, .nd_flags = 0x60000000,
	  .nd_option = 2, .nd_target = SNAT6}},
	{"ping of a SNAT address",
	 {.from = CLIENT, .to = SNAT, .protocol = IPPROTO_ICMP, .payload = 8},
	 REPLY = {.mac_from = PORT_MAC, .mac_to = CLIENT_MAC, .from = SNAT, .to = CLIENT,
	  .protocol = IPPROTO_ICMP, .icmp_is_reply = true, .payload = 8}},
	/* clang-format on */
