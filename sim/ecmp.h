/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a router spreads flows over next hops of equal cost, and what that does to flows when their
 * set changes:
 *
 *   modulo     hash modulo the number of next hops: nearly all flows move
 *   threshold  each next hop has one range of hashes (RFC 2992; multipath routes of Linux): between
 *              a quarter and a half move
 *   resilient  hashes have buckets, and buckets next hops (switches; Linux's
 *              nexthop-group-resilient): those of the next hop that left move, and for a new one
 *              its share. The timers by which Linux moves only idle buckets are not modelled: a
 *              new next hop has its share at once.
 */
#ifndef WEIR_SIM_ECMP_H
#define WEIR_SIM_ECMP_H

#include <stdint.h>

enum ecmp_kind { ECMP_MODULO, ECMP_THRESHOLD, ECMP_RESILIENT, ECMP_KINDS };

#define ECMP_MAX          1024u /* next hops */
#define ECMP_BUCKETS_EACH 64u   /* at least, at the beginning */

struct ecmp {
	enum ecmp_kind kind;
	uint32_t count;
	uint16_t members[ECMP_MAX]; /* in no order for resilient; else as they came, no gaps */
	uint32_t bucket_count;      /* a power of two */
	uint16_t *buckets;
};

const char *ecmp_word(enum ecmp_kind kind);

/* Next hops 0 to `count` - 1, at most ECMP_MAX. -ENOMEM. */
int ecmp_init(struct ecmp *e, enum ecmp_kind kind, uint32_t count);
void ecmp_fini(struct ecmp *e); /* a zeroed one too */

/* One of several leaves; one that is not there comes. */
void ecmp_remove(struct ecmp *e, uint32_t member);
void ecmp_add(struct ecmp *e, uint32_t member);

uint32_t ecmp_pick(const struct ecmp *e, uint32_t hash);

#endif
