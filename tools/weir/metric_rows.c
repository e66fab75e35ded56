// SPDX-License-Identifier: BSD-2-Clause
/* See the header. What can't be read just now counts nothing. */
#include "tools/weir/metric_rows.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "datapath/engine.h"
#include "bpf/policy.h"
#include "lb/addr.h"
#include "lb/config.h"
#include "lb/policy.h"
#include "lb/policy_ids.h"
#include "lb/prefix.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/capture.h"
#include "tools/weir/checker.h"
#include "tools/weir/daemon.h"
#include "tools/weir/daemon_routes.h"
#include "tools/weir/next_hops.h"
#include "tools/weir/traffic.h"

#define NS_PER_S 1000000000ull

static uint64_t relaxed(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* --- the daemon ---------------------------------------------------------------------------- */

static uint64_t resident_bytes(void)
{
	unsigned long all, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

static void add_inserts(const struct engine *e, uint64_t figure[METRIC_FIGURES])
{
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		const struct lb_counters *c = engine_worker_counters(e, i);
		figure[DAEMON_INSERTS] += relaxed(&c->flow_inserts);
		figure[DAEMON_EVICTIONS] += relaxed(&c->flow_evictions);
		figure[DAEMON_UNTRACKED] += relaxed(&c->flow_untracked);
		figure[DAEMON_GUARDED] += relaxed(&c->flow_guarded);
	}
}

static bool daemon_row(struct metric_place *at, struct metric_row *r)
{
	const struct daemon *d = at->daemon;
	struct engine_ledger l = {0};
	if (at->outer++)
		return false;
	engine_ledger(d->engine, &l);
	r->figure[DAEMON_START] =
		clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - d->start_ns);
	r->figure[DAEMON_CPU] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	r->figure[DAEMON_MEMORY] = resident_bytes();
	r->figure[DAEMON_GENERATION] = d->generation;
	r->figure[DAEMON_DRAINING] = d->drain.active;
	r->figure[DAEMON_CAPTURES] = captures_count(d->captures);
	r->figure[DAEMON_CAPACITY] = d->config->flow_entries;
	r->figure[DAEMON_HELD] = l.held;
	r->figure[DAEMON_DIFFERENCE] = l.rx - l.transmitted - l.passed - l.dropped - l.held;
	add_inserts(d->engine, r->figure);
	return true;
}

static bool build_row(struct metric_place *at, struct metric_row *r)
{
	if (at->outer++)
		return false;
	metric_label(&r->labels, "version", WEIR_VERSION);
	metric_label(&r->labels, "instance_name", at->daemon->config->instance);
	r->figure[METRIC_VALUE] = 1;
	return true;
}

static bool flows_row(struct metric_place *at, struct metric_row *r)
{
	static const struct {
		enum flow_state state;
		const char *word;
	} states[] = {{FLOW_HANDSHAKE, "handshake"},
		      {FLOW_ESTABLISHED, "established"},
		      {FLOW_CLOSING, "closing"},
		      {FLOW_UDP, "udp"}};
	uint64_t entries[FLOW_STATES] = {0};
	if (at->outer >= sizeof(states) / sizeof(states[0]))
		return false;
	engine_flows(at->daemon->engine, entries);
	metric_label(&r->labels, "state", states[at->outer].word);
	r->figure[METRIC_VALUE] = entries[states[at->outer++].state];
	return true;
}

static bool nat_row(struct metric_place *at, struct metric_row *r)
{
	const struct config_nat *n = &at->daemon->config->nat;
	if (at->outer++)
		return false;
	r->figure[NAT_CONNECTIONS] = engine_translated_flows(at->daemon->engine);
	r->figure[NAT_ADDRESSES] = n->own.count;
	r->figure[NAT_PORTS] = n->own.count * (n->ports.last - n->ports.first + 1ull);
	return true;
}

