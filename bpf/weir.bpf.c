// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The XDP program. A packet's way through it:
 *
 *   refuse     is its source dropped, whatever it sends?     bpf/police.h
 *   repeat     is it what nearly all packets are, and known? bpf/repeat_plain.h
 *   parse      what is it?                                   bpf/packet.h
 *   repeat     is its flow decided about? then do it again   bpf/repeat.h
 *   match      what is it to us?                             bpf/match.h
 *   police     may it go on?                                 bpf/police.h
 *   steer      into the AF_XDP socket of the queue it came in on: a worker decides
 *
 * Malformed packets to a VIP are dropped with a reason. Who asks for the link address of a VIP is
 * answered. Everything else goes to the kernel untouched.
 *
 * One instance of the program is attached to each port; they share all maps. The maps are pinned
 * and outlive the daemon (datapath/pins.h), so established flows go on while there is none.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"
#include "bpf/budget.h"
#include "bpf/flow.h"
#include "bpf/packet.h"
#include "bpf/translation.h"

/* Set before loading: the port this instance serves. */
const volatile __u32 port_index = 0;

/* Set before loading: what new flows meet while no daemon runs, XDP_PASS or XDP_DROP. */
const volatile __u32 miss_action = XDP_PASS;

/*
 * Set before loading: the flow table's geometry, its secret, and by a flow's sort, which
 * flow_skewed_age() is too much for a packet of it to be repeated; 0: it never is.
 */
const volatile __u32 flow_mask = 0;
const volatile struct flow_seed flow_seed = {};
const volatile __u32 flow_limits[FLOW_META_SORT + 1] = {};

/*
 * Set before loading: a frame may lie in several buffers (jumbo frames), of which the program can
 * read the first. Headers are there.
 */
const volatile __u8 multi_buffer = 0;

/*
 * What user space changes while the program runs. The link address is one word, its six bytes
 * first, so that it is read whole; MTUs are those of each port, in bytes of IP packet.
 */
__u64 port_mac = 0;
__u32 port_mtu[ABI_MAX_PORTS] = {};
__u32 echo_limit = 0; /* echo requests a second that each CPU answers where no worker does */
__u32 fast_path = FAST_PATH_NEVER; /* enum fast_path */

/* The sockets, by ABI_XSK_SLOT(port, queue). The kernel removes a socket that is closed. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, ABI_MAX_PORTS *ABI_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks SEC(".maps");

/* The interfaces by port index, for flows that leave by another port than they came in on. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, ABI_MAX_PORTS);
	__type(key, __u32);
	__type(value, __u32);
} egress_ports SEC(".maps");

/* The ledger of each port. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_MAX_PORTS);
	__type(key, __u32);
	__type(value, struct port_counters);
} counters SEC(".maps");

/* The flow table. Workers write it as plain memory; user space sets its size before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_bucket);
} flows SEC(".maps");

/* The shape of the translations of a flow table, by bucket; user space makes it, and writes it. */
struct translation_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct flow_translations));
};

/* The translations in force; nothing where no service needs any. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct translation_map);
} translations SEC(".maps");

/* The ways to the backends, by backend id. Written by user space as plain memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct fast_backend);
} fast_backends SEC(".maps");

/* A copy of one of them, being used: there is not that much room on the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fast_backend);
} way_in_use SEC(".maps");

/*
 * What the fast path sent to each backend, by CPU and backend id; user space sets how many CPUs
 * there are. As one array, because the kernel takes a tenth of a second to allocate so many
 * counters one by one for each CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_MAX_BACKENDS);
	__type(key, __u32);
	__type(value, struct fast_traffic);
} fast_counts SEC(".maps");

/* The shape of a table of targets; user space makes one per generation and puts it in `targets`. */
struct target_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct target_key));
	__uint(value_size, sizeof(struct target));
};

/* What is served, in the slot that is in force (bpf/police_xdp.h). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TABLES_SLOTS);
	__type(key, __u32);
	__array(values, struct target_map);
} targets SEC(".maps");

/* The shape of a trie of prefixes, made like a table of targets. */
struct prefix_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct prefix_key));
	__uint(value_size, sizeof(struct target_key));
};

