// SPDX-License-Identifier: BSD-2-Clause
/* Configurations that are refused: each with the exact words of its fault. long file: one table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"

static void assert_fault(const char *text, size_t length, const char *expected)
{
	struct config *c = (void *)-1;
	struct err err = {.text = ""};
	int rc = config_parse("f", text, length, &c, &err);
	assert_string_equal(err.text, expected);
	assert_int_equal(rc, -EINVAL);
	assert_ptr_equal(c, (void *)-1);
	assert_int_equal(config_parse("f", text, length, &c, NULL), -EINVAL);
}

/* A configuration whose fault is in the lines that follow; they begin with line 2. */
#define ETH0 "interfaces: [{name: eth0}]\n"
/* The same with a service whose further keys follow, on line 3. */
#define WEB                \
	ETH0 "services:\n" \
	     "  - {name: web, address: 10.0.0.1, protocol: tcp, "
#define PORT80 "ports: 80, "
#define EMPTY  "backends: []}\n"
#define NONE   "services: []\n"
#define RULE   ETH0 NONE "policy: {rules: [{name: r, "
#define ROOT_KEYS                                                                          \
	"instance, user, interfaces, workers, memory, flow_table, on_daemon_loss, drain, " \
	"captures, "                                                                       \
	"blackbox, icmp, nat, "                                                            \
	"ipip, announce, sources, policy, sync, services, api"
#define SERVICE_KEYS                                                                     \
	"name, address, protocol, ports, forward, scheduler, affinity, quic, tracking, " \
	"verify_checksums, announce, announce_min_up, mss_clamp, "                       \
	"syn_protection, half_open_limit, slow_start, min_up, no_backend, health, backends"
#define PORTS_EXPECTED "a port, a range like 8000-8099, a list of those, or any"
#define PORT_EXPECTED  "a port from 1 to 65535 or a range like 8000-8099"
#define NAME_EXPECTED  "a name of 1 to 63 of the characters A-Z, a-z, 0-9, '.', '_' and '-'"
#define NAME_64        "a23456789b23456789c23456789d23456789e23456789f23456789g23456789h"
#define SERVER_ID      "0x and 1 to 8 bytes of two digits each, like 0x0001, or none"
#define ROUTE_TABLE \
	"none, or the number of a routing table from 1 to 4294967295, but not 255 (local)"
#define LISTEN "a loopback address and a port, like 127.0.0.1:9290 or [::1]:9290, or none"
#define REMOTE \
	"can be reached from other hosts, and the API has no encryption of its own; expected "
#define GROUP \
	"the name of a group, 1 to 63 of the characters A-Z, a-z, 0-9, '.', '_' and '-', or none"
#define DURATION "a duration from 1s to 168h, written like 10s, 5m or 1h"

