/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tap, as BPF programs have it: finds out which captures want a packet, and writes one record for
 * all of them into the ring of this CPU. No two CPUs share a ring, a counter or a packet's id. A
 * ring is there only while there are captures (datapath/tap_rings.h).
 *
 * Who includes this has defined how bytes of a packet are had; `size` is at least 1:
 *
 *   static int tap_copy(void *source, __u32 offset, void *to, __u32 size);   0: they are there
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

/* The shape of a ring of records. */
struct tap_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

/* The rings, by CPU; nothing where nobody captures. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TAP_CPUS_MAX);
	__type(key, __u32);
	__array(values, struct tap_ring_map);
} tap_rings SEC(".maps");

static __always_inline struct tap_state *tap_state(__u32 kind)
{
	__u32 index = bpf_get_smp_processor_id() * TAP_STATES + kind;
	return bpf_map_lookup_elem(&tap_states, &index);
}

/* A number that no other packet has: the state's, and one that it counts. */
static __always_inline __u64 tap_id(const struct tap_state *state, __u32 kind)
{
	__u64 index = bpf_get_smp_processor_id() * TAP_STATES + kind;
	return (index + 1) << 40 | state->id;
}

/* What a walk through the slots is about. */
struct tap_walk {
	void *source;
	struct tap_state *state;
	__u64 armed; /* the slots in use */
};

static __always_inline void tap_take(struct tap_state *state, struct capture_slot *slot,
				     __u32 index)
{
	index &= CAPTURES_MAX - 1;
	struct capture_tally *tally =
		&state->tallies[index][state->event.port & (ABI_MAX_PORTS - 1)];
	if (!capture_admits(slot, state, tally, index))
		return;
	state->wanted |= 1u << index;
	if (state->snaplen < slot->snaplen)
		state->snaplen = slot->snaplen;
}

/*
 * One step of a walk: asks the next slot, or does one instruction of the filter of the one that is
 * being asked. Where it is stands in the state, which the verifier does not follow: so it looks at
 * this only once, and not at each slot and instruction.
 */
static long tap_turn(__u32 turn, void *context)
{
	struct tap_walk *walk = context;
	struct tap_state *state = walk->state;
	__u32 index = state->slot;
	struct capture_slot *slot = bpf_map_lookup_elem(&captures, &index);
	if (!slot || !(walk->armed >> (index & (CAPTURES_MAX - 1))))
		return 1;
	if (state->filtering) {
		__u32 pc = state->machine.pc;
		if (pc < CAPTURE_FILTER_MAX &&
		    !filter_step(&state->machine, &slot->filter[pc], walk->source))
			return 0;
		state->filtering = 0;
		if (state->machine.result)
			tap_take(state, slot, index);
	} else if (walk->armed >> (index & (CAPTURES_MAX - 1)) & 1 &&
		   capture_names(slot, &state->event)) {
		if (slot->filter_length) {
			filter_begin(&state->machine, state->event.length);
			state->filtering = 1;
			return 0;
		}
		tap_take(state, slot, index);
	}
	state->slot++;
	return 0;
}

/* Finds out which captures want the packet of state->event: state->wanted. */
static __always_inline void tap_ask(void *source, struct tap_state *state, __u32 armed)
{
	struct tap_walk walk = {.source = source, .state = state, .armed = armed};
	state->wanted = state->snaplen = state->slot = state->filtering = 0;
	bpf_loop(CAPTURES_MAX * (CAPTURE_FILTER_MAX + 2), tap_turn, &walk, 0);
}

/* Field by field: a BPF program's stack has no room for another record. */
static __always_inline void tap_fill(struct tap_record *out, const struct tap_state *state,
				     __u64 id, __u32 captured)
{
	const struct tap_event *e = &state->event;
	out->time_ns = bpf_ktime_get_ns();
	out->id = id;
	out->length = e->length;
	out->captured = captured;
	out->service = e->service;
	out->backend = e->backend;
	out->rule = e->rule;
	out->captures = state->wanted;
	out->port = e->port;
	out->queue = e->queue;
	out->worker = 0;
	out->reason = e->reason;
	out->source = e->source;
	out->point = e->point;
	out->action = e->action;
}

/* One record with room for `room` bytes, a constant; 0, or -1: the ring is full. */
static __always_inline int tap_write(void *ring, void *source, const struct tap_state *state,
				     __u64 id, __u32 captured, __u32 room)
{
	struct tap_record *out = bpf_ringbuf_reserve(ring, sizeof(*out) + room, 0);
	if (!out)
		return -1;
	tap_fill(out, state, id, captured);
	/* Linux 6.1 learns nothing from `captured > 0`, but knows what one more is. */
	__u32 last = captured - 1;
	__asm__ volatile("" : "+r"(last));
	if (last < room && tap_copy(source, 0, out + 1, last + 1))
		out->captured = 0;
	/* Who reads looks every few milliseconds, and need not be woken. */
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline void tap_lose(struct tap_state *state, __u32 port)
{
	for (__u32 i = 0; i < CAPTURES_MAX; i++)
		if (state->wanted >> i & 1)
			state->tallies[i][port & (ABI_MAX_PORTS - 1)].lost_full++;
}

/* Hands the packet to the captures that want it. */
static __always_inline void tap_emit(void *source, struct tap_state *state, __u64 id)
{
	__u32 cpu = bpf_get_smp_processor_id(), size = state->event.length;
	void *ring = bpf_map_lookup_elem(&tap_rings, &cpu);
	int full = 1;
	if (size > state->snaplen)
		size = state->snaplen;
	if (size > CAPTURE_BYTES_MAX)
		size = CAPTURE_BYTES_MAX;
	if (ring && size <= 80)
		full = tap_write(ring, source, state, id, size, 80);
	else if (ring && size <= 208)
		full = tap_write(ring, source, state, id, size, 208);
	else if (ring)
		full = tap_write(ring, source, state, id, size, CAPTURE_BYTES_MAX);
	if (full)
		tap_lose(state, state->event.port);
}

#endif
