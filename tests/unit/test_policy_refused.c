// SPDX-License-Identifier: BSD-2-Clause
/*
 * Policies that can't be: prefixes in two groups, more rules than one packet may go through, more
 * kinds of packets than there is room for. Each is refused in words that say which, and what was in
 * force stays.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/registry.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define SERVICE(more)                                                                   \
	"interfaces: [{name: eth0}]\n"                                                  \
	"services: [{name: web, address: 203.0.113.10, protocol: tcp, ports: 80, " more \
	"backends: [{name: b, address: 10.0.0.1}]}]\n"
#define ROOM (1u << 20)

static struct offline o;

/* What a reload with that policy says, "" if it is taken. */
static const char *try_policy(const char *text)
{
	static struct err err;
	struct config *config = fixture_config(text);
	const struct snapshot *before = o.snapshot;
	err.text[0] = 0;
	int r = offline_reload(&o, config, &err);
	if (!r)
		return "";
	assert_int_equal(r, -EINVAL);
	assert_ptr_equal(o.snapshot, before);
	config_free(config);
	return err.text;
}

static void expect_refused(const char *text, const char *words)
{
	const char *said = try_policy(text);
	if (!strstr(said, words))
		fail_msg("\"%s\" instead of \"%s\"", said, words);
}

static int open_services(void **state)
{
	fixture_open(&o, SERVICE(""));
	return 0;
}

static int close_services(void **state)
{
	offline_close(&o);
	return 0;
}

/* --- the way through the rules -----------------------------------------------------------------
 */

/* So many rules that count, for the same packets; `last` decides. */
static const char *row_of(unsigned int count, const char *service, const char *last)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text), "%spolicy:\n  rules:\n", service);
	for (unsigned int i = 0; i < count; i++)
		n += snprintf(text + n, sizeof(text) - n, "  - {name: r%u, action: count}\n", i);
	snprintf(text + n, sizeof(text) - n, "%s", last);
	return text;
}

static void test_rules_of_one_packet(void **state)
{
	static const char last[] = "  - {name: no, action: drop}\n";
	static const char guarded[] = SERVICE("syn_protection: cookies, ");
	assert_string_equal(try_policy(row_of(7, SERVICE(""), last)), "");
	expect_refused(row_of(8, SERVICE(""), last),
		       "policy.rules[8] ('no') is the ninth rule that some packet goes through: "
		       "at most 7 may count or limit the same packet");
	assert_string_equal(try_policy(row_of(7, SERVICE(""), "")), "");
	expect_refused(row_of(8, SERVICE(""), ""), "policy.rules[8] ('default') is the ninth rule");
	/* A service's guard is one of them; of what is dropped it is not asked. */
	assert_string_equal(try_policy(row_of(7, guarded, last)), "");
	assert_string_equal(try_policy(row_of(6, guarded, "")), "");
	expect_refused(row_of(7, guarded, ""), "is the ninth rule");
}

/* --- sources -----------------------------------------------------------------------------------
 */

static void test_prefix_in_two_groups(void **state)
{
	expect_refused(SERVICE("") "sources:\n"
				   "  one: {prefixes: [192.0.2.0/24, 198.51.100.7]}\n"
				   "  two: {prefixes: [192.0.2.0/25, 198.51.100.7/32]}\n"
				   "policy: {rules: [{name: no, from: one, action: drop}]}\n",
		       "sources: 198.51.100.7 is in group 'one'");
	expect_refused(SERVICE("") "sources:\n"
				   "  one: {prefixes: [\"2001:db8::/32\"]}\n"
				   "  two: {prefixes: [\"2001:db8::/32\"]}\n"
				   "policy: {rules: [{name: no, from: one, action: drop}]}\n",
		       "a prefix belongs to one");
	assert_string_equal(try_policy(SERVICE("") "sources:\n"
						   "  one: {prefixes: [192.0.2.0/24]}\n"
						   "  two: {prefixes: [192.0.2.0/25]}\n"
						   "policy: {rules: [{name: no, from: one, action: "
						   "drop}]}\n"),
			    "");
}

/* --- kinds of packets --------------------------------------------------------------------------
 */

/* Rules of as many ports, and as many that each ask for a VLAN of their own. */
static char *ports_and_vlans(unsigned int count)
{
	char *text = malloc(ROOM);
	assert_non_null(text);
	int n = snprintf(text, ROOM, "%spolicy:\n  rules:\n", SERVICE(""));
	for (unsigned int i = 1; i <= count; i++)
		n += snprintf(text + n, ROOM - n,
			      "  - {name: p%u, protocol: udp, ports: %u, action: drop}\n"
			      "  - {name: v%u, match: vlan %u, action: drop}\n",
			      i, 10 * i, i, i);
	assert_true(n < (int)ROOM);
	return text;
}

static void test_too_many_kinds(void **state)
{
	char *text = ports_and_vlans(100);
	assert_string_equal(try_policy(text), "");
	free(text);
	text = ports_and_vlans(1100);
	expect_refused(text, "policy.rules: they tell too many kinds of packets apart");
	free(text);
}

/* --- the same, and another ---------------------------------------------------------------------
 */

static struct policy_tables *policy_of(const char *rules)
{
	char text[2048];
	snprintf(text, sizeof(text), "%s%s", SERVICE(""), rules);
	assert_string_equal(try_policy(text), "");
	return policy_keep(o.policy);
}

static void test_equal(void **state)
{
	static const char *const texts[] = {
		"sources: {a: {prefixes: [192.0.2.0/24]}}\n"
		"policy: {rules: [{name: x, from: a, action: drop}]}\n",
		/* Another source, another action, another port, another family. */
		"sources: {a: {prefixes: [192.0.2.0/25]}}\n"
		"policy: {rules: [{name: x, from: a, action: drop}]}\n",
		"sources: {a: {prefixes: [192.0.2.0/24]}}\n"
		"policy: {rules: [{name: x, from: a, action: pass}]}\n",
		"sources: {a: {prefixes: [192.0.2.0/24]}}\n"
		"policy: {rules: [{name: x, from: a, ports: 80, action: drop}]}\n",
		"sources: {a: {prefixes: [192.0.2.0/24]}}\n"
		"policy: {rules: [{name: x, from: a, match: ipv4, action: drop}]}\n",
	};
	enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
	struct policy_tables *first[COUNT], *again;
	for (int i = 0; i < COUNT; i++)
		first[i] = policy_of(texts[i]);
	for (int i = 0; i < COUNT; i++) {
		again = policy_of(texts[i]);
		for (int k = 0; k < COUNT; k++)
			assert_int_equal(policy_equal(again, first[k]), i == k);
		assert_false(policy_equal(again, NULL));
		assert_true(policy_equal(again, again));
		policy_free(again);
	}
	assert_true(policy_equal(NULL, NULL));
	for (int i = 0; i < COUNT; i++)
		policy_free(first[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_of_one_packet),
		cmocka_unit_test(test_prefix_in_two_groups),
		cmocka_unit_test(test_too_many_kinds),
		cmocka_unit_test(test_equal),
	};
	return cmocka_run_group_tests(tests, open_services, close_services);
}
