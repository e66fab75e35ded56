/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of the packets of a translated flow. A connection by `forward: nat` is two flows in
 * the flow table: the client's packets to the VIP, and the backend's answers to the SNAT address
 * and port that stand for the client. Each has such a record, in an array parallel to the table's
 * entries, so flows of other methods neither have nor read one.
 *
 * A record is written and read like an entry: it is that of a tag if tag and sequence of the bucket
 * are the same before and after it was read (lb/flow_table.c).
 */
#ifndef WEIR_BPF_TRANSLATION_H
#define WEIR_BPF_TRANSLATION_H

#include "bpf/abi.h"
#include "bpf/flow.h"

struct translation {
	union {
		struct {
			struct addr source, destination; /* what the packet's become; one family */
			__be16 source_port, destination_port;
			__u16 l3_delta; /* to be added to an IPv4 header's checksum */
			__u16 l4_delta; /* the same of TCP's and UDP's (bpf/checksum.h) */
			__u64 peer;     /* hash of the flow the other way */
			/*
			 * The client's side. Of answers: where they go next, from which address
			 * and port. Of the client's own packets: where they came from, so that a
			 * change is seen.
			 */
			struct link_addresses link;
			__u16 egress; /* port index */
			__be16 vlan;  /* IEEE 802.1Q tag control, as struct way has it; 0: no tag */
		};
		__u64 words[8];
	};
};
_Static_assert(sizeof(struct translation) == 64, "one cache line");

/*
 * Copies the record of entry `i` of a bucket, whose tag the caller has found there. False: a writer
 * came in between, it may be another flow's.
 */
static __always_inline int translation_read(const struct flow_bucket *b, int i, __u64 tag,
					    const struct translation *from, struct translation *out)
{
	__u32 sequence = FLOW_LOAD_ACQUIRE(&b->sequence);
	b = flow_after(b, sequence);
	if (sequence & 1 || FLOW_LOAD_ACQUIRE(&b->tag[i]) != tag)
		return 0;
	from = flow_after(from, sequence);
	__u64 read = 0;
#pragma GCC unroll 8
	for (int word = 0; word < 8; word++) {
		out->words[word] = FLOW_LOAD_ACQUIRE(&from->words[word]);
		read ^= out->words[word];
	}
	b = flow_after(b, read);
	return FLOW_LOAD(&b->sequence) == sequence;
}

#endif
