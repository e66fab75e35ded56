/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One AF_XDP socket: the rings of one queue of one port. Opened by the control thread, then used
 * by its worker alone. See Documentation/networking/af_xdp.rst.
 */
#ifndef WEIR_DATAPATH_XSK_H
#define WEIR_DATAPATH_XSK_H

#include <stdbool.h>
#include <stdint.h>
#include <xdp/xsk.h>

struct err;
struct frame_pool;
struct memory;
struct port;
struct socket_counters;

/* From newer headers than Debian 12's (Linux 6.6). */
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0) /* the packet goes on in the next descriptor */
#define XDP_USE_SG    (1 << 4)
#endif

/* Packet memory registered with the kernel, shared by all sockets of a worker. */
struct xsk_area {
	struct xsk_umem *umem;
	uint8_t *base;
	uint32_t ring_size; /* descriptors of each ring of each socket */
	uint32_t bindings;
	/* The rings that belong to the first socket; libxdp ties them to the memory. */
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
};

/* `ring_size` a power of two. -ENOMEM, -ENOBUFS (locked memory limit), -EPERM. */
int xsk_area_open(struct xsk_area *a, const struct memory *m, uint32_t ring_size, struct err *err);
void xsk_area_close(struct xsk_area *a); /* after its sockets; a zeroed one too */

struct xsk_mapping {
	void *base;
	size_t size;
};

struct xsk {
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;
	struct xsk_ring_prod own_fill;
	struct xsk_ring_cons own_completion;
	struct xsk_ring_prod *fill;
	struct xsk_ring_cons *completion;
	struct xsk_socket *socket;  /* NULL: it was adopted, with these rings */
	struct xsk_mapping maps[4]; /* receive, transmit, fill, completion */
	int fd;
	uint16_t port, queue;            /* port index, queue id of the interface */
	uint64_t rx_packets, tx_packets; /* through it; of its worker, read by anyone */
	bool driven;         /* its worker has to poll the queue's NAPI (datapath/deferral.h) */
	bool kicked_by_poll; /* where sendto() has nothing sent, poll() has */
	bool multi_buffer;   /* a packet may be several descriptors */
	uint32_t staged;     /* descriptors written to the tx ring, not yet submitted */
	uint32_t continued;  /* of them, those that are not the last one of a packet */
};

/* How sockets are to be; the first of an area decides it for all others. */
struct xsk_mode {
	bool zerocopy;     /* its memory is shared with the NIC */
	bool multi_buffer; /* packets may be longer than a frame */
};

/*
 * Opens a socket on a port's queue. -EOPNOTSUPP or -EINVAL: the driver can't do zero copy, or the
 * kernel (before 6.6) no packets of several buffers.
 */
int xsk_open(struct xsk *x, struct xsk_area *area, const struct port *port, uint16_t port_index,
	     uint16_t queue, struct xsk_mode mode, struct err *err);

/*
 * A socket that another process has opened, on memory that is here at area->base. Takes over `fd`
 * on success. Where its rings stand is seen by xsk_catch_up(), once the other does not touch them
 * any more. -EBUSY: this kernel maps the rings of a bound socket once only (before Linux 6.4).
 */
int xsk_adopt(struct xsk *x, const struct xsk_area *area, uint16_t port_index, uint16_t queue,
	      bool multi_buffer, int fd, struct err *err);
void xsk_catch_up(struct xsk *x);

void xsk_close(struct xsk *x); /* a zeroed one too */

/*
 * Asks for preferred busy polling, or takes that back; -errno: this kernel does not know it (Linux
 * 5.11), and it is as with interrupts.
 */
int xsk_prefer_busy_poll(struct xsk *x, bool prefer);

/* The kernel's number of the queue's NAPI, which busy polling drives; 0: its driver tells none
 * (yet). */
unsigned int xsk_napi(const struct xsk *x);

/* Whether the kernel did bind it zero copy. */
bool xsk_is_zerocopy(const struct xsk *x);

/* Puts free frames into the fill ring, as many as there are and fit. */
void xsk_refill(struct xsk *x, struct frame_pool *pool);

/* Takes frames that were sent back into the pool. */
void xsk_reap(struct xsk *x, struct frame_pool *pool);

/* Writes a descriptor of a frame that is now the socket's. False: the ring is full. */
static inline bool xsk_stage(struct xsk *x, uint64_t address, uint32_t length)
{
	uint32_t index;
	if (xsk_ring_prod__reserve(&x->tx, 1, &index) != 1)
		return false;
	/* `options` too: what an earlier use left there would make the descriptor invalid. */
	*xsk_ring_prod__tx_desc(&x->tx, index) = (struct xdp_desc){.addr = address, .len = length};
	x->staged++;
	return true;
}

/* What xsk_flush() did. */
struct xsk_flush {
	uint32_t wakeups; /* system calls made */
	uint32_t failed;  /* frames that the driver refused, lost */
};

/* Told of each frame that the driver refused: it is as it was, and nobody's during the call. */
typedef void xsk_failed_fn(void *context, const struct xdp_desc *frame);

/*
 * Submits what is staged and has the kernel send it, and what it left over before. Makes no
 * system call when there is nothing to send. `failed` may be NULL.
 */
struct xsk_flush xsk_flush(struct xsk *x, struct frame_pool *pool, xsk_failed_fn *failed,
			   void *context);

/* Descriptors submitted that the kernel has not taken up yet; the packets in them. Any thread. */
uint32_t xsk_unsent(const struct xsk *x);
uint32_t xsk_unsent_packets(const struct xsk *x);

/* Frames in the fill ring, not yet taken by the kernel. Any thread. */
uint32_t xsk_unfilled(const struct xsk *x);

/* Packets received and not yet seen. Any thread. */
uint32_t xsk_unread_packets(const struct xsk *x);

/* The kernel's own counters. -errno. */
int xsk_counters(const struct xsk *x, struct socket_counters *out);

#endif
