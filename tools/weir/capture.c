// SPDX-License-Identifier: BSD-2-Clause
/*
 * A capture is one client's stream, and has a slot in which the taps find what it wants. While any
 * runs, a timer drains the taps and gives each record to the captures that it names; a capture
 * queues it as a pcapng block, from which the HTTP daemon takes bytes as its client reads them. The
 * connection sleeps while the queue is empty.
 *
 * A capture belongs to its HTTP response, which frees it. It is in the list of captures exactly
 * while it takes records; after that its queue is read to the end.
 *
 * What is lost is known: the taps count what found their rings full or was beyond the capture's
 * limit, and here is counted what found the client's queue full. A capture that ends in order has
 * drained the taps after it has left its slot, so that
 *   matched == skipped + delivered + lost
 *
 * long file: streams, their slots and the black box are one list that the taps are armed by.
 */
#include "tools/weir/capture.h"

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/engine.h"
#include "datapath/taps.h"
#include "lb/config.h"
#include "lb/err.h"
#include "tools/weir/answer.h"
#include "tools/weir/blackbox.h"
#include "tools/weir/capture_books.h"
#include "tools/weir/capture_comment.h"
#include "tools/weir/capture_wanted.h"
#include "tools/weir/daemon.h"
#include "tools/weir/pcapng.h"

#define TURN_S         0.005
#define TURN_BUSY_NS   4000000ull  /* of a turn for records, at most: the loop has more to do */
#define DRAIN_NS       50000000ull /* for the last records of a capture */
#define BURST_PER_S    10 /* a limited capture may take a tenth of a second's worth at once */
#define NS_PER_S       1000000000ull
#define TURNS_PER_S    200
#define BOX_SLOT       (CAPTURES_MAX - 1)
#define BOX_CREDIT     1000u /* records that it takes at once beyond what it can hold */
#define BOX_ROOM       1024u /* bytes of the queue for each record of the black box */
#define RESPONSE_BLOCK (64u << 10)

struct capture {
	struct captures *captures; /* whose list it is in, or NULL */
	struct capture *next;
	struct MHD_Connection *connection;
	bool asleep;  /* the connection is suspended */
	bool gone;    /* the client is */
	bool counted; /* it has its `count` */
	uint32_t slot;
	struct capture_wanted wanted;
	uint64_t start_ns, credited_ns;
	uint64_t realtime_ns; /* what makes CLOCK_MONOTONIC the time of day */
	uint64_t packets;
	struct capture_books books;
	struct pcapng_queue queue;
};

