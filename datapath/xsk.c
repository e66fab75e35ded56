// SPDX-License-Identifier: BSD-2-Clause
/*
 * AF_XDP sockets by libxdp's ring helpers. libxdp loads no program of its own here; ours is
 * attached by program.c, and only when its sockets are there.
 */
#include "datapath/xsk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/frame_pool.h"
#include "datapath/memory.h"
#include "datapath/port.h"
#include "datapath/worker.h"
#include "lb/err.h"

/* From newer headers than Debian 12's; older kernels refuse it, which does no harm. */
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#define SO_BUSY_POLL_BUDGET 70
#endif

#define BUSY_POLL_US     20   /* of no weight: nobody waits in a call */
#define BUSY_POLL_BUDGET 64   /* packets in one call: a burst */
#define TX_BUDGET        256u /* frames the kernel sends in one call in copy mode, if it can */
#define SEND_BUFFER      (16 << 20) /* bytes in flight in copy mode */
#define REAP_BATCH       64u

int xsk_area_open(struct xsk_area *a, const struct memory *m, uint32_t ring_size, struct err *err)
{
	struct xsk_umem_config config = {
		.fill_size = ring_size,
		.comp_size = ring_size,
		.frame_size = FRAME_SIZE,
	};
	/* Zeroed: libxdp does not set all of the rings' cached positions. */
	*a = (struct xsk_area){.base = m->base, .ring_size = ring_size};
	int r = xsk_umem__create(&a->umem, m->base, m->size, &a->fill, &a->completion, &config);
	if (r == -ENOBUFS)
		return err_set(err, ENOBUFS,
			       "%zu MiB of packet memory can't be locked: raise the limit ('ulimit "
			       "-l unlimited', LimitMEMLOCK=infinity) or grant CAP_IPC_LOCK",
			       m->size >> 20);
	if (r)
		return err_set(err, -r, "can't register packet memory for AF_XDP: %s%s",
			       strerror(-r), r == -EPERM ? "; CAP_NET_RAW is needed" : "");
	return 0;
}

void xsk_area_close(struct xsk_area *a)
{
	if (a->umem)
		xsk_umem__delete(a->umem);
	a->umem = NULL;
}

static int bind_queue(struct xsk *x, struct xsk_area *area, const struct port *port,
		      struct xsk_mode mode)
{
	struct xsk_socket_config config = {
		.rx_size = area->ring_size,
		.tx_size = area->ring_size,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP | (mode.zerocopy ? XDP_ZEROCOPY : XDP_COPY) |
			      (mode.multi_buffer ? XDP_USE_SG : 0),
	};
	bool is_first = area->bindings == 0;
	x->fill = is_first ? &area->fill : &x->own_fill;
	x->completion = is_first ? &area->completion : &x->own_completion;
	return xsk_socket__create_shared(&x->socket, port->name, x->queue, area->umem, &x->rx,
					 &x->tx, x->fill, x->completion, &config);
}

static void set_send_options(int fd)
{
	int buffer = SEND_BUFFER, budget = TX_BUDGET;
	/* Without them it is slower, not wrong. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	(void)setsockopt(fd, SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &budget, sizeof(budget));
}

int xsk_open(struct xsk *x, struct xsk_area *area, const struct port *port, uint16_t port_index,
	     uint16_t queue, struct xsk_mode mode, struct err *err)
{
	*x = (struct xsk){
		.fd = -1, .port = port_index, .queue = queue, .multi_buffer = mode.multi_buffer};
	int r = bind_queue(x, area, port, mode);
	if (r == -EBUSY)
		return err_set(err, EBUSY,
			       "queue %u of %s is used already by another AF_XDP socket: stop the "
			       "program that holds it",
			       queue, port->name);
	if (r)
		return err_set(err, -r, "can't bind queue %u of %s%s: %s", queue, port->name,
			       mode.zerocopy ? " zero-copy" : "", strerror(-r));
	area->bindings++;
	x->fd = xsk_socket__fd(x->socket);
	set_send_options(x->fd);
	return 0;
}

void xsk_close(struct xsk *x)
{
	for (int i = 0; i < 4; i++)
		if (x->maps[i].base)
			munmap(x->maps[i].base, x->maps[i].size);
	if (x->socket)
		xsk_socket__delete(x->socket);
	else if (x->maps[0].base)
		close(x->fd);
	*x = (struct xsk){.fd = -1};
}

/* --- those of another process ------------------------------------------------------------------
 */

static int map_ring(struct xsk *x, int index, uint64_t size, off_t offset, struct err *err)
{
	void *base =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, x->fd, offset);
	if (base == MAP_FAILED && errno == EBUSY)
		return err_set(err, EBUSY,
			       "this kernel gives the rings of a socket to one process only; Linux "
			       "6.4 and later to another one too");
	if (base == MAP_FAILED)
		return err_set(err, errno, "can't have the rings of a socket: %m");
	x->maps[index] = (struct xsk_mapping){base, size};
	return 0;
}

