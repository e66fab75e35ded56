// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow table: any thread, and any process that maps the memory. Whatever the memory holds, only
 * the table is touched and loops are bounded.
 *
 * An entry is two words, `tag` (whose flow, which backend) and `meta` (seen when, in what state).
 * Invariant: who reads the same tag before and after a meta, and the same sequence before and after
 * both, has a meta of that tag. It takes these barriers (C11 names; on x86-64 all but the
 * compare-and-swaps are plain loads and stores that the compiler may not move, on arm64 they are
 * LDAR, STLR, DMB and CAS or exclusive pairs):
 *
 *   writer  1. hold the bucket: compare-and-swap of `sequence`, acquire, so that nothing of the
 *              writer before it is seen as part of this one; then a release fence, so that who sees
 *              anything of steps 2 to 4 sees the new sequence too. It keeps other writers out.
 *           2. tag = 0, relaxed: the old flow is gone.
 *           3. meta = new, release: who sees it sees step 2.
 *           4. tag = new, release: who sees it sees step 3.
 *           5. sequence + 1, release: the next holder sees 2 to 4.
 *   reader  1. sequence, acquire: nothing below is older than it.
 *           2. tag, acquire: sees the meta that was stored before this tag (4).
 *           3. meta, acquire: if it is a later flow's, step 4 of the reader sees 2 of the writer,
 *              unless yet another writer has put the first flow back,
 *           4. tag again, acquire: same as in 2, or the reader takes the flow as not found,
 *           5. sequence, relaxed: which is then not the one of 1, and the reader looks again.
 *   touch   compare-and-swap of meta from what was read, relaxed: as a read-modify-write it stays
 *           in the release sequence of the writer's step 3, so readers of its value see step 2 too.
 *   key and translation are written between 3 and 4, and the latter is read between two looks at
 *   the same tag and the same even sequence (bpf/translation.h).
 *   remove  compare-and-swap of the tag to 0, release. One word, so it needs no bucket; a writer at
 *           work on the entry has the last word.
 *
 * One gap is left open on purpose: touch looks at the tag, then swaps meta. A flow that takes the
 * entry in between, in the same state and tick, gets the touch. It is seen later or in a later
 * state than it was: it lives longer than it should, and keeps its own backend.
 */
#include "lb/flow_table.h"

#include <assert.h>

/*
 * Flows per bucket, at most. By Poisson's law 1.1 % of the flows then find all five entries taken;
 * it would be 5.7 % at 3.25, and half of it at 1.75, for up to twice the memory.
 */
#define LOAD_FLOWS 2u

/* A holder is done after some ten stores; one that was put to sleep is not waited for. */
#define HOLD_TRIES 128

uint32_t flow_table_buckets(uint32_t entries)
{
	uint32_t count = 1;
	while (count < (entries + LOAD_FLOWS - 1) / LOAD_FLOWS)
		count *= 2;
	return count;
}

size_t flow_table_bytes(uint32_t entries)
{
	return flow_table_buckets(entries) * sizeof(struct flow_bucket);
}

/* Rounded up: a flow lives at least that long, and at most two ticks longer. */
static uint16_t ticks_of(uint32_t seconds)
{
	if (seconds > FLOW_TIMEOUT_MAX_S)
		seconds = FLOW_TIMEOUT_MAX_S;
	return (seconds * 1000000000ull + FLOW_TICK_NS - 1) / FLOW_TICK_NS;
}

void flow_table_init(struct flow_table *t, void *memory, uint32_t entries,
		     const struct flow_seed *seed, const uint32_t timeouts_s[FLOW_STATES])
{
	assert((uintptr_t)memory % sizeof(struct flow_bucket) == 0);
	*t = (struct flow_table){
		.buckets = memory, .mask = flow_table_buckets(entries) - 1, .seed = *seed};
	for (int state = 0; state < FLOW_STATES; state++)
		t->timeout_ticks[state] = ticks_of(timeouts_s[state]);
}

static inline bool is_free(uint64_t tag)
{
	return tag <= FLOW_TAG_BACKEND;
}

