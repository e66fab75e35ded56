/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng (IETF draft-ietf-opsawg-pcapng), in the byte order of this machine: writes blocks into a
 * bounded queue of bytes, and takes a stream of such blocks apart again. libpcap 1.10 writes no
 * pcapng, and cannot name a packet's comment, verdict or queue.
 *
 * One link type, Ethernet; time stamps are nanoseconds since 1970.
 */
#ifndef WEIR_TOOLS_PCAPNG_H
#define WEIR_TOOLS_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Block types. */
#define PCAPNG_SECTION    0x0a0d0d0au
#define PCAPNG_INTERFACE  1u
#define PCAPNG_STATISTICS 5u
#define PCAPNG_PACKET     6u

#define PCAPNG_BLOCK_MAX  (1u << 20) /* bytes; a longer block is taken for a corrupt one */
#define PCAPNG_NAME_MAX   64u
#define PCAPNG_FILTER_MAX 512u

/* --- writing -------------------------------------------------------------------------------- */

/* A queue of at most `limit` bytes, which the caller may raise. Memory: at most twice as much. */
struct pcapng_queue {
	uint8_t *bytes;
	size_t head, tail, capacity, limit;
};

void pcapng_queue_init(struct pcapng_queue *q, size_t limit);
void pcapng_queue_fini(struct pcapng_queue *q);

static inline size_t pcapng_queue_length(const struct pcapng_queue *q)
{
	return q->tail - q->head;
}

/* Moves at most `max` bytes out of the queue; returns how many. */
size_t pcapng_queue_take(struct pcapng_queue *q, void *out, size_t max);

struct pcapng_interface {
	char name[PCAPNG_NAME_MAX];
	char description[PCAPNG_NAME_MAX];
	char hardware[PCAPNG_NAME_MAX]; /* "": not known */
	uint8_t mac[6];
	uint32_t snaplen;
	const char *filter; /* an expression of pcap-filter(7), or NULL */
};

struct pcapng_packet {
	uint32_t interface; /* counts from 0 in the order of the interface blocks */
	uint64_t time_ns;
	uint32_t captured, length; /* of `bytes`, and of the packet on the wire */
	const void *bytes;
	uint64_t dropped; /* lost between the interface's packet before this and this one */
	uint64_t id;
	uint32_t queue;
	bool outbound;   /* it was sent, else it came in */
	bool has_action; /* `xdp_action` is known */
	uint64_t xdp_action;
	const char *comment; /* not ended by a NUL */
	size_t comment_length;
};

struct pcapng_statistics {
	uint32_t interface;
	uint64_t start_ns, end_ns;
	uint64_t received;     /* by the interface, UINT64_MAX: not known */
	uint64_t matched;      /* of those what the capture wanted, UINT64_MAX: not known */
	uint64_t dropped;      /* that the capture would have had, but lost */
	uint64_t delivered;    /* packets in the stream */
	const char *comment;   /* or NULL; when read, not ended by a NUL */
	size_t comment_length; /* when read */
};

/*
 * Each appends one whole block, or nothing: -ENOBUFS beyond the queue's limit, -ENOMEM. A stream
 * is a section, its interfaces, packets, and the interfaces' statistics.
 */
int pcapng_write_section(struct pcapng_queue *q, const char *application, const char *comment);
int pcapng_write_interface(struct pcapng_queue *q, const struct pcapng_interface *in);
int pcapng_write_packet(struct pcapng_queue *q, const struct pcapng_packet *p);
int pcapng_write_statistics(struct pcapng_queue *q, const struct pcapng_statistics *s);

/* --- reading our own ------------------------------------------------------------------------ */

/* A whole block, from its type to its second length. Valid during the call only. */
struct pcapng_block {
	uint32_t type;
	const uint8_t *bytes;
	uint32_t length;
};

/* Returns 0 to go on, else what pcapng_splitter_feed() shall return. */
typedef int pcapng_block_fn(void *context, const struct pcapng_block *block);

struct pcapng_splitter {
	uint8_t *bytes; /* of the block that has begun */
	size_t length, capacity;
	bool started; /* the section's block is behind us */
};

/* A zeroed splitter is ready. */
void pcapng_splitter_fini(struct pcapng_splitter *s);

/*
 * Calls `fn` for each block that `length` more bytes of the stream complete. -EPROTO: not our
 * stream, or a corrupt one, and no more of it can be read; -ENOMEM.
 */
int pcapng_splitter_feed(struct pcapng_splitter *s, const void *bytes, size_t length,
			 pcapng_block_fn *fn, void *context, struct err *err);

/*
 * What a block says; pointers lead into it. Of the options these are read: the section's comment,
 * the interface's name, the packet's comment and dropped, the statistics' counters. -EPROTO:
 * impossible inner lengths.
 */
int pcapng_read_section(const struct pcapng_block *b, char *comment, size_t size);
int pcapng_read_interface(const struct pcapng_block *b, struct pcapng_interface *out);
int pcapng_read_packet(const struct pcapng_block *b, struct pcapng_packet *out);
int pcapng_read_statistics(const struct pcapng_block *b, struct pcapng_statistics *out);

#endif
