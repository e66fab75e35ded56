// SPDX-License-Identifier: BSD-2-Clause
#include "bench/net_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "bench/generator.h"
#include "bench/net.h"
#include "bench/wire.h"
#include "tools/weir/table.h"

/* The cells of a row, as text. */
struct cells {
	char flows[TABLE_FIGURE], baseline[64], baseline_spread[32], mpps[16], spread[32],
		ratio[16], ratio_spread[32], added[16], target[16];
};

static struct cells cells_of(const struct net_row *row, uint32_t trials)
{
	struct cells c = {};
	struct stats weir = stats_of(row->mpps, trials);
	table_format_count(row->flows, c.flows);
	snprintf(c.mpps, sizeof(c.mpps), "%.2f", weir.median);
	snprintf(c.spread, sizeof(c.spread), "%.2f-%.2f", weir.q1, weir.q3);
	if (row->target > 0)
		snprintf(c.target, sizeof(c.target), ">= %.2f", row->target);
	else
		snprintf(c.target, sizeof(c.target), "-");
	if (row->missing[0]) {
		snprintf(c.baseline, sizeof(c.baseline), "%s: none", row->baseline);
		snprintf(c.ratio, sizeof(c.ratio), "-");
		return c;
	}
	struct stats base = stats_of(row->baseline_mpps, trials);
	struct stats ratio = stats_of(row->ratio, trials);
	snprintf(c.baseline, sizeof(c.baseline), "%s: %.2f", row->baseline, base.median);
	snprintf(c.baseline_spread, sizeof(c.baseline_spread), "%.2f-%.2f", base.q1, base.q3);
	snprintf(c.ratio, sizeof(c.ratio), "%.2f", ratio.median);
	snprintf(c.ratio_spread, sizeof(c.ratio_spread), "%.2f-%.2f", ratio.q1, ratio.q3);
	snprintf(c.added, sizeof(c.added), "%+.0f", 1000 / weir.median - 1000 / base.median);
	return c;
}

/* The lines that say what was measured, each after `bullet`. */
static void describe(const struct net_result *r, const char *bullet, FILE *out)
{
	const struct net_options *o = &r->options;
	fprintf(out, "%scpu: %s; load %.2f at the start\n", bullet, r->host.cpu, r->host.load);
	fprintf(out, "%skernel: %s\n", bullet, r->host.kernel);
	fprintf(out,
		"%spackets: 60 bytes, UDP, random flows, made in batches of %u by a program on CPU "
		"%d and counted there when they come back\n",
		bullet, GENERATOR_BATCH, o->generator_cpu);
	fprintf(out,
		"%slinks: virtual Ethernet, one queue, copy mode; fast path and XDP_TX on CPU %d "
		"too, workers and testpmd on CPU %d\n",
		bullet, o->generator_cpu, o->worker_cpu);
	fprintf(out, "%sWeir: one dsr service, %u backends, a flow table for twice the flows\n",
		bullet, WIRE_BACKENDS);
	fprintf(out,
		"%strials: %u of %u s of each, in turns, at real-time priority; medians, with "
		"quartiles as spread\n",
		bullet, o->trials, o->seconds);
}

static void describe_missing(const struct net_result *r, const char *bullet, FILE *out)
{
	for (unsigned int i = 0; i < r->row_count; i++) {
		const struct net_row *row = &r->rows[i];
		char tracked[TABLE_FIGURE];
		if (row->missing[0])
			fprintf(out, "%sno baseline for %s: %s\n", bullet, row->way, row->missing);
		if (row->tracked < row->flows)
			fprintf(out,
				"%s%s, %u flows: %s of them found a place in the flow table, the "
				"others go to a worker\n",
				bullet, row->way, row->flows,
				table_format_count(row->tracked, tracked));
	}
}

static void describe_load(const struct net_result *r, const char *bullet, FILE *out)
{
	if (r->load_seconds > 0)
		fprintf(out, "%sa list of 1,000,000 prefixes was in force after %.2f s\n", bullet,
			r->load_seconds);
}

