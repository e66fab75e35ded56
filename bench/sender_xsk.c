// SPDX-License-Identifier: BSD-2-Clause
/*
 * The engine `xsk`: a socket of its own, with memory of its own, for each thread. Packets are
 * written where they are sent from; in zero copy that is where the NIC reads them.
 *
 * The thread looks at the time stamp counter, sends what is due, and looks again. Where the next
 * packet is far away it sleeps, so that a slow stream does not take a CPU from what it measures.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/place.h"
#include "bench/replay.h"
#include "bench/sender_engine.h"
#include "bpf/pacer.h"
#include "datapath/frame_pool.h"
#include "datapath/memory.h"
#include "datapath/port.h"
#include "datapath/xsk.h"

#define FRAMES   4096u
#define RING     2048u
#define BATCH    64u
#define SLEEP_NS 400000 /* a wait that is longer is slept through, but for the last part */
#define WAKE_NS  150000 /* that part */
#define DRAIN_NS 100000000ull
#define WRITTEN  (STREAM_HEADER + STAMP_SIZE) /* bytes of a frame that are not zeros */

/* Newer than Debian 12's headers: packets of several frames (Linux 6.6). */

struct engine {
	struct memory memory;
	struct xsk_area area;
	struct xsk socket;
	struct frame_pool pool;
	uint32_t *sequences; /* the number of each flow's next packet */
	uint32_t position;   /* in the order */
	uint64_t round;      /* of a replay */
};

static uint32_t longest(const struct sender_wanted *w)
{
	uint32_t most = w->replay ? w->replay->longest : 0;
	for (unsigned int i = 0; w->stream && i < w->stream->size_count; i++)
		if (w->stream->sizes[i].length > most)
			most = w->stream->sizes[i].length;
	return most;
}

static int open_socket(struct sender_thread *t, struct engine *e, struct err *err)
{
	const struct place *from = t->wanted->from;
	struct port port = {.ifindex = from->ifindex};
	bool large = longest(t->wanted) > FRAME_SIZE;
	memcpy(port.name, from->name, sizeof(port.name));
	int r = xsk_area_open(&e->area, &e->memory, RING, err);
	if (r)
		return r;
	struct xsk_mode mode = {.zerocopy = from->zerocopy, .multi_buffer = large};
	if (from->zerocopy && !xsk_open(&e->socket, &e->area, &port, 0, t->queue, mode, NULL))
		return 0;
	if (from->zerocopy) {
		/* libxdp leaves memory that was bound in vain unusable. */
		xsk_area_close(&e->area);
		r = xsk_area_open(&e->area, &e->memory, RING, err);
		mode.zerocopy = false;
	}
	r = r ? r : xsk_open(&e->socket, &e->area, &port, 0, t->queue, mode, err);
	if (r == -EINVAL && large)
		return err_set(
			err, EOPNOTSUPP,
			"frames above %u bytes need Linux 6.6 and a driver that sends packets of "
			"several parts",
			FRAME_SIZE);
	return r;
}

static int open_engine(struct sender_thread *t, struct err *err)
{
	struct engine *e = t->engine = calloc(1, sizeof(*e));
	if (!e)
		return err_set(err, ENOMEM, "no memory for a sender");
	e->socket.fd = -1;
	e->sequences = calloc(t->stream.flow_count + 1, sizeof(*e->sequences));
	int r = e->sequences ? frame_pool_init(&e->pool, FRAMES) : -ENOMEM;
	if (r)
		return err_set(err, -r, "no memory for a sender");
	r = memory_open(&e->memory, (size_t)FRAMES * FRAME_SIZE, -1, HUGEPAGES_AUTO, err);
	return r ? r : open_socket(t, e, err);
}

static void close_engine(struct sender_thread *t)
{
	struct engine *e = t->engine;
	if (!e)
		return;
	xsk_close(&e->socket);
	xsk_area_close(&e->area);
	memory_close(&e->memory);
	frame_pool_fini(&e->pool);
	free(e->sequences);
	free(e);
	t->engine = NULL;
}

static void describe(const struct sender_thread *t, char *text, size_t size)
{
	const struct engine *e = t->engine;
	snprintf(text, size, "AF_XDP, %s, %u queue%s, packet memory in %s",
		 xsk_is_zerocopy(&e->socket) ? "zero copy" : "copy mode", t->wanted->queues,
		 t->wanted->queues > 1 ? "s" : "", memory_kind_name(e->memory.kind));
}

/* --- packets ---------------------------------------------------------------------------------- */

/* The packet as it lies in a row: into frames, each as full as it can be. */
static void put_parts(struct engine *e, const uint8_t *bytes, uint32_t length, uint32_t parts)
{
	uint32_t index = 0;
	xsk_ring_prod__reserve(&e->socket.tx, parts,
			       &index); /* count_due() saw that there is room */
	for (uint32_t i = 0; i < parts; i++) {
		uint64_t address = frame_pool_get(&e->pool);
		uint32_t part = length < FRAME_SIZE ? length : FRAME_SIZE;
		if (bytes)
			memcpy(e->area.base + address, bytes + i * FRAME_SIZE, part);
		else if (i) /* it may have been a first one before */
			memset(e->area.base + address, 0, WRITTEN);
		*xsk_ring_prod__tx_desc(&e->socket.tx, index + i) = (struct xdp_desc){
			.addr = address, .len = part, .options = i + 1 < parts ? XDP_PKT_CONTD : 0};
		length -= part;
	}
	e->socket.staged += parts;
}

static uint32_t parts_of(uint32_t length)
{
	return (length + FRAME_SIZE - 1) / FRAME_SIZE;
}

