/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A daemon for tests of its API and of the commands that use it: the real API on a real socket in
 * a folder of its own, served by a thread with the daemon's event loop. Engine, captures and reload
 * are doubles with figures that tests know. To be included once in a test program. long file: a
 * double of all that the API tells of.
 */
#ifndef WEIR_TESTS_DAEMON_DOUBLE_H
#define WEIR_TESTS_DAEMON_DOUBLE_H

#include <errno.h>
#include <ev.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/engine.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/api.h"
#include "tools/weir/api_socket.h"
#include "tools/weir/capture.h"
#include "tools/weir/daemon.h"
#include "tools/weir/losses.h"
#include "tools/weir/metrics.h"
#include "tools/weir/next_hops.h"
#include "tools/weir/privileges.h"
#include "tools/weir/syncer.h"

/* --- doubles ------------------------------------------------------------------------------- */

static struct lb_counters *lb_counters[2];
static struct flow_table flow_table; /* of flow_buckets; nothing in it times out */
static const char *engine_replaced = "it is of another version of Weir";
static struct backend snapshot_backends[4];
static struct service snapshot_services[2];
static struct snapshot snapshot;
static struct engine_ledger ledger;
static int reload_result;
static int port_counters_result;
static struct registry *known_backends; /* of the daemon */

static const struct port fake_port = {
	.name = "nic0",
	.driver = "veth",
	.ifindex = 7,
	.there = true,
	.up = true,
	.mac = {2, 0, 0, 0, 0xab, 0xcd},
	.mtu = 1500,
	.queue_count = 2,
	.queues = {0, 3},
	.wanted = MODE_AUTO,
	.fast_path = true,
};

int engine_open(struct engine **out, const struct config *config,
		const struct instance_names *names, struct err *err)
{
	return -ENOSYS;
}

bool engine_inherited(const struct engine *e, const char **replaced)
{
	*replaced = engine_replaced;
	return !engine_replaced;
}

void engine_close(struct engine *e)
{
}

void engine_leave(struct engine *e)
{
}

int engine_publish(struct engine *e, struct snapshot *s, struct policy_stage *policy,
		   struct err *err)
{
	return -ENOSYS;
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
	return &snapshot;
}

uint32_t engine_port_count(const struct engine *e)
{
	return 1;
}

const struct port *engine_port(const struct engine *e, uint32_t index)
{
	return &fake_port;
}

int engine_port_counters(const struct engine *e, uint32_t index, struct port_counters *out)
{
	*out = (struct port_counters){.rx_packets = 1000,
				      .rx_bytes = 64000,
				      .passed = 100,
				      .steered = 590,
				      .transmitted = 300};
	out->dropped[REASON_TRUNCATED] = 4;
	out->dropped[REASON_MALFORMED_TCP] = 6;
	return port_counters_result;
}

/* Backend 0 has some, and an id that nobody has is a mistake. */
int engine_fast_traffic(const struct engine *e, uint32_t first, uint32_t count,
			struct fast_traffic *out)
{
	for (uint32_t i = 0; i < count; i++) {
		out[i] = (struct fast_traffic){0};
		if (!registry_name(known_backends, first + i))
			out[i] = (struct fast_traffic){.packets = 77, .bytes = 77};
		if (first + i == 0)
			out[i] = (struct fast_traffic){.packets = 1000, .bytes = 64000};
	}
	return 0;
}

uint64_t engine_translated_flows(const struct engine *e)
{
	return 17;
}

const struct lb_counters *engine_worker_counters(const struct engine *e, uint32_t index)
{
	return lb_counters[index];
}

const struct meter_bucket *engine_open_meters(const struct engine *e, uint64_t *mask)
{
	*mask = 0;
	return NULL;
}

void engine_close_meters(const struct meter_bucket *meters, uint64_t mask)
{
}

/* What backends that are gone did: service 0 has had some. */
void engine_retired_traffic(const struct engine *e, uint32_t service, struct fast_traffic *out)
{
	*out = (struct fast_traffic){0};
	if (service == 0)
		*out = (struct fast_traffic){.packets = 500, .bytes = 30000};
}

