/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of faults[]: services and their ports. For test_config_faults.c alone. */
/* clang-format off */

	/* Services. */
	{ETH0 "services:\n  - name: a/b\n",
	 "f:3: services[0].name: found 'a/b'; expected " NAME_EXPECTED},
	{ETH0 "services:\n  - name: " NAME_64 "\n",
	 "f:3: services[0].name: found 'a23456789b23456789c23456789d23456789e23456...'; "
	 "expected " NAME_EXPECTED},
	{ETH0 "services:\n  - {name: web, address: example.org}\n",
	 "f:3: services[0].address: found 'example.org'; expected an IPv4 or IPv6 address or "
	 "prefix"},
	{ETH0 "services:\n  - {name: web, address: \"::ffff:10.0.0.1\"}\n",
	 "f:3: services[0].address: found '::ffff:10.0.0.1'; expected an IPv4 or IPv6 address or "
	 "prefix"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.0/33}\n",
	 "f:3: services[0].address: found '10.0.0.0/33'; expected an IPv4 or IPv6 address or "
	 "prefix"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.0/}\n",
	 "f:3: services[0].address: found '10.0.0.0/'; expected an IPv4 or IPv6 address or prefix"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.0/8/8}\n",
	 "f:3: services[0].address: found '10.0.0.0/8/8'; expected an IPv4 or IPv6 address or "
	 "prefix"},
	{ETH0 "services:\n  - {name: web, address: \"fd00::/129\"}\n",
	 "f:3: services[0].address: found 'fd00::/129'; expected an IPv4 or IPv6 address or "
	 "prefix"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.1/24}\n",
	 "f:3: services[0].address: 10.0.0.1/24 has bits behind its length; expected 10.0.0.0/24"},
	{ETH0 "services:\n  - {name: web, address: \"fd00::1/64\"}\n",
	 "f:3: services[0].address: fd00::1/64 has bits behind its length; expected fd00::/64"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.0/7}\n",
	 "f:3: services[0].address: 10.0.0.0/7 is a prefix shorter than 8 bits; expected one that "
	 "a single host can have"},
	{ETH0 "services:\n  - {name: web, address: \"fc00::/7\"}\n",
	 "f:3: services[0].address: fc00::/7 is a prefix shorter than 16 bits; expected one that a "
	 "single host can have"},
	{ETH0 "services:\n  - {name: web, address: \"::fffe:0:0/95\"}\n",
	 "f:3: services[0].address: ::fffe:0:0/95 is a prefix around IPv4-mapped addresses; "
	 "expected one that a single host can have"},
	{ETH0 "services:\n  - {name: web, address: 127.0.0.0/8}\n",
	 "f:3: services[0].address: 127.0.0.0/8 is a loopback address; expected one that a single "
	 "host can have"},
	{ETH0 "services:\n  - {name: web, address: \"ff02::/16\"}\n",
	 "f:3: services[0].address: ff02::/16 is a multicast address; expected one that a single "
	 "host can have"},
	{WEB PORT80 "backends: [{name: b1, address: 10.0.0.0/24}]}\n",
	 "f:3: services[0].backends[0].address: found '10.0.0.0/24'; expected an IPv4 or IPv6 "
	 "address"},
	{ETH0 "services:\n  - {name: p, address: 10.0.0.0/24, protocol: tcp, ports: 80, "
	      "backends: [{name: b1, address: 10.0.0.255}]}\n",
	 "f:3: services[0].backends[0].address: 10.0.0.255 is in the service's own prefix; "
	 "expected the backend's"},
	{ETH0 "services:\n  - {name: p, address: 10.0.0.0/24, protocol: tcp, ports: 80, " EMPTY
	      "  - {name: q, address: 10.0.0.0/24, protocol: tcp, ports: 80-90, " EMPTY,
	 "f:4: services[1].ports: 80-90 overlaps 80 of service 'p' at the same address and "
	 "protocol; a port belongs to one service"},
	{ETH0 "services:\n  - {name: a, address: 10.0.0.0/8, protocol: tcp, ports: 1, " EMPTY
	      "  - {name: b, address: 10.0.0.0/16, protocol: udp, ports: 1, " EMPTY
	      "  - {name: e, address: 10.0.0.0/30, protocol: tcp, ports: 1, " EMPTY
	      "  - {name: c, address: 10.0.0.0/20, protocol: tcp, ports: 1, " EMPTY
	      "  - {name: d, address: 10.0.0.0/24, protocol: tcp, ports: 1, " EMPTY,
	 "f:5: services[2].address: 10.0.0.0/30 is in more than 3 other prefixes; make fewer of "
	 "them"},
	{ETH0 "services:\n  - {name: web, address: 0.0.0.0}\n",
	 "f:3: services[0].address: 0.0.0.0 is the unspecified address; expected one that a "
	 "single host can have"},
	{ETH0 "services:\n  - {name: web, address: 127.1.2.3}\n",
	 "f:3: services[0].address: 127.1.2.3 is a loopback address; expected one that a single "
	 "host can have"},
	{ETH0 "services:\n  - {name: web, address: 239.255.255.255}\n",
	 "f:3: services[0].address: 239.255.255.255 is a multicast address; expected one that a "
	 "single host can have"},
	{ETH0 "services:\n  - {name: web, address: 255.255.255.255}\n",
	 "f:3: services[0].address: 255.255.255.255 is the broadcast address; expected one that a "
	 "single host can have"},
	{ETH0 "services:\n  - {name: web, address: \"::\"}\n",
	 "f:3: services[0].address: :: is the unspecified address; expected one that a single "
	 "host can have"},
	{ETH0 "services:\n  - {name: web, address: \"::1\"}\n",
	 "f:3: services[0].address: ::1 is a loopback address; expected one that a single host "
	 "can have"},
	{ETH0 "services:\n  - {name: web, address: \"ff02::1\"}\n",
	 "f:3: services[0].address: ff02::1 is a multicast address; expected one that a single "
	 "host can have"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.1, protocol: sctp}\n",
	 "f:3: services[0].protocol: found 'sctp'; expected tcp or udp"},
	{WEB "forward: direct}\n",
	 "f:3: services[0].forward: found 'direct'; expected dsr or nat or ipip or gue"},
	{WEB PORT80 "scheduler: least-connections, affinity: source, " EMPTY,
	 "f:3: services[0].scheduler: 'least-connections' does not keep a client's flows together; "
	 "expected maglev, or affinity: flow"},
	{ETH0 "services:\n  - {name: web, address: 10.0.0.1, protocol: udp, ports: 53, "
	      "scheduler: least-connections, tracking: none, " EMPTY,
	 "f:3: services[0].scheduler: 'least-connections' counts flows; expected maglev, or "
	 "tracking: flow"},
	{WEB PORT80 "scheduler: random, " EMPTY,
	 "f:3: services[0].scheduler: found 'random'; expected maglev or least-connections"},
	{WEB PORT80 "slow_start: 2, " EMPTY,
	 "f:3: services[0].slow_start: found '2'; expected a duration up to 60m, written like 30s "
	 "or 5m, or 0s"},
	{WEB PORT80 "slow_start: 61m, " EMPTY,
	 "f:3: services[0].slow_start: found '61m'; expected a duration up to 60m, written like "
	 "30s or 5m, or 0s"},
	{WEB PORT80 "min_up: 0, " EMPTY,
	 "f:3: services[0].min_up: found '0'; expected a whole number from 1 to 65535"},
	{WEB PORT80 "syn_protection: on, " EMPTY,
	 "f:3: services[0].syn_protection: found 'on'; expected none or cookies"},
	{WEB PORT80 "half_open_limit: 0, " EMPTY,
	 "f:3: services[0].half_open_limit: found '0'; expected a whole number from 1 to 1000000"},
	{ETH0 "services:\n  - {name: dns, address: 10.0.0.1, protocol: udp, " PORT80
	      "\n     syn_protection: cookies, " EMPTY,
	 "f:4: services[0].syn_protection: is for tcp: no other protocol opens connections by a "
	 "SYN"},
	{WEB PORT80 "no_backend: reject, " EMPTY,
	 "f:3: services[0].no_backend: found 'reject'; expected drop or pass or reset"},
	{WEB PORT80 "backends: [{name: b1, address: 10.0.0.2, backup: yes}]}\n",
	 "f:3: services[0].backends[0].backup: found 'yes'; expected true or false"},
	{WEB "affinity: cookie}\n",
	 "f:3: services[0].affinity: found 'cookie'; expected flow or source or quic"},
