/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of the first fragments of datagrams, so that the later ones, which have no ports,
 * follow them. One table for all workers: a NIC that spreads packets by ports sends first and later
 * fragments to different queues.
 *
 * A datagram is known by source, destination, id and protocol (RFC 791, 3.2), for IPv6 without the
 * protocol (RFC 8200, 4.5); all of it is compared. An entry lives for two seconds or until all its
 * bytes were seen: then the same id means another datagram.
 *
 * Fragments that overlap are found exactly, in units of 8 bytes, as far as they were followed: from
 * then on all of the datagram is dropped (RFC 5722; for IPv4 too). One that repeats an earlier one
 * in its bounds is a duplicate, and goes where that went; who has both compares their bytes or
 * not. Those that came before their first are looked at when they are released (lb/held.h).
 */
#ifndef WEIR_LB_FRAGMENTS_H
#define WEIR_LB_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/flow.h"

struct fragments;
struct packet;

#define FRAGMENTS_DATAGRAMS   4096u         /* that a table holds, in 8.5 MiB */
#define FRAGMENTS_LIFETIME_NS 2000000000ull /* from the first fragment on */

struct fragment {
	struct flow_key key;     /* of the datagram: the id stands where the ports are */
	uint16_t offset, length; /* in bytes; a length of 0 is none */
	bool more;
};

/* Where a datagram goes. */
struct fragment_decision {
	uint32_t service, backend; /* ids, or ABI_NO_SERVICE, ABI_NO_BACKEND */
	uint64_t flow;             /* hash of the flow that the first one was of */
	uint8_t reason; /* enum reason: why all of it is dropped; REASON_NONE: it is not */
	bool answers;   /* by nat, to a client */
	bool orphan;    /* there is no decision: its first fragment did not come */
};

/* The seed keys the hash; it is to be secret. NULL without memory. */
struct fragments *fragments_new(const struct flow_seed *seed);
void fragments_free(struct fragments *f); /* NULL too */

/*
 * The same in memory of the caller's, zeroed, of so many bytes. It holds no pointer: what is in it
 * can be used where another process has put it.
 */
size_t fragments_size(void);
struct fragments *fragments_init(void *memory, const struct flow_seed *seed);

/* From a packet whose `fragment` is not PACKET_WHOLE. */
struct fragment fragment_of(const struct packet *p);
uint64_t fragments_hash(const struct fragments *f, const struct flow_key *key);

/*
 * Any thread. Finds the datagram of a fragment, and takes note of the fragment. False: it is not
 * known, or another thread is at it for too long.
 */
bool fragments_follow(struct fragments *f, const struct fragment *x, uint64_t now_ns,
		      struct fragment_decision *out);

/*
 * Any thread. Remembers what was decided for a first fragment that fragments_follow() did not find.
 * False: there is no room, all that could be overwritten is in use.
 */
bool fragments_remember(struct fragments *f, const struct fragment *first,
			const struct fragment_decision *decision, uint64_t now_ns);

/* Changes whenever a datagram was remembered: then those who wait look again. */
uint64_t fragments_version(const struct fragments *f);

#endif
