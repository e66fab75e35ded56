/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the XDP program and user space say to each other: map keys and values, counters and drop
 * reasons (captures: bpf/capture.h). Compiled by clang for BPF and by gcc for user space; sizes and
 * field order are asserted, because the two sides meet in memory.
 *
 * Addresses and ports are in network byte order wherever the type is __be. IPv4 addresses are held
 * as IPv4-mapped IPv6 addresses (RFC 4291, 2.5.5.2), so one key fits both families.
 */
#ifndef WEIR_BPF_ABI_H
#define WEIR_BPF_ABI_H

#include <linux/if_ether.h>
#include <linux/types.h>

#define ABI_VERSION 5u

#define ABI_MAX_PORTS    16u     /* interfaces one instance serves */
#define ABI_MAX_QUEUES   64u     /* receive queues of one interface */
#define ABI_MAX_SERVICES 4096u   /* services of one instance */
#define ABI_MAX_BACKENDS 131072u /* FLOW_TAG_BACKEND has room for them */
#define ABI_MAX_RULES    4096u   /* of the policy, the default verdict among them */
#define ABI_NO_SERVICE   0xffffffffu
#define ABI_NO_BACKEND   0xffffffffu
#define ABI_NO_RULE      0xffffffffu

/* The slot of a (port, queue) in the map of AF_XDP sockets. */
#define ABI_XSK_SLOT(port, queue) ((port)*ABI_MAX_QUEUES + (queue))

/* An IPv4 (mapped) or IPv6 address. */
struct addr {
	__be32 word[4];
};
_Static_assert(sizeof(struct addr) == 16, "struct addr is a map key");

/* The first bytes of an Ethernet header: where a packet goes next on its link. */
struct link_addresses {
	__u8 destination[ETH_ALEN];
	__u8 source[ETH_ALEN];
};
_Static_assert(sizeof(struct link_addresses) == 12, "link addresses have no holes");

/*
 * Why a packet was dropped: the word seen in `weir show drops`, in captures and in metrics, and
 * one sentence for people. The order is the abi: add at the end.
 */
#define ABI_REASONS(X)                                                                             \
	X(NONE, "none", "not dropped")                                                             \
	X(TRUNCATED, "truncated", "the frame ends inside a header")                                \
	X(MALFORMED_IPV4, "malformed-ipv4", "IPv4 version, header or total length is impossible")  \
	X(MALFORMED_IPV6, "malformed-ipv6", "IPv6 version or payload length is impossible")        \
	X(HEADER_CHAIN, "header-chain", "more IPv6 extension headers than Weir follows")           \
	X(MALFORMED_TCP, "malformed-tcp", "TCP header length is impossible")                       \
	X(MALFORMED_UDP, "malformed-udp", "UDP length is impossible")                              \
	X(FRAGMENT_UNMATCHED, "fragment-unmatched",                                                \
	  "a fragment without its first, or of no service")                                        \
	X(NO_BACKEND, "no-backend", "no backend of the service can take the flow")                 \
	X(NO_NEXT_HOP, "no-next-hop", "the backend's link address is not known (yet)")             \
	X(TX_FULL, "tx-full", "the transmit ring of the egress interface is full")                 \
	X(TX_FAILED, "tx-failed", "the driver of the egress interface refused the frame")          \
	X(RX_FULL, "rx-full", "the worker was too slow: its receive ring was full")                \
	X(RX_NO_FRAME, "rx-no-frame", "the kernel had no free frame, or the packet did not fit")   \
	X(NOT_SERVED, "not-served", "its service was removed while it was on its way to a worker") \
	X(MALFORMED_NEIGHBOR, "malformed-neighbor",                                                \
	  "an ARP request or solicitation breaks its RFC")                                         \
	X(DAEMON_LOST, "daemon-lost",                                                              \
	  "its daemon ended, or its socket was renewed, before its turn")                          \
	X(NO_DAEMON, "no-daemon", "no daemon runs, and on_daemon_loss says drop")                  \
	X(FRAGMENT_TINY, "fragment-tiny", "a fragment made to hide the transport header")          \
	X(FRAGMENT_OVERLAP, "fragment-overlap", "its datagram has fragments that overlap")         \
	X(MALFORMED_ICMP, "malformed-icmp",                                                        \
	  "an echo request's checksum or source is wrong, or an ICMP error quotes too little")     \
	X(ECHO_LIMITED, "echo-limited", "more echo requests than icmp.echo_limit")                 \
	X(ICMP_REFUSED, "icmp-refused", "ICMP for a VIP, and icmp.other says drop")                \
	X(POLICY_DENIED, "policy-denied", "a rule of the policy says drop")                        \
	X(RATE_LIMITED, "rate-limited", "beyond the limit of a rule of the policy")                \
	X(BAD_CHECKSUM, "bad-checksum", "a checksum is wrong, and verify_checksums is true")       \
	X(TOO_BIG, "too-big", "it does not fit the way it has to go")                              \
	X(NAT_UNKNOWN, "nat-unknown", "of no connection that nat knows (any more)")                \
	X(NAT_EXHAUSTED, "nat-exhausted", "all SNAT ports to the backend are in use")              \
	X(NAT_UNTRACKED, "nat-untracked", "a new connection by nat, and no room to remember it")   \
	X(HOP_LIMIT, "hop-limit", "its TTL or hop limit ends here")                                \
	X(UNTRANSLATABLE, "untranslatable",                                                        \
	  "nat can't say that in the other IP version (RFC 7915)")                                 \
	X(SYN_PROOF, "syn-proof",                                                                  \
	  "the answer to a SYN cookie: its sender is known now, and asks again")

