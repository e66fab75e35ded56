// SPDX-License-Identifier: BSD-2-Clause
/*
 * Time goes from event to event. Between two of them each flow is at one balancer, and balancers
 * have nothing to do with each other (what one tells the others is known by the time at which a
 * flow began), so they are gone through one after the other.
 */
#include "sim/play.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "lb/snapshot.h"
#include "sim/chance.h"
#include "sim/estate.h"

#define SECOND_NS  1000000000ull
#define BURST_NS   (SECOND_NS / 100) /* packets within that time may be one burst */
#define VIEWS      (2 * SCENARIO_EVENTS)
#define NO_EVENT   UINT32_MAX
#define EVENT_SEED 2000u /* streams of chance */

struct play {
	struct play_settings set;
	struct estate *estate;
	struct fleet *fleet;
	struct traffic *traffic;
	const struct snapshot *base;
	struct ecmp router;
	enum ecmp_kind kind;
	struct sim_flow *saved; /* the population, once it has its backends */
	/* of one run */
	struct chance chance;
	enum persistence persistence;
	struct snapshot *views[VIEWS];
	unsigned int view_count;
	uint32_t lost; /* balancer */
	uint32_t event;
	struct result *result;
	/* packets of the time between two events */
	struct sim_packet *packets, *sorted;
	size_t packet_count, packet_room;
};

const char *persistence_word(enum persistence p)
{
	static const char *const words[PERSISTENCES] = {"maglev", "tables", "sync"};
	return words[p];
}

struct play *play_new(const struct play_settings *settings, struct estate *estate,
		      struct fleet *fleet, struct traffic *traffic, const struct snapshot *base)
{
	struct play *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->set = *settings;
	p->estate = estate;
	p->fleet = fleet;
	p->traffic = traffic;
	p->base = base;
	p->saved = malloc((size_t)traffic->population * sizeof(*p->saved));
	if (!p->saved) {
		play_free(p);
		return NULL;
	}
	return p;
}

void play_free(struct play *p)
{
	if (!p)
		return;
	ecmp_fini(&p->router);
	free(p->saved);
	free(p->packets);
	free(p->sorted);
	free(p);
}

/* --- what is seen of a packet ------------------------------------------------------------------
 */

/* The next end of a batch after a flow began. */
static uint64_t synced_at(const struct play *p, const struct sim_flow *f)
{
	uint64_t batch_ns = p->set.batch_s * 1e9;
	return batch_ns ? (f->opened_ns / batch_ns + 1) * batch_ns : f->opened_ns;
}

static void judge_opening(struct play *p, struct sim_flow *f, uint32_t backend, uint64_t now_ns)
{
	f->backend = backend;
	f->synced_ns = UINT64_MAX;
	if (backend == ABI_NO_BACKEND)
		f->fate = FATE_REFUSED;
	else if (fleet_knows(p->fleet, f->node, f, now_ns))
		f->synced_ns = synced_at(p, f);
}

static void judge(struct play *p, struct sim_flow *f, const struct sim_packet *packet,
		  uint32_t backend, const struct snapshot *s)
{
	if (f->fate != FATE_KEPT)
		return; /* it has ended by then */
	if (packet->opens) {
		judge_opening(p, f, backend, packet->at_ns);
		return;
	}
	if (backend == f->backend)
		return;
	struct outcome *o = p->event == NO_EVENT ? NULL : &p->result->events[p->event];
	/* One that this balancer has not heard of yet serves. */
	bool orphan = f->backend < s->backend_end && !backend_keeps_flows(&s->backends[f->backend]);
	f->fate = orphan ? FATE_ORPHAN : FATE_BROKEN;
	if (o && orphan)
		o->orphans++;
	else if (o)
		o->broken++;
}

/* What the others have told a balancer of a flow by now, it knows, unless they were lost before. */
static void sync_flow(struct play *p, const struct sim_flow *f, uint64_t now_ns)
{
	if (f->node != f->origin && f->synced_ns <= now_ns &&
	    !fleet_knows(p->fleet, f->node, f, now_ns))
		fleet_teach(p->fleet, f->node, f, now_ns);
}

/* --- packets to balancers ----------------------------------------------------------------------
 */

