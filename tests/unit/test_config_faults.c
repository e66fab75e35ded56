// SPDX-License-Identifier: BSD-2-Clause
/* Configurations that are refused: each with the exact words of its fault. */
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
#define DURATION "a duration from 1s to 4h, written like 10s, 5m or 1h"

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
	{ETH0 NONE "workers:\n", "f:3: workers: found nothing; expected a mapping with the keys "
				 "cpus, poll, pin_interrupts"},
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
#include "tests/unit/config_fault_rows_policy.h"
#include "tests/unit/config_fault_rows_services.h"
#include "tests/unit/config_fault_rows_backends.h"

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