/* --- writers -------------------------------------------------------------------------------- */

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static bool bucket_hold(struct flow_bucket *b)
{
	for (int tries = 0; tries < HOLD_TRIES; tries++) {
		uint32_t sequence = __atomic_load_n(&b->sequence, __ATOMIC_RELAXED);
		if (sequence % 2 == 0 &&
		    __atomic_compare_exchange_n(&b->sequence, &sequence, sequence + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			__atomic_thread_fence(__ATOMIC_RELEASE);
			return true;
		}
		cpu_relax();
	}
	return false;
}

static void bucket_let_go(struct flow_bucket *b)
{
	uint32_t sequence = __atomic_load_n(&b->sequence, __ATOMIC_RELAXED);
	__atomic_store_n(&b->sequence, sequence + 1, __ATOMIC_RELEASE);
}

/* What an entry is to hold. */
struct entry {
	uint64_t tag;
	uint32_t meta;
	const struct flow_key *key;
	const struct translation *translation; /* NULL: it has none */
};

static struct translation *translation_at(const struct flow_table *t, const struct flow_bucket *b,
					  int i)
{
	return &t->translations[b - t->buckets].translation[i];
}

static void translation_store(struct translation *to, const struct translation *from)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (int i = 0; i < 8; i++)
		__atomic_store_n(&to->words[i], from->words[i], __ATOMIC_RELAXED);
}

/* --- connections ----------------------------------------------------------------------------- */

static bool is_counted(const struct flow_table *t, const struct flow_bucket *b)
{
	return __builtin_expect(!!__atomic_load_n(&t->connections, __ATOMIC_RELAXED), 0) &&
	       (uint64_t)(b - t->buckets) < __atomic_load_n(&t->counted, __ATOMIC_ACQUIRE);
}

/* Closing flows are none, and of a translated connection one of the two is. */
static void count_entry(const struct flow_table *t, uint64_t tag, uint32_t meta, int32_t n)
{
	if (!is_free(tag) && !(meta & FLOW_META_ANSWERS) &&
	    (meta & FLOW_META_STATE) != FLOW_CLOSING)
		__atomic_fetch_add(&t->connections[tag & FLOW_TAG_BACKEND], n, __ATOMIC_RELAXED);
}

/* Frees an entry of a held bucket; remove may free it at the same time, and one of them counts. */
static void entry_clear(const struct flow_table *t, struct flow_bucket *b, int i)
{
	if (!is_counted(t, b)) {
		__atomic_store_n(&b->tag[i], 0, __ATOMIC_RELAXED);
		return;
	}
	uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED);
	count_entry(t, __atomic_exchange_n(&b->tag[i], 0, __ATOMIC_RELAXED), meta, -1);
}

static void entry_store(struct flow_table *t, struct flow_bucket *b, int i, const struct entry *e)
{
	entry_clear(t, b, i);
	if (is_counted(t, b))
		count_entry(t, e->tag, e->meta, 1);
	__atomic_store_n(&b->meta[i], e->meta, __ATOMIC_RELEASE);
	if (t->keys && e->key) {
		__atomic_thread_fence(__ATOMIC_RELEASE);
		t->keys[b - t->buckets].key[i] = *e->key;
	}
	if (e->translation)
		translation_store(translation_at(t, b, i), e->translation);
	__atomic_store_n(&b->tag[i], e->tag, __ATOMIC_RELEASE);
}

/* How gladly an entry is given up, the age in the low bits; 0: not at all. */
enum { RANK_KEEP = 0, RANK_HANDSHAKE = 1 << 16, RANK_CLOSING = 2 << 16, RANK_FREE = 3 << 16 };

static uint32_t entry_rank(const struct flow_table *t, uint64_t tag, uint32_t meta, uint16_t tick)
{
	if (is_free(tag) || !flow_table_is_live(t, meta, tick))
		return RANK_FREE;
	switch (meta & FLOW_META_STATE) {
	case FLOW_CLOSING:
		/* Its SNAT port would be free too, inside the closing time. */
		if (meta & FLOW_META_ANSWERS)
			return RANK_KEEP;
		return RANK_CLOSING + flow_age(meta, tick);
	case FLOW_HANDSHAKE:
		return RANK_HANDSHAKE + flow_age(meta, tick);
	default:
		return RANK_KEEP;
	}
}