static bool fragments_row(struct metric_place *at, struct metric_row *r)
{
	const struct engine *e = at->daemon->engine;
	struct engine_worker w;
	if (at->outer++)
		return false;
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		engine_worker(e, i, &w);
		const struct lb_fragments *f = &w.lb->fragments;
		r->figure[FRAGMENTS_FIRST] += relaxed(&f->first);
		r->figure[FRAGMENTS_FOLLOWED] += relaxed(&f->followed);
		r->figure[FRAGMENTS_WAITED] += relaxed(&f->waited);
		r->figure[FRAGMENTS_TIMED_OUT] += relaxed(&f->timed_out);
		r->figure[FRAGMENTS_REFUSED] += relaxed(&f->refused);
		r->figure[FRAGMENTS_FORGOTTEN] += relaxed(&f->forgotten);
		r->figure[FRAGMENTS_HELD] += w.held;
	}
	return true;
}

static bool checks_row(struct metric_place *at, struct metric_row *r)
{
	struct checker_figures c = {0};
	if (at->outer++)
		return false;
	if (at->daemon->checker)
		checker_figures(at->daemon->checker, &c);
	r->figure[CHECKS_BACKENDS] = c.checks;
	r->figure[CHECKS_RUNNING] = c.running;
	r->figure[CHECKS_WAITING] = c.waiting;
	r->figure[CHECKS_GOOD] = c.good;
	r->figure[CHECKS_BAD] = c.bad;
	r->figure[CHECKS_DELAYED] = c.held_back;
	return true;
}

/* --- the policy ---------------------------------------------------------------------------- */

static bool policy_row(struct metric_place *at, struct metric_row *r)
{
	const struct policy_tables *p = at->daemon->policy;
	if (at->outer++)
		return false;
	r->figure[POLICY_PREFIXES] = p ? p->sources.prefix_count : 0;
	return true;
}

/*
 * Where there is a policy: its rules in their order, behind them what no rule decided, and guards.
 */
static bool rule_row(struct metric_place *at, struct metric_row *r)
{
	const struct daemon *d = at->daemon;
	struct rule_traffic t = {};
	char guard[POLICY_GUARD_NAME];
	const char *name = d->policy ? policy_name_at(d->config, at->outer, guard) : NULL;
	if (!name)
		return false;
	int64_t id = registry_find(d->rules, name);
	at->outer++;
	if (id >= 0)
		engine_rule_traffic(d->engine, id, &t);
	metric_label(&r->labels, "rule", name);
	r->figure[RULE_PACKETS] = t.packets;
	r->figure[RULE_BYTES] = t.bytes;
	r->figure[RULE_REFUSED] = t.refused;
	return true;
}

/* --- drops --------------------------------------------------------------------------------- */

static bool drops_row(struct metric_place *at, struct metric_row *r)
{
	static const char *const places[] = {"xdp", "kernel", "worker"};
	const struct engine_drops *drops = &at->drops;
	uint32_t reason = REASON_NONE + 1 + at->outer;
	if (reason >= REASON_COUNT)
		return false;
	if (!at->outer && !at->inner)
		engine_drops(at->daemon->engine, &at->drops);
	const uint64_t *figures[] = {drops->xdp, drops->kernel, drops->worker};
	metric_label(&r->labels, "reason", reason_word(reason));
	metric_label(&r->labels, "place", places[at->inner]);
	r->figure[METRIC_VALUE] = figures[at->inner][reason];
	at->inner = (at->inner + 1) % 3;
	at->outer += !at->inner;
	return true;
}

/* --- interfaces ---------------------------------------------------------------------------- */

/* The interface `outer`, or NULL behind the last one. */
static const struct port *port_at(struct metric_place *at, struct metric_row *r)
{
	const struct engine *e = at->daemon->engine;
	while (at->outer < engine_port_count(e) && engine_port(e, at->outer)->removed)
		at->outer++;
	if (at->outer >= engine_port_count(e))
		return NULL;
	metric_label(&r->labels, "interface", engine_port(e, at->outer)->name);
	return engine_port(e, at->outer);
}