static void describe_capture(const struct net_capture *c, const char *bullet, FILE *out)
{
	if (!c->measured)
		return;
	fprintf(out,
		"%s%.2f million drops a second for %.1f s, captured at 128 bytes: %" PRIu64
		" dropped, %" PRIu64 " captured, %" PRIu64 " lost, %" PRId64 " unaccounted\n",
		bullet, c->dropped / c->seconds / 1e6, c->seconds, c->dropped, c->captured, c->lost,
		(int64_t)(c->dropped - c->captured - c->lost));
	fprintf(out,
		"%s  other flows delivered meanwhile: %.2f%% without the capture, %.2f%% with it\n",
		bullet, 100 * c->calm_share, 100 * c->share);
}

static void describe_flood(const struct net_flood *f, const char *bullet, FILE *out)
{
	char flows[TABLE_FIGURE], text[TABLE_FIGURE];
	if (!f->measured)
		return;
	fprintf(out, "%sSYN flood, %u s, %.2f million random SYNs a second beside %s connections\n",
		bullet, f->seconds, f->syn_mpps, table_format_count(f->flows, flows));
	fprintf(out, "%s  established in the flow table: %s before, ", bullet,
		table_format_count(f->before, text));
	fprintf(out, "%s after\n", table_format_count(f->after, text));
	fprintf(out, "%s  not known to the fast path: %" PRIu64 " before, %" PRIu64 " after\n",
		bullet, f->missed_before, f->missed_after);
	fprintf(out, "%s  packets sent to another backend than before: %" PRIu64 "\n", bullet,
		f->moved);
	fprintf(out,
		"%s  packets of connections delivered: %.3f%% without the flood (%.2f Mpps), "
		"%.3f%% "
		"with it (%.2f Mpps); of the SYNs %.1f%%\n",
		bullet, 100 * f->calm_share, f->calm_mpps, 100 * f->share, f->mpps,
		100 * f->syn_share);
}

/* --- for people ------------------------------------------------------------------------------- */

static void add_row(struct table *t, const struct net_row *row, uint32_t trials)
{
	struct cells c = cells_of(row, trials);
	table_text(t, row->way);
	table_text(t, c.flows);
	table_text(t, c.baseline);
	table_text(t, c.baseline_spread);
	table_text(t, c.mpps);
	table_text(t, c.spread);
	table_text(t, c.ratio);
	table_text(t, c.ratio_spread);
	table_text(t, c.added);
	table_text(t, c.target);
}

int net_print(const struct net_result *r, FILE *out)
{
	static const struct table_column columns[] = {
		{"way", TABLE_LEFT},     {"flows", TABLE_RIGHT},     {"baseline Mpps", TABLE_RIGHT},
		{"spread", TABLE_RIGHT}, {"Weir Mpps", TABLE_RIGHT}, {"spread", TABLE_RIGHT},
		{"ratio", TABLE_RIGHT},  {"spread", TABLE_RIGHT},    {"ns a packet", TABLE_RIGHT},
		{"wanted", TABLE_RIGHT},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	if (!t)
		return -ENOMEM;
	describe(r, "", out);
	fprintf(out, "\n");
	for (unsigned int i = 0; i < r->row_count; i++)
		add_row(t, &r->rows[i], r->options.trials);
	int err = table_print(t, out);
	table_free(t);
	fprintf(out, "\n");
	describe_missing(r, "", out);
	describe_load(r, "", out);
	describe_capture(&r->capture, "", out);
	describe_flood(&r->flood, "", out);
	return err ? err : ferror(out) ? -EIO : 0;
}

/* --- for documents ---------------------------------------------------------------------------- */

int net_write_markdown(const struct net_result *r, FILE *out)
{
	fprintf(out, "# weir-bench net\n\n");
	describe(r, "- ", out);
	fprintf(out,
		"\n| way | flows | baseline Mpps | spread | Weir Mpps | spread | ratio | spread "
		"| ns a packet | wanted |\n"
		"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	for (unsigned int i = 0; i < r->row_count; i++) {
		struct cells c = cells_of(&r->rows[i], r->options.trials);
		fprintf(out, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			r->rows[i].way, c.flows, c.baseline, c.baseline_spread, c.mpps, c.spread,
			c.ratio, c.ratio_spread, c.added, c.target);
	}
	fprintf(out, "\n");
	describe_missing(r, "- ", out);
	describe_load(r, "- ", out);
	describe_capture(&r->capture, "- ", out);
	describe_flood(&r->flood, "- ", out);
	return ferror(out) ? -EIO : 0;
}

/* --- for programs ----------------------------------------------------------------------------- */

static json_t *values_json(const double *values, unsigned int count)
{
	struct stats s = stats_of(values, count);
	json_t *trials = json_array();
	for (unsigned int i = 0; i < count; i++)
		json_array_append_new(trials, json_real(values[i]));
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:o}", "min", s.min, "q1", s.q1, "median",
			 s.median, "q3", s.q3, "max", s.max, "trials", trials);
}