enum reason {
#define ABI_REASON_ENUM(id, word, text) REASON_##id,
	ABI_REASONS(ABI_REASON_ENUM)
#undef ABI_REASON_ENUM
		REASON_COUNT
};

/* Room for reasons to come, so that a counter block keeps its size. */
#define ABI_REASON_SLOTS 64
_Static_assert(REASON_COUNT <= ABI_REASON_SLOTS, "make ABI_REASON_SLOTS larger");

/*
 * What Weir serves. A target is looked up by (address, protocol, port); port 0 stands for every
 * port of that protocol; protocol 0 and port 0 stand for the VIP itself. Services of a prefix have
 * its first address and its length.
 */
struct target_key {
	struct addr address;
	__be16 port;
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP, or 0 */
	__u8 prefix;   /* length of a prefix, see struct prefix_key; 0: of an address alone */
};
_Static_assert(sizeof(struct target_key) == 20, "struct target_key is a map key");

/* Prefixes are found by the longest match; the value is the struct target_key of its own target. */
struct prefix_key {
	__u32 length; /* in bits of the IPv6 form: an IPv4 prefix has 96 more. 1 to 127 */
	struct addr address;
};
_Static_assert(sizeof(struct prefix_key) == 20, "struct prefix_key is a trie's key");

#define ABI_PREFIX_DEPTH 4 /* prefixes within prefixes that one address may be in */

/* Of a VIP: */
#define TARGET_ANNOUNCE    (1u << 0) /* answer ARP and neighbour solicitations for it */
#define TARGET_ECHO        (1u << 1) /* answer echo requests */
#define TARGET_REFUSE_ICMP (1u << 2) /* drop ICMP that is neither that nor about a flow */
/* Of a SNAT address and protocol: what comes to it is for a client of ours. */
#define TARGET_SNAT (1u << 4)

/* Of a service: */
#define TARGET_PASS (1u << 3) /* it is the kernel's: no backend serves */

struct target {
	__u32 service; /* id of the service, ABI_NO_SERVICE for a VIP's own entry */
	__u16 flags;   /* TARGET_* */
	__u16 row;     /* the policy's number of it (bpf/policy.h) */
};
_Static_assert(sizeof(struct target) == 8, "struct target is a map value");

/*
 * The XDP program's ledger of one port, per CPU, of everything that came in. It holds that
 *   rx_packets == passed + steered + transmitted + sum(dropped)
 */
struct port_counters {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 passed;        /* to the kernel's stack */
	__u64 steered;       /* to an AF_XDP worker */
	__u64 transmitted;   /* by the program itself */
	__u64 clock_jiffies; /* no counter: when clock_ns was taken */
	__u64 clock_ns;      /* no counter: CLOCK_MONOTONIC at that time (bpf/repeat.h) */
	__u64 refusing;      /* no counter: whether the policy refuses most (bpf/police_plain.h) */
	__u64 dropped[ABI_REASON_SLOTS];
	__u64 dropped_bytes[ABI_REASON_SLOTS];
};
_Static_assert(sizeof(struct port_counters) == 64 + 16 * ABI_REASON_SLOTS, "port_counters");

