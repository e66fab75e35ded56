// SPDX-License-Identifier: BSD-2-Clause
/* What becomes of flows that a node tells of, this one among them. */
#include <netinet/in.h>
#include <xxhash.h>

#include "lb/addr.h"
#include "lb/sync_state.h"

uint64_t sync_flow_hash(const struct flow_key *key, uint64_t identity)
{
	uint64_t hash = XXH64(key, sizeof(*key), identity);
	return hash ? hash : 1;
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
	    flow_age(hit.meta_seen, flow_tick(h->now_ns)) + SYNC_SLACK_TICKS < h->idle_ticks)
		return;
	if (flow_hit_is_translated(&hit))
		sync_close_answers(s, &hit, h->now_ns);
	if (flow_table_touch(&hit, FLOW_CLOSING, h->now_ns))
		flow_table_closes(s->flows, &hit);
}

/* It is there already. True: what was told counts, and the entry is gone. */
static bool gives_way(struct sync *s, const struct heard *h)
{
	struct flow_hit hit;
	if (!flow_table_find(s->flows, h->hash, h->now_ns, &hit))
		return true;
	if (flow_hit_is_translated(&hit)) {
		sync_count(&s->counters.kept);
		return false;
	}
	if (hit.backend == h->backend && hit.state != FLOW_CLOSING) {
		if (!sync_is_newer(h, &hit, 0) && hit.state != FLOW_HANDSHAKE)
			return false;
		flow_table_touch(&hit, h->flow.state, sync_seen_ns(h));
		sync_count(&s->counters.refreshed);
		return false;
	}
	if (hit.state != FLOW_HANDSHAKE && !sync_is_newer(h, &hit, SYNC_SLACK_TICKS)) {
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
				     h->idle_ticks, &h->flow.key, NULL, false);
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
		if (h->flow.snat_port)
			sync_learn_pair(s, h);
		else
			learn(s, h);
	}
	if (h->flow.state != FLOW_CLOSING)
		own(s, h);
}

/* Whether a flow that was told can be one here: its backend is reached the same way. */
static bool is_known(const struct sync *s, const struct heard *h)
{
	const struct sync_backend *b;
	if (h->backend == ABI_NO_BACKEND)
		return false;
	b = &s->names->backends[h->backend];
	if (!h->flow.snat_port)
		return !b->translated;
	return b->translated && addr_is_v4(&h->flow.snat) == addr_is_v4(&b->address) &&
	       sync_names_has_snat(s->names, &h->flow.snat);
}

void sync_hear_flows(struct sync *s, uint8_t from, const struct sync_message *m, uint64_t now_ns)
{
	uint32_t ids[SYNC_BACKENDS_MAX];
	uint64_t identities[SYNC_BACKENDS_MAX];
	struct sync_backend backends[SYNC_BACKENDS_MAX];
	if (!s->names)
		return;
	for (uint16_t i = 0; i < m->backend_count; i++) {
		sync_message_backend(m, i, &backends[i]);
		ids[i] = sync_names_find(s->names, &backends[i], &identities[i]);
	}
	for (uint16_t i = 0; i < m->flow_count; i++) {
		struct heard h = {.from = from, .now_ns = now_ns};
		sync_message_flow(m, i, &h.flow);
		h.backend = ids[h.flow.backend];
		h.address = backends[h.flow.backend].address;
		h.port = backends[h.flow.backend].port;
		if (!is_known(s, &h)) {
			sync_count(&s->counters.unknown_backend);
			continue;
		}
		h.called = sync_flow_hash(&h.flow.key, identities[h.flow.backend]);
		hear(s, &h);
	}
}
