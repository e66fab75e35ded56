// SPDX-License-Identifier: BSD-2-Clause
#include "sim/fleet.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/packet.h"
#include "lb/err.h"
#include "lb/snapshot.h"
#include "sim/chance.h"
#include "sim/estate.h"
#include "sim/traffic.h"
#include "tools/weir/explain_tuple.h"

/* As the daemon has them when nothing is configured. */
static const uint32_t timeouts_s[FLOW_STATES] = {
	[FLOW_HANDSHAKE] = 10,
	[FLOW_ESTABLISHED] = 3600,
	[FLOW_CLOSING] = 30,
	[FLOW_UDP] = 60,
};

#define FRAME_ROOM (LB_HEADROOM + EXPLAIN_TUPLE_FRAME + LB_TAILROOM)

/* --- balancers -------------------------------------------------------------------------------- */

/* With room for those of a balancer that is lost, and for what begins meanwhile. */
static uint32_t entries_for(uint32_t count, uint32_t flows)
{
	uint64_t each = 2ull * flows / (count > 1 ? count - 1 : 1);
	return each < 1024 ? 1024 : each;
}

static void node_init(struct fleet *f, uint32_t index, uint64_t seed)
{
	struct node *n = &f->nodes[index];
	struct chance c = chance_of(seed, 1000000 + index);
	struct flow_seed s;
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		s.k[i] = chance_next(&c);
	size_t each = flow_table_bytes(f->entries);
	flow_table_init(&n->flows, (char *)f->tables + index * each, f->entries, &s, timeouts_s);
	lb_init(&n->lb, &n->flows, f->counters, UINT32_MAX);
}

int fleet_init(struct fleet *f, uint32_t count, uint32_t flows, uint64_t seed, struct err *err)
{
	*f = (struct fleet){.count = count + 1, .entries = entries_for(count, flows)};
	f->bytes = f->count * flow_table_bytes(f->entries);
	f->nodes = calloc(f->count, sizeof(*f->nodes));
	f->tables = aligned_alloc(sizeof(struct flow_bucket), f->bytes);
	f->saved = malloc(f->bytes);
	f->counters = lb_counters_new();
	if (!f->nodes || !f->tables || !f->saved || !f->counters) {
		fleet_fini(f);
		return err_set(err, ENOMEM, "no memory for the flow tables of %u balancers", count);
	}
	for (uint32_t i = 0; i < f->count; i++)
		node_init(f, i, seed);
	return 0;
}

void fleet_fini(struct fleet *f)
{
	free(f->nodes);
	free(f->tables);
	free(f->saved);
	free(f->counters);
	*f = (struct fleet){};
}

static void work_by(struct node *n, const struct snapshot *s)
{
	n->snapshot = s;
	n->next = NULL;
	n->next_ns = UINT64_MAX;
}

void fleet_reset(struct fleet *f, const struct snapshot *s)
{
	memset(f->tables, 0, f->bytes);
	for (uint32_t i = 0; i < f->count; i++) {
		lb_init(&f->nodes[i].lb, &f->nodes[i].flows, f->counters, UINT32_MAX);
		work_by(&f->nodes[i], s);
	}
}

void fleet_save(struct fleet *f)
{
	memcpy(f->saved, f->tables, f->bytes);
}

void fleet_load(struct fleet *f)
{
	memcpy(f->tables, f->saved, f->bytes);
}

void fleet_restart(struct fleet *f, uint32_t node, const struct snapshot *s)
{
	memset(f->nodes[node].flows.buckets, 0, flow_table_bytes(f->entries));
	work_by(&f->nodes[node], s);
}

/* --- packets ---------------------------------------------------------------------------------- */

static struct addr ipv4(uint32_t address)
{
	return (struct addr){{0, 0, bpf_htonl(0xffff), bpf_htonl(address)}};
}

static uint32_t write_frame(const struct sim_flow *flow, bool opens, uint8_t *frame)
{
	const struct explain_tuple t = {
		.from = ipv4(flow->client),
		.to = ipv4(ESTATE_VIPS + flow->service),
		.from_port = flow->port,
		.to_port = ESTATE_PORT,
		.protocol = IPPROTO_TCP,
		.tcp_flags = opens ? PACKET_TCP_SYN : PACKET_TCP_ACK,
	};
	return explain_tuple_frame(&t, frame);
}

void fleet_process(struct fleet *f, uint32_t node, const struct sim_flow *flows,
		   const struct sim_packet *packets, unsigned int count,
		   struct sim_answer answers[LB_BURST])
{
	static uint8_t frames[LB_BURST][FRAME_ROOM];
	struct lb_packet burst[LB_BURST];
	struct node *n = &f->nodes[node];
	for (unsigned int i = 0; i < count; i++) {
		burst[i] = (struct lb_packet){.data = frames[i] + LB_HEADROOM};
		burst[i].length =
			write_frame(&flows[packets[i].flow], packets[i].opens, burst[i].data);
	}
	lb_process(&n->lb, n->snapshot, burst, count, packets[0].at_ns);
	for (unsigned int i = 0; i < count; i++)
		answers[i].backend =
			burst[i].verdict == LB_TRANSMIT ? burst[i].backend : ABI_NO_BACKEND;
}

static struct flow_key key_of(const struct sim_flow *flow)
{
	return (struct flow_key){
		.source = ipv4(flow->client),
		.destination = ipv4(ESTATE_VIPS + flow->service),
		.source_port = bpf_htons(flow->port),
		.destination_port = bpf_htons(ESTATE_PORT),
		.protocol = IPPROTO_TCP,
	};
}

bool fleet_knows(const struct fleet *f, uint32_t node, const struct sim_flow *flow, uint64_t now_ns)
{
	const struct flow_table *t = &f->nodes[node].flows;
	struct flow_key key = key_of(flow);
	struct flow_hit hit;
	return flow_table_find(t, flow_hash(&key, &t->seed), now_ns, &hit);
}

void fleet_teach(struct fleet *f, uint32_t node, const struct sim_flow *flow, uint64_t now_ns)
{
	struct flow_table *t = &f->nodes[node].flows;
	struct flow_key key = key_of(flow);
	flow_table_insert(t, flow_hash(&key, &t->seed), flow->backend, FLOW_ESTABLISHED, now_ns,
			  &key);
}
