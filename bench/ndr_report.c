// SPDX-License-Identifier: BSD-2-Clause
/* What searches found, as tables and curves. Those of several sizes share a table. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/grid.h"
#include "bench/ndr.h"
#include "bench/rfc2544.h"
#include "lb/err.h"

#define COUNT(list) (sizeof(list) / sizeof(list[0]))

/* The table or plot of that name, or NULL. */
static json_t *find(json_t *report, const char *kind, const char *name)
{
	json_t *each;
	size_t i;
	json_array_foreach(json_object_get(report, kind), i, each)
	{
		if (!strcmp(grid_string(each, "name"), name))
			return each;
	}
	return NULL;
}

static json_t *need_table(json_t *report, const char *name, const char *title,
			  const struct report_column *columns, size_t count)
{
	json_t *table = find(report, "tables", name);
	return table ? table : report_table(report, name, title, columns, count);
}

static json_t *need_plot(json_t *report, const char *name, const char *title,
			 const struct report_axes *axes)
{
	json_t *plot = find(report, "plots", name);
	return plot ? plot : report_plot(report, name, title, axes);
}

static json_t *need_curve(json_t *plot, const char *name)
{
	json_t *each;
	size_t i;
	json_array_foreach(json_object_get(plot, "curves"), i, each)
	{
		if (!strcmp(grid_string(each, "name"), name))
			return each;
	}
	return report_curve(plot, name);
}

void ndr_report_head(const struct ndr *n, json_t *report)
{
	const struct ndr_options *o = n->options;
	path_describe(&n->path, report);
	if (o->method == NDR_MLRSEARCH)
		report_fact(report,
			    "MLRsearch (draft-ietf-bmwg-mlrsearch): trials of %.3g s, duration sum "
			    "%.3g "
			    "s, exceed ratio %.2g, width %.3g%%",
			    o->trial_s, o->duration_sum, o->exceed, 100 * o->width);
	else
		report_fact(report, "RFC 2544: trials of %.3g s%s, width %.3g%%", o->trial_s,
			    o->trial_s < 60 ? " (it wants 60)" : "", 100 * o->width);
	report_fact(
		report,
		"%.3g s to settle before each trial; packets are counted where they arrive, and "
		"what was to be sent and was not is lost",
		o->settle_s);
}

/* --- MLRsearch -------------------------------------------------------------------------------- */

static void report_goal(const struct ndr *n, unsigned int i, json_t *report)
{
	static const struct report_column columns[] = {
		{"frame", "bytes", .sort = REPORT_NAME},
		{"loss", "loss goal %", .sort = REPORT_NAME},
		{"throughput", "throughput Mpps", REPORT_REAL, .digits = 4, .better = REPORT_MORE},
		{"gbit", "Gbit/s on the line", REPORT_REAL, .digits = 4},
		{"lower", "lower bound Mpps", REPORT_REAL, .digits = 4},
		{"upper", "upper bound Mpps", REPORT_REAL, .digits = 4},
		{"highest", "highest load Mpps", REPORT_REAL, .digits = 4},
	};
	static const struct report_axes axes = {.x = "frame, bytes", .y = "Mpps"};
	const struct search_found *f = &n->search.found[i];
	json_t *table = need_table(report, "ndr", "No-drop rates", columns, COUNT(columns));
	json_t *row = report_row(table);
	char name[32];
	report_number(row, "frame", round(n->length));
	report_text(row, "loss", "%.4g", 100 * n->search.goals[i].loss);
	report_number(row, "highest", n->search.max / 1e6);
	if (f->has_lower) {
		report_number(row, "throughput", f->throughput / 1e6);
		report_number(row, "gbit", rate_bps(f->throughput, n->length) / 1e9);
		report_number(row, "lower", f->lower / 1e6);
	} else {
		report_note(table, "%.0f bytes: even %.0f packets a second lose more than %.4g%%",
			    n->length, n->search.min, 100 * n->search.goals[i].loss);
	}
	if (f->has_upper)
		report_number(row, "upper", f->upper / 1e6);
	else if (f->has_lower)
		report_note(
			table,
			"%.0f bytes: the highest load is within %.4g%% of loss, so the sender is "
			"the limit",
			n->length, 100 * n->search.goals[i].loss);
	snprintf(name, sizeof(name), "loss goal %.4g %%", 100 * n->search.goals[i].loss);
	if (f->has_lower && n->options->frames.count > 1)
		report_point(
			need_curve(need_plot(report, "size", "Throughput by frame size", &axes),
				   name),
			n->length, f->throughput / 1e6);
}

int ndr_mlrsearch(struct ndr *n, json_t *report, struct err *err)
{
	int r = search_run(&n->search, err);
	for (unsigned int i = 0; i < n->search.goal_count && !r; i++)
		report_goal(n, i, report);
	return r;
}

/* --- RFC 2544 --------------------------------------------------------------------------------- */

struct steps {
	const struct ndr *n;
	json_t *table;
};

static void note_step(void *context, const struct search_trial *t)
{
	struct steps *s = context;
	json_t *row = report_row(s->table);
	report_number(row, "frame", round(s->n->length));
	report_number(row, "percent", round(100 * t->load / s->n->search.max));
	report_number(row, "load", t->load / 1e6);
	report_number(row, "lost", 100 * t->loss);
}