static int add_packet(struct play *p, uint32_t flow, uint64_t at_ns, bool opens)
{
	if (p->packet_count == p->packet_room) {
		size_t room = p->packet_room ? 2 * p->packet_room : 65536;
		struct sim_packet *more = realloc(p->packets, room * sizeof(*more));
		if (more)
			p->packets = more;
		struct sim_packet *sorted = realloc(p->sorted, room * sizeof(*sorted));
		if (sorted)
			p->sorted = sorted;
		if (!more || !sorted)
			return -ENOMEM;
		p->packet_room = room;
	}
	p->packets[p->packet_count++] = (struct sim_packet){at_ns, flow, opens};
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct sim_packet *x = a, *y = b;
	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->flow < y->flow ? -1 : x->flow > y->flow;
}

/* How many of `count` packets, at least one, a balancer takes at once. */
static unsigned int burst_length(const struct node *n, const struct sim_packet *packets,
				 size_t count)
{
	unsigned int length = 1;
	while (length < count && length < LB_BURST && packets[length].at_ns < n->next_ns &&
	       packets[length].at_ns < packets[0].at_ns + BURST_NS)
		length++;
	return length;
}

static void deliver_to(struct play *p, uint32_t index, const struct sim_packet *packets,
		       size_t count)
{
	struct sim_answer answers[LB_BURST];
	struct node *n = &p->fleet->nodes[index];
	struct sim_flow *flows = p->traffic->flows;
	for (unsigned int length; count; packets += length, count -= length) {
		if (packets[0].at_ns >= n->next_ns) {
			n->snapshot = n->next;
			n->next_ns = UINT64_MAX;
		}
		length = burst_length(n, packets, count);
		for (unsigned int i = 0; i < length && p->persistence == PERSISTENCE_SYNC; i++)
			sync_flow(p, &flows[packets[i].flow], packets[i].at_ns);
		fleet_process(p->fleet, index, flows, packets, length, answers);
		for (unsigned int i = 0; i < length; i++)
			judge(p, &flows[packets[i].flow], &packets[i], answers[i].backend,
			      n->snapshot);
	}
}

/* Sorted by balancer by counting, then each balancer's by time. */
static int deliver(struct play *p)
{
	uint32_t count = p->fleet->count;
	size_t *ends = calloc(count + 1, sizeof(*ends));
	if (!ends)
		return -ENOMEM;
	for (size_t i = 0; i < p->packet_count; i++)
		ends[p->traffic->flows[p->packets[i].flow].node + 1]++;
	for (uint32_t i = 0; i < count; i++)
		ends[i + 1] += ends[i];
	for (size_t i = 0; i < p->packet_count; i++)
		p->sorted[ends[p->traffic->flows[p->packets[i].flow].node]++] = p->packets[i];
	size_t begin = 0;
	for (uint32_t i = 0; i < count; begin = ends[i++]) {
		qsort(p->sorted + begin, ends[i] - begin, sizeof(*p->sorted), by_time);
		deliver_to(p, i, p->sorted + begin, ends[i] - begin);
	}
	if (p->result)
		p->result->packets += p->packet_count;
	p->packet_count = 0;
	free(ends);
	return 0;
}

/* --- the population ----------------------------------------------------------------------------
 */

/* Its handshakes are sent right before the start, all by the snapshot of the beginning. */
int play_populate(struct play *p, enum ecmp_kind kind, struct err *err)
{
	struct traffic *t = p->traffic;
	int r = 0;
	ecmp_fini(&p->router);
	p->kind = kind;
	p->event = NO_EVENT;
	p->persistence = PERSISTENCE_PLAIN;
	p->result = NULL;
	if (ecmp_init(&p->router, kind, p->set.balancers))
		return err_set(err, ENOMEM, "no memory for the router");
	fleet_reset(p->fleet, p->base);
	for (uint32_t i = 0; i < t->population && !r; i++) {
		struct sim_flow *f = &t->flows[i];
		f->origin = f->node = ecmp_pick(&p->router, f->hash);
		f->fate = FATE_KEPT;
		r = add_packet(p, i, TRAFFIC_START_NS - 2 * SECOND_NS, true);
		r = r ? r : add_packet(p, i, TRAFFIC_START_NS - SECOND_NS, false);
	}
	r = r ? r : deliver(p);
	if (r)
		return err_set(err, -r, "no memory for packets");
	memcpy(p->saved, t->flows, t->population * sizeof(*p->saved));
	fleet_save(p->fleet);
	return 0;
}

