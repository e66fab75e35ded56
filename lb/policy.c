// SPDX-License-Identifier: BSD-2-Clause
/*
 * The compiler. Each dimension's values fall into classes by the rules that are for them
 * (lb/policy_plane.h); classes of dimension after dimension are joined, two at a time, by the sets
 * they have in common; of the last two, packet and parties, each pair's set becomes a chain: the
 * rules it holds, in order, down to the first that decides. Pure; any thread.
 */
#include "lb/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/policy_class.h"
#include "lb/policy_ids.h"
#include "lb/policy_near.h"
#include "lb/policy_void.h"
#include "lb/policy_plane.h"
#include "lb/policy_rule.h"
#include "lb/refused.h"
#include "lb/registry.h"

#define CHAIN_CELLS   (1u << 15) /* a decision has 15 bits for where a chain begins */
#define DECISIONS_MAX (1u << 24)

struct compiler {
	const struct policy_input *in;
	const struct config *config;
	struct policy_tables *out;
	struct policy *head;
	struct policy_planes planes;
	uint16_t *ids;                /* of plans */
	uint32_t cells;               /* used so far */
	struct policy_classes chains; /* known: padded with zeroes, beginning in chain_cells */
	uint16_t *chain_cells;
	uint32_t chain_end;
	uint8_t *seen; /* by plan: 1: some packet is for it, 2: and gets to it */
	struct err *err;
};

static int no_memory(struct compiler *k)
{
	return err_set(k->err, ENOMEM, "not enough memory for a policy of %u rules",
		       k->config->policy.rule_count);
}

static int too_complex(struct compiler *k, const char *what)
{
	return err_set(k->err, EINVAL,
		       "policy.rules: they tell too many kinds of packets apart (%s); make rules "
		       "that differ in source and in ports fewer, or name more in each",
		       what);
}

/* --- rules ----------------------------------------------------------------------------------- */

static void fill_rules(struct compiler *k)
{
	const struct config_policy *p = &k->config->policy;
	for (unsigned int i = 0; i < p->rule_count; i++) {
		const struct config_rule *from = &p->rules[i];
		k->ids[i] = registry_find(k->in->rules, from->name);
		policy_rule_fill(k->config, k->in->backends, from, &k->head->rules[k->ids[i]]);
		if (k->head->rules[k->ids[i]].flags & POLICY_BEYOND_COOKIE)
			k->head->flags |= POLICY_COOKIES;
	}
	k->ids[p->rule_count] = registry_find(k->in->rules, POLICY_DEFAULT_RULE);
	k->head->rules[k->ids[p->rule_count]].action = p->otherwise;
	k->ids[p->rule_count + 1] = POLICY_NO_RULE;
}

static void fill_guards(struct compiler *k)
{
	char name[POLICY_GUARD_NAME];
	for (uint32_t i = k->planes.guards; i < k->planes.count; i++) {
		const struct config_service *s = policy_guarded(k->config, i - k->planes.guards);
		k->ids[i] = registry_find(k->in->rules, policy_guard_name(s, name));
		policy_rule_fill_guard(k->config, s, &k->head->rules[k->ids[i]]);
		k->head->flags |= POLICY_COOKIES;
	}
}

static const struct policy_rule *rule_of(const struct compiler *k, uint32_t plan)
{
	return &k->head->rules[k->ids[plan]];
}

/* Whether it ends the way through the rules. */
static bool decides(const struct policy_rule *r)
{
	return r->action != POLICY_COUNT && r->action != POLICY_LIMIT &&
	       !(r->flags & POLICY_DRY_RUN);
}

/* --- classes --------------------------------------------------------------------------------- */

static int take_cells(struct compiler *k, uint64_t count, uint32_t *at)
{
	if (count > POLICY_CELLS - k->cells)
		return too_complex(k, "in a table of classes");
	*at = k->cells;
	k->cells += count;
	return 0;
}

static int classify(struct compiler *k, enum policy_dimension d, struct policy_classes *classes)
{
	struct policy_field *f = &k->head->fields[d];
	uint32_t words = policy_planes_words(&k->planes);
	uint64_t *set = calloc(words, sizeof(*set));
	int64_t number = 0;
	int r = policy_classes_init(classes, words);
	if (!set || r)
		r = no_memory(k);
	r = r ? r : take_cells(k, k->planes.values[d], &f->classes);
	for (uint32_t v = 0; !r && v < k->planes.values[d]; v++) {
		if (policy_planes_changes(&k->planes, d, v)) {
			policy_planes_set(&k->planes, d, v, set);
			number = policy_classes_add(classes, set);
		}
		if (number < 0)
			r = no_memory(k);
		else if (number > UINT16_MAX)
			r = too_complex(k, "in one field");
		else
			k->head->cells[f->classes + v] = number;
	}
	free(set);
	f->width = classes->count;
	f->used = classes->count > 1;
	return r;
}

