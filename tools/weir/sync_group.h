/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A group of nodes: corosync's closed process groups (libcpg). All members see the same messages
 * and the same changes of membership in the same order, their own too; who they are, and that
 * nobody else reads or writes, is corosync's to see to (crypto_cipher and crypto_hash of
 * corosync.conf). The only file that knows of corosync.
 *
 * One thread. Calls may wait for the corosync of this host, for as long as that hangs.
 */
#ifndef WEIR_TOOLS_SYNC_GROUP_H
#define WEIR_TOOLS_SYNC_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "lb/sync.h"

struct err;
struct sync_group;

/* Called from sync_group_dispatch(). */
struct sync_group_events {
	void (*members)(void *context, const struct sync_member *members, uint32_t count,
			struct sync_member self);
	void (*deliver)(void *context, struct sync_member from, const void *bytes, size_t length);
};

/* Joins it. The errno says whether corosync is there at all: -ENOTCONN, it is not. */
int sync_group_open(struct sync_group **out, const char *name,
		    const struct sync_group_events *events, void *context, struct err *err);
void sync_group_close(struct sync_group *g); /* leaves it; NULL too */

int sync_group_fd(const struct sync_group *g); /* can be read when there is something to dispatch */

/* 0, or -ENOTCONN: corosync is gone. */
int sync_group_dispatch(struct sync_group *g, struct err *err);

/* 0; -EAGAIN: not now; -ENOTCONN: corosync is gone. */
int sync_group_send(struct sync_group *g, const void *bytes, size_t length, struct err *err);

#endif