static bool interface_row(struct metric_place *at, struct metric_row *r)
{
	struct port_counters c = {0};
	const struct port *p = port_at(at, r);
	if (!p)
		return false;
	r->figure[INTERFACE_UP] = p->there && p->up;
	r->figure[INTERFACE_LOSSES] = p->losses;
	r->figure[INTERFACE_REBUILDS] = p->rebuilds;
	if (engine_port_counters(at->daemon->engine, at->outer++, &c))
		return true;
	r->figure[INTERFACE_RX_PACKETS] = c.rx_packets;
	r->figure[INTERFACE_RX_BYTES] = c.rx_bytes;
	r->figure[INTERFACE_PASSED] = c.passed;
	r->figure[INTERFACE_STEERED] = c.steered;
	r->figure[INTERFACE_TRANSMITTED] = c.transmitted;
	return true;
}

static bool interface_info_row(struct metric_place *at, struct metric_row *r)
{
	const struct port *p = port_at(at, r);
	if (!p)
		return false;
	metric_label(&r->labels, "driver", p->driver);
	metric_label(&r->labels, "mode", port_mode_name(p));
	metric_label(&r->labels, "xdp", p->generic ? "generic" : "native");
	metric_label(&r->labels, "fast_path", p->fast_path ? "on" : "off");
	r->figure[METRIC_VALUE] = 1;
	at->outer++;
	return true;
}

static bool interface_drops_row(struct metric_place *at, struct metric_row *r)
{
	struct port_counters c = {0};
	uint32_t reason = REASON_NONE + 1 + at->inner;
	if (!port_at(at, r))
		return false;
	metric_label(&r->labels, "reason", reason_word(reason));
	if (!engine_port_counters(at->daemon->engine, at->outer, &c))
		r->figure[METRIC_VALUE] = c.dropped[reason];
	at->inner = reason + 1 < REASON_COUNT ? at->inner + 1 : 0;
	at->outer += !at->inner;
	return true;
}

static bool queue_row(struct metric_place *at, struct metric_row *r)
{
	struct socket_counters c = {0};
	const struct engine *e = at->daemon->engine;
	while (at->outer < engine_port_count(e) && !engine_port(e, at->outer)->queue_count)
		at->outer++;
	const struct port *p = port_at(at, r);
	if (!p)
		return false;
	metric_label_number(&r->labels, "queue", p->queues[at->inner]);
	if (!engine_socket_counters(e, at->outer, at->inner, &c)) {
		r->figure[QUEUE_RX] = c.rx_packets;
		r->figure[QUEUE_TX] = c.tx_packets;
		r->figure[QUEUE_RX_FULL] = c.rx_full;
		r->figure[QUEUE_RX_NO_FRAME] = c.rx_no_frame;
		r->figure[QUEUE_FILL_EMPTY] = c.fill_empty;
		r->figure[QUEUE_TX_INVALID] = c.tx_invalid;
	}
	at->inner = at->inner + 1 < p->queue_count ? at->inner + 1 : 0;
	at->outer += !at->inner;
	return true;
}

/* --- workers ------------------------------------------------------------------------------- */

static void take_lb(const struct engine_worker *w, uint64_t figure[METRIC_FIGURES])
{
	figure[WORKER_FORWARDED] = relaxed(&w->lb->forwarded);
	figure[WORKER_NEIGHBOR_REPLIES] = relaxed(&w->lb->neighbor_replies);
	figure[WORKER_ECHO_REPLIES] = relaxed(&w->lb->echo_replies);
	figure[WORKER_TOO_BIG_REPLIES] = relaxed(&w->lb->too_big_replies);
	figure[WORKER_REFUSALS] = relaxed(&w->lb->refusals);
	figure[WORKER_RETURNED] = relaxed(&w->lb->returned);
	figure[WORKER_DROPPED] =
		w->counters.tx_full + w->counters.tx_failed + w->counters.not_served;
	for (int i = 0; i < REASON_COUNT; i++)
		figure[WORKER_DROPPED] += relaxed(&w->lb->dropped[i]);
}

