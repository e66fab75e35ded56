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
	if (length > sizeof(l->text) - l->length)
		return;
	memcpy(l->text + l->length, text, length);
	l->length += length;
}

static void append_escaped(struct metric_labels *l, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			append(l, "\\", 1);
		if (*value == '\n')
			append(l, "\\n", 2);
		else
			append(l, value, 1);
	}
}

void metric_label(struct metric_labels *l, const char *name, const char *value)
{
	/* Room for the closing quote is kept, or the line would be no line. */
	if (strlen(name) + 2 * strlen(value) + sizeof(",=\"\"") > sizeof(l->text) - l->length)
		return;
	if (l->length)
		append(l, ",", 1);
	append(l, name, strlen(name));
	append(l, "=\"", 2);
	append_escaped(l, value);
	append(l, "\"", 1);
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

static char *put(char *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return at + length;
}

/* The line up to its value, in room for all of it; NULL without memory. */
static char *line_begin(struct bytes *out, const char *name, const char *labels, size_t length,
			const char *more)
{
	size_t name_length = strlen(name), more_length = strlen(more);
	char *at = bytes_reserve(out, name_length + length + more_length + NUMBER_MAX + 8);
	if (!at)
		return NULL;
	at = put(at, name, name_length);
	if (length || more_length) {
		*at++ = '{';
		at = put(at, labels, length);
		if (length && more_length)
			*at++ = ',';
		at = put(at, more, more_length);
		*at++ = '}';
	}
	*at++ = ' ';
	return at;
}

static void line_end(struct bytes *out, char *at)
{
	*at++ = '\n';
	out->size = at - out->data;
}

void metric_line(struct bytes *out, const char *name, const char *labels, size_t length,
		 const char *more, uint64_t value)
{
	char number[NUMBER_MAX], *end = number + sizeof(number), *first = digits(end, value);
	char *at = line_begin(out, name, labels, length, more);
	if (at)
		line_end(out, put(at, first, end - first));
}

void metric_line_signed(struct bytes *out, const char *name, const char *labels, size_t length,
			const char *more, int64_t value)
{
	char number[NUMBER_MAX], *end = number + sizeof(number);
	char *first = digits(end, value < 0 ? -(uint64_t)value : (uint64_t)value);
	char *at = line_begin(out, name, labels, length, more);
	if (at && value < 0)
		*at++ = '-';
	if (at)
		line_end(out, put(at, first, end - first));
}

void metric_line_ns(struct bytes *out, const char *name, const char *labels, size_t length,
		    const char *more, uint64_t ns)
{
	char *at = line_begin(out, name, labels, length, more);
	if (at)
		line_end(out, at + sprintf(at, "%lu.%09lu", ns / 1000000000, ns % 1000000000));
}
