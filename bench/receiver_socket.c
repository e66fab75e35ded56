// SPDX-License-Identifier: BSD-2-Clause
#include "bench/receiver_socket.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench/place.h"
#include "bench/ticks.h"
#include "datapath/frame_pool.h"
#include "datapath/memory.h"
#include "datapath/port.h"
#include "datapath/xsk.h"
#include "lb/err.h"

#define RING       2048u
#define FRAMES     (3 * RING) /* of a queue: as many as its rings hold, and a burst */
#define BATCH      64u
#define POLL_MS    50
#define QUEUES_MAX 32u

struct receiver_socket {
	uint8_t mac[ETH_ALEN];
	uint32_t flow_count, queue_count;
	struct memory memory;
	struct xsk_area area;
	struct frame_pool pool;
	struct xsk sockets[QUEUES_MAX];
	uint64_t by_queue[QUEUES_MAX];
	struct received counts;
	uint64_t *latency;
	struct received_flow *flows;
	bool stop, started;
	pthread_t thread;
};

/* --- counting --------------------------------------------------------------------------------- */

static void note_sequence(struct receiver_socket *s, const struct stamp *stamp)
{
	struct sequence_counts c = {};
	if (stamp->flow >= s->flow_count) {
		s->counts.unknown++;
		s->counts.stamped.received++;
		return;
	}
	struct received_flow *f = &s->flows[stamp->flow];
	sequence_note(&f->sequence, stamp->sequence, stamp->epoch, &c);
	received_add(&f->counts, &c);
	received_add(&s->counts.stamped, &c);
}

static void note(struct receiver_socket *s, const uint8_t *packet, uint32_t length, uint64_t now_ns)
{
	struct received *all = &s->counts;
	struct stamp stamp;
	if (!received_find(packet, packet + length, &stamp))
		return;
	if (!all->first_ns)
		all->first_ns = now_ns;
	all->last_ns = now_ns;
	all->bytes += length;
	all->misaddressed += memcmp(packet, s->mac, ETH_ALEN) != 0;
	if (now_ns < stamp.sent_ns)
		all->early++;
	else
		s->latency[histogram_slot(now_ns - stamp.sent_ns)]++;
	note_sequence(s, &stamp);
}

static uint32_t take(struct receiver_socket *s, uint32_t queue)
{
	struct xsk *x = &s->sockets[queue];
	uint32_t index, count = xsk_ring_cons__peek(&x->rx, BATCH, &index);
	uint64_t now_ns = count ? ticks_clock_ns() : 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, index + i);
		note(s, s->area.base + d->addr, d->len, now_ns);
		frame_pool_put(&s->pool, d->addr);
	}
	if (count)
		xsk_ring_cons__release(&x->rx, count);
	s->by_queue[queue] += count;
	xsk_refill(x, &s->pool);
	return count;
}

static void *run(void *context)
{
	struct receiver_socket *s = context;
	struct pollfd fds[QUEUES_MAX];
	for (uint32_t i = 0; i < s->queue_count; i++)
		fds[i] = (struct pollfd){.fd = s->sockets[i].fd, .events = POLLIN};
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		uint32_t count = 0;
		for (uint32_t i = 0; i < s->queue_count; i++)
			count += take(s, i);
		if (!count)
			poll(fds, s->queue_count, POLL_MS);
	}
	return NULL;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_memory(struct receiver_socket *s, struct err *err)
{
	uint32_t frames = s->queue_count * FRAMES;
	s->latency = calloc(HISTOGRAM_SLOTS, sizeof(*s->latency));
	s->flows = calloc(s->flow_count, sizeof(*s->flows));
	int r = s->latency && s->flows ? frame_pool_init(&s->pool, frames) : -ENOMEM;
	if (r)
		return err_set(err, -r, "no memory for a receiver");
	r = memory_open(&s->memory, (size_t)frames * FRAME_SIZE, -1, HUGEPAGES_AUTO, err);
	return r ? r : xsk_area_open(&s->area, &s->memory, RING, err);
}

static int open_queue(struct receiver_socket *s, const struct place *place, uint32_t queue, int map,
		      struct err *err)
{
	struct port port = {.ifindex = place->ifindex};
	memcpy(port.name, place->name, sizeof(port.name));
	const struct xsk_mode mode = {.zerocopy = place->zerocopy};
	int r = xsk_open(&s->sockets[queue], &s->area, &port, 0, queue, mode, err);
	if (r)
		return r;
	xsk_refill(&s->sockets[queue], &s->pool);
	int fd = s->sockets[queue].fd;
	return bpf_map_update_elem(map, &queue, &fd, 0)
		       ? err_set(err, errno, "can't name a socket to the program: %m")
		       : 0;
}

/* Sockets belong to the namespace they are made in; the first is made with the memory. */
static int open_in_place(struct receiver_socket *s, const struct place *place, int map,
			 struct err *err)
{
	int back, r = place_enter(place, &back, err);
	if (r)
		return r;
	r = open_memory(s, err);
	for (uint32_t i = 0; i < s->queue_count && !r; i++)
		r = open_queue(s, place, i, map, err);
	place_leave(back);
	return r;
}

int receiver_socket_open(struct receiver_socket **out, const struct place *place, uint32_t flows,
			 int map, struct err *err)
{
	struct receiver_socket *s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ENOMEM, "no memory for a receiver");
	*out = s;
	memcpy(s->mac, place->mac, sizeof(s->mac));
	s->flow_count = flows;
	s->queue_count = place->rx_queues < QUEUES_MAX ? place->rx_queues : QUEUES_MAX;
	for (uint32_t i = 0; i < QUEUES_MAX; i++)
		s->sockets[i].fd = -1;
	int r = open_in_place(s, place, map, err);
	if (r)
		return r;
	r = pthread_create(&s->thread, NULL, run, s);
	s->started = !r;
	return r ? err_set(err, r, "can't start a thread: %s", strerror(r)) : 0;
}

void receiver_socket_close(struct receiver_socket *s)
{
	if (!s)
		return;
	__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
	if (s->started)
		pthread_join(s->thread, NULL);
	for (uint32_t i = 0; i < QUEUES_MAX; i++)
		xsk_close(&s->sockets[i]);
	xsk_area_close(&s->area);
	memory_close(&s->memory);
	frame_pool_fini(&s->pool);
	free(s->latency);
	free(s->flows);
	free(s);
}

const struct received *receiver_socket_counts(const struct receiver_socket *s)
{
	return &s->counts;
}

const uint64_t *receiver_socket_latency(const struct receiver_socket *s)
{
	return s->latency;
}

const struct received_flow *receiver_socket_flow(const struct receiver_socket *s, uint32_t flow)
{
	return &s->flows[flow];
}

uint64_t receiver_socket_queue(const struct receiver_socket *s, uint32_t queue)
{
	return queue < s->queue_count ? s->by_queue[queue] : 0;
}