/* Whether a port's program repeats decisions by itself. */
enum fast_path {
	FAST_PATH_NEVER = 0,
	FAST_PATH_ALWAYS,
	FAST_PATH_ALONE, /* where no worker's socket is: while no daemon runs */
};

/* What is done to a packet on its way to a backend. */
enum forward {
	FORWARD_DSR = 0, /* new link addresses, nothing else */
	FORWARD_NAT,     /* new addresses and ports, both ways */
	FORWARD_IPIP,    /* an IP header in front (RFC 2003, 2473, 4213) */
	FORWARD_GUE,     /* IP and UDP headers in front (draft-ietf-intarea-gue, variant 1) */
};

/*
 * How packets get to a backend: all that a rewrite needs (bpf/rewrite.h), on both sides. The first
 * two words are all that is read of a plain way.
 */
struct way {
	struct link_addresses link; /* of the next hop and of the egress port */
	__u8 egress;                /* port index */
	__u8 usable : 1;            /* of a fast_backend: flows may be repeated to it */
	__u8 plain : 1; /* dsr without a VLAN tag: link addresses are all that changes */
	__u16 mtu;      /* of the way, in bytes of IP packet; WAY_MTU_MAX: any */
	__u8 forward;   /* enum forward */
	__u8 spread;    /* of ipip: so many low bits of `local` tell flows apart */
	__be16 vlan;    /* IEEE 802.1Q tag control to send with; 0: no tag */
	__be16 port;    /* of the backend, with nat; 0: the packet's own */
	__u16 zero;
	struct addr remote; /* the backend's address */
	struct addr local;  /* whom packets come from that do not come from the client */
};
#define WAY_MTU_MAX 0xffffu
#define WAY_WORDS   7
_Static_assert(sizeof(struct way) == 8 * WAY_WORDS, "struct way is copied in words");

/*
 * The way to a backend as the XDP program has it, one cache line, by backend id. User space makes
 * `sequence` odd, writes, and makes it even again; a reader takes what it read between two looks at
 * the same even sequence.
 */
struct fast_backend {
	union {
		struct way way;
		__u64 words[WAY_WORDS];
	};
	__u32 sequence;
	__u32 service; /* id: whose backend it is */
};
_Static_assert(sizeof(struct fast_backend) == 64, "one cache line");

/* What the fast path sent to a backend: of a CPU, or the sum. */
struct fast_traffic {
	__u64 packets, bytes;
};

/* What bpf/decap.bpf.c did with packets of its kind of tunnel to one of the VIPs, per CPU. */
struct decap_counters {
	__u64 decapsulated;
	__u64 refused;   /* not from a configured balancer */
	__u64 malformed; /* a tunnel's packet that can't be right, for whomever */
	__u64 congested; /* marked so on its way, and its sender could not be told (RFC 6040, 4.2)
			  */
};

/*
 * Which tables are in force. All that a reload changes is filled into the slots that are not, and
 * put in force by one store of this word; services and the policy have slots of their own, as the
 * tables of services change more often. It says what a packet needs to know of the policy before
 * it looks into it. The generation is never 0 where there is a policy: a flow's entry whose own
 * (bits 8 to 15 of its meta) is another was not judged by this policy.
 */
#define TABLES_SLOTS      2u
#define TABLES_SLOT       1u /* mask: that of services */
#define TABLES_POLICY     1  /* shift, 1 bit: that of the policy */
#define TABLES_POLICED    (1u << 8)
#define TABLES_ANYWHERE   (1u << 9)  /* POLICY_ANYWHERE */
#define TABLES_EARLY      (1u << 10) /* POLICY_EARLY */
#define TABLES_COOKIES    (1u << 11) /* POLICY_COOKIES */
#define TABLES_GENERATION 16         /* shift, 8 bits */

/* What a rule of the policy decided about, by its id: per CPU, or a worker's. */
struct rule_traffic {
	__u64 packets, bytes;
	__u64 refused; /* packets of those, dropped by it, or as a dry run only said to be */
	__u64 last_ns; /* CLOCK_MONOTONIC, of the last one; to a tick of the kernel's timer */
};

#endif
