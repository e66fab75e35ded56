// SPDX-License-Identifier: BSD-2-Clause
/* Who is in the group, what they say, and digests. Telling is lb/sync_tell.c's, hearing
 * sync_hear.c's. */
#include "lb/sync.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb/sync_state.h"

#define PATIENCE_MAX 64u /* rounds of digests: ten minutes */

/* --- up and down ------------------------------------------------------------------------------ */

struct sync *sync_new(struct flow_table *flows, const char *name, uint32_t rate)
{
	struct sync *s = calloc(1, sizeof(*s));
	if (!s || sync_book_init(&s->book, flows->mask + 1)) {
		free(s);
		return NULL;
	}
	s->flows = flows;
	s->rate = rate;
	s->batches[1].translated = true;
	strncpy(s->name, name, SYNC_NAME_MAX);
	return s;
}

void sync_find_ways(struct sync *s, sync_way_fn *fn, void *context)
{
	s->find_way = fn;
	s->context = context;
}

void sync_free(struct sync *s)
{
	if (s)
		sync_book_fini(&s->book);
	free(s);
}

void sync_use(struct sync *s, const struct sync_names *names)
{
	s->hello_due |= !s->names || s->names->config != names->config;
	s->names = names;
}

/* --- what is on its way out ------------------------------------------------------------------- */

uint8_t *sync_out_room(struct sync *s)
{
	struct sync_outbox *o = &s->out;
	return o->count < SYNC_OUT ? o->message[(o->first + o->count) % SYNC_OUT].bytes : NULL;
}

void sync_out_put(struct sync *s, size_t length)
{
	struct sync_outbox *o = &s->out;
	if (length)
		o->message[(o->first + o->count++) % SYNC_OUT].length = length;
}

const uint8_t *sync_outgoing(const struct sync *s, size_t *length)
{
	const struct sync_outbox *o = &s->out;
	*length = o->count ? o->message[o->first].length : 0;
	return o->count ? o->message[o->first].bytes : NULL;
}

void sync_sent(struct sync *s)
{
	s->out.first = (s->out.first + 1) % SYNC_OUT;
	s->out.count--;
}

/* --- members ---------------------------------------------------------------------------------- */

static bool is_same(struct sync_member a, struct sync_member b)
{
	return a.node == b.node && a.pid == b.pid;
}

static bool is_older(struct sync_member a, struct sync_member b)
{
	return a.node != b.node ? a.node < b.node : a.pid < b.pid;
}

static uint8_t find_node(const struct sync *s, struct sync_member m)
{
	for (uint8_t i = 1; i <= SYNC_NODES_MAX; i++)
		if (s->nodes[i].presence == SYNC_HERE && is_same(s->nodes[i].member, m))
			return i;
	return SYNC_NOBODY;
}

/* A place of nobody, or else of one that has left, whose flows nobody cares for then. */
static uint8_t free_node(struct sync *s)
{
	static const uint64_t all[SYNC_SLICES / 64] = {[0 ... SYNC_SLICES / 64 - 1] = UINT64_MAX};
	for (uint8_t i = 1; i <= SYNC_NODES_MAX; i++)
		if (s->nodes[i].presence == SYNC_FREE)
			return i;
	for (uint8_t i = 1; i <= SYNC_NODES_MAX; i++)
		if (s->nodes[i].presence == SYNC_GONE) {
			sync_book_stale(&s->book, i, all);
			return i;
		}
	return SYNC_NOBODY;
}

static bool is_among(struct sync_member m, const struct sync_member *members, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (is_same(members[i], m))
			return true;
	return false;
}

/* Who has left, its flows stay, and who has come is told of those there are. */
static void add_node(struct sync *s, struct sync_member m)
{
	uint8_t i = find_node(s, m);
	i = i ? i : free_node(s);
	if (!i || s->nodes[i].presence == SYNC_HERE)
		return;
	s->nodes[i] = (struct sync_node){.member = m, .presence = SYNC_HERE, .patience = 1};
	s->hello_due = true;
	s->fill = s->flows->mask + 1;
}

void sync_members(struct sync *s, const struct sync_member *members, uint32_t count,
		  struct sync_member self)
{
	uint32_t before = s->here;
	for (uint8_t i = 1; i <= SYNC_NODES_MAX; i++)
		if (s->nodes[i].presence == SYNC_HERE &&
		    !is_among(s->nodes[i].member, members, count)) {
			s->nodes[i].presence = SYNC_GONE;
			s->nodes[i].left_ns = s->turned_ns;
		}
	s->here = s->elder = 0;
	for (uint32_t i = 0; i < count; i++) {
		add_node(s, members[i]);
		s->here += find_node(s, members[i]) != SYNC_NOBODY;
		s->elder += is_older(members[i], self);
	}
	s->self = find_node(s, self);
	/* There is nobody whose flows these are: who comes is told all of them at once. */
	if (before > 1 && s->here == 1)
		sync_book_clear(&s->book);
}

