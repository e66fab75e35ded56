/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text tables for people: a header line, columns as wide as their widest cell, two spaces between
 * them, figures to the right. Cells are added one after another, row by row; the last row may be
 * short. Names may be UTF-8: a code point counts as one column.
 */
#ifndef WEIR_TOOLS_TABLE_H
#define WEIR_TOOLS_TABLE_H

#include <stdint.h>
#include <stdio.h>

#define TABLE_FIGURE 32 /* bytes for any figure as text */

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
	const char *title;
	enum table_align align;
};

struct table;

/* `columns` must live as long as the table. NULL without memory. */
struct table *table_new(const struct table_column *columns, unsigned int count);
void table_free(struct table *t); /* NULL too */

/* The next cell. One that finds no memory is kept in mind, and table_print() fails. */
void table_text(struct table *t, const char *text);
__attribute__((format(printf, 2, 3))) void table_format(struct table *t, const char *format, ...);
void table_count(struct table *t, uint64_t count); /* 1,234,567 */
void table_bytes(struct table *t, uint64_t bytes); /* 1.23 MB */
void table_percent(struct table *t, double share); /* 0.123 is 12.3% */

/* -ENOMEM if a cell was lost, -EIO if `out` takes no more. */
int table_print(const struct table *t, FILE *out);

/* The figures by themselves, in `text`, which they return. Bytes in powers of 1000. */
const char *table_format_count(uint64_t count, char text[TABLE_FIGURE]);
const char *table_format_bytes(uint64_t bytes, char text[TABLE_FIGURE]);

#endif
