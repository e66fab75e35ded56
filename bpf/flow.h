/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A flow's key and its hashes, computed alike by the XDP program and user space.
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012; the
 * reduced rounds are those of the hash tables of Rust and CPython): keyed, so that nobody who does
 * not know the seed can aim at a bucket.
 */
#ifndef WEIR_BPF_FLOW_H
#define WEIR_BPF_FLOW_H

#include "bpf/abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

struct flow_key {
	struct addr source;
	struct addr destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 zero[3];
};
_Static_assert(sizeof(struct flow_key) == 40, "a flow key is five words of 64 bits");

/* 128 secret bits. */
struct flow_seed {
	__u64 k0, k1;
};

struct flow_sip {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 flow_rotl(__u64 x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static __always_inline void flow_sip_round(struct flow_sip *s)
{
	s->v0 += s->v1;
	s->v1 = flow_rotl(s->v1, 13) ^ s->v0;
	s->v0 = flow_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = flow_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = flow_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = flow_rotl(s->v1, 17) ^ s->v2;
	s->v2 = flow_rotl(s->v2, 32);
}

static __always_inline void flow_sip_word(struct flow_sip *s, __u64 word)
{
	s->v3 ^= word;
	flow_sip_round(s);
	s->v0 ^= word;
}

static __always_inline int flow_key_is_v4(const struct flow_key *k)
{
	return k->source.word[0] == 0 && k->source.word[1] == 0 &&
	       k->source.word[2] == __builtin_bswap32(0xffff) &&
	       k->destination.word[2] == __builtin_bswap32(0xffff) && k->destination.word[0] == 0 &&
	       k->destination.word[1] == 0;
}

/*
 * The hash of a flow: SipHash-1-3 of its 13 (IPv4: two addresses, two ports, protocol) or 37 bytes
 * (IPv6).
 */
static __always_inline __u64 flow_hash(const struct flow_key *k, const struct flow_seed *seed)
{
	struct flow_sip s = {
		.v0 = seed->k0 ^ 0x736f6d6570736575ull,
		.v1 = seed->k1 ^ 0x646f72616e646f6dull,
		.v2 = seed->k0 ^ 0x6c7967656e657261ull,
		.v3 = seed->k1 ^ 0x7465646279746573ull,
	};
	__u64 rest =
		(__u64)k->source_port | (__u64)k->destination_port << 16 | (__u64)k->protocol << 32;
	__u64 length;
	if (flow_key_is_v4(k)) {
		flow_sip_word(&s, (__u64)k->source.word[3] | (__u64)k->destination.word[3] << 32);
		length = 13;
	} else {
		flow_sip_word(&s, (__u64)k->source.word[0] | (__u64)k->source.word[1] << 32);
		flow_sip_word(&s, (__u64)k->source.word[2] | (__u64)k->source.word[3] << 32);
		flow_sip_word(&s,
			      (__u64)k->destination.word[0] | (__u64)k->destination.word[1] << 32);
		flow_sip_word(&s,
			      (__u64)k->destination.word[2] | (__u64)k->destination.word[3] << 32);
		length = 37;
	}
	flow_sip_word(&s, rest | length << 56);
	s.v2 ^= 0xff;
	flow_sip_round(&s);
	flow_sip_round(&s);
	flow_sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/*
 * The flow table's memory: buckets of one cache line, found by a flow's hash. Workers write them as
 * plain memory (lb/flow_table.h says how), workers and the XDP program read them. An entry is two
 * words, `tag` (whose flow, which backend) and `meta` (seen when, in what state).
 */
#define FLOW_BUCKET_ENTRIES 5
#define FLOW_TICK_NS        (1ull << 28) /* last seen is kept in ticks of 0.27 s, 16 bits: 4.9 h */
#define FLOW_TAG_BACKEND    0xffffull
#define FLOW_META_STATE     0xffffu

/*
 * Clocks of CPUs differ: an entry up to this many ticks (69 s) in the future is one just seen. So a
 * last-seen time is told from a future one up to an age of 65279 ticks.
 */
#define FLOW_SKEW_TICKS 256u

enum flow_state {
	FLOW_FREE = 0,
	FLOW_HANDSHAKE,   /* a TCP SYN was seen, nothing after it */
	FLOW_ESTABLISHED, /* TCP */
	FLOW_CLOSING,     /* a FIN or RST was seen */
	FLOW_UDP,
	FLOW_STATES
};

struct flow_bucket {
	__u64 tag[FLOW_BUCKET_ENTRIES];  /* hash bits << 16 | backend id; 0: a free entry */
	__u32 meta[FLOW_BUCKET_ENTRIES]; /* last seen tick << 16 | state */
	__u32 sequence;                  /* odd: a writer holds the bucket */
};
_Static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

/*
 * Reads that are not moved past one another. BPF has no acquire loads on the kernels Weir supports:
 * there a zero made from what was read before goes into the next read's address, and neither
 * compiler nor CPU (x86-64, arm64) can do the second before the first. User space has C11's.
 */
#ifdef __bpf__
#define FLOW_LOAD(pointer)         (*(volatile __typeof__(*(pointer)) *)(pointer))
#define FLOW_LOAD_ACQUIRE(pointer) FLOW_LOAD(pointer)
static __always_inline __u64 flow_zero(__u64 read)
{
	__asm__ volatile("%0 &= 0" : "+r"(read));
	return read;
}
#define flow_after(bucket, read) ((const void *)((const char *)(bucket) + flow_zero(read)))
#else
#define FLOW_LOAD(pointer)         __atomic_load_n(pointer, __ATOMIC_RELAXED)
#define FLOW_LOAD_ACQUIRE(pointer) __atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#define flow_after(bucket, read)   (bucket)
#endif

/* The tag of a flow, without its backend. Never 0, which marks a free entry. */
static __always_inline __u64 flow_tag(__u64 hash)
{
	__u64 tag = hash & ~FLOW_TAG_BACKEND;
	return tag ? tag : FLOW_TAG_BACKEND + 1;
}

static __always_inline int flow_tag_is(__u64 tag, __u64 wanted)
{
	return (tag ^ wanted) <= FLOW_TAG_BACKEND;
}

static __always_inline __u16 flow_tick(__u64 now_ns)
{
	return now_ns / FLOW_TICK_NS;
}

static __always_inline __u32 flow_meta(__u16 tick, enum flow_state state)
{
	return (__u32)tick << 16 | state;
}

static __always_inline __u16 flow_age(__u32 meta, __u16 tick)
{
	__u16 age = tick - (meta >> 16);
	return age > 0xffff - FLOW_SKEW_TICKS ? 0 : age;
}

enum { FLOW_ABSENT = -1, FLOW_MOVING = -2 };

/*
 * The first entry of a flow in its bucket, or FLOW_ABSENT; leaves what it holds, tag and meta of
 * one and the same flow, in *tag and *meta. FLOW_MOVING: a writer came in between; look again, or
 * not.
 *
 * A meta is the tag's if the tag is still there after it was read, and if no writer has come and
 * gone meanwhile: else another flow could have had the entry just then. Looks at all five without a
 * branch: which one it is nobody can guess.
 */
static __always_inline int flow_bucket_find(const struct flow_bucket *b, __u64 hash, __u64 *tag,
					    __u32 *meta)
{
	__u64 wanted = flow_tag(hash);
	int found = FLOW_ABSENT;
	__u32 sequence = FLOW_LOAD_ACQUIRE(&b->sequence);
	b = flow_after(b, sequence);
#pragma GCC unroll 5
	for (int i = FLOW_BUCKET_ENTRIES - 1; i >= 0; i--)
		if (flow_tag_is(FLOW_LOAD(&b->tag[i]), wanted))
			found = i;
	if (found < 0 || found >= FLOW_BUCKET_ENTRIES)
		return FLOW_ABSENT;
	*tag = FLOW_LOAD_ACQUIRE(&b->tag[found]);
	b = flow_after(b, *tag);
	*meta = FLOW_LOAD_ACQUIRE(&b->meta[found]);
	b = flow_after(b, *meta);
	__u64 again = FLOW_LOAD_ACQUIRE(&b->tag[found]);
	b = flow_after(b, again);
	if (FLOW_LOAD(&b->sequence) != sequence)
		return FLOW_MOVING;
	return flow_tag_is(*tag, wanted) && again == *tag ? found : FLOW_ABSENT;
}

#endif
