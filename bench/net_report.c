// SPDX-License-Identifier: BSD-2-Clause
#include "bench/net_report.h"

#include "bench/generator.h"
#include "bench/net.h"
#include "bench/report.h"
#include "bench/wire.h"
#include "tools/weir/table.h"

static const struct report_column columns[] = {
	{"way", "way", .sort = REPORT_NAME},
	{"flows", "flows", .sort = REPORT_NAME},
	{"baseline", "baseline", .sort = REPORT_NAME},
	{"baseline_mpps", "baseline Mpps", REPORT_SAMPLE, .digits = 2},
	{"mpps", "Weir Mpps", REPORT_SAMPLE, 2, REPORT_MORE},
	{"ratio", "ratio", REPORT_SAMPLE, 2, REPORT_MORE},
	{"added_ns", "ns a packet", REPORT_REAL, 0, REPORT_LESS},
	{"wanted", "wanted", .sort = REPORT_TEXT},
};

/* What was measured. */
static void describe(const struct net_result *r, json_t *report)
{
	const struct net_options *o = &r->options;
	report_fact(report,
		    "packets: 60 bytes, UDP, random flows, made in batches of %u by a program on "
		    "CPU %d and counted there when they come back",
		    GENERATOR_BATCH, o->generator_cpu);
	report_fact(report,
		    "links: virtual Ethernet, one queue, copy mode; fast path and XDP_TX on CPU %d "
		    "too, workers and testpmd on CPU %d",
		    o->generator_cpu, o->worker_cpu);
	report_fact(report, "Weir: one service, %u backends, a flow table for twice the flows",
		    WIRE_BACKENDS);
	report_fact(report,
		    "trials: %u of %u s of each, in turns, at real-time priority; medians, with "
		    "quartiles as spread",
		    o->trials, o->seconds);
}

static void note_missing(const struct net_row *row, json_t *table)
{
	char tracked[TABLE_FIGURE];
	if (row->missing[0])
		report_note(table, "no baseline for %s: %s", row->way, row->missing);
	if (row->tracked < row->flows)
		report_note(table,
			    "%s, %u flows: %s of them found a place in the flow table, the others "
			    "go to a worker",
			    row->way, row->flows, table_format_count(row->tracked, tracked));
}

static void add_row(const struct net_row *row, uint32_t trials, json_t *table)
{
	json_t *out = report_row(table);
	report_text(out, "way", "%s", row->way);
	report_number(out, "flows", row->flows);
	report_text(out, "baseline", "%s", row->baseline);
	report_sample(out, "mpps", row->mpps, trials);
	if (row->target > 0)
		report_text(out, "wanted", ">= %.2f", row->target);
	report_number(out, "tracked", row->tracked);
	if (row->missing[0])
		return;
	report_sample(out, "baseline_mpps", row->baseline_mpps, trials);
	report_sample(out, "ratio", row->ratio, trials);
	report_number(out, "added_ns",
		      1000 / stats_of(row->mpps, trials).median -
			      1000 / stats_of(row->baseline_mpps, trials).median);
}

/* What does not reach what is wanted of it is said in words, too. */
static void note_target(const struct net_row *row, uint32_t trials, json_t *table)
{
	char flows[TABLE_FIGURE];
	double ratio = row->missing[0] ? 0 : stats_of(row->ratio, trials).median;
	if (row->target > 0 && ratio > 0 && ratio < row->target)
		report_note(table, "not what is wanted: %s, %s flows: %.2f of %s instead of %.2f",
			    row->way, table_format_count(row->flows, flows), ratio, row->baseline,
			    row->target);
}

/* The first way alone is measured with several numbers of flows. */
static void plot_flows(const struct net_result *r, json_t *report)
{
	static const struct report_axes axes = {"flows", "Mpps", .log_x = 1};
	const struct net_options *o = &r->options;
	if (o->flows.count < 2)
		return;
	json_t *plot = report_plot(report, "flows", "Fast path: rate by number of flows", &axes);
	json_t *weir = report_curve(plot, "Weir"), *plain = report_curve(plot, "plain XDP_TX");
	json_t *looked = report_curve(plot, "XDP_TX and a look-up");
	for (unsigned int i = 0; i < o->flows.count; i++) {
		const struct net_row *row = &r->rows[2 * i], *other = row + 1;
		report_point(weir, row->flows, stats_of(row->mpps, o->trials).median);
		report_point(plain, row->flows, stats_of(row->baseline_mpps, o->trials).median);
		report_point(looked, row->flows, stats_of(other->baseline_mpps, o->trials).median);
	}
}

/* --- policies and captures ---------------------------------------------------------------------
 */

static void note_load(const struct net_result *r, json_t *table)
{
	if (r->load_seconds > 0)
		report_note(table, "a list of 1,000,000 prefixes was in force after %.2f s",
			    r->load_seconds);
}

