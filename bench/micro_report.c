// SPDX-License-Identifier: BSD-2-Clause
#include "bench/micro_report.h"

#include <inttypes.h>
#include <netinet/in.h>

#include "bench/micro.h"
#include "bench/report.h"
#include "bench/rig.h"
#include "tools/weir/table.h"

static const struct report_column columns[] = {
	{"packets", "packets", .sort = REPORT_NAME},
	{"flows", "flows", .sort = REPORT_NAME},
	{"touch_ns", "touch ns", REPORT_SAMPLE, .digits = 2},
	{"process_ns", "lb_process ns", REPORT_SAMPLE, 1, REPORT_LESS},
	{"mpps", "Mpps", REPORT_REAL, 1, REPORT_MORE},
	{"ratio", "ratio", REPORT_SAMPLE, 1, REPORT_LESS},
};

static void describe(const struct micro_result *r, json_t *report)
{
	char entries[TABLE_FIGURE];
	report_fact(report, "thread on CPU %d", r->cpu);
	report_fact(report, "packets: bursts of %u, %u frames of %u bytes in %s", LB_BURST,
		    FRAMES_COUNT, FRAME_SIZE, r->packet_memory);
	report_fact(report, "flow table: %s entries, %zu MiB in %s; one service, %u backends",
		    table_format_count(r->entries, entries), flow_table_bytes(r->entries) >> 20,
		    r->flow_memory, BALANCER_BACKENDS);
	report_fact(report,
		    "trials: %u of %u packets each way (all new: %u), touch and lb_process in turn "
		    "every %u packets; CPU time; medians, with quartiles as spread",
		    r->trials, RIG_PASSES * FRAMES_COUNT, RIG_OPENING * FRAMES_COUNT, FRAMES_COUNT);
	report_fact(report,
		    "calls while the clock ran: %" PRIu64 " of allocators, %" PRIu64 " of locks",
		    r->calls.allocations, r->calls.locks);
}

static void add_row(json_t *table, const struct micro_row *row, unsigned int trials)
{
	json_t *out = report_row(table);
	report_text(out, "packets", "%s %s", row->family == FRAMES_IPV4 ? "IPv4" : "IPv6",
		    row->protocol == IPPROTO_TCP ? "TCP" : "UDP");
	if (row->flows)
		report_number(out, "flows", row->flows);
	else
		report_text(out, "flows", "all new");
	report_sample(out, "touch_ns", row->touch_ns, trials);
	report_sample(out, "process_ns", row->process_ns, trials);
	report_number(out, "mpps", 1000 / stats_of(row->process_ns, trials).median);
	report_sample(out, "ratio", row->ratio, trials);
}

void micro_report(const struct micro_result *r, json_t *report)
{
	describe(r, report);
	json_t *table = report_table(report, "lb_process", "", columns,
				     sizeof(columns) / sizeof(columns[0]));
	for (unsigned int i = 0; i < r->row_count; i++)
		add_row(table, &r->rows[i], r->trials);
	report_note(table, "touch: each packet's first cache line read and its 12 bytes of link "
			   "addresses written, nothing else");
	report_note(table, "all new: each packet opens a flow (Mpps is then millions of new flows "
			   "a second)");
	parser_report(r->parser, r->trials, report);
}