/* The trie beside it; nothing where no service is for a prefix. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, TABLES_SLOTS);
	__type(key, __u32);
	__array(values, struct prefix_map);
} prefixes SEC(".maps");

/* The packet at hand, as parsed: there is not that much room on the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} parsed SEC(".maps");

/* The echo requests that this CPU may answer now. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct budget);
} echoes SEC(".maps");

/* A table of targets is here the slot that it is in. */
static __always_inline const struct target *target_find(const void *table,
							const struct target_key *key)
{
	__u32 slot = *(const __u32 *)table;
	void *map = bpf_map_lookup_elem(&targets, &slot);
	return map ? bpf_map_lookup_elem(map, key) : 0;
}

static __always_inline const struct target_key *prefix_find(const void *table,
							    const struct addr *address,
							    __u32 longest)
{
	struct prefix_key key = {.length = longest, .address = *address};
	__u32 slot = *(const __u32 *)table;
	void *trie = bpf_map_lookup_elem(&prefixes, &slot);
	return trie ? bpf_map_lookup_elem(trie, &key) : 0;
}

/* The same for who has no pointers into the frame. */
static __always_inline __u64 frame_bytes(struct xdp_md *ctx)
{
	return multi_buffer ? bpf_xdp_get_buff_len(ctx) : (__u64)ctx->data_end - ctx->data;
}

/* As a number that the compiler can't mix with the pointers again: the verifier forbids that. */
static __always_inline __u32 frame_length(struct xdp_md *ctx, const void *data, const void *end)
{
	if (multi_buffer)
		return bpf_xdp_get_buff_len(ctx);
	__u64 length = (const char *)end - (const char *)data;
	__asm__ volatile("" : "+r"(length));
	return length;
}

#include "bpf/icmp.h"
#include "bpf/match.h"
#include "bpf/neighbor.h"
#include "bpf/tap_xdp.h"
#include "bpf/repeat.h"
#include "bpf/repeat_nat.h"
#include "bpf/repeat_plain.h"
#include "bpf/police_xdp.h"

static __always_inline int drop_by_rule(struct xdp_md *ctx, struct port_counters *ledger,
					int reason, __u32 service, __u32 rule)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	ledger->dropped[reason & (ABI_REASON_SLOTS - 1)]++;
	ledger->dropped_bytes[reason & (ABI_REASON_SLOTS - 1)] += frame_length(ctx, data, end);
	tap_drop(ctx, reason, service, rule);
	return XDP_DROP;
}

static __always_inline int drop(struct xdp_md *ctx, struct port_counters *ledger, int reason)
{
	return drop_by_rule(ctx, ledger, reason, ABI_NO_SERVICE, ABI_NO_RULE);
}

/*
 * Functions of their own, not inlined, so that the verifier looks at all their ways only once.
 */
__attribute__((noinline)) int parse_frame(struct xdp_md *ctx, struct packet *p)
{
	if (!p)
		return REASON_TRUNCATED;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 beyond = 0;
	if (multi_buffer)
		beyond = bpf_xdp_get_buff_len(ctx) - ((char *)end - (char *)data);
	return parse_packet_head(data, end, beyond & 0xffff, p);
}

__attribute__((noinline)) int repeat_frame(struct xdp_md *ctx, const struct packet *p,
					   __u32 generation)
{
	__u32 port = port_index;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	if (!p || !ledger)
		return REPEAT_NOTHING;
	return repeat_decision(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end, p, ledger,
			       generation);
}

/* The offset is one of a frame that was parsed: behind at most two VLAN tags. */
__attribute__((noinline)) int rebuild_frame(struct xdp_md *ctx, __u32 backend, __u32 l3_offset,
					    __u64 hash)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct tunnel_inner inner;
	__u32 slot = 0;
	struct fast_backend *to = bpf_map_lookup_elem(&way_in_use, &slot);
	if (!to || !repeat_read_backend(backend, to) || to->way.forward == FORWARD_NAT)
		return REPEAT_NOTHING;
	if (!tunnel_read((char *)data + (l3_offset & 31), end, &inner) ||
	    !rewrite_fits(&to->way, &inner) ||
	    bpf_xdp_adjust_head(ctx, -rewrite_growth(&to->way, l3_offset)))
		return REPEAT_NOTHING;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	return rewrite_frame(data, end, &to->way, &inner, hash) ? to->way.egress : REPEAT_NOTHING;
}

