// SPDX-License-Identifier: BSD-2-Clause
/*
 * Captures over HTTP, in one thread: a real HTTP daemon in a libev loop, clients on socket pairs,
 * and a fake engine whose taps the tests fill. Streams are taken apart by the pcapng splitter,
 * which test_pcapng.c holds against tshark.
 *
 * long file: half of it is the engine, the daemon and the clients that stand around a capture.
 */
#include "tools/weir/capture.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/engine.h"
#include "datapath/taps.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "tools/weir/daemon.h"
#include "tools/weir/pcapng.h"

#define TURNS_MAX 2000 /* of the loop, until a state must have come about: seconds */
#define PORTS     2
#define FRAME_MAX 2048

/* --- the fake engine ------------------------------------------------------------------------ */

struct fake_record {
	struct tap_record head;
	uint8_t bytes[FRAME_MAX];
};

struct engine {
	struct port ports[PORTS];
	struct port_counters counters[PORTS];
	struct capture_slot slots[CAPTURES_MAX];
	uint32_t armed; /* slots in use */
	uint64_t lost;  /* records that found a ring full */
	struct filter_machine machine;
	struct fake_record *records; /* what the taps hold */
	uint32_t count, capacity;
};

static struct engine fake_engine;

static struct config_interface interfaces[PORTS] = {{.name = "port0"}, {.name = "port1"}};
static struct config daemon_config = {
	.interface_count = PORTS, .interfaces = interfaces, .captures = true};

int taps_set(struct engine *e, uint32_t slot, const struct capture_slot *want, struct err *err)
{
	e->slots[slot] = *want;
	e->armed |= 1u << slot;
	return 0;
}

void taps_clear(struct engine *e, uint32_t slot)
{
	e->armed &= ~(1u << slot);
}

void taps_close(struct engine *e)
{
	assert_int_equal(e->armed, 0);
}

void taps_credit(struct engine *e, uint32_t slot, int64_t packets, int64_t most)
{
	e->slots[slot].credit += packets;
	if (e->slots[slot].credit > most)
		e->slots[slot].credit = most;
}

void taps_tally(const struct engine *e, uint32_t slot, uint32_t port, struct capture_tally *out)
{
	*out = (struct capture_tally){.lost_full = port ? 0 : e->lost};
}

/* A packet as filters read it. */
static int filter_load(void *source, __u32 offset, void *to, __u32 size)
{
	const struct fake_record *r = source;
	memcpy(to, r->bytes + offset, size);
	return 0;
}

#include "bpf/filter.h"

static bool slot_wants(struct engine *e, uint32_t i, struct fake_record *r)
{
	const struct capture_slot *slot = &e->slots[i];
	const struct tap_event event = {.point = r->head.point,
					.reason = r->head.reason,
					.service = r->head.service,
					.rule = r->head.rule,
					.port = r->head.port};
	if (!(e->armed >> i & 1) || !capture_names(slot, &event))
		return false;
	filter_begin(&e->machine, r->head.length);
	while (slot->filter_length && !filter_step(&e->machine, &slot->filter[e->machine.pc], r))
		;
	return !slot->filter_length || e->machine.result;
}

void taps_drain(struct engine *e, tap_fn *fn, void *context, uint64_t until_ns)
{
	for (uint32_t i = 0; i < e->count; i++) {
		struct fake_record *r = &e->records[i];
		for (uint32_t slot = 0; slot < CAPTURES_MAX; slot++)
			if (slot_wants(e, slot, r))
				r->head.captures |= 1u << slot;
		if (r->head.captures)
			fn(context, &r->head, r->bytes);
	}
	e->count = 0;
}

uint32_t engine_port_count(const struct engine *e)
{
	return PORTS;
}

const struct port *engine_port(const struct engine *e, uint32_t index)
{
	return &e->ports[index];
}

int engine_port_counters(const struct engine *e, uint32_t index, struct port_counters *out)
{
	*out = e->counters[index];
	return 0;
}

