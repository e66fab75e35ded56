// SPDX-License-Identifier: BSD-2-Clause
/* Ranges come in ascending order, so the borders of a block lie one behind the other. Pure. */
#include "lb/refused.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/policy.h"
#include "lb/sources.h"

#define BLOCK_ADDRESSES 65536u

/* The ranges of a family: from the first to before the end. */
struct span {
	uint32_t first, end;
};

static struct span span_of(const struct source_table *t, const struct source_family *f)
{
	if (!f->slots)
		return (struct span){0, 0};
	const struct source_slot *last = &t->slots[f->slot + f->slots - 1];
	return (struct span){t->slots[f->slot].first, last->first + last->more + 1};
}

/* --- IPv6 ------------------------------------------------------------------------------------ */

static void set_bits(uint32_t *near, uint64_t first, uint64_t last)
{
	for (; first <= last; first++)
		near[first / 32] |= 1u << first % 32;
}

void refused_note_near(uint32_t *near, const struct source_table *sources,
		       const struct source_family *f, const uint16_t *early)
{
	struct span s = span_of(sources, f);
	if (early[0])
		set_bits(near, 0, POLICY_NETS - 1);
	for (uint32_t i = s.first; i < s.end; i++) {
		const struct source_range *r = &sources->ranges[i];
		uint64_t last = i + 1 < s.end ? (r[1].first - 1) >> 48 : POLICY_NETS - 1;
		/* What has ranges of its own may have one that is refused. */
		if (r->count || early[r->value])
			set_bits(near, r->first >> 48, last);
	}
}

/* --- IPv4 ------------------------------------------------------------------------------------ */

struct maker {
	struct refused_block *blocks;
	uint16_t *borders;
	uint32_t count;
};

static void push(struct maker *m, struct refused_block *b, uint32_t border)
{
	/* Where one range ends and the next one begins there is no border. */
	if (b->count && m->borders[m->count - 1] == border) {
		b->count--;
		m->count--;
	} else {
		b->count++;
		m->borders[m->count++] = border;
	}
}

/* Addresses `first` to before `end` of a block are refused by a rule. */
static void refuse(struct maker *m, struct refused_block *b, uint16_t rule, uint32_t first,
		   uint32_t end)
{
	if (!b->rule) {
		b->first = m->count;
		b->rule = rule;
	}
	/* There is no telling which rule, or no room in `count`. */
	if (b->rule != rule || b->count > UINT16_MAX - 2) {
		b->rule = REFUSED_MIXED;
		b->count = 0;
		return;
	}
	push(m, b, first);
	if (end < BLOCK_ADDRESSES)
		push(m, b, end);
}

static void refuse_range(struct maker *m, uint16_t rule, uint64_t first, uint64_t end)
{
	while (rule && first < end) {
		uint64_t next = (first / BLOCK_ADDRESSES + 1) * BLOCK_ADDRESSES;
		uint64_t stop = next < end ? next : end;
		refuse(m, &m->blocks[first / BLOCK_ADDRESSES], rule, first % BLOCK_ADDRESSES,
		       stop - first / BLOCK_ADDRESSES * BLOCK_ADDRESSES);
		first = stop;
	}
}

/* Whether no two neighbours are refused: each border is followed by one that is the next address.
 */
static bool is_alone(const uint16_t *borders, uint32_t count)
{
	for (uint32_t i = 0; i < count; i += 2)
		if (i + 1 == count ? borders[i] != UINT16_MAX : borders[i + 1] != borders[i] + 1)
			return false;
	return true;
}

/* The borders of a block as it is to have them, over themselves. */
static void settle(struct refused_block *b, uint16_t *borders)
{
	/* A block that is refused as a whole needs none. */
	if (b->count == 1 && !borders[0])
		b->count = 0;
	if (!b->count || !is_alone(borders, b->count))
		return;
	b->rule |= REFUSED_ALONE;
	b->count = (b->count + 1) / 2;
	for (uint32_t i = 0; i < b->count; i++)
		borders[i] = borders[2 * i];
}

static void fill_near(struct refused_block *b, const uint16_t *lower)
{
	for (uint32_t i = 0; i < REFUSED_NEAR; i++)
		b->lower[i] = i < b->count              ? lower[i]
			      : b->rule & REFUSED_ALONE ? lower[0]
							: UINT16_MAX;
}

static uint32_t lines_of(const struct refused_block *b)
{
	return b->count > REFUSED_NEAR ? (b->count + REFUSED_LINE - 1u) / REFUSED_LINE : 0;
}

/* From borders one behind the other to lines of each block's own. */
static int pack(struct refused_table *t, const struct maker *m)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < REFUSED_BLOCKS; i++) {
		settle(&m->blocks[i], m->borders + m->blocks[i].first);
		fill_near(&m->blocks[i], m->borders + m->blocks[i].first);
		t->line_count += lines_of(&m->blocks[i]);
	}
	t->line_count += !t->line_count;
	t->lines = malloc(t->line_count * sizeof(*t->lines));
	if (!t->lines)
		return -ENOMEM;
	memset(t->lines, 0xff, t->line_count * sizeof(*t->lines));
	for (uint32_t i = 0; i < REFUSED_BLOCKS; i++) {
		struct refused_block *b = &m->blocks[i];
		if (lines_of(b))
			memcpy(&t->lines[at], m->borders + b->first,
			       b->count * sizeof(*m->borders));
		b->first = at;
		at += lines_of(b);
	}
	return 0;
}

int refused_table_init(struct refused_table *t, const struct source_table *sources,
		       const struct source_family *f, const uint16_t *early)
{
	const uint64_t everything = 1ull << 32;
	struct span s = span_of(sources, f);
	/* A range may be of many blocks, but has borders in two at most; each block may begin with
	 * one.
	 */
	size_t most = 2 * (s.end - s.first + 1ul) + REFUSED_BLOCKS;
	struct maker m = {.blocks = calloc(REFUSED_BLOCKS, sizeof(*m.blocks)),
			  .borders = malloc(most * sizeof(*m.borders))};
	*t = (struct refused_table){.blocks = m.blocks};
	int r = m.blocks && m.borders ? 0 : -ENOMEM;
	if (!r) {
		uint64_t begin = s.first < s.end ? sources->ranges[s.first].first : everything;
		refuse_range(&m, early[0], 0, begin);
		for (uint32_t i = s.first; i < s.end; i++) {
			const struct source_range *range = &sources->ranges[i];
			refuse_range(&m, early[range->value], range->first,
				     i + 1 < s.end ? range[1].first : everything);
		}
		r = pack(t, &m);
	}
	free(m.borders);
	if (r)
		refused_table_fini(t);
	return r;
}

void refused_table_fini(struct refused_table *t)
{
	free(t->blocks);
	free(t->lines);
	*t = (struct refused_table){};
}
