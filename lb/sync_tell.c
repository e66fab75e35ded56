// SPDX-License-Identifier: BSD-2-Clause
/* What this node tells others: what workers have noted down, and what the walk finds. */
#include <string.h>

#include "lb/flow_ring.h"
#include "lb/sync_state.h"

#define OUT_SPARE 2u       /* messages that flows leave room for */
#define CREDIT_S  NS_PER_S /* what was not told in a second is not made up for */
#define NS_PER_S  1000000000ull
#define ADOPT_NS  (2 * SYNC_WALK_NS) /* that the next in line gives those before it */
#define REFRESHES 4u /* within a timeout, so that a flow in use does not end elsewhere */

/* --- into messages ---------------------------------------------------------------------------- */

static bool has_room(const struct sync *s)
{
	return s->out.count + OUT_SPARE < SYNC_OUT;
}

static void close_batch(struct sync *s, struct sync_batch *b)
{
	uint8_t *out = sync_out_room(s);
	if (out)
		sync_out_put(s, sync_batch_write(b, out));
}

/* `x`: of a client's flow by nat, or NULL. False: there is no room, or it's not to be told. */
static bool tell(struct sync *s, const struct flow_key *key, enum flow_state state,
		 uint32_t backend, const struct translation *x, uint64_t idle_ns)
{
	const struct sync_backend *b = sync_names_backend(s->names, backend);
	struct sync_batch *batch = &s->batches[x != NULL];
	struct sync_flow flow = {.key = *key, .state = state, .idle_ms = idle_ns / 1000000};
	if (!b || b->translated != (x != NULL) || !has_room(s))
		return false;
	if (x) {
		flow.snat = x->source;
		flow.snat_port = x->source_port;
	}
	if (sync_batch_add(batch, &flow, backend, b)) {
		close_batch(s, batch);
		if (sync_batch_add(batch, &flow, backend, b))
			return false;
	}
	sync_count(state == FLOW_CLOSING ? &s->counters.ends : &s->counters.told);
	return true;
}

/* --- what workers noted down ------------------------------------------------------------------ */

static bool was_told(const struct sync_mark *m)
{
	return m->flags & SYNC_MARK_TOLD || m->owner != SYNC_NOBODY;
}

/* Of a flow that is still as the event says; many are over by now, and never told of. */
static void tell_event(struct sync *s, const struct flow_event *e, uint64_t now_ns)
{
	struct flow_hit hit;
	struct translation x;
	if (!sync_names_backend(s->names, e->backend))
		return;
	if (!flow_table_find(s->flows, e->hash, now_ns, &hit) || hit.backend != e->backend) {
		sync_count(&s->counters.brief);
		return;
	}
	struct sync_mark *m = sync_mark_of(s, e->hash, &hit);
	if (e->state != hit.state || (e->state == FLOW_CLOSING && !was_told(m))) {
		sync_count(&s->counters.brief);
		return;
	}
	bool translated = flow_hit_is_translated(&hit);
	if (translated && !flow_table_translation(s->flows, &hit, &x))
		return; /* it is another one by now */
	if (!tell(s, &e->key, e->state, e->backend, translated ? &x : NULL, 0))
		sync_count(&s->counters.unsent);
	else if (e->state == FLOW_CLOSING)
		sync_book_forget(&s->book, m);
	else
		sync_note(m, hit.tag_seen, hit.meta_seen >> 16, SYNC_MARK_TOLD);
}

void sync_drain(struct sync *s, struct flow_ring *ring, uint64_t now_ns)
{
	struct flow_event e;
	bool tells = sync_has_others(s);
	for (uint32_t i = 0; i < FLOW_RING_EVENTS && (!tells || has_room(s)); i++) {
		if (!flow_ring_take(ring, &e))
			return;
		if (e.state == FLOW_WAY_WANTED)
			sync_want_way(s, &e, now_ns);
		else if (tells)
			tell_event(s, &e, now_ns);
	}
}

/* --- the walk --------------------------------------------------------------------------------- */

static bool is_asked(const struct sync *s, const struct sync_mark *m)
{
	uint32_t slice = sync_slice(m->flow);
	return s->answer && s->asked[slice / 64] >> (slice % 64) & 1;
}

/* Ticks after which a flow that is used has to be told of again. */
static uint16_t refresh_ticks(const struct sync *s, enum flow_state state)
{
	uint16_t ticks = s->flows->timeout_ticks[state] / REFRESHES;
	return ticks ? ticks : 1;
}

/*
 * Whether this node is to care for the flows of one that has left: the first by its number at once,
 * the next one where the first does not know them, and so on.
 */
static bool adopts(const struct sync *s, const struct sync_node *left)
{
	return left->presence == SYNC_GONE && s->turned_ns >= left->left_ns + s->elder * ADOPT_NS;
}

