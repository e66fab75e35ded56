// SPDX-License-Identifier: BSD-2-Clause
/* Compiled policies: whether two say the same, and who has one. */
#include "lb/policy.h"

#include <stdlib.h>
#include <string.h>

static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

bool policy_equal(const struct policy_tables *a, const struct policy_tables *b)
{
	if (a == b || !a || !b)
		return a == b;
	const struct source_table *x = &a->sources, *y = &b->sources;
	return a->decision_words == b->decision_words && x->slot_count == y->slot_count &&
	       x->range_count == y->range_count && a->rule_count == b->rule_count &&
	       same_bytes(a->idle, b->idle, a->rule_count) &&
	       same_bytes(a->head, b->head, sizeof(*a->head)) &&
	       same_bytes(a->decisions, b->decisions, a->decision_words * sizeof(*a->decisions)) &&
	       same_bytes(x->slots, y->slots, x->slot_count * sizeof(*x->slots)) &&
	       same_bytes(x->ranges, y->ranges, x->range_count * sizeof(*x->ranges));
}

struct policy_tables *policy_keep(struct policy_tables *p)
{
	if (p)
		p->references++;
	return p;
}

void policy_free(struct policy_tables *p)
{
	if (!p || (p->references && --p->references))
		return;
	source_table_fini(&p->sources);
	refused_table_fini(&p->refused);
	free(p->decisions);
	free(p->idle);
	free(p->head);
	free(p);
}