/* Its first frame has the headers and the stamp; all behind them are zeros, in any frame. */
static uint32_t put_stream(struct sender_thread *t, struct engine *e, uint64_t now_ns)
{
	const struct stream *s = &t->stream;
	uint32_t entry = s->order[e->position], flow = entry & ((1u << STREAM_FLOW_BITS) - 1);
	const struct stream_size *size = &s->sizes[entry >> STREAM_FLOW_BITS];
	uint8_t *frame = e->area.base + e->pool.free[e->pool.count - 1];
	struct stamp stamp = {t->epoch, flow, 0, now_ns};
	e->position = e->position + 1 < s->order_count ? e->position + 1 : 0;
	if (s->shape.stamps)
		stamp.sequence = e->sequences[flow]++;
	stream_write(frame, frame + FRAME_SIZE, &s->shape, size, &s->flows[flow],
		     s->shape.stamps ? &stamp : NULL);
	put_parts(e, NULL, size->length, parts_of(size->length));
	return size->length;
}

static uint32_t put_replay(struct sender_thread *t, struct engine *e)
{
	const struct replay *r = t->wanted->replay;
	const struct replay_packet *p = &r->packets[e->position];
	put_parts(e, p->bytes, p->length, parts_of(p->length));
	if (++e->position == r->count) {
		e->position = 0;
		e->round++;
	}
	return p->length;
}

/* --- a run ------------------------------------------------------------------------------------ */

struct run {
	struct pacer pacer;
	uint64_t start, until; /* in ticks */
};

/* A replay without a rate goes by the times of its packets, and begins anew right behind the last.
 */
static uint32_t replay_due(const struct sender_thread *t, const struct engine *e, uint64_t now_ns,
			   uint32_t most)
{
	const struct replay *r = t->wanted->replay;
	uint64_t whole_ns = r->packets[r->count - 1].at_ns + 1000, since_ns = now_ns - t->start_ns;
	uint32_t due = 0;
	while (due < most && e->position + due < r->count &&
	       e->round * whole_ns + r->packets[e->position + due].at_ns <= since_ns)
		due++;
	return due;
}

static uint32_t count_due(const struct sender_thread *t, struct engine *e, const struct run *run,
			  uint64_t now, uint64_t now_ns)
{
	uint64_t left = t->count - t->packets;
	uint32_t most = left < BATCH ? left : BATCH;
	uint32_t parts = parts_of(longest(t->wanted));
	uint32_t room = xsk_prod_nb_free(&e->socket.tx, BATCH * parts) / parts;
	if (most > room)
		most = room;
	if (most > e->pool.count / parts)
		most = e->pool.count / parts;
	if (t->wanted->replay && t->pps <= 0)
		return replay_due(t, e, now_ns, most);
	return pacer_due(&run->pacer, now - run->start, most);
}

static void note_sent(struct sender_thread *t, uint32_t packets, uint64_t bytes, uint32_t failed,
		      uint64_t now_ns)
{
	__atomic_store_n(&t->packets, t->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&t->bytes, t->bytes + bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&t->failed, t->failed + failed, __ATOMIC_RELAXED);
	__atomic_store_n(&t->last_ns, now_ns, __ATOMIC_RELAXED);
}

static void send_due(struct sender_thread *t, struct engine *e, struct run *run, uint32_t due,
		     uint64_t now_ns)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < due; i++)
		bytes += t->wanted->replay ? put_replay(t, e) : put_stream(t, e, now_ns);
	pacer_sent(&run->pacer, due);
	note_sent(t, due, bytes, xsk_flush(&e->socket, &e->pool, NULL, NULL).failed, now_ns);
}

static void wait_for_due(const struct sender_thread *t, const struct run *run, uint64_t now)
{
	if (!run->pacer.gap)
		return;
	double ns = ((run->pacer.next >> PACER_FRACTION) - (double)(now - run->start)) * 1e9 /
		    t->ticks->hz;
	if (ns > SLEEP_NS)
		nanosleep(&(struct timespec){.tv_nsec = ns < 5e8 ? ns - WAKE_NS : 5e8}, NULL);
}

/* What is in the rings still is sent, too. */
static void drain(struct engine *e)
{
	uint64_t until_ns = ticks_clock_ns() + DRAIN_NS;
	while (xsk_unsent(&e->socket) && ticks_clock_ns() < until_ns)
		xsk_flush(&e->socket, &e->pool, NULL, NULL);
	xsk_reap(&e->socket, &e->pool);
}

static int run_engine(struct sender_thread *t, struct err *err)
{
	struct engine *e = t->engine;
	struct run run = {.start = ticks_of(t->ticks, t->start_ns), .until = UINT64_MAX};
	if (t->pps > 0)
		run.pacer = pacer_at(t->pps, t->ticks->hz);
	if (t->until_ns != UINT64_MAX)
		run.until = ticks_of(t->ticks, t->until_ns);
	while (t->packets < t->count && sender_thread_may_go_on(t)) {
		uint64_t now = ticks_now();
		if (now < run.start)
			continue;
		if (now >= run.until)
			break;
		xsk_reap(&e->socket, &e->pool);
		uint64_t now_ns = ticks_clock_ns();
		uint32_t due = count_due(t, e, &run, now, now_ns);
		if (due)
			send_due(t, e, &run, due, now_ns);
		else if (xsk_unsent(&e->socket))
			xsk_flush(&e->socket, &e->pool, NULL, NULL);
		else
			wait_for_due(t, &run, now);
	}
	drain(e);
	return 0;
}

const struct sender_ways sender_xsk = {
	.name = "xsk",
	.open = open_engine,
	.run = run_engine,
	.close = close_engine,
	.describe = describe,
};
