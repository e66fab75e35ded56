/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes VIPs of `announce: neighbor` known on the ports' links: tells everybody, a few times, when
 * a VIP is new or a port comes (back) up, and has solicitations for IPv6 VIPs sent to the ports,
 * which don't hear the groups they go to otherwise. (Questions are answered by the workers.)
 * Control thread.
 */
#ifndef WEIR_TOOLS_ANNOUNCER_H
#define WEIR_TOOLS_ANNOUNCER_H

#include <linux/if_ether.h>
#include <stdint.h>

#include "bpf/abi.h"

struct announcer;
struct err;
struct ev_loop;

#define ANNOUNCER_TIMES      3   /* as RFC 4861 (MAX_NEIGHBOR_ADVERTISEMENT) and RFC 5227 + 1 */
#define ANNOUNCER_INTERVAL_S 1.0 /* at least RFC 4861's RetransTimer */

struct announcer_port {
	int ifindex;
	uint8_t mac[ETH_ALEN];
};

/* At most ABI_MAX_PORTS ports. */
int announcer_open(struct announcer **out, struct ev_loop *loop, const struct announcer_port *ports,
		   uint32_t port_count, struct err *err);

/*
 * The ports are these now; ifindex 0: it is gone. On those with another interface or link address
 * all VIPs are announced again.
 */
void announcer_set_ports(struct announcer *a, const struct announcer_port *ports, uint32_t count);

void announcer_close(struct announcer *a); /* NULL too */

/*
 * These are the VIPs from now on; one may come more than once. The new ones among them are
 * announced. What can't be done is logged; without memory nothing changes.
 */
void announcer_set(struct announcer *a, const struct addr *vips, uint32_t count);

#endif