#define USE_RING(ring_, map_, at_, entries_)                                    \
	do {                                                                    \
		(ring_)->mask = (entries_)-1;                                   \
		(ring_)->size = (entries_);                                     \
		(ring_)->producer = (void *)((char *)(map_) + (at_)->producer); \
		(ring_)->consumer = (void *)((char *)(map_) + (at_)->consumer); \
		(ring_)->flags = (void *)((char *)(map_) + (at_)->flags);       \
		(ring_)->ring = (void *)((char *)(map_) + (at_)->desc);         \
	} while (0)

static int map_rings(struct xsk *x, uint32_t entries, struct err *err)
{
	struct xdp_mmap_offsets at;
	socklen_t size = sizeof(at);
	const uint64_t packets = entries * sizeof(struct xdp_desc),
		       frames = entries * sizeof(uint64_t);
	if (getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &size))
		return err_set(err, errno, "what was handed over is no AF_XDP socket: %m");
	int r = map_ring(x, 0, at.rx.desc + packets, XDP_PGOFF_RX_RING, err);
	r = r ? r : map_ring(x, 1, at.tx.desc + packets, XDP_PGOFF_TX_RING, err);
	r = r ? r : map_ring(x, 2, at.fr.desc + frames, XDP_UMEM_PGOFF_FILL_RING, err);
	r = r ? r : map_ring(x, 3, at.cr.desc + frames, XDP_UMEM_PGOFF_COMPLETION_RING, err);
	if (r)
		return r;
	USE_RING(&x->rx, x->maps[0].base, &at.rx, entries);
	USE_RING(&x->tx, x->maps[1].base, &at.tx, entries);
	USE_RING(&x->own_fill, x->maps[2].base, &at.fr, entries);
	USE_RING(&x->own_completion, x->maps[3].base, &at.cr, entries);
	return 0;
}

int xsk_adopt(struct xsk *x, const struct xsk_area *area, uint16_t port_index, uint16_t queue,
	      bool multi_buffer, int fd, struct err *err)
{
	struct xsk adopted = {
		.fd = fd, .port = port_index, .queue = queue, .multi_buffer = multi_buffer};
	int r = map_rings(&adopted, area->ring_size, err);
	if (r) {
		for (int i = 0; i < 4; i++)
			if (adopted.maps[i].base)
				munmap(adopted.maps[i].base, adopted.maps[i].size);
		return r;
	}
	*x = adopted;
	x->fill = &x->own_fill;
	x->completion = &x->own_completion;
	return 0;
}

/* A producer's view of the consumer is ahead by the ring's size, as libxdp keeps it. */
static void catch_up_producer(struct xsk_ring_prod *r)
{
	r->cached_prod = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	r->cached_cons = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE) + r->size;
}

static void catch_up_consumer(struct xsk_ring_cons *r)
{
	r->cached_prod = __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
	r->cached_cons = __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}

void xsk_catch_up(struct xsk *x)
{
	catch_up_consumer(&x->rx);
	catch_up_producer(&x->tx);
	catch_up_producer(x->fill);
	catch_up_consumer(x->completion);
}

int xsk_prefer_busy_poll(struct xsk *x, bool prefer)
{
	int on = prefer, us = prefer ? BUSY_POLL_US : 0, budget = BUSY_POLL_BUDGET;
	x->kicked_by_poll = false;
	if (setsockopt(x->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) ||
	    setsockopt(x->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) ||
	    setsockopt(x->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)))
		return -errno;
	x->kicked_by_poll = prefer && xsk_is_zerocopy(x);
	return 0;
}

unsigned int xsk_napi(const struct xsk *x)
{
	unsigned int napi = 0;
	socklen_t size = sizeof(napi);
	return getsockopt(x->fd, SOL_SOCKET, SO_INCOMING_NAPI_ID, &napi, &size) ? 0 : napi;
}

bool xsk_is_zerocopy(const struct xsk *x)
{
	struct xdp_options options = {};
	socklen_t size = sizeof(options);
	return !getsockopt(x->fd, SOL_XDP, XDP_OPTIONS, &options, &size) &&
	       options.flags & XDP_OPTIONS_ZEROCOPY;
}

void xsk_refill(struct xsk *x, struct frame_pool *pool)
{
	uint32_t index, count = xsk_prod_nb_free(x->fill, x->fill->size);
	if (count > pool->count)
		count = pool->count;
	if (!count || xsk_ring_prod__reserve(x->fill, count, &index) != count)
		return;
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__fill_addr(x->fill, index + i) = frame_pool_get(pool);
	xsk_ring_prod__submit(x->fill, count);
}

void xsk_reap(struct xsk *x, struct frame_pool *pool)
{
	uint32_t index, count;
	while ((count = xsk_ring_cons__peek(x->completion, REAP_BATCH, &index)) > 0) {
		for (uint32_t i = 0; i < count; i++)
			frame_pool_put(pool, *xsk_ring_cons__comp_addr(x->completion, index + i));
		xsk_ring_cons__release(x->completion, count);
	}
}

