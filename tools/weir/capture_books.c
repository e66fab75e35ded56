// SPDX-License-Identifier: BSD-2-Clause
/* Control thread. */
#include "tools/weir/capture_books.h"

#include <stdio.h>

#include "datapath/engine.h"
#include "datapath/taps.h"
#include "tools/weir/pcapng.h"

#define STATISTICS_ROOM 512u /* bytes of one interface's block, at most */

static uint64_t received_by_port(const struct engine *e, uint32_t port)
{
	struct port_counters counters;
	return engine_port_counters(e, port, &counters) ? 0 : counters.rx_packets;
}

static uint64_t lost_at_taps(const struct capture_tally *t)
{
	return t->lost_rate + t->lost_full;
}

void capture_books_init(struct capture_books *b, const struct engine *e, uint32_t slot,
			const struct capture_slot *want)
{
	*b = (struct capture_books){
		.engine = e, .want = want, .slot = slot, .port_count = engine_port_count(e)};
	for (uint32_t i = 0; i < b->port_count; i++) {
		b->ports[i].received_before = received_by_port(e, i);
		taps_tally(e, slot, i, &b->ports[i].before);
		b->ports[i].now = b->ports[i].before;
		b->ports[i].unseen_before = b->ports[i].unseen = taps_unseen(e, want, i);
	}
}

void capture_books_count_lost(struct capture_books *b)
{
	for (uint32_t i = 0; i < b->port_count; i++) {
		struct capture_port *port = &b->ports[i];
		uint64_t before = lost_at_taps(&port->now) + port->unseen;
		taps_tally(b->engine, b->slot, i, &port->now);
		port->unseen = taps_unseen(b->engine, b->want, i);
		port->unreported += lost_at_taps(&port->now) + port->unseen - before;
	}
}

/* Of what the taps have matched, what did not get out of their rings before the capture's end. */
static uint64_t left_in_rings(const struct capture_port *port)
{
	uint64_t matched = port->now.matched - port->before.matched;
	uint64_t known = port->now.skipped - port->before.skipped + lost_at_taps(&port->now) -
			 lost_at_taps(&port->before) + port->late + port->unfiltered +
			 port->delivered;
	return matched > known ? matched - known : 0;
}

/* In words what the block has no counters for; in `text`, which it returns. */
static const char *describe(const struct capture_port *port, uint64_t left, char text[256])
{
	snprintf(text, 256,
		 "skipped=%llu lost_full=%llu lost_rate=%llu lost_client=%llu lost_end=%llu "
		 "lost_unseen=%llu%s",
		 port->now.skipped - port->before.skipped,
		 port->now.lost_full - port->before.lost_full,
		 port->now.lost_rate - port->before.lost_rate, (unsigned long long)port->late,
		 (unsigned long long)left, (unsigned long long)(port->unseen - port->unseen_before),
		 port->gone ? " " CAPTURE_GONE : "");
	return text;
}

void capture_books_write(const struct capture_books *b, bool to_the_end, uint64_t start_ns,
			 uint64_t end_ns, struct pcapng_queue *q)
{
	char text[256];
	q->limit += (size_t)b->port_count * STATISTICS_ROOM;
	for (uint32_t i = 0; i < b->port_count; i++) {
		const struct capture_port *port = &b->ports[i];
		uint64_t at_taps = lost_at_taps(&port->now) - lost_at_taps(&port->before) +
				   port->unseen - port->unseen_before;
		uint64_t left = to_the_end ? left_in_rings(port) : 0;
		struct pcapng_statistics s = {
			.interface = i,
			.start_ns = start_ns,
			.end_ns = end_ns,
			.received = received_by_port(b->engine, i) - port->received_before,
			.matched = port->now.matched - port->before.matched - port->unfiltered,
			.dropped = at_taps + port->late + left,
			.delivered = port->delivered,
			.comment = describe(port, left, text),
		};
		if (pcapng_write_statistics(q, &s))
			return;
	}
}
