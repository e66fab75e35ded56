/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a struct sync, for lb/sync*.c alone. */
#ifndef WEIR_LB_SYNC_STATE_H
#define WEIR_LB_SYNC_STATE_H

#include "lb/flow_ring.h"
#include "lb/flow_table.h"
#include "lb/sync.h"
#include "lb/sync_names.h"

#define SYNC_OUT 32u /* messages that wait to be sent */

enum sync_presence {
	SYNC_FREE, /* nobody has this place */
	SYNC_HERE,
	SYNC_GONE, /* it has left; marks may still name it */
};

struct sync_node {
	struct sync_member member;
	uint8_t presence; /* enum sync_presence */
	uint64_t left_ns; /* when it did, by the turn */
	char name[SYNC_NAME_MAX + 1];
	uint64_t config; /* with a name: digest of its services and backends */
	/* As of its last mark, what this node has of its digests. */
	uint32_t round;
	uint64_t at_mark[SYNC_SLICES];
	/* How that differed from its own one, the time before. */
	uint64_t differed[SYNC_SLICES];
	uint32_t pause, patience; /* rounds until it may be asked, and from one time to the next */
};

struct sync_outbox {
	uint32_t first, count;
	struct {
		size_t length;
		uint8_t bytes[SYNC_MESSAGE_MAX];
	} message[SYNC_OUT];
};

struct sync {
	struct flow_table *flows;
	const struct sync_names *names; /* NULL: none yet */
	char name[SYNC_NAME_MAX + 1];
	uint32_t rate;
	struct sync_counters counters;
	struct sync_book book;
	struct sync_node nodes[SYNC_NODES_MAX + 1]; /* by owner */
	uint8_t self;                               /* SYNC_NOBODY: no group */
	uint32_t here;                              /* members, this one too */
	uint32_t elder;                             /* of them: those with lower numbers */
	bool hello_due; /* who this is, and its configuration, is to be told */
	/* the walk */
	uint64_t position, credit; /* bucket; flows it may tell, in flows * 1e9 */
	uint64_t turned_ns;        /* the last turn; 0: none yet */
	uint64_t fill;             /* so many buckets from here: what it cares for is told anew */
	uint64_t answer;           /* so many buckets: that in the slices `asked` is */
	uint64_t asked[SYNC_SLICES / 64];
	/* digests */
	uint64_t digest_ns; /* when the next round is due */
	uint32_t round;
	struct sync_batch batches[2]; /* [1]: of flows by nat */
	sync_way_fn *find_way;
	void *context; /* of that */
	struct sync_outbox out;
};

static inline void sync_count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* Whether there is somebody to tell. */
static inline bool sync_has_others(const struct sync *s)
{
	return s->self && s->here > 1 && s->names;
}

/* The mark of a found flow. */
static inline struct sync_mark *sync_mark_of(struct sync *s, uint64_t hash,
					     const struct flow_hit *hit)
{
	const struct flow_bucket *b = flow_table_bucket(s->flows, hash);
	return sync_book_mark(&s->book, b - s->flows->buckets, hit->tag - b->tag, hit->tag_seen);
}

/* Notes that the flow that was seen at `tick` is the mark's. */
static inline void sync_note(struct sync_mark *m, uint64_t tag, uint16_t tick, uint8_t flags)
{
	m->tag = sync_book_fold(tag);
	m->tick = tick;
	m->flags |= SYNC_MARK_SEEN | flags;
}

/* A flow that was told of. */
struct heard {
	struct sync_flow flow;
	uint8_t from;
	uint32_t backend;    /* id */
	struct addr address; /* the backend's, and */
	uint16_t port;       /* its port, host byte order; 0: that of the VIP */
	uint64_t hash;       /* by this table's seed */
	uint64_t called;     /* between nodes */
	uint16_t idle_ticks;
	uint64_t now_ns;
};

/* Two nodes see a flow's packets by clocks of their own, and the fast path notes them once a
 * second. */
#define SYNC_SLACK_TICKS 8u /* 2.1 s */

/* Whether the flow was seen more recently where it was told of, by more than `slack` ticks. */
static inline bool sync_is_newer(const struct heard *h, const struct flow_hit *hit, uint32_t slack)
{
	return h->idle_ticks + slack < flow_age(hit->meta_seen, flow_tick(h->now_ns));
}

/* When it was seen there, by this node's clock. */
static inline uint64_t sync_seen_ns(const struct heard *h)
{
	uint64_t idle_ns = h->idle_ticks * FLOW_TICK_NS;
	return h->now_ns > idle_ns ? h->now_ns - idle_ns : 0;
}

/* A place for a message on the way out, or NULL: there is none. sync_out_put() says its length. */
uint8_t *sync_out_room(struct sync *s);
void sync_out_put(struct sync *s, size_t length);

/* What a flow is called between nodes. */
uint64_t sync_flow_hash(const struct flow_key *key, uint64_t identity);

/* --- sync_hear.c ------------------------------------------------------------------------------ */

void sync_hear_flows(struct sync *s, uint8_t from, const struct sync_message *m, uint64_t now_ns);

/* --- sync_nat.c: connections by nat, which are two flows -------------------------------------- */

/* Puts a connection that was told of into the flow table, or has it say that it was seen. */
void sync_learn_pair(struct sync *s, const struct heard *h);

/* The flow of the answers to a found one closes too. */
void sync_close_answers(struct sync *s, const struct flow_hit *client, uint64_t now_ns);

/* Finds the way to the client for answers that a worker had to drop. */
void sync_want_way(struct sync *s, const struct flow_event *e, uint64_t now_ns);

#endif