/* The consumer first: one that moves on meanwhile would be ahead of the producer as it was. */
static uint32_t waiting(const uint32_t *producer, const uint32_t *consumer)
{
	uint32_t from = __atomic_load_n(consumer, __ATOMIC_ACQUIRE);
	return __atomic_load_n(producer, __ATOMIC_ACQUIRE) - from;
}

uint32_t xsk_unsent(const struct xsk *x)
{
	return waiting(x->tx.producer, x->tx.consumer);
}

uint32_t xsk_unfilled(const struct xsk *x)
{
	return waiting(x->fill->producer, x->fill->consumer);
}

/* Of what is between two places of a ring, those that end a packet. */
static uint32_t count_ends(const struct xdp_desc *ring, uint32_t mask, uint32_t from, uint32_t to)
{
	uint32_t ends = 0;
	for (; from != to; from++)
		ends += !(ring[from & mask].options & XDP_PKT_CONTD);
	return ends;
}

uint32_t xsk_unsent_packets(const struct xsk *x)
{
	uint32_t consumer = __atomic_load_n(x->tx.consumer, __ATOMIC_ACQUIRE);
	uint32_t producer = __atomic_load_n(x->tx.producer, __ATOMIC_ACQUIRE);
	return x->multi_buffer ? count_ends(x->tx.ring, x->tx.mask, consumer, producer)
			       : producer - consumer;
}

uint32_t xsk_unread_packets(const struct xsk *x)
{
	uint32_t consumer = __atomic_load_n(x->rx.consumer, __ATOMIC_ACQUIRE);
	uint32_t producer = __atomic_load_n(x->rx.producer, __ATOMIC_ACQUIRE);
	return x->multi_buffer ? count_ends(x->rx.ring, x->rx.mask, consumer, producer)
			       : producer - consumer;
}

static bool is_completed(const struct xsk *x, uint64_t address)
{
	const uint64_t *completed = x->completion->ring;
	uint32_t end = __atomic_load_n(x->completion->producer, __ATOMIC_ACQUIRE);
	for (uint32_t i = x->completion->cached_cons; i != end; i++)
		if (completed[i & x->completion->mask] == address)
			return true;
	return false;
}

/*
 * The frame that the kernel has just failed to send: it is given back at once, and is the last one
 * that was taken up. Those before it may be given back by now, those behind it are not.
 */
static const struct xdp_desc *last_taken(const struct xsk *x)
{
	const struct xdp_desc *submitted = x->tx.ring;
	for (uint32_t n = 1; n <= x->tx.size; n++) {
		const struct xdp_desc *d = &submitted[(x->tx.cached_prod - n) & x->tx.mask];
		if (is_completed(x, d->addr))
			return d;
	}
	return NULL;
}

static void tell_failed(const struct xsk *x, xsk_failed_fn *failed, void *context)
{
	const struct xdp_desc *frame = last_taken(x);
	if (frame)
		failed(context, frame);
}

/*
 * For a socket that prefers busy polling the kernel leaves sending to who drives the NAPI it
 * receives by. Where a driver sends by another one (virtio_net), only poll() still has it begin.
 */
static void kick_by_poll(const struct xsk *x)
{
	struct pollfd p = {.fd = x->fd, .events = POLLOUT};
	(void)poll(&p, 1, 0);
}

struct xsk_flush xsk_flush(struct xsk *x, struct frame_pool *pool, xsk_failed_fn *failed,
			   void *context)
{
	struct xsk_flush done = {};
	if (x->staged)
		xsk_ring_prod__submit(&x->tx, x->staged);
	x->staged = x->continued = 0;
	/* As long as the kernel gets on: what it does not take now, the next turn offers again. */
	uint32_t left = xsk_unsent(x), before = left + 1;
	while (left && left != before && xsk_ring_prod__needs_wakeup(&x->tx)) {
		done.wakeups++;
		/* EBUSY in copy mode: a frame was taken up, refused by the driver, and is lost. */
		if (sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno == EBUSY) {
			done.failed++;
			if (failed)
				tell_failed(x, failed, context);
		}
		before = left;
		left = xsk_unsent(x);
		if (left == before && x->kicked_by_poll) {
			kick_by_poll(x);
			left = xsk_unsent(x);
		}
		xsk_reap(x, pool);
	}
	return done;
}

int xsk_counters(const struct xsk *x, struct socket_counters *out)
{
	struct xdp_statistics s = {};
	socklen_t size = sizeof(s);
	if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &s, &size))
		return -errno;
	*out = (struct socket_counters){
		.rx_packets = __atomic_load_n(&x->rx_packets, __ATOMIC_RELAXED),
		.tx_packets = __atomic_load_n(&x->tx_packets, __ATOMIC_RELAXED),
		.rx_no_frame = s.rx_dropped,
		.rx_full = s.rx_ring_full,
		.fill_empty = s.rx_fill_ring_empty_descs,
		.tx_invalid = s.tx_invalid_descs,
	};
	return 0;
}
