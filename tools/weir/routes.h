/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The routes that tell routing daemons of VIPs with `announce: route`: one to each VIP's prefix, in
 * a table of the kernel, there while the VIP is served. It leads nowhere (blackhole); who exports
 * it names himself as the next hop. A lost VIP's route goes at once, and comes back damped
 * (lb/damping.h). What a daemon that is gone has left is taken over, or removed. Control thread.
 */
#ifndef WEIR_TOOLS_ROUTES_H
#define WEIR_TOOLS_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct err;
struct ev_loop;
struct routes;

#define ROUTES_GRACE_S 3 /* routes of the daemon before stay so long while nothing is known yet */

/*
 * `table` is this daemon's alone: -EADDRINUSE where another has it in this network namespace.
 * `lock`: its lock, from the daemon that is about to hand over, which is taken over; or -1.
 */
int routes_open(struct routes **out, struct ev_loop *loop, uint32_t table, int lock,
		struct err *err);

/* A descriptor of its lock, which stays its own; -1 of NULL. */
int routes_lock(const struct routes *r);

/* With `leave` the routes stay, for the next daemon. NULL too. */
void routes_close(struct routes *r, bool leave);

struct route_wanted {
	struct addr base;
	uint32_t length; /* 1 to PREFIX_FULL */
	bool well;       /* it is served here */
};

/*
 * These are the VIPs from now on; one may come more than once, and is served if it is once. Without
 * memory nothing changes. NULL too: does nothing.
 */
void routes_set(struct routes *r, const struct route_wanted *wanted, uint32_t count,
		uint32_t damping_ms);

/* Takes all routes away, for good. NULL too. */
void routes_withdraw(struct routes *r);

enum route_state {
	ROUTE_WITHDRAWN, /* it is not served, or the daemon is about to end */
	ROUTE_HELD,      /* it is served again, for less than the damping */
	ROUTE_ANNOUNCED,
	ROUTE_BLOCKED, /* somebody else has a route there, or the kernel refuses it: see `why` */
};
const char *route_state_word(enum route_state state);

struct route_view {
	enum route_state state;
	char why[128];        /* ROUTE_BLOCKED */
	uint64_t withdrawals; /* since it was configured */
};

/* False: there is no such route. NULL has none. */
bool routes_look(const struct routes *r, const struct addr *base, uint32_t length,
		 struct route_view *out);

/* The n-th, in the order of addresses; false behind the last one. */
bool routes_read(const struct routes *r, uint32_t n, struct addr *base, uint32_t *length,
		 struct route_view *out);

#endif