static bool worker_row(struct metric_place *at, struct metric_row *r)
{
	struct engine_worker w;
	if (at->outer >= engine_worker_count(at->daemon->engine))
		return false;
	metric_label_number(&r->labels, "worker", at->outer);
	engine_worker(at->daemon->engine, at->outer++, &w);
	r->figure[WORKER_TURNS] = w.counters.turns;
	r->figure[WORKER_BUSY] = w.counters.busy_turns;
	r->figure[WORKER_SLEEPS] = w.counters.sleeps;
	r->figure[WORKER_RX] = w.counters.rx_packets;
	r->figure[WORKER_TX] = w.counters.tx_packets;
	r->figure[WORKER_WAKEUPS] = w.counters.tx_wakeups;
	r->figure[WORKER_FREE] = w.frames.free;
	r->figure[WORKER_FILL] = w.frames.in_fill;
	r->figure[WORKER_TRANSMIT] = w.frames.in_transmit;
	r->figure[WORKER_ELSEWHERE] = w.frames.elsewhere;
	r->figure[WORKER_TAP_LOST] = w.tap_lost;
	r->figure[WORKER_BURST_NS] = w.counters.burst_ns;
	for (int i = 0; i < WORKER_BURST_TIMES; i++)
		r->figure[WORKER_BURSTS] += w.counters.burst_times[i];
	take_lb(&w, r->figure);
	return true;
}

/* A histogram's buckets count all that took up to their `le`. */
static bool bursts_row(struct metric_place *at, struct metric_row *r)
{
	struct engine_worker w;
	char le[32] = "+Inf";
	if (at->outer >= engine_worker_count(at->daemon->engine))
		return false;
	engine_worker(at->daemon->engine, at->outer, &w);
	if (at->inner < WORKER_BURST_TIMES - 1)
		snprintf(le, sizeof(le), "%.9g",
			 (double)(1ull << (WORKER_BURST_NS_LOG2 + at->inner)) / NS_PER_S);
	metric_label_number(&r->labels, "worker", at->outer);
	metric_label(&r->labels, "le", le);
	for (uint32_t i = 0; i <= at->inner; i++)
		r->figure[METRIC_VALUE] += w.counters.burst_times[i];
	at->inner = at->inner + 1 < WORKER_BURST_TIMES ? at->inner + 1 : 0;
	at->outer += !at->inner;
	return true;
}

/* --- services and backends ----------------------------------------------------------------- */

static void take_traffic(struct traffic t, uint64_t figure[METRIC_FIGURES])
{
	figure[TRAFFIC_FAST_PACKETS] = t.fast_packets;
	figure[TRAFFIC_WORKER_PACKETS] = t.packets - t.fast_packets;
	figure[TRAFFIC_FAST_BYTES] = t.fast_bytes;
	figure[TRAFFIC_WORKER_BYTES] = t.bytes - t.fast_bytes;
	figure[TRAFFIC_FLOWS] = t.flows;
}

/* The service of that id as it is in force, or NULL. */
static const struct service *service_of(const struct metric_place *at, int64_t id)
{
	const struct snapshot *s = engine_snapshot(at->daemon->engine);
	bool there = s && id >= 0 && id < s->service_end && s->services[id].present;
	return there ? &s->services[id] : NULL;
}

static bool service_row(struct metric_place *at, struct metric_row *r)
{
	const struct config *c = at->daemon->config;
	if (at->outer >= c->service_count)
		return false;
	const struct config_service *s = &c->services[at->outer++];
	int64_t id = registry_find(at->daemon->services, s->name);
	const struct service *now = service_of(at, id);
	metric_label(&r->labels, "service", s->name);
	take_traffic(traffic_of_service(at->book, id), r->figure);
	r->figure[SERVICE_BACKENDS] = s->backend_count;
	r->figure[SERVICE_BACKENDS_UP] = now ? now->up_count : 0;
	return true;
}

