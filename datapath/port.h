/* SPDX-License-Identifier: BSD-2-Clause */
/* A network interface as Weir uses it: what the kernel says of it, and which mode came out. */
#ifndef WEIR_DATAPATH_PORT_H
#define WEIR_DATAPATH_PORT_H

#include <linux/if_ether.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/frame_pool.h"
#include "lb/config.h"

struct err;

/* What a frame can hold: XDP's headroom, Ethernet and two VLAN tags come off. */
#define PORT_FRAME_MTU (FRAME_SIZE - 256 - 14 - 8)
/* Of jumbo frames, which take several. */
#define PORT_MAX_MTU 9216u

struct port {
	char name[IF_NAMESIZE];
	char driver[32];
	char bus[32];      /* address of the device: "0000:01:00.0"; "": it has none */
	char hardware[64]; /* where it is and what firmware it has; "": the driver does not say */
	int ifindex;
	bool removed; /* the configuration has it no more: it is there for its counters alone */
	bool there;   /* it is served; false: its interface is gone, and packets neither come nor go
		       */
	bool up;      /* IFF_UP, as last seen */
	uint8_t mac[ETH_ALEN];
	uint32_t mtu;
	uint32_t rx_queues;   /* that the driver has */
	int node;             /* NUMA node, -1: unknown */
	uint32_t queue_count; /* receive queues served: 0 to queue_count - 1, or `queues` */
	uint16_t queues[ABI_MAX_QUEUES];
	enum config_mode wanted;
	enum config_attach attach;
	uint32_t priority; /* in the dispatcher, if it is attached by one */
	bool generic;      /* XDP runs in generic mode: the driver has none of its own */
	bool zerocopy;     /* effective: the sockets share the NIC's memory */
	bool fast_path;    /* effective: the XDP program repeats decisions */
	bool needs_copies; /* a fast path was asked for, and zero copy stands in its way */
	bool busy_poll;    /* effective: workers drive its queues, and its interrupts are put off */
	uint32_t patience,
		wait; /* looks at it between two tries to serve it again; still to come */
	uint64_t losses, rebuilds; /* times its interface went away; its sockets were made anew */
};

/*
 * Looks the interface up and checks that it can be served. -ENODEV, -ENETDOWN, -EINVAL (a queue it
 * does not have, MTU too large), each with what to do about it.
 */
int port_open(struct port *p, const struct config_interface *config, struct err *err);

/*
 * The same as it is now, of an interface that need not be fit to be served: whether it is up, and
 * how large its MTU is, is told and not judged. -ENODEV, -EINVAL.
 */
int port_look(struct port *p, const struct config_interface *config, struct err *err);

/*
 * Counts its queues again, when XDP is on: virtio_net then takes one more for each CPU to send by,
 * and receives by them too. Errors as port_open().
 */
int port_count_queues(struct port *p, const struct config_interface *config, struct err *err);

/* "zerocopy", "copy", "generic" or "gone": what is, not what was wanted. */
const char *port_mode_name(const struct port *p);

#endif
