/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backend a flow was given. A hit touches one cache line: a bucket of five flows, found by
 * the flow's hash (bpf/flow.h), of which the entry keeps 47 bits and the bucket index the rest, so
 * that two flows share an entry with a chance of about 2^-60.
 *
 * Any thread may look up, insert and remove at any time. Readers take no lock: tag and backend are
 * one 64-bit word. Writers hold the bucket for a few stores, by compare-and-swap on its sequence
 * word (odd: held). The memory is the caller's.
 */
#ifndef WEIR_LB_FLOW_TABLE_H
#define WEIR_LB_FLOW_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/translation.h"

/*
 * The longest timeout. It leaves the sweep 52 minutes to come by before a last-seen time, of 16
 * bits of ticks, would be one of the future.
 */
#define FLOW_TIMEOUT_MAX_S (4u * 3600)
#define FLOW_TIMEOUT_WORDS "from 1s to 4h"

/* The full keys of a bucket's flows, for people and tools: no packet is decided by them. */
struct flow_keys {
	struct flow_key key[FLOW_BUCKET_ENTRIES];
};

struct flow_table {
	struct flow_bucket *buckets; /* 64-byte aligned, a power of two of them */
	struct flow_keys *keys;      /* as many, or NULL: not kept */
	/* As many, or NULL: no flow is translated. Set once, while workers run (a release store).
	 */
	struct flow_translations *translations;
	/* By backend id: its flows that are not closing; NULL: they are not counted. */
	int32_t *connections;
	/* By service id, what half-open flows have taken (lb/half_open.h); NULL: not kept. */
	__u64 *half_open;
	uint64_t counted; /* buckets from the first on that are in it */
	uint64_t mask;
	struct flow_seed seed;
	uint16_t timeout_ticks[FLOW_STATES];
	uint8_t policy_generation; /* the sweep takes another one from entries; control thread */
};

struct flow_hit {
	__u64 *tag; /* of the entry; NULL: no such flow */
	__u32 *meta;
	uint64_t tag_seen; /* what they held when the flow was found */
	uint32_t meta_seen;
	uint32_t backend;
	enum flow_state state;
};

static inline bool flow_hit_is_translated(const struct flow_hit *hit)
{
	return hit->meta_seen & FLOW_META_TRANSLATED;
}

/* Whether it is the backend's packets, of a translated connection. */
static inline bool flow_hit_answers(const struct flow_hit *hit)
{
	return hit->meta_seen & FLOW_META_ANSWERS;
}

/* Buckets, a power of two, of a table that holds `entries` flows at a load that buckets stand. */
uint32_t flow_table_buckets(uint32_t entries);
size_t flow_table_bytes(uint32_t entries); /* of those buckets */

/*
 * Makes a table in 64-byte aligned memory of flow_table_buckets(entries) buckets: zeroed, or a
 * table's of that size and seed. Timeouts in seconds by state; those above FLOW_TIMEOUT_MAX_S are
 * cut to that.
 */
void flow_table_init(struct flow_table *t, void *memory, uint32_t entries,
		     const struct flow_seed *seed, const uint32_t timeouts_s[FLOW_STATES]);

static inline struct flow_bucket *flow_table_bucket(const struct flow_table *t, uint64_t hash)
{
	return &t->buckets[hash & t->mask];
}

/* Fetches where flow_table_insert() will most likely write the flow's key. */
static inline void flow_table_prefetch_key(const struct flow_table *t, uint64_t hash)
{
	const struct flow_bucket *b = flow_table_bucket(t, hash);
	int entry = 0;
	if (!t->keys)
		return;
	for (int i = FLOW_BUCKET_ENTRIES - 1; i >= 0; i--)
		if (FLOW_LOAD(&b->tag[i]) <= FLOW_TAG_BACKEND)
			entry = i;
	const char *key = (const char *)&t->keys[hash & t->mask].key[entry];
	__builtin_prefetch(key, 1, 3);
	__builtin_prefetch(key + sizeof(struct flow_key) - 1, 1, 3);
}

