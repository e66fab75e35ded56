// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/policy_void.h"

#include "lb/config.h"

/* Services have ports and a protocol of their own, which the classes of targets do not tell. */
static bool has_port_of(const struct config_rule *r, const struct config_service *s)
{
	if (r->protocol != PROTOCOL_ANY && r->protocol != PROTOCOL_ICMP &&
	    r->protocol != s->protocol)
		return false;
	for (unsigned int i = 0; i < r->port_range_count; i++)
		for (unsigned int j = 0; j < s->port_range_count; j++) {
			const struct config_port_range *a = &r->port_ranges[i],
						       *b = &s->port_ranges[j];
			if (!a->first || !b->first || (a->first <= b->last && b->first <= a->last))
				return true;
		}
	return false;
}

bool policy_rule_is_void(const struct config *c, const struct config_rule *r)
{
	struct config_to to;
	for (unsigned int i = 0; i < r->to.count; i++) {
		if (!config_to_parse(c, r->to.words[i], &to) || to.service < 0 ||
		    has_port_of(r, &c->services[to.service]))
			return false;
	}
	return r->to.count;
}
