// SPDX-License-Identifier: BSD-2-Clause
/*
 * Buckets of four datagrams, found by a keyed hash. Any thread: who looks or writes holds the
 * bucket, by compare-and-swap, for a few stores and at most one clearing of 2 KiB. Nobody waits
 * for a holder that was put to sleep: then the datagram counts as not known.
 *
 * An entry has two bits for each unit of 8 bytes: seen, and a fragment begins here. With both, a
 * duplicate is told from an overlap: the units of a duplicate were all seen, the first begins a
 * fragment, none in between does, and the one behind it begins another, was not seen, or is the
 * end.
 */
#include "lb/fragments.h"

#include <linux/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/packet.h"

#define BUCKET_ENTRIES 4u
#define BUCKETS        (FRAGMENTS_DATAGRAMS / BUCKET_ENTRIES)
#define UNIT           8u
#define UNITS          (65536u / UNIT)
#define HOLD_TRIES     128

struct datagram {
	struct flow_key key;
	uint64_t expires_ns; /* 0: free */
	struct fragment_decision decision;
	uint32_t end;   /* its length in bytes, 0: not known yet */
	uint32_t reach; /* the end of what was seen, in bytes */
	uint32_t count; /* units seen */
	uint64_t seen[UNITS / 64], begins[UNITS / 64];
};

struct bucket {
	uint32_t held;
	struct datagram entries[BUCKET_ENTRIES];
};

struct fragments {
	struct flow_seed seed;
	uint64_t version;
	struct bucket buckets[BUCKETS];
};

/* --- memory --------------------------------------------------------------------------------- */

struct fragments *fragments_new(const struct flow_seed *seed)
{
	/* calloc: of the entries only what is used becomes memory. */
	void *memory = calloc(1, fragments_size());
	return memory ? fragments_init(memory, seed) : NULL;
}

size_t fragments_size(void)
{
	return sizeof(struct fragments);
}

struct fragments *fragments_init(void *memory, const struct flow_seed *seed)
{
	struct fragments *f = memory;
	f->seed = *seed;
	return f;
}

void fragments_free(struct fragments *f)
{
	free(f);
}

/* --- keys ----------------------------------------------------------------------------------- */

struct fragment fragment_of(const struct packet *p)
{
	struct fragment x = {
		.key = {.source = p->key.source, .destination = p->key.destination},
		.offset = p->fragment_offset,
		.length = p->fragment_length,
		.more = p->fragment_more,
	};
	x.key.source_port = p->fragment_id & 0xffff;
	x.key.destination_port = p->fragment_id >> 16;
	if (p->ethertype == bpf_htons(ETH_P_IP))
		x.key.protocol = p->key.protocol;
	return x;
}

uint64_t fragments_hash(const struct fragments *f, const struct flow_key *key)
{
	return flow_hash(key, &f->seed);
}

/* --- buckets -------------------------------------------------------------------------------- */