static json_t *loss_table(json_t *report)
{
	static const struct report_column columns[] = {
		{"frame", "bytes", .sort = REPORT_NAME},
		{"percent", "% of the highest load", .sort = REPORT_NAME},
		{"load", "Mpps", REPORT_REAL, .digits = 4},
		{"lost", "lost %", REPORT_REAL, .digits = 4, .better = REPORT_LESS},
	};
	return need_table(report, "frame_loss", "Frame loss rate (RFC 2544, 26.3)", columns,
			  COUNT(columns));
}

static void report_2544(const struct ndr *n, double pps, double burst_s, json_t *report)
{
	static const struct report_column columns[] = {
		{"frame", "bytes", .sort = REPORT_NAME},
		{"throughput", "throughput Mpps", REPORT_REAL, .digits = 4, .better = REPORT_MORE},
		{"gbit", "Gbit/s on the line", REPORT_REAL, .digits = 4},
		{"highest", "highest load Mpps", REPORT_REAL, .digits = 4},
		{"burst", "back-to-back frames", REPORT_COUNT, .better = REPORT_MORE},
	};
	static const struct report_axes axes = {.x = "frame, bytes", .y = "Mpps"};
	json_t *row = report_row(need_table(
		report, "rfc2544", "Throughput (RFC 2544, 26.1) and back-to-back frames (26.4)",
		columns, COUNT(columns)));
	report_number(row, "frame", round(n->length));
	report_number(row, "throughput", pps / 1e6);
	report_number(row, "gbit", rate_bps(pps, n->length) / 1e9);
	report_number(row, "highest", n->search.max / 1e6);
	report_number(row, "burst", round(burst_s * n->search.max));
	if (n->options->frames.count > 1)
		report_point(
			need_curve(need_plot(report, "size", "Throughput by frame size", &axes),
				   "no loss"),
			n->length, pps / 1e6);
}

int ndr_rfc2544(struct ndr *n, json_t *report, struct err *err)
{
	const struct rfc2544 test = {
		.measure = ndr_measure,
		.context = n,
		.min = n->search.min,
		.max = n->search.max,
		.trial_s = n->options->trial_s,
		.width = n->options->width,
	};
	double pps, burst_s;
	int r = rfc2544_throughput(&test, &pps, err);
	if (!r)
		r = rfc2544_back_to_back(&test, &burst_s, err);
	if (r)
		return r;
	report_2544(n, pps, burst_s, report);
	struct steps steps = {n, loss_table(report)};
	return rfc2544_frame_loss(&test, note_step, &steps, err);
}

/* --- all trials ------------------------------------------------------------------------------- */

static int by_load(const void *a, const void *b)
{
	const struct trial *x = a, *y = b;
	return (x->pps > y->pps) - (x->pps < y->pps);
}

static void plot_trials(const struct ndr *n, json_t *report)
{
	static const struct report_axes axes = {.x = "load, Mpps", .y = "lost, %", .points = 1};
	char name[32];
	struct trial *sorted = malloc((n->trial_count + 1) * sizeof(*sorted));
	if (!sorted)
		return;
	memcpy(sorted, n->trials, n->trial_count * sizeof(*sorted));
	qsort(sorted, n->trial_count, sizeof(*sorted), by_load);
	snprintf(name, sizeof(name), "%.0f bytes", n->length);
	json_t *curve =
		need_curve(need_plot(report, "loss", "Loss of each trial by load", &axes), name);
	for (size_t i = 0; i < n->trial_count; i++)
		report_point(curve, sorted[i].pps / 1e6, 100 * sorted[i].loss);
	free(sorted);
}

void ndr_report_trials(const struct ndr *n, json_t *report)
{
	static const struct report_column columns[] = {
		{"frame", "bytes", .sort = REPORT_NAME},
		{"trial", "trial", .sort = REPORT_NAME},
		{"load", "load Mpps", REPORT_REAL, .digits = 6},
		{"seconds", "seconds", REPORT_REAL, .digits = 3},
		{"wanted", "wanted", .sort = REPORT_COUNT},
		{"sent", "sent", .sort = REPORT_COUNT},
		{"received", "received", .sort = REPORT_COUNT},
		{"lost", "lost %", REPORT_REAL, .digits = 4},
		{"reordered", "late", .sort = REPORT_COUNT},
		{"duplicates", "twice", .sort = REPORT_COUNT},
	};
	json_t *table = need_table(report, "trials", "All trials", columns, COUNT(columns));
	for (size_t i = 0; i < n->trial_count; i++) {
		const struct trial *t = &n->trials[i];
		json_t *row = report_row(table);
		report_number(row, "frame", round(n->length));
		report_number(row, "trial", i + 1);
		report_number(row, "load", t->pps / 1e6);
		report_number(row, "seconds", t->seconds);
		report_number(row, "wanted", t->wanted);
		report_number(row, "sent", t->sent);
		report_number(row, "received", t->received);
		report_number(row, "lost", 100 * t->loss);
		report_number(row, "reordered", t->reordered);
		report_number(row, "duplicates", t->duplicates);
	}
	report_note(table, "%.0f bytes: %zu trials", n->length, n->trial_count);
	plot_trials(n, report);
}
