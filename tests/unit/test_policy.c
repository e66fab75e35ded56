// SPDX-License-Identifier: BSD-2-Clause
/*
 * The policy: on random packets and policies, lb/ and the XDP program both say what a reader of the
 * rules says who knows of no tables (tests/unit/policy_naive.h). WEIR_SEED takes the place of the
 * seed, which is printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/policy.h"
#include "lb/config.h"
#include "lb/policy.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tests/unit/dice.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_random.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/policy_naive.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

#define DEFAULT_SEED 0x706f6c696379
#define POLICIES     250
#define PACKETS      500 /* with each policy */
#define RULES        24
#define YAML_BYTES   65536

static uint64_t seed;
static char yaml[YAML_BYTES];
static struct offline balancer;
static uint64_t tally[8]; /* by action */

static const char *name_of(uint32_t rule)
{
	return rule == ABI_NO_RULE ? NULL : registry_name(balancer.rules, rule);
}

static bool same_name(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void complain(const char *side, const struct frame *f, const struct naive_verdict *want,
		     const char *got, const char *rule)
{
	for (uint32_t i = 0; i < f->length; i++)
		print_error("%02x%s", f->bytes[i], i % 16 == 15 ? "\n" : " ");
	print_error("\n%s\n", strstr(yaml, "sources:"));
	fail_msg("%s: %s by rule %s; expected action %u by rule %s; WEIR_SEED=%#llx", side, got,
		 rule ? rule : "-", want->action, want->rule ? want->rule : "-",
		 (unsigned long long)seed);
}

static uint64_t counted(void)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < ABI_MAX_RULES; i++)
		sum += balancer.policing.traffic[i].packets;
	return sum;
}

static void expect_lb(const struct frame *f, const struct naive_verdict *want)
{
	struct frame out;
	uint64_t before = counted();
	struct lb_packet p = packet_judge(&balancer, f, xdp_run_now_ns(), &out);
	bool denied = p.verdict == LB_DROP && p.reason == REASON_POLICY_DENIED;
	bool right = same_name(name_of(p.rule), want->rule) &&
		     denied == (want->action == POLICY_DROP) &&
		     counted() - before == want->touched &&
		     (want->action != POLICY_PASS || p.verdict == LB_PASS) &&
		     (want->action != POLICY_REDIRECT || p.verdict == LB_TRANSMIT);
	tally[want->action]++;
	if (!right)
		complain("lb", f, want, reason_word(p.reason), name_of(p.rule));
}

/* --- the XDP program ------------------------------------------------------------------------- */

static struct xdp_run xdp;
static const char *no_xdp; /* why not */

#define IDS 512 /* of rules: names that come back may get new ones */

static struct rule_traffic rules[IDS]; /* in the kernel, by id, as last seen */

/* How many rules were counted since the last look, and whether `rule` was one of them. */
static unsigned int newly_counted(int64_t rule, bool *has)
{
	struct rule_traffic now[IDS];
	uint32_t end = registry_end(balancer.rules);
	unsigned int sum = 0;
	assert_in_range(end, 1, IDS);
	xdp_run_rules(&xdp, now, end);
	*has = rule < 0;
	for (uint32_t id = 0; id < end; id++) {
		if (id == rule && now[id].packets == rules[id].packets + 1)
			*has = true;
		sum += now[id].packets - rules[id].packets;
	}
	memcpy(rules, now, end * sizeof(now[0]));
	return sum;
}

static bool is_outcome_of(const struct naive_verdict *want, const struct xdp_verdict *v)
{
	bool denied = v->outcome == OUTCOME_DROPPED && v->reason == REASON_POLICY_DENIED;
	switch (want->action) {
	case POLICY_DROP:
		return denied;
	case POLICY_PASS:
		return v->outcome == OUTCOME_PASSED;
	case POLICY_REDIRECT:
		return v->outcome == OUTCOME_SENT;
	default:
		return !denied;
	}
}

static bool refusing; /* as if most packets before had been refused */

/* What was dropped says by which rule; of the rest, which ones have counted it. */
static void expect_xdp(const struct frame *f, const struct naive_verdict *want)
{
	static const char *const words[] = {"passed", "dropped", "steered", "sent", "?"};
	struct frame out;
	int64_t rule = want->rule ? registry_find(balancer.rules, want->rule) : -1;
	bool has;
	if (f->length < XDP_RUN_MIN)
		return;
	xdp_run_set_refusing(&xdp, refusing);
	struct xdp_verdict v = xdp_run_packet(&xdp, f, &out);
	if (!is_outcome_of(want, &v) || newly_counted(rule, &has) != want->touched || !has)
		complain("XDP", f, want, words[v.outcome], NULL);
}

/* --- both ------------------------------------------------------------------------------------ */

/* The services of the table, one of them with a guard now and then. */
static void put_services(struct dice *d)
{
	static const char at[] = "{name: web, ";
	const char *rest = strstr(packet_table_yaml, at) + strlen(at);
	snprintf(yaml, sizeof(yaml), "%.*s%s%s", (int)(rest - packet_table_yaml), packet_table_yaml,
		 dice_roll(d, 2) ? "syn_protection: cookies, half_open_limit: 1000000, " : "",
		 rest);
}

static void open_policy(struct dice *d)
{
	refusing = dice_roll(d, 2);
	put_services(d);
	naive_policy(d, yaml, sizeof(yaml), RULES);
	fixture_reload(&balancer, yaml);
	if (!no_xdp)
		xdp_run_publish(&xdp, &balancer);
}

static void test_random_packets_and_policies(void **state)
{
	struct dice d = {.random = seed};
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	for (int i = 0; i < POLICIES; i++) {
		open_policy(&d);
		for (int k = 0; k < PACKETS; k++) {
			struct frame f;
			packet_random(&d, &f);
			if (dice_once_in(&d, 6))
				packet_mutate(&d, &f);
			struct naive_verdict want = naive_judge(balancer.config, &f);
			expect_lb(&f, &want);
			if (!no_xdp)
				expect_xdp(&f, &want);
		}
	}
	xdp_run_close(&xdp);
	offline_close(&balancer);
	print_message(
		"# %d pairs: %llu allow, %llu drop, %llu pass, %llu redirect\n", POLICIES * PACKETS,
		(unsigned long long)tally[POLICY_ALLOW], (unsigned long long)tally[POLICY_DROP],
		(unsigned long long)tally[POLICY_PASS], (unsigned long long)tally[POLICY_REDIRECT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_packets_and_policies),
	};
	const char *text = getenv("WEIR_SEED");
	seed = text ? strtoull(text, NULL, 0) : DEFAULT_SEED;
	print_message("# WEIR_SEED=%#llx\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
