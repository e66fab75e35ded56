/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What there are metrics of: services, queues, workers and so on, each a row of labels and
 * figures. Control thread.
 */
#ifndef WEIR_TOOLS_METRIC_ROWS_H
#define WEIR_TOOLS_METRIC_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/engine.h"
#include "tools/weir/metric_text.h"

struct daemon;
struct traffic_book;

enum metric_scope {
	METRIC_DAEMON,
	METRIC_BUILD,
	METRIC_FLOWS, /* by state */
	METRIC_NAT,
	METRIC_FRAGMENTS,
	METRIC_CHECKS,
	METRIC_POLICY,
	METRIC_RULE,  /* of the policy */
	METRIC_DROPS, /* by reason and place */
	METRIC_INTERFACE,
	METRIC_INTERFACE_INFO,
	METRIC_INTERFACE_DROPS, /* by reason */
	METRIC_QUEUE,
	METRIC_WORKER,
	METRIC_BURSTS, /* a worker's, by how long they took at most */
	METRIC_SERVICE,
	METRIC_SERVICE_INFO,
	METRIC_BACKEND,
	METRIC_NEXT_HOP,
	METRIC_SYNC,  /* where flows are shared */
	METRIC_ROUTE, /* that announces a VIP */
};

/* The figures of a scope's rows. Those that have one alone have it in METRIC_VALUE. */
enum { METRIC_VALUE };
enum {
	DAEMON_START,
	DAEMON_CPU,
	DAEMON_MEMORY,
	DAEMON_GENERATION,
	DAEMON_DRAINING,
	DAEMON_CAPTURES,
	DAEMON_CAPACITY,
	DAEMON_INSERTS,
	DAEMON_EVICTIONS,
	DAEMON_UNTRACKED,
	DAEMON_GUARDED,
	DAEMON_HELD,
	DAEMON_DIFFERENCE,
};
enum { NAT_CONNECTIONS, NAT_ADDRESSES, NAT_PORTS };
enum {
	FRAGMENTS_FIRST,
	FRAGMENTS_FOLLOWED,
	FRAGMENTS_WAITED,
	FRAGMENTS_TIMED_OUT,
	FRAGMENTS_REFUSED,
	FRAGMENTS_FORGOTTEN,
	FRAGMENTS_HELD,
};
enum {
	CHECKS_BACKENDS,
	CHECKS_RUNNING,
	CHECKS_WAITING,
	CHECKS_GOOD,
	CHECKS_BAD,
	CHECKS_DELAYED,
};
enum { POLICY_PREFIXES };
enum { RULE_PACKETS, RULE_BYTES, RULE_REFUSED };
enum {
	INTERFACE_RX_PACKETS,
	INTERFACE_RX_BYTES,
	INTERFACE_PASSED,
	INTERFACE_STEERED,
	INTERFACE_TRANSMITTED,
	INTERFACE_UP,
	INTERFACE_LOSSES,
	INTERFACE_REBUILDS,
};
enum { QUEUE_RX, QUEUE_TX, QUEUE_RX_FULL, QUEUE_RX_NO_FRAME, QUEUE_FILL_EMPTY, QUEUE_TX_INVALID };
enum {
	WORKER_TURNS,
	WORKER_BUSY,
	WORKER_SLEEPS,
	WORKER_RX,
	WORKER_TX,
	WORKER_WAKEUPS,
	WORKER_FORWARDED,
	WORKER_NEIGHBOR_REPLIES,
	WORKER_ECHO_REPLIES,
	WORKER_TOO_BIG_REPLIES,
	WORKER_REFUSALS,
	WORKER_RETURNED,
	WORKER_DROPPED,
	WORKER_FREE,
	WORKER_FILL,
	WORKER_TRANSMIT,
	WORKER_ELSEWHERE,
	WORKER_BURST_NS,
	WORKER_BURSTS,
	WORKER_TAP_LOST,
};
enum { /* of services and backends */
       TRAFFIC_FAST_PACKETS,
       TRAFFIC_WORKER_PACKETS,
       TRAFFIC_FAST_BYTES,
       TRAFFIC_WORKER_BYTES,
       TRAFFIC_FLOWS,
       SERVICE_BACKENDS,
       SERVICE_BACKENDS_UP,
       BACKEND_UP = SERVICE_BACKENDS,
       BACKEND_REACHABLE,
       BACKEND_WEIGHT,
       BACKEND_FAILED,
};
enum {
	SYNC_JOINED,
	SYNC_MEMBERS,
	SYNC_DIFFERENT,
	SYNC_TOLD,
	SYNC_ENDS,
	SYNC_BRIEF,
	SYNC_LOST,
	SYNC_UNSENT,
	SYNC_WAYS,
	SYNC_HEARD,
	SYNC_LEARNED,
	SYNC_REFRESHED,
	SYNC_REPLACED,
	SYNC_KEPT,
	SYNC_LATE,
	SYNC_NO_ROOM,
	SYNC_UNKNOWN_BACKEND,
	SYNC_MALFORMED,
	SYNC_OTHER_VERSION,
	SYNC_DIFFERENCES,
};
enum { ROUTE_IS_ANNOUNCED, ROUTE_WITHDRAWALS };
#define METRIC_FIGURES 24

struct metric_row {
	struct metric_labels labels;
	uint64_t figure[METRIC_FIGURES];
};

/* Where among the rows of a scope one is; the first is all zero. */
struct metric_place {
	const struct daemon *daemon;
	struct traffic_book *book;
	uint32_t outer, inner;
	int64_t service; /* id of the service `outer`, and its label */
	struct metric_labels of_service;
	struct engine_drops drops;
};

/* That of METRIC_SYNC. */
bool metric_sync_row(struct metric_place *at, struct metric_row *row);

/* The next row; false behind the last one. */
bool metric_next(struct metric_place *at, enum metric_scope scope, struct metric_row *row);

#endif
