/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of a report as cells of text: a sample is two of them, its median and its spread. */
#ifndef WEIR_BENCH_GRID_H
#define WEIR_BENCH_GRID_H

#include <jansson.h>
#include <stdbool.h>

#define GRID_COLUMNS 32u

struct grid {
	unsigned int columns, rows;
	const char *titles[GRID_COLUMNS]; /* of the table */
	bool right[GRID_COLUMNS];         /* figures */
	char **cells;                     /* row by row */
};

/* The table must live as long. -ENOMEM. */
int grid_open(struct grid *g, json_t *table);
void grid_close(struct grid *g); /* a zeroed one too */

static inline const char *grid_cell(const struct grid *g, unsigned int row, unsigned int column)
{
	return g->cells[row * g->columns + column];
}

/* What JSON has under a key: "" or 0 where it is something else. */
const char *grid_string(json_t *object, const char *key);
double grid_real(json_t *object, const char *key);

#endif