/* The rest is here to keep the real engine out of this program. */
int engine_open(struct engine **out, const struct config *config,
		const struct instance_names *names, struct err *err)
{
	return -ENOSYS;
}

bool engine_inherited(const struct engine *e, const char **replaced)
{
	return false;
}

void engine_leave(struct engine *e)
{
}

int engine_fast_traffic(const struct engine *e, uint32_t first, uint32_t count,
			struct fast_traffic *out)
{
	return -ENOSYS;
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
	return NULL;
}

void engine_close(struct engine *e)
{
}

int engine_publish(struct engine *e, struct snapshot *s, struct err *err)
{
	return -ENOSYS;
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
	return NULL;
}

int engine_socket_counters(const struct engine *e, uint32_t port, uint32_t queue,
			   struct socket_counters *out)
{
	return -ENOSYS;
}

uint32_t engine_worker_count(const struct engine *e)
{
	return 0;
}

void engine_worker(const struct engine *e, uint32_t index, struct engine_worker *out)
{
}

void engine_drops(const struct engine *e, struct engine_drops *out)
{
}

void engine_ledger(const struct engine *e, struct engine_ledger *out)
{
}

void engine_flows(const struct engine *e, uint64_t entries[FLOW_STATES])
{
}

void engine_tick(struct engine *e, uint64_t now_ns)
{
}

/* --- the bed -------------------------------------------------------------------------------- */

struct bed {
	struct daemon daemon;
	struct MHD_Daemon *http;
	ev_prepare prepare;
};

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *body,
				  size_t *body_size, void **seen)
{
	struct bed *bed = context;
	if (*seen)
		return capture_request(bed->daemon.captures, connection);
	*seen = bed;
	return MHD_YES;
}

/* As the daemon does it: whatever woke the loop, HTTP has its turn before it sleeps. */
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct bed *bed = w->data;
	MHD_run(bed->http);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void start_engine(struct engine *e)
{
	free(e->records);
	memset(e, 0, sizeof(*e));
	for (int i = 0; i < PORTS; i++) {
		snprintf(e->ports[i].name, sizeof(e->ports[i].name), "port%d", i);
		strcpy(e->ports[i].driver, "veth");
		e->ports[i].mac[5] = (uint8_t)i;
	}
}

static void start_http(struct bed *bed)
{
	bed->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_request, bed, MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
	assert_non_null(bed->http);
	ev_prepare_init(&bed->prepare, on_prepare);
	bed->prepare.data = bed;
	ev_prepare_start(bed->daemon.loop, &bed->prepare);
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	start_engine(&fake_engine);
	bed->daemon.engine = &fake_engine;
	bed->daemon.loop = ev_loop_new(EVFLAG_AUTO);
	bed->daemon.services = registry_new(16);
	bed->daemon.backends = registry_new(16);
	bed->daemon.rules = registry_new(16);
	bed->daemon.config = &daemon_config;
	bed->daemon.captures = captures_new(&bed->daemon);
	start_http(bed);
	*state = bed;
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	captures_free(bed->daemon.captures);
	MHD_stop_daemon(bed->http);
	ev_loop_destroy(bed->daemon.loop);
	registry_free(bed->daemon.services);
	registry_free(bed->daemon.backends);
	registry_free(bed->daemon.rules);
	free(bed);
	start_engine(&fake_engine);
	return 0;
}

/* --- clients -------------------------------------------------------------------------------- */

struct client {
	int fd;
	bool closed;  /* by the daemon */
	uint8_t *raw; /* all that came */
	size_t length;
};

static void client_open(struct bed *bed, struct client *c, const char *query)
{
	char request[1024];
	int fds[2], n;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(
		MHD_add_connection(bed->http, fds[1], (struct sockaddr *)&address, sizeof(address)),
		MHD_YES);
	*c = (struct client){.fd = fds[0]};
	n = snprintf(request, sizeof(request),
		     "GET /v1/capture%s HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n",
		     query);
	assert_int_equal(write(c->fd, request, n), n);
}

