// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads only. Names and settings come from the configuration in force, decisions from the snapshot
 * in force, figures from the workers' counters, each of which has one writer and is read on its
 * own with a relaxed load.
 */
#include "tools/weir/state.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/engine.h"
#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_health.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/checker.h"
#include "tools/weir/daemon.h"
#include "tools/weir/daemon_routes.h"
#include "tools/weir/feed.h"
#include "tools/weir/next_hops.h"
#include "tools/weir/override.h"
#include "tools/weir/service_settings.h"
#include "tools/weir/traffic.h"

#define MAC_TEXT 18
#define WHY_TEXT 256
#define KEY_TEXT 512 /* "service/backend" */

static uint64_t relaxed(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint64_t dropped_by(const struct lb_counters *lb)
{
	uint64_t sum = 0;
	for (int r = 0; r < REASON_COUNT; r++)
		sum += relaxed(&lb->dropped[r]);
	return sum;
}

/* json_pack() takes its integers through an ellipsis: they must have exactly its type. */
static json_int_t figure(uint64_t value)
{
	return (json_int_t)value;
}

static const char *mac_format(const uint8_t mac[ETH_ALEN], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

static const char *mode_word(enum config_mode mode)
{
	static const char *const words[] = {
		[MODE_AUTO] = "auto",
		[MODE_ZEROCOPY] = "zerocopy",
		[MODE_COPY] = "copy",
		[MODE_GENERIC] = "generic",
	};
	return words[mode];
}

/* --- services and backends ----------------------------------------------------------------- */

/* The service as the snapshot has it, or NULL when it is not in force (yet). */
static const struct service *service_in_force(const struct daemon *d, int64_t id)
{
	const struct snapshot *s = engine_snapshot(d->engine);
	if (!s || id < 0 || id >= s->service_end || !s->services[id].present)
		return NULL;
	return &s->services[id];
}

static const struct backend *backend_in_force(const struct daemon *d, int64_t id)
{
	const struct snapshot *s = engine_snapshot(d->engine);
	if (!s || id < 0 || id >= s->backend_end || !s->backends[id].present)
		return NULL;
	return &s->backends[id];
}

static json_t *service_json(const struct daemon *d, struct traffic_book *book,
			    const struct config_service *s)
{
	int64_t id = registry_find(d->services, s->name);
	const struct service *now = service_in_force(d, id);
	struct traffic traffic = traffic_of_service(book, id);
	json_t *settings = service_settings(s);
	json_t *all =
		json_pack("{s:o, s:I, s:{s:i, s:i}, s:I, s:I, s:I, s:I}", "route",
			  daemon_route_json(d, s), "id", (json_int_t)id, "backends", "up",
			  now ? (int)now->up_count : 0, "total", (int)s->backend_count, "packets",
			  figure(traffic.packets), "fast_packets", figure(traffic.fast_packets),
			  "bytes", figure(traffic.bytes), "flows", figure(traffic.flows));
	if (json_object_update(settings, all)) {
		json_decref(settings);
		settings = NULL;
	}
	json_decref(all);
	return settings;
}

json_t *state_service(const struct daemon *d, struct feed_place *at)
{
	if (at->outer >= d->config->service_count)
		return NULL;
	return service_json(d, at->book, &d->config->services[at->outer++]);
}

/* Null where the way to the backend is not known. */
static json_t *interface_of(const struct daemon *d, const struct backend *b)
{
	if (!b || !b->reachable || b->way.egress >= engine_port_count(d->engine))
		return json_null();
	return json_string(engine_port(d->engine, b->way.egress)->name);
}

static json_t *mac_of(const struct backend *b)
{
	char text[MAC_TEXT];
	if (!b || !b->reachable)
		return json_null();
	return json_string(mac_format(b->way.link.destination, text));
}

/* In words, or null where it can be reached. */
static json_t *unreachable_reason(const struct daemon *d, const struct backend *b, int64_t id)
{
	char why[WHY_TEXT];
	if (!b)
		return json_string("not in force yet");
	if (b->reachable)
		return json_null();
	return json_string(next_hops_why(d->next_hops, id, why, sizeof(why)));
}

/* What its checks say; null where it has none. */
static json_t *health_json(const struct daemon *d, const struct config_service *s, int64_t id)
{
	static const char *const words[] = {
		[HEALTH_UNKNOWN] = "unknown", [HEALTH_UP] = "up", [HEALTH_DOWN] = "down"};
	struct checker_view v;
	if (id < 0 || !checker_look(d->checker, id, &v))
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "type", config_probe_word(&s->health),
			 "state", words[v.state], "last", v.words, "since_s", v.since_s, "age_s",
			 v.age_s, "took_s", v.took_s);
}

/* Why a backend is not what the configuration would have it: unreachable, set, or its checks. */
static json_t *fault_of(const struct daemon *d, const struct backend *b, int64_t id)
{
	struct checker_view v;
	if (b && id >= 0 && d->controls[id].failed && checker_look(d->checker, id, &v))
		return json_string(v.words);
	return unreachable_reason(d, b, id);
}

static json_t *backend_json(const struct daemon *d, struct traffic_book *book,
			    const struct config_service *s, const struct config_backend *b,
			    uint64_t service_flows)
{
	char key[KEY_TEXT], address[ADDR_TEXT];
	snapshot_backend_key(s, b, key, sizeof(key));
	int64_t id = registry_find(d->backends, key);
	const struct backend *now = backend_in_force(d, id);
	struct traffic traffic = traffic_of_backend(book, id);
	double share = service_flows ? (double)traffic.flows / service_flows : 0;
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:I, s:s, s:o, s:o, s:b, s:o, s:o, s:s?, s:I, s:I, s:I, s:I, "
		"s:f}",
		"service", s->name, "name", b->name, "id", (json_int_t)id, "address",
		addr_format(&b->address, address), "weight", figure(now ? now->weight : b->weight),
		"state", config_state_word(now ? now->state : b->state), "interface",
		interface_of(d, now), "mac", mac_of(now), "reachable", now && now->reachable,
		"reason", fault_of(d, now, id), "health", health_json(d, s, id), "set",
		id >= 0 ? override_state_word(&d->controls[id]) : NULL, "packets",
		figure(traffic.packets), "fast_packets", figure(traffic.fast_packets), "bytes",
		figure(traffic.bytes), "flows", figure(traffic.flows), "share",
		share > 1 ? 1 : share);
}