bool next_hops_read(const struct next_hops *n, uint32_t index, struct next_hop_address *out)
{
	const struct next_hop_address all[] = {
		{.address = {{0, 0, htonl(0xffff), htonl(0x0a00000b)}},
		 .hop = {.known = true, .mac = {2, 0, 0, 0, 0, 0x11}}},
		{.address = {{0, 0, htonl(0xffff), htonl(0x0a00000c)}},
		 .gateway = {{0, 0, htonl(0xffff), htonl(0x0a000001)}},
		 .has_gateway = true,
		 .why = "10.0.0.12 does not answer ARP on nic0"},
	};
	if (index >= sizeof(all) / sizeof(all[0]))
		return false;
	*out = all[index];
	return true;
}

const char *next_hops_why(const struct next_hops *n, uint32_t id, char *text, size_t size)
{
	snprintf(text, size, "no route to backend %u", id);
	return text;
}

int engine_socket_counters(const struct engine *e, uint32_t port, uint32_t queue,
			   struct socket_counters *out)
{
	*out = (struct socket_counters){.rx_no_frame = 1, .rx_full = 10 + queue};
	return 0;
}

uint32_t engine_worker_count(const struct engine *e)
{
	return 2;
}

void engine_worker(const struct engine *e, uint32_t index, struct engine_worker *out)
{
	*out = (struct engine_worker){
		.cpu = 1 + index,
		.memory = MEMORY_SMALL,
		.counters = {.turns = 1000,
			     .busy_turns = 250,
			     .rx_packets = 445,
			     .tx_packets = 400,
			     .tx_failed = 10,
			     .tx_full = 2,
			     .burst_ns = 1000000007,
			     .burst_times = {5, 0, 7, [WORKER_BURST_TIMES - 1] = 1},
			     .ticks = {445 * 30, 445 * 50, 445 * 7, 445 * 20 + 1}},
		.frames = {.frames = 64, .free = 60, .in_fill = 4},
		.lb = lb_counters[index],
		.held = 2,
	};
}

void engine_drops(const struct engine *e, struct engine_drops *out)
{
	memset(out, 0, sizeof(*out));
	out->xdp[REASON_TRUNCATED] = 4;
	out->kernel[REASON_RX_FULL] = 5;
	out->kernel[REASON_DAEMON_LOST] = 3;
	out->worker[REASON_NO_BACKEND] = 1234;
}

void engine_ledger(const struct engine *e, struct engine_ledger *out)
{
	*out = ledger;
}

void engine_flows(const struct engine *e, uint64_t entries[FLOW_STATES])
{
	for (int i = 0; i < FLOW_STATES; i++)
		entries[i] = 10 + i;
}

int engine_rule_traffic(const struct engine *e, uint32_t rule, struct rule_traffic *out)
{
	*out = (struct rule_traffic){.packets = 5, .bytes = 300, .refused = 5, .last_ns = 1};
	return 0;
}

void engine_reset_rule(struct engine *e, uint32_t rule)
{
}

const struct flow_table *engine_flow_table(const struct engine *e)
{
	return &flow_table;
}

void engine_tick(struct engine *e, uint64_t now_ns)
{
}

static const char *reload_changes =
	"{\"total\": 1, \"list\": [{\"change\": \"changed\", \"path\": \"services[web].ports\","
	" \"before\": \"80\", \"after\": \"81\", \"restart\": false}]}";

/* Until it is over, with reload_waits: the test says when, by setting that to false. */
static bool reload_waits, reload_begun;
static ev_timer reload_look;
static daemon_reloaded_fn *reload_done;
static void *reload_context;

static void end_reload(struct daemon *d)
{
	struct err err = {0};
	json_t *changes = NULL;
	if (reload_result) {
		err_set(&err, -reload_result, "weir.yaml:3: services: \"odd\"");
		err_place(&err, "services", 3);
	} else {
		d->generation++;
		changes = json_loads(reload_changes, 0, NULL);
	}
	reload_done(reload_context, reload_result, changes, &err);
	json_decref(changes);
}

static void look_at_reload(struct ev_loop *loop, ev_timer *timer, int events)
{
	if (__atomic_load_n(&reload_waits, __ATOMIC_ACQUIRE))
		return;
	ev_timer_stop(loop, timer);
	end_reload(timer->data);
}

