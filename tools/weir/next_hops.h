/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways to the backends, as the kernel's routes and neighbours have them, followed as they
 * change. Whatever fills the kernel's tables (addresses, BIRD, FRR, `ip route`) just works.
 *
 * Link addresses that are not known are asked for, and kept fresh by the kernel while they are
 * watched ("managed" entries). Control thread.
 */
#ifndef WEIR_TOOLS_NEXT_HOPS_H
#define WEIR_TOOLS_NEXT_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/snapshot.h"

struct err;
struct ev_loop;
struct next_hops;

/* Called from the loop after at least one next hop has changed. */
typedef void next_hops_fn(void *context);

struct next_hop_wanted {
	uint32_t id;  /* a backend's */
	bool on_link; /* a way through a gateway is none: dsr */
	struct addr address;
};

/*
 * `ifindexes` are those of the ports, by port index, at most ABI_MAX_PORTS: only ways out of them
 * are known.
 */
int next_hops_open(struct next_hops **out, struct ev_loop *loop, const int *ifindexes,
		   uint32_t port_count, next_hops_fn *on_change, void *context, struct err *err);

/* The ports' interfaces are these now; 0: it is gone. All ways are looked at again, soon. */
void next_hops_set_ports(struct next_hops *n, const int *ifindexes, uint32_t count);

/*
 * Gives back what was made or changed in the kernel's tables, or leaves it to the next daemon,
 * which then knows all ways at once. NULL too.
 */
void next_hops_close(struct next_hops *n, bool leave);

/*
 * Watches these from now on, and no others; an address may come more than once. What the kernel
 * knows already is known when this returns; for that, on_change is not called. -ENOMEM; then
 * nothing changed.
 */
int next_hops_watch(struct next_hops *n, const struct next_hop_wanted *wanted, uint32_t count,
		    struct err *err);

/*
 * A router said how long packets to a watched address may be: for ten minutes the way is no wider
 * (RFC 1191, 6.3). Of what is too narrow to be true (RFC 8200, 5; Linux' min_pmtu) the least is
 * taken. False: that is no news.
 */
bool next_hops_narrow(struct next_hops *n, const struct addr *to, uint32_t mtu);

/* Whether the address is watched, with `local` as the host's own on the way there. */
bool next_hops_has_way(const struct next_hops *n, const struct addr *to, const struct addr *local);

/* Leaves in *hop what is known now; of an id that is not watched: nothing. */
void next_hops_get(const struct next_hops *n, uint32_t id, struct next_hop *hop);

/* One address that is watched. */
struct next_hop_address {
	struct addr address;
	struct next_hop hop;
	struct addr gateway; /* on the way there, where there is one */
	bool has_gateway;
	char why[256]; /* in words, while `hop` is not known */
};

/* The watched addresses in their order; false behind the last one. */
bool next_hops_read(const struct next_hops *n, uint32_t index, struct next_hop_address *out);

/* Why a next hop is not known, in words for people: "no route to 10.0.0.9". Empty when it is. */
const char *next_hops_why(const struct next_hops *n, uint32_t id, char *text, size_t size);

#endif
