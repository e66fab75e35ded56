// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <netinet/in.h>

#include "bench/micro.h"
#include "bench/rig.h"
#include "tools/weir/table.h"

/* A row in figures. */
struct summary {
	struct stats touch_ns, process_ns, ratio;
	double mpps;
};

static struct summary summarize(const struct micro_row *row, unsigned int trials)
{
	struct summary s = {
		.touch_ns = stats_of(row->touch_ns, trials),
		.process_ns = stats_of(row->process_ns, trials),
		.ratio = stats_of(row->ratio, trials),
	};
	s.mpps = 1000 / s.process_ns.median;
	return s;
}

static const char *family_name(enum frames_family family)
{
	return family == FRAMES_IPV4 ? "IPv4" : "IPv6";
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "TCP" : "UDP";
}

static const char *flows_text(const struct micro_row *row, char text[TABLE_FIGURE])
{
	return row->flows ? table_format_count(row->flows, text) : "all new";
}

/* The lines that say what was measured, each after `bullet`. */
static void describe(const struct micro_result *r, const char *bullet, FILE *out)
{
	char entries[TABLE_FIGURE];
	fprintf(out, "%scpu: %s; thread on CPU %d, load %.2f at the start\n", bullet, r->host.cpu,
		r->host.pinned, r->host.load);
	fprintf(out, "%skernel: %s\n", bullet, r->host.kernel);
	fprintf(out, "%scompiler: %s\n", bullet, r->host.compiler);
	fprintf(out, "%spackets: bursts of %u, %u frames of %u bytes in %s\n", bullet, LB_BURST,
		FRAMES_COUNT, FRAME_SIZE, r->packet_memory);
	fprintf(out, "%sflow table: %s entries, %zu MiB in %s; one service, %u backends\n", bullet,
		table_format_count(r->entries, entries), flow_table_bytes(r->entries) >> 20,
		r->flow_memory, BALANCER_BACKENDS);
	fprintf(out,
		"%strials: %u of %u packets each way (all new: %u), touch and lb_process in turn "
		"every %u packets; CPU time; medians, with quartiles as spread\n",
		bullet, r->trials, RIG_PASSES * FRAMES_COUNT, RIG_OPENING * FRAMES_COUNT,
		FRAMES_COUNT);
	fprintf(out,
		"%scalls while the clock ran: %" PRIu64 " of allocators, %" PRIu64 " of locks\n",
		bullet, r->calls.allocations, r->calls.locks);
}

static const char note[] =
	"touch: each packet's first cache line read and its 12 bytes of link addresses written, "
	"nothing else.\n"
	"all new: each packet opens a flow (Mpps is then millions of new flows a second).\n";

/* --- for people ------------------------------------------------------------------------------- */

static void add_row(struct table *t, const struct micro_row *row, unsigned int trials)
{
	struct summary s = summarize(row, trials);
	char flows[TABLE_FIGURE];
	table_format(t, "%s %s", family_name(row->family), protocol_name(row->protocol));
	table_text(t, flows_text(row, flows));
	table_format(t, "%.2f", s.touch_ns.median);
	table_format(t, "%.2f-%.2f", s.touch_ns.q1, s.touch_ns.q3);
	table_format(t, "%.1f", s.process_ns.median);
	table_format(t, "%.1f-%.1f", s.process_ns.q1, s.process_ns.q3);
	table_format(t, "%.1f", s.mpps);
	table_format(t, "%.1f", s.ratio.median);
}

int micro_print(const struct micro_result *r, FILE *out)
{
	static const struct table_column columns[] = {
		{"packets", TABLE_LEFT}, {"flows", TABLE_RIGHT},         {"touch ns", TABLE_RIGHT},
		{"spread", TABLE_RIGHT}, {"lb_process ns", TABLE_RIGHT}, {"spread", TABLE_RIGHT},
		{"Mpps", TABLE_RIGHT},   {"ratio", TABLE_RIGHT},
	};
	struct table *t = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	if (!t)
		return -ENOMEM;
	describe(r, "", out);
	fprintf(out, "\n");
	for (unsigned int i = 0; i < r->row_count; i++)
		add_row(t, &r->rows[i], r->trials);
	int err = table_print(t, out);
	table_free(t);
	fprintf(out, "\n%s", note);
	return err ? err : parser_print(r->parser, r->trials, out);
}

