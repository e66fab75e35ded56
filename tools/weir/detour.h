/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of health checks of a VIP by way of one backend: a socket connects to the VIP, and what
 * it sends goes where Weir sends that backend's packets, whatever the host's routes say about the
 * VIP.
 *
 * The kernel's side is one tun device, and for each family a rule and a route: packets of sockets
 * with Weir's mark leave by the device. There they come out as packets; the port they are from says
 * whose check it is, and the snapshot which way that backend is. Answers come to the host by its
 * own address, like any. Control thread.
 */
#ifndef WEIR_TOOLS_DETOUR_H
#define WEIR_TOOLS_DETOUR_H

#include <stdbool.h>
#include <stdint.h>

struct addr;
struct detour;
struct err;
struct ev_loop;
struct way;

/* Leaves the way to a backend in *way and the interface it begins at; false: it is not known. */
typedef bool detour_way_fn(void *context, uint32_t backend, struct way *way, int *ifindex);

/* Makes device and rules when they are needed first. NULL without memory. */
struct detour *detour_new(struct ev_loop *loop, detour_way_fn *fn, void *context);

/* Gives back what it made. (The device and its routes go with the process, however it ends; two
 * rules that match nothing else stay after a kill, and the next start takes them.) NULL too. */
void detour_free(struct detour *d);

/*
 * Has a socket that is not bound yet reach its destination by way of that backend, whose own
 * address it binds it for. -ENODEV: there is no tun device to be had; or another -errno.
 */
int detour_take(struct detour *d, int fd, uint32_t backend, const struct addr *address);

#endif