/* The entry for a new flow in a held bucket, and how gladly it is given up. */
static int choose_entry(const struct flow_table *t, const struct flow_bucket *b, uint64_t wanted,
			uint16_t tick, uint32_t *rank)
{
	int best = -1;
	*rank = RANK_KEEP;
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
		uint64_t tag = __atomic_load_n(&b->tag[i], __ATOMIC_RELAXED);
		uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED);
		if (flow_tag_is(tag, wanted)) {
			*rank = RANK_FREE;
			return i;
		}
		uint32_t r = entry_rank(t, tag, meta, tick);
		if (r > *rank) {
			*rank = r;
			best = i;
		}
	}
	return best;
}

static bool is_claimed(const struct flow_table *t, const struct flow_bucket *b, int i,
		       uint64_t wanted, uint16_t tick)
{
	uint64_t tag = __atomic_load_n(&b->tag[i], __ATOMIC_RELAXED);
	uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED);
	return flow_tag_is(tag, wanted) && flow_table_is_live(t, meta, tick);
}

static enum flow_insert insert(struct flow_table *t, uint64_t hash, const struct entry *e,
			       uint16_t tick, bool claim)
{
	struct flow_bucket *b = flow_table_bucket(t, hash);
	uint32_t rank;
	if (!bucket_hold(b))
		return FLOW_FULL;
	int i = choose_entry(t, b, flow_tag(hash), tick, &rank);
	bool taken = claim && i >= 0 && is_claimed(t, b, i, flow_tag(hash), tick);
	if (i >= 0 && !taken)
		entry_store(t, b, i, e);
	bucket_let_go(b);
	if (taken)
		return FLOW_TAKEN;
	if (i < 0)
		return FLOW_FULL;
	return rank == RANK_FREE ? FLOW_INSERTED : FLOW_EVICTED;
}

static struct entry entry_of(uint64_t hash, uint32_t backend, enum flow_state state, uint16_t tick,
			     const struct flow_key *key)
{
	assert(backend <= FLOW_TAG_BACKEND && state > FLOW_FREE && state < FLOW_STATES);
	return (struct entry){
		.tag = flow_tag(hash) | backend, .meta = flow_meta(tick, state), .key = key};
}

enum flow_insert flow_table_insert(struct flow_table *t, uint64_t hash, uint32_t backend,
				   enum flow_state state, uint64_t now_ns,
				   const struct flow_key *key)
{
	struct entry e = entry_of(hash, backend, state, flow_tick(now_ns), key);
	return insert(t, hash, &e, flow_tick(now_ns), false);
}

enum flow_insert flow_table_insert_translated(struct flow_table *t, uint64_t hash, uint32_t backend,
					      enum flow_state state, uint64_t now_ns,
					      const struct flow_key *key,
					      const struct translation *x)
{
	struct entry e = entry_of(hash, backend, state, flow_tick(now_ns), key);
	e.meta |= FLOW_META_TRANSLATED;
	e.translation = x;
	return insert(t, hash, &e, flow_tick(now_ns), false);
}

enum flow_insert flow_table_claim(struct flow_table *t, uint64_t hash, uint32_t backend,
				  enum flow_state state, uint64_t now_ns,
				  const struct flow_key *key, const struct translation *x)
{
	struct entry e = entry_of(hash, backend, state, flow_tick(now_ns), key);
	e.meta |= FLOW_META_TRANSLATED | FLOW_META_ANSWERS;
	e.translation = x;
	return insert(t, hash, &e, flow_tick(now_ns), true);
}

enum flow_insert flow_table_learn(struct flow_table *t, uint64_t hash, uint32_t backend,
				  enum flow_state state, uint64_t now_ns, uint16_t idle_ticks,
				  const struct flow_key *key, const struct translation *x,
				  bool answers)
{
	struct entry e = entry_of(hash, backend, state, flow_tick(now_ns) - idle_ticks, key);
	if (x)
		e.meta |= FLOW_META_TRANSLATED | (answers ? FLOW_META_ANSWERS : 0);
	e.translation = x;
	return insert(t, hash, &e, flow_tick(now_ns), true);
}