static void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->raw);
	*c = (struct client){.fd = -1};
}

static void client_read(struct client *c)
{
	static uint8_t space[1u << 20];
	ssize_t n;
	while ((n = read(c->fd, space, sizeof(space))) > 0) {
		c->raw = realloc(c->raw, c->length + n + 1);
		memcpy(c->raw + c->length, space, n);
		c->length += n;
		c->raw[c->length] = '\0';
	}
	c->closed |= n == 0;
}

static void turn(struct bed *bed)
{
	usleep(1000);
	ev_run(bed->daemon.loop, EVRUN_NOWAIT);
}

/* The body as far as it has come, without the chunks' heads (RFC 9112, 7.1). */
static size_t client_body(const struct client *c, uint8_t *out)
{
	size_t length = 0;
	const char *at = c->raw ? strstr((const char *)c->raw, "\r\n\r\n") : NULL;
	const char *end = (const char *)c->raw + c->length;
	for (at = at ? at + 4 : end; at < end;) {
		char *data;
		size_t chunk = strtoul(at, &data, 16);
		data += 2;
		if (!chunk || data >= end)
			break;
		if (chunk > (size_t)(end - data))
			chunk = end - data;
		memcpy(out + length, data, chunk);
		length += chunk;
		at = data + chunk + 2;
	}
	return length;
}

/* What a stream has brought. */
struct seen {
	uint32_t interfaces, packets, statistics;
	uint64_t reported; /* sum of the packets' drop counts */
	struct pcapng_packet last;
	char comment[256]; /* of the last packet */
	struct pcapng_statistics stat[PORTS];
};

static int see_block(void *context, const struct pcapng_block *b)
{
	struct seen *s = context;
	struct pcapng_statistics stat;
	switch (b->type) {
	case PCAPNG_INTERFACE:
		s->interfaces++;
		return 0;
	case PCAPNG_PACKET:
		assert_int_equal(pcapng_read_packet(b, &s->last), 0);
		snprintf(s->comment, sizeof(s->comment), "%.*s", (int)s->last.comment_length,
			 s->last.comment);
		s->packets++;
		s->reported += s->last.dropped;
		return 0;
	case PCAPNG_STATISTICS:
		assert_int_equal(pcapng_read_statistics(b, &stat), 0);
		s->stat[stat.interface] = stat;
		s->statistics++;
		return 0;
	default:
		return 0;
	}
}

static struct seen client_see(struct client *c)
{
	struct seen s = {0};
	struct pcapng_splitter splitter = {0};
	struct err err;
	uint8_t *body = malloc(c->length + 1);
	size_t length = client_body(c, body);
	assert_int_equal(pcapng_splitter_feed(&splitter, body, length, see_block, &s, &err), 0);
	pcapng_splitter_fini(&splitter);
	free(body);
	return s;
}

static void await_captures(struct bed *bed, uint32_t count)
{
	for (int i = 0; captures_count(bed->daemon.captures) != count; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
	}
}

static struct seen await_packets(struct bed *bed, struct client *c, uint32_t count)
{
	for (int i = 0;; i++) {
		struct seen s = client_see(c);
		if (s.packets >= count)
			return s;
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(c);
	}
}

static struct seen await_end(struct bed *bed, struct client *c)
{
	for (int i = 0; !c->closed; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(c);
	}
	return client_see(c);
}

/* A few turns, in which something must not happen. */
static void idle(struct bed *bed)
{
	for (int i = 0; i < 20; i++)
		turn(bed);
}

/* --- packets -------------------------------------------------------------------------------- */