/* What two sets have in common; nothing, where no packet has both. */
static bool meet(const uint64_t *a, const uint64_t *b, uint32_t words, uint64_t *out)
{
	bool exists = a[words - 1] & b[words - 1];
	for (uint32_t i = 0; i < words; i++)
		out[i] = exists ? a[i] & b[i] : 0;
	return exists;
}

/* Joins the classes of a dimension to those of the ones before, which are replaced. */
static int join(struct compiler *k, struct policy_classes *before, enum policy_dimension d)
{
	struct policy_field *f = &k->head->fields[d];
	struct policy_classes own = {}, joined = {};
	uint64_t *set = calloc(policy_planes_words(&k->planes), sizeof(*set));
	int r = set ? classify(k, d, &own) : no_memory(k);
	if (!r && policy_classes_init(&joined, before->words))
		r = no_memory(k);
	if (!r && f->used)
		r = take_cells(k, (uint64_t)before->count * own.count, &f->join);
	for (uint32_t i = 0; !r && i < before->count; i++) {
		for (uint32_t j = 0; !r && j < own.count; j++) {
			meet(policy_classes_set(before, i), policy_classes_set(&own, j),
			     before->words, set);
			/* Numbers stay where there is nothing to join by: no cell names them. */
			int64_t n = f->used ? policy_classes_add(&joined, set) : 0;
			if (n < 0)
				r = no_memory(k);
			else if (n > UINT16_MAX)
				r = too_complex(k, "in several fields together");
			else if (f->used)
				k->head->cells[f->join + i * own.count + j] = n;
			else
				memcpy(policy_classes_set(before, i), set,
				       before->words * sizeof(*set));
		}
	}
	if (f->used) {
		policy_classes_fini(before);
		*before = joined;
	} else {
		policy_classes_fini(&joined);
	}
	policy_classes_fini(&own);
	free(set);
	return r;
}

/* --- chains ---------------------------------------------------------------------------------- */

#define CHAIN_WORDS (POLICY_CHAIN * sizeof(uint16_t) / sizeof(uint64_t))

/* The cell where a chain begins, which is written there if it is new; or an error. */
static int64_t chain_cell(struct compiler *k, const uint16_t chain[POLICY_CHAIN], uint32_t length)
{
	uint64_t set[CHAIN_WORDS];
	memcpy(set, chain, sizeof(set));
	uint32_t known = k->chains.count;
	int64_t n = policy_classes_add(&k->chains, set);
	if (n < 0)
		return no_memory(k);
	if (n < known)
		return k->chain_cells[n];
	if (n >= CHAIN_CELLS || k->chain_end + length > CHAIN_CELLS)
		return too_complex(k, "in what is done with them");
	memcpy(&k->head->cells[k->chain_end], chain, length * sizeof(*chain));
	k->chain_cells[n] = k->chain_end;
	k->chain_end += length;
	return k->chain_cells[n];
}

static int chain_too_long(struct compiler *k, uint32_t plan)
{
	return err_set(
		k->err, EINVAL,
		"policy.rules[%u] ('%s') is the ninth rule that some packet goes through: at "
		"most %u may count or limit the same packet",
		plan,
		plan < k->config->policy.rule_count ? k->config->policy.rules[plan].name
						    : POLICY_DEFAULT_RULE,
		POLICY_CHAIN - 1);
}

/* The guard of a set; 0: none. */
static uint32_t guard_of(const struct compiler *k, const uint64_t *set)
{
	for (uint32_t i = k->planes.guards; i < k->planes.count; i++)
		if (set[i / 64] >> i % 64 & 1)
			return i;
	return 0;
}

/* A rule in a chain. */
static uint16_t chain_cell_of(const struct policy_rule *r, uint16_t id)
{
	if (!decides(r))
		return id;
	return id | POLICY_CHAIN_LAST | (r->action == POLICY_DROP ? POLICY_CHAIN_DROP : 0);
}

