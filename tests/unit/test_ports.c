// SPDX-License-Identifier: BSD-2-Clause
/* Interfaces by the numbers that a running datapath has given them, not by their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "tests/unit/fixture.h"
#include "tools/weir/policy_load.h"

static const char yaml[] = "interfaces: [{name: eth0}, {name: eth1}]\n"
			   "services: []\n"
			   "policy: {rules: [{name: aside, to: any, action: redirect, redirect: "
			   "{interface: eth1}}]}\n";

/* The port that the rule sends to. */
static uint32_t redirect_of(const struct config *c)
{
	struct registry *rules = registry_new(8), *backends = registry_new(8);
	struct policy_tables *p = NULL;
	struct err err;
	assert_int_equal(policy_assign_ids(c, rules, &err), 0);
	assert_int_equal(policy_load(c, rules, backends, NULL, &p, &err), 0);
	uint32_t port = p->head->rules[registry_find(rules, "aside")].redirect;
	policy_free(p);
	registry_free(rules);
	registry_free(backends);
	return port;
}

static void test_redirects(void **state)
{
	struct config *c = fixture_config(yaml);
	assert_int_equal(redirect_of(c), 1);
	c->renumbered = true;
	c->ports[0] = 5;
	c->ports[1] = 2;
	assert_int_equal(redirect_of(c), 2);
	assert_int_equal(config_port(c, 0), 5);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_redirects)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
