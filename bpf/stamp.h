/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the bench writes behind the transport header of the packets that it sends, so that a
 * receiver knows them again: which flow's which packet it is, and when it was sent. 18 bytes, as
 * many as the shortest Ethernet frame has room for behind IPv4 and UDP. In network byte order.
 */
#ifndef WEIR_BPF_STAMP_H
#define WEIR_BPF_STAMP_H

#include <linux/types.h>
#include <bpf/bpf_endian.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define STAMP_SIZE  18
#define STAMP_MAGIC 0xb5 /* the first byte; the second is the epoch */

struct stamp {
	__u8 epoch; /* another one each time a sender starts */
	__u32 flow, sequence;
	__u64 sent_ns; /* CLOCK_MONOTONIC of the sender's host */
};

/*
 * Writes it to any address, in as few stores as there are fields. Returns the sum of its 16-bit
 * words (RFC 1071), of which more can be added up.
 */
static __always_inline __u32 stamp_write(void *to, const struct stamp *s)
{
	__u64 sent = bpf_cpu_to_be64(s->sent_ns);
	__u32 flow = bpf_htonl(s->flow), sequence = bpf_htonl(s->sequence);
	__u16 first = bpf_htons(STAMP_MAGIC << 8 | s->epoch);
	char *at = to;
	*(__u16 *)(void *)at = first;
	*(__u32 *)(void *)(at + 2) = flow;
	*(__u32 *)(void *)(at + 6) = sequence;
	*(__u64 *)(void *)(at + 10) = sent;
	__u64 sum = (__u64)first + flow + sequence + (__u32)sent + (sent >> 32);
	return (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
}

/* False: it is none. */
static __always_inline int stamp_read(const void *from, struct stamp *out)
{
	const char *at = from;
	__u16 first = bpf_ntohs(*(const __u16 *)(const void *)at);
	out->epoch = first;
	out->flow = bpf_ntohl(*(const __u32 *)(const void *)(at + 2));
	out->sequence = bpf_ntohl(*(const __u32 *)(const void *)(at + 6));
	out->sent_ns = bpf_be64_to_cpu(*(const __u64 *)(const void *)(at + 10));
	return first >> 8 == STAMP_MAGIC;
}

#endif
