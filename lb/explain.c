// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow's bucket is copied into a small table, and that of the flow which answers it by nat, so
 * that looking up, touching, inserting and evicting go as they would in the real one.
 */
#include "lb/explain.h"

#include <stdlib.h>
#include <string.h>

#include "lb/affinity.h"
#include "lb/fragments.h"
#include "lb/held.h"
#include "lb/maglev.h"
#include "lb/snapshot.h"

/* Of the table that is asked about so many buckets fit; those of two flows may fall together. */
#define BUCKETS 1024u

struct explain {
	_Alignas(64) struct flow_bucket buckets[BUCKETS];
	struct flow_translations translations[BUCKETS];
	struct flow_table flows;
	struct lb lb;
	struct lb_counters *counters;
	struct held *held;
	struct policing policing;
};

struct explain *explain_new(void)
{
	struct explain *e = aligned_alloc(64, (sizeof(*e) + 63) & ~63ul);
	if (!e)
		return NULL;
	memset(e, 0, sizeof(*e));
	e->counters = lb_counters_new();
	e->held = held_new();
	static const struct flow_seed seed;
	if (e->counters && e->held && !policing_init(&e->policing, 0, &seed))
		return e;
	explain_free(e);
	return NULL;
}

void explain_free(struct explain *e)
{
	if (!e)
		return;
	policing_fini(&e->policing);
	held_free(e->held);
	free(e->counters);
	free(e);
}

/* As it is between two writes; after many tries as it was last seen. */
static void copy_bucket(struct explain *e, const struct flow_table *flows, uint64_t hash)
{
	const struct flow_bucket *from = flow_table_bucket(flows, hash);
	struct flow_bucket *to = flow_table_bucket(&e->flows, hash);
	for (int tries = 0; tries < FLOW_FIND_TRIES; tries++) {
		uint32_t sequence = __atomic_load_n(&from->sequence, __ATOMIC_ACQUIRE);
		memcpy(to, from, sizeof(*to));
		if (flows->translations)
			e->translations[hash & e->flows.mask] =
				flows->translations[hash & flows->mask];
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(sequence & 1) &&
		    __atomic_load_n(&from->sequence, __ATOMIC_RELAXED) == sequence)
			break;
	}
	to->sequence &= ~1u;
}

/* The other flow of a translated connection, where the copy has one bucket for both. */
static void copy_into_same(struct explain *e, const struct flow_table *flows, uint64_t peer,
			   const struct flow_hit *own, uint64_t now_ns)
{
	struct flow_bucket *to = flow_table_bucket(&e->flows, peer);
	struct flow_hit hit;
	int i = own->tag == &to->tag[0] ? 1 : 0;
	if (!flow_table_find(flows, peer, now_ns, &hit))
		return;
	to->tag[i] = hit.tag_seen;
	to->meta[i] = hit.meta_seen;
	flow_table_translation(flows, &hit, &e->translations[peer & e->flows.mask].translation[i]);
}

/* What the table knows of a packet's flow, and of the one that answers it. */
static void copy_flow(struct explain *e, const struct flow_table *flows, const struct packet *p,
		      uint64_t now_ns)
{
	uint64_t hash = flow_hash(&p->key, &flows->seed);
	struct flow_hit hit;
	struct translation x;
	memset(e->buckets, 0, sizeof(e->buckets));
	e->flows = *flows;
	e->flows.buckets = e->buckets;
	e->flows.translations = flows->translations ? e->translations : NULL;
	e->flows.keys = NULL;
	e->flows.counted = 0; /* connections are looked at, and not counted */
	e->flows.half_open = NULL;
	if (e->flows.mask >= BUCKETS)
		e->flows.mask = BUCKETS - 1;
	copy_bucket(e, flows, hash);
	if (!flow_table_find(&e->flows, hash, now_ns, &hit) || !flow_hit_is_translated(&hit) ||
	    !flow_table_translation(&e->flows, &hit, &x))
		return;
	if (((x.peer ^ hash) & e->flows.mask) != 0)
		copy_bucket(e, flows, x.peer);
	else if (((x.peer ^ hash) & flows->mask) != 0)
		copy_into_same(e, flows, x.peer, &hit, now_ns);
}

static struct explain_slot look_at_slot(const struct snapshot *s, const struct explanation *x)
{
	struct explain_slot out = {.owner = ABI_NO_BACKEND};
	if (x->packet.service == ABI_NO_SERVICE || x->trace.entry == LB_ENTRY_STANDS ||
	    x->trace.named != ABI_NO_BACKEND)
		return out;
	const struct service *service = &s->services[x->packet.service];
	if (!service->maglev)
		return out;
	out.asked = true;
	out.slot = maglev_slot(service->maglev, affinity_hash(service, &x->trace.parsed.key));
	out.owner = service->members[service->maglev->slots[out.slot]];
	return out;
}

/* What bpf/repeat.h asks. */
static bool is_repeated(const struct snapshot *s, const struct explanation *x)
{
	const struct packet *p = &x->trace.parsed;
	bool open = x->trace.entry_state == FLOW_ESTABLISHED || x->trace.entry_state == FLOW_UDP;
	return x->packet.verdict == LB_TRANSMIT && x->trace.entry == LB_ENTRY_STANDS && open &&
	       !p->fragment && backend_is_repeatable(&s->backends[x->trace.entry_backend]) &&
	       !(p->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_FIN | PACKET_TCP_RST));
}

/* As the XDP program does before a worker has the packet. */
static void police_as(struct explain *e, const struct explain_basis *basis, struct lb_trace *trace)
{
	e->policing.seed = basis->flows->seed;
	e->policing.peek = &basis->meters;
	e->policing.trace = &trace->policing;
	lb_use_policing(&e->lb, &e->policing);
}

void explain_packet(struct explain *e, const struct explain_basis *basis, const uint8_t *bytes,
		    uint32_t length, uint16_t ingress, uint64_t now_ns, struct explanation *out)
{
	const struct snapshot *s = basis->snapshot;
	const struct flow_table *flows = basis->flows;
	memset(out, 0, sizeof(*out));
	out->packet.data = out->room + LB_HEADROOM;
	out->packet.length = length;
	out->packet.ingress = ingress;
	out->trace.named = out->trace.chosen = out->trace.entry_backend = ABI_NO_BACKEND;
	memcpy(out->packet.data, bytes, length);
	struct packet parsed = {};
	parse_packet(bytes, bytes + length, &parsed);
	copy_flow(e, flows, &parsed, now_ns);
	lb_init(&e->lb, &e->flows, e->counters, UINT32_MAX);
	struct fragments *fragments = NULL;
	if (parsed.fragment)
		fragments = fragments_new(&flows->seed);
	lb_use_fragments(&e->lb, fragments, e->held);
	e->lb.trace = &out->trace;
	out->trace.flows = flows;
	police_as(e, basis, &out->trace);
	lb_process_traced(&e->lb, s, &out->packet, 1, now_ns);
	fragments_free(fragments);
	out->slot = look_at_slot(s, out);
	out->repeated = is_repeated(s, out);
}
