// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Pure; any thread. */
#include "lb/policy_plane.h"

#include <errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"

#define KIND_TCP    (1u << 0)
#define KIND_UDP    (1u << 1)
#define KIND_ICMP   (1u << 2)
#define KIND_OTHER  (1u << 3)
#define KIND_NOT_IP (1u << 4)
#define KIND_IP     (KIND_TCP | KIND_UDP | KIND_ICMP | KIND_OTHER)

/* --- names ----------------------------------------------------------------------------------- */

static void set_bit(uint8_t *bitmap, uint32_t n)
{
	bitmap[n / 8] |= 1u << n % 8;
}

static bool has_bit(const uint8_t *bitmap, uint32_t n)
{
	return !bitmap || bitmap[n / 8] >> n % 8 & 1;
}

static void add_to(const struct config *c, const struct config_to *to, uint8_t *rows)
{
	for (unsigned int i = 0; i < c->service_count; i++) {
		if (to->service == i || (to->service < 0 && config_to_has(to, &c->services[i])))
			set_bit(rows, policy_service_row(i));
		if (to->service < 0 && config_to_has(to, &c->services[i]))
			set_bit(rows, policy_vip_row(c, i));
	}
}

static int look_up_to(struct policy_plan *plan, const struct config *c, uint32_t rows)
{
	const struct config_words *names = &plan->rule->to;
	struct config_to to;
	if (names->count && config_to_parse(c, names->words[0], &to) && to.any)
		return 0;
	plan->to = calloc(1, rows / 8 + 1);
	if (!plan->to)
		return -ENOMEM;
	for (uint32_t row = 1; row < rows && !names->count; row++)
		set_bit(plan->to, row);
	for (unsigned int i = 0; i < names->count; i++)
		if (config_to_parse(c, names->words[i], &to))
			add_to(c, &to, plan->to);
	return 0;
}

static int look_up(struct policy_plan *plan, const struct config *c, uint32_t rows)
{
	const struct config_words *from = &plan->rule->from;
	if (from->count) {
		plan->from = calloc(1, c->policy.source_count / 8 + 1);
		if (!plan->from)
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < from->count; i++) {
		int64_t source = config_find_source(&c->policy, from->words[i]);
		if (source >= 0)
			set_bit(plan->from, source + 1);
	}
	return look_up_to(plan, c, rows);
}

/* The default is for all VIPs, and "no rule" for everything. */
static int look_up_default(struct policy_plan *plan, uint32_t rows)
{
	plan->to = calloc(1, rows / 8 + 1);
	for (uint32_t row = 1; plan->to && row < rows; row++)
		set_bit(plan->to, row);
	return plan->to ? 0 : -ENOMEM;
}

/* Where the sets of ports and lengths may change; port 0 is none. */
static void mark_edges(struct policy_planes *p)
{
	set_bit(p->length_edges, 0);
	set_bit(p->port_edges, 0);
	set_bit(p->port_edges, 1);
	for (uint32_t i = 0; i < p->rules; i++) {
		const struct config_rule *r = p->plans[i].rule;
		set_bit(p->length_edges, r->match.length_first);
		set_bit(p->length_edges, r->match.length_last + 1u);
		for (unsigned int k = 0; k < r->port_range_count; k++) {
			set_bit(p->port_edges, r->port_ranges[k].first);
			set_bit(p->port_edges, r->port_ranges[k].last + 1u);
		}
	}
}

/* SYNs for one service. */
static int look_up_guard(struct policy_plan *plan, const struct config *c, unsigned int guard,
			 uint32_t rows)
{
	static struct config_port_range any_port;
	static const struct config_rule opens = {
		.protocol = PROTOCOL_ANY,
		.port_range_count = 1,
		.port_ranges = &any_port,
		.match = {.flags = POLICY_SYN, .length_last = UINT16_MAX},
		.action = POLICY_LIMIT,
	};
	plan->rule = &opens;
	plan->to = calloc(1, rows / 8 + 1);
	if (!plan->to)
		return -ENOMEM;
	set_bit(plan->to, policy_service_row(policy_guarded(c, guard) - c->services));
	return 0;
}