static const struct {
	const char *text, *expected;
} faults[] = {
	/* Not a configuration at all. */
	{"", "f:1: no configuration in here; expected a mapping of keys to values"},
	{"# a comment\n", "f:1: no configuration in here; expected a mapping of keys to values"},
	{"---\n", "f:2: found nothing; expected a mapping with the keys " ROOT_KEYS},
	{"hello\n", "f:1: found 'hello'; expected a mapping with the keys " ROOT_KEYS},
	{"- a\n- b\n", "f:1: found a list; expected a mapping with the keys " ROOT_KEYS},

	/* Not YAML, or more YAML than there is a use for. */
	{ETH0 "services: [\n", "f:3: not valid YAML: did not find expected node content while "
			       "parsing a flow node"},
	{ETH0 "services: []\n  api: x\n",
	 "f:3: not valid YAML: did not find expected key while parsing a block mapping"},
	{ETH0 "\tservices: []\n", "f:2: not valid YAML: found character that cannot start any "
				  "token while scanning for the next token"},
	{ETH0 NONE "api: {socket: \"/x}\n",
	 "f:4: not valid YAML: found unexpected end of stream while scanning a quoted scalar"},
	{ETH0 NONE "instance: \x01\n", "f:3: not valid YAML: control characters are not allowed"},
	{ETH0 NONE "\n\ninstance: \xff\n", "f:5: not valid YAML: invalid leading UTF-8 octet"},
	{ETH0 NONE "instance: \"\\0\"\n", "f:3: instance: found a NUL character; expected 1 to 32 "
					  "of the characters a-z, 0-9 and -"},
	{ETH0 NONE "---\n" ETH0 NONE, "f:3: a second document; a configuration is one document"},
	{ETH0 "services: &s []\n",
	 "f:2: anchor or alias 's'; write the value out where it is needed"},
	{ETH0 NONE "instance: *x\n",
	 "f:3: anchor or alias 'x'; write the value out where it is needed"},
	{ETH0 NONE "instance: !!str weir\n",
	 "f:3: tag 'tag:yaml.org,2002:str'; values are written without tags"},
	{ETH0 "services: [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]\n",
	 "f:2: nested deeper than 16 levels; no key needs that"},

	/* Keys. */
	{ETH0, "f:1: services: missing; the required keys here are interfaces, services"},
	{NONE, "f:1: interfaces: missing; the required keys here are interfaces, services"},
	{"# one\n\ninstance: a\nservices: []\n",
	 "f:3: interfaces: missing; the required keys here are interfaces, services"},
	{ETH0 "services:\n  - name: web\n    address: 10.0.0.1\n",
	 "f:3: services[0].protocol: missing; the required keys here are name, address, protocol, "
	 "ports, backends"},
	{WEB PORT80 "backends: [{name: b1}]}\n",
	 "f:3: services[0].backends[0].address: missing; the required keys here are name, address"},
	{ETH0 "servces: []\n", "f:2: servces: unknown key; did you mean services?"},
	{ETH0 NONE "Memory: {}\n", "f:3: Memory: unknown key; did you mean memory?"},
	{ETH0 NONE "health: {}\n", "f:3: health: unknown key; the keys here are " ROOT_KEYS},
	{ETH0 NONE "\"a b\": {}\n", "f:3: 'a b': unknown key; the keys here are " ROOT_KEYS},
	{ETH0 NONE "? [a]\n: 1\n", "f:3: found a list as a key; expected a word"},
	{ETH0 NONE "{a: b}: 1\n", "f:3: found a mapping as a key; expected a word"},
	{ETH0 "services:\n  - name: web\n    adress: 10.0.0.1\n",
	 "f:4: services[0].adress: unknown key; did you mean address?"},
	{ETH0 "services:\n  - name: web\n    addr: 10.0.0.1\n",
	 "f:4: services[0].addr: unknown key; did you mean address?"},
	{ETH0 "services:\n  - name: web\n    healthy: {type: http}\n",
	 "f:4: services[0].healthy: unknown key; did you mean health?"},
	{WEB PORT80 "backends: [{name: b1, address: 10.0.0.2, wieght: 3}]}\n",
	 "f:3: services[0].backends[0].wieght: unknown key; did you mean weight?"},
	{ETH0 NONE "flow_table: {timeouts: {tcp: 1s}}\n",
	 "f:3: flow_table.timeouts.tcp: unknown key; did you mean tcp_handshake?"},
	{ETH0 NONE "instance: a\ninstance: a\n",
	 "f:4: instance: given twice; it is on line 3 already"},
	{WEB "name: web}\n", "f:3: services[0].name: given twice; it is on line 3 already"},

	/* Values of the wrong shape. */
	{"services: 3\n",
	 "f:1: services: found '3'; expected a list of mappings with the keys " SERVICE_KEYS},
	{ETH0 "services:\n", "f:2: services: found nothing; expected a list of mappings with the "
			     "keys " SERVICE_KEYS},
	{ETH0 "services: {}\n", "f:2: services: found a mapping; expected a list of mappings with "
				"the keys " SERVICE_KEYS},
	{ETH0 "services: [web]\n",
	 "f:2: services[0]: found 'web'; expected a mapping with the keys " SERVICE_KEYS},
	{ETH0 NONE "workers:\n",
	 "f:3: workers: found nothing; expected a mapping with the keys cpus, poll"},
	{ETH0 NONE "memory: [1]\n", "f:3: memory: found a list; expected a mapping with the keys "
				    "hugepages, frames_per_queue"},
	{ETH0 NONE "instance: [a]\n",
	 "f:3: instance: found a list; expected 1 to 32 of the characters a-z, 0-9 and -"},
	{ETH0 NONE "api:\n  socket:\n", "f:4: api.socket: found nothing; expected an absolute path "
					"of at most 107 printable ASCII characters"},

	/* Single values. */
	{ETH0 NONE "instance: Weir\n",
	 "f:3: instance: found 'Weir'; expected 1 to 32 of the characters a-z, 0-9 and -"},
	{ETH0 NONE "instance: \"a\\nb\\e[1mc\"\n",
	 "f:3: instance: found 'a?b?[1mc'; expected 1 to 32 of the characters a-z, 0-9 and -"},
	{ETH0 NONE "instance: " NAME_64 "\n",
	 "f:3: instance: found 'a23456789b23456789c23456789d23456789e23456...'; expected 1 to 32 "
	 "of the characters a-z, 0-9 and -"},
	{ETH0 NONE "sync: {group: 'a b'}\n", "f:3: sync.group: found 'a b'; expected " GROUP},
	{ETH0 NONE "sync: {group: [a]}\n", "f:3: sync.group: found a list; expected " GROUP},
	{ETH0 NONE "sync: {group: " NAME_64 "}\n",
	 "f:3: sync.group: found 'a23456789b23456789c23456789d23456789e23456...'; expected " GROUP},
	{ETH0 NONE "sync: {group: a, rate: 99}\n",
	 "f:3: sync.rate: found '99'; expected a whole number from 100 to 1000000"},
	{ETH0 NONE "sync: {groups: a}\n", "f:3: sync.groups: unknown key; did you mean group?"},
	{ETH0 NONE "sync: weir\n",
	 "f:3: sync: found 'weir'; expected a mapping with the keys group, rate"},
	{ETH0 NONE "api: {http: '9290'}\n", "f:3: api.http: found '9290'; expected " LISTEN},
	{ETH0 NONE "api: {http: '127.0.0.1'}\n",
	 "f:3: api.http: found '127.0.0.1'; expected " LISTEN},
	{ETH0 NONE "api: {http: '127.0.0.1:0'}\n",
	 "f:3: api.http: found '127.0.0.1:0'; expected " LISTEN},
	{ETH0 NONE "api: {http: '127.0.0.1:65536'}\n",
	 "f:3: api.http: found '127.0.0.1:65536'; expected " LISTEN},
	{ETH0 NONE "api: {http: '127.0.0.1:x'}\n",
	 "f:3: api.http: found '127.0.0.1:x'; expected " LISTEN},
	{ETH0 NONE "api: {http: '::1:80'}\n", "f:3: api.http: found '::1:80'; expected " LISTEN},
	{ETH0 NONE "api: {http: '[127.0.0.1]:80'}\n",
	 "f:3: api.http: found '[127.0.0.1]:80'; expected " LISTEN},
	{ETH0 NONE "api: {http: '[::1:80'}\n", "f:3: api.http: found '[::1:80'; expected " LISTEN},
	{ETH0 NONE "api: {http: '[]:80'}\n", "f:3: api.http: found '[]:80'; expected " LISTEN},
	{ETH0 NONE "api: {http: ':80'}\n", "f:3: api.http: found ':80'; expected " LISTEN},
	{ETH0 NONE "api: {http: 'localhost:80'}\n",
	 "f:3: api.http: found 'localhost:80'; expected " LISTEN},
	{ETH0 NONE "api: {http: '0.0.0.0:80'}\n", "f:3: api.http: '0.0.0.0:80' " REMOTE LISTEN},
	{ETH0 NONE "api: {http: '10.0.0.1:80'}\n", "f:3: api.http: '10.0.0.1:80' " REMOTE LISTEN},
	{ETH0 NONE "api: {http: '[::]:80'}\n", "f:3: api.http: '[::]:80' " REMOTE LISTEN},
	{ETH0 NONE "api: {http: '[2001:db8::1]:80'}\n",
	 "f:3: api.http: '[2001:db8::1]:80' " REMOTE LISTEN},
	{ETH0 NONE "api: {mode: 660x}\n",
	 "f:3: api.mode: found '660x'; expected permissions in octal digits, like 0660"},
	{ETH0 NONE "api: {mode: 66}\n",
	 "f:3: api.mode: found '66'; expected permissions in octal digits, like 0660"},
	{ETH0 NONE "api: {mode: 01777}\n",
	 "f:3: api.mode: found '01777'; expected permissions in octal digits, like 0660"},
	{ETH0 NONE "api: {mode: 8}\n",
	 "f:3: api.mode: found '8'; expected permissions in octal digits, like 0660"},
	{ETH0 NONE "api: {mode: rw}\n",
	 "f:3: api.mode: found 'rw'; expected permissions in octal digits, like 0660"},
	{ETH0 NONE "api: {group: a b}\n",
	 "f:3: api.group: found 'a b'; expected the name of a group of this host, or none"},
	{ETH0 NONE "user: the weir\n", "f:3: user: found 'the weir'; expected auto, or a user of "
				       "this host by name, by number or as "
				       "user:group"},
	{ETH0 NONE "api: {token_file: x}\n",
	 "f:3: api.token_file: found 'x'; expected an absolute path of printable ASCII, or none"},
	{ETH0 NONE "api: {socket: run/weir.sock}\n",
	 "f:3: api.socket: found 'run/weir.sock'; expected an absolute path of at most 107 "
	 "printable ASCII characters"},
	{"services: []\ninterfaces: []\n", "f:2: interfaces: a list of 0; expected 1 to 16"},
	{"services: []\ninterfaces:\n  - name: sixteen-letters-\n",
	 "f:3: interfaces[0].name: found 'sixteen-letters-'; expected an interface name of 1 to "
	 "15 characters without '/', ':' and spaces"},
	{"services: []\ninterfaces:\n  - name: a/b\n",
	 "f:3: interfaces[0].name: found 'a/b'; expected an interface name of 1 to 15 characters "
	 "without '/', ':' and spaces"},
	{"services: []\ninterfaces:\n  - {name: eth0, mode: fast}\n",
	 "f:3: interfaces[0].mode: found 'fast'; expected auto or zerocopy or copy or generic"},
	{"services: []\ninterfaces:\n  - {name: eth0, queues: 0}\n",
	 "f:3: interfaces[0].queues: found '0'; expected all or a list of numbers like [0, 1]"},
	{"services: []\ninterfaces:\n  - {name: eth0, queues: []}\n",
	 "f:3: interfaces[0].queues: found an empty list; expected all or a list of numbers like "
	 "[0, 1]"},
	{"services: []\ninterfaces:\n  - {name: eth0, queues: [0, 64]}\n",
	 "f:3: interfaces[0].queues[1]: found '64'; expected a whole number from 0 to 63"},
	{"services: []\ninterfaces:\n  - name: eth0\n    queues:\n      - 1\n      - 0\n      - "
	 "1\n",
	 "f:7: interfaces[0].queues[2]: 1 for the second time; list each number once"},
	{"services: []\ninterfaces:\n  - {name: eth0, attach: native}\n",
	 "f:3: interfaces[0].attach: found 'native'; expected link or dispatcher"},
	{"services: []\ninterfaces:\n  - {name: eth0, priority: 65536}\n",
	 "f:3: interfaces[0].priority: found '65536'; expected a whole number from 0 to 65535"},
	{ETH0 NONE "workers: {cpus: [0, -1]}\n",
	 "f:3: workers.cpus[1]: found '-1'; expected a whole number from 0 to 1023"},
	{ETH0 NONE "workers: {cpus: [[0]]}\n",
	 "f:3: workers.cpus[0]: found a list; expected a whole number from 0 to 1023"},
	{ETH0 NONE "workers: {poll: often}\n",
	 "f:3: workers.poll: found 'often'; expected adaptive or busy or interrupt"},
	{ETH0 NONE "memory: {hugepages: yes}\n",
	 "f:3: memory.hugepages: found 'yes'; expected auto or on or off or 1GiB"},
	{ETH0 NONE "memory: {frames_per_queue: 8000}\n",
	 "f:3: memory.frames_per_queue: found '8000'; expected a power of two from 1024 to "
	 "262144"},
	{ETH0 NONE "memory: {frames_per_queue: 524288}\n",
	 "f:3: memory.frames_per_queue: found '524288'; expected a power of two from 1024 to "
	 "262144"},
	{ETH0 NONE "flow_table: {entries: 1023}\n",
	 "f:3: flow_table.entries: found '1023'; expected a whole number from 1024 to 268435456"},
	{ETH0 NONE "flow_table: {entries: 4294968320}\n",
	 "f:3: flow_table.entries: found '4294968320'; expected a whole number from 1024 to "
	 "268435456"},
	{ETH0 NONE "flow_table: {entries: 1e6}\n",
	 "f:3: flow_table.entries: found '1e6'; expected a whole number from 1024 to 268435456"},
	{ETH0 NONE "flow_table: {entries: 0002048}\n",
	 "f:3: flow_table.entries: found '0002048'; expected a whole number from 1024 to "
	 "268435456"},
	{ETH0 NONE "flow_table: {fast_path: yes}\n",
	 "f:3: flow_table.fast_path: found 'yes'; expected auto or on or off"},
	{ETH0 NONE "flow_table: {fast_path: [on]}\n",
	 "f:3: flow_table.fast_path: found a list; expected auto or on or off"},
	{ETH0 NONE "flow_table: {fastpath: on}\n",
	 "f:3: flow_table.fastpath: unknown key; did you mean fast_path?"},
	{ETH0 NONE "flow_table: {insert_limit: 0}\n",
	 "f:3: flow_table.insert_limit: found '0'; expected a whole number from 1 to 100000000"},
	{ETH0 NONE "flow_table: {insert_limit: 100000001}\n",
	 "f:3: flow_table.insert_limit: found '100000001'; expected a whole number from 1 to "
	 "100000000"},
	{ETH0 NONE "flow_table: {insert_limit: 1000/s}\n",
	 "f:3: flow_table.insert_limit: found '1000/s'; expected a whole number from 1 to "
	 "100000000"},
	{ETH0 NONE "on_daemon_loss: reject\n",
	 "f:3: on_daemon_loss: found 'reject'; expected pass or drop"},
	{ETH0 NONE "on_daemon_loss:\n",
	 "f:3: on_daemon_loss: found nothing; expected pass or drop"},
	{ETH0 NONE "flow_table: {on_daemon_loss: drop}\n",
	 "f:3: flow_table.on_daemon_loss: unknown key; the keys here are entries, fast_path, "
	 "insert_limit, timeouts"},
	{ETH0 NONE "icmp: {echo: 1}\n", "f:3: icmp.echo: found '1'; expected true or false"},
	{ETH0 NONE "icmp: {echo: [true]}\n",
	 "f:3: icmp.echo: found a list; expected true or false"},
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
	{ETH0 NONE "flow_table: {timeouts: {udp: 604801s}}\n",
	 "f:3: flow_table.timeouts.udp: found '604801s'; expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 1193047h}}\n",
	 "f:3: flow_table.timeouts.udp: found '1193047h'; expected " DURATION},
	{ETH0 NONE "flow_table: {timeouts: {udp: 1h30m}}\n",
	 "f:3: flow_table.timeouts.udp: found '1h30m'; expected " DURATION},

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

	/* Of two faults, the one further up: in the keys, then between values. */
	{"instance: A\nservices: 3\n",
	 "f:1: instance: found 'A'; expected 1 to 32 of the characters a-z, 0-9 and -"},
	{WEB PORT80 "backends: [{name: b1, address: \"fd00::1\"}]}\n"
		    "  - {name: web, address: 10.0.0.2, protocol: tcp, " PORT80 EMPTY,
	 "f:3: services[0].backends[0].address: fd00::1 is not of the service's family; dsr needs "
	 "an IPv4 address"},
};