double play_balancer_imbalance(const struct play *p)
{
	uint32_t at[ECMP_MAX] = {}, most = 0;
	for (uint32_t i = 0; i < p->traffic->population; i++) {
		uint32_t count = ++at[p->saved[i].origin];
		most = count > most ? count : most;
	}
	return (double)most * p->set.balancers / p->traffic->population;
}

uint32_t play_untracked(const struct play *p)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->traffic->population; i++)
		count += p->saved[i].synced_ns == UINT64_MAX;
	return count;
}

/* --- events ------------------------------------------------------------------------------------
 */

static const struct snapshot *newest(const struct play *p)
{
	return p->view_count ? p->views[p->view_count - 1] : p->base;
}

static int take_view(struct play *p, int status, struct snapshot *s)
{
	assert(p->view_count < VIEWS);
	if (!status)
		p->views[p->view_count++] = s;
	return status;
}

/* What all balancers have after a change. */
static int build_view(struct play *p, bool refresh, uint64_t now_ns, struct err *err)
{
	struct snapshot *s = NULL, *forgetful = NULL;
	int r = estate_snapshot(p->estate, newest(p), refresh, now_ns, &s, err);
	if (r || p->persistence != PERSISTENCE_PLAIN)
		return take_view(p, r, s);
	r = estate_forget(p->estate, s, &forgetful, err);
	snapshot_free(s);
	return take_view(p, r, forgetful);
}

/* What a balancer has that starts now: nothing from before. The others' go on from theirs. */
static int start_node(struct play *p, uint32_t node, struct err *err)
{
	struct snapshot *fresh = NULL, *last;
	if (!p->view_count) {
		fleet_restart(p->fleet, node, p->base);
		return 0;
	}
	last = p->views[p->view_count - 1];
	int r = estate_forget(p->estate, last, &fresh, err);
	r = take_view(p, r, fresh);
	if (r)
		return r;
	p->views[p->view_count - 2] = fresh;
	p->views[p->view_count - 1] = last;
	fleet_restart(p->fleet, node, fresh);
	return 0;
}

/* Each balancer takes the change over in its own time; what it has not taken by then is done. */
static void spread_view(struct play *p, uint64_t now_ns)
{
	for (uint32_t i = 0; i < p->fleet->count; i++) {
		struct node *n = &p->fleet->nodes[i];
		if (n->next_ns <= now_ns)
			n->snapshot = n->next;
		n->next = newest(p);
		n->next_ns = now_ns + (uint64_t)(chance_real(&p->chance) * p->set.skew_s * 1e9);
	}
}

static int change_backends(struct play *p, const struct event *e, uint64_t now_ns, struct err *err)
{
	uint32_t count = event_backends(e, p->estate->backend_count);
	int r = 0;
	for (uint32_t i = 0; i < count && !r; i++) {
		if (e->kind == EVENT_BACKENDS_JOIN)
			r = estate_add(p->estate, &p->chance, err);
		else if (e->kind == EVENT_BACKENDS_LEAVE)
			r = estate_remove(p->estate, &p->chance, err);
		else
			estate_fail(p->estate, &p->chance);
	}
	r = r ? r : build_view(p, e->kind == EVENT_BACKENDS_FAIL, now_ns, err);
	if (!r)
		spread_view(p, now_ns);
	return r;
}

/* Flows that a lost balancer had not told of yet are never told of. */
static void lose_node(struct play *p, uint64_t now_ns)
{
	p->lost = p->router.members[chance_below(&p->chance, p->router.count)];
	ecmp_remove(&p->router, p->lost);
	for (uint32_t i = 0; i < p->traffic->count; i++) {
		struct sim_flow *f = &p->traffic->flows[i];
		if (f->origin == p->lost && f->synced_ns > now_ns && f->opened_ns < now_ns)
			f->synced_ns = UINT64_MAX;
	}
}

static int happen(struct play *p, const struct event *e, uint64_t now_ns, struct err *err)
{
	int r = 0;
	switch (e->kind) {
	case EVENT_NODE_LOST:
		lose_node(p, now_ns);
		return 0;
	case EVENT_NODE_BACK:
	case EVENT_NODE_JOINS: {
		uint32_t node = e->kind == EVENT_NODE_BACK ? p->lost : p->set.balancers;
		r = start_node(p, node, err);
		if (!r)
			ecmp_add(&p->router, node);
		return r;
	}
	default:
		return change_backends(p, e, now_ns, err);
	}
}