json_t *state_backend(const struct daemon *d, struct feed_place *at)
{
	for (; at->outer < d->config->service_count; at->outer++, at->inner = 0) {
		const struct config_service *s = &d->config->services[at->outer];
		if (at->inner >= s->backend_count || (*at->service && strcmp(at->service, s->name)))
			continue;
		if (!at->inner)
			at->flows =
				traffic_of_service(at->book, registry_find(d->services, s->name))
					.flows;
		return backend_json(d, at->book, s, &s->backends[at->inner++], at->flows);
	}
	return NULL;
}

/* --- next hops ----------------------------------------------------------------------------- */

json_t *state_next_hop(const struct daemon *d, struct feed_place *at)
{
	struct next_hop_address n;
	char address[ADDR_TEXT], gateway[ADDR_TEXT], mac[MAC_TEXT];
	if (!next_hops_read(d->next_hops, at->outer, &n))
		return NULL;
	at->outer++;
	addr_format(&n.address, address);
	addr_format(&n.gateway, gateway);
	mac_format(n.hop.mac, mac);
	bool port = n.hop.known && n.hop.egress < engine_port_count(d->engine);
	return json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:s?}", "address", address, "reachable",
			 n.hop.known, "interface",
			 port ? engine_port(d->engine, n.hop.egress)->name : NULL, "mac",
			 n.hop.known ? mac : NULL, "gateway", n.has_gateway ? gateway : NULL,
			 "reason", n.hop.known ? NULL : n.why);
}

/* --- workers ------------------------------------------------------------------------------- */

static json_t *frames_json(const struct worker_frames *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "total", figure(f->frames), "free",
			 figure(f->free), "in_fill", figure(f->in_fill), "in_transmit",
			 figure(f->in_transmit), "elsewhere", figure(f->elsewhere));
}

/* What a packet costs, by stage and in all; null while there was none. */
static json_t *cycles_json(const struct worker_counters *c)
{
	static const char *const words[WORKER_STAGES] = {
		[WORKER_RINGS] = "rings",
		[WORKER_DECIDE] = "decide",
		[WORKER_PLACE] = "place",
		[WORKER_SEND] = "send",
	};
	uint64_t all = 0;
	json_t *cycles = c->rx_packets ? json_object() : json_null();
	for (int i = 0; c->rx_packets && i < WORKER_STAGES; i++) {
		json_object_set_new(cycles, words[i],
				    json_integer(figure(c->ticks[i] / c->rx_packets)));
		all += c->ticks[i];
	}
	if (c->rx_packets)
		json_object_set_new(cycles, "all", json_integer(figure(all / c->rx_packets)));
	return cycles;
}

