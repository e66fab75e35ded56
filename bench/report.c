// SPDX-License-Identifier: BSD-2-Clause
#include "bench/report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/machine.h"
#include "bench/report_write.h"
#include "bench/stats.h"
#include "lb/err.h"

static const char *const sorts[] = {
	[REPORT_NAME] = "name", [REPORT_TEXT] = "text",     [REPORT_COUNT] = "count",
	[REPORT_REAL] = "real", [REPORT_SAMPLE] = "sample",
};
static const char *const betters[] = {
	[REPORT_NEITHER] = "neither", [REPORT_MORE] = "more", [REPORT_LESS] = "less"};

static json_t *format_text(const char *format, va_list ap)
{
	char text[1024];
	vsnprintf(text, sizeof(text), format, ap);
	return json_string(text);
}

json_t *report_new(const char *benchmark)
{
	char when[32];
	time_t now = time(NULL);
	struct tm utc;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	return json_pack("{s:i, s:s, s:s, s:s, s:o, s:[], s:[], s:[]}", "format", 1, "benchmark",
			 benchmark, "version", WEIR_VERSION, "time", when, "machine",
			 machine_json(), "facts", "tables", "plots");
}

void report_fact(json_t *report, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	json_array_append_new(json_object_get(report, "facts"), format_text(format, ap));
	va_end(ap);
}

json_t *report_table(json_t *report, const char *name, const char *title,
		     const struct report_column *columns, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:i, s:s}", "key", columns[i].key, "title",
					columns[i].title, "sort", sorts[columns[i].sort], "digits",
					columns[i].digits, "better", betters[columns[i].better]));
	json_t *table = json_pack("{s:s, s:s, s:o, s:[], s:[]}", "name", name, "title", title,
				  "columns", list, "rows", "notes");
	json_array_append_new(json_object_get(report, "tables"), table);
	return table;
}

void report_note(json_t *table, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	json_array_append_new(json_object_get(table, "notes"), format_text(format, ap));
	va_end(ap);
}

json_t *report_row(json_t *table)
{
	json_t *row = json_object();
	json_array_append_new(json_object_get(table, "rows"), row);
	return row;
}

void report_text(json_t *row, const char *key, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	json_object_set_new(row, key, format_text(format, ap));
	va_end(ap);
}

void report_number(json_t *row, const char *key, double value)
{
	json_object_set_new(row, key, json_real(value));
}

void report_sample(json_t *row, const char *key, const double *trials, unsigned int count)
{
	struct stats s = stats_of(trials, count);
	json_t *each = json_array();
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(each, json_real(trials[i]));
	json_object_set_new(row, key,
			    json_pack("{s:f, s:f, s:f, s:f, s:f, s:o}", "min", s.min, "q1", s.q1,
				      "median", s.median, "q3", s.q3, "max", s.max, "trials",
				      each));
}

json_t *report_plot(json_t *report, const char *name, const char *title,
		    const struct report_axes *axes)
{
	json_t *plot = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:[]}", "name", name, "title",
				 title, "x", axes->x, "y", axes->y, "log_x", axes->log_x, "log_y",
				 axes->log_y, "points", axes->points, "curves");
	json_array_append_new(json_object_get(report, "plots"), plot);
	return plot;
}

json_t *report_curve(json_t *plot, const char *name)
{
	json_t *curve = json_pack("{s:s, s:[]}", "name", name, "points");
	json_array_append_new(json_object_get(plot, "curves"), curve);
	return curve;
}

void report_point(json_t *curve, double x, double y)
{
	json_array_append_new(json_object_get(curve, "points"), json_pack("[f, f]", x, y));
}

/* --- files ------------------------------------------------------------------------------------ */

typedef int write_fn(json_t *report, FILE *out);

static int check_file(const char *path, struct err *err)
{
	if (!path)
		return 0;
	bool was = !access(path, F_OK);
	FILE *out = fopen(path, "ae");
	if (!out)
		return err_set(err, errno, "can't write %s: %m", path);
	fclose(out);
	if (!was)
		unlink(path);
	return 0;
}

int report_check_files(const struct report_files *f, struct err *err)
{
	int r = check_file(f->json, err);
	r = r ? r : check_file(f->markdown, err);
	r = r ? r : check_file(f->csv, err);
	return r ? r : check_file(f->html, err);
}

static int write_file(json_t *report, const char *path, write_fn *write, struct err *err)
{
	if (!path)
		return 0;
	FILE *out = fopen(path, "we");
	int r = out ? write(report, out) : -errno;
	if (out && fclose(out) && !r)
		r = -errno;
	return r ? err_set(err, -r, "can't write %s: %s", path, strerror(-r)) : 0;
}

static int write_json(json_t *report, FILE *out)
{
	int failed = json_dumpf(report, out, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
	fputc('\n', out);
	return failed || ferror(out) ? -EIO : 0;
}

int report_save(json_t *report, const struct report_files *f, struct err *err)
{
	int r = report ? report_write_text(report, stdout) : -ENOMEM;
	if (r)
		return err_set(err, -r, "can't print the result: %s", strerror(-r));
	r = write_file(report, f->json, write_json, err);
	r = r ? r : write_file(report, f->markdown, report_write_markdown, err);
	r = r ? r : write_file(report, f->csv, report_write_csv, err);
	return r ? r : write_file(report, f->html, report_write_html, err);
}
