// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prefixes, sorted with the wider ones first, are swept once with a stack of those that are open;
 * each place where the innermost one changes begins a range. Pure; any thread.
 */
#include "lb/sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/policy.h"
#include "lb/prefix.h"

#define PROGRESS_LINES  100000u
#define LINE_TEXT       64u /* no prefix is longer */
#define SLOTS_MAX       (1u << 22)
#define SLOTS_PER_RANGE 4u

/* --- reading --------------------------------------------------------------------------------- */

int source_list_add(struct source_list *l, const struct source_prefix *p)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		if (l->count >= SOURCES_MAX_PREFIXES)
			return -E2BIG;
		struct source_prefix *more = realloc(l->prefixes, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->prefixes = more;
		l->room = room;
	}
	l->prefixes[l->count++] = *p;
	return 0;
}

void source_list_fini(struct source_list *l)
{
	free(l->prefixes);
	*l = (struct source_list){};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The words of a line without its comment and the blanks around; NULL: there are none. */
static const char *line_words(const char *line, size_t length, size_t *words)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] == '#' || line[i] == ';')
			length = i;
	while (length && is_blank(*line)) {
		line++;
		length--;
	}
	while (length && is_blank(line[length - 1]))
		length--;
	*words = length;
	return length ? line : NULL;
}

static void printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void fault(struct source_faults *f, uint32_t line, const char *found, const char *expected)
{
	if (f->count < SOURCE_FAULTS)
		snprintf(f->text[f->count], SOURCE_FAULT, "%u: found '%.48s'; expected %s", line,
			 found, expected);
	f->count++;
}

static int read_line(struct source_list *l, const char *words, size_t length, uint32_t line,
		     const struct source_reading *reading)
{
	char text[LINE_TEXT], right[PREFIX_TEXT];
	struct source_prefix p = {.line = line, .identity = reading->identity};
	uint32_t bits;
	snprintf(text, sizeof(text), "%.*s", (int)(length < LINE_TEXT ? length : LINE_TEXT), words);
	if (length >= LINE_TEXT || memchr(words, 0, length) ||
	    prefix_parse(text, &p.address, &bits)) {
		printable(text);
		fault(reading->faults, line, text, "an IPv4 or IPv6 address or prefix");
		return 0;
	}
	struct addr first = prefix_mask(&p.address, bits);
	if (!addr_equal(&first, &p.address)) {
		fault(reading->faults, line, text, source_format(&first, bits, right));
		return 0;
	}
	p.length = bits;
	return source_list_add(l, &p);
}

int source_list_read(struct source_list *l, const char *text, size_t length,
		     const struct source_reading *reading)
{
	const char *at = text, *end = text + length;
	uint64_t before = reading->faults->count;
	for (uint32_t line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', end - at);
		size_t words;
		if (!stop)
			stop = end;
		const char *found = line_words(at, stop - at, &words);
		int r = found ? read_line(l, found, words, line, reading) : 0;
		if (r)
			return r;
		at = stop + 1;
		if (reading->progress && line % PROGRESS_LINES == 0)
			reading->progress(reading->context, line, stop - text);
	}
	return reading->faults->count > before ? -EINVAL : 0;
}

const char *source_format(const struct addr *base, uint32_t length, char text[PREFIX_TEXT])
{
	if (length)
		return prefix_format(base, length == PREFIX_FULL ? 0 : length, text);
	return strcpy(text, "::/0");
}

/* --- sorting --------------------------------------------------------------------------------- */

typedef unsigned __int128 key128;

static key128 key_of(const struct addr *a)
{
	key128 k = 0;
	for (int i = 0; i < 4; i++)
		k = k << 32 | ntohl(a->word[i]);
	return k;
}

static bool in_v4(const struct source_prefix *p)
{
	return addr_is_v4(&p->address) && p->length >= 96;
}

static key128 last_of(const struct source_prefix *p)
{
	key128 rest = p->length ? ((key128)1 << (PREFIX_FULL - p->length)) - 1 : ~(key128)0;
	return key_of(&p->address) | rest;
}