/* --- translations ---------------------------------------------------------------------------- */

/* The bucket of a found flow, and its entry there. */
static struct flow_bucket *bucket_of(const struct flow_table *t, const struct flow_hit *hit,
				     int *entry)
{
	size_t offset = (const char *)hit->tag - (const char *)t->buckets;
	struct flow_bucket *b = &t->buckets[offset / sizeof(*b)];
	*entry = hit->tag - b->tag;
	return b;
}

bool flow_table_translation(const struct flow_table *t, const struct flow_hit *hit,
			    struct translation *out)
{
	int i;
	const struct flow_bucket *b = bucket_of(t, hit, &i);
	struct translation x;
	if (!t->translations)
		return false;
	for (int tries = 0; tries < FLOW_FIND_TRIES; tries++) {
		if (!translation_read(b, i, hit->tag_seen, translation_at(t, b, i), &x))
			continue;
		*out = x;
		return true;
	}
	return false;
}

void flow_table_retranslate(struct flow_table *t, const struct flow_hit *hit,
			    const struct translation *x)
{
	int i;
	struct flow_bucket *b = bucket_of(t, hit, &i);
	if (!t->translations || !bucket_hold(b))
		return;
	if (__atomic_load_n(&b->tag[i], __ATOMIC_RELAXED) == hit->tag_seen)
		translation_store(translation_at(t, b, i), x);
	bucket_let_go(b);
}

/* --- leaving --------------------------------------------------------------------------------- */

void flow_table_remove(struct flow_table *t, uint64_t hash, uint32_t backend)
{
	struct flow_bucket *b = flow_table_bucket(t, hash);
	uint64_t tag = flow_tag(hash) | backend;
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
		__u64 expected = tag;
		uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED);
		if (__atomic_load_n(&b->tag[i], __ATOMIC_RELAXED) == tag &&
		    __atomic_compare_exchange_n(&b->tag[i], &expected, 0, false, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED) &&
		    is_counted(t, b))
			count_entry(t, tag, meta, -1);
	}
}

void flow_table_closes(struct flow_table *t, const struct flow_hit *hit)
{
	int i;
	if (is_counted(t, bucket_of(t, hit, &i)) && !flow_hit_answers(hit))
		__atomic_fetch_sub(&t->connections[hit->backend], 1, __ATOMIC_RELAXED);
}

/* Each bucket is counted while it is held; who holds it later counts what changes. */
void flow_table_count(struct flow_table *t, int32_t *connections)
{
	t->counted = 0;
	__atomic_store_n(&t->connections, connections, __ATOMIC_RELEASE);
	for (uint64_t at = 0; at <= t->mask; at++) {
		struct flow_bucket *b = &t->buckets[at];
		while (!bucket_hold(b))
			cpu_relax();
		for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++)
			count_entry(t, __atomic_load_n(&b->tag[i], __ATOMIC_RELAXED),
				    __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED), 1);
		__atomic_store_n(&t->counted, at + 1, __ATOMIC_RELEASE);
		bucket_let_go(b);
	}
}

/* --- sweep ---------------------------------------------------------------------------------- */

enum fate { FATE_EMPTY, FATE_LIVE, FATE_EXPIRED, FATE_ORPHANED };

/* Leaves in *state what it counts as: FLOW_FREE, where it is half of another flow. */
static enum fate entry_fate(const struct flow_table *t, const struct flow_bucket *b, int i,
			    const uint64_t *keep, uint16_t tick, enum flow_state *state)
{
	uint64_t tag = __atomic_load_n(&b->tag[i], __ATOMIC_ACQUIRE);
	uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED);
	uint64_t backend = tag & FLOW_TAG_BACKEND;
	*state = meta & FLOW_META_ANSWERS ? FLOW_FREE : meta & FLOW_META_STATE;
	if (is_free(tag))
		return FATE_EMPTY;
	if (!flow_table_is_live(t, meta, tick))
		return FATE_EXPIRED;
	if (keep && !(keep[backend / 64] >> (backend % 64) & 1))
		return FATE_ORPHANED;
	return FATE_LIVE;
}