static void test_faults(void **state)
{
	size_t count = sizeof(faults) / sizeof(faults[0]);
	assert_true(count >= 50);
	for (size_t i = 0; i < count; i++)
		assert_fault(faults[i].text, strlen(faults[i].text), faults[i].expected);
}

/* --- too much ------------------------------------------------------------------------------ */

/* Text repeated, each time with its number in the place of %1$u. */
static char *repeat(const char *head, const char *format, unsigned int from, unsigned int to)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	fputs(head, out);
	for (unsigned int i = from; i < to; i++)
		for (const char *p = format; *p; p++)
			if (*p == '#')
				fprintf(out, "%u.%u", i / 256, i % 256);
			else
				fputc(*p, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void assert_valid(const char *text)
{
	struct config *c;
	struct err err = {.text = ""};
	if (config_parse("f", text, strlen(text), &c, &err))
		fail_msg("%s", err.text);
	config_free(c);
}

static void test_too_many(void **state)
{
	static const char service[] =
		"  - {name: s#, address: 10.1.#, protocol: udp, ports: any, backends: []}\n";
	static const char backend[] = "      - {name: b#, address: 10.2.#}\n";
	static const char web[] = ETH0 "services:\n"
				       "  - name: a\n    address: 10.0.0.1\n    protocol: tcp\n"
				       "    ports: 80\n    backends:\n";
	static const char next[] = "  - name: b\n    address: 10.0.0.1\n    protocol: udp\n"
				   "    ports: 80\n    backends:\n";
	static const char last[] = "  - name: c\n    address: 10.0.0.1\n    protocol: udp\n"
				   "    ports: 81\n    backends:\n";

	char *text = repeat(ETH0 "services:\n", service, 0, ABI_MAX_SERVICES);
	assert_valid(text);
	free(text);
	text = repeat(ETH0 "services:\n", service, 0, ABI_MAX_SERVICES + 1);
	assert_fault(text, strlen(text), "f:3: services: a list of 4097; expected 0 to 4096");
	free(text);

	text = repeat(web, backend, 0, CONFIG_MAX_BACKENDS + 1);
	assert_fault(text, strlen(text),
		     "f:8: services[0].backends: a list of 65536; expected 0 to 65535");
	free(text);

	text = repeat(web, backend, 0, CONFIG_MAX_BACKENDS);
	char *more = repeat(text, next, 0, 1);
	char *all = repeat(more, backend, 0, CONFIG_MAX_BACKENDS);
	assert_valid(all);
	char *third = repeat(all, last, 0, 1);
	char *beyond = repeat(third, backend, 0, 2);
	assert_fault(beyond, strlen(beyond),
		     "f:131088: services[2].backends: 131072 backends up to here; at most 131071 "
		     "in all");
	free(beyond);
	free(third);
	free(all);
	free(more);
	free(text);
}

static void test_too_long(void **state)
{
	size_t length = CONFIG_MAX_BYTES;
	char *text = malloc(length + 1);
	memset(text, '\n', length + 1);
	memcpy(text, ETH0 NONE, strlen(ETH0 NONE));
	struct config *c;
	assert_int_equal(config_parse("f", text, length, &c, NULL), 0);
	config_free(c);
	assert_fault(text, length + 1, "f:1: 16777217 bytes long; expected at most 16777216");
	free(text);
}

/* --- many at once ---------------------------------------------------------------------------- */

#define SEEDED "tests/golden/faults.yaml"

struct told {
	unsigned int lines[200], count;
	FILE *words;
};

static void take_fault(void *context, unsigned int line, const char *words)
{
	struct told *t = context;
	assert_true(t->count < 200);
	t->lines[t->count++] = line;
	fprintf(t->words, "%s\n", words);
}

static int compare_lines(const void *a, const void *b)
{
	return (int)*(const unsigned int *)a - (int)*(const unsigned int *)b;
}

static char *read_file(const char *path, size_t *length)
{
	static char text[1 << 16];
	FILE *in = fopen(path, "r");
	if (!in)
		fail_msg("%s is not there; run this from the top of the sources", path);
	*length = fread(text, 1, sizeof(text) - 1, in);
	text[*length] = 0;
	fclose(in);
	return text;
}

/*
 * A file with fifty mistakes, each on a line that says `# wrong`: each is told with its line,
 * nothing else is, and the words are those of the golden file (WEIR_GOLDEN=write writes it).
 */
static void test_seeded(void **state)
{
	struct told told = {0};
	struct config *c;
	struct err err;
	size_t length, size;
	char *words = NULL, *text = read_file(SEEDED, &length);
	unsigned int line = 1, wrong = 0;
	told.words = open_memstream(&words, &size);
	assert_int_equal(config_parse_all("faults.yaml", text, length, &c, take_fault, &told, &err),
			 -EINVAL);
	fclose(told.words);
	qsort(told.lines, told.count, sizeof(told.lines[0]), compare_lines);
	for (char *rest = text, *here; (here = strsep(&rest, "\n")); line++) {
		if (!strstr(here, "# wrong"))
			continue;
		if (wrong >= told.count || told.lines[wrong] != line)
			fail_msg("line %u is wrong, told is %u in\n%s", line,
				 wrong < told.count ? told.lines[wrong] : 0, words);
		wrong++;
	}
	assert_int_equal(wrong, told.count);
	assert_true(wrong >= 50);
	if (getenv("WEIR_GOLDEN")) {
		FILE *out = fopen("tests/golden/faults.txt", "w");
		fputs(words, out);
		fclose(out);
	}
	assert_string_equal(words, read_file("tests/golden/faults.txt", &length));
	free(words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_seeded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
