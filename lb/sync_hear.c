// SPDX-License-Identifier: BSD-2-Clause
/* What becomes of flows that a node tells of, this one among them. */
#include <netinet/in.h>
#include <xxhash.h>

#include "lb/sync_state.h"

/* Two nodes see a flow's packets by clocks of their own, and the fast path notes them once a
 * second. */
#define SLACK_TICKS 8u /* 2.1 s */

struct heard {
	struct sync_flow flow;
	uint8_t from;
	uint32_t backend; /* id */
	uint64_t hash;    /* by this table's seed */
	uint64_t called;  /* between nodes */
	uint16_t idle_ticks;
	uint64_t now_ns;
};

uint64_t sync_flow_hash(const struct flow_key *key, uint64_t identity)
{
	uint64_t hash = XXH64(key, sizeof(*key), identity);
	return hash ? hash : 1;
}

/* Whether the flow was seen more recently where it was told of, by more than `slack`. */
static bool is_newer(const struct heard *h, const struct flow_hit *hit, uint32_t slack)
{
	return h->idle_ticks + slack < flow_age(hit->meta_seen, flow_tick(h->now_ns));
}

/* The flow is in the table with the backend that was told. */
static void own(struct sync *s, const struct heard *h)
{
	struct flow_hit hit;
	if (!flow_table_find(s->flows, h->hash, h->now_ns, &hit) || hit.backend != h->backend ||
	    (hit.state != FLOW_ESTABLISHED && hit.state != FLOW_UDP))
		return;
	struct sync_mark *m = sync_mark_of(s, h->hash, &hit);
	sync_note(m, hit.tag_seen, hit.meta_seen >> 16, 0);
	if (h->from != s->self)
		m->flags &= ~SYNC_MARK_TOLD;
	sync_book_own(&s->book, m, h->from, h->called, hit.state == FLOW_ESTABLISHED);
}

static void close_flow(struct sync *s, const struct heard *h)
{
	struct flow_hit hit;
	if (!flow_table_find(s->flows, h->hash, h->now_ns, &hit) || hit.backend != h->backend)
		return;
	sync_book_forget(&s->book, sync_mark_of(s, h->hash, &hit));
	if (hit.state == FLOW_CLOSING ||
	    flow_age(hit.meta_seen, flow_tick(h->now_ns)) + SLACK_TICKS < h->idle_ticks)
		return;
	if (flow_table_touch(&hit, FLOW_CLOSING, h->now_ns))
		flow_table_closes(s->flows, &hit);
}

/* It is there already. True: what was told counts, and the entry is gone. */
static bool gives_way(struct sync *s, const struct heard *h)
{
	struct flow_hit hit;
	uint64_t idle_ns = h->idle_ticks * FLOW_TICK_NS;
	if (!flow_table_find(s->flows, h->hash, h->now_ns, &hit))
		return true;
	if (flow_hit_is_translated(&hit)) {
		sync_count(&s->counters.kept);
		return false;
	}
	if (hit.backend == h->backend && hit.state != FLOW_CLOSING) {
		if (!is_newer(h, &hit, 0) && hit.state != FLOW_HANDSHAKE)
			return false;
		flow_table_touch(&hit, h->flow.state,
				 h->now_ns > idle_ns ? h->now_ns - idle_ns : 0);
		sync_count(&s->counters.refreshed);
		return false;
	}
	if (hit.state != FLOW_HANDSHAKE && !is_newer(h, &hit, SLACK_TICKS)) {
		sync_count(&s->counters.kept);
		return false;
	}
	flow_table_remove(s->flows, h->hash, hit.backend);
	sync_count(&s->counters.replaced);
	return true;
}

static void learn(struct sync *s, const struct heard *h)
{
	enum flow_insert r = FLOW_TAKEN;
	for (int tries = 0; tries < 2 && r == FLOW_TAKEN; tries++) {
		r = flow_table_learn(s->flows, h->hash, h->backend, h->flow.state, h->now_ns,
				     h->idle_ticks, &h->flow.key);
		if (r == FLOW_TAKEN && !gives_way(s, h))
			break;
	}
	if (r == FLOW_FULL)
		sync_count(&s->counters.no_room);
	else if (r != FLOW_TAKEN)
		sync_count(&s->counters.learned);
}

static void hear(struct sync *s, struct heard *h)
{
	uint64_t ticks = h->flow.idle_ms * 1000000ull / FLOW_TICK_NS;
	if (ticks > s->flows->timeout_ticks[h->flow.state]) {
		sync_count(&s->counters.late);
		return;
	}
	h->idle_ticks = ticks;
	h->hash = flow_hash(&h->flow.key, &s->flows->seed);
	if (h->from != s->self) {
		sync_count(&s->counters.heard);
		if (h->flow.state == FLOW_CLOSING) {
			close_flow(s, h);
			return;
		}
		learn(s, h);
	}
	if (h->flow.state != FLOW_CLOSING)
		own(s, h);
}

void sync_hear_flows(struct sync *s, uint8_t from, const struct sync_message *m, uint64_t now_ns)
{
	uint32_t ids[SYNC_BACKENDS_MAX];
	uint64_t identities[SYNC_BACKENDS_MAX];
	struct sync_backend backend;
	if (!s->names)
		return;
	for (uint16_t i = 0; i < m->backend_count; i++) {
		sync_message_backend(m, i, &backend);
		ids[i] = sync_names_find(s->names, &backend, &identities[i]);
	}
	for (uint16_t i = 0; i < m->flow_count; i++) {
		struct heard h = {.from = from, .now_ns = now_ns};
		sync_message_flow(m, i, &h.flow);
		h.backend = ids[h.flow.backend];
		if (h.backend == ABI_NO_BACKEND) {
			sync_count(&s->counters.unknown_backend);
			continue;
		}
		h.called = sync_flow_hash(&h.flow.key, identities[h.flow.backend]);
		hear(s, &h);
	}
}