static json_t *worker_json(const struct daemon *d, uint32_t index)
{
	struct engine_worker w;
	engine_worker(d->engine, index, &w);
	const struct worker_counters *c = &w.counters;
	uint64_t dropped = dropped_by(w.lb) + c->tx_full + c->tx_failed + c->not_served;
	double busy = c->turns ? (double)c->busy_turns / c->turns : 0;
	return json_pack(
		"{s:I, s:i, s:i, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:o, s:o}",
		"worker", figure(index), "cpu", w.cpu, "tid", w.tid, "memory",
		memory_kind_name(w.memory), "node", w.node, "rx_packets", figure(c->rx_packets),
		"tx_packets", figure(c->tx_packets), "forwarded", figure(relaxed(&w.lb->forwarded)),
		"too_big_replies", figure(relaxed(&w.lb->too_big_replies)), "dropped",
		figure(dropped), "busy", busy, "turns", figure(c->turns), "wakeups",
		figure(c->tx_wakeups), "sleeps", figure(c->sleeps), "tx_full", figure(c->tx_full),
		"tx_failed", figure(c->tx_failed), "not_served", figure(c->not_served), "tap_lost",
		figure(w.tap_lost), "frames", frames_json(&w.frames), "cycles", cycles_json(c));
}

json_t *state_worker(const struct daemon *d, struct feed_place *at)
{
	return at->outer < engine_worker_count(d->engine) ? worker_json(d, at->outer++) : NULL;
}

/* --- interfaces ---------------------------------------------------------------------------- */

/* Null when the kernel does not tell. */
static json_t *port_counters_json(const struct engine *e, uint32_t index)
{
	struct port_counters c;
	uint64_t dropped = 0;
	if (engine_port_counters(e, index, &c))
		return json_null();
	for (int r = 0; r < REASON_COUNT; r++)
		dropped += c.dropped[r];
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "rx_packets", figure(c.rx_packets),
			 "rx_bytes", figure(c.rx_bytes), "passed", figure(c.passed), "steered",
			 figure(c.steered), "transmitted", figure(c.transmitted), "dropped",
			 figure(dropped));
}

/* Of all its queues together. */
static json_t *port_sockets_json(const struct engine *e, uint32_t index)
{
	struct socket_counters sum = {0}, c;
	for (uint32_t q = 0; q < engine_port(e, index)->queue_count; q++) {
		if (engine_socket_counters(e, index, q, &c))
			return json_null();
		sum.rx_no_frame += c.rx_no_frame;
		sum.rx_full += c.rx_full;
		sum.fill_empty += c.fill_empty;
		sum.tx_invalid += c.tx_invalid;
	}
	return json_pack("{s:I, s:I, s:I, s:I}", "rx_full", figure(sum.rx_full), "rx_no_frame",
			 figure(sum.rx_no_frame), "fill_empty", figure(sum.fill_empty),
			 "tx_invalid", figure(sum.tx_invalid));
}

/* Packets that came in by it with checksums that no device has finished, see lb/process.h. */
static uint64_t unfinished(const struct engine *e, uint32_t port)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < engine_worker_count(e); i++) {
		struct engine_worker w;
		engine_worker(e, i, &w);
		sum += relaxed(&w.lb->unfinished[port]);
	}
	return sum;
}

static const char *state_of(const struct port *p)
{
	return !p->there ? "gone" : p->up ? "up" : "down";
}

static json_t *interface_json(const struct engine *e, uint32_t index)
{
	const struct port *p = engine_port(e, index);
	char mac[MAC_TEXT];
	return json_pack("{s:s, s:s, s:I, s:I, s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, "
			 "s:s, s:o, s:o, s:I}",
			 "name", p->name, "state", state_of(p), "losses", figure(p->losses),
			 "rebuilds", figure(p->rebuilds), "index", p->ifindex, "driver", p->driver,
			 "mac", mac_format(p->mac, mac), "mtu", figure(p->mtu), "queues",
			 figure(p->queue_count), "mode", port_mode_name(p), "wanted",
			 mode_word(p->wanted), "xdp", p->generic ? "generic" : "native", "attach",
			 p->attach == ATTACH_DISPATCHER ? "dispatcher" : "link", "fast_path",
			 p->fast_path ? "on" : "off", "busy_poll", p->busy_poll ? "on" : "off",
			 "counters", port_counters_json(e, index), "sockets",
			 port_sockets_json(e, index), "unfinished_checksums",
			 figure(unfinished(e, index)));
}

json_t *state_interface(const struct daemon *d, struct feed_place *at)
{
	uint32_t count = engine_port_count(d->engine);
	while (at->outer < count && engine_port(d->engine, at->outer)->removed)
		at->outer++;
	return at->outer < count ? interface_json(d->engine, at->outer++) : NULL;
}
