// SPDX-License-Identifier: BSD-2-Clause
/*
 * Configurations that are right: the forms of values, round trips through the canonical form,
 * defaults, the example file, and random damage to it. Those that are wrong: test_config_faults.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <getopt.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/file.h"

#define EXAMPLE "configs/example.yaml"

/* A configuration with its required keys. */
#define ETH0 "interfaces: [{name: eth0}]\n"
#define NONE "services: []\n"
#define WEB                \
	ETH0 "services:\n" \
	     "  - {name: web, address: 10.0.0.1, protocol: tcp, "
#define PORT80     "ports: 80, "
#define EMPTY      "backends: []}\n"
#define LETTERS_31 "abcdefghijklmnopqrstuvwxyzabcde"
#define LETTERS_32 LETTERS_31 "f"

static struct config *parse(const char *text)
{
	struct config *c = NULL;
	struct err err = {.text = ""};
	if (config_parse("f", text, strlen(text), &c, &err))
		fail_msg("%s\n%s", err.text, text);
	return c;
}

static char *print(const struct config *c)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	assert_non_null(out);
	config_print(c, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* --- what is right ------------------------------------------------------------------------- */

/* Values in all their forms, and how the canonical form has them. */
static const struct {
	const char *text, *line;
} forms[] = {
	{WEB "ports: 443, " EMPTY, "    ports: 443\n"},
	{WEB "ports: \"443\", " EMPTY, "    ports: 443\n"},
	{WEB "ports: 8000-8099, " EMPTY, "    ports: 8000-8099\n"},
	{WEB "ports: 80-80, " EMPTY, "    ports: 80\n"},
	{WEB "ports: [443], " EMPTY, "    ports: 443\n"},
	{WEB "ports: [443, 90-99, 80, 100], " EMPTY, "    ports: [80, 90-99, 100, 443]\n"},
	{WEB "ports: 1-65535, " EMPTY, "    ports: 1-65535\n"},
	{WEB "ports: any, " EMPTY, "    ports: any\n"},
	{WEB PORT80 EMPTY, "    backends: []\n"},
	{WEB PORT80 EMPTY, "    announce: none\n"},
	{ETH0 "services: [{name: p, address: 10.1.0.0/16, protocol: udp, ports: any, backends: []},"
	      " {name: q, address: 10.1.2.0/24, protocol: udp, ports: any, backends: []},"
	      " {name: r, address: 10.1.2.3, protocol: udp, ports: any, backends: []}]\n",
	 "    address: 10.1.2.0/24\n"},
	{ETH0 "services: [{name: p, address: \"2001:DB8::/32\", protocol: udp, ports: 1,"
	      " backends: [{name: b, address: fd00::1}]}]\n",
	 "    address: \"2001:db8::/32\"\n"},
	{ETH0 "services: [{name: p, address: 10.1.2.3/32, protocol: udp, ports: 1,"
	      " backends: []}]\n",
	 "    address: 10.1.2.3\n"},
	{WEB PORT80 EMPTY, "    affinity: flow\n"},
	{WEB PORT80 "affinity: source, " EMPTY, "    affinity: source\n"},
	{ETH0 "services: [{name: h3, address: 10.0.0.1, protocol: udp, ports: 443, affinity: quic,"
	      " quic: {config_id: 6, server_id_length: 8}, backends: [{name: a, "
	      "address: 10.0.0.2, server_id: 0x00FfA50000000001}]}]\n",
	 "    affinity: quic\n    quic:\n      config_id: 6\n      server_id_length: 8\n"},
	{ETH0 "services: [{name: h3, address: 10.0.0.1, protocol: udp, ports: 443, affinity: quic,"
	      " backends: [{name: a, address: 10.0.0.2, server_id: 0x00Ff}]}]\n",
	 "        server_id: 0x00ff\n"},
	{WEB PORT80 EMPTY, "    tracking: flow\n"},
	{ETH0 "services: [{name: dns, address: 10.0.0.1, protocol: udp, ports: 53, tracking: none,"
	      " backends: []}]\n",
	 "    tracking: none\n"},
	{WEB PORT80 "announce: neighbor, " EMPTY, "    announce: neighbor\n"},
	{"announce: {table: 4294967295}\n" WEB PORT80 "announce: route, " EMPTY,
	 "    announce: route\n    announce_min_up: 1\n"},
	{"announce: {table: 77, damping: 1m}\n" WEB PORT80 EMPTY,
	 "announce:\n  table: 77\n  damping: 60s\n"},
	{WEB PORT80 EMPTY, "announce:\n  table: none\n  damping: 5s\n"},
	{"drain: 1500ms\n" WEB PORT80 EMPTY, "drain: 1500ms\n"},
	{WEB PORT80 EMPTY, "drain: 0s\n"},
	{WEB PORT80 EMPTY "  - {name: web2, address: 10.0.0.1, protocol: udp, " PORT80 EMPTY,
	 "  - name: web2\n"},
	{WEB PORT80 EMPTY
	 "  - {name: web2, address: 10.0.0.1, protocol: tcp, ports: [79, 81], " EMPTY,
	 "    ports: [79, 81]\n"},
	{ETH0 "services:\n  - {name: no, address: \"2001:DB8:0::1\", protocol: tcp, ports: 1,"
	      "\n     backends: [{name: 12, address: fd00::1, weight: 0, state: down}]}\n",
	 "  - name: \"no\"\n    address: \"2001:db8::1\"\n"},
	{WEB PORT80 "backends: [{name: 12, address: 10.0.0.2, weight: 65535, state: drain}]}\n",
	 "      - name: \"12\"\n        address: 10.0.0.2\n        port: same\n"
	 "        weight: 65535\n"
	 "        state: drain\n"},
	{WEB PORT80 "backends: [{name: .inf, address: 10.0.0.2}]}\n", "      - name: \".inf\"\n"},
	{ETH0 NONE, "services: []\n"},
	{ETH0 NONE "workers: {}\nmemory: {}\nflow_table: {timeouts: {}}\napi: {}\n", "  udp"},
	{ETH0 NONE "workers: {cpus: [3, 1023, 0], poll: busy}\n",
	 "workers:\n  cpus: [0, 3, 1023]\n  poll: busy\n"},
	{"interfaces: [{name: eth0, priority: 65535, attach: dispatcher}]\n" NONE,
	 "    mode: auto\n    attach: dispatcher\n    priority: 65535\n"},
	{ETH0 NONE "memory: {hugepages: 1GiB}\n", "memory:\n  hugepages: 1GiB\n"},
	{ETH0 NONE "memory: {hugepages: off, frames_per_queue: 262144}\n",
	 "memory:\n  hugepages: off\n  frames_per_queue: 262144\n"},
	{ETH0 NONE "flow_table: {timeouts: {udp: 90s, tcp_closing: 4h, tcp_handshake: 120m}}\n",
	 "    tcp_handshake: 2h\n    tcp_established: 1h\n    tcp_closing: 4h\n    udp: 90s\n"},
	{ETH0 NONE "icmp: {other: drop, echo_limit: 7, echo: false}\n",
	 "icmp:\n  echo: false\n  echo_limit: 7\n  too_big_limit: 1000\n  other: drop\n"},
	{ETH0 NONE "ipip: {source: 172.16.0.0/12}\n", "ipip:\n  source: 172.16.0.0/12\n"},
	{WEB PORT80 "forward: gue, backends: [{name: a, address: \"fd00::1\"}]}\n",
	 "    forward: gue\n"},
	{WEB PORT80 "forward: ipip, " EMPTY, "    forward: ipip\n"},
	{WEB PORT80 "forward: ipip, mss_clamp: path, " EMPTY, "    mss_clamp: path\n"},
	{WEB PORT80 "forward: ipip, mss_clamp: 536, " EMPTY, "    mss_clamp: 536\n"},
	{WEB PORT80 "forward: ipip, mss_clamp: 65495, " EMPTY, "    mss_clamp: 65495\n"},
	{WEB PORT80 "syn_protection: cookies, " EMPTY,
	 "    syn_protection: cookies\n    half_open_limit: 4096\n"},
	{WEB PORT80 EMPTY, "    mss_clamp: none\n"},
	{ETH0 NONE "instance: " LETTERS_32 "\n", "instance: " LETTERS_32 "\n"},
	{"interfaces: [{name: fifteen-letters}]\n" NONE, "  - name: fifteen-letters\n"},
	{WEB PORT80 "backends: [{name: " LETTERS_32 LETTERS_31 ", address: 10.0.0.2}]}\n",
	 "      - name: " LETTERS_32 LETTERS_31 "\n"},
	{ETH0 NONE "instance: \"-9\"\n", "instance: \"-9\"\n"},
	{ETH0 NONE "user: nobody:adm\n", "user: \"nobody:adm\"\n"},
	{ETH0 NONE "user: \"61184\"\n", "user: \"61184\"\n"},
	{ETH0 NONE "api: {mode: 0600}\n", "  mode: \"0600\"\n"},
	{ETH0 NONE "api: {mode: '755'}\n", "  mode: \"0755\"\n"},
	{ETH0 NONE "api: {group: adm}\n", "  group: adm\n"},
	{ETH0 NONE "api: {group: none, token_file: none, http: none}\n",
	 "  group: none\n  http: none\n  token_file: none\n"},
	{ETH0 NONE "api: {http: '127.0.0.2:80'}\n", "  http: \"127.0.0.2:80\"\n"},
	{ETH0 NONE "api: {http: '[::1]:65535'}\n", "  http: \"[::1]:65535\"\n"},
	{ETH0 NONE "api: {token_file: /a}\n", "  token_file: /a\n"},
	{ETH0 NONE "api: {socket: '/a b\"c\\d'}\n", "  socket: \"/a b\\\"c\\\\d\"\n"},
	{"interfaces: [{name: '\"\\#@0', mode: copy, queues: [63, 0]}, {name: on}]\n" NONE,
	 "interfaces:\n  - name: \"\\\"\\\\#@0\"\n    mode: copy\n    attach: link\n    priority: "
	 "50\n    queues: [0, 63]\n"
	 "  - name: \"on\"\n    mode: auto\n    attach: link\n    priority: 50\n    queues: all\n"},
	{"%YAML 1.1\n---\n" ETH0 NONE "...\n", "instance: weir\n"},
	{"\xef\xbb\xbf" ETH0 NONE, "instance: weir\n"},
};

static void assert_round_trip(const char *text, const char *line)
{
	struct config *c = parse(text);
	char *once = print(c);
	struct config *again = parse(once);
	char *twice = print(again);
	assert_string_equal(once, twice);
	if (!strstr(once, line))
		fail_msg("no\n%sin\n%s", line, once);
	free(twice);
	free(once);
	config_free(again);
	config_free(c);
}

static void test_forms(void **state)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		assert_round_trip(forms[i].text, forms[i].line);
}

