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

/* As it lies in a packet, on any even address. */
struct stamp_words {
	__u16 word[STAMP_SIZE / 2];
};
_Static_assert(sizeof(struct stamp_words) == STAMP_SIZE, "no padding");

static __always_inline struct stamp_words stamp_pack(const struct stamp *s)
{
	__u64 sent = bpf_cpu_to_be64(s->sent_ns);
	__u32 flow = bpf_htonl(s->flow), sequence = bpf_htonl(s->sequence);
	struct stamp_words w;
	w.word[0] = bpf_htons(STAMP_MAGIC << 8 | s->epoch);
	__builtin_memcpy(&w.word[1], &flow, sizeof(flow));
	__builtin_memcpy(&w.word[3], &sequence, sizeof(sequence));
	__builtin_memcpy(&w.word[5], &sent, sizeof(sent));
	return w;
}

/* False: it is none. */
static __always_inline int stamp_unpack(const struct stamp_words *w, struct stamp *out)
{
	__u16 first = bpf_ntohs(w->word[0]);
	__u32 flow, sequence;
	__u64 sent;
	__builtin_memcpy(&flow, &w->word[1], sizeof(flow));
	__builtin_memcpy(&sequence, &w->word[3], sizeof(sequence));
	__builtin_memcpy(&sent, &w->word[5], sizeof(sent));
	out->epoch = first;
	out->flow = bpf_ntohl(flow);
	out->sequence = bpf_ntohl(sequence);
	out->sent_ns = bpf_be64_to_cpu(sent);
	return first >> 8 == STAMP_MAGIC;
}

#endif
