// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/policy_rule.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "bpf/meter.h"
#include "bpf/policy.h"
#include "lb/config.h"
#include "lb/policy_ids.h"
#include "lb/prefix.h"
#include "lb/registry.h"

#define SECOND_NS 1000000000ull

/* The cost of one unit in meter time, shifted as far left as stays below 2^44. */
static void fill_limit(struct policy_rule *r, const struct config_limit *l)
{
	double cost = (double)SECOND_NS * METER_TICKS / l->rate;
	uint64_t burst = l->burst ? l->burst : l->rate;
	r->window = cost * burst;
	while (r->shift < 40 && cost < (double)(1ull << 43)) {
		cost *= 2;
		r->shift++;
	}
	r->cost = llround(cost);
	/* A bucket holds one packet at least, however its cost was rounded. */
	if (r->window < r->cost >> r->shift)
		r->window = (r->cost >> r->shift) + 1;
	r->per = l->per;
	r->mask4 = htonl(l->prefix4 ? ~0u << (32 - l->prefix4) : 0);
	const struct addr all = {{~0u, ~0u, ~0u, ~0u}};
	struct addr mask = prefix_mask(&all, l->prefix6);
	memcpy(r->mask6, mask.word, sizeof(r->mask6));
	if (l->bytes)
		r->flags |= POLICY_BYTES;
	if (l->challenge)
		r->flags |= POLICY_BEYOND_COOKIE;
}

void policy_rule_fill_guard(const struct config *c, const struct config_service *s,
			    struct policy_rule *out)
{
	out->action = POLICY_LIMIT;
	out->per = POLICY_PER_SERVICE;
	out->flags = POLICY_BEYOND_COOKIE | POLICY_HALF_OPEN;
	out->cost = policy_half_open_cost(c, s);
	out->window = out->cost * s->half_open_limit;
}

uint64_t policy_half_open_cost(const struct config *c, const struct config_service *s)
{
	if (s->syn_protection == SYN_PROTECTION_NONE)
		return 0;
	return c->timeouts.tcp_handshake * SECOND_NS * METER_TICKS / s->half_open_limit;
}

static void fill_redirect(const struct config *c, const struct registry *backends,
			  const struct config_rule *from, struct policy_rule *r)
{
	char key[POLICY_HOP_KEY];
	if (from->redirect.has_next_hop) {
		r->redirect = registry_find(backends, policy_hop_key(from->name, key));
		return;
	}
	r->flags |= POLICY_TO_PORT;
	for (unsigned int i = 0; i < c->interface_count; i++)
		if (!strcmp(c->interfaces[i].name, from->redirect.interface))
			r->redirect = config_port(c, i);
}

void policy_rule_fill(const struct config *c, const struct registry *backends,
		      const struct config_rule *from, struct policy_rule *out)
{
	out->action = from->action;
	out->flags = from->dry_run ? POLICY_DRY_RUN : 0;
	if (from->action == POLICY_LIMIT)
		fill_limit(out, &from->limit);
	if (from->action == POLICY_REDIRECT)
		fill_redirect(c, backends, from, out);
}