/* An Ethernet frame with IPv4 and UDP to `port`. */
static void fill_frame(uint8_t *frame, uint16_t port)
{
	static const uint8_t head[] = {
		2,    0,    0, 0,  0,   1,  2,   0,  0,  0,  0, 2, 8, 0, /* Ethernet */
		0x45, 0,    0, 46, 0,   0,  0,   0,  64, 17, 0, 0,       /* IPv4 */
		192,  0,    2, 1,  203, 0,  113, 10,                     /* addresses */
		0x9c, 0x40, 0, 0,  0,   26, 0,   0,                      /* UDP */
	};
	memcpy(frame, head, sizeof(head));
	frame[36] = port >> 8;
	frame[37] = (uint8_t)port;
}

static struct tap_record *drop(enum reason reason, uint16_t port, uint32_t length)
{
	struct engine *e = &fake_engine;
	if (e->count == e->capacity) {
		e->capacity = e->capacity ? 2 * e->capacity : 64;
		e->records = realloc(e->records, e->capacity * sizeof(*e->records));
	}
	struct fake_record *r = &e->records[e->count++];
	memset(r, 0, sizeof(*r));
	fill_frame(r->bytes, port);
	r->head = (struct tap_record){
		.time_ns = clock_ns(CLOCK_MONOTONIC),
		.length = length,
		.captured = length,
		.service = ABI_NO_SERVICE,
		.backend = ABI_NO_BACKEND,
		.rule = ABI_NO_RULE,
		.reason = reason,
	};
	return &r->head;
}

/* --- the tests ------------------------------------------------------------------------------ */

static void test_stream_begins_at_once(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "");
	struct seen s = {0};
	for (int i = 0; s.interfaces < PORTS; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(&c);
		s = client_see(&c);
	}
	assert_non_null(strstr((char *)c.raw, "HTTP/1.1 200 "));
	assert_non_null(strstr((char *)c.raw, "Content-Type: application/x-pcapng\r\n"));
	client_close(&c);
	await_captures(bed, 0);
}

static void test_packet_says_what_is_known(void **state)
{
	struct bed *bed = *state;
	struct client c;
	registry_assign(bed->daemon.services, "dns");
	int64_t web = registry_assign(bed->daemon.services, "web");
	int64_t b1 = registry_assign(bed->daemon.backends, "web/b1");
	client_open(bed, &c, "");
	await_captures(bed, 1);
	uint64_t before_ns = clock_ns(CLOCK_REALTIME);
	struct tap_record *r = drop(REASON_NO_NEXT_HOP, 80, 60);
	r->service = (uint32_t)web;
	r->backend = (uint32_t)b1;
	r->rule = (uint32_t)registry_assign(bed->daemon.rules, "no-blocked");
	r->source = TAP_WORKER;
	r->worker = 3;
	r->port = 1;
	struct seen s = await_packets(bed, &c, 1);
	assert_string_equal(
		s.comment,
		"reason=no-next-hop rule=no-blocked service=web backend=b1 source=worker "
		"worker=3: the backend's link address is not known (yet)");
	assert_int_equal(s.last.interface, 1);
	assert_int_equal(s.last.captured, 60);
	assert_int_equal(s.last.length, 60);
	assert_true(s.last.time_ns + 1000000 >= before_ns);
	assert_true(s.last.time_ns <= clock_ns(CLOCK_REALTIME) + 1000000);
	drop(REASON_TRUNCATED, 80, 60)->source = TAP_XDP;
	s = await_packets(bed, &c, 2);
	assert_string_equal(s.comment,
			    "reason=truncated source=xdp: the frame ends inside a header");
	client_close(&c);
}