/* Whether others are to be told of an open flow, by its mark. */
static bool is_due(const struct sync *s, const struct sync_mark *m, const struct flow_info *f)
{
	bool tcp = f->state == FLOW_ESTABLISHED;
	int16_t moved = f->seen - m->tick;
	bool refresh = moved >= (int)refresh_ticks(s, f->state);
	if (!(m->flags & SYNC_MARK_SEEN))
		return tcp; /* a ring was full, or it is older than the group */
	if (m->owner == SYNC_NOBODY)
		return m->flags & SYNC_MARK_TOLD ? refresh : tcp || moved > 0;
	if (m->owner == s->self)
		return s->fill || refresh || is_asked(s, m);
	if (m->owner != SYNC_STALE && adopts(s, &s->nodes[m->owner]))
		return true;
	return moved > 0; /* its packets come here now */
}

static const struct translation *translation_of(const struct flow_info *f)
{
	return f->translated ? &f->translation : NULL;
}

static void walk_open(struct sync *s, struct sync_mark *m, const struct flow_info *f,
		      uint64_t now_ns)
{
	uint64_t idle_ns = flow_age(flow_meta(f->seen, f->state), flow_tick(now_ns)) * FLOW_TICK_NS;
	if (!sync_names_backend(s->names, f->backend))
		return;
	if (!is_due(s, m, f)) {
		if (!(m->flags & SYNC_MARK_SEEN))
			sync_note(m, f->tag, f->seen, 0);
		return;
	}
	if (!tell(s, &f->key, f->state, f->backend, translation_of(f), idle_ns))
		return;
	sync_note(m, f->tag, f->seen, SYNC_MARK_TOLD);
	s->credit -= s->credit < NS_PER_S ? s->credit : NS_PER_S;
}

/* Its end may have found the ring full. */
static void walk_closing(struct sync *s, struct sync_mark *m, const struct flow_info *f)
{
	if (!m->flags)
		return;
	if (was_told(m) && !tell(s, &f->key, FLOW_CLOSING, f->backend, translation_of(f), 0))
		return;
	sync_book_forget(&s->book, m);
}

static void walk_bucket(struct sync *s, uint64_t bucket, uint64_t now_ns)
{
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	unsigned int count = flow_table_read(s->flows, bucket, now_ns, flows), at = 0;
	for (unsigned int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
		struct sync_mark *m = sync_book_at(&s->book, bucket, i);
		if (at == count || flows[at].entry != i) {
			if (m->flags)
				sync_book_forget(&s->book, m);
			continue;
		}
		const struct flow_info *f = &flows[at++];
		m = sync_book_mark(&s->book, bucket, i, f->tag);
		if (f->answers)
			continue; /* it goes with the client's */
		if (f->state == FLOW_CLOSING)
			walk_closing(s, m, f);
		else if (f->state != FLOW_HANDSHAKE)
			walk_open(s, m, f, now_ns);
	}
}

/* Goes on for as many buckets as the time that has passed is worth, while it may tell. */
static void walk(struct sync *s, uint64_t passed_ns, uint64_t now_ns)
{
	uint64_t all = s->flows->mask + 1;
	uint64_t whole_ns = s->fill ? SYNC_FILL_NS : SYNC_WALK_NS;
	uint64_t buckets = passed_ns >= whole_ns ? all : all * passed_ns / whole_ns + 1;
	for (; buckets && has_room(s) && s->credit >= FLOW_BUCKET_ENTRIES * NS_PER_S; buckets--) {
		walk_bucket(s, s->position, now_ns);
		s->position = (s->position + 1) & s->flows->mask;
		s->fill -= s->fill > 0;
		s->answer -= s->answer > 0;
	}
}

/* --- the turn --------------------------------------------------------------------------------- */

static void say_hello(struct sync *s)
{
	uint8_t *out = sync_out_room(s);
	if (!out || !s->names)
		return;
	sync_out_put(s, sync_write_hello(out, s->name, s->names->config,
					 (s->flows->mask + 1) * FLOW_BUCKET_ENTRIES));
	s->hello_due = false;
}

static void begin_digests(struct sync *s, uint64_t now_ns)
{
	uint8_t *out = sync_out_room(s);
	if (now_ns < s->digest_ns || !out)
		return;
	s->digest_ns = now_ns + SYNC_DIGEST_NS;
	sync_out_put(s, sync_write_mark(out, ++s->round));
}

void sync_turn(struct sync *s, uint64_t now_ns)
{
	uint64_t passed_ns =
		s->turned_ns && now_ns > s->turned_ns ? now_ns - s->turned_ns : SYNC_TURN_NS;
	s->turned_ns = now_ns;
	if (passed_ns > CREDIT_S)
		passed_ns = CREDIT_S;
	s->credit += passed_ns * s->rate;
	if (s->credit > CREDIT_S * s->rate)
		s->credit = CREDIT_S * s->rate;
	if (s->self && s->hello_due)
		say_hello(s);
	if (!sync_has_others(s))
		return;
	walk(s, passed_ns, now_ns);
	for (int i = 0; i < 2; i++)
		close_batch(s, &s->batches[i]);
	begin_digests(s, now_ns);
}