/* Makes a set's chain; rules behind the one that decides are only noted as having packets. */
static int64_t make_chain(struct compiler *k, const uint64_t *set)
{
	uint16_t chain[POLICY_CHAIN] = {};
	uint32_t length = 0;
	bool decided = false;
	for (uint32_t w = 0; w < k->planes.words; w++) {
		for (uint64_t left = set[w]; left; left &= left - 1) {
			uint32_t plan = 64 * w + __builtin_ctzll(left);
			k->seen[plan] |= decided ? 1 : 3;
			if (decided)
				continue;
			decided = decides(rule_of(k, plan));
			/* Its guard has the last word about what may go to a service. */
			uint32_t guard = decided && rule_of(k, plan)->action == POLICY_ALLOW
						 ? guard_of(k, set)
						 : 0;
			if (length + !!guard >= POLICY_CHAIN)
				return chain_too_long(k, plan);
			if (guard)
				chain[length++] = k->ids[guard];
			chain[length++] = chain_cell_of(rule_of(k, plan), k->ids[plan]);
		}
	}
	if (!length) {
		chain[length++] = POLICY_NO_RULE | POLICY_CHAIN_LAST;
	}
	return chain_cell(k, chain, length);
}

/*
 * Whether some rule has to see each packet of the flows that such a packet is of: one that counts
 * or limits, or one that is for some of them only. The first that decides about all is the last
 * asked.
 */
static bool is_covered(const struct compiler *k, const uint64_t *set)
{
	const uint64_t *covers = set + k->planes.words;
	for (uint32_t w = 0; w < k->planes.words; w++) {
		for (uint64_t left = covers[w]; left; left &= left - 1) {
			uint32_t plan = 64 * w + __builtin_ctzll(left);
			if (!decides(rule_of(k, plan)) ||
			    !policy_plan_is_static(&k->planes.plans[plan]))
				return true;
			return false;
		}
	}
	return false;
}

/* --- decisions ------------------------------------------------------------------------------- */

static void put_decision(struct policy_tables *t, uint64_t at, uint16_t cell)
{
	if (t->head->decisions)
		t->head->cells[t->head->decisions + at] = cell;
	else
		t->decisions[at / 4] |= (uint64_t)cell << at % 4 * 16;
}

/* The decisions about one class of parties. */
static int decide_row(struct compiler *k, const struct policy_classes *parties, uint32_t i,
		      const struct policy_classes *kinds, uint64_t *set)
{
	for (uint32_t j = 0; j < kinds->count; j++) {
		meet(policy_classes_set(parties, i), policy_classes_set(kinds, j), kinds->words,
		     set);
		int64_t chain = make_chain(k, set);
		if (chain < 0)
			return chain;
		put_decision(k->out, (uint64_t)i * kinds->count + j,
			     chain | (is_covered(k, set) ? POLICY_COVERED : 0));
	}
	return 0;
}

static int decide(struct compiler *k, const struct policy_classes *parties,
		  const struct policy_classes *kinds)
{
	uint64_t cells = (uint64_t)parties->count * kinds->count;
	uint64_t *set = calloc(kinds->words, sizeof(*set));
	int r = 0;
	if (cells > DECISIONS_MAX)
		r = too_complex(k, "by source, target and the rest together");
	/* Behind all else, where there is room: a map of its own costs each packet a call. */
	bool fits = !r && cells + k->config->policy.source_count + 1 <= POLICY_CELLS - k->cells;
	if (fits)
		r = take_cells(k, cells, &k->head->decisions);
	k->out->decision_words = fits ? 1 : cells / 4 + 1;
	k->out->decisions = r ? NULL : calloc(k->out->decision_words, sizeof(uint64_t));
	if (!r && (!set || !k->out->decisions))
		r = no_memory(k);
	k->head->classes = kinds->count;
	for (uint32_t i = 0; !r && i < parties->count; i++)
		r = decide_row(k, parties, i, kinds, set);
	free(set);
	return r;
}

/* --- sources that are dropped for themselves -------------------------------------------------- */

/*
 * The rule that drops all that a source sends, wherever it goes: the first of those that are for
 * the source, if it asks for nothing else; -1: none.
 */
static int32_t early_rule(const struct compiler *k, uint32_t identity)
{
	for (uint32_t i = 0; i < k->config->policy.rule_count; i++) {
		const struct policy_plan *plan = &k->planes.plans[i];
		if (!policy_plan_is_from(plan, identity))
			continue;
		return policy_plan_is_for_all(plan) && decides(rule_of(k, i)) &&
				       rule_of(k, i)->action == POLICY_DROP
			       ? k->ids[i]
			       : -1;
	}
	return -1;
}