static void assert_address(const struct addr *a, const char *text)
{
	char buffer[ADDR_TEXT];
	assert_string_equal(addr_format(a, buffer), text);
}

static void test_defaults(void **state)
{
	struct config *c = parse(WEB PORT80 "backends: [{name: b, address: 10.0.0.2}]}\n");
	assert_string_equal(c->instance, "weir");
	assert_string_equal(c->api.socket, DEFAULT_SOCKET);
	assert_int_equal(c->api.mode, 0660);
	assert_null(c->api.group);
	assert_null(c->api.token_file);
	assert_int_equal(c->api.http.port, 0);
	assert_int_equal(c->interface_count, 1);
	assert_string_equal(c->interfaces[0].name, "eth0");
	assert_int_equal(c->interfaces[0].mode, MODE_AUTO);
	assert_int_equal(c->interfaces[0].queues.count, 0);
	assert_int_equal(c->cpus.count, 0);
	assert_int_equal(c->poll, POLL_ADAPTIVE);
	assert_int_equal(c->hugepages, HUGEPAGES_AUTO);
	assert_int_equal(c->frames_per_queue, 8192);
	assert_int_equal(c->flow_entries, 1048576);
	assert_true(c->icmp.echo);
	assert_int_equal(c->icmp.echo_limit, 1000);
	assert_int_equal(c->icmp.too_big_limit, 1000);
	assert_int_equal(c->icmp.other, ICMP_OTHER_PASS);
	assert_int_equal(c->timeouts.tcp_handshake, 10);
	assert_int_equal(c->timeouts.tcp_established, 3600);
	assert_int_equal(c->timeouts.tcp_closing, 30);
	assert_int_equal(c->timeouts.udp, 60);
	assert_int_equal(c->services[0].announce, ANNOUNCE_NONE);
	assert_int_equal(c->services[0].backends[0].weight, 100);
	assert_int_equal(c->services[0].backends[0].state, STATE_UP);
	config_free(c);
}

