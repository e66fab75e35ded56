/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A flow's key and its hash, and the flow table's memory, for the XDP program and user space alike.
 *
 * The hash is keyed, so that nobody who does not know the seed can aim at a bucket or at another's
 * flow: NH (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast and Secure Message
 * Authentication", CRYPTO '99; RFC 4418 builds on it), which makes two flows chosen without the
 * seed collide with a chance of 2^-32, then a keyed bijection (the finalizer of SplitMix64), after
 * which every bit of the result depends on every bit of the product. BPF has no rotations:
 * SipHash-1-3 of the same key is 250 instructions there, this is 40.
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

/* Secret bits: five pairs of 32-bit words for NH, and one word for the bijection. */
#define FLOW_SEED_WORDS 6

struct flow_seed {
	__u64 k[FLOW_SEED_WORDS];
};

/* One pair of NH: two words of the message, each added to its word of the key. */
static __always_inline __u64 flow_nh(__u32 a, __u32 b, __u64 k)
{
	return (__u64)(__u32)(a + (__u32)k) * (__u32)(b + (__u32)(k >> 32));
}

/* A bijection: David Stafford's variant 13 of MurmurHash3's finalizer, as in SplitMix64. */
static __always_inline __u64 flow_mix(__u64 h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

/* A flow's two addresses are of one family. */
static __always_inline int flow_key_is_v4(const struct flow_key *k)
{
	return (k->source.word[0] | k->source.word[1]) == 0 &&
	       k->source.word[2] == __builtin_bswap32(0xffff);
}

/* Of a flow of IPv4. `ports`: the source's in the lower half, as they stand in the packet. */
static __always_inline __u64 flow_hash_v4(__be32 from, __be32 to, __u32 ports, __u8 protocol,
					  const struct flow_seed *seed)
{
	return flow_mix((flow_nh(ports, protocol, seed->k[4]) + flow_nh(from, to, seed->k[3])) ^
			seed->k[5]);
}

static __always_inline __u64 flow_hash(const struct flow_key *key, const struct flow_seed *seed)
{
	const __be32 *from = key->source.word, *to = key->destination.word;
	__u32 ports = key->source_port | (__u32)key->destination_port << 16;
	if (flow_key_is_v4(key))
		return flow_hash_v4(from[3], to[3], ports, key->protocol, seed);
	__u64 h = flow_nh(ports, key->protocol, seed->k[4]);
	h += flow_nh(from[0], from[1], seed->k[0]);
	h += flow_nh(from[2], from[3], seed->k[1]);
	h += flow_nh(to[0], to[1], seed->k[2]);
	h += flow_nh(to[2], to[3], seed->k[3]);
	return flow_mix(h ^ seed->k[5]);
}

/*
 * The flow table's memory: buckets of one cache line, found by a flow's hash. Workers write them as
 * plain memory (lb/flow_table.h says how), workers and the XDP program read them. An entry is two
 * words, `tag` (whose flow, which backend) and `meta` (seen when, in what state).
 */
#define FLOW_BUCKET_ENTRIES 5
#define FLOW_TICK_NS        (1ull << 28) /* last seen is kept in ticks of 0.27 s, 16 bits: 4.9 h */
#define FLOW_TAG_BACKEND    (ABI_MAX_BACKENDS - 1ull)

/* The lower half of a meta. Of a translated flow it says so, and which of the two it is. */
#define FLOW_META_STATE      0x003fu
#define FLOW_META_ANSWERS    0x0040u /* the backend's packets: it holds a SNAT port */
#define FLOW_META_TRANSLATED 0x0080u /* it has a struct translation */
#define FLOW_META_SORT       0x00ffu /* all of that */
#define FLOW_META_POLICY     8 /* shift: generation of the policy that allowed it, 8 bits; 0: none */
#define FLOW_META_KIND       0xffffu /* sort and generation */

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
	__u64 tag[FLOW_BUCKET_ENTRIES];  /* hash bits, and the backend id below; 0: free */
	__u32 meta[FLOW_BUCKET_ENTRIES]; /* last seen tick << 16 | FLOW_META_* */
	__u32 sequence;                  /* odd: a writer holds the bucket */
};
_Static_assert(sizeof(struct flow_bucket) == 64, "one cache line");

/*
 * Reads that are not moved past one another. BPF has no acquire loads on the kernels Weir supports:
 * there the compiler is held by `volatile`, x86-64 reads in order by itself, and for others (arm64)
 * flow_after() puts a zero made from what was read before into the next read's address, which no
 * CPU can know before. User space has C11's.
 */
#ifdef __bpf__
#define FLOW_LOAD(pointer)         (*(volatile __typeof__(*(pointer)) *)(pointer))
#define FLOW_LOAD_ACQUIRE(pointer) FLOW_LOAD(pointer)
#else
#define FLOW_LOAD(pointer)         __atomic_load_n(pointer, __ATOMIC_RELAXED)
#define FLOW_LOAD_ACQUIRE(pointer) __atomic_load_n(pointer, __ATOMIC_ACQUIRE)
#endif

#if defined(__bpf__) && !defined(__TARGET_ARCH_x86)
static __always_inline __u64 flow_zero(__u64 read)
{
	__asm__ volatile("%0 &= 0" : "+r"(read));
	return read;
}
#define flow_after(pointer, read) ((const void *)((const char *)(pointer) + flow_zero(read)))
#else
#define flow_after(pointer, read) ((void)(read), (pointer))
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

/* The same flow in the same state, seen at `tick`. */
static __always_inline __u32 flow_meta_seen(__u32 meta, __u16 tick)
{
	return (__u32)tick << 16 | (meta & FLOW_META_KIND);
}

/* FLOW_SKEW_TICKS more than the age; less than that: seen in the future. */
static __always_inline __u16 flow_skewed_age(__u32 meta, __u16 tick)
{
	return tick + FLOW_SKEW_TICKS - (meta >> 16);
}

static __always_inline __u16 flow_age(__u32 meta, __u16 tick)
{
	__u16 skewed = flow_skewed_age(meta, tick);
	return skewed < FLOW_SKEW_TICKS ? 0 : skewed - FLOW_SKEW_TICKS;
}

/*
 * The limits of the XDP program: by a flow's sort, the flow_skewed_age() from which on a packet of
 * it is not repeated. One that is closing may be half-closed, and the other half have much to say;
 * but not if it is translated, as then its two entries end apart. One in its handshake is a
 * worker's, who sees it established. `timeouts`: in ticks, by enum flow_state.
 */
static __always_inline void flow_limits_set(__u32 limits[FLOW_META_SORT + 1],
					    const __u16 timeouts[FLOW_STATES])
{
	const __u32 answers = FLOW_META_TRANSLATED | FLOW_META_ANSWERS;
	const __u32 repeated[] = {
		FLOW_UDP,
		FLOW_UDP | FLOW_META_TRANSLATED,
		FLOW_UDP | answers,
		FLOW_ESTABLISHED,
		FLOW_ESTABLISHED | FLOW_META_TRANSLATED,
		FLOW_ESTABLISHED | answers,
		FLOW_CLOSING,
	};
	for (unsigned int i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
		limits[repeated[i]] = timeouts[repeated[i] & FLOW_META_STATE] + FLOW_SKEW_TICKS + 1;
}

enum { FLOW_ABSENT = -1, FLOW_MOVING = -2 };

/* The first entry of that tag, whatever the backend, and its tag; FLOW_BUCKET_ENTRIES: none. */
#ifdef __bpf__
/* There are no conditional moves: the first match ends it. */
static __always_inline __u64 flow_bucket_search(const struct flow_bucket *b, __u64 wanted,
						__u64 *tag)
{
	__u64 found = FLOW_BUCKET_ENTRIES;
#pragma GCC unroll 5
	for (int i = 0; i < FLOW_BUCKET_ENTRIES && found == FLOW_BUCKET_ENTRIES; i++) {
		*tag = FLOW_LOAD(&b->tag[i]);
		if (flow_tag_is(*tag, wanted))
			found = i;
	}
	return found;
}
#else
/* Looks at all five without a branch: which one it is nobody can guess. */
static __always_inline __u64 flow_bucket_search(const struct flow_bucket *b, __u64 wanted,
						__u64 *tag)
{
	__u64 found = FLOW_BUCKET_ENTRIES;
#pragma GCC unroll 5
	for (int i = FLOW_BUCKET_ENTRIES - 1; i >= 0; i--)
		if (flow_tag_is(FLOW_LOAD(&b->tag[i]), wanted))
			found = i;
	if (found < FLOW_BUCKET_ENTRIES)
		*tag = FLOW_LOAD_ACQUIRE(&b->tag[found]);
	return found;
}
#endif

/*
 * The first entry of a flow in its bucket, or FLOW_ABSENT; leaves what it holds, tag and meta of
 * one and the same flow, in *tag and *meta. FLOW_MOVING: a writer came in between; look again, or
 * not.
 *
 * A meta is the tag's if the tag is still there after it was read, and if no writer has come and
 * gone meanwhile: else another flow could have had the entry just then.
 */
static __always_inline int flow_bucket_find(const struct flow_bucket *b, __u64 hash, __u64 *tag,
					    __u32 *meta)
{
	__u64 wanted = flow_tag(hash);
	__u32 sequence = FLOW_LOAD_ACQUIRE(&b->sequence);
	b = flow_after(b, sequence);
	__u64 found = flow_bucket_search(b, wanted, tag);
	if (found >= FLOW_BUCKET_ENTRIES)
		return FLOW_ABSENT;
	b = flow_after(b, *tag);
	*meta = FLOW_LOAD_ACQUIRE(&b->meta[found]);
	b = flow_after(b, *meta);
	__u64 again = FLOW_LOAD_ACQUIRE(&b->tag[found]);
	b = flow_after(b, again);
	if (FLOW_LOAD(&b->sequence) != sequence)
		return FLOW_MOVING;
	return flow_tag_is(*tag, wanted) && again == *tag ? (int)found : FLOW_ABSENT;
}

#endif
