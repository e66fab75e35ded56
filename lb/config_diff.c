// SPDX-License-Identifier: BSD-2-Clause
/*
 * Values are compared as they are printed. As there may be a hundred thousand backends, those whose
 * members are the same bytes are not printed at all.
 */
#include "lb/config_diff.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_endpoint.h"
#include "lb/config_field.h"
#include "lb/config_text.h"

struct diff {
	config_diff_fn *fn;
	void *context;
	int code;
};

/* Where in the configuration: a key, or an item of a list. Put into words where there is news
 * alone. */
struct spot {
	const struct spot *up; /* NULL: the whole configuration */
	const char *key;       /* or */
	const char *item;      /* its name */
};

static void compare_mapping(struct diff *d, const struct spot *at, const struct mapping *m,
			    const void *before, const void *after);

/* Appends to text that is already as long as what it returns for the spot above; what does not fit
 * is cut. */
static size_t spot_format(const struct spot *at, char text[CONFIG_DIFF_PATH])
{
	size_t used = at->up ? spot_format(at->up, text) : 0, room = CONFIG_DIFF_PATH - used;
	int n = 0;
	text[used] = 0;
	if (at->key)
		n = snprintf(text + used, room, "%s%s", used ? "." : "", at->key);
	else if (at->item)
		n = snprintf(text + used, room, "[%s]", at->item);
	return (size_t)n < room ? used + n : CONFIG_DIFF_PATH - 1;
}

static void report(struct diff *d, enum config_change_kind kind, const struct spot *at,
		   const char *before, const char *after)
{
	char path[CONFIG_DIFF_PATH];
	spot_format(at, path);
	d->fn(d->context, &(struct config_change){kind, path, before, after});
}

/* --- values -------------------------------------------------------------------------------- */

/* Into one line: "rate: 1k/s, per: source". */
static void fold(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++) {
		if (*from != '\n') {
			*to++ = *from;
			continue;
		}
		size_t blank = strspn(from, " \n");
		if (blank > 1 && to[-1] != ':')
			*to++ = ',';
		*to++ = ' ';
		from += blank - 1;
	}
	*to = 0;
}

/* What stands behind the key; NULL without memory. */
static char *print_value(const struct field *f, const void *base)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	f->kind->print(f, base, 0, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	while (size && strchr(" \n", text[size - 1]))
		text[--size] = 0;
	size_t blank = strspn(text, " \n");
	memmove(text, text + blank, size - blank + 1);
	fold(text);
	return text;
}

/* The values of services' addresses and ports are in more than the members of their fields. */
static bool same_bytes(const struct field *f, const void *before, const void *after)
{
	return f->size && f->kind != &kind_vip && f->kind != &kind_ports &&
	       !memcmp((const char *)before + f->offset, (const char *)after + f->offset, f->size);
}

static bool same_text(const struct field *f, const void *before, const void *after)
{
	const char *const *was = (const void *)((const char *)before + f->offset);
	const char *const *is = (const void *)((const char *)after + f->offset);
	return f->kind == &kind_text && *was && *is && !strcmp(*was, *is);
}

static void compare_value(struct diff *d, const struct spot *at, const struct field *f,
			  const void *before, const void *after)
{
	if (same_bytes(f, before, after) || same_text(f, before, after))
		return;
	char *was = print_value(f, before), *is = print_value(f, after);
	if (!was || !is)
		d->code = -ENOMEM;
	else if (strcmp(was, is))
		report(d, CONFIG_CHANGED, at, was, is);
	free(was);
	free(is);
}

/* --- lists --------------------------------------------------------------------------------- */

/* The items of a list in one configuration. */
struct items {
	const struct list *list;
	const char *array;
	unsigned int count;
	unsigned int *sorted; /* their indexes by name */
};

static struct items items_of(const struct field *f, const void *base)
{
	const struct list *l = f->rule;
	return (struct items){
		.list = l,
		.array = *(char *const *)((const char *)base + f->offset),
		.count = *(const unsigned int *)((const char *)base + l->count_offset),
	};
}

static const void *item_at(const struct items *l, unsigned int index)
{
	return l->array + index * l->list->item_size;
}

static const char *item_name(const struct items *l, unsigned int index)
{
	return *(char *const *)((const char *)item_at(l, index) + l->list->item.fields[0].offset);
}

static int compare_names(const void *a, const void *b, void *items)
{
	return strcmp(item_name(items, *(const unsigned int *)a),
		      item_name(items, *(const unsigned int *)b));
}

static bool items_sort(struct items *l)
{
	l->sorted = calloc(l->count + 1, sizeof(*l->sorted));
	for (unsigned int i = 0; l->sorted && i < l->count; i++)
		l->sorted[i] = i;
	if (l->sorted)
		qsort_r(l->sorted, l->count, sizeof(*l->sorted), compare_names, l);
	return l->sorted;
}

/* The index of a name, most likely the one it has in the other list; -1: it is not there. */
static int items_find(const struct items *l, const char *name, unsigned int guess)
{
	unsigned int first = 0, end = l->count;
	if (guess < l->count && !strcmp(item_name(l, guess), name))
		return guess;
	while (first < end) {
		unsigned int middle = first + (end - first) / 2;
		int order = strcmp(item_name(l, l->sorted[middle]), name);
		if (!order)
			return l->sorted[middle];
		if (order < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return -1;
}

static void compare_items(struct diff *d, const struct spot *at, const struct items *before,
			  const struct items *after)
{
	for (unsigned int i = 0; i < before->count; i++) {
		const struct spot item = {.up = at, .item = item_name(before, i)};
		if (items_find(after, item.item, i) < 0)
			report(d, CONFIG_REMOVED, &item, NULL, NULL);
	}
	for (unsigned int i = 0; i < after->count; i++) {
		const struct spot item = {.up = at, .item = item_name(after, i)};
		int old = items_find(before, item.item, i);
		if (old < 0)
			report(d, CONFIG_ADDED, &item, NULL, NULL);
		else
			compare_mapping(d, &item, &after->list->item, item_at(before, old),
					item_at(after, i));
	}
}

static void compare_list(struct diff *d, const struct spot *at, const struct field *f,
			 const void *before, const void *after)
{
	struct items was = items_of(f, before), is = items_of(f, after);
	if (strcmp(was.list->item.fields[0].key, "name"))
		compare_value(d, at, f, before, after);
	else if (!items_sort(&was) || !items_sort(&is))
		d->code = -ENOMEM;
	else
		compare_items(d, at, &was, &is);
	free(was.sorted);
	free(is.sorted);
}

/* --- mappings ------------------------------------------------------------------------------ */

static void compare_mapping(struct diff *d, const struct spot *at, const struct mapping *m,
			    const void *before, const void *after)
{
	for (unsigned int i = 0; i < m->count; i++) {
		const struct field *f = &m->fields[i];
		const struct spot here = {.up = at, .key = f->key};
		if (f->kind == &kind_mapping)
			compare_mapping(d, &here, f->rule, before, after);
		else if (f->kind == &kind_list)
			compare_list(d, &here, f, before, after);
		else
			compare_value(d, &here, f, before, after);
	}
}

int config_diff(const struct config *before, const struct config *after, config_diff_fn *fn,
		void *context)
{
	struct diff d = {.fn = fn, .context = context};
	const struct spot whole = {0};
	compare_mapping(&d, &whole, config_keys(), before, after);
	return d.code;
}
