// SPDX-License-Identifier: BSD-2-Clause
/*
 * Any bytes as the stream that a capture's client reads: taken in one piece and in pieces, both
 * must give the same blocks and the same end. The first byte says how large the pieces are.
 */
#include <string.h>

#include "lb/err.h"
#include "tests/fuzz/fuzz.h"
#include "tools/weir/pcapng.h"

#define BLOCKS_MAX 4096

struct seen {
	unsigned int blocks;
	uint64_t sum; /* of all that was read */
};

/* FNV-1a: touches every byte. */
static void add_bytes(struct seen *s, const void *bytes, size_t length)
{
	const uint8_t *b = bytes;
	for (size_t i = 0; i < length; i++)
		s->sum = (s->sum ^ b[i]) * 0x100000001b3ull;
}

static void read_block(struct seen *s, const struct pcapng_block *b)
{
	struct pcapng_interface interface;
	struct pcapng_packet packet;
	struct pcapng_statistics statistics;
	if (b->type == PCAPNG_INTERFACE && !pcapng_read_interface(b, &interface)) {
		FUZZ_EXPECT(memchr(interface.name, 0, sizeof(interface.name)));
		add_bytes(s, interface.name, strlen(interface.name));
	} else if (b->type == PCAPNG_PACKET && !pcapng_read_packet(b, &packet)) {
		add_bytes(s, packet.bytes, packet.captured);
		add_bytes(s, packet.comment, packet.comment_length);
		add_bytes(s, &packet.dropped, sizeof(packet.dropped));
	} else if (b->type == PCAPNG_STATISTICS && !pcapng_read_statistics(b, &statistics)) {
		add_bytes(s, &statistics.received, sizeof(statistics.received));
	}
}

static int take_block(void *context, const struct pcapng_block *b)
{
	struct seen *s = context;
	FUZZ_EXPECT(b->length >= 12 && b->length <= PCAPNG_BLOCK_MAX);
	add_bytes(s, b->bytes, b->length);
	read_block(s, b);
	return ++s->blocks == BLOCKS_MAX;
}

static int feed(const uint8_t *bytes, size_t length, size_t piece, struct seen *s)
{
	struct pcapng_splitter splitter = {};
	struct err err = {};
	int r = 0;
	for (size_t at = 0; at < length && !r; at += piece)
		r = pcapng_splitter_feed(&splitter, bytes + at,
					 piece < length - at ? piece : length - at, take_block, s,
					 &err);
	FUZZ_EXPECT(r >= 0 || *err.text);
	pcapng_splitter_fini(&splitter);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct seen whole = {}, pieces = {};
	if (!length)
		return 0;
	int r = feed(bytes + 1, length - 1, length, &whole);
	FUZZ_EXPECT(feed(bytes + 1, length - 1, 1 + *bytes % 64, &pieces) == r);
	FUZZ_EXPECT(whole.blocks == pieces.blocks && whole.sum == pieces.sum);
	return 0;
}
