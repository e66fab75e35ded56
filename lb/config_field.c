// SPDX-License-Identifier: BSD-2-Clause
/* Walks the tables: mappings and lists. Pure; any thread. */
#include "lb/config_field.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
			const yaml_node_t *node)
{
	char quoted[DOCUMENT_QUOTE], keys[KEYS_TEXT];
	const char *key = (const char *)node->data.scalar.value;
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

static int find_field(const struct mapping *m, const yaml_node_t *key)
{
	for (unsigned int i = 0; i < m->count; i++)
		if (strlen(m->fields[i].key) == key->data.scalar.length &&
		    !memcmp(m->fields[i].key, key->data.scalar.value, key->data.scalar.length))
			return i;
	return -1;
}

static void read_pair(struct document *d, const struct place *at, const struct mapping *m,
		      const yaml_node_pair_t *pair, const yaml_node_t *seen[FIELD_MAX], void *base)
{
	const yaml_node_t *key = document_node(d, pair->key);
	char text[DOCUMENT_QUOTE];
	if (key->type != YAML_SCALAR_NODE) {
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
	struct place here = {.up = at, .key = f->key, .node = document_node(d, pair->value)};
	if (seen[i]) {
		document_fault_on(d, &here, key, "given twice; it is on line %zu already",
				  seen[i]->start_mark.line + 1);
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
	const yaml_node_t *seen[FIELD_MAX] = {NULL};
	char text[DOCUMENT_QUOTE], keys[KEYS_TEXT];
	if (at->node && at->node->type != YAML_MAPPING_NODE) {
		document_fault(d, at, "found %s; expected a mapping with the keys %s",
			       document_found(at->node, text), list_keys(m, false, keys));
		return;
	}
	if (at->node) {
		const yaml_node_pair_t *pair = at->node->data.mapping.pairs.start;
		for (; pair < at->node->data.mapping.pairs.top; pair++)
			read_pair(d, at, m, pair, seen, base);
	}
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

const struct kind kind_mapping = {.read = read_mapping_field, .print = print_mapping_field};

/* --- lists --------------------------------------------------------------------------------- */

static void read_items(struct document *d, const struct place *at, const struct list *l,
		       char *items)
{
	const yaml_node_item_t *item = at->node->data.sequence.items.start;
	for (unsigned int i = 0; item + i < at->node->data.sequence.items.top; i++) {
		struct place here = {.up = at, .index = i, .node = document_node(d, item[i])};
		mapping_read(d, &here, &l->item, items + i * l->item_size);
	}
}

static void read_list(struct document *d, const struct place *at, const struct field *f, void *base)
{
	const struct list *l = f->rule;
	char text[DOCUMENT_QUOTE], keys[KEYS_TEXT];
	if (!at->node)
		return;
	if (at->node->type != YAML_SEQUENCE_NODE) {
		document_fault(d, at, "found %s; expected a list of mappings with the keys %s",
			       document_found(at->node, text), list_keys(&l->item, false, keys));
		return;
	}
	size_t count = at->node->data.sequence.items.top - at->node->data.sequence.items.start;
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

const struct kind kind_list = {.read = read_list, .print = print_list};
