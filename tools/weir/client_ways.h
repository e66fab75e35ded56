/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way to a client of whom no packet came, as the kernel's routes and neighbours have it: for
 * answers by nat to connections that another node had. Asked for one client at a time, as answers
 * come; nothing is followed, since the client's next packet says where it is.
 *
 * The thread that shares flows.
 */
#ifndef WEIR_TOOLS_CLIENT_WAYS_H
#define WEIR_TOOLS_CLIENT_WAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/weir/destination.h"

struct err;
struct translation;

#define CLIENT_WAYS_ASKED 64u   /* neighbours that the kernel was had to ask for, and is kept at */
#define CLIENT_WAYS_TURN  1024u /* clients that are looked for in one turn */

struct client_ways {
	struct destination_ways kernel;
	struct destination asked[CLIENT_WAYS_ASKED];
	uint32_t asked_count;
	uint32_t looked; /* in this turn */
	uint64_t asked_ns;
};

int client_ways_open(struct client_ways *w, struct err *err);
void client_ways_close(struct client_ways *w); /* a zeroed one too */

/* The ports' interfaces by port index. */
void client_ways_set_ports(struct client_ways *w, const int *ifindexes, uint32_t count);

/* Another turn: as many clients again, and once a second the kernel may be had to ask again. */
void client_ways_turn(struct client_ways *w, uint64_t now_ns);

/*
 * Link, egress and vlan of the way to a client. False: there is none, or its next hop's link
 * address is not known; then the kernel asks for it.
 */
bool client_ways_find(struct client_ways *w, const struct addr *client, struct translation *out);

#endif
