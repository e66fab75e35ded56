/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The result of a bench command: facts about how it was measured, tables and curves. It is one JSON
 * document (docs/benchmarking.md tells its keys), from which text, Markdown, CSV and HTML are made,
 * so that a command says once what it has found. `report` below is the document, owned by its maker
 * (json_decref()); tables, rows and curves belong to it.
 *
 * What finds no memory is left out, and report_save() fails.
 */
#ifndef WEIR_BENCH_REPORT_H
#define WEIR_BENCH_REPORT_H

#include <jansson.h>
#include <stddef.h>

struct err;

enum report_sort {
	REPORT_NAME,   /* text that says which row it is: what rows of two reports are matched by */
	REPORT_TEXT,   /* any other text */
	REPORT_COUNT,  /* a whole number */
	REPORT_REAL,   /* a number with `digits` behind the point */
	REPORT_SAMPLE, /* all trials of one figure: shown as median and quartiles */
};

enum report_better { REPORT_NEITHER, REPORT_MORE, REPORT_LESS };

struct report_column {
	const char *key;   /* in JSON and CSV */
	const char *title; /* for people, with the unit */
	enum report_sort sort;
	int digits;
	enum report_better better; /* for `weir-bench compare` */
};

/* An empty report, with version, time and the machine. NULL without memory. */
json_t *report_new(const char *benchmark);

/* One line about what was measured and how. */
__attribute__((format(printf, 2, 3))) void report_fact(json_t *report, const char *format, ...);

/* `name` is the table's in JSON; `title` stands above it, "": it needs none. */
json_t *report_table(json_t *report, const char *name, const char *title,
		     const struct report_column *columns, size_t count);

/* One line below a table. */
__attribute__((format(printf, 2, 3))) void report_note(json_t *table, const char *format, ...);

/* A row, whose cells are set by the keys of their columns; one that is not set shows as "-". */
json_t *report_row(json_t *table);
__attribute__((format(printf, 3, 4))) void report_text(json_t *row, const char *key,
						       const char *format, ...);
void report_number(json_t *row, const char *key, double value); /* counts, too, up to 2^53 */
void report_sample(json_t *row, const char *key, const double *trials, unsigned int count);

/* Axes with units. */
struct report_axes {
	const char *x, *y;
	int log_x, log_y;
	int points; /* alone, without lines between them */
};

json_t *report_plot(json_t *report, const char *name, const char *title,
		    const struct report_axes *axes);
json_t *report_curve(json_t *plot, const char *name);
void report_point(json_t *curve, double x, double y);

/* Where a command puts its report beside standard output. The paths are set by its options. */
struct report_files {
	const char *json, *markdown, *csv, *html; /* NULL: not wanted */
};

/* The options that all commands have for that; a help says them by REPORT_USAGE. */
#define REPORT_SETTINGS(files)                                         \
	{"json", setting_text, .out = &(files)->json},                 \
		{"markdown", setting_text, .out = &(files)->markdown}, \
		{"csv", setting_text, .out = &(files)->csv},           \
	{                                                              \
		"html", setting_text, .out = &(files)->html            \
	}

#define REPORT_USAGE                                                           \
	"  --json FILE        write the result as JSON too, with each trial\n" \
	"  --markdown FILE    as Markdown, --csv FILE as CSV, --html FILE as a page with plots\n"

/* Checks that they can be written before anything is measured: a wrong path costs no minutes. */
int report_check_files(const struct report_files *files, struct err *err);

/* Prints the report on standard output and writes the files. */
int report_save(json_t *report, const struct report_files *files, struct err *err);

#endif