static bool service_info_row(struct metric_place *at, struct metric_row *r)
{
	const struct config *c = at->daemon->config;
	char address[PREFIX_TEXT];
	if (at->outer >= c->service_count)
		return false;
	const struct config_service *s = &c->services[at->outer++];
	metric_label(&r->labels, "service", s->name);
	metric_label(&r->labels, "address", prefix_format(&s->address, s->prefix, address));
	metric_label(&r->labels, "protocol", s->protocol == 6 ? "tcp" : "udp");
	r->figure[METRIC_VALUE] = 1;
	return true;
}

static void begin_service(struct metric_place *at, const char *name)
{
	at->service = registry_find(at->daemon->services, name);
	at->of_service.length = 0;
	metric_label(&at->of_service, "service", name);
}

/* The id of the backend at `inner` of the service `outer`, and goes on; -1 behind the last one. */
static int64_t next_backend(struct metric_place *at)
{
	const struct config *c = at->daemon->config;
	for (; at->outer < c->service_count; at->outer++, at->inner = 0) {
		if (!at->inner)
			begin_service(at, c->services[at->outer].name);
		const struct service *s = service_of(at, at->service);
		if (s && at->inner < s->member_count)
			return s->members[at->inner++];
	}
	return -1;
}

static bool backend_row(struct metric_place *at, struct metric_row *r)
{
	const struct snapshot *s = engine_snapshot(at->daemon->engine);
	int64_t id = next_backend(at);
	const char *key = id < 0 ? NULL : registry_name(at->daemon->backends, id);
	const char *slash = key ? strchr(key, '/') : NULL;
	if (!slash)
		return false;
	const struct backend *b = &s->backends[id];
	metric_labels_add(&r->labels, &at->of_service);
	metric_label(&r->labels, "backend", slash + 1);
	take_traffic(traffic_of_backend(at->book, id), r->figure);
	r->figure[BACKEND_UP] = b->state == STATE_UP && b->reachable;
	r->figure[BACKEND_REACHABLE] = b->reachable;
	r->figure[BACKEND_WEIGHT] = b->weight;
	r->figure[BACKEND_FAILED] = at->daemon->controls[id].failed;
	return true;
}

static bool next_hop_row(struct metric_place *at, struct metric_row *r)
{
	struct next_hop_address n;
	char address[ADDR_TEXT];
	if (!next_hops_read(at->daemon->next_hops, at->outer, &n))
		return false;
	at->outer++;
	metric_label(&r->labels, "address", addr_format(&n.address, address));
	r->figure[METRIC_VALUE] = n.hop.known;
	return true;
}

bool metric_next(struct metric_place *at, enum metric_scope scope, struct metric_row *row)
{
	static bool (*const rows[])(struct metric_place * at, struct metric_row * r) = {
		[METRIC_DAEMON] = daemon_row,
		[METRIC_BUILD] = build_row,
		[METRIC_FLOWS] = flows_row,
		[METRIC_NAT] = nat_row,
		[METRIC_FRAGMENTS] = fragments_row,
		[METRIC_CHECKS] = checks_row,
		[METRIC_POLICY] = policy_row,
		[METRIC_RULE] = rule_row,
		[METRIC_DROPS] = drops_row,
		[METRIC_INTERFACE] = interface_row,
		[METRIC_INTERFACE_INFO] = interface_info_row,
		[METRIC_INTERFACE_DROPS] = interface_drops_row,
		[METRIC_QUEUE] = queue_row,
		[METRIC_WORKER] = worker_row,
		[METRIC_BURSTS] = bursts_row,
		[METRIC_SERVICE] = service_row,
		[METRIC_SERVICE_INFO] = service_info_row,
		[METRIC_BACKEND] = backend_row,
		[METRIC_NEXT_HOP] = next_hop_row,
		[METRIC_SYNC] = metric_sync_row,
		[METRIC_ROUTE] = daemon_routes_row,
	};
	row->labels.length = 0;
	memset(row->figure, 0, sizeof(row->figure));
	return rows[scope](at, row);
}
