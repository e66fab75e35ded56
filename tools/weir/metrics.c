// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of all metrics, and the cursor that walks it. Samples of one name follow each other, so
 * entries of the same name stand together; the first has its type and its sentence.
 */
#include "tools/weir/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/weir/daemon.h"
#include "tools/weir/feed.h"
#include "tools/weir/metric_rows.h"
#include "tools/weir/metric_text.h"
#include "tools/weir/traffic.h"

#define PIECE 65536u /* bytes, about, that are written at a time */

enum unit { UNIT_COUNT, UNIT_SIGNED, UNIT_NS };

static const struct family {
	const char *name;
	const char *type, *help; /* NULL: as the entry before, of the same name */
	enum metric_scope scope;
	unsigned int figure;
	const char *more; /* labels that it has besides its row's */
	enum unit unit;
	const char *suffix; /* what the samples' name has behind the family's */
} families[] = {
#define COUNTER(name, scope, figure, help)                      \
	{                                                       \
		name, "counter", help, scope, figure, "", 0, "" \
	}
#define GAUGE(name, scope, figure, help)                      \
	{                                                     \
		name, "gauge", help, scope, figure, "", 0, "" \
	}
#define COUNTER_BY(name, scope, figure, more, help)               \
	{                                                         \
		name, "counter", help, scope, figure, more, 0, "" \
	}
#define GAUGE_BY(name, scope, figure, more, help)               \
	{                                                       \
		name, "gauge", help, scope, figure, more, 0, "" \
	}
#define AND_BY(name, scope, figure, more)                    \
	{                                                    \
		name, NULL, NULL, scope, figure, more, 0, "" \
	}
	GAUGE("weir_build_info", METRIC_BUILD, METRIC_VALUE,
	      "The version that runs, and the name of its instance."),
	{"process_start_time_seconds", "gauge", "When the daemon started, since 1970.",
	 METRIC_DAEMON, DAEMON_START, "", UNIT_NS, ""},
	{"process_cpu_seconds_total", "counter", "CPU time of the daemon, its workers included.",
	 METRIC_DAEMON, DAEMON_CPU, "", UNIT_NS, ""},
	GAUGE("process_resident_memory_bytes", METRIC_DAEMON, DAEMON_MEMORY,
	      "Memory of the daemon that is resident."),
	GAUGE("weir_config_generation", METRIC_DAEMON, DAEMON_GENERATION,
	      "Configurations that have come into force since the start."),
	GAUGE("weir_captures", METRIC_DAEMON, DAEMON_CAPTURES, "Captures that run."),
	GAUGE("weir_ledger_held_packets", METRIC_DAEMON, DAEMON_HELD,
	      "Packets in a ring or a worker right now."),
	{"weir_ledger_difference_packets", "gauge",
	 "Packets that are not accounted for: 0, but for what moves while it is read.",
	 METRIC_DAEMON, DAEMON_DIFFERENCE, "", UNIT_SIGNED, ""},
	GAUGE("weir_flow_table_capacity_flows", METRIC_DAEMON, DAEMON_CAPACITY,
	      "Flows that the flow table is made for."),
	GAUGE("weir_flow_table_flows", METRIC_FLOWS, METRIC_VALUE,
	      "Flows in the flow table, as of the last sweep."),
	COUNTER("weir_flow_table_inserts_total", METRIC_DAEMON, DAEMON_INSERTS,
		"Flows that were remembered."),
	COUNTER("weir_flow_table_evictions_total", METRIC_DAEMON, DAEMON_EVICTIONS,
		"Half-open and closing flows that made way for new ones."),
	COUNTER("weir_flow_table_untracked_total", METRIC_DAEMON, DAEMON_UNTRACKED,
		"Packets of flows that were not remembered, because their bucket was full."),
	COUNTER("weir_flow_table_guarded_total", METRIC_DAEMON, DAEMON_GUARDED,
		"Packets of flows that were not remembered, because of flow_table.insert_limit."),
	COUNTER("weir_drops_total", METRIC_DROPS, METRIC_VALUE,
		"Packets dropped, by reason and by who dropped them."),
	GAUGE("weir_interface_info", METRIC_INTERFACE_INFO, METRIC_VALUE,
	      "How an interface is served."),
	COUNTER("weir_interface_receive_packets_total", METRIC_INTERFACE, INTERFACE_RX_PACKETS,
		"Packets that came in."),
	COUNTER("weir_interface_receive_bytes_total", METRIC_INTERFACE, INTERFACE_RX_BYTES,
		"Bytes that came in."),
	COUNTER("weir_interface_passed_packets_total", METRIC_INTERFACE, INTERFACE_PASSED,
		"Packets handed to the kernel untouched."),
	COUNTER("weir_interface_steered_packets_total", METRIC_INTERFACE, INTERFACE_STEERED,
		"Packets handed to a worker."),
	COUNTER("weir_interface_fast_packets_total", METRIC_INTERFACE, INTERFACE_TRANSMITTED,
		"Packets that came in and were sent on by the fast path."),
	GAUGE("weir_interface_up", METRIC_INTERFACE, INTERFACE_UP,
	      "Whether an interface is there and up."),
	COUNTER("weir_interface_losses_total", METRIC_INTERFACE, INTERFACE_LOSSES,
		"Times that an interface went away while the daemon ran."),
	COUNTER("weir_interface_rebuilds_total", METRIC_INTERFACE, INTERFACE_REBUILDS,
		"Times that its sockets were made anew."),
	COUNTER("weir_interface_drops_total", METRIC_INTERFACE_DROPS, METRIC_VALUE,
		"Packets that the XDP program dropped, by reason."),
	COUNTER("weir_queue_receive_packets_total", METRIC_QUEUE, QUEUE_RX,
		"Packets that the worker received from a queue's socket."),
	COUNTER("weir_queue_transmit_packets_total", METRIC_QUEUE, QUEUE_TX,
		"Packets that the worker sent by a queue's socket."),
	COUNTER_BY("weir_queue_drops_total", METRIC_QUEUE, QUEUE_RX_FULL, "reason=\"rx-full\"",
		   "Packets lost in front of a queue's socket."),
	AND_BY("weir_queue_drops_total", METRIC_QUEUE, QUEUE_RX_NO_FRAME, "reason=\"rx-no-frame\""),
	COUNTER("weir_queue_fill_empty_total", METRIC_QUEUE, QUEUE_FILL_EMPTY,
		"Times that the kernel found no free frame for a queue: a hint, no loss of its "
		"own."),
	COUNTER("weir_queue_invalid_descriptors_total", METRIC_QUEUE, QUEUE_TX_INVALID,
		"Descriptors that the kernel refused to send."),
	COUNTER("weir_worker_turns_total", METRIC_WORKER, WORKER_TURNS,
		"Turns of a worker's loop."),
	COUNTER("weir_worker_busy_turns_total", METRIC_WORKER, WORKER_BUSY,
		"Turns with at least one packet."),
	COUNTER("weir_worker_sleeps_total", METRIC_WORKER, WORKER_SLEEPS,
		"Times that a worker waited for packets."),
	COUNTER("weir_worker_receive_packets_total", METRIC_WORKER, WORKER_RX,
		"Packets that a worker received."),
	COUNTER("weir_worker_transmit_packets_total", METRIC_WORKER, WORKER_TX,
		"Packets that the kernel took from a worker to send."),
	COUNTER("weir_worker_transmit_wakeups_total", METRIC_WORKER, WORKER_WAKEUPS,
		"System calls to send."),
	COUNTER("weir_worker_forwarded_packets_total", METRIC_WORKER, WORKER_FORWARDED,
		"Packets for backends."),
	COUNTER("weir_worker_neighbor_replies_total", METRIC_WORKER, WORKER_NEIGHBOR_REPLIES,
		"Answers to ARP requests and neighbour solicitations."),
	COUNTER("weir_worker_echo_replies_total", METRIC_WORKER, WORKER_ECHO_REPLIES,
		"Answers to ping."),
	COUNTER("weir_worker_drops_total", METRIC_WORKER, WORKER_DROPPED,
		"Packets that a worker dropped, for any reason."),
	COUNTER("weir_worker_capture_lost_records_total", METRIC_WORKER, WORKER_TAP_LOST,
		"Records for captures that found the worker's tap full."),
	GAUGE_BY("weir_worker_frames", METRIC_WORKER, WORKER_FREE, "place=\"free\"",
		 "Frames of a worker's packet memory, by where they are."),
	AND_BY("weir_worker_frames", METRIC_WORKER, WORKER_FILL, "place=\"fill\""),
	AND_BY("weir_worker_frames", METRIC_WORKER, WORKER_TRANSMIT, "place=\"transmit\""),
	AND_BY("weir_worker_frames", METRIC_WORKER, WORKER_ELSEWHERE, "place=\"elsewhere\""),
	{"weir_worker_burst_seconds", "histogram",
	 "What a worker's turns with packets took, up to 64 packets of each of its queues.",
	 METRIC_BURSTS, METRIC_VALUE, "", UNIT_COUNT, "_bucket"},
	{"weir_worker_burst_seconds", NULL, NULL, METRIC_WORKER, WORKER_BURST_NS, "", UNIT_NS,
	 "_sum"},
	{"weir_worker_burst_seconds", NULL, NULL, METRIC_WORKER, WORKER_BURSTS, "", UNIT_COUNT,
	 "_count"},
	GAUGE("weir_service_info", METRIC_SERVICE_INFO, METRIC_VALUE, "What a service is."),
	GAUGE("weir_service_backends", METRIC_SERVICE, SERVICE_BACKENDS, "Backends of a service."),
	GAUGE("weir_service_backends_up", METRIC_SERVICE, SERVICE_BACKENDS_UP,
	      "Backends of a service that take new flows."),
	COUNTER("weir_service_flows_total", METRIC_SERVICE, TRAFFIC_FLOWS, "New flows."),
	COUNTER_BY("weir_service_packets_total", METRIC_SERVICE, TRAFFIC_FAST_PACKETS,
		   "path=\"fast\"", "Packets sent to backends, by the fast path or a worker."),
	AND_BY("weir_service_packets_total", METRIC_SERVICE, TRAFFIC_WORKER_PACKETS,
	       "path=\"worker\""),
	COUNTER_BY("weir_service_bytes_total", METRIC_SERVICE, TRAFFIC_FAST_BYTES, "path=\"fast\"",
		   "Bytes sent to backends, by the fast path or a worker."),
	AND_BY("weir_service_bytes_total", METRIC_SERVICE, TRAFFIC_WORKER_BYTES, "path=\"worker\""),
	GAUGE("weir_backend_up", METRIC_BACKEND, BACKEND_UP,
	      "Whether a backend takes new flows: it is up and can be reached."),
	GAUGE("weir_backend_reachable", METRIC_BACKEND, BACKEND_REACHABLE,
	      "Whether the link address of a backend is known."),
	GAUGE("weir_backend_check_failed", METRIC_BACKEND, BACKEND_FAILED,
	      "Whether the health checks of a backend say that it does not serve."),
	GAUGE("weir_backend_weight", METRIC_BACKEND, BACKEND_WEIGHT, "Its weight in force."),
	COUNTER("weir_backend_flows_total", METRIC_BACKEND, TRAFFIC_FLOWS, "New flows."),
	COUNTER_BY("weir_backend_packets_total", METRIC_BACKEND, TRAFFIC_FAST_PACKETS,
		   "path=\"fast\"", "Packets sent to a backend, by the fast path or a worker."),
	AND_BY("weir_backend_packets_total", METRIC_BACKEND, TRAFFIC_WORKER_PACKETS,
	       "path=\"worker\""),
	COUNTER_BY("weir_backend_bytes_total", METRIC_BACKEND, TRAFFIC_FAST_BYTES, "path=\"fast\"",
		   "Bytes sent to a backend, by the fast path or a worker."),
	AND_BY("weir_backend_bytes_total", METRIC_BACKEND, TRAFFIC_WORKER_BYTES, "path=\"worker\""),
	GAUGE("weir_next_hop_reachable", METRIC_NEXT_HOP, METRIC_VALUE,
	      "Whether the link address of an address that backends have is known."),
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* A row, kept for the families of the same scope that follow. */
struct kept_row {
	size_t labels; /* where they are in `labels` */
	uint32_t length;
	uint64_t figure[METRIC_FIGURES];
};

/*
 * Families of one scope stand together, so that its rows are made once: of a hundred thousand
 * backends it is they that take the time, not the lines.
 */
struct metrics {
	struct metric_place at;
	size_t family;
	bool begun;            /* the family's head is written */
	bool whole;            /* all rows of its scope are kept */
	size_t row, row_count; /* the next to write; those that are kept */
	struct bytes rows, labels;
};

static const struct kept_row *row_at(const struct metrics *m, size_t index)
{
	return (const struct kept_row *)m->rows.data + index;
}

/* Makes one row more; false: there is none, or no memory. */
static bool keep_row(struct metrics *m, enum metric_scope scope)
{
	struct metric_row row;
	struct kept_row kept = {.labels = m->labels.size};
	if (m->whole || !metric_next(&m->at, scope, &row)) {
		m->whole = true;
		return false;
	}
	kept.length = row.labels.length;
	memcpy(kept.figure, row.figure, sizeof(kept.figure));
	bytes_add(&m->labels, row.labels.text, row.labels.length);
	bytes_add(&m->rows, &kept, sizeof(kept));
	m->row_count++;
	return !m->labels.failed && !m->rows.failed;
}

static void write_sample(const struct metrics *m, const struct family *f, const struct kept_row *r,
			 struct bytes *out)
{
	const char *labels = m->labels.data + r->labels, *name = f->name;
	uint64_t value = r->figure[f->figure];
	char with_suffix[96];
	if (*f->suffix) {
		snprintf(with_suffix, sizeof(with_suffix), "%s%s", f->name, f->suffix);
		name = with_suffix;
	}
	if (f->unit == UNIT_NS)
		metric_line_ns(out, name, labels, r->length, f->more, value);
	else if (f->unit == UNIT_SIGNED)
		metric_line_signed(out, name, labels, r->length, f->more, value);
	else
		metric_line(out, name, labels, r->length, f->more, value);
}

/* Goes on to the next family, with its rows if it has the same. */
static void next_family(struct metrics *m)
{
	enum metric_scope before = families[m->family].scope;
	m->family++;
	m->begun = false;
	m->row = 0;
	if (m->family < FAMILIES && families[m->family].scope == before)
		return;
	m->row_count = m->rows.size = m->labels.size = 0;
	m->whole = false;
	m->at.outer = m->at.inner = 0;
}

static bool metrics_next(void *metrics, struct bytes *out)
{
	struct metrics *m = metrics;
	while (m->family < FAMILIES && out->size < PIECE) {
		const struct family *f = &families[m->family];
		if (!m->begun && f->type)
			metric_head(out, f->name, f->type, f->help);
		m->begun = true;
		if (m->row < m->row_count || keep_row(m, f->scope))
			write_sample(m, f, row_at(m, m->row++), out);
		else
			next_family(m);
	}
	out->failed |= m->rows.failed || m->labels.failed;
	return m->family < FAMILIES;
}

static void metrics_free(void *metrics)
{
	struct metrics *m = metrics;
	if (!m)
		return;
	traffic_book_free(m->at.book);
	bytes_free(&m->rows);
	bytes_free(&m->labels);
	free(m);
}

enum MHD_Result metrics_answer(struct MHD_Connection *connection, const struct daemon *d)
{
	struct metrics *m = calloc(1, sizeof(*m));
	if (m)
		m->at = (struct metric_place){.daemon = d, .book = traffic_book_new(d)};
	if (m && !m->at.book) {
		free(m);
		m = NULL;
	}
	return feed_answer(connection, d, "text/plain; version=0.0.4; charset=utf-8", metrics_next,
			   m, metrics_free);
}