static int note_early(struct compiler *k)
{
	uint32_t identities = k->config->policy.source_count + 1;
	int r = take_cells(k, identities, &k->head->early);
	for (uint32_t i = 0; i < identities && !r; i++) {
		int32_t rule = early_rule(k, i);
		k->head->cells[k->head->early + i] = rule + 1;
		if (rule >= 0)
			k->head->flags |= POLICY_EARLY;
	}
	if (r || !(k->head->flags & POLICY_EARLY))
		return r;
	const uint16_t *early = &k->head->cells[k->head->early];
	refused_note_near(k->head->near_v6, &k->out->sources, &k->head->families[1], early);
	return refused_table_init(&k->out->refused, &k->out->sources, &k->head->families[0], early)
		       ? no_memory(k)
		       : 0;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int compile_rules(struct compiler *k)
{
	struct policy_classes kinds = {}, parties = {};
	k->cells = CHAIN_CELLS + POLICY_CHAIN;
	int r = classify(k, POLICY_PROTOCOL, &kinds);
	for (enum policy_dimension d = POLICY_PROTOCOL + 1; d < POLICY_SOURCE; d++)
		r = r ? r : join(k, &kinds, d);
	r = r ? r : classify(k, POLICY_SOURCE, &parties);
	r = r ? r : join(k, &parties, POLICY_TARGET);
	r = r ? r : decide(k, &parties, &kinds);
	r = r ? r : note_early(k);
	if (!r)
		policy_near_fill(&k->head->near_v4, &k->out->sources, &k->head->families[0],
				 &k->head->cells[k->head->fields[POLICY_SOURCE].classes]);
	policy_classes_fini(&kinds);
	policy_classes_fini(&parties);
	return r;
}

static void note_idle(struct compiler *k)
{
	const struct config_policy *p = &k->config->policy;
	k->out->rule_count = p->rule_count;
	for (unsigned int i = 0; i < p->rule_count; i++) {
		if (!k->seen[i] || policy_rule_is_void(k->config, &p->rules[i]))
			k->out->idle[i] = POLICY_IDLE_VOID;
		else if (k->seen[i] == 1)
			k->out->idle[i] = POLICY_IDLE_SHADOWED;
		if (!k->planes.plans[i].to)
			k->head->flags |= POLICY_ANYWHERE;
	}
}

static int compile_sources(struct compiler *k)
{
	struct source_clash clash;
	char text[PREFIX_TEXT];
	const struct config_source *sources = k->config->policy.sources;
	int r = source_table_init(&k->out->sources, k->head->families, k->in->sources, &clash);
	if (r == -EEXIST)
		return err_set(k->err, EINVAL,
			       "sources: %s is in group '%s' (line %u) and in group '%s' (line "
			       "%u); a prefix belongs to one",
			       source_format(&clash.a.address, clash.a.length, text),
			       sources[clash.a.identity - 1].name, clash.a.line,
			       sources[clash.b.identity - 1].name, clash.b.line);
	return r ? no_memory(k) : 0;
}

static int init_compiler(struct compiler *k)
{
	uint32_t plans = k->config->policy.rule_count + 2 + policy_guard_count(k->config);
	k->out = calloc(1, sizeof(*k->out));
	k->ids = calloc(plans, sizeof(*k->ids));
	k->seen = calloc(plans, 1);
	k->chain_cells = calloc(CHAIN_CELLS, sizeof(*k->chain_cells));
	if (!k->out || !k->ids || !k->seen || !k->chain_cells ||
	    policy_classes_init(&k->chains, CHAIN_WORDS) ||
	    policy_planes_init(&k->planes, k->config))
		return no_memory(k);
	k->out->references = 1;
	k->out->head = aligned_alloc(64, (sizeof(*k->head) + 63) & ~63ul);
	k->out->idle = calloc(plans, 1);
	if (!k->out->head || !k->out->idle)
		return no_memory(k);
	k->head = memset(k->out->head, 0, sizeof(*k->head));
	k->head->meter_mask = policy_meter_buckets(k->config->policy.tracked_sources) - 1;
	return 0;
}

int policy_compile(const struct policy_input *in, struct policy_tables **out, struct err *err)
{
	struct compiler k = {.in = in, .config = in->config, .err = err};
	int r = init_compiler(&k);
	r = r ? r : compile_sources(&k);
	if (!r) {
		fill_rules(&k);
		fill_guards(&k);
		r = compile_rules(&k);
	}
	if (!r)
		note_idle(&k);
	policy_planes_fini(&k.planes);
	policy_classes_fini(&k.chains);
	free(k.chain_cells);
	free(k.seen);
	free(k.ids);
	if (r)
		policy_free(k.out);
	else
		*out = k.out;
	return r;
}