/* What is known of all that parse_frame() found no fault in, done again. */
static __always_inline int repeat_any(struct xdp_md *ctx, const struct packet *p, __u32 generation)
{
	int action = repeat_frame(ctx, p, generation);
	return action == REPEAT_TRANSLATED ? translate_frame(ctx) : action;
}

/* Into the socket of the queue: XDP_REDIRECT, or something else where there is none. */
static __always_inline int redirect_to_worker(struct xdp_md *ctx, struct port_counters *ledger)
{
	__u32 slot = ABI_XSK_SLOT(port_index, ctx->rx_queue_index);
	if (ctx->rx_queue_index >= ABI_MAX_QUEUES ||
	    bpf_redirect_map(&xsks, slot, XDP_PASS) != XDP_REDIRECT)
		return XDP_PASS;
	tap_steered(ctx);
	ledger->steered++;
	return XDP_REDIRECT;
}

/* Without a socket (no daemon runs) known flows go on, and new ones to the kernel or nowhere. */
static __always_inline int steer(struct xdp_md *ctx, struct port_counters *ledger,
				 const struct packet *p)
{
	int action = redirect_to_worker(ctx, ledger);
	if (action == XDP_REDIRECT)
		return action;
	if (fast_path == FAST_PATH_ALONE) {
		action = repeat_any(ctx, p, REPEAT_POLICED);
		if (action != REPEAT_NOTHING)
			return action;
	}
	if (miss_action == XDP_DROP)
		return drop(ctx, ledger, REASON_NO_DAEMON);
	ledger->passed++;
	return XDP_PASS;
}

#include "bpf/answer_xdp.h"

#include "bpf/obey_xdp.h"

/* As far as rules go that ask for where a packet is for. -1: it may go on. */
static __always_inline int police(struct xdp_md *ctx, struct port_counters *ledger,
				  const struct packet *p, struct police_case *k, __u32 word,
				  const __u32 *targets, const struct target *service)
{
	const struct target *target = match_whose(targets, p, service);
	if (target) {
		k->row = target->row;
		k->service = target->service;
	}
	if (!k->row && !(word & TABLES_ANYWHERE))
		return -1;
	if (word & TABLES_COOKIES && service && policy_may_be_proof(p) &&
	    police_proof(ctx, p, k->slot))
		return drop_by_rule(ctx, ledger, REASON_SYN_PROOF, k->service, ABI_NO_RULE);
	int action = police_packet(ctx, p, k);
	if (action == POLICY_CHALLENGE)
		return challenge(ctx, ledger, p, k);
	return obey(ctx, ledger, k, action);
}

#include "bpf/police_plain.h"

static __always_inline int act(struct xdp_md *ctx, struct port_counters *ledger,
			       const struct packet *p, enum match match, int reason)
{
	switch (match) {
	case MATCH_DROP:
		return drop(ctx, ledger, reason);
	case MATCH_SERVICE:
	case MATCH_ANSWER:
	case MATCH_FRAGMENT:
		return steer(ctx, ledger, p);
	case MATCH_ECHO:
		return handle_echo(ctx, ledger, p);
	case MATCH_NEIGHBOR:
		return handle_neighbor(ctx, ledger, p);
	default:
		ledger->passed++;
		return XDP_PASS;
	}
}

/*
 * What is known of a packet already stands between the bits of `tables`, and above: what
 * police_plain() and repeat_plain() said, 0 where they did not look.
 */
#define EXAMINE_ALLOWED (1u << 12)
#define EXAMINE_COVERED (1u << 13)
#define EXAMINE_SAID    24
_Static_assert(TABLES_GENERATION + 8 == EXAMINE_SAID && EXAMINE_ALLOWED == TABLES_COOKIES << 1 &&
		       EXAMINE_COVERED < 1u << TABLES_GENERATION,
	       "bits of `tables` that nobody uses");

