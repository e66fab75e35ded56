// SPDX-License-Identifier: BSD-2-Clause
/* Faults, and where in a document they are. Any thread. */
#include "lb/document.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"

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

static size_t node_line(const struct node *node)
{
	return node ? node->line : 1;
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

void document_fault_on(struct document *d, const struct place *at, const struct node *node,
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

void document_fault_line(struct document *d, size_t line, const char *format, ...)
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

const char *document_found(const struct node *node, char text[DOCUMENT_QUOTE])
{
	if (node->type == NODE_LIST)
		return "a list";
	if (node->type == NODE_MAPPING)
		return "a mapping";
	if (node->length == 0)
		return "nothing";
	return document_quote(node->text, text);
}

/* --- paths --------------------------------------------------------------------------------- */

static const struct node *mapping_value(const struct node *mapping, const char *key, size_t length)
{
	for (uint32_t i = 0; i < mapping->length; i += 2) {
		const struct node *k = mapping->items[i];
		if (k->type == NODE_TEXT && k->length == length && !memcmp(k->text, key, length))
			return mapping->items[i + 1];
	}
	return NULL;
}

static const struct node *list_item(const struct node *list, size_t index)
{
	return index < list->length ? list->items[index] : NULL;
}

/* The node a path leads to, or the last one on the way that is there. */
static const struct node *resolve(const struct document *d, const char *path)
{
	const struct node *node = d->root;
	while (*path) {
		const struct node *next = NULL;
		if (*path == '[' && node->type == NODE_LIST) {
			next = list_item(node, strtoul(path + 1, NULL, 10));
			path += strcspn(path, "]") + 1;
		} else if (node->type == NODE_MAPPING) {
			path += *path == '.';
			size_t length = strcspn(path, ".[");
			next = mapping_value(node, path, length);
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