#define H3(quic, backends)                                                                        \
	ETH0 "services:\n  - {name: h3, address: 10.0.0.1, protocol: udp, ports: 443, affinity: " \
	     "quic, quic: {" quic "}, backends: [" backends "]}\n"
	{WEB PORT80 "affinity: quic, " EMPTY,
	 "f:3: services[0].affinity: 'quic' is for udp; expected flow or source"},
	{H3("config_id: 7", ""),
	 "f:3: services[0].quic.config_id: found '7'; expected a whole number from 0 to 6"},
	{H3("server_id_length: 9", ""),
	 "f:3: services[0].quic.server_id_length: found '9'; expected a whole number from 1 to 8"},
	{H3("", "{name: a, address: 10.0.0.2, server_id: 0x001}"),
	 "f:3: services[0].backends[0].server_id: found '0x001'; expected " SERVER_ID},
	{H3("", "{name: a, address: 10.0.0.2, server_id: 1}"),
	 "f:3: services[0].backends[0].server_id: found '1'; expected " SERVER_ID},
	{H3("", "{name: a, address: 10.0.0.2, server_id: 0x112233445566778899}"),
	 "f:3: services[0].backends[0].server_id: found '0x112233445566778899'; "
	 "expected " SERVER_ID},
	{H3("", "{name: a, address: 10.0.0.2}"),
	 "f:3: services[0].backends[0].server_id: 'none', but affinity quic finds backends by "
	 "their ids; expected 2 bytes"},
	{H3("server_id_length: 3", "{name: a, address: 10.0.0.2, server_id: 0x0001}"),
	 "f:3: services[0].backends[0].server_id: 2 bytes; quic.server_id_length says 3"},
	{H3("", "{name: a, address: 10.0.0.2, server_id: 0x00aa}, {name: b, address: 10.0.0.3, "
		"server_id: 0x00bb}, {name: c, address: 10.0.0.4, server_id: 0x00AA}"),
	 "f:3: services[0].backends[2].server_id: is that of backend 'a' too; each needs its own"},
	{WEB PORT80 "backends: [{name: a, address: 10.0.0.2, server_id: 0x0001}]}\n",
	 "f:3: services[0].backends[0].server_id: is for services with affinity quic"},
	{WEB "tracking: off}\n", "f:3: services[0].tracking: found 'off'; expected flow or none"},
	{WEB PORT80 "tracking: none, " EMPTY,
	 "f:3: services[0].tracking: 'none' is for udp: a TCP connection breaks where its backend "
	 "changes; expected flow"},
	{WEB "announce: maybe}\n", "f:3: services[0].announce: found 'maybe'; expected neighbor or "
				   "route or none"},
	{WEB PORT80 "announce: route, " EMPTY,
	 "f:3: services[0].announce: route needs the kernel's table that routes of VIPs go to; add "
	 "announce: {table: 77}"},
	{"announce: {table: 0}\n" WEB PORT80 EMPTY,
	 "f:1: announce.table: found '0'; expected " ROUTE_TABLE},
	{"announce: {table: 255}\n" WEB PORT80 EMPTY,
	 "f:1: announce.table: found '255'; expected " ROUTE_TABLE},
	{"announce: {table: main}\n" WEB PORT80 EMPTY,
	 "f:1: announce.table: found 'main'; expected " ROUTE_TABLE},
	{"announce: {table: 4294967296}\n" WEB PORT80 EMPTY,
	 "f:1: announce.table: found '4294967296'; expected " ROUTE_TABLE},
	{"announce: {table: [77]}\n" WEB PORT80 EMPTY,
	 "f:1: announce.table: found a list; expected " ROUTE_TABLE},
	{"announce: {damping: 11m}\n" WEB PORT80 EMPTY,
	 "f:1: announce.damping: found '11m'; expected a duration up to 10m, written like 500ms, "
	 "5s "
	 "or 1m, or 0s"},
	{"announce: {table: 77}\n" WEB PORT80
	 "announce: route, announce_min_up: 2, backends: [{name: b1, address: 10.0.0.2}]}\n",
	 "f:4: services[0].announce_min_up: 2, but the service has 1 backends, so it would never "
	 "be "
	 "announced; expected at most 1"},
	{WEB PORT80 "announce_min_up: 0, " EMPTY,
	 "f:3: services[0].announce_min_up: found '0'; expected a whole number from 1 to 65535"},
	{"drain: 61m\n" WEB PORT80 EMPTY,
	 "f:1: drain: found '61m'; expected a duration up to 60m, written like 30s or 5m, or 0s"},

	/* Ports. */
	{WEB "ports: 0}\n", "f:3: services[0].ports: found '0'; expected " PORT_EXPECTED},
	{WEB "ports: 65536}\n", "f:3: services[0].ports: found '65536'; expected " PORT_EXPECTED},
	{WEB "ports: http}\n", "f:3: services[0].ports: found 'http'; expected " PORT_EXPECTED},
	{WEB "ports: 80-}\n", "f:3: services[0].ports: found '80-'; expected " PORT_EXPECTED},
	{WEB "ports: 1-2-3}\n", "f:3: services[0].ports: found '1-2-3'; expected " PORT_EXPECTED},
	{WEB "ports: 90-80}\n",
	 "f:3: services[0].ports: the range 90-80 ends before it begins; expected 80-90"},
	{WEB "ports: []}\n",
	 "f:3: services[0].ports: found an empty list; expected " PORTS_EXPECTED},
	{WEB "ports: {}}\n", "f:3: services[0].ports: found a mapping; expected " PORTS_EXPECTED},
	{WEB "ports: [80, any]}\n",
	 "f:3: services[0].ports[1]: found 'any'; expected " PORT_EXPECTED},
	{WEB "ports: [80, 443, 80], " EMPTY,
	 "f:3: services[0].ports: 80 and 80 overlap; list each port once"},
	{WEB "ports: [100-200, 80, 150], " EMPTY,
	 "f:3: services[0].ports: 100-200 and 150 overlap; list each port once"},
	{WEB "ports: [1-100, 5, 50-60, 99-120], " EMPTY,
	 "f:3: services[0].ports: 1-100 and 5 overlap; list each port once"},
	{WEB "ports: [1-100, 200-300, 300], " EMPTY,
	 "f:3: services[0].ports: 200-300 and 300 overlap; list each port once"},

	/* Services and each other. */
	{WEB PORT80 EMPTY "  - {name: web, address: 10.0.0.2, protocol: tcp, " PORT80 EMPTY,
	 "f:4: services[1].name: 'web' is that of services[0] too; each needs its own"},
	{WEB PORT80 EMPTY "  - {name: a, address: 10.0.0.1, protocol: tcp, " PORT80 EMPTY,
	 "f:4: services[1].ports: 80 overlaps 80 of service 'web' at the same address and "
	 "protocol; a port belongs to one service"},
	{WEB PORT80 EMPTY "  - {name: a, address: 10.0.0.1, protocol: tcp, ports: any, " EMPTY,
	 "f:4: services[1].ports: any overlaps 80 of service 'web' at the same address and "
	 "protocol; a port belongs to one service"},
	{WEB "ports: any, " EMPTY "  - {name: a, address: 10.0.0.1, protocol: tcp, " PORT80 EMPTY,
	 "f:4: services[1].ports: 80 overlaps any of service 'web' at the same address and "
	 "protocol; a port belongs to one service"},
	{WEB "ports: [1-100, 443], " EMPTY
	     "  - {name: a, address: 10.0.0.1, protocol: tcp, ports: 101-200, " EMPTY
	     "  - {name: b, address: 10.0.0.1, protocol: tcp, ports: 200-443, " EMPTY,
	 "f:5: services[2].ports: 200-443 overlaps 101-200 of service 'a' at the same address and "
	 "protocol; a port belongs to one service"},
	{"interfaces: [{name: eth0}, {name: eth1},\n  {name: eth0}]\n" NONE,
	 "f:2: interfaces[2].name: 'eth0' is that of interfaces[0] too; each needs its own"},
