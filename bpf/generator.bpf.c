// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The benchmarks' generator, run by BPF_PROG_RUN with BPF_F_TEST_XDP_LIVE_FRAMES: each run makes
 * one frame and sends it out of an interface, or lets it be. The kernel hands it frames that have
 * been round before, with whatever was written into them on the way, so all of the frame is written
 * each time.
 *
 * One thread runs it at a time: what is in .bss needs no more than that.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/traffic.h"

struct traffic_knobs knobs = {};
__u64 sent[TRAFFIC_KINDS] = {};

static __u64 state = 88172645463325252ull;
__u32 next_flow = 0;
static __u64 next_ns = 0, next_flood_ns = 0;

#define LATE_NS 100000 /* what the flood is late by more than this is not made up for */

static __always_inline int is_time(void)
{
	if (!knobs.left)
		return 0;
	if (knobs.pause_ns) {
		__u64 now = bpf_ktime_get_ns();
		if (now < next_ns)
			return 0;
		next_ns = now + knobs.pause_ns;
	}
	knobs.left--;
	return 1;
}

/* Marsaglia, "Xorshift RNGs", 2003. */
static __always_inline __u64 draw(void)
{
	__u64 x = state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	state = x;
	return x;
}

/* Whether the next frame is the flood's: its time has come, or by chance. */
static __always_inline int is_flood(__u64 random)
{
	if (!knobs.flood_ns)
		return (random & 0xff) < knobs.flood;
	__u64 now = bpf_ktime_get_ns();
	if (now < next_flood_ns)
		return 0;
	next_flood_ns = (now > next_flood_ns + LATE_NS ? now : next_flood_ns) + knobs.flood_ns;
	return 1;
}

static __always_inline __u32 draw_flow(__u64 random)
{
	if (!knobs.in_order)
		return knobs.first + ((random >> 32) * knobs.count >> 32);
	__u32 flow = next_flow;
	next_flow = flow + 1 < knobs.count ? flow + 1 : 0;
	return knobs.first + flow;
}

/* RFC 1624: the checksum of a header with another source address. */
static __always_inline __sum16 checksum_with(const struct iphdr *ip, __be32 source)
{
	__be32 was = ~ip->saddr;
	__u32 sum = (__u16)~ip->check;
	sum += (was & 0xffff) + (was >> 16) + (source & 0xffff) + (source >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return ~sum;
}

static __always_inline void write_frame(void *data, enum traffic_kind kind, __u32 address,
					__u16 port)
{
	const struct traffic_frame *from = &knobs.frames[kind];
	const struct iphdr *pattern = (const void *)((const char *)from + ETH_HLEN);
	struct iphdr *ip = data + ETH_HLEN;
	struct udphdr *ports = (void *)(ip + 1); /* TCP's too begin with the ports */
	__u64 *words = data;
#pragma unroll
	for (int i = 0; i < TRAFFIC_FRAME / 8; i++)
		words[i] = from->words[i];
	*(__u32 *)&words[TRAFFIC_FRAME / 8] = from->tail;
	ip->saddr = bpf_htonl(address);
	ip->check = checksum_with(pattern, ip->saddr);
	ports->source = bpf_htons(port);
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (data + TRAFFIC_FRAME > end)
		return XDP_ABORTED;
	if (!is_time())
		return XDP_DROP;
	__u64 random = draw();
	if (is_flood(random)) {
		random = draw();
		write_frame(data, TRAFFIC_SYN, TRAFFIC_FLOOD | (random >> 32 & TRAFFIC_FLOOD_MASK),
			    random);
		sent[TRAFFIC_SYN]++;
	} else {
		__u32 flow = draw_flow(random);
		__u32 client = TRAFFIC_CLIENTS + flow / TRAFFIC_FLOWS_PER_CLIENT;
		if (knobs.scatter)
			client = flow * TRAFFIC_SCATTER;
		write_frame(data, TRAFFIC_FLOW, client,
			    TRAFFIC_FIRST_PORT + flow % TRAFFIC_FLOWS_PER_CLIENT);
		sent[TRAFFIC_FLOW]++;
	}
	return bpf_redirect(knobs.ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