struct captures {
	struct daemon *daemon;
	struct capture *first;
	struct capture *by_slot[CAPTURES_MAX];
	struct blackbox *box; /* has the last slot; NULL: there is none */
	uint32_t count;
	struct capture_comment comment; /* of the record that is handed out */
	ev_timer timer;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* --- the list, and what it means for the taps ----------------------------------------------- */

/* Runs the timer while there is something to drain. */
static void captures_settle(struct captures *all)
{
	if (!all->first && !all->box) {
		ev_timer_stop(all->daemon->loop, &all->timer);
		taps_close(all->daemon->engine);
	} else if (!ev_is_active(&all->timer)) {
		ev_timer_again(all->daemon->loop, &all->timer);
	}
}

/* A free slot; CAPTURES_MAX: there is none. */
static uint32_t free_slot(const struct captures *all)
{
	uint32_t slot = 0;
	while (slot < CAPTURES_MAX && (all->by_slot[slot] || (all->box && slot == BOX_SLOT)))
		slot++;
	return slot;
}

static int capture_link(struct captures *all, struct capture *c, struct err *err)
{
	int r = taps_set(all->daemon->engine, c->slot, &c->wanted.slot, err);
	if (r)
		return r;
	c->captures = all;
	c->next = all->first;
	all->first = c;
	all->by_slot[c->slot] = c;
	all->count++;
	captures_settle(all);
	return 0;
}

static void capture_unlink(struct capture *c)
{
	struct captures *all = c->captures;
	struct capture **at = &all->first;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	all->by_slot[c->slot] = NULL;
	all->count--;
	c->captures = NULL;
	taps_clear(all->daemon->engine, c->slot);
	captures_settle(all);
}

/* --- one capture ---------------------------------------------------------------------------- */

static void capture_wake(struct capture *c)
{
	if (!c->asleep)
		return;
	c->asleep = false;
	MHD_resume_connection(c->connection);
}

static void take_record(void *context, const struct tap_record *r, const void *bytes);

/* Takes no more records but those that are on their way; the client gets the statistics. */
static void capture_end(struct capture *c)
{
	struct captures *all = c->captures;
	taps_clear(all->daemon->engine, c->slot);
	if (!c->counted)
		taps_drain(all->daemon->engine, take_record, all,
			   clock_ns(CLOCK_MONOTONIC) + DRAIN_NS);
	capture_books_count_lost(&c->books);
	capture_books_write(&c->books, !c->counted, c->start_ns + c->realtime_ns,
			    clock_ns(CLOCK_MONOTONIC) + c->realtime_ns, &c->queue);
	capture_unlink(c);
	capture_wake(c);
}

/* Taps may still hold records from before this capture began. */
static bool capture_takes(const struct capture *c, const struct tap_record *r)
{
	return !c->counted && r->time_ns >= c->start_ns && r->port < c->books.port_count &&
	       r->point <= TAP_KERNEL && r->reason < REASON_COUNT;
}

static void capture_add(struct capture *c, const struct tap_record *r, const void *bytes)
{
	struct capture_port *port = &c->books.ports[r->port];
	const struct capture_comment *comment = &c->captures->comment;
	struct pcapng_packet p = {
		.interface = r->port,
		.time_ns = r->time_ns + c->realtime_ns,
		.captured = r->captured < c->wanted.snaplen ? r->captured : c->wanted.snaplen,
		.length = r->length,
		.bytes = bytes,
		.dropped = port->unreported,
		.id = r->id,
		.queue = r->queue,
		.outbound = r->point == TAP_TX,
		.has_action = r->action != CAPTURE_NO_ACTION,
		.xdp_action = r->action,
		.comment = comment->text,
		.comment_length = comment->length,
	};
	if (pcapng_write_packet(&c->queue, &p)) {
		port->late++;
		port->unreported++;
		return;
	}
	port->unreported = 0;
	port->delivered++;
	if (++c->packets == c->wanted.count)
		c->counted = true;
}

static void take_record(void *context, const struct tap_record *r, const void *bytes)
{
	struct captures *all = context;
	if (all->box && r->captures >> BOX_SLOT & 1)
		blackbox_put(all->box, r, bytes);
	for (uint32_t slot = 0; r->captures >> slot; slot++) {
		struct capture *c = all->by_slot[slot];
		if (!(r->captures >> slot & 1) || !c || !capture_takes(c, r))
			continue;
		if (!capture_wanted_passes(&c->wanted, r, bytes)) {
			c->books.ports[r->port].unfiltered++;
			continue;
		}
		capture_comment_make(&all->comment, all->daemon, r);
		capture_add(c, r, bytes);
	}
}

/* --- turns ---------------------------------------------------------------------------------- */

static void capture_give_credit(struct capture *c, uint64_t now_ns)
{
	uint64_t rate = c->wanted.rate, most = rate / BURST_PER_S + 1;
	uint64_t packets = rate * (now_ns - c->credited_ns) / NS_PER_S;
	if (!packets)
		return;
	c->credited_ns = now_ns;
	taps_credit(c->captures->daemon->engine, c->slot, packets, most);
}

enum client_state { CLIENT_READS, CLIENT_DONE, CLIENT_GONE };

/*
 * The HTTP daemon does not watch the connections that sleep. A client that closes its sending side
 * wants the end of the stream.
 */
static enum client_state client_state(const struct capture *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
	if (poll(&p, 1, 0) <= 0)
		return CLIENT_READS;
	if (p.revents & (POLLHUP | POLLERR | POLLNVAL))
		return CLIENT_GONE;
	return p.revents & POLLRDHUP ? CLIENT_DONE : CLIENT_READS;
}

/*
 * Whether all that a capture is of has gone away: the interfaces that it names, and nothing else.
 * One that is gone may come back, with a number and queues that are others; who wants to see that
 * asks anew.
 */
static bool has_vanished(struct capture *c)
{
	const struct capture_slot *s = &c->wanted.slot;
	uint32_t ports = s->rx_ports | s->tx_ports;
	if (!ports || s->reasons || s->services_wanted || s->kernel)
		return false;
	for (uint32_t i = 0; ports >> i; i++)
		if (ports >> i & 1 && engine_port(c->captures->daemon->engine, i)->there)
			return false;
	for (uint32_t i = 0; ports >> i; i++)
		c->books.ports[i].gone = ports >> i & 1;
	return true;
}

static void capture_turn(struct capture *c, uint64_t now_ns)
{
	uint64_t duration_ns = c->wanted.duration_ns;
	enum client_state client = client_state(c);
	capture_books_count_lost(&c->books);
	if (c->wanted.rate)
		capture_give_credit(c, now_ns);
	if (client == CLIENT_GONE) {
		c->gone = true;
		capture_wake(c);
	} else if (c->counted || client == CLIENT_DONE ||
		   (duration_ns && now_ns - c->start_ns >= duration_ns) || has_vanished(c)) {
		capture_end(c);
	} else if (pcapng_queue_length(&c->queue)) {
		capture_wake(c);
	}
}

/* Records a second that the box takes, so that a flood of drops does not cost much. */
static uint32_t box_credit(const struct captures *all)
{
	return blackbox_capacity(all->box) + BOX_CREDIT;
}

static void captures_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct captures *all = timer->data;
	struct capture *next;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	taps_drain(all->daemon->engine, take_record, all, now_ns + TURN_BUSY_NS);
	if (all->box)
		taps_credit(all->daemon->engine, BOX_SLOT, box_credit(all) / TURNS_PER_S,
			    box_credit(all));
	for (struct capture *c = all->first; c; c = next) {
		next = c->next;
		capture_turn(c, now_ns);
	}
}