static inline void flow_table_prefetch(const struct flow_table *t, uint64_t hash)
{
	__builtin_prefetch(flow_table_bucket(t, hash), 0, 3);
}

/*
 * The two flows of a translated connection are touched one after the other. The one that answers
 * lives on for a little longer, so that its SNAT port is not given away while the other is in use.
 */
#define FLOW_GRACE_TICKS 8u /* 2.1 s */

/* Whether an entry's state is one, and was seen within its timeout. */
static inline bool flow_table_is_live(const struct flow_table *t, uint32_t meta, uint16_t tick)
{
	uint32_t state = meta & FLOW_META_STATE;
	if (state == FLOW_FREE || state >= FLOW_STATES)
		return false;
	uint32_t timeout = t->timeout_ticks[state];
	if (meta & FLOW_META_ANSWERS)
		timeout += FLOW_GRACE_TICKS;
	return flow_age(meta, tick) <= timeout;
}

/* So many writers one after the other in one bucket are not waited for. */
#define FLOW_FIND_TRIES 16

/* Finds a flow that has not timed out. */
static inline bool flow_table_find(const struct flow_table *t, uint64_t hash, uint64_t now_ns,
				   struct flow_hit *hit)
{
	struct flow_bucket *b = flow_table_bucket(t, hash);
	__u64 tag;
	__u32 meta;
	*hit = (struct flow_hit){};
	int i = flow_bucket_find(b, hash, &tag, &meta);
	for (int tries = 1; i == FLOW_MOVING && tries < FLOW_FIND_TRIES; tries++)
		i = flow_bucket_find(b, hash, &tag, &meta);
	if (i < 0 || !flow_table_is_live(t, meta, flow_tick(now_ns)))
		return false;
	*hit = (struct flow_hit){
		.tag = &b->tag[i],
		.meta = &b->meta[i],
		.tag_seen = tag,
		.meta_seen = meta,
		.backend = tag & FLOW_TAG_BACKEND,
		.state = meta & FLOW_META_STATE,
	};
	return true;
}

#define FLOW_TOUCH_TRIES 4

/*
 * Marks a found flow as seen now, in `state`. Writes only when something changed. Does nothing when
 * the flow has lost its entry since; with `state` == hit->state it keeps another thread's change.
 * True when this call changed its state.
 */
