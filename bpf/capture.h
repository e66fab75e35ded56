/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What captures want, what they get, and what they lose. Up to CAPTURES_MAX run at once, each in a
 * slot of its own; the control thread fills the slots, the XDP programs and the workers look into
 * them where a packet passes a tap.
 *
 * Whether a capture wants a packet is found out at the tap, filter included (bpf/filter.h), before
 * a byte is copied. So what nobody wants costs no copy, and what is lost is counted where it is
 * lost, by the capture and the interface that it is lost for:
 *   matched == skipped + delivered + lost_rate + lost_full
 */
#ifndef WEIR_BPF_CAPTURE_H
#define WEIR_BPF_CAPTURE_H

#include "bpf/abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define CAPTURES_MAX       16u
#define CAPTURE_FILTER_MAX 256u  /* instructions of a filter that runs at the tap */
#define CAPTURE_BYTES_MAX  2000u /* of a packet: no frame of ours is longer */

/* Where a packet met a tap. */
enum tap_point {
	TAP_DROP = 0, /* dropped, for a reason */
	TAP_RX,       /* came in by an interface */
	TAP_BEFORE,   /* of a service: as it came, about to be sent on */
	TAP_TX,       /* sent by an interface: as it goes out */
	TAP_KERNEL,   /* dropped by the kernel, for a reason of its own */
};

/* Who had it there. */
enum tap_source {
	TAP_XDP = 0,
	TAP_WORKER = 1,
	TAP_WATCH = 2, /* the kernel's tracepoints */
};

/* Head of a capture record; the packet's first `captured` bytes follow it. */
struct tap_record {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 id;      /* the packet's: what it was before and what after has the same */
	__u32 length;  /* of the packet, without the frame check sequence */
	__u32 captured;
	union {
		struct {
			__u32 service; /* id or ABI_NO_SERVICE */
			__u32 backend; /* id or ABI_NO_BACKEND */
		};
		__u64 location; /* TAP_KERNEL: the address in the kernel that dropped it */
	};
	union {
		__u32 rule;          /* id or ABI_NO_RULE */
		__u32 kernel_reason; /* TAP_KERNEL: the running kernel's enum skb_drop_reason */
	};
	__u16 captures; /* bit c: for the capture in slot c */
	__u16 port;     /* index of the interface: of ingress, for TAP_TX of egress */
	__u16 queue;
	__u16 worker;
	__u8 reason; /* enum reason, for TAP_DROP */
	__u8 source; /* enum tap_source */
	__u8 point;  /* enum tap_point */
	__u8 action; /* enum xdp_action that it met, CAPTURE_NO_ACTION: not known yet */
};
_Static_assert(sizeof(struct tap_record) == 48, "struct tap_record is a record in a ring");

#define CAPTURE_NO_ACTION 255u

/*
 * A ring of such records, from one producer (a worker, or programs that run on one CPU and do not
 * come between each other's instructions) to the control thread: memory of both. Records begin at
 * multiples of 8; one that begins in front of the end of the `size` bytes goes on behind it.
 */
struct tap_ring {
	__u64 size; /* a power of two; on a line that nobody writes, as both ends read it */
	__u64 pad[7];
	__u64 head;      /* bytes written so far; written by the producer */
	__u64 tail_seen; /* by the producer: it looks at the tail only where the ring seems full */
	__u64 pad2[6];
	__u64 tail; /* bytes taken so far; written by the consumer */
	__u64 pad3[7];
	__u8 bytes[];
};
_Static_assert(sizeof(struct tap_ring) == 192, "each end has a cache line of its own");

#define TAP_RECORD_MAX        (sizeof(struct tap_record) + CAPTURE_BYTES_MAX)
#define TAP_RING_MEMORY(size) (sizeof(struct tap_ring) + (size) + TAP_RECORD_MAX)

/* What a record takes of a ring. */
static __always_inline __u32 tap_record_bytes(__u32 captured)
{
	return (sizeof(struct tap_record) + captured + 7) & ~7u;
}

/* An instruction of classic BPF, as libpcap's compiler makes them. */
struct filter_instruction {
	__u16 code;
	__u8 jump_true, jump_false;
	__u32 k;
};

/* What one capture wants: all that any of its sources names and its filter passes. */
struct capture_slot {
	__u64 reasons;            /* bitmap: dropped for one of these */
	__u32 rule;               /* ... and by this rule; ABI_NO_RULE: by any, or none */
	__u32 snaplen;            /* at most so many bytes of each packet */
	__u16 rx_ports, tx_ports; /* bitmaps by port index */
	__u8 services_wanted;     /* any bit of `services` is set */
	__u8 kernel;              /* TAP_KERNEL */
	__u8 limited;             /* by `credit` */
	__u8 zero;
	__u32 sample;        /* one in so many, 0 and 1: all */
	__u32 filter_length; /* 0: no filter here */
	__u64 pad[4];
	__s64 credit; /* packets that may be taken now; the control thread adds to it */
	__u64 pad2[7];
	__u64 services[ABI_MAX_SERVICES / 64]; /* bitmap by id */
	struct filter_instruction filter[CAPTURE_FILTER_MAX];
};
_Static_assert(sizeof(struct capture_slot) == 128 + 512 + 2048, "struct capture_slot");

