/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What services and backends have had, by everyone who sends to them: the workers, the fast path,
 * and for a service also what went to backends that are no longer there. Control thread.
 */
#ifndef WEIR_TOOLS_TRAFFIC_H
#define WEIR_TOOLS_TRAFFIC_H

#include <stdint.h>

struct daemon;
struct traffic_book;

struct traffic {
	uint64_t packets, bytes;           /* in all */
	uint64_t fast_packets, fast_bytes; /* of them, by the fast path */
	uint64_t flows;                    /* new ones */
};

/*
 * What is read from the kernel is kept for as long as the book is, so that to tell of many backends
 * takes few system calls. To be used until the next reload. NULL without memory.
 */
struct traffic_book *traffic_book_new(const struct daemon *d);
void traffic_book_free(struct traffic_book *b); /* NULL too */

/* By id; an id of -1 (the name has none yet) has had nothing. */
struct traffic traffic_of_service(struct traffic_book *b, int64_t id);
struct traffic traffic_of_backend(struct traffic_book *b, int64_t id);

#endif
