// SPDX-License-Identifier: BSD-2-Clause
/*
 * AF_XDP sockets by libxdp's ring helpers. libxdp loads no program of its own here; ours is
 * attached by program.c, and only when its sockets are there.
 */
#include "datapath/xsk.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

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
	if (x->socket)
		xsk_socket__delete(x->socket);
	x->socket = NULL;
	x->fd = -1;
}

int xsk_prefer_busy_poll(const struct xsk *x)
{
	int on = 1, us = BUSY_POLL_US, budget = BUSY_POLL_BUDGET;
	if (setsockopt(x->fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, &on, sizeof(on)) ||
	    setsockopt(x->fd, SOL_SOCKET, SO_BUSY_POLL, &us, sizeof(us)) ||
	    setsockopt(x->fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, &budget, sizeof(budget)))
		return -errno;
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

uint32_t xsk_unsent(const struct xsk *x)
{
	return __atomic_load_n(x->tx.producer, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(x->tx.consumer, __ATOMIC_ACQUIRE);
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
	uint32_t producer = __atomic_load_n(x->tx.producer, __ATOMIC_ACQUIRE);
	uint32_t consumer = __atomic_load_n(x->tx.consumer, __ATOMIC_ACQUIRE);
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
		xsk_reap(x, pool);
		before = left;
		left = xsk_unsent(x);
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