/* What became of the packets that a capture wanted, of one interface. */
struct capture_tally {
	__u64 matched;   /* its sources and its filter */
	__u64 skipped;   /* by sampling */
	__u64 lost_rate; /* beyond its limit of packets a second */
	__u64 lost_full; /* found no room in the ring */
};

/* A filter at work (bpf/filter.h). */
struct filter_machine {
	__u32 a, x;
	__u32 pc;
	__u32 result;
	__u32 length; /* of the packet */
	__u32 memory[16];
	__u32 word; /* what was just read */
};

/*
 * What taps remember: one for each worker, and for each CPU one of each kind of program that may
 * come between two instructions of another.
 */
#define TAP_STATE_XDP     0u
#define TAP_STATE_STEERED 1u
#define TAP_STATE_KERNEL  2u
#define TAP_STATES        3u /* of a CPU: at CPU * TAP_STATES */

/* What is touched for each packet is the first cache line, and a tally. */
struct tap_state {
	struct tap_record packet; /* the one at the tap; `captures`: who wants it, so far */
	__u64 id;                 /* of the last packet */
	__u32 snaplen;            /* how much of this one is wanted */
	__u32 zero;
	struct capture_tally tallies[CAPTURES_MAX][ABI_MAX_PORTS];
	__u32 samples[CAPTURES_MAX]; /* packets since the last one that was taken */
	struct filter_machine machine;
	__u64 pad[5];
};
_Static_assert(sizeof(struct tap_state) % 64 == 0, "struct tap_state is whole cache lines");

/*
 * Which rings a CPU has, at CPU * TAP_RINGS. What the kernel's stack drops has one of its own, as
 * that may be in the middle of whatever; the other programs run while bottom halves are disabled,
 * one after another.
 */
#define TAP_RING_PACKETS 0u
#define TAP_RING_KERNEL  1u
#define TAP_RINGS        2u

/* What of all slots the taps have to know first; zeroed: there is no capture. */
struct tap_control {
	__u64 reasons;  /* of any capture */
	__u16 captures; /* bit c: slot c is in use */
	__u8 services;  /* any capture wants packets of services */
	__u8 rx;        /* ... what comes in by the program's port; of workers: by any */
	__u8 forwarded; /* ... of services, or what is sent */
	__u8 steered;   /* ... what is lost between XDP and a worker */
	__u8 passing;   /* `rx` or `forwarded`: packets that go on are looked at */
	__u8 zero;
};
_Static_assert(sizeof(struct tap_control) == 16, "struct tap_control");

static __always_inline int capture_wants_service(const struct capture_slot *s, __u32 service)
{
	return s->services_wanted && service < ABI_MAX_SERVICES &&
	       s->services[service / 64 % (ABI_MAX_SERVICES / 64)] >> (service % 64) & 1;
}

/* Whether a source of the capture names the packet. */
static __always_inline int capture_names(const struct capture_slot *s, const struct tap_record *r)
{
	__u16 port = 1u << (r->port & (ABI_MAX_PORTS - 1));
	switch (r->point) {
	case TAP_KERNEL:
		return s->kernel;
	case TAP_RX:
		return (s->rx_ports & port) != 0;
	case TAP_TX:
		if (s->tx_ports & port)
			return 1;
		break;
	case TAP_DROP:
		if (s->reasons >> (r->reason & (ABI_REASON_SLOTS - 1)) & 1 &&
		    (s->rule == ABI_NO_RULE || s->rule == r->rule))
			return 1;
		break;
	}
	return capture_wants_service(s, r->service);
}

/* Sampling and the limit of one that is wanted: whether it is to be taken. */
static __always_inline int capture_admits(struct capture_slot *s, struct tap_state *state,
					  __u32 slot)
{
	struct capture_tally *tally = &state->tallies[slot & (CAPTURES_MAX - 1)]
						     [state->packet.port & (ABI_MAX_PORTS - 1)];
	tally->matched++;
	if (s->sample > 1) {
		__u32 *seen = &state->samples[slot & (CAPTURES_MAX - 1)];
		if (++*seen < s->sample) {
			tally->skipped++;
			return 0;
		}
		*seen = 0;
	}
	if (!s->limited)
		return 1;
	if (*(volatile __s64 *)&s->credit > 0) {
		__sync_fetch_and_add(&s->credit, -1);
		return 1;
	}
	tally->lost_rate++;
	return 0;
}

/* The packet of the state is wanted by the capture in a slot, which may admit it. */
static __always_inline void capture_take(struct capture_slot *s, struct tap_state *state,
					 __u32 slot)
{
	if (!capture_admits(s, state, slot))
		return;
	state->packet.captures |= 1u << (slot & (CAPTURES_MAX - 1));
	if (state->snaplen < s->snaplen)
		state->snaplen = s->snaplen;
}

/* The packet of the state found no room. */
static __always_inline void capture_lose(struct tap_state *state)
{
	for (__u32 i = 0; i < CAPTURES_MAX; i++)
		if (state->packet.captures >> i & 1)
			state->tallies[i][state->packet.port & (ABI_MAX_PORTS - 1)].lost_full++;
}

#endif
