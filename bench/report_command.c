// SPDX-License-Identifier: BSD-2-Clause
/* `weir-bench report` and `weir-bench compare`: what was measured before, from its JSON. */
#include "bench/report_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/compare.h"
#include "bench/report.h"
#include "bench/report_write.h"
#include "bench/setting.h"
#include "lb/err.h"
#include "tools/weir/command.h"
#include "tools/weir/options.h"

#define REPORTS_MAX 64u

static const char report_usage[] =
	"Usage: weir-bench report [OPTION...] FILE...\n"
	"\n"
	"Prints reports that were written by --json, and makes one Markdown, CSV, JSON or HTML "
	"file\n"
	"of all of them. The HTML page has its plots in it (gnuplot draws them) and needs nothing\n"
	"else.\n"
	"\n"
	"  --quiet            print nothing\n"
	"  --json FILE        all of them; --markdown FILE, --csv FILE, --html FILE\n";

static const char compare_usage[] =
	"Usage: weir-bench compare [OPTION...] BEFORE AFTER\n"
	"\n"
	"How the figures of one report differ from those of another, both written by --json: of "
	"each\n"
	"figure that was taken several times the ratio and its 95 % confidence interval (Welch's, "
	"of\n"
	"the logarithms). What lies on both sides of 1 shows no difference.\n"
	"\n" REPORT_USAGE;

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_report(json_t *j)
{
	return json_is_string(json_object_get(j, "benchmark")) &&
	       json_is_array(json_object_get(j, "tables"));
}

/* A file has one report, or a list of them. Appends to `list`. */
static int read_reports(const char *path, json_t *list, struct err *err)
{
	json_error_t why;
	json_t *all = json_load_file(path, 0, &why), *each;
	size_t i;
	if (!all)
		return err_set(err, EINVAL, "%s:%d: %s", path, why.line, why.text);
	if (is_report(all)) {
		json_array_append_new(list, all);
		return 0;
	}
	int r = json_array_size(all) ? 0 : -EINVAL;
	json_array_foreach(all, i, each)
	{
		r = r || !is_report(each) ? -EINVAL : 0;
		json_array_append(list, each);
	}
	json_decref(all);
	if (!r && json_array_size(list) > REPORTS_MAX)
		return err_set(err, E2BIG, "%s: more than %u reports", path, REPORTS_MAX);
	return r ? err_set(err, EINVAL, "%s: not what weir-bench writes by --json", path) : 0;
}

/* --- report ----------------------------------------------------------------------------------- */

typedef int write_fn(json_t *report, FILE *out);

static int write_each(json_t *list, const char *path, write_fn *write, struct err *err)
{
	json_t *each;
	size_t i;
	FILE *out = path ? fopen(path, "we") : NULL;
	int r = path && !out ? -errno : 0;
	json_array_foreach(list, i, each)
	{
		if (out && !r)
			r = write(each, out);
		if (out && i + 1 < json_array_size(list))
			fputc('\n', out);
	}
	if (out && fclose(out) && !r)
		r = -errno;
	return r ? err_set(err, -r, "can't write %s: %s", path, strerror(-r)) : 0;
}

static int write_page(json_t *list, const char *path, struct err *err)
{
	json_t *reports[REPORTS_MAX];
	size_t count = json_array_size(list);
	FILE *out = path ? fopen(path, "we") : NULL;
	int r = path && !out ? -errno : 0;
	for (size_t i = 0; i < count; i++)
		reports[i] = json_array_get(list, i);
	if (out)
		r = reports_write_html(reports, count, out);
	if (out && fclose(out) && !r)
		r = -errno;
	return r ? err_set(err, -r, "can't write %s: %s", path, strerror(-r)) : 0;
}

static int print_each(json_t *list, struct err *err)
{
	json_t *each;
	size_t i;
	json_array_foreach(list, i, each)
	{
		printf("%s== %s\n\n", i ? "\n" : "",
		       json_string_value(json_object_get(each, "benchmark")));
		int r = report_write_text(each, stdout);
		if (r)
			return err_set(err, -r, "can't print: %s", strerror(-r));
	}
	return 0;
}

static int write_all(json_t *list, const struct report_files *f, bool quiet, struct err *err)
{
	int r = quiet ? 0 : print_each(list, err);
	if (!r && f->json && json_dump_file(list, f->json, JSON_INDENT(1) | JSON_REAL_PRECISION(8)))
		r = err_set(err, EIO, "can't write %s", f->json);
	r = r ? r : write_each(list, f->markdown, report_write_markdown, err);
	r = r ? r : write_each(list, f->csv, report_write_csv, err);
	return r ? r : write_page(list, f->html, err);
}

int command_report(int argc, char **argv)
{
	struct report_files files = {};
	bool quiet = false;
	int operand = 0;
	const struct setting settings[] = {{"quiet", setting_flag, .out = &quiet},
					   REPORT_SETTINGS(&files)};
	struct err err = {};
	int status = settings_read(argc, argv, report_usage, settings,
				   sizeof(settings) / sizeof(settings[0]), &operand);
	if (status >= 0)
		return status;
	if (operand == argc)
		return options_fault(argv[0], "which reports? Name files written by --json");
	json_t *list = json_array();
	int r = report_check_files(&files, &err);
	for (int i = operand; i < argc && !r; i++)
		r = read_reports(argv[i], list, &err);
	r = r ? r : write_all(list, &files, quiet, &err);
	json_decref(list);
	return settings_exit(argv[0], r, &err);
}

/* --- compare ---------------------------------------------------------------------------------- */

int command_compare(int argc, char **argv)
{
	struct report_files files = {};
	int operand = 0;
	const struct setting settings[] = {REPORT_SETTINGS(&files)};
	struct err err = {};
	int status = settings_read(argc, argv, compare_usage, settings,
				   sizeof(settings) / sizeof(settings[0]), &operand);
	if (status >= 0)
		return status;
	if (argc - operand != 2)
		return options_fault(argv[0], "expected two reports: BEFORE AFTER");
	json_t *before = json_array(), *after = json_array(), *report = report_new("compare");
	int r = report_check_files(&files, &err);
	r = r ? r : read_reports(argv[operand], before, &err);
	r = r ? r : read_reports(argv[operand + 1], after, &err);
	if (!r) {
		report_fact(report, "before: %s", argv[operand]);
		report_fact(report, "after: %s", argv[operand + 1]);
		r = compare_reports(before, after, report, &err);
	}
	r = r ? r : report_save(report, &files, &err);
	json_decref(before);
	json_decref(after);
	json_decref(report);
	return settings_exit(argv[0], r, &err);
}
