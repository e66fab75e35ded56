// SPDX-License-Identifier: BSD-2-Clause
/* Walks the tables: mappings and lists. Pure; any thread. */
#include "lb/config_field.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config_schema.h"
#include "lb/document.h"
#include "lb/similar.h"

#define KEYS_TEXT 256
#define WORD_MAX  32 /* longer keys resemble none of ours */

/* --- unknown keys -------------------------------------------------------------------------- */

static const char *similar_key(const struct mapping *m, const char *word)
{
	struct similar s = similar_to(word);
	for (unsigned int i = 0; i < m->count; i++)
		similar_offer(&s, m->fields[i].key);
	return s.meant;
}

static const char *list_keys(const struct mapping *m, bool required_only, char text[KEYS_TEXT])
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned int i = 0; i < m->count && used < KEYS_TEXT; i++) {
		if (required_only && m->fields[i].fallback)
			continue;
		used += snprintf(text + used, KEYS_TEXT - used, "%s%s", used ? ", " : "",
				 m->fields[i].key);
	}
	return text;
}

static void unknown_key(struct document *d, const struct place *at, const struct mapping *m,
			const struct node *node)
{
	char quoted[DOCUMENT_QUOTE], keys[KEYS_TEXT];
	const char *key = node->text;
	size_t word =
		strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	bool plain = word && word <= WORD_MAX && !key[word];
	struct place here = {.up = at, .key = plain ? key : document_quote(key, quoted)};
	const char *meant = similar_key(m, key);
	if (meant)
		document_fault_on(d, &here, node, "unknown key; did you mean %s?", meant);
	else
		document_fault_on(d, &here, node, "unknown key; the keys here are %s",
				  list_keys(m, false, keys));
}

/* --- mappings ------------------------------------------------------------------------------ */

static int find_field(const struct mapping *m, const struct node *key)
{
	for (unsigned int i = 0; i < m->count; i++)
		if (strlen(m->fields[i].key) == key->length &&
		    !memcmp(m->fields[i].key, key->text, key->length))
			return i;
	return -1;
}

static void read_pair(struct document *d, const struct place *at, const struct mapping *m,
		      const struct node *key, const struct node *value,
		      const struct node *seen[FIELD_MAX], void *base)
{
	char text[DOCUMENT_QUOTE];
	if (key->type != NODE_TEXT) {
		document_fault_on(d, at, key, "found %s as a key; expected a word",
				  document_found(key, text));
		return;
	}
	int i = find_field(m, key);
	if (i < 0) {
		unknown_key(d, at, m, key);
		return;
	}
	const struct field *f = &m->fields[i];
	struct place here = {.up = at, .key = f->key, .node = value};
	if (seen[i]) {
		document_fault_on(d, &here, key, "given twice; it is on line %u already",
				  seen[i]->line);
		return;
	}
	seen[i] = key;
	f->kind->read(d, &here, f, base);
}

/* A missing key gives way to any other fault: it may be the misspelt one just named. */
static void read_absent(struct document *d, const struct place *at, const struct mapping *m,
			const struct field *f, void *base)
{
	struct place here = {.up = at, .key = f->key};
	char keys[KEYS_TEXT];
	if (f->fallback)
		f->kind->read(d, &here, f, base);
	else if (!d->code)
		document_fault_on(d, &here, at->node, "missing; the required keys here are %s",
				  list_keys(m, true, keys));
}

void mapping_read(struct document *d, const struct place *at, const struct mapping *m, void *base)
{
	const struct node *seen[FIELD_MAX] = {NULL};
	char text[DOCUMENT_QUOTE], keys[KEYS_TEXT];
	if (at->node && at->node->type != NODE_MAPPING) {
		document_fault(d, at, "found %s; expected a mapping with the keys %s",
			       document_found(at->node, text), list_keys(m, false, keys));
		return;
	}
	for (uint32_t i = 0; at->node && i < at->node->length; i += 2)
		read_pair(d, at, m, at->node->items[i], at->node->items[i + 1], seen, base);
	for (unsigned int i = 0; i < m->count; i++)
		if (!seen[i])
			read_absent(d, at, m, &m->fields[i], base);
}

void mapping_print(const struct mapping *m, const void *base, unsigned int indent, bool item,
		   FILE *out)
{
	for (unsigned int i = 0; i < m->count; i++) {
		const struct field *f = &m->fields[i];
		if (item && i == 0)
			fprintf(out, "%*s- %s:", (int)indent - 2, "", f->key);
		else
			fprintf(out, "%*s%s:", (int)indent, "", f->key);
		f->kind->print(f, base, indent, out);
	}
}

static void read_mapping_field(struct document *d, const struct place *at, const struct field *f,
			       void *base)
{
	mapping_read(d, at, f->rule, base);
}

static void print_mapping_field(const struct field *f, const void *base, unsigned int indent,
				FILE *out)
{
	fputc('\n', out);
	mapping_print(f->rule, base, indent + 2, false, out);
}

static void print_mapping_schema(const struct field *f, FILE *out)
{
	schema_mapping(f->rule, out);
}

const struct kind kind_mapping = {
	.read = read_mapping_field,
	.print = print_mapping_field,
	.print_schema = print_mapping_schema,
};

/* --- lists --------------------------------------------------------------------------------- */

static void read_items(struct document *d, const struct place *at, const struct list *l,
		       char *items)
{
	for (unsigned int i = 0; i < at->node->length; i++) {
		struct place here = {.up = at, .index = i, .node = at->node->items[i]};
		mapping_read(d, &here, &l->item, items + i * l->item_size);
	}
}

static void read_list(struct document *d, const struct place *at, const struct field *f, void *base)
{
	const struct list *l = f->rule;
	char text[DOCUMENT_QUOTE], keys[KEYS_TEXT];
	if (!at->node)
		return;
	if (at->node->type != NODE_LIST) {
		document_fault(d, at, "found %s; expected a list of mappings with the keys %s",
			       document_found(at->node, text), list_keys(&l->item, false, keys));
		return;
	}
	size_t count = at->node->length;
	if (count < l->min || count > l->max) {
		document_fault(d, at, "a list of %zu; expected %u to %u", count, l->min, l->max);
		return;
	}
	char *items = calloc(count + 1, l->item_size);
	if (!items) {
		document_no_memory(d);
		return;
	}
	*(char **)((char *)base + f->offset) = items;
	*(unsigned int *)((char *)base + l->count_offset) = count;
	read_items(d, at, l, items);
}

static void print_list(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct list *l = f->rule;
	const char *items = *(char *const *)((const char *)base + f->offset);
	unsigned int count = *(const unsigned int *)((const char *)base + l->count_offset);
	fputs(count ? "\n" : " []\n", out);
	for (unsigned int i = 0; i < count; i++)
		mapping_print(&l->item, items + i * l->item_size, indent + 4, true, out);
}

static void print_list_schema(const struct field *f, FILE *out)
{
	const struct list *l = f->rule;
	fprintf(out, "\"type\":\"array\",\"minItems\":%u,\"maxItems\":%u,\"items\":{", l->min,
		l->max);
	schema_mapping(&l->item, out);
	fputc('}', out);
}

const struct kind kind_list = {
	.read = read_list,
	.print = print_list,
	.print_schema = print_list_schema,
};
