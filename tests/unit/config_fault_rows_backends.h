/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of faults[]: backends, NAT and segments. For test_config_faults.c alone. */
/* clang-format off */

	/* Backends. */
	{WEB PORT80 "backends: {}}\n", "f:3: services[0].backends: found a mapping; expected a "
				       "list of mappings with the keys name, address, port, "
				       "weight, state, backup, server_id"},
	{WEB PORT80 "backends: [{name: a b}]}\n",
	 "f:3: services[0].backends[0].name: found 'a b'; expected " NAME_EXPECTED},
	{WEB PORT80 "backends: [{name: b1, address: 127.0.0.1}]}\n",
	 "f:3: services[0].backends[0].address: 127.0.0.1 is a loopback address; expected one that "
	 "a single host can have"},
	{WEB PORT80 "backends: [{name: b1, address: 10.0.0.2, weight: 65536}]}\n",
	 "f:3: services[0].backends[0].weight: found '65536'; expected a whole number from 0 to "
	 "65535"},
	{WEB PORT80 "backends: [{name: b1, address: 10.0.0.2, state: dead}]}\n",
	 "f:3: services[0].backends[0].state: found 'dead'; expected up or drain or down"},
	{ETH0 NONE "ipip: {source: 172.16.0.0/7}\n",
	 "f:3: ipip.source: found '172.16.0.0/7'; expected none or an IPv4 prefix of 8 to 31 bits"},
	{ETH0 NONE "ipip: {source: \"fd00::/16\"}\n",
	 "f:3: ipip.source: found 'fd00::/16'; expected none or an IPv4 prefix of 8 to 31 bits"},
	{ETH0 NONE "ipip: {source: 172.16.0.1/12}\n",
	 "f:3: ipip.source: 172.16.0.1/12 has bits behind its length; expected 172.16.0.0/12"},
	{WEB PORT80 "forward: gue,\n     backends: [{name: b1, address: 10.0.0.2, port: 8080}]}\n",
	 "f:4: services[0].backends[0].port: 8080, but with forward: gue a backend gets the "
	 "client's packet as it is, to the service's own port; expected same, or forward: nat"},
	{WEB PORT80 "forward: ipip,\n     backends: [{name: b1, address: 10.0.7.7}]}\n"
		    "  - {name: pool, address: 10.0.7.0/24, protocol: udp, " PORT80 EMPTY,
	 "f:4: services[0].backends[0].address: 10.0.7.7 is a VIP, that of service 'pool': packets "
	 "would come back; expected the backend's"},
	{WEB PORT80 "forward: ipip, backends: [{name: b1, address: 10.0.0.1}]}\n",
	 "f:3: services[0].backends[0].address: 10.0.0.1 is the service's own address; expected "
	 "the backend's"},
	{WEB PORT80 "backends: [{name: b1, address: 10.0.0.2, port: 0}]}\n",
	 "f:3: services[0].backends[0].port: found '0'; expected same or a port from 1 to 65535"},
	{WEB PORT80 "backends:\n     [{name: b1, address: 10.0.0.2, port: 8080}]}\n",
	 "f:4: services[0].backends[0].port: 8080, but with forward: dsr a backend gets the "
	 "client's packet as it is, to the service's own port; expected same, or forward: nat"},
	{WEB PORT80 "backends:\n     [{name: b1, address: 10.0.0.2},\n"
		    "      {name: b1,\n       address: 10.0.0.3}]}\n",
	 "f:5: services[0].backends[1].name: 'b1' is that of services[0].backends[0] too; each "
	 "needs its own"},
	{WEB PORT80 "backends:\n     [{name: b1, address: 10.0.0.2},\n"
		    "      {name: b2,\n       address: 10.0.0.2}]}\n",
	 "f:6: services[0].backends[1].address: 10.0.0.2 is that of services[0].backends[0] too; "
	 "each needs its own"},
	{WEB PORT80 "backends:\n     [{name: b1, address: 10.0.0.1}]}\n",
	 "f:4: services[0].backends[0].address: 10.0.0.1 is the service's own address; expected "
	 "the backend's"},
	{WEB PORT80 "backends:\n     [{name: b1, address: \"fd00::1\"}]}\n",
	 "f:4: services[0].backends[0].address: fd00::1 is not of the service's family; dsr needs "
	 "an IPv4 address"},
	{ETH0 "services:\n  - name: dns\n    address: fd00::1\n    protocol: udp\n    ports: 53\n"
	      "    backends:\n      - name: b1\n        address: 10.0.0.2\n",
	 "f:9: services[0].backends[0].address: 10.0.0.2 is not of the service's family; dsr needs "
	 "an IPv6 address"},

	/* NAT. */
	{WEB PORT80 "forward: nat,\n     backends: [{name: b1, address: 10.0.0.2}]}\n",
	 "f:3: services[0].forward: nat needs addresses that connections to the backends come "
	 "from; add nat: {addresses: [ADDRESS]}"},
	{"nat: {addresses: [10.0.0.9]}\n" WEB PORT80
	 "forward: nat,\n     backends: [{name: b1, address: \"fd00::2\"}]}\n",
	 "f:5: services[0].backends[0].address: fd00::2 is reached by nat, and nat.addresses has "
	 "no IPv6 address to come from; add one"},
	{"nat: {addresses: [10.0.0.9]}\n" WEB PORT80
	 "forward: nat,\n     backends: [{name: b1, address: 10.0.0.9}]}\n",
	 "f:5: services[0].backends[0].address: 10.0.0.9 is one of nat.addresses; expected the "
	 "backend's"},
	{"nat: {addresses: [10.0.0.9], peers: [10.0.0.2]}\nsync: {group: g}\n" WEB PORT80
	 "forward: nat,\n     backends: [{name: b1, address: 10.0.0.2}]}\n",
	 "f:6: services[0].backends[0].address: 10.0.0.2 is one of nat.peers; expected the "
	 "backend's"},
	{"nat: {addresses: [10.0.0.9],\n  peers: [10.0.0.8, 10.0.0.9]}\nsync: {group: g}\n" WEB
		 PORT80 EMPTY,
	 "f:2: nat.peers[1]: 10.0.0.9 is one of nat.addresses, from which this node opens "
	 "connections; expected those of other nodes"},
	{"nat: {addresses: [10.0.0.9],\n  peers: [10.0.0.1]}\nsync: {group: g}\n" WEB PORT80 EMPTY,
	 "f:2: nat.peers[0]: 10.0.0.1 is an address of service 'web'; expected one that nobody "
	 "else has"},
	{"nat: {addresses: [10.0.0.9],\n  peers: [10.0.0.8]}\n" WEB PORT80 EMPTY,
	 "f:2: nat.peers: without sync nothing is known of their connections; add sync: {group: "
	 "NAME}, or leave peers out"},
	{"nat:\n  addresses: [10.0.0.9,\n    10.0.0.1]\n" WEB PORT80 EMPTY,
	 "f:3: nat.addresses[1]: 10.0.0.1 is an address of service 'web'; expected one that nobody "
	 "else has"},
	{"nat: {addresses: [10.0.0.9, 10.0.0.9]}\n" WEB PORT80 EMPTY,
	 "f:1: nat.addresses[1]: 10.0.0.9 for the second time; list each address once"},
	{"nat: {addresses: []}\n" WEB PORT80 EMPTY,
	 "f:1: nat.addresses: found a list of 0; expected none or a list of up to 64 addresses "
	 "like [10.0.0.2]"},
	{"nat: {addresses: 10.0.0.9}\n" WEB PORT80 EMPTY,
	 "f:1: nat.addresses: found '10.0.0.9'; expected none or a list of up to 64 addresses "
	 "like [10.0.0.2]"},
	{"nat: {addresses: [224.0.0.9]}\n" WEB PORT80 EMPTY,
	 "f:1: nat.addresses[0]: 224.0.0.9 is a multicast address; expected one that a single host "
	 "can have"},
	{"nat: {ports: 0-9}\n" WEB PORT80 EMPTY,
	 "f:1: nat.ports: found '0-9'; expected " PORT_EXPECTED},
	{"nat: {ports: 9-8}\n" WEB PORT80 EMPTY,
	 "f:1: nat.ports: the range 9-8 ends before it begins; expected 8-9"},
	{"nat: {announce: route}\n" WEB PORT80 EMPTY,
	 "f:1: nat.announce: found 'route'; expected neighbor or none"},
	{"nat: {addresses: [10.0.0.9]}\n" ETH0
	 "services:\n  - {name: dns, address: 10.0.0.1, protocol: udp, ports: 53,\n"
	 "     forward: nat, tracking: none, backends: [{name: b1, address: 10.0.0.2}]}\n",
	 "f:5: services[0].tracking: none, but nat has to remember each flow to translate its "
	 "answers; expected flow"},
	{"nat: {addresses: [10.0.0.9]}\n" WEB PORT80
	 "forward: nat,\n     health: {type: tcp,\n       target: vip}, " EMPTY,
	 "f:6: services[0].health.target: vip, but with nat backends are sent to their own address "
	 "and don't have the VIP; expected backend"},
	{"nat: {addresses: [10.0.0.9]}\n" WEB PORT80
	 "forward: gue,\n     backends: [{name: b1, address: 10.0.0.9}]}\n",
	 "f:5: services[0].backends[0].address: 10.0.0.9 is one of nat.addresses; expected the "
	 "backend's"},
	{"nat: {addresses: [10.0.0.9]}\n" WEB PORT80
	 "forward: nat, backends:\n     [{name: b1, address: 10.0.0.2, port: 81},\n"
	 "      {name: b2, address: 10.0.0.2, port: 81}]}\n",
	 "f:6: services[0].backends[1].address: 10.0.0.2 is that of services[0].backends[0] too; "
	 "each needs its own"},

	/* Segments. */
	{WEB PORT80 "forward: gue, mss_clamp: 535, " EMPTY,
	 "f:3: services[0].mss_clamp: found '535'; expected none, path, or bytes from 536 to "
	 "65495"},
	{WEB PORT80 "forward: gue, mss_clamp: 65496, " EMPTY,
	 "f:3: services[0].mss_clamp: found '65496'; expected none, path, or bytes from 536 to "
	 "65495"},
	{WEB PORT80 "forward: gue, mss_clamp: [536], " EMPTY,
	 "f:3: services[0].mss_clamp: found a list; expected none, path, or bytes from 536 to "
	 "65495"},
	{WEB PORT80 "mss_clamp: path, " EMPTY,
	 "f:3: services[0].mss_clamp: is for nat, ipip and gue: dsr leaves all but link addresses "
	 "as it is; expected none"},
	{ETH0 "services:\n  - {name: dns, address: 10.0.0.1, protocol: udp, ports: 53,\n"
	      "     forward: gue, mss_clamp: 1400, " EMPTY,
	 "f:4: services[0].mss_clamp: is for tcp: no other protocol tells the size of its "
	 "segments; "
	 "expected none"},
