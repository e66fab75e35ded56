/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tap, as BPF programs have it: finds out which captures want a packet, and writes one record for
 * all of them into the ring of this CPU. No two CPUs share a ring, a counter or a packet's id. A
 * ring is there only while there are captures (datapath/tap_rings.h).
 *
 * Who includes this has defined what packets are had of, TAP_SOURCE, and how; 0: they are there:
 *
 *   static int tap_copy(void *source, __u32 offset, void *to, __u32 size);   at least one byte
 *   static int tap_copy_head(TAP_SOURCE *source, void *to, __u32 size);      of a record
 */
#ifndef WEIR_BPF_TAP_H
#define WEIR_BPF_TAP_H

#include "bpf/capture.h"

static __always_inline int filter_load(void *source, __u32 offset, void *to, __u32 size)
{
	return tap_copy(source, offset, to, size);
}

#include "bpf/filter.h"

#define TAP_CPUS_MAX 512

/* What captures want, by slot. Written by user space as plain memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CAPTURES_MAX);
	__type(key, __u32);
	__type(value, struct capture_slot);
} captures SEC(".maps");

/* What the taps remember; user space sets how many there are, and reads along. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tap_state);
} tap_states SEC(".maps");

/* Set before loading: the size of the rings, less one. */
const volatile __u32 tap_ring_mask = 0xfff;

/* The shape of a ring of records, struct tap_ring; user space sets the size. */
struct tap_ring_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, TAP_RING_MEMORY(0x1000));
};

/* The rings, TAP_RINGS for each CPU; nothing where nobody captures. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TAP_CPUS_MAX *TAP_RINGS);
	__type(key, __u32);
	__array(values, struct tap_ring_map);
} capture_rings SEC(".maps");

static __always_inline struct tap_state *tap_state(__u32 cpu, __u32 kind)
{
	__u32 index = cpu * TAP_STATES + kind;
	return bpf_map_lookup_elem(&tap_states, &index);
}

/* A number that no other packet has: the state's, and one that it counts. */
static __always_inline __u64 tap_id(const struct tap_state *state, __u32 cpu, __u32 kind)
{
	__u64 index = cpu * TAP_STATES + kind;
	return (index + 1) << 40 | state->id;
}

/* What the instructions of a filter are about. */
struct tap_filtering {
	void *source;
	struct filter_machine *machine;
	const struct capture_slot *slot;
};

/*
 * One instruction of a filter. Which one stands in the machine, which the verifier does not follow:
 * so it looks at this only once, and not at each way through a filter.
 */
static long tap_turn(__u32 turn, void *context)
{
	struct tap_filtering *f = context;
	__u32 pc = f->machine->pc;
	return pc >= CAPTURE_FILTER_MAX || filter_step(f->machine, &f->slot->filter[pc], f->source);
}

/* A function of its own, so that the verifier looks at it only once, and not for each slot. */
__attribute__((noinline)) int tap_filter(TAP_SOURCE *source, struct tap_state *state, __u32 index)
{
	const struct capture_slot *slot = bpf_map_lookup_elem(&captures, &index);
	if (!source || !state || !slot)
		return 0;
	struct tap_filtering f = {.source = source, .machine = &state->machine, .slot = slot};
	filter_begin(f.machine, state->packet.length);
	bpf_loop(CAPTURE_FILTER_MAX, tap_turn, &f, 0);
	return f.machine->result != 0;
}

/* Finds out which captures want the packet of the state: state->packet.captures. */
static __always_inline void tap_ask(TAP_SOURCE *source, struct tap_state *state, __u32 armed)
{
	state->packet.captures = 0;
	state->snaplen = 0;
	for (__u32 i = 0; i < CAPTURES_MAX && armed >> i; i++) {
		__u32 index = i;
		struct capture_slot *slot = bpf_map_lookup_elem(&captures, &index);
		if (armed >> i & 1 && slot && capture_names(slot, &state->packet) &&
		    (!slot->filter_length || tap_filter(source, state, i)))
			capture_take(slot, state, i);
	}
}

/* Lets the consumer see the head, and then all that was written before. */
static __always_inline void tap_publish(struct tap_ring *ring, __u64 head)
{
#ifdef __x86_64__ /* keeps stores in their order, and a locked instruction costs 10 ns */
	__asm__ volatile("" : : : "memory");
	*(volatile __u64 *)&ring->head = head;
#else
	__sync_lock_test_and_set(&ring->head, head);
#endif
}

static __always_inline int tap_has_room(struct tap_ring *ring, __u64 head, __u32 need)
{
	__u64 size = (__u64)tap_ring_mask + 1;
	if (head + need - ring->tail_seen <= size)
		return 1;
	ring->tail_seen = *(volatile __u64 *)&ring->tail;
	return head + need - ring->tail_seen <= size;
}

/* Field by field, each as wide as it was written just now: that the CPU has at hand. */
static __always_inline void tap_fill(struct tap_record *out, const struct tap_record *packet,
				     __u64 id, __u32 captured)
{
	out->time_ns = bpf_ktime_get_ns();
	out->id = id;
	out->length = packet->length;
	out->captured = captured;
	out->service = packet->service;
	out->backend = packet->backend;
	out->rule = packet->rule;
	out->captures = packet->captures;
	out->port = packet->port;
	out->queue = packet->queue;
	out->worker = 0;
	out->reason = packet->reason;
	out->source = packet->source;
	out->point = packet->point;
	out->action = packet->action;
}

/* One record; 0, or -1: the ring is full. `size` is at most CAPTURE_BYTES_MAX. */
static __always_inline int tap_write(struct tap_ring *ring, TAP_SOURCE *source,
				     const struct tap_record *packet, __u64 id, __u32 size)
{
	__u64 head = ring->head;
	__u32 need = tap_record_bytes(size);
	if (!tap_has_room(ring, head, need))
		return -1;
	struct tap_record *out = (void *)(ring->bytes + (head & tap_ring_mask));
	tap_fill(out, packet, id, size);
	if (tap_copy_head(source, out + 1, size)) {
		out->captured = 0;
		need = sizeof(*out);
	}
	tap_publish(ring, head + need);
	return 0;
}

/* Hands the packet of the state to the captures that want it. */
static __always_inline void tap_emit(TAP_SOURCE *source, struct tap_state *state, __u32 cpu,
				     __u32 kind)
{
	__u32 size = state->packet.length, zero = 0;
	__u32 index =
		cpu * TAP_RINGS + (kind == TAP_STATE_KERNEL ? TAP_RING_KERNEL : TAP_RING_PACKETS);
	void *map = bpf_map_lookup_elem(&capture_rings, &index);
	struct tap_ring *ring = map ? bpf_map_lookup_elem(map, &zero) : 0;
	if (size > state->snaplen)
		size = state->snaplen;
	if (size > CAPTURE_BYTES_MAX)
		size = CAPTURE_BYTES_MAX;
	if (!ring || tap_write(ring, source, &state->packet, tap_id(state, cpu, kind), size))
		capture_lose(state);
}

#endif
