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
 * The hash of a flow: SipHash-1-3 of its 16 (IPv4: two addresses, ports and protocol) or 40
 * bytes (IPv6), as little-endian words.
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
		length = 16;
	} else {
		flow_sip_word(&s, (__u64)k->source.word[0] | (__u64)k->source.word[1] << 32);
		flow_sip_word(&s, (__u64)k->source.word[2] | (__u64)k->source.word[3] << 32);
		flow_sip_word(&s,
			      (__u64)k->destination.word[0] | (__u64)k->destination.word[1] << 32);
		flow_sip_word(&s,
			      (__u64)k->destination.word[2] | (__u64)k->destination.word[3] << 32);
		length = 40;
	}
	flow_sip_word(&s, rest);
	flow_sip_word(&s, length << 56);
	s.v2 ^= 0xff;
	flow_sip_round(&s);
	flow_sip_round(&s);
	flow_sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
