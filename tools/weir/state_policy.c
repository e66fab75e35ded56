// SPDX-License-Identifier: BSD-2-Clause
/* Rules in their order, the default and guards behind them, each with what it has counted. Control
 * thread. */
#include "tools/weir/state_policy.h"

#include <time.h>

#include "bpf/policy.h"
#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/registry.h"
#include "tools/weir/daemon.h"

static const char *action_word(uint8_t action, bool dry_run)
{
	static const char *const words[] = {
		[POLICY_ALLOW] = "allow",         [POLICY_DROP] = "drop",
		[POLICY_PASS] = "pass",           [POLICY_COUNT] = "count",
		[POLICY_LIMIT] = "limit",         [POLICY_REDIRECT] = "redirect",
		[POLICY_CHALLENGE] = "challenge",
	};
	if (dry_run)
		return action == POLICY_DROP ? "drop (dry run)" : "limit (dry run)";
	return words[action];
}

/* Seconds since then, or null: never. */
static json_t *age(uint64_t then_ns)
{
	struct timespec t;
	if (!then_ns)
		return json_null();
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t now_ns = t.tv_sec * 1000000000ll + t.tv_nsec;
	return json_integer(now_ns > (int64_t)then_ns ? (now_ns - (int64_t)then_ns) / 1000000000
						      : 0);
}

static json_t *rule_json(const struct daemon *d, const char *name, const char *action,
			 bool can_match)
{
	struct rule_traffic t = {};
	int64_t id = registry_find(d->rules, name);
	if (id >= 0)
		engine_rule_traffic(d->engine, id, &t);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:o, s:b}", "name", name, "action", action,
			 "packets", (json_int_t)t.packets, "bytes", (json_int_t)t.bytes, "refused",
			 (json_int_t)t.refused, "last_hit_s", age(t.last_ns), "can_match",
			 can_match);
}

/* What asks SYNs that the rules have let through. */
static void add_guards(const struct daemon *d, json_t *rules)
{
	char name[POLICY_GUARD_NAME];
	for (unsigned int i = 0; i < policy_guard_count(d->config); i++)
		json_array_append_new(
			rules, rule_json(d, policy_guard_name(policy_guarded(d->config, i), name),
					 action_word(POLICY_CHALLENGE, false), true));
}

static json_t *rules_json(const struct daemon *d)
{
	const struct config_policy *p = &d->config->policy;
	json_t *rules = json_array();
	for (unsigned int i = 0; i < p->rule_count; i++) {
		const struct config_rule *r = &p->rules[i];
		json_array_append_new(rules,
				      rule_json(d, r->name, action_word(r->action, r->dry_run),
						!d->policy || !d->policy->idle[i]));
	}
	json_array_append_new(
		rules, rule_json(d, POLICY_DEFAULT_RULE, action_word(p->otherwise, false), true));
	add_guards(d, rules);
	return rules;
}

json_t *state_policy(const struct daemon *d)
{
	uint32_t prefixes = d->policy ? d->policy->sources.prefix_count : 0;
	return json_pack("{s:o, s:I, s:I}", "rules", rules_json(d), "sources",
			 (json_int_t)d->config->policy.source_count, "prefixes",
			 (json_int_t)prefixes);
}
