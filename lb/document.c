// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads with libyaml and not with libcyaml, which maps YAML to structs by a schema: libcyaml 1.3
 * has no unions (`ports: 443`, `ports: [80, 443]`, `ports: any`), and the structs it hands out
 * know no lines, so a fault found by comparing two values could not say where it is.
 *
 * The text is gone through twice: first as events, where what a configuration has no use for is
 * refused on its own line (aliases can blow a small file up, and could tie a tree into a knot),
 * then into libyaml's tree. Any thread.
 */
#include "lb/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"

#define MAX_DEPTH 16 /* of lists and mappings; the deepest key is at 6 */

/* --- faults -------------------------------------------------------------------------------- */

static void set_fault(struct document *d, size_t line, const char *path, const char *format,
		      va_list ap)
{
	char words[sizeof(d->err->text)];
	struct err told;
	if (d->code == -ENOMEM)
		return;
	vsnprintf(words, sizeof(words), format, ap);
	if (d->on_fault) {
		err_set(&told, EINVAL, "%s:%zu: %s%s%s", d->file, line, path, *path ? ": " : "",
			words);
		d->on_fault(d->context, line, told.text);
	}
	if (d->fault_line && d->fault_line <= line)
		return;
	d->fault_line = line;
	d->code = err_set(d->err, EINVAL, "%s:%zu: %s%s%s", d->file, line, path, *path ? ": " : "",
			  words);
	err_place(d->err, path, line);
}

static size_t node_line(const yaml_node_t *node)
{
	return node ? node->start_mark.line + 1 : 1;
}

/* Appends to text that is already `used` bytes long; what does not fit is cut. */
static size_t place_format(const struct place *at, char text[DOCUMENT_PATH])
{
	size_t used = at->up ? place_format(at->up, text) : 0;
	size_t room = DOCUMENT_PATH - used;
	int n = 0;
	text[used] = '\0';
	if (at->up && at->key)
		n = snprintf(text + used, room, "%s%s", used ? "." : "", at->key);
	else if (at->up)
		n = snprintf(text + used, room, "[%u]", at->index);
	return (size_t)n < room ? used + n : DOCUMENT_PATH - 1;
}

void document_fault_on(struct document *d, const struct place *at, const yaml_node_t *node,
		       const char *format, ...)
{
	char path[DOCUMENT_PATH];
	va_list ap;
	place_format(at, path);
	va_start(ap, format);
	set_fault(d, node_line(node), path, format, ap);
	va_end(ap);
}

void document_fault(struct document *d, const struct place *at, const char *format, ...)
{
	char path[DOCUMENT_PATH];
	va_list ap;
	place_format(at, path);
	va_start(ap, format);
	set_fault(d, node_line(at->node), path, format, ap);
	va_end(ap);
}

__attribute__((format(printf, 3, 4))) static void fault_line(struct document *d, size_t line,
							     const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	set_fault(d, line, "", format, ap);
	va_end(ap);
}

void document_no_memory(struct document *d)
{
	d->code = err_set(d->err, ENOMEM, "%s: out of memory", d->file);
}

const char *document_quote(const char *value, char text[DOCUMENT_QUOTE])
{
	size_t length = strlen(value), room = DOCUMENT_QUOTE - sizeof("''...");
	size_t shown = length <= room ? length : room;
	text[0] = '\'';
	for (size_t i = 0; i < shown; i++)
		text[1 + i] = value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
	strcpy(text + 1 + shown, shown < length ? "...'" : "'");
	return text;
}

const char *document_found(const yaml_node_t *node, char text[DOCUMENT_QUOTE])
{
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	if (node->type == YAML_MAPPING_NODE)
		return "a mapping";
	if (node->data.scalar.length == 0)
		return "nothing";
	return document_quote((const char *)node->data.scalar.value, text);
}

/* --- paths --------------------------------------------------------------------------------- */

static const yaml_node_t *mapping_value(const struct document *d, const yaml_node_t *mapping,
					const char *key, size_t length)
{
	const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	for (; pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *k = document_node(d, pair->key);
		if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == length &&
		    !memcmp(k->data.scalar.value, key, length))
			return document_node(d, pair->value);
	}
	return NULL;
}

