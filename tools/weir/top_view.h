/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `weir top` shows: tables of the API's documents in which counters have become rates, sorted
 * and filtered. Nothing here knows of terminals.
 */
#ifndef WEIR_TOOLS_TOP_VIEW_H
#define WEIR_TOOLS_TOP_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define TOP_COLUMNS 10
#define TOP_CELL    64

struct err;

enum top_view_id { TOP_SERVICES, TOP_BACKENDS, TOP_INTERFACES, TOP_WORKERS, TOP_DROPS, TOP_VIEWS };

struct top_cell {
	char text[TOP_CELL];
	double value; /* of figures */
};

struct top_row {
	struct top_cell cells[TOP_COLUMNS];
};

struct top_table {
	const char *titles[TOP_COLUMNS];
	bool figures[TOP_COLUMNS]; /* to the right, and sorted by value */
	int widths[TOP_COLUMNS];
	unsigned int columns;
	struct top_row *rows;
	size_t count, hidden; /* hidden: by the filter */
};

/* All documents at one time. */
struct top_sample {
	json_t *status, *views[TOP_VIEWS];
	double time_s;
};

struct top_choice {
	enum top_view_id view;
	unsigned int column;   /* to sort by: texts from a to z, figures from the largest on, */
	bool reversed;         /* or the other way round; equal ones stay by their names */
	char filter[TOP_CELL]; /* rows with it in one of their texts; "": all */
};

const char *top_view_name(enum top_view_id view);

/* The view of that name, or -1. */
int top_view_find(const char *name);

/* The column of that title of a view, or -1; any case. */
int top_column_find(enum top_view_id view, const char *title);

/* What a view is sorted by at first: the most active row on top. */
struct top_choice top_choice_of(enum top_view_id view);

int top_sample_take(struct top_sample *s, const char *socket, struct err *err);
void top_sample_free(struct top_sample *s); /* a zeroed one too */

/* The table of a choice, whose rates are since `before` (or zeroed: all 0). False: no memory. */
bool top_table_make(struct top_table *t, const struct top_choice *c, const struct top_sample *now,
		    const struct top_sample *before);
void top_table_free(struct top_table *t);

/* Two lines over all: who it is, and what passes through it. */
void top_head(const struct top_sample *now, const struct top_sample *before, char *first,
	      char *second, size_t size);

#endif