static json_t *add_beside(json_t *table, const char *when, const struct net_beside *trials,
			  unsigned int count)
{
	double mpps[NET_TRIALS_MAX], dropped[NET_TRIALS_MAX], share[NET_TRIALS_MAX];
	json_t *row = report_row(table);
	for (unsigned int i = 0; i < count; i++) {
		mpps[i] = trials[i].mpps;
		dropped[i] = trials[i].dropped_mpps;
		share[i] = 100 * trials[i].share;
	}
	report_text(row, "when", "%s", when);
	report_sample(row, "dropped_mpps", dropped, count);
	report_sample(row, "mpps", mpps, count);
	report_number(row, "delivered", stats_of(share, count).min);
	return row;
}

static void report_capture(const struct net_capture *c, unsigned int trials, json_t *report)
{
	static const struct report_column capture_columns[] = {
		{"when", "", .sort = REPORT_NAME},
		{"dropped_mpps", "Mpps of drops", REPORT_SAMPLE, .digits = 2},
		{"dropped", "dropped", .sort = REPORT_COUNT},
		{"captured", "captured", .sort = REPORT_COUNT},
		{"lost", "lost, and counted", REPORT_COUNT, 0, REPORT_LESS},
		{"unaccounted", "neither", REPORT_COUNT, 0, REPORT_LESS},
		{"mpps", "Mpps of other flows", REPORT_SAMPLE, 2, REPORT_MORE},
		{"ratio", "ratio", REPORT_SAMPLE, 3, REPORT_MORE},
		{"delivered", "of them delivered %", REPORT_REAL, 2, REPORT_MORE},
	};
	double ratio[NET_TRIALS_MAX];
	if (!c->measured)
		return;
	for (unsigned int i = 0; i < trials; i++)
		ratio[i] = c->armed[i].mpps / c->calm[i].mpps;
	json_t *table = report_table(report, "capture", "All drops captured", capture_columns,
				     sizeof(capture_columns) / sizeof(capture_columns[0]));
	add_beside(table, "nothing captured", c->calm, trials);
	json_t *armed = add_beside(table, "weir capture --drops", c->armed, trials);
	report_number(armed, "dropped", c->dropped);
	report_number(armed, "captured", c->captured);
	report_number(armed, "lost", c->lost);
	report_number(armed, "unaccounted", (double)c->dropped - c->captured - c->lost);
	report_sample(armed, "ratio", ratio, trials);
	report_note(table,
		    "a million packets a second are to be dropped, and captured at 128 bytes, "
		    "beside flows that are forwarded as fast as it goes; wanted: a ratio >= "
		    "0.90, and neither: 0");
}

/* --- the flood -------------------------------------------------------------------------------- */

static void add_flood_row(json_t *table, const char *when, double mpps, double share,
			  uint64_t established, uint64_t missed)
{
	json_t *row = report_row(table);
	report_text(row, "when", "%s", when);
	report_number(row, "mpps", mpps);
	report_number(row, "delivered", 100 * share);
	report_number(row, "established", established);
	report_number(row, "missed", missed);
}

static void report_flood(const struct net_flood *f, json_t *report)
{
	static const struct report_column flood_columns[] = {
		{"when", "", .sort = REPORT_NAME},
		{"mpps", "Mpps of connections", REPORT_REAL, 2, REPORT_MORE},
		{"delivered", "delivered %", REPORT_REAL, 3, REPORT_MORE},
		{"established", "established", .sort = REPORT_COUNT},
		{"missed", "not known to the fast path", REPORT_COUNT, 0, REPORT_LESS},
	};
	char flows[TABLE_FIGURE], moved[TABLE_FIGURE];
	if (!f->measured)
		return;
	json_t *table = report_table(report, "flood", "SYN flood", flood_columns,
				     sizeof(flood_columns) / sizeof(flood_columns[0]));
	add_flood_row(table, "before", f->calm_mpps, f->calm_share, f->before, f->missed_before);
	add_flood_row(table, "with it, and after", f->mpps, f->share, f->after, f->missed_after);
	report_note(
		table,
		"%u s of %.2f million random SYNs a second beside %s connections; %.1f%% of the "
		"SYNs were delivered",
		f->seconds, f->syn_mpps, table_format_count(f->flows, flows), 100 * f->syn_share);
	report_note(table, "packets sent to another backend than before: %s",
		    table_format_count(f->moved, moved));
}

void net_report(const struct net_result *r, json_t *report)
{
	describe(r, report);
	json_t *table =
		report_table(report, "net", "", columns, sizeof(columns) / sizeof(columns[0]));
	for (unsigned int i = 0; i < r->row_count; i++)
		add_row(&r->rows[i], r->options.trials, table);
	for (unsigned int i = 0; i < r->row_count; i++) {
		note_missing(&r->rows[i], table);
		note_target(&r->rows[i], r->options.trials, table);
	}
	note_load(r, table);
	plot_flows(r, report);
	report_capture(&r->capture, r->options.trials, report);
	report_flood(&r->flood, report);
}