int policy_planes_init(struct policy_planes *p, const struct config *c)
{
	uint32_t rows = 1 + 2 * c->service_count, n = c->policy.rule_count;
	uint32_t count = n + 2 + policy_guard_count(c);
	*p = (struct policy_planes){
		.config = c,
		.rules = n,
		.guards = n + 2,
		.count = count,
		.words = (count + 63) / 64,
		.values =
			{
				[POLICY_PROTOCOL] = POLICY_PROTOCOLS,
				[POLICY_FLAG] = POLICY_FLAGS,
				[POLICY_PORT] = UINT16_MAX + 1,
				[POLICY_VLAN] = POLICY_VLANS,
				[POLICY_LENGTH] = UINT16_MAX + 1,
				[POLICY_SOURCE] = c->policy.source_count + 1,
				[POLICY_TARGET] = rows,
			},
	};
	p->plans = calloc(p->count, sizeof(*p->plans));
	int r = p->plans ? look_up_default(&p->plans[n], rows) : -ENOMEM;
	for (uint32_t i = 0; i < n && !r; i++) {
		p->plans[i].rule = &c->policy.rules[i];
		r = look_up(&p->plans[i], c, rows);
	}
	for (uint32_t i = p->guards; i < count && !r; i++)
		r = look_up_guard(&p->plans[i], c, i - p->guards, rows);
	if (!r)
		mark_edges(p);
	return r;
}

void policy_planes_fini(struct policy_planes *p)
{
	for (uint32_t i = 0; p->plans && i < p->count; i++) {
		free(p->plans[i].from);
		free(p->plans[i].to);
	}
	free(p->plans);
	*p = (struct policy_planes){};
}

/* --- conditions ------------------------------------------------------------------------------ */

static bool is_icmp(uint32_t value)
{
	return value == IPPROTO_ICMP || value == 256 + IPPROTO_ICMPV6;
}

static bool has_protocol(const struct config_rule *r, uint32_t value)
{
	bool v6 = value >= 256, not_ip = value == POLICY_NOT_IP;
	if (r->match.family && (not_ip || v6 != (r->match.family == FAMILY_IPV6)))
		return false;
	switch (r->protocol) {
	case PROTOCOL_ANY:
		return true;
	case PROTOCOL_ICMP:
		return is_icmp(value);
	case PROTOCOL_NOT_IP:
		return not_ip;
	default:
		return !not_ip && (value & 255) == r->protocol;
	}
}

static bool has_port(const struct config_rule *r, uint32_t value)
{
	for (unsigned int i = 0; i < r->port_range_count; i++) {
		const struct config_port_range *range = &r->port_ranges[i];
		if (!range->first || (value >= range->first && value <= range->last))
			return true;
	}
	return false;
}

/* A fragment behind the first follows that one, unless a rule names it: the default does not. */
static bool has_flags(const struct policy_planes *p, uint32_t plan, uint32_t value)
{
	if (plan == p->rules)
		return !(value & POLICY_LATER);
	const struct config_rule *r = p->plans[plan].rule;
	return !r || (r->match.flags & value) == r->match.flags;
}

static bool has_value(const struct policy_planes *p, uint32_t plan, enum policy_dimension d,
		      uint32_t value)
{
	const struct policy_plan *at = &p->plans[plan];
	switch (d) {
	case POLICY_SOURCE:
		return has_bit(at->from, value);
	case POLICY_TARGET:
		return has_bit(at->to, value);
	case POLICY_FLAG:
		return has_flags(p, plan, value);
	case POLICY_PROTOCOL:
		return !at->rule || has_protocol(at->rule, value);
	case POLICY_PORT:
		return !at->rule || has_port(at->rule, value);
	case POLICY_VLAN:
		return !at->rule || !at->rule->match.vlan || at->rule->match.vlan == value;
	default:
		return !at->rule || (value >= at->rule->match.length_first &&
				     value <= at->rule->match.length_last);
	}
}

#define VARIABLE_FLAGS (POLICY_INVALID | POLICY_OPTIONS) /* of packets that may be repeated */