static void test_each_client_gets_what_it_asked_for(void **state)
{
	struct bed *bed = *state;
	struct client reason, two, filter, all;
	client_open(bed, &reason, "?reason=no-backend");
	client_open(bed, &two, "?reason=no-backend&reason=truncated");
	client_open(bed, &filter, "?filter=udp%20port%2053&reason=tx-full");
	client_open(bed, &all, "?filter=udp%20and%20dst%20host%20203.0.113.10");
	await_captures(bed, 4);
	drop(REASON_NO_BACKEND, 80, 60);
	drop(REASON_TRUNCATED, 80, 60);
	drop(REASON_TX_FULL, 53, 61);
	drop(REASON_TX_FULL, 54, 62);
	struct seen s = await_packets(bed, &all, 4);
	assert_int_equal(s.packets, 4);
	s = await_packets(bed, &reason, 1);
	assert_int_equal(s.packets, 1);
	s = await_packets(bed, &two, 2);
	assert_int_equal(s.packets, 2);
	s = await_packets(bed, &filter, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.captured, 61);
	client_close(&reason);
	client_close(&two);
	client_close(&filter);
	client_close(&all);
}

static void test_taps_are_armed_for_what_is_wanted(void **state)
{
	struct bed *bed = *state;
	struct client a, b, c;
	const struct capture_slot *slots = fake_engine.slots;
	assert_int_equal(fake_engine.armed, 0);
	client_open(bed, &a, "?reason=no-backend&snaplen=64");
	await_captures(bed, 1);
	assert_int_equal(fake_engine.armed, 1);
	assert_int_equal(slots[0].reasons, 1ull << REASON_NO_BACKEND);
	assert_int_equal(slots[0].snaplen, 64);
	assert_int_equal(slots[0].filter_length, 0);
	client_open(bed, &b, "?reason=tx-full&snaplen=96&filter=udp&sample=10&rate=1000");
	await_captures(bed, 2);
	assert_int_equal(slots[1].reasons, 1ull << REASON_TX_FULL);
	assert_int_not_equal(slots[1].filter_length, 0);
	assert_int_equal(slots[1].sample, 10);
	assert_true(slots[1].limited);
	client_open(bed, &c, "");
	await_captures(bed, 3);
	assert_int_equal(fake_engine.armed, 7);
	assert_int_equal(slots[2].reasons & 1ull << REASON_NONE, 0);
	assert_int_not_equal(slots[2].reasons & 1ull << (REASON_COUNT - 1), 0);
	client_close(&a);
	client_close(&b);
	await_captures(bed, 1);
	assert_int_equal(fake_engine.armed, 4);
	client_close(&c);
	await_captures(bed, 0);
	assert_int_equal(fake_engine.armed, 0);
}

static void test_snaplen_cuts(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "?snaplen=40&filter=len%20%3e%20100");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60);
	drop(REASON_NO_BACKEND, 80, 1500);
	struct seen s = await_packets(bed, &c, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.captured, 40);
	assert_int_equal(s.last.length, 1500);
	client_close(&c);
}

static void test_count_ends_the_stream(void **state)
{
	struct bed *bed = *state;
	struct client c;
	fake_engine.counters[1].rx_packets = 1000;
	client_open(bed, &c, "?count=3");
	await_captures(bed, 1);
	fake_engine.counters[1].rx_packets = 1010;
	for (int i = 0; i < 5; i++)
		drop(REASON_NO_BACKEND, 80, 60)->port = 1;
	struct seen s = await_end(bed, &c);
	assert_int_equal(s.packets, 3);
	assert_int_equal(s.statistics, PORTS);
	assert_int_equal(s.stat[0].received, 0);
	assert_int_equal(s.stat[0].delivered, 0);
	assert_int_equal(s.stat[1].received, 10);
	assert_int_equal(s.stat[1].delivered, 3);
	assert_int_equal(s.stat[1].dropped, 0);
	assert_memory_equal(c.raw + c.length - 5, "0\r\n\r\n", 5);
	assert_int_equal(captures_count(bed->daemon.captures), 0);
	assert_int_equal(fake_engine.armed, 0);
	client_close(&c);
}

static void test_duration_ends_the_stream(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "?duration=1");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60);
	struct seen s = await_end(bed, &c);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.statistics, PORTS);
	client_close(&c);
}