static inline bool flow_table_touch(const struct flow_hit *hit, enum flow_state state,
				    uint64_t now_ns)
{
	uint32_t meta = hit->meta_seen;
	for (int tries = 0; tries < FLOW_TOUCH_TRIES; tries++) {
		enum flow_state now = state == hit->state ? meta & FLOW_META_STATE : state;
		uint32_t wanted = flow_meta_seen(meta, flow_tick(now_ns));
		wanted = (wanted & ~FLOW_META_STATE) | now;
		if (meta == wanted || __atomic_load_n(hit->tag, __ATOMIC_ACQUIRE) != hit->tag_seen)
			return false;
		uint32_t before = meta & FLOW_META_STATE;
		if (__atomic_compare_exchange_n(hit->meta, &meta, wanted, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return before != now;
	}
	return false;
}

enum flow_insert {
	FLOW_INSERTED, /* in a free or timed-out entry, or over the same flow's */
	FLOW_EVICTED,  /* in the place of a half-open or closing one */
	FLOW_FULL,     /* not at all: the bucket is full of better flows, or held for too long */
	FLOW_TAKEN,    /* not at all: flow_table_claim() or _learn() found the flow there */
};

/*
 * Inserts a flow that flow_table_find() did not find, with a backend below ABI_MAX_BACKENDS; if
 * another thread was faster, its entry is overwritten in place. A new flow takes the place of a
 * timed-out entry, else of the oldest closing one, else of the oldest half-open one; never of an
 * established or UDP one.
 */
enum flow_insert flow_table_insert(struct flow_table *t, uint64_t hash, uint32_t backend,
				   enum flow_state state, uint64_t now_ns,
				   const struct flow_key *key);

/*
 * The same for the two flows of a translated connection, of a table that has room for translations:
 * the client's, and the one that answers it. Nobody gets the SNAT port of the latter while it
 * lives: a claim takes the place of no live flow with the same key, and a closing one that answers
 * is not given up for another.
 */
enum flow_insert flow_table_insert_translated(struct flow_table *t, uint64_t hash, uint32_t backend,
					      enum flow_state state, uint64_t now_ns,
					      const struct flow_key *key,
					      const struct translation *x);
enum flow_insert flow_table_claim(struct flow_table *t, uint64_t hash, uint32_t backend,
				  enum flow_state state, uint64_t now_ns,
				  const struct flow_key *key, const struct translation *x);

/*
 * Inserts a flow that another node knows, and has seen so many ticks ago, unless it is there: then
 * nothing is changed. `x`: one of the two of a translated connection, the one that `answers` or the
 * client's; NULL: it is not translated.
 */
enum flow_insert flow_table_learn(struct flow_table *t, uint64_t hash, uint32_t backend,
				  enum flow_state state, uint64_t now_ns, uint16_t idle_ticks,
				  const struct flow_key *key, const struct translation *x,
				  bool answers);

/* The translation of a found flow that is translated. False: it has lost its entry since. */
bool flow_table_translation(const struct flow_table *t, const struct flow_hit *hit,
			    struct translation *out);

/* Replaces it, if the flow still has its entry. */
void flow_table_retranslate(struct flow_table *t, const struct flow_hit *hit,
			    const struct translation *x);

/* Forgets a found flow, if it is still there. */
void flow_table_remove(struct flow_table *t, uint64_t hash, uint32_t backend);

/* A flow that flow_table_touch() has made a closing one is no connection any more. */
void flow_table_closes(struct flow_table *t, const struct flow_hit *hit);

/*
 * Counts connections from now on into an array of ABI_MAX_BACKENDS zeros: those there are, then
 * each that comes, closes or leaves. Exact, but for a flow that changes hands within the gap which
 * lb/flow_table.c tells of. Control thread; once.
 */
void flow_table_count(struct flow_table *t, int32_t *connections);

/* What a sweep saw. */
struct flow_sweep {
	uint64_t
		entries[FLOW_STATES]; /* live ones by state; of translated connections one of two */
	uint64_t translated;          /* live connections that are */
	uint64_t expired;             /* freed because of age */
	uint64_t orphaned;            /* freed because their backend is gone */
};

/*
 * Looks at up to `count` buckets from `*position` on, frees what has timed out and what belongs to
 * a backend that is not `keep`t (bitmap by id, ABI_MAX_BACKENDS bits; NULL keeps all), adds to
 * `out`. Stops at the end of the table: then it returns true, `*position` is 0 again, and what was
 * added to `out` since that was so is the whole table. Each bucket has to be looked at once in 50
 * minutes, or last-seen ticks wrap round and entries long dead live again.
 */
bool flow_table_sweep(struct flow_table *t, uint64_t *position, uint64_t count,
		      const uint64_t *keep, uint64_t now_ns, struct flow_sweep *out);

/*
 * Lets go of buckets that a writer held when it was killed, and forgets what it was writing. To be
 * called before anybody else writes.
 */
void flow_table_repair(struct flow_table *t);

/* One flow, for people and for other nodes. */
struct flow_info {
	struct flow_key key; /* zeroed where keys are not kept */
	uint64_t tag;        /* of the entry, as it stands there */
	uint16_t seen;       /* the tick at which it was last */
	uint8_t entry;       /* which of the bucket's it is */
	uint32_t backend;
	enum flow_state state;
	uint32_t idle_s;
	bool translated;
	bool answers; /* it is the backend's side of another one */
	struct translation translation;
};

/* Reads up to FLOW_BUCKET_ENTRIES live flows of a bucket; how many there were. */
unsigned int flow_table_read(const struct flow_table *t, uint64_t bucket, uint64_t now_ns,
			     struct flow_info out[FLOW_BUCKET_ENTRIES]);

#endif