/* Generations are eight bits, and come again: one that is past must not be taken for a new one. */
static void forget_policy(const struct flow_table *t, struct flow_bucket *b, int i)
{
	uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_RELAXED);
	uint32_t generation = meta >> FLOW_META_POLICY & 0xff;
	if (generation && generation != t->policy_generation)
		__atomic_compare_exchange_n(&b->meta[i], &meta, meta & ~(0xffu << FLOW_META_POLICY),
					    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* What must go is looked at again with the bucket held: until then it may be another flow's. */
static void sweep_bucket(const struct flow_table *t, struct flow_bucket *b, const uint64_t *keep,
			 uint16_t tick, struct flow_sweep *out)
{
	bool held = false;
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
		enum flow_state state;
		enum fate fate = entry_fate(t, b, i, keep, tick, &state);
		if (fate >= FATE_EXPIRED && !held) {
			held = bucket_hold(b);
			if (!held)
				return; /* there will be another sweep */
			fate = entry_fate(t, b, i, keep, tick, &state);
		}
		if (fate == FATE_LIVE && state != FLOW_FREE)
			out->entries[state]++;
		else if (fate == FATE_LIVE)
			out->translated++;
		if (fate == FATE_LIVE)
			forget_policy(t, b, i);
		if (fate >= FATE_EXPIRED)
			entry_clear(t, b, i);
		out->expired += fate == FATE_EXPIRED;
		out->orphaned += fate == FATE_ORPHANED;
	}
	if (held)
		bucket_let_go(b);
}

bool flow_table_sweep(struct flow_table *t, uint64_t *position, uint64_t count,
		      const uint64_t *keep, uint64_t now_ns, struct flow_sweep *out)
{
	uint64_t at = *position & t->mask;
	uint64_t end = count <= t->mask - at ? at + count : t->mask + 1;
	for (; at < end; at++)
		sweep_bucket(t, &t->buckets[at], keep, flow_tick(now_ns), out);
	*position = at & t->mask;
	return at > t->mask;
}

/* --- after a writer's end, and for people ---------------------------------------------------- */

void flow_table_repair(struct flow_table *t)
{
	for (uint64_t at = 0; at <= t->mask; at++) {
		struct flow_bucket *b = &t->buckets[at];
		if (__atomic_load_n(&b->sequence, __ATOMIC_RELAXED) % 2)
			bucket_let_go(b);
	}
}

static bool read_entry(const struct flow_table *t, uint64_t at, int i, uint16_t tick,
		       struct flow_info *out)
{
	const struct flow_bucket *b = &t->buckets[at];
	uint32_t sequence = __atomic_load_n(&b->sequence, __ATOMIC_ACQUIRE);
	uint64_t tag = __atomic_load_n(&b->tag[i], __ATOMIC_ACQUIRE);
	uint32_t meta = __atomic_load_n(&b->meta[i], __ATOMIC_ACQUIRE);
	if (is_free(tag) || !flow_table_is_live(t, meta, tick))
		return false;
	*out = (struct flow_info){
		.tag = tag,
		.seen = meta >> 16,
		.entry = i,
		.backend = tag & FLOW_TAG_BACKEND,
		.state = meta & FLOW_META_STATE,
		.idle_s = flow_age(meta, tick) * FLOW_TICK_NS / 1000000000u,
		.translated = t->translations && meta & FLOW_META_TRANSLATED,
		.answers = meta & FLOW_META_ANSWERS,
	};
	if (t->keys)
		out->key = t->keys[at].key[i];
	if (out->translated)
		out->translation = *translation_at(t, b, i);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&b->tag[i], __ATOMIC_RELAXED) == tag &&
	       __atomic_load_n(&b->sequence, __ATOMIC_RELAXED) == sequence;
}

unsigned int flow_table_read(const struct flow_table *t, uint64_t bucket, uint64_t now_ns,
			     struct flow_info out[FLOW_BUCKET_ENTRIES])
{
	unsigned int count = 0;
	for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++)
		count += read_entry(t, bucket, i, flow_tick(now_ns), &out[count]);
	return count;
}