/* The same of the flow that the packet is of. */
static bool covers_value(const struct policy_planes *p, uint32_t plan, enum policy_dimension d,
			 uint32_t value)
{
	const struct config_rule *r = p->plans[plan].rule;
	if (d == POLICY_VLAN || d == POLICY_LENGTH)
		return true;
	if (d == POLICY_FLAG)
		return !r || !(r->match.flags & ~VARIABLE_FLAGS);
	return has_value(p, plan, d, value);
}

bool policy_plan_is_static(const struct policy_plan *plan)
{
	const struct config_match *m = plan->rule ? &plan->rule->match : NULL;
	return !m || (!m->flags && !m->vlan && !m->length_first && m->length_last == UINT16_MAX);
}

bool policy_plan_is_from(const struct policy_plan *plan, uint32_t identity)
{
	return has_bit(plan->from, identity);
}

bool policy_plan_is_for_all(const struct policy_plan *plan)
{
	const struct config_rule *r = plan->rule;
	return r && !plan->to && policy_plan_is_static(plan) && !r->match.family &&
	       r->protocol == PROTOCOL_ANY && !r->port_ranges[0].first;
}

/* --- kinds ----------------------------------------------------------------------------------- */

static uint32_t kinds_of_protocol(uint32_t value)
{
	if (value == POLICY_NOT_IP)
		return KIND_NOT_IP;
	if ((value & 255) == IPPROTO_TCP)
		return KIND_TCP;
	if ((value & 255) == IPPROTO_UDP)
		return KIND_UDP;
	return is_icmp(value) ? KIND_ICMP : KIND_OTHER;
}

static uint32_t kinds_of_flags(uint32_t value)
{
	const uint32_t tcp = POLICY_SYN | POLICY_SYN_DATA | POLICY_INVALID;
	const uint32_t fragment = POLICY_FRAGMENT | POLICY_LATER;
	if (!value)
		return KIND_IP | KIND_NOT_IP;
	if ((value & POLICY_SYN_DATA && !(value & POLICY_SYN)) ||
	    (value & POLICY_SYN && value & POLICY_INVALID) ||
	    (value & POLICY_LATER && (!(value & POLICY_FRAGMENT) || value & tcp)))
		return 0;
	if (value & POLICY_ICMP_ERROR)
		return value & (tcp | fragment) ? 0 : KIND_ICMP;
	return value & tcp ? KIND_TCP : KIND_IP;
}

static uint32_t kinds_of_row(const struct config *c, uint32_t row)
{
	if (row == 0)
		return KIND_IP | KIND_NOT_IP;
	if (row > c->service_count)
		return KIND_IP;
	return KIND_ICMP | (c->services[row - 1].protocol == IPPROTO_TCP ? KIND_TCP : KIND_UDP);
}

static uint32_t kinds_of(const struct policy_planes *p, enum policy_dimension d, uint32_t value)
{
	switch (d) {
	case POLICY_PROTOCOL:
		return kinds_of_protocol(value);
	case POLICY_FLAG:
		return kinds_of_flags(value);
	case POLICY_PORT:
		return value ? KIND_TCP | KIND_UDP : KIND_IP | KIND_NOT_IP;
	case POLICY_SOURCE:
		return value ? KIND_IP : KIND_IP | KIND_NOT_IP;
	case POLICY_TARGET:
		return kinds_of_row(p->config, value);
	default:
		return KIND_IP | KIND_NOT_IP;
	}
}

/* --- sets ------------------------------------------------------------------------------------ */

void policy_planes_set(const struct policy_planes *p, enum policy_dimension d, uint32_t value,
		       uint64_t *set)
{
	memset(set, 0, policy_planes_words(p) * sizeof(*set));
	for (uint32_t i = 0; i < p->count; i++) {
		if (has_value(p, i, d, value))
			set[i / 64] |= 1ull << i % 64;
		if (covers_value(p, i, d, value))
			set[p->words + i / 64] |= 1ull << i % 64;
	}
	set[2 * p->words] = kinds_of(p, d, value);
}

bool policy_planes_changes(const struct policy_planes *p, enum policy_dimension d, uint32_t value)
{
	if (d == POLICY_PORT)
		return has_bit(p->port_edges, value);
	return d != POLICY_LENGTH || has_bit(p->length_edges, value);
}
