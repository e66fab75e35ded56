// SPDX-License-Identifier: BSD-2-Clause
/*
 * The baseline of the engine `xsk`: the plain loop that Documentation/networking/af_xdp.rst and the
 * kernel's samples have for a program that only sends. Frames are written once and sent again and
 * again, as fast as it goes, with no socket option set; each batch is a system call.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <xdp/xsk.h>

#include "bench/place.h"
#include "bench/sender_engine.h"
#include "datapath/memory.h"

#define FRAME  4096u
#define FRAMES 4096u
#define BATCH  64u

struct engine {
	struct memory memory;
	struct xsk_umem *umem;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons completion, rx;
	struct xsk_socket *socket;
	uint32_t outstanding, next;
};

static void write_frames(struct engine *e, const struct stream *s)
{
	for (uint32_t i = 0; i < FRAMES; i++) {
		uint8_t *frame = (uint8_t *)e->memory.base + i * FRAME;
		uint32_t flow = s->order[i % s->order_count] & ((1u << STREAM_FLOW_BITS) - 1);
		struct stamp stamp = {.flow = flow};
		stream_write(frame, frame + FRAME, &s->shape, &s->sizes[0], &s->flows[flow],
			     s->shape.stamps ? &stamp : NULL);
	}
}

static int open_engine(struct sender_thread *t, struct err *err)
{
	struct xsk_socket_config config = {
		.rx_size = XSK_RING_CONS__DEFAULT_NUM_DESCS,
		.tx_size = XSK_RING_PROD__DEFAULT_NUM_DESCS,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_USE_NEED_WAKEUP,
	};
	struct engine *e = t->engine = calloc(1, sizeof(*e));
	if (!e)
		return err_set(err, ENOMEM, "no memory for a sender");
	int r = memory_open(&e->memory, (size_t)FRAMES * FRAME, -1, HUGEPAGES_AUTO, err);
	if (r)
		return r;
	write_frames(e, &t->stream);
	r = xsk_umem__create(&e->umem, e->memory.base, e->memory.size, &e->fill, &e->completion,
			     NULL);
	r = r ? r
	      : xsk_socket__create(&e->socket, t->wanted->from->name, t->queue, e->umem, &e->rx,
				   &e->tx, &config);
	return r ? err_set(err, -r, "can't open a plain AF_XDP socket: %s", strerror(-r)) : 0;
}

static void close_engine(struct sender_thread *t)
{
	struct engine *e = t->engine;
	if (!e)
		return;
	if (e->socket)
		xsk_socket__delete(e->socket);
	if (e->umem)
		xsk_umem__delete(e->umem);
	memory_close(&e->memory);
	free(e);
	t->engine = NULL;
}

static void complete(struct engine *e)
{
	uint32_t index;
	if (!e->outstanding)
		return;
	if (xsk_ring_prod__needs_wakeup(&e->tx))
		(void)sendto(xsk_socket__fd(e->socket), NULL, 0, MSG_DONTWAIT, NULL, 0);
	uint32_t done = xsk_ring_cons__peek(&e->completion, BATCH, &index);
	if (!done)
		return;
	xsk_ring_cons__release(&e->completion, done);
	e->outstanding -= done;
}

static void send_batch(struct engine *e, uint32_t length)
{
	uint32_t index;
	while (xsk_ring_prod__reserve(&e->tx, BATCH, &index) < BATCH)
		complete(e);
	for (uint32_t i = 0; i < BATCH; i++)
		*xsk_ring_prod__tx_desc(&e->tx, index + i) = (struct xdp_desc){
			.addr = (uint64_t)((e->next + i) % FRAMES) * FRAME, .len = length};
	xsk_ring_prod__submit(&e->tx, BATCH);
	e->outstanding += BATCH;
	e->next = (e->next + BATCH) % FRAMES;
	complete(e);
}

static int run_engine(struct sender_thread *t, struct err *err)
{
	struct engine *e = t->engine;
	uint64_t now_ns = ticks_clock_ns();
	while (now_ns < t->start_ns)
		now_ns = ticks_clock_ns();
	while (t->packets < t->count && now_ns < t->until_ns && sender_thread_may_go_on(t)) {
		send_batch(e, t->stream.sizes[0].length);
		now_ns = ticks_clock_ns();
		t->packets += BATCH;
		t->last_ns = now_ns;
	}
	while (e->outstanding && sender_thread_may_go_on(t))
		complete(e);
	return 0;
}

static void describe(const struct sender_thread *t, char *text, size_t size)
{
	snprintf(text, size, "AF_XDP, the plain loop of the kernel's documentation");
}

const struct sender_ways sender_plain = {
	.name = "plain",
	.open = open_engine,
	.run = run_engine,
	.close = close_engine,
	.describe = describe,
};
