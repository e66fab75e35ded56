// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads with libyaml and not with libcyaml, which maps YAML to structs by a schema: libcyaml 1.3
 * has no unions (`ports: 443`, `ports: [80, 443]`, `ports: any`), and the structs it hands out
 * know no lines, so a fault found by comparing two values could not say where it is.
 *
 * The tree is made of libyaml's events and is not libyaml's own: what a configuration has no use
 * for is refused on its own line (aliases can blow a small file up, and could tie a tree into a
 * knot) without going through the text, of which there may be megabytes, a second time. Any thread.
 */
#include "lb/document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <yaml.h>

#include "lb/err.h"

#define MAX_DEPTH   16 /* of lists and mappings; the deepest key is at 6 */
#define BLOCK_NODES 256

struct node_block {
	struct node_block *next;
	unsigned int used;
	struct node nodes[BLOCK_NODES];
};

/* A list or mapping that has not ended yet, and its items so far. */
struct level {
	struct node *node;
	struct node *first, *last;
};

struct reading {
	struct document *document;
	struct level levels[MAX_DEPTH + 1];
	unsigned int depth, documents;
};

/* --- what is refused ------------------------------------------------------------------------- */

/* Errors below the grammar (encoding, control characters) come with an offset only. */
static size_t offset_line(const char *text, size_t length, size_t offset)
{
	size_t line = 1;
	for (size_t i = 0; i < offset && i < length; i++)
		line += text[i] == '\n';
	return line;
}

static void syntax_fault(struct document *d, const yaml_parser_t *p, const char *text,
			 size_t length)
{
	const char *problem = p->problem ? p->problem : "unknown problem";
	if (p->error == YAML_MEMORY_ERROR)
		document_no_memory(d);
	else if (p->error == YAML_READER_ERROR)
		document_fault_line(d, offset_line(text, length, p->problem_offset),
				    "not valid YAML: %s", problem);
	else
		document_fault_line(d, p->problem_mark.line + 1, "not valid YAML: %s%s%s", problem,
				    p->context ? " " : "", p->context ? p->context : "");
}

static const yaml_char_t *event_anchor(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return e->data.alias.anchor;
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static const yaml_char_t *event_tag(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.tag;
	default:
		return NULL;
	}
}

static bool is_begin(const yaml_event_t *e)
{
	return e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
}

/* Whether an event may be in a configuration. */
static bool admit(struct reading *r, const yaml_event_t *e)
{
	struct document *d = r->document;
	size_t line = e->start_mark.line + 1;
	char quoted[DOCUMENT_QUOTE];
	r->documents += e->type == YAML_DOCUMENT_START_EVENT;
	if (event_anchor(e))
		document_fault_line(d, line,
				    "anchor or alias %s; write the value out where it is needed",
				    document_quote((const char *)event_anchor(e), quoted));
	else if (event_tag(e))
		document_fault_line(d, line, "tag %s; values are written without tags",
				    document_quote((const char *)event_tag(e), quoted));
	else if (r->documents > 1)
		document_fault_line(d, line, "a second document; a configuration is one document");
	else if (is_begin(e) && r->depth == MAX_DEPTH)
		document_fault_line(d, line, "nested deeper than %d levels; no key needs that",
				    MAX_DEPTH);
	return !d->code;
}

/* --- the tree -------------------------------------------------------------------------------- */

static struct node *node_new(struct reading *r, enum node_type type, const yaml_event_t *e)
{
	struct document *d = r->document;
	if (!d->blocks || d->blocks->used == BLOCK_NODES) {
		struct node_block *b = calloc(1, sizeof(*b));
		if (!b) {
			document_no_memory(d);
			return NULL;
		}
		b->next = d->blocks;
		d->blocks = b;
	}
	struct node *n = &d->blocks->nodes[d->blocks->used++];
	n->type = type;
	n->line = e->start_mark.line + 1;
	return n;
}

/* Puts a node where the text has it: behind those that its list or mapping has already. */
static void hang_up(struct reading *r, struct node *n)
{
	if (!r->depth) {
		r->document->root = n;
		return;
	}
	struct level *l = &r->levels[r->depth - 1];
	if (l->last)
		l->last->next = n;
	else
		l->first = n;
	l->last = n;
	l->node->length++;
}

static void add_text(struct reading *r, yaml_event_t *e)
{
	struct node *n = node_new(r, NODE_TEXT, e);
	if (!n)
		return;
	n->text = (char *)e->data.scalar.value;
	n->length = e->data.scalar.length;
	e->data.scalar.value = NULL; /* the node's from now on */
	hang_up(r, n);
}

static void begin(struct reading *r, enum node_type type, const yaml_event_t *e)
{
	struct node *n = node_new(r, type, e);
	if (!n)
		return;
	hang_up(r, n);
	r->levels[r->depth++] = (struct level){.node = n};
}

static void end(struct reading *r)
{
	const struct level *l = &r->levels[--r->depth];
	struct node **item = malloc((l->node->length + 1) * sizeof(*item));
	l->node->items = item;
	if (!item) {
		document_no_memory(r->document);
		return;
	}
	for (struct node *n = l->first; n; n = n->next)
		*item++ = n;
}

static void take_event(struct reading *r, yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		add_text(r, e);
		break;
	case YAML_SEQUENCE_START_EVENT:
		begin(r, NODE_LIST, e);
		break;
	case YAML_MAPPING_START_EVENT:
		begin(r, NODE_MAPPING, e);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		end(r);
		break;
	default:
		break;
	}
}

static void read_events(struct document *d, yaml_parser_t *parser, const char *text, size_t length)
{
	struct reading r = {.document = d};
	bool more = true;
	while (more && !d->code) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event)) {
			syntax_fault(d, parser, text, length);
			return;
		}
		more = event.type != YAML_STREAM_END_EVENT;
		if (admit(&r, &event))
			take_event(&r, &event);
		yaml_event_delete(&event);
	}
}

int document_open(struct document *d, const char *file, const char *text, size_t length,
		  struct err *err)
{
	yaml_parser_t parser;
	*d = (struct document){.file = file, .err = err};
	if (!yaml_parser_initialize(&parser)) {
		document_no_memory(d);
		return d->code;
	}
	yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, length);
	read_events(d, &parser, text, length);
	yaml_parser_delete(&parser);
	if (!d->code && !d->root)
		document_fault_line(
			d, 1, "no configuration in here; expected a mapping of keys to values");
	return d->code;
}

void document_close(struct document *d)
{
	struct node_block *next;
	for (struct node_block *b = d->blocks; b; b = next) {
		next = b->next;
		for (unsigned int i = 0; i < b->used; i++)
			free(b->nodes[i].text);
		free(b);
	}
	d->blocks = NULL;
	d->root = NULL;
}
