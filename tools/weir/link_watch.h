/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Says when interfaces may have changed: come, gone, up, down, another MTU or link address
 * (rtnetlink), or another number of queues (ethtool's netlink, where the kernel has it). Control
 * thread.
 */
#ifndef WEIR_TOOLS_LINK_WATCH_H
#define WEIR_TOOLS_LINK_WATCH_H

#include <stdbool.h>

struct err;
struct ev_loop;
struct link_watch;

/* Called from the loop when a swarm of events has settled; true: again soon, something is amiss. */
typedef bool link_watch_fn(void *context);

int link_watch_open(struct link_watch **out, struct ev_loop *loop, link_watch_fn *fn, void *context,
		    struct err *err);
void link_watch_close(struct link_watch *w); /* NULL too */

#endif