void daemon_reload(struct daemon *d, daemon_reloaded_fn *done, void *context)
{
	reload_done = done;
	reload_context = context;
	if (!__atomic_load_n(&reload_waits, __ATOMIC_ACQUIRE)) {
		end_reload(d);
		return;
	}
	ev_timer_init(&reload_look, look_at_reload, 0.01, 0.01);
	reload_look.data = d;
	ev_timer_start(d->loop, &reload_look);
	__atomic_store_n(&reload_begun, true, __ATOMIC_RELEASE);
}

static int publish_result;
static unsigned int publishes;

/* Enough of it: the state that was forced on a backend is in force. */
int daemon_publish(struct daemon *daemon, struct err *err)
{
	static const uint8_t states[] = {STATE_UP, STATE_UP, STATE_DRAIN, STATE_DOWN, STATE_UP};
	if (publish_result)
		return err_set(err, -publish_result, "not enough memory");
	for (uint32_t id = 0; id < snapshot.backend_end; id++) {
		const struct backend_control *c = &daemon->controls[id];
		if (c->force)
			snapshot_backends[id].state = states[c->force];
		if (c->has_weight)
			snapshot_backends[id].weight = c->weight;
	}
	publishes++;
	return 0;
}

/* One of two nodes, of which the other has another configuration. */
void syncer_status(struct syncer *s, struct syncer_status *out)
{
	*out = (struct syncer_status){
		.joined = true,
		.joins = 1,
		.count = 2,
		.nodes = {{.member = {1, 100}, .name = "lb1", .self = true},
			  {.member = {2, 200}, .name = "lb2", .differs = true}},
		.counters = {.told = 1000, .ends = 900, .heard = 1200, .learned = 500},
		.lost = 3,
	};
}

uint32_t captures_count(const struct captures *c)
{
	return 3;
}

/* --- a stream that has a pause in it, as captures do --------------------------------------- */

struct stream {
	struct MHD_Connection *connection;
	struct ev_loop *loop;
	struct ev_timer timer;
	bool resumed;
};

static struct ev_loop *stream_loop;
static struct stream *paused;
static double pause_s = 0.05;
static size_t stream_rest; /* bytes behind "second" */

static void stream_resume(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct stream *s = timer->data;
	s->resumed = true;
	__atomic_store_n(&paused, NULL, __ATOMIC_RELEASE);
	MHD_resume_connection(s->connection);
}

static ssize_t stream_read(void *context, uint64_t position, char *out, size_t max)
{
	struct stream *s = context;
	if (position == 0) {
		memcpy(out, "first ", 6);
		return 6;
	}
	if (!s->resumed) {
		ev_timer_init(&s->timer, stream_resume, pause_s, 0);
		s->timer.data = s;
		ev_timer_start(s->loop, &s->timer);
		__atomic_store_n(&paused, s, __ATOMIC_RELEASE);
		MHD_suspend_connection(s->connection);
		return 0;
	}
	if (position == 6) {
		memcpy(out, "second", 6);
		return 6;
	}
	if (position < 12 + stream_rest) {
		size_t rest = 12 + stream_rest - position;
		memset(out, '.', rest < max ? rest : max);
		return rest < max ? rest : max;
	}
	return MHD_CONTENT_READER_END_OF_STREAM;
}

enum MHD_Result capture_request(struct captures *c, struct MHD_Connection *connection)
{
	struct stream *s = calloc(1, sizeof(*s));
	s->connection = connection;
	s->loop = stream_loop;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, s, free);
	enum MHD_Result result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

/* --- flows --------------------------------------------------------------------------------- */

/* A table of so many buckets, a power of two, without flows. 0: none. */
static void flow_table_empty(uint32_t buckets)
{
	free(flow_table.buckets);
	free(flow_table.keys);
	free(flow_table.translations);
	flow_table = (struct flow_table){0};
	if (!buckets)
		return;
	flow_table.buckets = calloc(buckets, sizeof(*flow_table.buckets));
	flow_table.keys = calloc(buckets, sizeof(*flow_table.keys));
	flow_table.mask = buckets - 1;
	memset(flow_table.timeout_ticks, 0xff, sizeof(flow_table.timeout_ticks));
}

