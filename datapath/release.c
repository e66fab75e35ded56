// SPDX-License-Identifier: BSD-2-Clause
/*
 * virtio_net takes a queue more for each CPU when an XDP program is attached, and gives them up
 * with it. Zero-copy sockets of theirs that are taken back later it refuses to know
 * (virtnet_xsk_pool_disable(), up to Linux 7.3 at least): it keeps what is freed then, and the
 * kernel panics with the next packet or when the interface is set up again.
 *
 * The kernel does not tell when it has taken back a queue, but lets nobody else have it before.
 */
#include "datapath/release.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <xdp/xsk.h>

#include "datapath/memory.h"
#include "datapath/port.h"

#define TRIES   100
#define WAIT_NS 10000000
#define FRAMES  2u

/* Whether another socket holds it: one of our own, for a moment and in copy mode, is refused. */
static bool is_held(const struct port *p, uint32_t queue, void *frames)
{
	const struct xsk_umem_config umem_config = {
		.fill_size = FRAMES, .comp_size = FRAMES, .frame_size = FRAME_SIZE};
	const struct xsk_socket_config config = {
		.rx_size = FRAMES,
		.tx_size = FRAMES,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = XDP_COPY,
	};
	struct xsk_ring_prod fill = {}, tx = {};
	struct xsk_ring_cons completion = {}, rx = {};
	struct xsk_umem *umem = NULL;
	struct xsk_socket *socket = NULL;
	if (xsk_umem__create(&umem, frames, FRAMES * FRAME_SIZE, &fill, &completion, &umem_config))
		return false;
	int r = xsk_socket__create(&socket, p->name, queue, umem, &rx, &tx, &config);
	if (!r)
		xsk_socket__delete(socket);
	xsk_umem__delete(umem);
	return r == -EBUSY;
}

void release_await(const struct port *p)
{
	struct memory frames;
	if (!p->there || !p->zerocopy || strcmp(p->driver, "virtio_net") ||
	    memory_open_small(&frames, FRAMES * FRAME_SIZE, NULL))
		return;
	for (uint32_t i = 0, tries = 0; i < p->queue_count && tries < TRIES;) {
		if (!is_held(p, p->queues[i], frames.base)) {
			i++;
			continue;
		}
		tries++;
		nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL);
	}
	memory_close(&frames);
}
