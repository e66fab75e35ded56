/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bed for captures, in one thread: a real HTTP daemon in a libev loop, clients on socket pairs,
 * and the engine of tests/unit/tap_engine.h. Streams are taken apart by the pcapng splitter, which
 * test_pcapng.c holds against tshark. To be included once in a test program.
 */
#ifndef WEIR_TESTS_CAPTURE_BED_H
#define WEIR_TESTS_CAPTURE_BED_H

#include <ev.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lb/registry.h"
#include "tests/unit/tap_engine.h"
#include "tools/weir/capture.h"
#include "tools/weir/daemon.h"
#include "tools/weir/pcapng.h"

#define TURNS_MAX 2000 /* of the loop, until a state must have come about: seconds */

static struct config_interface interfaces[PORTS] = {{.name = "port0"}, {.name = "port1"}};
static struct config daemon_config = {
	.interface_count = PORTS, .interfaces = interfaces, .captures = true};

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
static inline void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct bed *bed = w->data;
	MHD_run(bed->http);
}

static inline void start_http(struct bed *bed)
{
	bed->http = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL,
		on_request, bed, MHD_OPTION_CONNECTION_TIMEOUT, 30u, MHD_OPTION_END);
	assert_non_null(bed->http);
	ev_prepare_init(&bed->prepare, on_prepare);
	bed->prepare.data = bed;
	ev_prepare_start(bed->daemon.loop, &bed->prepare);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void client_open(struct bed *bed, struct client *c, const char *query)
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

static inline void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->raw);
	*c = (struct client){.fd = -1};
}

static inline void client_read(struct client *c)
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

static inline void turn(struct bed *bed)
{
	usleep(1000);
	ev_run(bed->daemon.loop, EVRUN_NOWAIT);
}

/* The body as far as it has come, without the chunks' heads (RFC 9112, 7.1). */
static inline size_t client_body(const struct client *c, uint8_t *out)
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
	char stat_comment[PORTS][256];
};

static inline int see_block(void *context, const struct pcapng_block *b)
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
		snprintf(s->stat_comment[stat.interface], sizeof(s->stat_comment[0]), "%.*s",
			 (int)stat.comment_length, stat.comment ? stat.comment : "");
		s->statistics++;
		return 0;
	default:
		return 0;
	}
}

static inline struct seen client_see(struct client *c)
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

static inline void await_captures(struct bed *bed, uint32_t count)
{
	for (int i = 0; captures_count(bed->daemon.captures) != count; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
	}
}

static inline struct seen await_packets(struct bed *bed, struct client *c, uint32_t count)
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

static inline struct seen await_end(struct bed *bed, struct client *c)
{
	for (int i = 0; !c->closed; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(c);
	}
	return client_see(c);
}

/* A few turns, in which something must not happen. */
static inline void idle(struct bed *bed)
{
	for (int i = 0; i < 20; i++)
		turn(bed);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