/* Flow `number` of a bucket, last seen so many seconds ago. */
static inline void flow_table_add(uint32_t bucket, uint16_t number, const char *client,
				  const char *vip, uint16_t vip_port, enum flow_state state,
				  uint32_t backend, uint32_t idle_s)
{
	struct timespec now;
	struct flow_key key = {.source_port = htons(1000 + number),
			       .destination_port = htons(vip_port),
			       .protocol = state == FLOW_UDP ? IPPROTO_UDP : IPPROTO_TCP};
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	assert_int_equal(addr_parse(client, &key.source), 0);
	assert_int_equal(addr_parse(vip, &key.destination), 0);
	/* Whole ticks, rounded up: half a second later it is the same number of seconds. */
	uint64_t idle_ns =
		(idle_s * 1000000000ull + FLOW_TICK_NS - 1) / FLOW_TICK_NS * FLOW_TICK_NS;
	assert_int_equal(flow_table_insert(&flow_table, (number + 1ull) << 48 | bucket, backend,
					   state, now_ns - idle_ns, &key),
			 FLOW_INSERTED);
}

/* The same by nat, from a SNAT port of that number on to 10.0.0.11:8443; both of its flows. */
static inline void flow_table_add_nat(uint32_t bucket, uint16_t number, const char *client,
				      const char *vip, uint16_t vip_port, uint32_t backend)
{
	struct timespec now;
	struct translation to = {.source_port = htons(number), .destination_port = htons(8443)};
	struct flow_key key = {.source_port = htons(1000 + number),
			       .destination_port = htons(vip_port),
			       .protocol = IPPROTO_TCP};
	uint64_t hash = (number + 1ull) << 48 | bucket, answers = (number + 1ull) << 40 | bucket;
	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t now_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	assert_int_equal(addr_parse(client, &key.source), 0);
	assert_int_equal(addr_parse(vip, &key.destination), 0);
	assert_int_equal(addr_parse("10.0.0.200", &to.source), 0);
	assert_int_equal(addr_parse("10.0.0.11", &to.destination), 0);
	if (!flow_table.translations)
		flow_table.translations =
			calloc(flow_table.mask + 1, sizeof(*flow_table.translations));
	struct translation back = {.source = key.destination,
				   .source_port = key.destination_port,
				   .destination = key.source,
				   .destination_port = key.source_port};
	struct flow_key answer = {.source = to.destination,
				  .destination = to.source,
				  .source_port = to.destination_port,
				  .destination_port = to.source_port,
				  .protocol = IPPROTO_TCP};
	assert_int_equal(flow_table_claim(&flow_table, answers, backend, FLOW_ESTABLISHED, now_ns,
					  &answer, &back),
			 FLOW_INSERTED);
	assert_int_equal(flow_table_insert_translated(&flow_table, hash, backend, FLOW_ESTABLISHED,
						      now_ns, &key, &to),
			 FLOW_INSERTED);
}

/* --- the daemon ---------------------------------------------------------------------------- */

static struct config_backend web_backends[] = {
	{.name = "b1", .weight = 100, .state = STATE_UP},
	{.name = "b2", .weight = 50, .state = STATE_DRAIN},
	{.name = "b3", .weight = 50, .state = STATE_UP},
};
static struct config_backend dns_backends[] = {{.name = "b1", .weight = 1}};
static struct config_port_range web_ports[] = {{80, 80}, {443, 443}, {8000, 8099}};
static struct config_port_range any_port[] = {{0, 0}};
static struct config_service services[] = {
	{
		.name = "web",
		.protocol = IPPROTO_TCP,
		.port_range_count = 3,
		.port_ranges = web_ports,
		.announce = ANNOUNCE_NEIGHBOR,
		.backend_count = 3,
		.backends = web_backends,
	},
	{
		.name = "dns",
		.protocol = IPPROTO_UDP,
		.port_range_count = 1,
		.port_ranges = any_port,
		.affinity = AFFINITY_SOURCE,
		.backend_count = 1,
		.backends = dns_backends,
	},
};
static char socket_path[100];
static struct config config = {
	.instance = "test",
	.flow_entries = 4096,
	.interface_count = 1,
	.service_count = 2,
	.services = services,
	.sync = {.group = "weir"},
	.api = {.socket = socket_path, .mode = 0660},
};
static char directory[] = "/tmp/weir-test-api-XXXXXX";

static struct backend_control controls[8];
static struct daemon d = {.syncer = (struct syncer *)&d, /* it is looked at by doubles alone */
			  .config_path = "weir.yaml",
			  .config = &config,
			  .generation = 4,
			  .controls = controls};
static struct ev_async stop;
static pthread_t thread;

