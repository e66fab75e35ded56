// SPDX-License-Identifier: BSD-2-Clause
/* Reports as text, Markdown and CSV. */
#include <errno.h>
#include <string.h>

#include "bench/grid.h"
#include "bench/report_write.h"
#include "tools/weir/table.h"

typedef int grid_fn(const struct grid *g, FILE *out);

static int finish(FILE *out)
{
	return ferror(out) ? -EIO : 0;
}

static void write_lines(json_t *lines, const char *bullet, FILE *out)
{
	json_t *line;
	size_t i;
	json_array_foreach(lines, i, line) fprintf(out, "%s%s\n", bullet, json_string_value(line));
}

static int with_grid(json_t *table, grid_fn *write, FILE *out)
{
	struct grid g;
	int r = grid_open(&g, table);
	if (!r)
		r = write(&g, out);
	grid_close(&g);
	return r;
}

/* --- for people ------------------------------------------------------------------------------- */

static int print_grid(const struct grid *g, FILE *out)
{
	struct table_column columns[GRID_COLUMNS];
	for (unsigned int i = 0; i < g->columns; i++)
		columns[i] =
			(struct table_column){g->titles[i], g->right[i] ? TABLE_RIGHT : TABLE_LEFT};
	struct table *t = table_new(columns, g->columns);
	if (!t)
		return -ENOMEM;
	for (unsigned int row = 0; row < g->rows; row++)
		for (unsigned int i = 0; i < g->columns; i++)
			table_text(t, grid_cell(g, row, i));
	int r = table_print(t, out);
	table_free(t);
	return r;
}

int report_write_text(json_t *report, FILE *out)
{
	json_t *table, *machine = json_object_get(report, "machine");
	size_t i;
	fprintf(out, "machine: %s, %s, load %.2f at the start\n", grid_string(machine, "cpu"),
		grid_string(machine, "kernel"), grid_real(machine, "load"));
	write_lines(json_object_get(report, "facts"), "", out);
	json_array_foreach(json_object_get(report, "tables"), i, table)
	{
		const char *title = grid_string(table, "title");
		fprintf(out, *title ? "\n%s\n\n" : "%s\n", title);
		int r = with_grid(table, print_grid, out);
		if (r)
			return r;
		if (json_array_size(json_object_get(table, "notes")))
			fputc('\n', out);
		write_lines(json_object_get(table, "notes"), "", out);
	}
	return finish(out);
}

/* --- for documents ---------------------------------------------------------------------------- */

static int write_markdown_grid(const struct grid *g, FILE *out)
{
	for (unsigned int i = 0; i < g->columns; i++)
		fprintf(out, "| %s ", g->titles[i]);
	fputs("|\n", out);
	for (unsigned int i = 0; i < g->columns; i++)
		fputs(g->right[i] ? "|---:" : "|---", out);
	fputs("|\n", out);
	for (unsigned int row = 0; row < g->rows; row++) {
		for (unsigned int i = 0; i < g->columns; i++)
			fprintf(out, "| %s ", grid_cell(g, row, i));
		fputs("|\n", out);
	}
	return finish(out);
}

int report_write_markdown(json_t *report, FILE *out)
{
	json_t *table, *machine = json_object_get(report, "machine");
	size_t i;
	fprintf(out, "# weir-bench %s\n\n- machine: %s; %s; load %.2f at the start\n",
		grid_string(report, "benchmark"), grid_string(machine, "cpu"),
		grid_string(machine, "kernel"), grid_real(machine, "load"));
	fprintf(out, "- weir %s, %s\n", grid_string(report, "version"),
		grid_string(report, "time"));
	write_lines(json_object_get(report, "facts"), "- ", out);
	json_array_foreach(json_object_get(report, "tables"), i, table)
	{
		const char *title = grid_string(table, "title");
		fprintf(out, *title ? "\n## %s\n\n" : "%s\n", title);
		int r = with_grid(table, write_markdown_grid, out);
		if (r)
			return r;
		if (json_array_size(json_object_get(table, "notes")))
			fputc('\n', out);
		write_lines(json_object_get(table, "notes"), "- ", out);
	}
	return finish(out);
}

/* --- for spreadsheets: RFC 4180, one line a figure -------------------------------------------- */

static void write_field(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text; text++)
		fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
	fputc('"', out);
}

/* What the row is called: its names, one after another. */
static void write_row_name(json_t *columns, json_t *row, FILE *out)
{
	const char *between = "";
	json_t *column;
	size_t i;
	fputc('"', out);
	json_array_foreach(columns, i, column)
	{
		json_t *value = json_object_get(row, grid_string(column, "key"));
		if (strcmp(grid_string(column, "sort"), "name") || !value)
			continue;
		if (json_is_string(value))
			fprintf(out, "%s%s", between, json_string_value(value));
		else
			fprintf(out, "%s%.15g", between, json_number_value(value));
		between = ", ";
	}
	fputc('"', out);
}

static void write_figure(json_t *report, json_t *table, json_t *row, json_t *column, FILE *out)
{
	json_t *value = json_object_get(row, grid_string(column, "key"));
	bool sample = json_is_object(value);
	if (!sample && !json_is_number(value))
		return;
	write_field(grid_string(report, "benchmark"), out);
	fputc(',', out);
	write_field(grid_string(table, "name"), out);
	fputc(',', out);
	write_row_name(json_object_get(table, "columns"), row, out);
	fputc(',', out);
	write_field(grid_string(column, "key"), out);
	if (sample)
		fprintf(out, ",%.10g,%.10g,%.10g,%zu\r\n", grid_real(value, "median"),
			grid_real(value, "q1"), grid_real(value, "q3"),
			json_array_size(json_object_get(value, "trials")));
	else
		fprintf(out, ",%.10g,,,1\r\n", json_number_value(value));
}

int report_write_csv(json_t *report, FILE *out)
{
	json_t *table, *row, *column;
	size_t i, j, k;
	fputs("benchmark,table,row,figure,value,q1,q3,trials\r\n", out);
	json_array_foreach(json_object_get(report, "tables"), i, table)
		json_array_foreach(json_object_get(table, "rows"), j, row)
			json_array_foreach(json_object_get(table, "columns"), k,
					   column) if (strcmp(grid_string(column, "sort"), "name"))
				write_figure(report, table, row, column, out);
	return finish(out);
}
