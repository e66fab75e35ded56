// SPDX-License-Identifier: BSD-2-Clause
#include "bench/grid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/weir/table.h"

#define CELL 1100u

const char *grid_string(json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

double grid_real(json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static bool is_sort(json_t *column, const char *sort)
{
	return !strcmp(grid_string(column, "sort"), sort);
}

static void add_title(struct grid *g, const char *title, bool right)
{
	if (g->columns == GRID_COLUMNS)
		return;
	g->right[g->columns] = right;
	g->titles[g->columns++] = title;
}

static void set_cell(struct grid *g, unsigned int row, unsigned int column, const char *text)
{
	if (column < g->columns)
		g->cells[row * g->columns + column] = strdup(text);
}

static const char *format_cell(json_t *column, json_t *value, char text[CELL])
{
	if (json_is_string(value))
		snprintf(text, CELL, "%s", json_string_value(value));
	else if (!json_is_number(value))
		snprintf(text, CELL, "-");
	else if (is_sort(column, "count") || is_sort(column, "name"))
		table_format_count(json_number_value(value), text);
	else
		snprintf(text, CELL, "%.*f", (int)grid_real(column, "digits"),
			 json_number_value(value));
	return text;
}

static const char *format_spread(json_t *column, json_t *sample, char text[CELL])
{
	int digits = grid_real(column, "digits");
	if (!json_is_object(sample))
		return "";
	snprintf(text, CELL, "%.*f-%.*f", digits, grid_real(sample, "q1"), digits,
		 grid_real(sample, "q3"));
	return text;
}

static void fill_row(struct grid *g, unsigned int row, json_t *columns, json_t *cells)
{
	char text[CELL];
	unsigned int at = 0;
	json_t *column;
	size_t i;
	json_array_foreach(columns, i, column)
	{
		json_t *value = json_object_get(cells, grid_string(column, "key"));
		if (!is_sort(column, "sample")) {
			set_cell(g, row, at++, format_cell(column, value, text));
			continue;
		}
		json_t *median = json_object_get(value, "median");
		set_cell(g, row, at++, format_cell(column, median ? median : value, text));
		set_cell(g, row, at++, format_spread(column, value, text));
	}
}

int grid_open(struct grid *g, json_t *table)
{
	json_t *columns = json_object_get(table, "columns"), *column;
	json_t *rows = json_object_get(table, "rows"), *row;
	size_t i;
	*g = (struct grid){.rows = json_array_size(rows)};
	json_array_foreach(columns, i, column)
	{
		add_title(g, grid_string(column, "title"),
			  !is_sort(column, "name") && !is_sort(column, "text"));
		if (is_sort(column, "sample"))
			add_title(g, "spread", true);
	}
	g->cells = calloc(g->rows * g->columns + 1, sizeof(*g->cells));
	if (!g->cells)
		return -ENOMEM;
	json_array_foreach(rows, i, row) fill_row(g, i, columns, row);
	for (i = 0; i < (size_t)g->rows * g->columns; i++) {
		if (g->cells[i])
			continue;
		grid_close(g);
		return -ENOMEM;
	}
	return 0;
}

void grid_close(struct grid *g)
{
	for (size_t i = 0; g->cells && i < (size_t)g->rows * g->columns; i++)
		free(g->cells[i]);
	free(g->cells);
	*g = (struct grid){};
}
