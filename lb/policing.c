// SPDX-License-Identifier: BSD-2-Clause
/* Gives bpf/police.h the tables as memory. The caller's thread; one struct policing each. */
#include "lb/policing.h"

#include <errno.h>
#include <stdlib.h>

#include "bpf/cookie.h"
#include "bpf/meter.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"

static const struct source_slot *policy_slot(const struct policing *t, uint32_t i)
{
	return i < t->tables->sources.slot_count ? &t->tables->sources.slots[i] : NULL;
}

static const struct source_range *policy_range(const struct policing *t, uint32_t i)
{
	return i < t->tables->sources.range_count ? &t->tables->sources.ranges[i] : NULL;
}

static uint64_t policy_cells(const struct policing *t, uint32_t i)
{
	return t->tables->decisions[i];
}

static struct meter_bucket *policy_meter(const struct policing *t, uint64_t hash)
{
	struct meter_bucket *own = &t->meters[hash & t->meter_mask];
	if (t->peek && t->peek->meters)
		*own = t->peek->meters[hash & t->peek->mask];
	else if (t->peek)
		*own = (struct meter_bucket){};
	return own;
}

static __u64 *policy_half_open(const struct policing *t, uint32_t service)
{
	__u64 *own = service < ABI_MAX_SERVICES ? &t->half_open[service] : NULL;
	if (own && t->peek)
		*own = t->peek->half_open ? t->peek->half_open[service] : 0;
	return own;
}

static void note(struct policing_trace *trace, uint32_t rule, bool refused)
{
	if (trace->count == POLICING_RULES)
		return;
	trace->rules[trace->count].rule = rule;
	trace->rules[trace->count++].refused = refused;
}

static void policy_count(const struct policing *t, uint32_t rule, uint32_t bytes, int refused)
{
	if (t->trace)
		note(t->trace, rule, refused);
	struct rule_traffic *c = &t->traffic[rule];
	c->packets++;
	c->bytes += bytes;
	c->refused += refused != 0;
	c->last_ns = t->now_ns;
}

static uint64_t policy_now(const struct policing *t)
{
	return t->now_ns * METER_TICKS;
}

static uint64_t policy_soon(const struct policing *t)
{
	return policy_now(t);
}

static uint64_t policy_hash(const struct policing *t, const struct flow_key *key)
{
	return flow_hash(key, &t->seed);
}

#include "bpf/police.h"

int policing_init(struct policing *p, uint32_t sources, const struct flow_seed *seed)
{
	uint32_t buckets = policy_meter_buckets(sources);
	*p = (struct policing){.meter_mask = buckets - 1, .seed = *seed};
	/* calloc: of many only what is used becomes memory. */
	p->meter_memory = calloc(buckets + 1ul, sizeof(*p->meters));
	uintptr_t line = sizeof(*p->meters);
	p->meters = (void *)(((uintptr_t)p->meter_memory + line - 1) & ~(line - 1));
	p->traffic = calloc(ABI_MAX_RULES, sizeof(*p->traffic));
	p->half_open = calloc(ABI_MAX_SERVICES, sizeof(*p->half_open));
	if (!p->meter_memory || !p->traffic || !p->half_open) {
		policing_fini(p);
		return -ENOMEM;
	}
	return 0;
}

void policing_fini(struct policing *p)
{
	free(p->meter_memory);
	free(p->traffic);
	free(p->half_open);
	*p = (struct policing){};
}

static bool look(const struct policing *p, const uint8_t *data, uint32_t length,
		 const struct packet *parsed, struct policy_packet *k)
{
	*k = (struct policy_packet){.length = length < UINT16_MAX ? length : UINT16_MAX};
	return p->tables && policy_look((const char *)data, (const char *)data + length, parsed, k);
}

uint32_t policing_identity(const struct policy_tables *t, const struct addr *a)
{
	const struct policing p = {.tables = t};
	return policy_identity(t->head, &p, a);
}

/* The class of its source. */
static uint32_t who(const struct policing *p, const struct policy_packet *k)
{
	if (p->trace) {
		p->trace->asked = true;
		p->trace->identity = k->has_source ? policing_identity(p->tables, &k->source) : 0;
	}
	return policy_who_is(p->tables->head, p, k);
}

bool policing_refuses(struct policing *p, const uint8_t *data, uint32_t length,
		      struct policy_verdict *out)
{
	struct addr source;
	if (!p->tables || !(p->tables->head->flags & POLICY_EARLY) ||
	    !policy_read_source((const char *)data, (const char *)data + length, &source))
		return false;
	int rule = policy_early(p->tables->head, p, &source);
	if (rule < 0)
		return false;
	policy_count(p, rule, length < UINT16_MAX ? length : UINT16_MAX, true);
	if (p->trace) {
		p->trace->asked = p->trace->by_source = true;
		p->trace->identity = policy_identity(p->tables->head, p, &source);
	}
	*out = (struct policy_verdict){.rule = rule,
				       .dry_rule = POLICY_NO_RULE,
				       .action = POLICY_DROP,
				       .reason = REASON_POLICY_DENIED};
	return true;
}

void policing_judge(struct policing *p, const uint8_t *data, uint32_t length,
		    const struct packet *parsed, uint32_t row, uint32_t service,
		    struct policy_verdict *out)
{
	struct policy_packet k;
	*out = (struct policy_verdict){.rule = POLICY_NO_RULE, .dry_rule = POLICY_NO_RULE};
	if (!look(p, data, length, parsed, &k))
		return;
	const struct policy *head = p->tables->head;
	if (!row && !(head->flags & POLICY_ANYWHERE))
		return;
	uint32_t decision = policy_decide(head, p, &k, who(p, &k), row);
	policy_run(head, p, decision & ~POLICY_COVERED, &k, service, out);
}

bool policing_proves(struct policing *p, uint8_t *data, uint32_t length,
		     const struct packet *parsed, const struct flow_seed *cookies)
{
	if (!p->tables || !(p->tables->head->flags & POLICY_COOKIES) ||
	    !policy_may_be_proof(parsed))
		return false;
	const struct tcphdr *tcp = cookie_tcp(data, data + length, parsed);
	if (!tcp || !cookie_is_right(&parsed->key, cookies, tcp->seq, p->now_ns))
		return false;
	policy_prove(p, &parsed->key.source);
	return true;
}
