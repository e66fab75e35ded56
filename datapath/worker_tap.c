// SPDX-License-Identifier: BSD-2-Clause
/* What bpf/tap.h is to the XDP program. One worker's thread. */
#include "datapath/worker_tap.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of a packet, as filters read them. */
struct tap_bytes {
	const uint8_t *data;
	uint32_t length;
};

static int filter_load(void *source, __u32 offset, void *to, __u32 size)
{
	const struct tap_bytes *b = source;
	if (offset > b->length || b->length - offset < size)
		return -1;
	memcpy(to, b->data + offset, size);
	return 0;
}

#include "bpf/filter.h"

#define RING_BYTES (4u << 20)
#define WORKER_IDS 0x8000ull /* where those of CPUs end */

struct tap_copy {
	uint32_t length;
	uint8_t bytes[CAPTURE_BYTES_MAX];
};

int worker_tap_init(struct worker_tap *t, uint16_t worker, const struct tap_control *control,
		    struct capture_slot *slots)
{
	*t = (struct worker_tap){.control = control, .slots = slots, .worker = worker};
	t->copies = calloc(LB_BURST, sizeof(*t->copies));
	t->ring = tap_ring_new(RING_BYTES);
	return t->copies && t->ring ? 0 : -ENOMEM;
}

void worker_tap_fini(struct worker_tap *t)
{
	free(t->ring);
	free(t->copies);
	t->ring = NULL;
	t->copies = NULL;
}

void worker_tap_keep_copies(struct worker_tap *t, const struct lb_packet *burst, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct tap_copy *c = &t->copies[i];
		c->length = burst[i].length;
		memcpy(c->bytes, burst[i].data,
		       c->length < CAPTURE_BYTES_MAX ? c->length : CAPTURE_BYTES_MAX);
	}
}

/* --- asking ---------------------------------------------------------------------------------- */

static bool filter_passes(struct tap_state *state, const struct capture_slot *slot,
			  struct tap_bytes *bytes)
{
	struct filter_machine *m = &state->machine;
	if (!slot->filter_length)
		return true;
	filter_begin(m, bytes->length);
	while (m->pc < CAPTURE_FILTER_MAX && !filter_step(m, &slot->filter[m->pc], bytes))
		;
	return m->result != 0;
}

static void ask(struct worker_tap *t, uint32_t armed, struct tap_bytes *bytes)
{
	struct tap_state *state = &t->state;
	state->packet.captures = 0;
	state->snaplen = 0;
	for (uint32_t i = 0; armed >> i; i++) {
		struct capture_slot *slot = &t->slots[i];
		if (armed >> i & 1 && capture_names(slot, &state->packet) &&
		    filter_passes(state, slot, bytes))
			capture_take(slot, state, i);
	}
}

static void offer(struct worker_tap *t, struct tap_bytes *bytes)
{
	struct tap_record *r = &t->state.packet;
	uint32_t captures = __atomic_load_n(&t->control->captures, __ATOMIC_RELAXED);
	r->length = r->captured = bytes->length;
	ask(t, captures, bytes);
	if (!r->captures)
		return;
	if (r->captured > t->state.snaplen)
		r->captured = t->state.snaplen;
	if (r->captured > CAPTURE_BYTES_MAX)
		r->captured = CAPTURE_BYTES_MAX;
	if (!tap_ring_push(t->ring, r, bytes->data))
		capture_lose(&t->state);
}

/* --- packets --------------------------------------------------------------------------------- */

/* The next packet at the tap. */
static void look_at(struct worker_tap *t, const struct worker_tap_packet *p)
{
	t->state.id++;
	t->state.packet = (struct tap_record){
		.time_ns = p->now_ns,
		.id = (WORKER_IDS | t->worker) << 40 | t->state.id,
		.service = p->packet->service,
		.backend = p->packet->backend,
		.rule = p->packet->rule,
		.port = p->port,
		.queue = p->queue,
		.worker = t->worker,
		.source = TAP_WORKER,
	};
}

void worker_tap_sent(struct worker_tap *t, const struct worker_tap_packet *p)
{
	const struct lb_packet *packet = p->packet;
	struct tap_bytes now = {packet->data, packet->length};
	look_at(t, p);
	t->state.packet.action = XDP_REDIRECT;
	if (p->copy >= 0 && packet->service != ABI_NO_SERVICE) {
		const struct tap_copy *copy = &t->copies[p->copy];
		struct tap_bytes before = {copy->bytes, copy->length};
		t->state.packet.point = TAP_BEFORE;
		offer(t, &before);
	}
	t->state.packet.point = TAP_TX;
	t->state.packet.port = packet->egress;
	offer(t, &now);
}

void worker_tap_dropped(struct worker_tap *t, const struct worker_tap_packet *p)
{
	struct tap_bytes bytes = {p->packet->data, p->packet->length};
	look_at(t, p);
	t->state.packet.point = TAP_DROP;
	t->state.packet.reason = p->packet->reason;
	t->state.packet.action = XDP_DROP;
	offer(t, &bytes);
}

uint64_t worker_tap_lost(const struct worker_tap *t)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < CAPTURES_MAX; i++)
		for (uint32_t port = 0; port < ABI_MAX_PORTS; port++)
			sum += __atomic_load_n(&t->state.tallies[i][port].lost_full,
					       __ATOMIC_RELAXED);
	return sum;
}
