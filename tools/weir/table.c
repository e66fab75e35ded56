// SPDX-License-Identifier: BSD-2-Clause
/* Cells are kept as text until the widths are known. One thread. */
#include "tools/weir/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct table {
	const struct table_column *columns;
	unsigned int column_count;
	char **cells; /* row by row */
	size_t cell_count, cell_room;
	bool lost; /* a cell, for want of memory */
};

struct table *table_new(const struct table_column *columns, unsigned int count)
{
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->columns = columns;
	t->column_count = count;
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static bool table_grow(struct table *t)
{
	size_t room = t->cell_room ? t->cell_room * 2 : 64;
	char **cells = reallocarray(t->cells, room, sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->cell_room = room;
	return true;
}

void table_text(struct table *t, const char *text)
{
	char *copy = NULL;
	if (t->cell_count < t->cell_room || table_grow(t))
		copy = strdup(text);
	if (copy)
		t->cells[t->cell_count++] = copy;
	else
		t->lost = true;
}

void table_format(struct table *t, const char *format, ...)
{
	char *text;
	va_list ap;
	va_start(ap, format);
	int n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		t->lost = true;
		return;
	}
	table_text(t, text);
	free(text);
}

const char *table_format_count(uint64_t count, char text[TABLE_FIGURE])
{
	char digits[TABLE_FIGURE];
	size_t length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	size_t n = 0;
	for (size_t i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[n++] = ',';
		text[n++] = digits[i];
	}
	text[n] = 0;
	return text;
}

/* Three figures that matter: 1.23, 12.3, 123. Cut, not rounded, so that 999,999 B is not 1000 kB.
 */
const char *table_format_bytes(uint64_t bytes, char text[TABLE_FIGURE])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1;
	int i = 0;
	while (bytes / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	unsigned int whole = bytes / unit;
	unsigned int thousandths = i ? bytes % unit / (unit / 1000) : 0;
	if (!i || whole >= 100)
		snprintf(text, TABLE_FIGURE, "%u %s", whole, units[i]);
	else if (whole >= 10)
		snprintf(text, TABLE_FIGURE, "%u.%u %s", whole, thousandths / 100, units[i]);
	else
		snprintf(text, TABLE_FIGURE, "%u.%02u %s", whole, thousandths / 10, units[i]);
	return text;
}

void table_count(struct table *t, uint64_t count)
{
	char text[TABLE_FIGURE];
	table_text(t, table_format_count(count, text));
}

void table_bytes(struct table *t, uint64_t bytes)
{
	char text[TABLE_FIGURE];
	table_text(t, table_format_bytes(bytes, text));
}

void table_percent(struct table *t, double share)
{
	table_format(t, "%.1f%%", share * 100);
}

/* Code points: all bytes but UTF-8's continuations. */
static int text_width(const char *text)
{
	int width = 0;
	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static int column_width(const struct table *t, unsigned int column)
{
	int width = text_width(t->columns[column].title);
	for (size_t i = column; i < t->cell_count; i += t->column_count) {
		int w = text_width(t->cells[i]);
		width = w > width ? w : width;
	}
	return width;
}

/* Spaces wait until something comes after them: no line ends in one. */
static void print_cell(const char *text, int width, enum table_align align, int *spaces, FILE *out)
{
	int pad = width - text_width(text);
	*spaces += align == TABLE_RIGHT ? pad : 0;
	if (*text) {
		fprintf(out, "%*s%s", *spaces, "", text);
		*spaces = 0;
	}
	*spaces += (align == TABLE_LEFT ? pad : 0) + 2;
}

static void print_row(const struct table *t, const int *widths, char *const *cells,
		      unsigned int count, FILE *out)
{
	int spaces = 0;
	for (unsigned int c = 0; c < count; c++)
		print_cell(cells ? cells[c] : t->columns[c].title, widths[c], t->columns[c].align,
			   &spaces, out);
	fputc('\n', out);
}

int table_print(const struct table *t, FILE *out)
{
	int *widths = calloc(t->column_count, sizeof(*widths));
	if (!widths || t->lost) {
		free(widths);
		return -ENOMEM;
	}
	for (unsigned int c = 0; c < t->column_count; c++)
		widths[c] = column_width(t, c);
	print_row(t, widths, NULL, t->column_count, out);
	for (size_t i = 0; i < t->cell_count; i += t->column_count) {
		size_t left = t->cell_count - i;
		print_row(t, widths, &t->cells[i], left < t->column_count ? left : t->column_count,
			  out);
	}
	free(widths);
	return ferror(out) ? -EIO : 0;
}