/* A client that does not read loses packets, and every one of them is accounted for. */
static void test_slow_client_is_told_its_losses(void **state)
{
	struct bed *bed = *state;
	struct client c;
	uint32_t sent = 0;
	client_open(bed, &c, "?duration=2");
	await_captures(bed, 1);
	for (int i = 0; i < 70; i++) {
		for (int n = 0; n < 100; n++, sent++)
			drop(REASON_NO_BACKEND, 80, 1500);
		while (fake_engine.count)
			turn(bed);
	}
	client_read(&c);
	idle(bed);
	client_read(&c);
	drop(REASON_NO_BACKEND, 80, 60);
	sent++;
	struct seen s = await_end(bed, &c);
	assert_true(s.packets < sent);
	assert_true(s.reported > 0);
	assert_int_equal(s.packets + s.reported, sent);
	assert_int_equal(s.stat[0].dropped, s.reported);
	assert_int_equal(s.stat[0].delivered, s.packets);
	client_close(&c);
}

static void test_full_taps_are_reported(void **state)
{
	struct bed *bed = *state;
	struct client c;
	fake_engine.lost = 100; /* before the capture: not its loss */
	client_open(bed, &c, "?count=3");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60);
	await_packets(bed, &c, 1);
	fake_engine.lost = 107;
	idle(bed);
	drop(REASON_NO_BACKEND, 80, 60);
	struct seen s = await_packets(bed, &c, 2);
	assert_int_equal(s.last.dropped, 7);
	drop(REASON_NO_BACKEND, 80, 60);
	s = await_end(bed, &c);
	assert_int_equal(s.last.dropped, 0);
	assert_int_equal(s.stat[0].dropped, 7);
	client_close(&c);
}

static void test_old_records_are_left_out(void **state)
{
	struct bed *bed = *state;
	struct client c;
	drop(REASON_NO_BACKEND, 80, 60);
	drop(REASON_NO_BACKEND, 80, 60);
	client_open(bed, &c, "");
	await_captures(bed, 1);
	drop(REASON_TX_FULL, 80, 77);
	struct seen s = await_packets(bed, &c, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.length, 77);
	client_close(&c);
}

static void test_records_from_nowhere_are_left_out(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60)->port = PORTS;
	drop(REASON_NO_BACKEND, 80, 60)->reason = 200;
	drop(REASON_NO_BACKEND, 80, 77);
	struct seen s = await_packets(bed, &c, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.length, 77);
	client_close(&c);
}

static void expect_refusal(struct bed *bed, const char *query, const char *status,
			   const char *words)
{
	struct client c;
	client_open(bed, &c, query);
	for (int i = 0; !c.closed; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(&c);
	}
	if (!strstr((char *)c.raw, status) || !strstr((char *)c.raw, words) ||
	    !strstr((char *)c.raw, "\"detail\":\""))
		fail_msg("%s: no \"%s\" or \"%s\" in\n%s", query, status, words, (char *)c.raw);
	assert_non_null(strstr((char *)c.raw, "Content-Type: application/problem+json\r\n"));
	assert_int_equal(captures_count(bed->daemon.captures), 0);
	assert_int_equal(fake_engine.armed, 0);
	client_close(&c);
}

