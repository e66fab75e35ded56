// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "tools/weir/metric_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/weir/feed.h"

#define NUMBER_MAX 24 /* digits of any number, and a point */

/* --- labels -------------------------------------------------------------------------------- */

static void append(struct metric_labels *l, const char *text, size_t length)
{
	memcpy(l->text + l->length, text, length);
	l->length += length;
}

static void append_escaped(struct metric_labels *l, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\\\"\n");
		append(l, value, plain);
		value += plain;
		if (!*value)
			return;
		append(l, *value == '\n' ? "\\n" : *value == '"' ? "\\\"" : "\\\\", 2);
		value++;
	}
}

void metric_label(struct metric_labels *l, const char *name, const char *value)
{
	size_t length = strlen(name);
	/* Room for the closing quote is kept, or the line would be no line. */
	if (length + 2 * strlen(value) + sizeof(",=\"\"") > METRIC_LABELS - l->length)
		return;
	if (l->length)
		append(l, ",", 1);
	append(l, name, length);
	append(l, "=\"", 2);
	append_escaped(l, value);
	append(l, "\"", 1);
}

void metric_labels_add(struct metric_labels *l, const struct metric_labels *others)
{
	append(l, others->text, others->length);
}

void metric_label_number(struct metric_labels *l, const char *name, uint64_t value)
{
	char text[NUMBER_MAX];
	snprintf(text, sizeof(text), "%lu", value);
	metric_label(l, name, text);
}

/* --- lines --------------------------------------------------------------------------------- */

void metric_head(struct bytes *out, const char *name, const char *type, const char *help)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
			 type);
	bytes_add(out, text, n);
}

/* Digits from the end of `text` on; returns the first. */
static char *digits(char *end, uint64_t value)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	for (; value >= 100; value /= 100)
		end = memcpy(end - 2, pairs + value % 100 * 2, 2);
	if (value >= 10)
		return memcpy(end - 2, pairs + value * 2, 2);
	*--end = '0' + value;
	return end;
}

/* Copies blocks of 16 bytes, up to 15 too many: there must be room for them at both ends. */
static inline char *put(char *at, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i += 16)
		memcpy(at + i, text + i, 16);
	return at + length;
}

/* Adds text to a line's begin or end; what does not fit is left out. */
static void add(char *to, size_t *length, const char *text)
{
	size_t more = text ? strlen(text) : 0;
	if (more > METRIC_LINE - *length - 2 * METRIC_SLACK)
		return;
	memcpy(to + *length, text ? text : "", more);
	*length += more;
}

void metric_line_init(struct metric_line *l, const char *name, const char *suffix, const char *more,
		      enum metric_unit unit)
{
	*l = (struct metric_line){.unit = unit, .more = more};
	add(l->begin, &l->begin_length, name);
	add(l->begin, &l->begin_length, suffix);
	add(l->end, &l->end_length, more);
	add(l->end, &l->end_length, "} ");
}

static inline char *put_value(char *at, enum metric_unit unit, uint64_t value)
{
	char number[NUMBER_MAX + METRIC_SLACK], *end = number + NUMBER_MAX, *first;
	if (unit == METRIC_UNIT_NS)
		return at + sprintf(at, "%lu.%09lu", value / 1000000000, value % 1000000000);
	if (unit == METRIC_UNIT_SIGNED && (int64_t)value < 0) {
		*at++ = '-';
		value = -value;
	}
	if (value < 10) {
		*at = '0' + value;
		return at + 1;
	}
	first = digits(end, value);
	return put(at, first, end - first);
}

static inline char *put_line(char *at, const struct metric_line *l, const char *labels,
			     size_t length, uint64_t value)
{
	at = put(at, l->begin, l->begin_length);
	if (length || l->more) {
		*at++ = '{';
		at = put(at, labels, length);
		if (length && l->more)
			*at++ = ',';
		at = put(at, l->end, l->end_length);
	} else {
		*at++ = ' ';
	}
	at = put_value(at, l->unit, value);
	*at++ = '\n';
	return at;
}

void metric_lines_write(struct bytes *out, const struct metric_line *l, struct metric_rows *rows,
			size_t size)
{
	const size_t *ends = (const size_t *)rows->labels->ends.data, most = 3 * METRIC_LINE;
	for (; rows->next < rows->end && out->size < size; rows->next++) {
		size_t from = rows->next ? ends[rows->next - 1] : 0;
		char *at = bytes_reserve(out, ends[rows->next] - from + most);
		if (!at)
			return;
		at = put_line(at, l, rows->labels->text.data + from, ends[rows->next] - from,
			      rows->values[rows->next]);
		out->size = at - out->data;
	}
}

/* --- labels of many rows -------------------------------------------------------------------- */

void metric_column_add(struct metric_column *c, const struct metric_labels *l)
{
	/* Whoever copies them may read a little further. */
	char *at = bytes_reserve(&c->text, METRIC_LABELS + METRIC_SLACK);
	if (!at)
		return;
	put(at, l->text, l->length);
	c->text.size += l->length;
	bytes_add_word(&c->ends, c->text.size);
}

void metric_column_clear(struct metric_column *c)
{
	c->text.size = c->ends.size = 0;
}

void metric_column_free(struct metric_column *c)
{
	bytes_free(&c->text);
	bytes_free(&c->ends);
}
