// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/policy_ids.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bpf/policy.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/sources.h"

bool policy_is_wanted(const struct config *c)
{
	return c->policy.rule_count || c->policy.otherwise != POLICY_ALLOW || policy_guard_count(c);
}

unsigned int policy_guard_count(const struct config *c)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < c->service_count; i++)
		count += c->services[i].syn_protection != SYN_PROTECTION_NONE;
	return count;
}

const struct config_service *policy_guarded(const struct config *c, unsigned int guard)
{
	const struct config_service *s = c->services;
	for (;; s++)
		if (s->syn_protection != SYN_PROTECTION_NONE && !guard--)
			return s;
}

const char *policy_guard_name(const struct config_service *s, char name[POLICY_GUARD_NAME])
{
	snprintf(name, POLICY_GUARD_NAME, "%s/syn-protection", s->name);
	return name;
}

const char *policy_name_at(const struct config *c, unsigned int at, char guard[POLICY_GUARD_NAME])
{
	const struct config_policy *p = &c->policy;
	if (at < p->rule_count)
		return p->rules[at].name;
	if (at == p->rule_count)
		return POLICY_DEFAULT_RULE;
	at -= p->rule_count + 1;
	return at < policy_guard_count(c) ? policy_guard_name(policy_guarded(c, at), guard) : NULL;
}

uint32_t policy_meter_buckets(uint32_t sources)
{
	uint32_t buckets = 1024;
	while (buckets < sources / 2)
		buckets *= 2;
	return buckets;
}

uint32_t policy_service_row(unsigned int index)
{
	return 1 + index;
}

uint32_t policy_vip_row(const struct config *c, unsigned int index)
{
	const struct config_service *of = &c->services[index];
	unsigned int first = 0;
	while (c->services[first].prefix != of->prefix ||
	       memcmp(&c->services[first].address, &of->address, sizeof(of->address)))
		first++;
	return 1 + c->service_count + first;
}

int policy_inline_sources(const struct config *c, struct source_list *out)
{
	for (unsigned int i = 0; i < c->policy.source_count; i++) {
		const struct config_source *s = &c->policy.sources[i];
		for (unsigned int j = 0; j < s->prefix_count; j++) {
			struct source_prefix p = {.address = s->prefixes[j].address,
						  .length = s->prefixes[j].length,
						  .identity = i + 1};
			int r = source_list_add(out, &p);
			if (r)
				return r;
		}
	}
	return 0;
}

int policy_assign_ids(const struct config *c, struct registry *rules, struct err *err)
{
	char guard[POLICY_GUARD_NAME];
	const char *name;
	bool full = false;
	for (unsigned int i = 0; (name = policy_name_at(c, i, guard)) && !full; i++)
		full = registry_assign(rules, name) < 0;
	if (full)
		return err_set(err, ENOSPC, "no ids left: at most %u rules, old and new together",
			       POLICY_NO_RULE - 1);
	return 0;
}

static bool is_guard(const struct config *c, const char *name)
{
	char guard[POLICY_GUARD_NAME];
	for (unsigned int i = 0; strchr(name, '/') && i < c->service_count; i++)
		if (c->services[i].syn_protection != SYN_PROTECTION_NONE &&
		    !strcmp(policy_guard_name(&c->services[i], guard), name))
			return true;
	return false;
}

static bool is_rule(const struct config *c, const char *name)
{
	for (unsigned int i = 0; i < c->policy.rule_count; i++)
		if (!strcmp(c->policy.rules[i].name, name))
			return true;
	return !strcmp(name, POLICY_DEFAULT_RULE) || is_guard(c, name);
}

void policy_release_ids(const struct config *c, struct registry *rules)
{
	for (uint32_t id = 0; id < registry_end(rules); id++) {
		const char *name = registry_name(rules, id);
		if (name && !is_rule(c, name))
			registry_release(rules, id);
	}
}

const char *policy_hop_key(const char *rule, char key[POLICY_HOP_KEY])
{
	snprintf(key, POLICY_HOP_KEY, "/%s", rule);
	return key;
}