static json_t *row_json(const struct net_row *row, uint32_t trials)
{
	json_t *j = json_pack("{s:s, s:s, s:I, s:I, s:f, s:o}", "way", row->way, "baseline",
			      row->baseline, "flows", (json_int_t)row->flows, "tracked",
			      (json_int_t)row->tracked, "wanted", row->target, "mpps",
			      values_json(row->mpps, trials));
	if (row->missing[0]) {
		json_object_set_new(j, "baseline_missing", json_string(row->missing));
		return j;
	}
	json_object_set_new(j, "baseline_mpps", values_json(row->baseline_mpps, trials));
	json_object_set_new(j, "ratio", values_json(row->ratio, trials));
	return j;
}

static json_t *capture_json(const struct net_capture *c)
{
	if (!c->measured)
		return json_null();
	return json_pack("{s:f, s:I, s:I, s:I, s:f, s:f}", "seconds", c->seconds, "dropped",
			 (json_int_t)c->dropped, "captured", (json_int_t)c->captured, "lost",
			 (json_int_t)c->lost, "calm_share", c->calm_share, "share", c->share);
}

static json_t *flood_json(const struct net_flood *f)
{
	if (!f->measured)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f}",
			 "flows", (json_int_t)f->flows, "seconds", (json_int_t)f->seconds,
			 "established_before", (json_int_t)f->before, "established_after",
			 (json_int_t)f->after, "missed_before", (json_int_t)f->missed_before,
			 "missed_after", (json_int_t)f->missed_after, "moved", (json_int_t)f->moved,
			 "calm_mpps", f->calm_mpps, "calm_share", f->calm_share, "mpps", f->mpps,
			 "share", f->share, "syn_mpps", f->syn_mpps, "syn_share", f->syn_share);
}

int net_write_json(const struct net_result *r, FILE *out)
{
	const struct net_options *o = &r->options;
	json_t *rows = json_array();
	for (unsigned int i = 0; i < r->row_count; i++)
		json_array_append_new(rows, row_json(&r->rows[i], o->trials));
	json_t *root = json_pack(
		"{s:s, s:s, s:{s:s, s:s, s:f}, s:{s:i, s:i, s:i, s:i, s:i, s:i, s:i}, s:o, s:o}",
		"benchmark", "net", "version", WEIR_VERSION, "host", "cpu", r->host.cpu, "kernel",
		r->host.kernel, "load", r->host.load, "method", "trials", o->trials, "seconds",
		o->seconds, "frame_bytes", TRAFFIC_FRAME, "batch", GENERATOR_BATCH, "backends",
		WIRE_BACKENDS, "generator_cpu", o->generator_cpu, "worker_cpu", o->worker_cpu,
		"rows", rows, "flood", flood_json(&r->flood));
	if (!root)
		return -ENOMEM;
	json_object_set_new(root, "capture", capture_json(&r->capture));
	if (r->load_seconds > 0)
		json_object_set_new(root, "load_seconds", json_real(r->load_seconds));
	int failed = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(root);
	fprintf(out, "\n");
	return failed || ferror(out) ? -EIO : 0;
}