static char *read_example(void)
{
	char *text;
	size_t length;
	struct err err;
	if (file_read(EXAMPLE, &text, &length, &err))
		fail_msg("%s (tests are run in the root of the tree)", err.text);
	assert_int_equal(strlen(text), length);
	return text;
}

static void test_example(void **state)
{
	char *text = read_example();
	struct config *c = parse(text);
	assert_int_equal(c->service_count, 3);
	const struct config_service *web = config_find_service(c, "web");
	assert_non_null(web);
	assert_ptr_equal(web, &c->services[0]);
	assert_address(&web->address, "203.0.113.10");
	assert_int_equal(web->protocol, IPPROTO_TCP);
	assert_int_equal(web->announce, ANNOUNCE_NEIGHBOR);
	assert_int_equal(web->port_range_count, 2);
	assert_int_equal(web->port_ranges[0].first, 80);
	assert_int_equal(web->port_ranges[1].last, 443);
	assert_int_equal(web->backend_count, 3);
	const struct config_backend *web2 = config_find_backend(web, "web2");
	assert_ptr_equal(web2, &web->backends[1]);
	assert_address(&web2->address, "10.0.0.12");
	assert_int_equal(web2->weight, 50);
	assert_int_equal(web->backends[2].state, STATE_DRAIN);
	const struct config_service *dns = config_find_service(c, "dns");
	assert_int_equal(dns->protocol, IPPROTO_UDP);
	assert_address(&dns->backends[1].address, "2001:db8:0:1::12");
	assert_null(config_find_service(c, "we"));
	assert_null(config_find_backend(dns, "web2"));
	config_free(c);
	assert_round_trip(text, "instance: weir\n");
	free(text);
}

