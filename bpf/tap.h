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

/* What the tap remembers, by CPU; user space sets how many there are, and reads along. */
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

static __always_inline struct tap_state *tap_state(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&tap_states, &cpu);
}

/* A number that no other packet has: the CPU's, and one that it counts. */
static __always_inline __u64 tap_new_id(struct tap_state *state)
{
	__u64 id = (__u64)(bpf_get_smp_processor_id() + 1) << 40;
	return id | (__sync_fetch_and_add(&state->id, 1) + 1);
}

struct filter_run {
	void *source;
	struct filter_machine *machine;
	const struct capture_slot *slot;
};

static long filter_turn(__u32 turn, void *context)
{
	struct filter_run *run = context;
	__u32 pc = run->machine->pc;
	if (pc >= CAPTURE_FILTER_MAX)
		return 1;
	return filter_step(run->machine, &run->slot->filter[pc], run->source);
}

static __always_inline int filter_passes(const struct capture_slot *slot, void *source,
					 struct filter_machine *machine, __u32 length)
{
	struct filter_run run = {.source = source, .machine = machine, .slot = slot};
	if (!slot->filter_length)
		return 1;
	filter_begin(machine, length);
	bpf_loop(CAPTURE_FILTER_MAX, filter_turn, &run, 0);
	return machine->result != 0;
}

/* How many bytes of the packet the capture in a slot wants; 0: it does not want it. */
static __always_inline __u32 tap_wanted_bytes(void *source, const struct tap_event *e, __u32 index)
{
	struct capture_slot *slot = bpf_map_lookup_elem(&captures, &index);
	struct tap_state *state = tap_state();
	if (!slot || !state || !capture_names(slot, e))
		return 0;
	struct capture_tally *tally =
		&state->tallies[index & (CAPTURES_MAX - 1)][e->port & (ABI_MAX_PORTS - 1)];
	if (!filter_passes(slot, source, &state->machine, e->length))
		return 0;
	return capture_admits(slot, state, tally, index) ? slot->snaplen : 0;
}

/* One record with room for `room` bytes, a constant; 0, or -1: the ring is full. */
static __always_inline int tap_write(void *ring, const struct tap_record *head, void *source,
				     __u32 room)
{
	struct tap_record *out = bpf_ringbuf_reserve(ring, sizeof(*out) + room, 0);
	if (!out)
		return -1;
	*out = *head;
	__u32 size = head->captured;
	__asm__ volatile("" : "+r"(size));
	if (size > 0 && size <= room && tap_copy(source, 0, out + 1, size))
		out->captured = 0;
	/* Who reads looks every few milliseconds, and need not be woken. */
	bpf_ringbuf_submit(out, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline int tap_write_by_size(void *ring, const struct tap_record *head,
					     void *source)
{
	if (head->captured <= 80)
		return tap_write(ring, head, source, 80);
	if (head->captured <= 208)
		return tap_write(ring, head, source, 208);
	return tap_write(ring, head, source, CAPTURE_BYTES_MAX);
}

/* Hands a packet to the captures of a bitmap, at most `snaplen` bytes of it. */
static __always_inline void tap_emit(void *source, const struct tap_event *e, __u64 id,
				     __u32 wanted, __u32 snaplen)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct tap_state *state = tap_state();
	void *ring = bpf_map_lookup_elem(&tap_rings, &cpu);
	struct tap_record head = {
		.time_ns = bpf_ktime_get_ns(),
		.id = id,
		.length = e->length,
		.captured = e->length < snaplen ? e->length : snaplen,
		.service = e->service,
		.backend = e->backend,
		.rule = e->rule,
		.captures = wanted,
		.port = e->port,
		.queue = e->queue,
		.reason = e->reason,
		.source = e->source,
		.point = e->point,
		.action = e->action,
	};
	if (head.captured > CAPTURE_BYTES_MAX)
		head.captured = CAPTURE_BYTES_MAX;
	if (!state || (ring && !tap_write_by_size(ring, &head, source)))
		return;
	for (__u32 i = 0; i < CAPTURES_MAX; i++)
		if (wanted >> i & 1)
			state->tallies[i][e->port & (ABI_MAX_PORTS - 1)].lost_full++;
}

#endif
