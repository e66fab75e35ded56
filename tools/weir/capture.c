// SPDX-License-Identifier: BSD-2-Clause
/*
 * A capture is one client's stream. While any runs, a timer drains the taps and gives each record
 * to every capture that wants it; a capture queues it as a pcapng block, from which the HTTP
 * daemon takes bytes as its client reads them. The connection sleeps while the queue is empty.
 *
 * A capture belongs to its HTTP response, which frees it. It is in the list of captures exactly
 * while it takes records; after that its queue is read to the end.
 *
 * What is lost is known: records that found a tap full (for what reason is not known, so every
 * capture counts them), and packets that found the queue full.
 */
#include "tools/weir/capture.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/engine.h"
#include "lb/err.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tools/weir/answer.h"
#include "tools/weir/capture_filter.h"
#include "tools/weir/daemon.h"
#include "tools/weir/pcapng.h"

#define TURN_S          0.005
#define NS_PER_S        1000000000ull
#define RESPONSE_BLOCK  (64u << 10)
#define STATISTICS_ROOM 256u /* bytes of one interface's last block, at most */
#define ACTION_DROP     1u   /* XDP_DROP: the packet's fate, wherever it met it */
#define COMMENT_MAX     512u

struct capture_port {
	uint64_t received_before; /* the interface's counter when the capture began */
	uint64_t delivered, lost;
	uint64_t unreported; /* of `lost`, since the port's last packet */
};

struct capture {
	struct captures *captures; /* whose list it is in, or NULL */
	struct capture *next;
	struct MHD_Connection *connection;
	bool asleep; /* the connection is suspended */
	bool gone;   /* the client is */
	struct capture_filter filter;
	uint64_t start_ns;
	uint64_t realtime_ns; /* what makes CLOCK_MONOTONIC the time of day */
	uint64_t packets;
	uint64_t tap_lost; /* the engine's counter, as far as accounted for */
	uint32_t last_port;
	uint32_t port_count;
	struct capture_port ports[ABI_MAX_PORTS];
	struct pcapng_queue queue;
};

struct captures {
	struct daemon *daemon;
	struct capture *first;
	uint32_t count;
	ev_timer timer;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* --- the list, and what it means for the taps ----------------------------------------------- */

/* Arms the taps for what the captures of the list want together. */
static void captures_arm(struct captures *all)
{
	uint64_t reasons = 0;
	uint32_t snaplen = 0;
	for (const struct capture *c = all->first; c; c = c->next) {
		uint32_t need = capture_filter_snaplen(&c->filter);
		if (snaplen < need)
			snaplen = need;
		reasons |= c->filter.reasons;
	}
	engine_tap_arm(all->daemon->engine, reasons, snaplen);
	if (!all->first)
		ev_timer_stop(all->daemon->loop, &all->timer);
	else if (!ev_is_active(&all->timer))
		ev_timer_again(all->daemon->loop, &all->timer);
}

static void capture_link(struct captures *all, struct capture *c)
{
	c->captures = all;
	c->next = all->first;
	all->first = c;
	all->count++;
	captures_arm(all);
}

static void capture_unlink(struct capture *c)
{
	struct captures *all = c->captures;
	struct capture **at = &all->first;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	all->count--;
	c->captures = NULL;
	captures_arm(all);
}

/* --- one capture ---------------------------------------------------------------------------- */

static void capture_wake(struct capture *c)
{
	if (!c->asleep)
		return;
	c->asleep = false;
	MHD_resume_connection(c->connection);
}

static void capture_lose(struct capture *c, uint32_t port, uint64_t packets)
{
	c->ports[port].lost += packets;
	c->ports[port].unreported += packets;
}

/* A record that found a tap full has left no trace of its port; the last one's is a good guess. */
static void capture_count_tap_lost(struct capture *c)
{
	uint64_t lost = engine_tap_lost(c->captures->daemon->engine);
	capture_lose(c, c->last_port, lost - c->tap_lost);
	c->tap_lost = lost;
}

static uint64_t received_by_port(const struct captures *all, uint32_t port)
{
	struct port_counters counters;
	return engine_port_counters(all->daemon->engine, port, &counters) ? 0 : counters.rx_packets;
}

static void capture_write_statistics(struct capture *c)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	c->queue.limit += (size_t)c->port_count * STATISTICS_ROOM;
	for (uint32_t i = 0; i < c->port_count; i++) {
		const struct capture_port *port = &c->ports[i];
		struct pcapng_statistics s = {
			.interface = i,
			.start_ns = c->start_ns + c->realtime_ns,
			.end_ns = now_ns + c->realtime_ns,
			.received = received_by_port(c->captures, i) - port->received_before,
			.dropped = port->lost,
			.delivered = port->delivered,
		};
		/* Without memory the stream ends without them. */
		if (pcapng_write_statistics(&c->queue, &s))
			return;
	}
}