/* --- from event to event -----------------------------------------------------------------------
 */

/* The first two packets of a flow in a span of time. */
static int add_first(struct play *p, uint32_t index, uint64_t from_ns, uint64_t to_ns)
{
	const struct sim_flow *f = &p->traffic->flows[index];
	uint64_t number = sim_flow_packet(f, from_ns),
		 end_ns = to_ns < f->ends_ns ? to_ns : f->ends_ns;
	int r = 0;
	for (int i = 0; i < 2 && !r; i++, number++) {
		uint64_t at_ns = sim_flow_time(f, number);
		if (at_ns >= end_ns)
			break;
		r = add_packet(p, index, at_ns, number == 0);
	}
	return r;
}

static void route(struct play *p, struct sim_flow *f, uint64_t from_ns, struct outcome *o)
{
	uint32_t node = ecmp_pick(&p->router, f->hash);
	if (f->opened_ns >= from_ns) {
		f->origin = f->node = node;
		return;
	}
	o->live++;
	o->moved += node != f->node;
	f->node = node;
}

static int pass_time(struct play *p, uint64_t from_ns, uint64_t to_ns)
{
	int r = 0;
	for (uint32_t i = 0; i < p->traffic->count && !r; i++) {
		struct sim_flow *f = &p->traffic->flows[i];
		if (f->fate != FATE_KEPT || f->ends_ns <= from_ns || f->opened_ns >= to_ns)
			continue;
		route(p, f, from_ns, &p->result->events[p->event]);
		uint64_t cut_ns = p->fleet->nodes[f->node].next_ns;
		if (cut_ns <= from_ns || cut_ns >= to_ns) {
			r = add_first(p, i, from_ns, to_ns);
			continue;
		}
		r = add_first(p, i, from_ns, cut_ns);
		if (!r && f->ends_ns > cut_ns)
			r = add_first(p, i, cut_ns, to_ns);
	}
	return r ? r : deliver(p);
}

static uint64_t time_of(const struct play *p, const struct scenario *s, unsigned int event)
{
	double at_s = event < s->count ? s->events[event].at_s
				       : s->events[s->count - 1].at_s + p->set.observe_s;
	return TRAFFIC_START_NS + (uint64_t)(at_s * 1e9);
}

static int begin_run(struct play *p, const struct scenario *s, struct err *err)
{
	struct traffic *t = p->traffic;
	ecmp_fini(&p->router);
	if (ecmp_init(&p->router, p->kind, p->set.balancers))
		return err_set(err, ENOMEM, "no memory for the router");
	fleet_reset(p->fleet, p->base);
	fleet_load(p->fleet);
	memcpy(t->flows, p->saved, t->population * sizeof(*p->saved));
	for (uint32_t i = t->population; i < t->count; i++) {
		t->flows[i].fate = FATE_KEPT;
		t->flows[i].synced_ns = UINT64_MAX;
	}
	p->chance = chance_of(p->set.seed, EVENT_SEED + (s - scenarios));
	return 0;
}

static void end_run(struct play *p)
{
	for (uint32_t i = 0; i < p->traffic->count; i++)
		p->result->fates[p->traffic->flows[i].fate]++;
	p->result->flows = p->traffic->count;
	fleet_reset(p->fleet, p->base);
	while (p->view_count)
		snapshot_free(p->views[--p->view_count]);
	estate_restore(p->estate);
}

int play_run(struct play *p, const struct scenario *s, enum persistence persistence,
	     struct result *out, struct err *err)
{
	*out = (struct result){};
	p->persistence = persistence;
	p->result = out;
	int r = begin_run(p, s, err);
	for (p->event = 0; p->event < s->count && !r; p->event++) {
		uint64_t now_ns = time_of(p, s, p->event);
		r = happen(p, &s->events[p->event], now_ns, err);
		if (!r && pass_time(p, now_ns, time_of(p, s, p->event + 1)))
			r = err_set(err, ENOMEM, "no memory for packets");
	}
	end_run(p);
	return r;
}