static void test_free_null(void **state)
{
	config_free(NULL);
}

/* --- random damage ------------------------------------------------------------------------- */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Changes, removes or doubles a few pieces; returns the new length, at most twice the old. */
static size_t damage(char *text, size_t length, uint64_t *random)
{
	static const char bytes[] = "\n\n  :-{}[],\"'#&*!|>%@`0189az~?\\\t\xff\x80";
	for (uint32_t i = next_random(random) % 4 + 1; i && length > 64; i--) {
		size_t at = next_random(random) % length;
		size_t piece = next_random(random) % 32;
		if (piece > length - at)
			piece = length - at;
		switch (next_random(random) % 3) {
		case 0:
			text[at] = bytes[next_random(random) % (sizeof(bytes) - 1)];
			break;
		case 1:
			memmove(text + at, text + at + piece, length - at - piece);
			length -= piece;
			break;
		default:
			memmove(text + at + piece, text + at, length - at);
			length += piece;
		}
	}
	return length;
}

/* Each text is either refused in words that begin as they should, or survives a round trip. */
static void test_damage(void **state)
{
	char *example = read_example();
	size_t length = strlen(example);
	char *text = malloc(2 * length + 1);
	uint64_t random = 1;
	unsigned int valid = 0, refused = 0;
	for (int i = 0; i < 4000; i++) {
		struct config *c;
		struct err err = {.text = ""};
		memcpy(text, example, length);
		size_t n = damage(text, length, &random);
		text[n] = '\0';
		if (config_parse("f", text, n, &c, &err)) {
			refused++;
			assert_int_equal(strncmp(err.text, "f:", 2), 0);
			assert_null(strchr(err.text, '\n'));
			continue;
		}
		valid++;
		config_free(c);
		assert_round_trip(text, "");
	}
	assert_true(valid > 100);
	assert_true(refused > 100);
	free(text);
	free(example);
}

/* Each of them is one that somebody will start from. */
static void test_examples(void **state)
{
	glob_t found;
	assert_int_equal(glob("configs/*.yaml", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *path = found.gl_pathv[i];
		char *argv[] = {(char *)"weir check", (char *)"-c", path, NULL};
		optind = 0;
		if (command_check(3, argv))
			fail_msg("%s is not valid", path);
	}
	assert_true(found.gl_pathc >= 7);
	globfree(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),  cmocka_unit_test(test_forms),
		cmocka_unit_test(test_defaults),  cmocka_unit_test(test_example),
		cmocka_unit_test(test_free_null), cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
