/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of the packets that a capture wanted, by interface:
 *   matched == skipped + delivered + unfiltered + lost at the taps + late + left in their rings
 * What was dropped when no packet of it was left is lost too, and no tap has matched it.
 */
#ifndef WEIR_TOOLS_CAPTURE_BOOKS_H
#define WEIR_TOOLS_CAPTURE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/capture.h"

struct engine;
struct pcapng_queue;

struct capture_port {
	uint64_t received_before;         /* the interface's counter when the capture began */
	struct capture_tally before, now; /* the taps' counts, when it began and as last read */
	uint64_t delivered;
	uint64_t late;       /* found the client's queue full */
	uint64_t unfiltered; /* matched at the taps, and was not what the filter lets through */
	uint64_t unseen_before,
		unseen;      /* what taps can't see (datapath/taps.h), as `before`, `now` */
	uint64_t unreported; /* of what was lost, since the port's last packet */
	bool gone;           /* its interface is, and the capture ended for that */
};

struct capture_books {
	const struct engine *engine;
	const struct capture_slot *want;
	uint32_t slot;
	uint32_t port_count;
	struct capture_port ports[ABI_MAX_PORTS];
};

/* What is in the comment of an interface that is gone. */
#define CAPTURE_GONE "gone=1"

/* Opens the books of a capture of `want`, which stays, that is about to begin in a slot. */
void capture_books_init(struct capture_books *b, const struct engine *e, uint32_t slot,
			const struct capture_slot *want);

/* Takes note of what the taps lost since the last look. */
void capture_books_count_lost(struct capture_books *b);

/*
 * Writes a statistics block for each interface, for which it raises the queue's limit. Times in
 * nanoseconds since 1970. Without memory there are fewer of them. `to_the_end`: the capture wanted
 * all that its taps have matched, and they match no more; what it did not get is lost.
 */
void capture_books_write(const struct capture_books *b, bool to_the_end, uint64_t start_ns,
			 uint64_t end_ns, struct pcapng_queue *q);

#endif