/* Takes no more records; the client gets what is queued, and the statistics. */
static void capture_end(struct capture *c)
{
	capture_count_tap_lost(c);
	capture_write_statistics(c);
	capture_unlink(c);
	capture_wake(c);
}

/* Taps may still hold records from before this capture began. */
static bool capture_wants(const struct capture *c, const struct tap_record *r, const void *bytes)
{
	return r->time_ns >= c->start_ns && r->port < c->port_count &&
	       capture_filter_wants(&c->filter, r, bytes);
}

/* One line of text, cut where it is full. */
struct words {
	char text[COMMENT_MAX];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void words_add(struct words *w, const char *format,
							    ...)
{
	size_t room = sizeof(w->text) - w->length;
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(w->text + w->length, room, format, ap);
	va_end(ap);
	if (n > 0)
		w->length += (size_t)n < room ? (size_t)n : room - 1;
}

/* What is said about a packet; what is not known is left out. */
static void comment_record(struct words *w, const struct daemon *d, const struct tap_record *r)
{
	const char *service = NULL, *backend = NULL, *rule = NULL;
	if (r->service != ABI_NO_SERVICE)
		service = registry_name(d->services, r->service);
	if (r->backend != ABI_NO_BACKEND)
		backend = registry_name(d->backends, r->backend);
	if (r->rule != ABI_NO_RULE)
		rule = registry_name(d->rules, r->rule);
	/* "service/backend" */
	const char *slash = backend ? strchr(backend, '/') : NULL;
	words_add(w, "reason=%s", reason_word(r->reason));
	if (rule)
		words_add(w, " rule=%s", rule);
	if (service)
		words_add(w, " service=%s", service);
	if (backend)
		words_add(w, " backend=%s", slash ? slash + 1 : backend);
	if (r->source == TAP_WORKER)
		words_add(w, " source=worker worker=%u", r->worker);
	else
		words_add(w, " source=xdp");
	words_add(w, ": %s", reason_text(r->reason));
}

static void capture_add(struct capture *c, const struct tap_record *r, const void *bytes)
{
	struct capture_port *port = &c->ports[r->port];
	struct words comment = {.length = 0};
	comment_record(&comment, c->captures->daemon, r);
	struct pcapng_packet p = {
		.interface = r->port,
		.time_ns = r->time_ns + c->realtime_ns,
		.captured = r->captured < c->filter.snaplen ? r->captured : c->filter.snaplen,
		.length = r->length,
		.bytes = bytes,
		.dropped = port->unreported,
		.id = c->packets + 1,
		.queue = r->queue,
		.xdp_action = ACTION_DROP,
		.comment = comment.text,
		.comment_length = comment.length,
	};
	c->last_port = r->port;
	if (pcapng_write_packet(&c->queue, &p)) {
		capture_lose(c, r->port, 1);
		return;
	}
	port->unreported = 0;
	port->delivered++;
	if (++c->packets == c->filter.count)
		capture_end(c);
}

static void take_record(void *context, const struct tap_record *r, const void *bytes)
{
	struct captures *all = context;
	struct capture *next;
	for (struct capture *c = all->first; c; c = next) {
		next = c->next;
		if (capture_wants(c, r, bytes))
			capture_add(c, r, bytes);
	}
}

/*
 * The HTTP daemon does not watch the connections that sleep. A client that closes only its sending
 * side counts as gone too: on TCP the two look the same.
 */
static bool capture_client_left(const struct capture *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
	return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

static void capture_turn(struct capture *c, uint64_t now_ns)
{
	uint64_t duration_ns = c->filter.duration_ns;
	capture_count_tap_lost(c);
	if (duration_ns && now_ns - c->start_ns >= duration_ns) {
		capture_end(c);
	} else if (pcapng_queue_length(&c->queue)) {
		capture_wake(c);
	} else if (c->asleep && capture_client_left(c)) {
		c->gone = true;
		capture_wake(c);
	}
}

static void captures_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct captures *all = timer->data;
	struct capture *next;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	engine_tap_drain(all->daemon->engine, take_record, all);
	for (struct capture *c = all->first; c; c = next) {
		next = c->next;
		capture_turn(c, now_ns);
	}
}

/* --- what the HTTP daemon calls ------------------------------------------------------------- */

static ssize_t capture_read(void *context, uint64_t position, char *out, size_t max)
{
	struct capture *c = context;
	size_t length = pcapng_queue_take(&c->queue, out, max);
	if (length)
		return length;
	if (c->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!c->captures)
		return MHD_CONTENT_READER_END_OF_STREAM;
	c->asleep = true;
	MHD_suspend_connection(c->connection);
	return 0;
}

static void capture_free(void *context)
{
	struct capture *c = context;
	if (c->captures)
		capture_unlink(c);
	capture_filter_fini(&c->filter);
	pcapng_queue_fini(&c->queue);
	free(c);
}

/* --- requests ------------------------------------------------------------------------------- */

static int capture_write_head(struct capture *c, const struct engine *e, uint32_t snaplen)
{
	int failure = pcapng_write_section(&c->queue, "weir " WEIR_VERSION);
	for (uint32_t i = 0; i < c->port_count && !failure; i++) {
		const struct port *port = engine_port(e, i);
		struct pcapng_interface in = {.snaplen = snaplen};
		snprintf(in.name, sizeof(in.name), "%s", port->name);
		snprintf(in.description, sizeof(in.description), "%s", port->driver);
		memcpy(in.mac, port->mac, sizeof(in.mac));
		failure = pcapng_write_interface(&c->queue, &in);
	}
	return failure;
}

/* A capture that is not in the list yet. -ENOMEM. Takes the filter over on success. */
static int capture_new(struct captures *all, const struct capture_filter *filter,
		       struct capture **out)
{
	const struct engine *e = all->daemon->engine;
	struct capture *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	pcapng_queue_init(&c->queue, CAPTURE_QUEUE_BYTES);
	c->port_count = engine_port_count(e);
	c->tap_lost = engine_tap_lost(e);
	c->start_ns = clock_ns(CLOCK_MONOTONIC);
	c->realtime_ns = clock_ns(CLOCK_REALTIME) - c->start_ns;
	for (uint32_t i = 0; i < c->port_count; i++)
		c->ports[i].received_before = received_by_port(all, i);
	if (capture_write_head(c, e, filter->snaplen)) {
		capture_free(c);
		return -ENOMEM;
	}
	c->filter = *filter;
	*out = c;
	return 0;
}

static enum MHD_Result capture_start(struct captures *all, struct capture *c,
				     struct MHD_Connection *connection)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, RESPONSE_BLOCK, capture_read, c, capture_free);
	if (!response) {
		capture_free(c);
		return MHD_NO;
	}
	c->connection = connection;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-pcapng");
	/* A client may stop reading for as long as it likes: it loses packets, not the capture. */
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
	enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	if (result == MHD_YES)
		capture_link(all, c);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result capture_request(struct captures *all, struct MHD_Connection *connection)
{
	struct capture_filter filter;
	struct capture *c;
	struct err err;
	if (all->count >= CAPTURE_CLIENTS_MAX) {
		err_set(&err, EBUSY, "%u captures run already", all->count);
		return answer_problem(connection, MHD_HTTP_SERVICE_UNAVAILABLE, &err);
	}
	int failure = capture_filter_init(&filter, connection, &err);
	if (failure)
		return answer_problem(connection,
				      failure == -EINVAL ? MHD_HTTP_BAD_REQUEST
							 : MHD_HTTP_SERVICE_UNAVAILABLE,
				      &err);
	if (capture_new(all, &filter, &c)) {
		capture_filter_fini(&filter);
		err_set(&err, ENOMEM, "out of memory");
		return answer_problem(connection, MHD_HTTP_SERVICE_UNAVAILABLE, &err);
	}
	return capture_start(all, c, connection);
}

/* --- all of them ---------------------------------------------------------------------------- */

struct captures *captures_new(struct daemon *d)
{
	struct captures *all = calloc(1, sizeof(*all));
	if (!all)
		return NULL;
	all->daemon = d;
	ev_init(&all->timer, captures_turn);
	all->timer.repeat = TURN_S;
	all->timer.data = all;
	return all;
}

void captures_free(struct captures *all)
{
	if (!all)
		return;
	while (all->first)
		capture_end(all->first);
	free(all);
}

uint32_t captures_count(const struct captures *all)
{
	return all->count;
}