/* --- for documents ---------------------------------------------------------------------------- */

int micro_write_markdown(const struct micro_result *r, FILE *out)
{
	fprintf(out, "# weir-bench micro\n\n");
	describe(r, "- ", out);
	fprintf(out, "\n%s\n", note);
	fprintf(out,
		"| packets | flows | touch ns | spread | lb_process ns | spread | Mpps | ratio |\n"
		"|---|---:|---:|---:|---:|---:|---:|---:|\n");
	for (unsigned int i = 0; i < r->row_count; i++) {
		const struct micro_row *row = &r->rows[i];
		struct summary s = summarize(row, r->trials);
		char flows[TABLE_FIGURE];
		fprintf(out, "| %s %s | %s | %.2f | %.2f-%.2f | %.1f | %.1f-%.1f | %.1f | %.1f |\n",
			family_name(row->family), protocol_name(row->protocol),
			flows_text(row, flows), s.touch_ns.median, s.touch_ns.q1, s.touch_ns.q3,
			s.process_ns.median, s.process_ns.q1, s.process_ns.q3, s.mpps,
			s.ratio.median);
	}
	return parser_write_markdown(r->parser, r->trials, out);
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

static json_t *row_json(const struct micro_row *row, unsigned int trials)
{
	return json_pack("{s:s, s:s, s:I, s:b, s:I, s:o, s:o, s:o, s:f}", "family",
			 family_name(row->family), "protocol", protocol_name(row->protocol),
			 "flows", (json_int_t)row->flows, "new", !row->flows, "tracked",
			 (json_int_t)row->tracked, "touch_ns", values_json(row->touch_ns, trials),
			 "process_ns", values_json(row->process_ns, trials), "ratio",
			 values_json(row->ratio, trials), "mpps", summarize(row, trials).mpps);
}

static json_t *host_json(const struct host *h)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:f}", "cpu", h->cpu, "kernel", h->kernel,
			 "compiler", h->compiler, "thread_on_cpu", h->pinned, "load", h->load);
}

static json_t *method_json(const struct micro_result *r)
{
	return json_pack("{s:i, s:i, s:i, s:s, s:i, s:s, s:i, s:i, s:i, s:i}", "burst", LB_BURST,
			 "frames", FRAMES_COUNT, "frame_bytes", FRAME_SIZE, "packet_memory",
			 r->packet_memory, "flow_entries", r->entries, "flow_memory",
			 r->flow_memory, "backends", BALANCER_BACKENDS, "trials", r->trials,
			 "packets", RIG_PASSES * FRAMES_COUNT, "new_flows",
			 RIG_OPENING * FRAMES_COUNT);
}

int micro_write_json(const struct micro_result *r, FILE *out)
{
	json_t *rows = json_array();
	for (unsigned int i = 0; i < r->row_count; i++)
		json_array_append_new(rows, row_json(&r->rows[i], r->trials));
	json_t *root =
		json_pack("{s:s, s:s, s:o, s:o, s:{s:I, s:I}, s:o, s:o}", "benchmark", "micro",
			  "version", WEIR_VERSION, "host", host_json(&r->host), "method",
			  method_json(r), "calls", "allocations", (json_int_t)r->calls.allocations,
			  "locks", (json_int_t)r->calls.locks, "rows", rows, "parser",
			  parser_json(r->parser, r->trials));
	if (!root)
		return -ENOMEM;
	int failed = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(root);
	fprintf(out, "\n");
	return failed || ferror(out) ? -EIO : 0;
}