static const yaml_node_t *list_item(const struct document *d, const yaml_node_t *list, size_t index)
{
	const yaml_node_item_t *start = list->data.sequence.items.start;
	size_t count = list->data.sequence.items.top - start;
	return index < count ? document_node(d, start[index]) : NULL;
}

/* The node a path leads to, or the last one on the way that is there. */
static const yaml_node_t *resolve(const struct document *d, const char *path)
{
	const yaml_node_t *node = document_root(d);
	while (*path) {
		const yaml_node_t *next = NULL;
		if (*path == '[' && node->type == YAML_SEQUENCE_NODE) {
			next = list_item(d, node, strtoul(path + 1, NULL, 10));
			path += strcspn(path, "]") + 1;
		} else if (node->type == YAML_MAPPING_NODE) {
			path += *path == '.';
			size_t length = strcspn(path, ".[");
			next = mapping_value(d, node, path, length);
			path += length;
		}
		if (!next)
			break;
		node = next;
	}
	return node;
}

void document_fault_path(struct document *d, const char *path, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	set_fault(d, node_line(resolve(d, path)), path, format, ap);
	va_end(ap);
}

/* --- reading ------------------------------------------------------------------------------- */

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
		fault_line(d, offset_line(text, length, p->problem_offset), "not valid YAML: %s",
			   problem);
	else
		fault_line(d, p->problem_mark.line + 1, "not valid YAML: %s%s%s", problem,
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

struct scan {
	unsigned int depth, documents;
};

static void scan_event(struct document *d, struct scan *s, const yaml_event_t *e)
{
	size_t line = e->start_mark.line + 1;
	char quoted[DOCUMENT_QUOTE];
	if (e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT)
		s->depth++;
	if (e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT)
		s->depth--;
	s->documents += e->type == YAML_DOCUMENT_START_EVENT;
	if (event_anchor(e))
		fault_line(d, line, "anchor or alias %s; write the value out where it is needed",
			   document_quote((const char *)event_anchor(e), quoted));
	else if (event_tag(e))
		fault_line(d, line, "tag %s; values are written without tags",
			   document_quote((const char *)event_tag(e), quoted));
	else if (s->documents > 1)
		fault_line(d, line, "a second document; a configuration is one document");
	else if (s->depth > MAX_DEPTH)
		fault_line(d, line, "nested deeper than %d levels; no key needs that", MAX_DEPTH);
}

/* Goes through all events of the text, up to the first fault. */
static void scan_text(struct document *d, const char *text, size_t length)
{
	struct scan s = {0};
	yaml_parser_t parser;
	bool more = true;
	if (!yaml_parser_initialize(&parser)) {
		document_no_memory(d);
		return;
	}
	yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, length);
	while (more && !d->code) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			syntax_fault(d, &parser, text, length);
			break;
		}
		scan_event(d, &s, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
}

static void load_tree(struct document *d, const char *text, size_t length)
{
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) {
		document_no_memory(d);
		return;
	}
	yaml_parser_set_input_string(&parser, (const yaml_char_t *)text, length);
	if (!yaml_parser_load(&parser, &d->tree))
		syntax_fault(d, &parser, text, length);
	yaml_parser_delete(&parser);
}

int document_open(struct document *d, const char *file, const char *text, size_t length,
		  struct err *err)
{
	*d = (struct document){.file = file, .err = err};
	scan_text(d, text, length);
	if (!d->code)
		load_tree(d, text, length);
	if (!d->code && !document_root(d))
		fault_line(d, 1, "no configuration in here; expected a mapping of keys to values");
	return d->code;
}

void document_close(struct document *d)
{
	yaml_document_delete(&d->tree);
}

const yaml_node_t *document_root(const struct document *d)
{
	return d->tree.nodes.start < d->tree.nodes.top ? d->tree.nodes.start : NULL;
}

/* libyaml counts nodes from 1. */
const yaml_node_t *document_node(const struct document *d, int id)
{
	return d->tree.nodes.start + (id - 1);
}