/* IPv4's first; wider ones before what is in them; and as they were added. */
static int compare(const void *a, const void *b)
{
	const struct source_prefix *x = a, *y = b;
	int order = in_v4(y) - in_v4(x);
	if (!order)
		order = memcmp(&x->address, &y->address, sizeof(x->address));
	if (!order)
		order = x->length - y->length;
	if (!order)
		order = x->identity - y->identity;
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static bool same_prefix(const struct source_prefix *a, const struct source_prefix *b)
{
	return a->length == b->length && addr_equal(&a->address, &b->address);
}

/* Sorts; each prefix stays once. */
static int sort(struct source_list *l, struct source_clash *clash)
{
	size_t kept = 0;
	if (l->count)
		qsort(l->prefixes, l->count, sizeof(*l->prefixes), compare);
	for (size_t i = 0; i < l->count; i++) {
		const struct source_prefix *p = &l->prefixes[i];
		if (kept && same_prefix(&l->prefixes[kept - 1], p)) {
			if (l->prefixes[kept - 1].identity == p->identity)
				continue;
			*clash = (struct source_clash){l->prefixes[kept - 1], *p};
			return -EEXIST;
		}
		l->prefixes[kept++] = *p;
	}
	l->count = kept;
	return 0;
}

/* --- ranges ---------------------------------------------------------------------------------- */

/* Where a range begins. */
struct border {
	key128 at;
	uint16_t identity;
};

struct borders {
	struct border *list; /* room for two a prefix, and one */
	size_t count;
};

static void border(struct borders *b, key128 at, uint16_t identity)
{
	if (b->count && b->list[b->count - 1].at == at)
		b->count--;
	if (identity == (b->count ? b->list[b->count - 1].identity : 0))
		return;
	b->list[b->count++] = (struct border){at, identity};
}

struct open_prefix {
	key128 last;
	uint16_t identity;
};

/* Closes what ends before `at`. */
static int close_before(struct borders *b, const struct open_prefix *open, int depth, key128 at)
{
	for (; depth && open[depth - 1].last < at; depth--)
		border(b, open[depth - 1].last + 1, depth > 1 ? open[depth - 2].identity : 0);
	return depth;
}

static void cut(struct borders *b, const struct source_prefix *p, size_t count, key128 end)
{
	struct open_prefix open[PREFIX_FULL + 1];
	int depth = 0;
	for (size_t i = 0; i < count; i++) {
		key128 first = key_of(&p[i].address);
		depth = close_before(b, open, depth, first);
		open[depth++] = (struct open_prefix){last_of(&p[i]), p[i].identity};
		border(b, first, p[i].identity);
	}
	close_before(b, open, depth, end);
}

static struct source_range *add_range(struct source_table *t, uint64_t first, uint32_t value)
{
	struct source_range *r = &t->ranges[t->range_count++];
	*r = (struct source_range){.first = first, .value = value};
	return r;
}

static void add_v4(struct source_table *t, const struct borders *b)
{
	for (size_t i = 0; i < b->count; i++)
		add_range(t, (uint32_t)b->list[i].at, b->list[i].identity);
}

/*
 * Ranges by the upper 64 bits. An upper key within which identities change is a range of its own,
 * whose `value` is for now the index of its first border.
 */
static void add_v6(struct source_table *t, const struct borders *b)
{
	uint16_t identity = 0;
	for (size_t i = 0; i < b->count;) {
		uint64_t upper = b->list[i].at >> 64;
		size_t end = i;
		while (end < b->count && (uint64_t)(b->list[end].at >> 64) == upper)
			end++;
		bool whole = end - i == 1 && !(uint64_t)b->list[i].at;
		struct source_range *r = add_range(t, upper, whole ? b->list[i].identity : i);
		r->count = whole ? 0 : end - i;
		identity = b->list[end - 1].identity;
		if (!whole && upper != UINT64_MAX &&
		    (end == b->count || (uint64_t)(b->list[end].at >> 64) != upper + 1))
			add_range(t, upper + 1, identity);
		i = end;
	}
}

/* Gives ranges that have ranges of their own those, behind all others. */
static void add_lower(struct source_table *t, const struct borders *b, uint32_t first)
{
	uint32_t end = t->range_count;
	for (uint32_t i = first; i < end; i++) {
		uint32_t from = t->ranges[i].value, count = t->ranges[i].count;
		if (!count)
			continue;
		t->ranges[i].value = t->range_count;
		if ((uint64_t)b->list[from].at)
			add_range(t, 0, from ? b->list[from - 1].identity : 0);
		for (uint32_t k = from; k < from + count; k++)
			add_range(t, b->list[k].at, b->list[k].identity);
		t->ranges[i].count = t->range_count - t->ranges[i].value;
	}
}

/* --- slots ----------------------------------------------------------------------------------- */

static void fill_slots(struct source_table *t, struct source_family *f, uint32_t first,
		       uint32_t end)
{
	uint32_t range = first;
	f->slot = t->slot_count;
	for (uint64_t s = 0; s < f->slots; s++) {
		struct source_slot *slot = &t->slots[t->slot_count++];
		uint64_t begin = f->origin + (s << f->shift), next = begin + (1ull << f->shift);
		while (range + 1 < end && t->ranges[range + 1].first <= begin)
			range++;
		uint32_t last = range;
		while (last + 1 < end &&
		       (s + 1 == f->slots || next < begin || t->ranges[last + 1].first < next))
			last++;
		*slot = (struct source_slot){range, last - range};
		range = last;
	}
}

/* Where ranges are spread evenly, most slots have one: what is slots saves looks at ranges. */
static void shape_family(struct source_family *f, const struct source_range *ranges, uint32_t first,
			 uint32_t end)
{
	*f = (struct source_family){};
	if (first == end)
		return;
	uint64_t span = ranges[end - 1].first - ranges[first].first;
	uint64_t wanted = (uint64_t)SLOTS_PER_RANGE * (end - first);
	if (wanted > SLOTS_MAX)
		wanted = SLOTS_MAX;
	f->origin = ranges[first].first;
	while (span >> f->shift >= wanted)
		f->shift++;
	f->slots = (span >> f->shift) + 1;
}

/* --- the table ------------------------------------------------------------------------------- */

static int init_table(struct source_table *t, struct source_family *families,
		      const struct source_list *l, size_t v4)
{
	struct borders b = {.list = calloc(2 * l->count + 1, sizeof(*b.list))};
	uint32_t first_v6, end_v6;
	/* A border may be an upper key with ranges of its own, and one behind it; and two of those.
	 */
	t->ranges = calloc(8 * l->count + 1, sizeof(*t->ranges));
	if (!b.list || !t->ranges) {
		free(b.list);
		return -ENOMEM;
	}
	/* What ends with the last address of all has no border behind it. */
	cut(&b, l->prefixes, v4, ((key128)1 << 48) - 1);
	add_v4(t, &b);
	first_v6 = t->range_count;
	b.count = 0;
	if (v4 < l->count)
		cut(&b, l->prefixes + v4, l->count - v4, ~(key128)0);
	add_v6(t, &b);
	end_v6 = t->range_count;
	add_lower(t, &b, first_v6);
	free(b.list);
	shape_family(&families[0], t->ranges, 0, first_v6);
	shape_family(&families[1], t->ranges, first_v6, end_v6);
	t->slots = calloc(families[0].slots + families[1].slots + 1, sizeof(*t->slots));
	if (!t->slots)
		return -ENOMEM;
	fill_slots(t, &families[0], 0, first_v6);
	fill_slots(t, &families[1], first_v6, end_v6);
	return 0;
}

int source_table_init(struct source_table *t, struct source_family *families, struct source_list *l,
		      struct source_clash *clash)
{
	size_t v4 = 0;
	*t = (struct source_table){};
	int r = sort(l, clash);
	if (r)
		return r;
	while (v4 < l->count && in_v4(&l->prefixes[v4]))
		v4++;
	t->prefix_count = l->count;
	r = init_table(t, families, l, v4);
	if (r) {
		source_table_fini(t);
		return r;
	}
	t->slot_count += !t->slot_count;
	t->range_count += !t->range_count;
	return 0;
}

void source_table_fini(struct source_table *t)
{
	free(t->slots);
	free(t->ranges);
	*t = (struct source_table){};
}