static __always_inline __u32 examine_judged(int said)
{
	if (said == POLICE_UNSEEN)
		return 0;
	return said == POLICE_COVERED ? EXAMINE_ALLOWED | EXAMINE_COVERED : EXAMINE_ALLOWED;
}

/*
 * What is not refused and not repeated as it is. `word` of `tables`, and EXAMINE_SAID.
 *
 * long function: the order in which a packet meets everything, which is what this program is.
 */
__attribute__((noinline)) int examine(struct xdp_md *ctx, __u32 word)
{
	__u32 port = port_index, zero = 0;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	struct packet *p = bpf_map_lookup_elem(&parsed, &zero);
	if (!ledger || !p)
		return XDP_PASS;
	__builtin_memset(p, 0, sizeof(*p));
	__u32 generation = word >> TABLES_GENERATION & 0xff;
	int repeated = (int)word >> EXAMINE_SAID;
	int reason = parse_frame(ctx, p);
	if (!repeated && fast_path == FAST_PATH_ALWAYS && !reason && !p->fragment) {
		/* An error of ICMP is judged by its own source, not by that of the flow. */
		__u32 needs = p->icmp && generation ? ~REPEAT_POLICED : generation;
		repeated = repeat_any(ctx, p, needs);
		if (repeated >= 0)
			return repeated;
	}
	__u32 slot = word & TABLES_SLOT;
	struct police_case *k = 0;
	if (word & TABLES_POLICED && !(word & EXAMINE_ALLOWED) && !reason)
		k = police_open(word);
	const struct target *service = 0;
	enum match match = match_packet(&slot, p, &reason, &service);
	if (k && match != MATCH_DROP) {
		int action = police(ctx, ledger, p, k, word, &slot, service);
		if (action >= 0)
			return action;
	}
	if (repeated == REPEAT_STALE) {
		int covered = word & EXAMINE_COVERED || (k && k->is_covered);
		__u32 stamp = covered || p->icmp ? 0 : generation;
		repeated = repeat_any(ctx, p, REPEAT_POLICED | stamp);
		if (repeated >= 0)
			return repeated;
	}
	return act(ctx, ledger, p, match, reason);
}

SEC("xdp")
int weir(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 port = port_index;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	if (!ledger)
		return XDP_PASS;
	ledger->rx_packets++;
	ledger->rx_bytes += frame_length(ctx, data, end);
	__u32 word = tables, fast = fast_path;
	if (__builtin_expect(tap_is_busy(), 0)) {
		fast = FAST_PATH_NEVER;
		tap_rx(ctx);
	}
	if (__builtin_expect(word & TABLES_EARLY, 0)) {
		int rule = police_early(ctx, data, end, ledger, police_slot(word));
		if (rule >= 0)
			return drop_by_rule(ctx, ledger, REASON_POLICY_DENIED, ABI_NO_SERVICE,
					    rule);
	}
	if (word & TABLES_POLICED && police_is_first(ledger)) {
		int action = police_plain(ctx, word, 1);
		if (action >= 0)
			return action;
		word |= examine_judged(action);
		if (word & EXAMINE_ALLOWED)
			fast = FAST_PATH_NEVER;
	}
	if (fast == FAST_PATH_ALWAYS) {
		__u32 generation = word >> TABLES_GENERATION & 0xff;
		int action = repeat_plain(ctx, data, end, ledger, generation);
		if (action == REPEAT_TRANSLATED)
			action = translate_frame(ctx);
		if (action >= 0)
			return action;
		if (action != REPEAT_UNSEEN)
			word |= (__u32)action << EXAMINE_SAID;
	}
	/* Read again, as the stack is short: what comes now goes by what is in force now. */
	word = (word & (EXAMINE_ALLOWED | EXAMINE_COVERED | 0xffu << EXAMINE_SAID)) |
	       (tables & ~(0xffu << EXAMINE_SAID));
	if (word & TABLES_POLICED && !(word & EXAMINE_ALLOWED)) {
		int action = police_plain(ctx, word, 0);
		if (action >= 0)
			return action;
		word |= examine_judged(action);
	}
	return examine(ctx, word);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