static struct bucket *bucket_hold(struct fragments *f, const struct flow_key *key)
{
	struct bucket *b = &f->buckets[fragments_hash(f, key) % BUCKETS];
	for (int tries = 0; tries < HOLD_TRIES; tries++) {
		uint32_t is_free = 0;
		if (__atomic_compare_exchange_n(&b->held, &is_free, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return b;
	}
	return NULL;
}

static void bucket_let_go(struct bucket *b)
{
	__atomic_store_n(&b->held, 0, __ATOMIC_RELEASE);
}

static bool is_whole(const struct datagram *d)
{
	return d->end && d->count == (d->end + UNIT - 1) / UNIT;
}

/* A datagram that was refused is not known by its bytes: it is refused for as long as it lives. */
static bool is_open(const struct datagram *d, uint64_t now_ns)
{
	return d->expires_ns > now_ns && (d->decision.reason || !is_whole(d));
}

static struct datagram *find(struct bucket *b, const struct flow_key *key, uint64_t now_ns)
{
	for (unsigned int i = 0; i < BUCKET_ENTRIES; i++) {
		struct datagram *d = &b->entries[i];
		if (is_open(d, now_ns) && !memcmp(&d->key, key, sizeof(*key)))
			return d;
	}
	return NULL;
}

/* The entry for a new datagram: its own, or one that has ended. */
static struct datagram *choose(struct bucket *b, const struct flow_key *key, uint64_t now_ns)
{
	struct datagram *d = find(b, key, now_ns);
	for (unsigned int i = 0; !d && i < BUCKET_ENTRIES; i++)
		if (!is_open(&b->entries[i], now_ns))
			d = &b->entries[i];
	return d;
}

/* --- which bytes were seen ------------------------------------------------------------------- */

static bool get_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* How many of the bits from `from` to `to` are set. */
static uint32_t count_bits(const uint64_t *bits, uint32_t from, uint32_t to)
{
	uint32_t count = 0;
	while (from < to) {
		uint32_t next = (from / 64 + 1) * 64, n = (next < to ? next : to) - from;
		uint64_t mask = ~0ull >> (64 - n);
		count += __builtin_popcountll(bits[from / 64] >> (from % 64) & mask);
		from += n;
	}
	return count;
}

static void set_bits(uint64_t *bits, uint32_t from, uint32_t to)
{
	while (from < to) {
		uint32_t next = (from / 64 + 1) * 64, n = (next < to ? next : to) - from;
		bits[from / 64] |= ~0ull >> (64 - n) << (from % 64);
		from += n;
	}
}

/* Of a fragment whose units were all seen. */
static bool is_duplicate(const struct datagram *d, uint32_t from, uint32_t to)
{
	return get_bit(d->begins, from) && count_bits(d->begins, from, to) == 1 &&
	       (to == UNITS || get_bit(d->begins, to) || !get_bit(d->seen, to));
}

/* Takes note of a fragment. False: it does not go with what was seen before. */
static bool add(struct datagram *d, const struct fragment *x)
{
	uint32_t from = x->offset / UNIT, end = x->offset + x->length;
	uint32_t to = (end + UNIT - 1) / UNIT, seen = count_bits(d->seen, from, to);
	if (x->more ? d->end && end >= d->end : (d->end && end != d->end) || d->reach > end)
		return false;
	if (seen)
		return seen == to - from && is_duplicate(d, from, to) && (x->more || d->end);
	set_bits(d->seen, from, to);
	set_bits(d->begins, from, from + 1);
	d->count += to - from;
	if (!x->more)
		d->end = end;
	if (end > d->reach)
		d->reach = end;
	return true;
}

/* --- datagrams ------------------------------------------------------------------------------- */

bool fragments_follow(struct fragments *f, const struct fragment *x, uint64_t now_ns,
		      struct fragment_decision *out)
{
	struct bucket *b = bucket_hold(f, &x->key);
	if (!b)
		return false;
	struct datagram *d = find(b, &x->key, now_ns);
	if (d) {
		if (!d->decision.reason && !add(d, x))
			d->decision.reason = REASON_FRAGMENT_OVERLAP;
		*out = d->decision;
	}
	bucket_let_go(b);
	return d;
}

bool fragments_remember(struct fragments *f, const struct fragment *first,
			const struct fragment_decision *decision, uint64_t now_ns)
{
	struct bucket *b = bucket_hold(f, &first->key);
	if (!b)
		return false;
	struct datagram *d = choose(b, &first->key, now_ns);
	if (d) {
		memset(d, 0, sizeof(*d));
		d->key = first->key;
		d->expires_ns = now_ns + FRAGMENTS_LIFETIME_NS;
		d->decision = *decision;
		add(d, first);
	}
	bucket_let_go(b);
	if (d)
		__atomic_fetch_add(&f->version, 1, __ATOMIC_RELEASE);
	return d;
}

uint64_t fragments_version(const struct fragments *f)
{
	return __atomic_load_n(&f->version, __ATOMIC_ACQUIRE);
}