/* --- what the HTTP daemon calls ------------------------------------------------------------- */

static ssize_t capture_read(void *context, uint64_t position, char *out, size_t max)
{
	struct capture *c = context;
	if (c->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t length = pcapng_queue_take(&c->queue, out, max);
	if (length)
		return length;
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
	capture_wanted_fini(&c->wanted);
	pcapng_queue_fini(&c->queue);
	free(c);
}

/* --- requests ------------------------------------------------------------------------------- */

static int capture_write_head(struct capture *c, const struct engine *e)
{
	char words[CAPTURE_WORDS];
	int failure = pcapng_write_section(&c->queue, "weir " WEIR_VERSION,
					   capture_wanted_words(&c->wanted, words));
	for (uint32_t i = 0; i < c->books.port_count && !failure; i++) {
		const struct port *port = engine_port(e, i);
		struct pcapng_interface in = {
			.snaplen = c->wanted.snaplen,
			.filter = c->wanted.expression,
		};
		snprintf(in.name, sizeof(in.name), "%s", port->name);
		snprintf(in.description, sizeof(in.description), "%s, %s, %u queues", port->driver,
			 port_mode_name(port), port->queue_count);
		snprintf(in.hardware, sizeof(in.hardware), "%s", port->hardware);
		memcpy(in.mac, port->mac, sizeof(in.mac));
		failure = pcapng_write_interface(&c->queue, &in);
	}
	return failure;
}

/* A capture that is not in the list yet. -ENOMEM. Takes `wanted` over on success. */
static int capture_new(struct captures *all, const struct capture_wanted *wanted,
		       struct capture **out)
{
	const struct engine *e = all->daemon->engine;
	struct capture *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	pcapng_queue_init(&c->queue, CAPTURE_QUEUE_BYTES);
	c->slot = free_slot(all);
	c->start_ns = c->credited_ns = clock_ns(CLOCK_MONOTONIC);
	c->realtime_ns = clock_ns(CLOCK_REALTIME) - c->start_ns;
	c->wanted = *wanted;
	capture_books_init(&c->books, e, c->slot, &c->wanted.slot);
	if (!capture_write_head(c, e)) {
		*out = c;
		return 0;
	}
	c->wanted = (struct capture_wanted){0};
	capture_free(c);
	return -ENOMEM;
}

/* --- the black box --------------------------------------------------------------------------- */

struct box_reading {
	struct captures *all;
	struct capture *capture;
};

static void add_from_box(void *context, const struct tap_record *r, const void *bytes)
{
	const struct box_reading *b = context;
	struct capture *c = b->capture;
	if (r->port >= c->books.port_count || c->counted ||
	    !capture_wanted_names(&c->wanted, r, bytes) ||
	    !capture_wanted_passes(&c->wanted, r, bytes))
		return;
	capture_comment_make(&b->all->comment, b->all->daemon, r);
	capture_add(c, r, bytes);
}

/* All of the stream at once: it is never in the list of those that take records. */
static void capture_read_box(struct captures *all, struct capture *c)
{
	struct box_reading reading = {all, c};
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	c->captures = all;
	c->queue.limit += (size_t)blackbox_capacity(all->box) * BOX_ROOM;
	blackbox_replay(all->box, now_ns, add_from_box, &reading);
	capture_books_write(&c->books, false, c->start_ns + c->realtime_ns, now_ns + c->realtime_ns,
			    &c->queue);
	c->captures = NULL;
}

static int open_box(struct captures *all)
{
	const struct config *config = all->daemon->config;
	struct capture_slot slot = {
		.reasons = ~(1ull << REASON_NONE),
		.rule = ABI_NO_RULE,
		.snaplen = BLACKBOX_BYTES,
		.limited = 1,
	};
	if (!config || !config->blackbox.packets)
		return 0;
	all->box = blackbox_new(config->blackbox.packets, config->blackbox.seconds);
	slot.credit = config->blackbox.packets + BOX_CREDIT;
	if (!all->box || taps_set(all->daemon->engine, BOX_SLOT, &slot, NULL))
		return -1;
	captures_settle(all);
	return 0;
}

static void close_box(struct captures *all)
{
	if (!all->box)
		return;
	taps_clear(all->daemon->engine, BOX_SLOT);
	blackbox_free(all->box);
	all->box = NULL;
	captures_settle(all);
}

static enum MHD_Result capture_start(struct captures *all, struct capture *c,
				     struct MHD_Connection *connection)
{
	struct err err;
	if (c->wanted.blackbox) {
		capture_read_box(all, c);
	} else if (capture_link(all, c, &err)) {
		capture_free(c);
		return answer_problem(connection, MHD_HTTP_SERVICE_UNAVAILABLE, &err);
	}
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
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result capture_request(struct captures *all, struct MHD_Connection *connection)
{
	struct capture_wanted wanted;
	struct capture *c;
	struct err err;
	if (!all->daemon->config->captures) {
		err_set(&err, EPERM, "the configuration says 'captures: false'");
		return answer_problem(connection, MHD_HTTP_FORBIDDEN, &err);
	}
	if (free_slot(all) == CAPTURES_MAX) {
		err_set(&err, EBUSY, "%u captures run already", all->count);
		return answer_problem(connection, MHD_HTTP_SERVICE_UNAVAILABLE, &err);
	}
	int failure = capture_wanted_init(&wanted, connection, all->daemon, &err);
	if (failure)
		return answer_problem(connection,
				      failure == -EINVAL ? MHD_HTTP_BAD_REQUEST
							 : MHD_HTTP_SERVICE_UNAVAILABLE,
				      &err);
	if (wanted.blackbox && !all->box) {
		capture_wanted_fini(&wanted);
		err_set(&err, EINVAL,
			"there is no black box: set 'blackbox: {packets: 10000}' in the "
			"configuration, and restart the daemon");
		return answer_problem(connection, MHD_HTTP_BAD_REQUEST, &err);
	}
	if (capture_new(all, &wanted, &c)) {
		capture_wanted_fini(&wanted);
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
	if (open_box(all)) {
		captures_free(all);
		return NULL;
	}
	return all;
}

void captures_free(struct captures *all)
{
	if (!all)
		return;
	while (all->first)
		capture_end(all->first);
	close_box(all);
	capture_comment_fini(&all->comment);
	free(all);
}

uint32_t captures_count(const struct captures *all)
{
	return all->count;
}