static void test_bad_requests_are_refused(void **state)
{
	static const char *const requests[][2] = {
		{"?reason=none",
		 "unknown reason \\\"none\\\"; known are: truncated malformed-ipv4"},
		{"?reason=", "unknown reason"},
		{"?reason=no-backend&reason=x", "no-backend"},
		{"?filter=tcp%20porp%201", "syntax error\\n  tcp porp 1\\n      ^"},
		{"?filter=udp%20and%20(host%201.2.3.4%20or%20prt%2053)",
		 "\\n  udp and (host 1.2.3.4 or prt 53)\\n                           ^"},
		{"?service=web", "there is no service \\\"web\\\""},
		{"?rule=no-web", "there is no rule \\\"no-web\\\""},
		{"?rx=eth9", "is no interface of Weir; its are:"},
		{"?sample=0", "from 1 to"},
		{"?filter=udp&filter=tcp", "twice"},
		{"?filter=%ff%fe", "UTF-8"},
		{"?snaplen=0", "snaplen \\\"0\\\" is not a number from 1 to 65535"},
		{"?snaplen=65536", "from 1 to 65535"},
		{"?count=-1", "count \\\"-1\\\" is not"},
		{"?count=99999999999999999999", "is not a number"},
		{"?count=", "is not a number"},
		{"?count=1x", "is not a number"},
		{"?duration=1.5", "is not a number"},
		{"?duration", "is not a number"},
		{"?colour=red", "unknown argument \\\"colour\\\""},
	};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		expect_refusal(*state, requests[i][0], "HTTP/1.1 400 ", requests[i][1]);
}

/* Makes this process' DNS server a socket of ours. */
static int open_resolver(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(res_init(), 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = address;
	_res.retrans = 1;
	_res.retry = 1;
	return fd;
}

/* A DNS server that does not answer would hold up the control thread: none is asked. */
static void test_no_dns_in_filters(void **state)
{
	char query[512];
	int fd = open_resolver();
	expect_refusal(*state, "?filter=host%20www.example.org", "HTTP/1.1 400 ",
		       "(names are looked up in /etc/hosts alone: give its address)");
	expect_refusal(*state, "?filter=gateway%20www.example.org", "HTTP/1.1 400 ", "filter");
	expect_refusal(*state, "?filter=net%20nowhere.example.org", "HTTP/1.1 400 ", "filter");
	assert_int_equal(recv(fd, query, sizeof(query), 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

static void test_clients_are_limited(void **state)
{
	struct bed *bed = *state;
	struct client c[CAPTURE_CLIENTS_MAX], more;
	for (uint32_t i = 0; i < CAPTURE_CLIENTS_MAX; i++)
		client_open(bed, &c[i], "");
	await_captures(bed, CAPTURE_CLIENTS_MAX);
	client_open(bed, &more, "");
	for (int i = 0; !more.closed; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(&more);
	}
	assert_non_null(strstr((char *)more.raw, "HTTP/1.1 503 "));
	client_close(&more);
	for (uint32_t i = 0; i < CAPTURE_CLIENTS_MAX; i++)
		client_close(&c[i]);
	await_captures(bed, 0);
}

/* The daemon ends: clients get the end of their streams, or are gone already. */
static void test_captures_end_with_the_daemon(void **state)
{
	struct bed *bed = *state;
	struct client read, unread, gone;
	client_open(bed, &read, "");
	client_open(bed, &unread, "?filter=tcp");
	client_open(bed, &gone, "");
	await_captures(bed, 3);
	drop(REASON_NO_BACKEND, 80, 60);
	await_packets(bed, &read, 1);
	client_close(&gone);
	captures_free(bed->daemon.captures);
	bed->daemon.captures = NULL;
	assert_int_equal(fake_engine.armed, 0);
	struct seen s = await_end(bed, &read);
	assert_int_equal(s.statistics, PORTS);
	client_close(&read);
	client_close(&unread);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(test_stream_begins_at_once),
		bed_test(test_packet_says_what_is_known),
		bed_test(test_each_client_gets_what_it_asked_for),
		bed_test(test_taps_are_armed_for_what_is_wanted),
		bed_test(test_snaplen_cuts),
		bed_test(test_count_ends_the_stream),
		bed_test(test_duration_ends_the_stream),
		bed_test(test_slow_client_is_told_its_losses),
		bed_test(test_full_taps_are_reported),
		bed_test(test_old_records_are_left_out),
		bed_test(test_records_from_nowhere_are_left_out),
		bed_test(test_bad_requests_are_refused),
		bed_test(test_no_dns_in_filters),
		bed_test(test_clients_are_limited),
		bed_test(test_captures_end_with_the_daemon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
