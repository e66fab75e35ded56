/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy as tables: user space compiles the rules into them (lb/policy.h), the XDP program and
 * user space read them (bpf/police.h).
 *
 * How many rules there are costs nothing. A packet is a point in seven dimensions (source, target,
 * protocol, flags, port, VLAN, length). In each, values that no rule tells apart are one class;
 * pairs of classes are looked up in tables that hold the classes of both together ("recursive flow
 * classification", Gupta and McKeown, SIGCOMM '99); the last table holds the rules that are to be
 * gone through for such a packet, nearly always a single one.
 */
#ifndef WEIR_BPF_POLICY_H
#define WEIR_BPF_POLICY_H

#include "bpf/abi.h"

/* --- sources: longest prefix to identity ------------------------------------------------------ */

/*
 * Prefixes are cut into ranges that do not overlap, in ascending order, each with the identity of
 * the longest prefix around it (0: none). A key is 32 bits (IPv4) or the upper 64 (IPv6). Where
 * IPv6 prefixes are longer than 64 bits, the range of that one key has ranges of its own, by the
 * lower 64.
 */
struct source_range {
	__u64 first;
	__u32 value; /* identity; with `count`: index of the first of its own ranges */
	__u32 count;
};
_Static_assert(sizeof(struct source_range) == 16, "four to a cache line");

/* Keys of the same upper bits: their ranges are `first` to `first + more`. */
struct source_slot {
	__u32 first, more;
};

struct source_family {
	__u64 origin; /* what is below has no identity */
	__u32 slot;   /* index of the first slot */
	__u32 slots;  /* 0: no prefix of this family */
	__u32 shift;
	__u32 zero;
};

#define SOURCE_STEPS 26 /* halvings: more than there may be prefixes */

/*
 * IPv4 sources that are dropped whatever they send, once more and much smaller, as a flood of them
 * has the caches for itself: by the upper half of the address, and of the lower half, in ascending
 * order, the borders at which being refused begins and ends, in turns; or, where no two neighbours
 * are refused, those that are. The first ones stand in the block, and where there are more all of
 * them in lines: a million addresses that come in no order have three in four in the block.
 */
#define REFUSED_NEAR 12

struct refused_block {
	__u32 first; /* line, of what has more lower halves than stand here */
	__u16 count; /* of lower halves; 0: all of the block is alike */
	__u16 rule;  /* + 1, and REFUSED_ALONE; 0: none of it is refused */
	/* Behind the last: borders of all ones; of addresses the first again. */
	__u16 lower[REFUSED_NEAR];
};
_Static_assert(sizeof(struct refused_block) == 32, "two to a cache line, two megabytes of them");

#define REFUSED_BLOCKS 65536u
#define REFUSED_ALONE  0x8000u /* they are addresses, not borders */
#define REFUSED_MIXED  0x7fffu /* as a rule: see struct source_range */

#define REFUSED_LINE  32
#define REFUSED_STEPS 12 /* halvings of the lines of a block */

/* Lower halves, in one cache line; what is behind the last of a block is all ones. */
struct refused_line {
	__u16 lower[REFUSED_LINE];
};
_Static_assert(sizeof(struct refused_line) == 64, "one cache line");

/*
 * IPv4 sources once more, their classes (see below) by the octets of the address: nothing to halve,
 * and small where few prefixes are longer than 16 bits. A cell is a class, or POLICY_NEAR_MORE and
 * the block that tells by the next octet; POLICY_NEAR_FAR: there was no room, so the ranges tell.
 */
#define POLICY_NEAR_BLOCKS 2048u
#define POLICY_NEAR_MORE   0x8000u
#define POLICY_NEAR_FAR    0xffffu

struct policy_near {
	__u16 upper[65536];
	__u16 blocks[POLICY_NEAR_BLOCKS][256];
};

/* --- rules ------------------------------------------------------------------------------------ */

enum policy_action {
	POLICY_ALLOW = 0,
	POLICY_DROP,
	POLICY_PASS,      /* to the kernel */
	POLICY_COUNT,     /* and go on with the rules behind */
	POLICY_LIMIT,     /* refuse what is beyond, go on with the rest */
	POLICY_REDIRECT,  /* out, by another way than the kernel's */
	POLICY_CHALLENGE, /* no rule's, but a verdict: to be answered by a cookie (bpf/cookie.h) */
};

enum policy_per { POLICY_PER_RULE = 0, POLICY_PER_SOURCE, POLICY_PER_SERVICE };

#define POLICY_DRY_RUN (1u << 0) /* counts and captures what it would do, and goes on */
#define POLICY_BYTES   (1u << 1) /* the limit is one of bytes */
#define POLICY_TO_PORT (1u << 2) /* redirect: `redirect` is a port; else a way of fast_backends */
#define POLICY_BEYOND_COOKIE \
	(1u << 3) /* limit of SYNs: what is beyond is challenged, not dropped */

/* A guard's: the limit is one of flows that are half open at a time (bpf/police.h). */
#define POLICY_HALF_OPEN (1u << 4)

struct policy_rule {
	__u8 action; /* enum policy_action */
	__u8 flags;
	__u8 per;       /* enum policy_per */
	__u8 shift;     /* of `cost` */
	__u32 redirect; /* backend id, or port index */
	__u64 cost;     /* of a packet or byte, in meter time << shift */
	__u64 window;   /* of the whole burst, in meter time */
	__be32 mask4;   /* the part of a source that has a limit of its own */
	__be32 mask6[4];
	__u32 zero[5];
};
_Static_assert(sizeof(struct policy_rule) == 64, "one cache line");

/* Rule ids are the registry's (lb/registry.h): stable over reloads. The last is no rule. */
#define POLICY_NO_RULE (ABI_MAX_RULES - 1)

#define POLICY_CHAIN      8       /* rules that one packet is gone through by, at most */
#define POLICY_CHAIN_LAST 0x8000u /* in a cell of a chain: no more behind it */
#define POLICY_CHAIN_DROP 0x4000u /* the same: its rule drops, and that is no dry run */
#define POLICY_COVERED    0x8000u /* in a decision: its flow's packets are to be judged one by one */

/* --- the tables ------------------------------------------------------------------------------- */

#define POLICY_PROTOCOLS   513u /* IPv4's, IPv6's, and: not IP */
#define POLICY_NOT_IP      512u
#define POLICY_VLANS       4096u
#define POLICY_ROWS        (2 * ABI_MAX_SERVICES + 1) /* services, their VIPs, and: neither */
#define POLICY_MAX_SOURCES 4096u

/* What a packet is, as a bitmap. */
#define POLICY_SYN        (1u << 0) /* a TCP SYN that opens a connection */
#define POLICY_SYN_DATA   (1u << 1) /* one that carries data */
#define POLICY_INVALID    (1u << 2) /* TCP flags that nobody sends */
#define POLICY_FRAGMENT   (1u << 3)
#define POLICY_LATER      (1u << 4) /* a fragment, not the first */
#define POLICY_OPTIONS    (1u << 5) /* IPv4 options; IPv6 hop-by-hop, routing or destination ones */
#define POLICY_ICMP_ERROR (1u << 6) /* about a packet of a service */
#define POLICY_FLAGS      128u

/* A field's classes, and the table that joins them with those of the fields before. */
struct policy_field {
	__u32 classes; /* cell of its first value's class */
	__u32 join;    /* cell of the joined table */
	__u32 width;   /* how many classes there are */
	__u32 used;    /* 0: no rule looks at it */
};

/* In the order in which they are joined: the first has no table, and the target joins the source.
 */
enum policy_dimension {
	POLICY_PROTOCOL = 0,
	POLICY_FLAG,
	POLICY_PORT,
	POLICY_VLAN,
	POLICY_LENGTH,
	POLICY_SOURCE,
	POLICY_TARGET,
	POLICY_DIMENSIONS
};

#define POLICY_CELLS (1u << 20)

/* IPv6 sources by their upper 16 bits: whether any of those is dropped for itself. */
#define POLICY_NETS 65536u

#define POLICY_OFFSET 32767 /* of headers: the verifier wants a bound */

#define POLICY_ANYWHERE (1u << 0) /* rules look at what is not for a VIP too */
#define POLICY_EARLY    (1u << 1) /* some sources are dropped whatever they send */
#define POLICY_COOKIES  (1u << 2) /* some rule challenges */

struct policy {
	__u32 flags;
	__u32 classes;    /* of the packet's own fields together: width of the table of decisions */
	__u32 early;      /* cell: by identity, the rule + 1 that drops all of it, or 0 */
	__u32 meter_mask; /* of meter buckets, a power of two of them */
	__u32 decisions;  /* cell of the table of decisions; 0: it has a map of its own */
	__u32 zero[3];
	struct source_family families[2]; /* IPv4, IPv6 */
	struct policy_field fields[POLICY_DIMENSIONS];
	__u32 near_v6[POLICY_NETS / 32];
	struct policy_near near_v4;
	struct policy_rule rules[ABI_MAX_RULES]; /* by id */
	__u16 cells[POLICY_CELLS];               /* chains first */
};
_Static_assert(sizeof(struct policy) < 4u << 20, "Linux 6.1 has no larger map values");

/* What the rules say of a packet. */
struct policy_verdict {
	__u32 rule;     /* that decided; POLICY_NO_RULE: none */
	__u32 dry_rule; /* that would have dropped it, or POLICY_NO_RULE */
	__u32 redirect; /* with POLICY_REDIRECT */
	__u8 action;    /* POLICY_ALLOW, _DROP, _PASS, _REDIRECT or _CHALLENGE */
	__u8 reason;    /* of POLICY_DROP; and of _CHALLENGE, where that can't be done */
	__u8 dry_reason;
	__u8 flags; /* of the rule */
};

#endif
