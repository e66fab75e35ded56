/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of faults[]: sources and the policy. For test_config_faults.c alone. */
/* clang-format off */

	/* Sources and the policy. */
	{ETH0 NONE "sources: {a: {prefixes: [10.0.0.1/8]}}\n",
	 "f:3: sources.a.prefixes[0]: 10.0.0.1/8 has bits behind its length; expected 10.0.0.0/8"},
	{ETH0 NONE "sources: {a: {prefixes: [10.0.0.0/33]}}\n",
	 "f:3: sources.a.prefixes[0]: found '10.0.0.0/33'; expected an IPv4 or IPv6 address or "
	 "prefix"},
	{ETH0 NONE "sources: {a: {list: x}}\n",
	 "f:3: sources.a: found other keys; expected {prefixes: [...]} or {file: PATH}, which "
	 "holds a prefix a line"},
	{ETH0 NONE "sources: {a: {file: x}, a: {file: y}}\n",
	 "f:3: sources.a: given twice; give this group another name"},
	{ETH0 NONE "sources: {any: {file: x}}\n",
	 "f:3: sources.any: is what stands for all; give this group another name"},
	{ETH0 NONE "sources: [a]\n",
	 "f:3: sources: found a list; expected groups by name, like {office: {prefixes: "
	 "[192.0.2.0/24]}}"},
	{RULE "from: x, action: drop}]}\n",
	 "f:3: policy.rules[0].from: there is no group 'x' in sources; expected one, or any"},
	{RULE "to: x, action: drop}]}\n",
	 "f:3: policy.rules[0].to: 'x' is no service, and no service has such an address; expected "
	 "a service, a VIP, vips, or any (what is for the kernel too)"},
	{RULE "action: drp}]}\n",
	 "f:3: policy.rules[0].action: found 'drp'; expected limit or allow or drop or pass or "
	 "count or redirect"},
	{RULE "protocol: icmp}]}\n",
	 "f:3: policy.rules[0].limit: missing; a rule needs an action, or a limit like {per: "
	 "source, rate: 100/s}"},
	{RULE "action: drop, limit: {per: rule, rate: 1/s}}]}\n",
	 "f:3: policy.rules[0].limit: is for action: limit; leave one of them out"},
	{RULE "limit: {per: rule, rate: 1}}]}\n",
	 "f:3: policy.rules[0].limit.rate: found '1'; expected packets or bytes a second, up to "
	 "100G: 1000/s, 50k/s, 10MB/s"},
	{RULE "limit: {per: rule, rate: 10MB/s, burst: 20}}]}\n",
	 "f:3: policy.rules[0].limit.burst: found 20; expected bytes, as the rate counts those"},
	{RULE "limit: {per: rule, rate: 10MB/s, burst: 1kB}}]}\n",
	 "f:3: policy.rules[0].limit.burst: not one full frame (1514 bytes) would fit; make it "
	 "larger"},
	{RULE "limit: {per: rule, rate: 1/s, burst: 7200}}]}\n",
	 "f:3: policy.rules[0].limit.burst: more than an hour's worth of the rate; make it "
	 "smaller"},
	{RULE "protocol: icmp, ports: 80, action: drop}]}\n",
	 "f:3: policy.rules[0].ports: its protocol has no ports; expected any, or protocol: tcp or "
	 "udp"},
	{RULE "match: [ipv4, ipv6], action: drop}]}\n",
	 "f:3: policy.rules[0].match[1]: no packet is both ipv4 and ipv6; name one of them"},
	{RULE "match: vlan 4095, action: drop}]}\n",
	 "f:3: policy.rules[0].match: found 'vlan 4095'; expected any, tcp-syn, tcp-syn-data, "
	 "tcp-invalid-flags, fragment, ip-options, icmp-error, ipv4, ipv6, vlan N (1 to 4094), "
	 "length A-B (of the frame), or a list of those"},
	{RULE "action: redirect}]}\n",
	 "f:3: policy.rules[0].redirect: missing; action: redirect needs {next_hop: ADDRESS} or "
	 "{interface: NAME}"},
	{RULE "action: redirect, redirect: {interface: eth7}}]}\n",
	 "f:3: policy.rules[0].redirect.interface: is none of those in interfaces; add it there"},
	{RULE "action: allow, dry_run: true}]}\n",
	 "f:3: policy.rules[0].dry_run: is for action: drop and limits; this rule drops nothing"},
	{RULE "action: drop}, {name: r, action: drop}]}\n",
	 "f:3: policy.rules[1].name: 'r' is that of policy.rules[0] too; each needs its own"},
	{ETH0 NONE "policy: {rules: [{name: default, action: drop}]}\n",
	 "f:3: policy.rules[0].name: 'default' is what policy.default counts as; expected another"},
	{ETH0 NONE "icmp: {echo_limit: 0}\n",
	 "f:3: icmp.echo_limit: found '0'; expected a whole number from 1 to 100000000"},
	{ETH0 NONE "icmp: {echo_limit: 1k}\n",
	 "f:3: icmp.echo_limit: found '1k'; expected a whole number from 1 to 100000000"},
	{ETH0 NONE "icmp: {other: reject}\n",
	 "f:3: icmp.other: found 'reject'; expected pass or drop"},
	{ETH0 NONE "icmp: true\n", "f:3: icmp: found 'true'; expected a mapping with the keys "
				   "echo, echo_limit, too_big_limit, other"},
	{ETH0 NONE "icmp: {limit: 5}\n",
	 "f:3: icmp.limit: unknown key; the keys here are echo, echo_limit, too_big_limit, other"},
	{ETH0 NONE "flow_table: {timeouts: {udp: 500ms}}\n",
	 "f:3: flow_table.timeouts.udp: found '500ms'; flows age by whole seconds, "
	 "expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 10}}\n",
	 "f:3: flow_table.timeouts.udp: found '10'; expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 0s}}\n",
	 "f:3: flow_table.timeouts.udp: found '0s'; expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 14401s}}\n",
	 "f:3: flow_table.timeouts.udp: found '14401s'; expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 1193047h}}\n",
	 "f:3: flow_table.timeouts.udp: found '1193047h'; expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 1h30m}}\n",
	 "f:3: flow_table.timeouts.udp: found '1h30m'; expected " DURATION},
