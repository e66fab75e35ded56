// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The XDP program: parse, count, and steer what is for a service into the AF_XDP socket of the
 * queue it came in on. Malformed packets to a VIP are dropped with a reason. Everything else goes
 * to the kernel untouched.
 *
 * One instance of the program is attached to each port; they share all maps.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* Set before loading: which port this instance serves. */
const volatile __u32 port_index = 0;

/* What user space changes while the program runs. */
struct tap_control tap = {};

/* The sockets, by ABI_XSK_SLOT(port, queue). The kernel removes a socket that is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, ABI_MAX_PORTS *ABI_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

/* The ledger of each port. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct port_counters);
} counters SEC(".maps");

/* The shape of a table of targets; user space makes one per generation and puts it in `targets`. */
struct target_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct target_key));
	__uint(value_size, sizeof(struct target));
};

/* What is served: one slot that holds the table in force, so that all of it changes at once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct target_map);
} targets SEC(".maps");

/* Dropped packets on their way to a capture. */
struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} taps SEC(".maps");

static __always_inline const struct target *target_find(const void *table,
							const struct target_key *key)
{
	return bpf_map_lookup_elem((void *)table, key);
}

#include "bpf/match.h"

static __always_inline void tap_packet(struct xdp_md *ctx, int reason)
{
	__u64 length = ctx->data_end - ctx->data;
	__u64 captured = length < tap.snaplen ? length : tap.snaplen;
	struct tap_record record = {
		.time_ns = bpf_ktime_get_ns(),
		.length = length,
		.captured = captured,
		.service = ABI_NO_SERVICE,
		.backend = ABI_NO_BACKEND,
		.port = port_index,
		.queue = ctx->rx_queue_index,
		.reason = reason,
		.source = TAP_XDP,
	};
	/* The upper half of the flags is how much of the packet follows the record. */
	bpf_perf_event_output(ctx, &taps, BPF_F_CURRENT_CPU | captured << 32, &record,
			      sizeof(record));
}

static __always_inline int drop(struct xdp_md *ctx, struct port_counters *ledger, int reason)
{
	ledger->dropped[reason & (ABI_REASON_SLOTS - 1)]++;
	if (tap.armed & 1ull << (reason & (ABI_REASON_SLOTS - 1)))
		tap_packet(ctx, reason);
	return XDP_DROP;
}

/* Without a socket on the queue (the daemon is gone) the kernel gets the packet. */
static __always_inline int steer(struct xdp_md *ctx, struct port_counters *ledger)
{
	__u32 slot = ABI_XSK_SLOT(port_index, ctx->rx_queue_index);
	int action = XDP_PASS;
	if (ctx->rx_queue_index < ABI_MAX_QUEUES)
		action = bpf_redirect_map(&xsks, slot, XDP_PASS);
	if (action == XDP_REDIRECT)
		ledger->steered++;
	else
		ledger->passed++;
	return action;
}

SEC("xdp")
int weir(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 port = port_index, slot = 0;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	const void *table = bpf_map_lookup_elem(&targets, &slot);
	if (!ledger)
		return XDP_PASS;
	ledger->rx_packets++;
	ledger->rx_bytes += end - data;
	if (!table) {
		ledger->passed++;
		return XDP_PASS;
	}
	struct packet p = {};
	const struct target *service = 0;
	int reason = parse_packet(data, end, &p);
	switch (match_packet(table, &p, &reason, &service)) {
	case MATCH_DROP:
		return drop(ctx, ledger, reason);
	case MATCH_SERVICE:
	case MATCH_NEIGHBOR:
		return steer(ctx, ledger);
	case MATCH_KERNEL:
		break;
	}
	ledger->passed++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
