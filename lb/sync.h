/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several nodes that share flows: what this one tells the others, and what it makes of what they
 * tell. The messages go by somebody else (tools/weir/sync_group.h), of whom it is wanted that all
 * members see the same messages and the same changes of who is a member, in the same order, their
 * own among them.
 *
 * Told are TCP flows once they are established, and that they close; UDP flows once they were seen
 * twice, some seconds apart. Whoever tells of a flow cares for it: tells of it again while it is
 * used, so that it does not time out at others, and when a node joins. A flow that others care for
 * and this node sees packets of is told of, and so taken over. What was heard is never told on, so
 * nothing goes in circles.
 *
 * Two ways lead to what is to be told: what workers note down (lb/flow_ring.h), within a turn; and
 * a walk through the flow table, which finds all else at a bounded rate. Digests of what each node
 * cares for are compared; what differs for two rounds is asked for.
 *
 * All but sync_use()'s argument is its own. One thread; pure.
 */
#ifndef WEIR_LB_SYNC_H
#define WEIR_LB_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/sync_book.h"

struct flow_ring;
struct flow_table;
struct sync;
struct sync_names;
struct translation;

#define SYNC_TURN_NS   50000000ull    /* from one sync_turn() to the next */
#define SYNC_WALK_NS   5000000000ull  /* for the whole table, where the rate allows it */
#define SYNC_FILL_NS   1000000000ull  /* the same while a node that has joined is filled */
#define SYNC_DIGEST_NS 10000000000ull /* from one round of digests to the next */

/* A member of the group, as corosync names it. */
struct sync_member {
	uint32_t node, pid;
};

/* Each has one writer; readers of other threads see each whole. */
struct sync_counters {
	uint64_t told, ends; /* flows, and ends of flows, that were told */
	uint64_t brief;      /* flows that ended before they were told */
	uint64_t unsent;     /* that found no room on their way out: the walk finds them again */
	uint64_t heard;      /* flows that others told */
	uint64_t learned;    /* of them: put into the flow table */
	uint64_t refreshed;  /* known, and seen more recently elsewhere */
	uint64_t replaced;   /* known with another backend, and seen more recently elsewhere */
	uint64_t kept;       /* known with another backend that stays */
	uint64_t late;       /* timed out by now */
	uint64_t no_room;    /* their bucket is full */
	uint64_t unknown_backend; /* their backend, or the SNAT address, is not configured here,
				     or its flows are not shared */
	uint64_t malformed, other_version; /* messages that were not read */
	uint64_t differences; /* slices that were asked for, as digests differed twice */
	uint64_t ways;        /* to clients, found for answers by nat that others had before */
};

/* `name` tells this node from others, for people. `rate`: flows a second that the walk may tell. */
struct sync *sync_new(struct flow_table *flows, const char *name, uint32_t rate);
void sync_free(struct sync *s); /* NULL too */

/*
 * Finds where packets to a client go: link, egress and vlan of a translation. False: that is not
 * known (yet).
 */
typedef bool sync_way_fn(void *context, const struct addr *client, struct translation *out);

/* Whom to ask for that, when answers by nat come here whose client this node has never seen. */
void sync_find_ways(struct sync *s, sync_way_fn *fn, void *context);

/* Which backends there are from now on; they must stay until the next call. */
void sync_use(struct sync *s, const struct sync_names *names);

/* Who is a member now, `self` among them. */
void sync_members(struct sync *s, const struct sync_member *members, uint32_t count,
		  struct sync_member self);

/* There is no group any more: what others told stays in the flow table, all else is forgotten. */
void sync_leave(struct sync *s);

/* A message of a member. */
void sync_deliver(struct sync *s, struct sync_member from, const void *bytes, size_t length,
		  uint64_t now_ns);

/* Takes from a ring what workers noted down, as far as there is room for it on the way out. */
void sync_drain(struct sync *s, struct flow_ring *ring, uint64_t now_ns);

/* Goes on with the walk and the digests, and closes the message under way. After sync_drain(). */
void sync_turn(struct sync *s, uint64_t now_ns);

/* The next message to be sent, until sync_sent() is called; NULL: none. */
const uint8_t *sync_outgoing(const struct sync *s, size_t *length);
void sync_sent(struct sync *s);

const struct sync_counters *sync_counters(const struct sync *s);

struct sync_node_status {
	struct sync_member member;
	char name[SYNC_NAME_MAX + 1]; /* "": it has not said it yet */
	bool self, differs;           /* its services and backends are not those of this node */
};

/* The members; how many. */
uint32_t sync_nodes(const struct sync *s, struct sync_node_status out[SYNC_NODES_MAX]);

#endif
