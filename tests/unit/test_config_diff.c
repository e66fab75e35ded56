// SPDX-License-Identifier: BSD-2-Clause
/* What differs between two configurations: rows by hand, and a hundred thousand backends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_diff.h"
#include "lb/err.h"

static struct config *parse(const char *text)
{
	struct config *c;
	struct err err;
	if (config_parse("f", text, strlen(text), &c, &err))
		fail_msg("%s\nin\n%s", err.text, text);
	return c;
}

static void write_change(void *out, const struct config_change *c)
{
	static const char marks[] = "+-~";
	fprintf(out, "%c%s", marks[c->kind], c->path);
	if (c->kind == CONFIG_CHANGED)
		fprintf(out, ": %s -> %s", c->before, c->after);
	else
		assert_true(!c->before && !c->after);
	fputc('\n', out);
}

/* The changes as text, to be freed. */
static char *diff(const char *before, const char *after)
{
	struct config *a = parse(before), *b = parse(after);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(config_diff(a, b, write_change, out), 0);
	fclose(out);
	config_free(a);
	config_free(b);
	return text;
}

#define HEAD     "interfaces: [{name: eth0}]\n"
#define WEB(...) "  - {name: web, address: 192.0.2.1, protocol: tcp, " __VA_ARGS__ "}\n"
#define B1       "{name: b1, address: 10.0.0.1}"
#define B2       "{name: b2, address: 10.0.0.2}"
#define PLAIN    WEB("ports: 80, backends: [" B1 ", " B2 "]")
#define DNS      "  - {name: dns, address: 192.0.2.2, protocol: udp, ports: 53, backends: []}\n"

