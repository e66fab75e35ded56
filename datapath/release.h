/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues that closed zero-copy sockets still hold: the kernel takes them back a little later. */
#ifndef WEIR_DATAPATH_RELEASE_H
#define WEIR_DATAPATH_RELEASE_H

struct port;

/*
 * Where it matters, waits until the kernel has taken back the queues of a port, whose sockets are
 * closed, for a second at most: to be called before its XDP program is detached.
 */
void release_await(const struct port *p);

#endif
