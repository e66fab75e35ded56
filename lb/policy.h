/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy: rules and sources in, tables out (bpf/policy.h says what is in them, bpf/police.h
 * reads them). Immutable once compiled; snapshots share it by reference count, which the control
 * thread alone touches.
 */
#ifndef WEIR_LB_POLICY_H
#define WEIR_LB_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/policy.h"
#include "lb/refused.h"
#include "lb/sources.h"

struct config;
struct err;
struct registry;

/* Why a rule can never match. */
enum policy_idle {
	POLICY_IDLE_NOT = 0,  /* it can */
	POLICY_IDLE_SHADOWED, /* rules before it decide about all of its packets */
	POLICY_IDLE_VOID,     /* there is no packet that it is for */
};

struct policy_tables {
	uint32_t references;
	uint32_t decision_words; /* of four cells each */
	uint64_t *decisions;
	struct policy *head;
	struct source_table sources;
	struct refused_table refused; /* of these; nothing without POLICY_EARLY */
	uint32_t rule_count;          /* configured */
	uint8_t *idle; /* enum policy_idle, by index of the rule in the configuration */
};

struct policy_input {
	const struct config *config;
	const struct registry *rules;    /* names of rules, see policy_assign_ids() */
	const struct registry *backends; /* redirects' next hops by policy_hop_key() */
	struct source_list *sources;     /* identities: a group's index in the configuration + 1 */
};

/*
 * Compiles a policy. -EINVAL: the rules tell more packets apart than the tables have room for, or a
 * prefix is in two groups; -ENOMEM. The list of sources is sorted by this.
 */
int policy_compile(const struct policy_input *in, struct policy_tables **out, struct err *err);

/* Whether two say the same; NULL: of no policy. */
bool policy_equal(const struct policy_tables *a, const struct policy_tables *b);

struct policy_tables *policy_keep(struct policy_tables *p); /* one more who has it; NULL too */
void policy_free(struct policy_tables *p);                  /* one less; NULL too */

#endif