static void on_stop(struct ev_loop *loop, struct ev_async *w, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

static void *serve(void *unused)
{
	ev_run(d.loop, 0);
	return NULL;
}

static void make_state(void)
{
	addr_parse("203.0.113.10", &services[0].address);
	addr_parse("2001:db8::53", &services[1].address);
	addr_parse("10.0.0.11", &web_backends[0].address);
	d.services = registry_new(8);
	d.rules = registry_new(8);
	d.backends = known_backends = registry_new(8);
	assert_int_equal(registry_assign(d.services, "web"), 0);
	assert_int_equal(registry_assign(d.services, "dns"), 1);
	assert_int_equal(registry_assign(d.backends, "web/b1"), 0);
	assert_int_equal(registry_assign(d.backends, "web/b2"), 1);
	assert_int_equal(registry_assign(d.backends, "web/b3"), 2);
	for (int w = 0; w < 2; w++) {
		lb_counters[w] = lb_counters_new();
		assert_non_null(lb_counters[w]);
		lb_counters[w]->flow_inserts = 20;
		lb_counters[w]->flow_guarded = 30 + w;
		lb_counters[w]->unfinished[0] = 8 + w;
		lb_counters[w]->fragments =
			(struct lb_fragments){.first = 100 + w, .followed = 600, .waited = 7};
	}
	lb_counters[0]->services[0] = (struct lb_traffic){100, 6400, 30};
	lb_counters[1]->services[0] = (struct lb_traffic){11, 700, 10};
	lb_counters[0]->backends[0] = (struct lb_traffic){90, 6000, 25};
	lb_counters[1]->backends[0] = (struct lb_traffic){9, 600, 5};
	lb_counters[1]->dropped[REASON_NO_BACKEND] = 40;
	snapshot = (struct snapshot){.service_end = 2,
				     .backend_end = 2,
				     .services = snapshot_services,
				     .backends = snapshot_backends};
	static uint32_t members[] = {0, 1, 2};
	snapshot_services[0] = (struct service){
		.present = 1, .up_count = 1, .member_count = 3, .members = members};
	snapshot_backends[0] = (struct backend){.present = 1,
						.reachable = 1,
						.weight = 100,
						.way.link = {.destination = {2, 0, 0, 0, 0, 0x11}}};
	snapshot_backends[1] = (struct backend){.present = 1, .state = STATE_DRAIN, .weight = 50};
}

/* By who runs the test. */
static inline int open_api(struct api **out, struct daemon *daemon, struct err *err)
{
	const struct privileges self = {.uid = geteuid(), .gid = getegid()};
	int r = api_sockets_bind(&daemon->sockets, &daemon->config->api, &self, false, err);
	r = r ? r : api_open(out, daemon, err);
	if (r)
		api_sockets_close(&daemon->sockets);
	return r;
}

static inline void close_api_of(struct daemon *daemon, struct api *a)
{
	api_close(a);
	api_sockets_close(&daemon->sockets);
}

static int start(void **state)
{
	struct err err;
	assert_non_null(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/run/weir.sock", directory);
	make_state();
	flow_table_empty(4);
	d.loop = ev_loop_new(EVFLAG_AUTO);
	stream_loop = d.loop;
	ev_async_init(&stop, on_stop);
	ev_async_start(d.loop, &stop);
	d.losses = losses_new(&d);
	if (open_api(&d.api, &d, &err))
		fail_msg("%s", err.text);
	return pthread_create(&thread, NULL, serve, NULL);
}

static void stop_loop(void)
{
	ev_async_send(d.loop, &stop);
	pthread_join(thread, NULL);
}

/* As the daemon does when it stops: streams first. */
static void close_api(void)
{
	if (paused) {
		ev_timer_stop(d.loop, &paused->timer);
		paused->resumed = true;
		MHD_resume_connection(paused->connection);
	}
	close_api_of(&d, d.api);
	d.api = NULL;
}

static void stop_daemon(void)
{
	if (!d.api)
		return;
	stop_loop();
	close_api();
}

static int finish(void **state)
{
	stop_daemon();
	metrics_free(d.scraped);
	losses_free(d.losses);
	ev_loop_destroy(d.loop);
	registry_free(d.services);
	registry_free(d.rules);
	registry_free(d.backends);
	for (int w = 0; w < 2; w++)
		free(lb_counters[w]);
	flow_table_empty(0);
	return rmdir(directory);
}

#endif
