// SPDX-License-Identifier: BSD-2-Clause
#include "bench/compare.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench/grid.h"
#include "bench/report.h"
#include "bench/stats.h"
#include "lb/err.h"

#define ROW_NAME 512

static const struct report_column columns[] = {
	{"what", "what", .sort = REPORT_NAME},
	{"figure", "figure", .sort = REPORT_NAME},
	{"before", "before", REPORT_REAL, .digits = 3},
	{"after", "after", REPORT_REAL, .digits = 3},
	{"ratio", "ratio", REPORT_REAL, .digits = 3},
	{"low", "95 % from", REPORT_REAL, .digits = 3},
	{"high", "to", REPORT_REAL, .digits = 3},
	{"verdict", "", .sort = REPORT_TEXT},
};

static json_t *find(json_t *list, const char *key, const char *value)
{
	json_t *each;
	size_t i;
	json_array_foreach(list, i, each)
	{
		if (!strcmp(grid_string(each, key), value))
			return each;
	}
	return NULL;
}

/* What a row is called: its names. */
static void name_row(json_t *table, json_t *row, char name[ROW_NAME])
{
	json_t *column;
	size_t i, length = 0;
	name[0] = '\0';
	json_array_foreach(json_object_get(table, "columns"), i, column)
	{
		json_t *cell = json_object_get(row, grid_string(column, "key"));
		const char *comma = length ? ", " : "";
		if (strcmp(grid_string(column, "sort"), "name") || !cell ||
		    length >= ROW_NAME - 128)
			continue;
		if (json_is_number(cell))
			length += snprintf(name + length, ROW_NAME - length, "%s%.15g", comma,
					   json_number_value(cell));
		else
			length += snprintf(name + length, ROW_NAME - length, "%s%.80s", comma,
					   json_string_value(cell) ? json_string_value(cell) : "");
	}
}

static json_t *find_row(json_t *table, const char *wanted)
{
	json_t *row;
	size_t i;
	json_array_foreach(json_object_get(table, "rows"), i, row)
	{
		char name[ROW_NAME];
		name_row(table, row, name);
		if (!strcmp(name, wanted))
			return row;
	}
	return NULL;
}

static unsigned int take_trials(json_t *cell, double out[STATS_MAX])
{
	json_t *each;
	size_t i;
	unsigned int count = 0;
	json_array_foreach(json_object_get(cell, "trials"), i, each)
	{
		if (count < STATS_MAX && json_is_number(each))
			out[count++] = json_number_value(each);
	}
	return count;
}

static double value_of(json_t *cell)
{
	return json_is_object(cell) ? grid_real(cell, "median") : json_number_value(cell);
}

static const char *judge(const struct stats_change *c, bool more_is_better)
{
	if (c->low <= 1 && c->high >= 1)
		return "no difference shown";
	return (c->ratio > 1) == more_is_better ? "better" : "worse";
}

/* One figure of a row that both have. */
static void compare_cells(json_t *row, json_t *column, json_t *before, json_t *after)
{
	double first[STATS_MAX], second[STATS_MAX];
	struct stats_change c;
	unsigned int m = take_trials(before, first), n = take_trials(after, second);
	report_text(row, "figure", "%s", grid_string(column, "title"));
	report_number(row, "before", value_of(before));
	report_number(row, "after", value_of(after));
	if (!stats_compare(first, m, second, n, &c)) {
		if (value_of(before) > 0)
			report_number(row, "ratio", value_of(after) / value_of(before));
		report_text(row, "verdict", "taken once: no interval");
		return;
	}
	report_number(row, "ratio", c.ratio);
	report_number(row, "low", c.low);
	report_number(row, "high", c.high);
	report_text(row, "verdict", "%s",
		    judge(&c, !strcmp(grid_string(column, "better"), "more")));
}

static bool is_figure(json_t *cell)
{
	return json_is_number(cell) || json_is_object(cell);
}

static void compare_tables(const char *benchmark, json_t *before, json_t *after, json_t *out)
{
	json_t *row, *column;
	size_t i, j;
	json_array_foreach(json_object_get(before, "rows"), i, row)
	{
		char name[ROW_NAME];
		name_row(before, row, name);
		json_t *other = find_row(after, name);
		json_array_foreach(json_object_get(before, "columns"), j, column)
		{
			json_t *a = json_object_get(row, grid_string(column, "key"));
			json_t *b = json_object_get(other, grid_string(column, "key"));
			if (!strcmp(grid_string(column, "better"), "neither") || !is_figure(a) ||
			    !is_figure(b))
				continue;
			json_t *line = report_row(out);
			report_text(line, "what", "%s %s: %s", benchmark,
				    grid_string(before, "name"), name);
			compare_cells(line, column, a, b);
		}
	}
}

int compare_reports(json_t *before, json_t *after, json_t *out, struct err *err)
{
	json_t *report, *each;
	size_t i, j;
	json_t *table =
		report_table(out, "compare", "", columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(before, i, report)
	{
		const char *benchmark = grid_string(report, "benchmark");
		json_t *other = find(after, "benchmark", benchmark);
		json_array_foreach(json_object_get(report, "tables"), j, each)
		{
			json_t *match = find(json_object_get(other, "tables"), "name",
					     grid_string(each, "name"));
			if (match)
				compare_tables(benchmark, each, match, table);
		}
	}
	if (!json_array_size(json_object_get(table, "rows")))
		return err_set(err, EINVAL, "the two have no figure in common");
	report_note(table,
		    "ratio: after by before, of geometric means; intervals are Welch's, of the "
		    "logarithms; they say what chance in the trials explains, not what another "
		    "machine or hour does");
	return 0;
}