static const struct {
	const char *before, *after, *changes;
} rows[] = {
	{HEAD "services: []\n", HEAD "services: []\n", ""},
	/* The same in other words is no change. */
	{HEAD "services:\n" PLAIN,
	 HEAD "flow_table: {timeouts: {udp: 60s}}\nservices:\n" WEB("ports: [80], backends: [" B1
								    ", " B2 "], forward: dsr"),
	 ""},
	{HEAD "flow_table: {timeouts: {udp: 60s}}\nservices: []\n",
	 HEAD "flow_table: {timeouts: {udp: 1m}}\nservices: []\n", ""},
	{HEAD "services:\n" PLAIN DNS, HEAD "services:\n" DNS PLAIN, ""},
	{HEAD "services:\n" PLAIN, HEAD "services:\n" WEB("ports: 80, backends: [" B2 ", " B1 "]"),
	 ""},
	/* Values. */
	{HEAD "services: []\n", HEAD "user: root\nservices: []\n", "~user: auto -> root\n"},
	{HEAD "services: []\n", HEAD "instance: two\non_daemon_loss: drop\nservices: []\n",
	 "~instance: weir -> two\n~on_daemon_loss: pass -> drop\n"},
	{HEAD "services: []\n", HEAD "services: []\nicmp: {echo_limit: 5, echo: false}\n",
	 "~icmp.echo: true -> false\n~icmp.echo_limit: 1000 -> 5\n"},
	{HEAD "services: []\n", HEAD "services: []\nflow_table: {timeouts: {udp: 61s}}\n",
	 "~flow_table.timeouts.udp: 1m -> 61s\n"},
	{HEAD "services: []\n", HEAD "services: []\nworkers: {cpus: [0, 1]}\n",
	 "~workers.cpus: auto -> [0, 1]\n"},
	{HEAD "services: []\napi: {http: \"127.0.0.1:80\"}\n",
	 HEAD "services: []\napi: {http: \"[::1]:80\", token_file: /t}\n",
	 "~api.http: \"127.0.0.1:80\" -> \"[::1]:80\"\n~api.token_file: none -> /t\n"},
	/* Items, and what is in them. */
	{HEAD "services:\n" PLAIN, HEAD "services:\n" PLAIN DNS, "+services[dns]\n"},
	{HEAD "services:\n" PLAIN DNS, HEAD "services:\n" DNS, "-services[web]\n"},
	{HEAD "services:\n" PLAIN, HEAD "services: []\n", "-services[web]\n"},
	{HEAD "services: []\n",
	 "interfaces: [{name: eth1}, {name: eth0, mode: copy}]\nservices: []\n",
	 "+interfaces[eth1]\n~interfaces[eth0].mode: auto -> copy\n"},
	{HEAD "services:\n" PLAIN, HEAD "services:\n" WEB("ports: [80, 443], backends: [" B1 "]"),
	 "~services[web].ports: 80 -> [80, 443]\n-services[web].backends[b2]\n"},
	{HEAD "services:\n" PLAIN,
	 HEAD "services:\n" WEB("ports: 80, backends: [" B2
				", {name: b3, address: 10.0.0.3}, {name: b1, address: 10.0.0.9, "
				"weight: 7, state: drain}]"),
	 "+services[web].backends[b3]\n"
	 "~services[web].backends[b1].address: 10.0.0.1 -> 10.0.0.9\n"
	 "~services[web].backends[b1].weight: 100 -> 7\n"
	 "~services[web].backends[b1].state: up -> drain\n"},
	/* Mappings that are one value stand in one line. */
	{HEAD "services: []\npolicy: {rules: [{name: r, limit: {per: source, rate: 1k/s}}]}\n",
	 HEAD
	 "services: []\npolicy: {rules: [{name: r, limit: {per: source, rate: 2k/s, burst: 1}}]}\n",
	 "~policy.rules[r].limit: rate: 1k/s, per: source, burst: auto, beyond: drop, "
	 "ipv4_prefix: 32, ipv6_prefix: 128 -> rate: 2k/s, per: source, burst: 1, beyond: drop, "
	 "ipv4_prefix: 32, ipv6_prefix: 128\n"},
	{HEAD "services: []\n",
	 HEAD "services: []\nsources: {a: {prefixes: 192.0.2.0/24}, b: {file: /b.txt}}\n",
	 "~sources: {} -> a: prefixes: [\"192.0.2.0/24\"], b: file: /b.txt\n"},
	/* A prefix is in two members of the struct. */
	{HEAD
	 "services:\n  - {name: p, address: 192.0.2.0/25, protocol: tcp, ports: 1, backends: []}\n",
	 HEAD
	 "services:\n  - {name: p, address: 192.0.2.0/26, protocol: tcp, ports: 1, backends: []}\n",
	 "~services[p].address: 192.0.2.0/25 -> 192.0.2.0/26\n"},
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *changes = diff(rows[i].before, rows[i].after);
		assert_string_equal(changes, rows[i].changes);
		free(changes);
	}
}

/* 600 services of 100 backends in another order, of which one has changed. */
static char *write_many(bool reversed, int odd_service, int odd_backend)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	fputs(HEAD "services:\n", out);
	for (int i = 0; i < 600; i++) {
		int s = reversed ? 599 - i : i;
		fprintf(out,
			"  - name: s%d\n    address: 10.1.%d.%d\n    protocol: tcp\n    ports: 80\n"
			"    backends:\n",
			s, s / 200, s % 200 + 1);
		for (int j = 0; j < 100; j++) {
			int b = reversed ? 99 - j : j;
			fprintf(out, "      - {name: b%d, address: 10.2.0.%d, weight: %d}\n", b,
				b + 1, s == odd_service && b == odd_backend ? 5 : 100);
		}
	}
	fclose(out);
	return text;
}

static void test_many(void **state)
{
	char *before = write_many(false, -1, -1), *after = write_many(true, 417, 63);
	struct config *a = NULL, *b = NULL;
	struct err err;
	if (config_parse("a", before, strlen(before), &a, &err) ||
	    config_parse("b", after, strlen(after), &b, &err))
		fail_msg("%s", err.text);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(config_diff(a, b, write_change, out), 0);
	fclose(out);
	assert_string_equal(text, "~services[s417].backends[b63].weight: 100 -> 5\n");
	free(text);
	config_free(a);
	config_free(b);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