void sync_leave(struct sync *s)
{
	if (s->self)
		sync_book_clear(&s->book);
	memset(s->nodes, 0, sizeof(s->nodes));
	memset(s->asked, 0, sizeof(s->asked));
	s->self = SYNC_NOBODY;
	s->here = 0;
	s->fill = s->answer = 0;
	s->out.count = 0;
	for (int i = 0; i < 2; i++)
		sync_batch_clear(&s->batches[i]);
}

uint32_t sync_nodes(const struct sync *s, struct sync_node_status out[SYNC_NODES_MAX])
{
	uint32_t count = 0;
	for (uint8_t i = 1; i <= SYNC_NODES_MAX; i++) {
		const struct sync_node *n = &s->nodes[i];
		if (n->presence != SYNC_HERE)
			continue;
		out[count] = (struct sync_node_status){
			.member = n->member,
			.self = i == s->self,
			.differs = i != s->self && s->names && *n->name &&
				   n->config != s->names->config,
		};
		memcpy(out[count++].name, n->name, sizeof(n->name));
	}
	return count;
}

const struct sync_counters *sync_counters(const struct sync *s)
{
	return &s->counters;
}

/* --- digests ---------------------------------------------------------------------------------- */

/* Everybody is at the same point of what was said: also who says it, who hears it too. */
static void hear_mark(struct sync *s, uint8_t from, const struct sync_message *m)
{
	struct sync_node *n = &s->nodes[from];
	uint8_t *out;
	n->round = m->round;
	memcpy(n->at_mark, s->book.digests[from], sizeof(n->at_mark));
	if (from == s->self && (out = sync_out_room(s)))
		sync_out_put(s, sync_write_digest(out, m->round, n->at_mark));
}

/* Asks less and less often while that does not help: where there is no room, say. */
static void ask(struct sync *s, uint8_t whom, const uint64_t slices[SYNC_SLICES / 64])
{
	struct sync_node *n = &s->nodes[whom];
	uint8_t *out = n->pause ? NULL : sync_out_room(s);
	if (n->pause)
		n->pause--;
	if (!out)
		return;
	sync_out_put(s, sync_write_ask(out, n->member.node, n->member.pid, slices));
	sync_book_stale(&s->book, whom, slices);
	n->pause = n->patience;
	n->patience = n->patience < PATIENCE_MAX ? n->patience * 2 : PATIENCE_MAX;
	for (uint32_t i = 0; i < SYNC_SLICES / 64; i++)
		for (uint64_t bits = slices[i]; bits; bits &= bits - 1)
			sync_count(&s->counters.differences);
}

/* What differs the same way twice is no matter of time. */
static void hear_digest(struct sync *s, uint8_t from, const struct sync_message *m)
{
	struct sync_node *n = &s->nodes[from];
	uint64_t wanted[SYNC_SLICES / 64] = {};
	bool any = false, differs = false;
	if (from == s->self || m->round != n->round)
		return;
	for (uint32_t i = 0; i < SYNC_SLICES; i++) {
		uint64_t difference = n->at_mark[i] ^ sync_message_digest(m, i);
		differs |= difference != 0;
		if (difference && difference == n->differed[i]) {
			wanted[i / 64] |= 1ull << (i % 64);
			any = true;
		}
		n->differed[i] = difference;
	}
	if (any)
		ask(s, from, wanted);
	if (!differs)
		n->patience = 1;
}

static void hear_ask(struct sync *s, const struct sync_message *m)
{
	const struct sync_member whom = {m->node, m->pid};
	if (!s->self || !is_same(s->nodes[s->self].member, whom))
		return;
	if (!s->answer)
		memset(s->asked, 0, sizeof(s->asked));
	for (uint32_t i = 0; i < SYNC_SLICES; i++)
		if (sync_message_asks(m, i))
			s->asked[i / 64] |= 1ull << (i % 64);
	s->answer = s->flows->mask + 1;
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void hear_hello(struct sync *s, uint8_t from, const struct sync_message *m)
{
	s->nodes[from].config = m->config;
	memcpy(s->nodes[from].name, m->name, sizeof(m->name));
}

void sync_deliver(struct sync *s, struct sync_member from, const void *bytes, size_t length,
		  uint64_t now_ns)
{
	struct sync_message m;
	uint8_t node = find_node(s, from);
	int r = sync_message_parse(bytes, length, &m);
	if (r) {
		sync_count(r == -EPROTONOSUPPORT ? &s->counters.other_version
						 : &s->counters.malformed);
		return;
	}
	if (!node)
		return; /* who is no member is not heard */
	switch (m.kind) {
	case SYNC_HELLO:
		hear_hello(s, node, &m);
		break;
	case SYNC_FLOWS:
	case SYNC_TRANSLATED:
		sync_hear_flows(s, node, &m, now_ns);
		break;
	case SYNC_MARK:
		hear_mark(s, node, &m);
		break;
	case SYNC_DIGEST:
		hear_digest(s, node, &m);
		break;
	case SYNC_ASK:
		hear_ask(s, &m);
		break;
	}
}
