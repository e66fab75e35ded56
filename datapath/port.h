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
#define PORT_MAX_MTU (FRAME_SIZE - 256 - 14 - 8)

struct port {
	char name[IF_NAMESIZE];
	char driver[32];
	char hardware[64]; /* where it is and what firmware it has; "": the driver does not say */
	int ifindex;
	uint8_t mac[ETH_ALEN];
	uint32_t mtu;
	int node;             /* NUMA node, -1: unknown */
	uint32_t queue_count; /* receive queues served: 0 to queue_count - 1, or `queues` */
	uint16_t queues[ABI_MAX_QUEUES];
	enum config_mode wanted;
	bool generic;   /* XDP runs in generic mode: the driver has none of its own */
	bool zerocopy;  /* effective: the sockets share the NIC's memory */
	bool fast_path; /* effective: the XDP program repeats decisions */
};

/*
 * Looks the interface up and checks that it can be served. -ENODEV, -ENETDOWN, -EINVAL (a queue it
 * does not have, MTU too large), each with what to do about it.
 */
int port_open(struct port *p, const struct config_interface *config, struct err *err);

/*
 * Counts its queues again, when XDP is on: virtio_net then takes one more for each CPU to send by,
 * and receives by them too. Errors as port_open().
 */
int port_count_queues(struct port *p, const struct config_interface *config, struct err *err);

/* "zerocopy", "copy" or "generic": what is, not what was wanted. */
const char *port_mode_name(const struct port *p);

#endif
