// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes pcapng blocks. A block is written in place at the queue's tail, its first length last; one
 * that does not fit is taken back, so that the queue holds whole blocks only. No state but the
 * caller's; any thread.
 */
#include "tools/weir/pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "tools/weir/pcapng_block.h"

#define QUEUE_FIRST_BYTES 4096u

/* --- the queue ------------------------------------------------------------------------------ */

void pcapng_queue_init(struct pcapng_queue *q, size_t limit)
{
	*q = (struct pcapng_queue){.limit = limit};
}

void pcapng_queue_fini(struct pcapng_queue *q)
{
	free(q->bytes);
	*q = (struct pcapng_queue){0};
}

size_t pcapng_queue_take(struct pcapng_queue *q, void *out, size_t max)
{
	size_t length = pcapng_queue_length(q);
	if (length > max)
		length = max;
	if (!length)
		return 0;
	memcpy(out, q->bytes + q->head, length);
	q->head += length;
	if (q->head == q->tail)
		q->head = q->tail = 0;
	return length;
}

static int queue_grow(struct pcapng_queue *q, size_t need)
{
	size_t capacity = q->capacity ? q->capacity : QUEUE_FIRST_BYTES;
	while (capacity < need)
		capacity *= 2;
	if (capacity > 2 * q->limit)
		capacity = 2 * q->limit;
	uint8_t *bytes = realloc(q->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	q->bytes = bytes;
	q->capacity = capacity;
	return 0;
}

/*
 * Makes room for `length` bytes behind the tail. Bytes move only when at least as many as are left
 * were taken, so a byte costs the same however slow the reader is. If they don't move, head is
 * below half the capacity, that is below the limit, and tail + length below twice the limit.
 */
static int queue_reserve(struct pcapng_queue *q, size_t length)
{
	size_t unread = pcapng_queue_length(q);
	if (length > q->limit || unread > q->limit - length)
		return -ENOBUFS;
	if (length <= q->capacity - q->tail)
		return 0;
	if (q->head && q->head >= q->capacity / 2) {
		memmove(q->bytes, q->bytes + q->head, unread);
		q->head = 0;
		q->tail = unread;
	}
	return length <= q->capacity - q->tail ? 0 : queue_grow(q, q->tail + length);
}

/* --- writing -------------------------------------------------------------------------------- */

/* A block under construction. The first failure is kept, what is put after it is ignored. */
struct block {
	struct pcapng_queue *queue;
	size_t written;
	int failure;
};

static void put(struct block *b, const void *bytes, size_t length)
{
	struct pcapng_queue *q = b->queue;
	size_t room = padded(length);
	if (!b->failure)
		b->failure = queue_reserve(q, room);
	if (b->failure || !length)
		return;
	memcpy(q->bytes + q->tail, bytes, length);
	memset(q->bytes + q->tail + length, 0, room - length);
	q->tail += room;
	b->written += room;
}

static void put_option(struct block *b, enum option code, const void *value, size_t length)
{
	if (length > UINT16_MAX)
		length = UINT16_MAX;
	uint16_t head[2] = {code, length};
	put(b, head, sizeof(head));
	put(b, value, length);
}

static void put_text(struct block *b, enum option code, const char *text)
{
	put_option(b, code, text, strlen(text));
}

static void put_u64(struct block *b, enum option code, uint64_t value)
{
	put_option(b, code, &value, sizeof(value));
}

/* A time stamp is two words, the high one first, in either byte order. */
static void put_time(struct block *b, enum option code, uint64_t time_ns)
{
	uint32_t words[2] = {time_ns >> 32, (uint32_t)time_ns};
	put_option(b, code, words, sizeof(words));
}

static struct block block_begin(struct pcapng_queue *q, uint32_t type, const void *body,
				size_t length)
{
	struct block b = {.queue = q};
	uint32_t head[2] = {type}; /* and the length, later */
	put(&b, head, sizeof(head));
	put(&b, body, length);
	return b;
}

/* Ends the options and the block. */
static int block_end(struct block *b)
{
	put_option(b, OPT_END, NULL, 0);
	uint32_t length = b->written + sizeof(length);
	put(b, &length, sizeof(length));
	struct pcapng_queue *q = b->queue;
	size_t start = q->tail - b->written;
	if (b->failure)
		q->tail = start;
	else
		memcpy(q->bytes + start + LENGTH_OFFSET, &length, sizeof(length));
	return b->failure;
}

int pcapng_write_section(struct pcapng_queue *q, const char *application, const char *comment)
{
	struct section_body body = {.magic = BYTE_ORDER_MAGIC, .major = 1};
	body.length_low = body.length_high = UINT32_MAX; /* a stream: not known */
	struct utsname host = {0};
	char os[sizeof(host.sysname) + sizeof(host.release)] = "";
	uname(&host);
	strcat(strcat(strcpy(os, host.sysname), " "), host.release);
	struct block b = block_begin(q, PCAPNG_SECTION, &body, sizeof(body));
	if (comment && *comment)
		put_text(&b, OPT_COMMENT, comment);
	put_text(&b, SHB_HARDWARE, host.machine);
	put_text(&b, SHB_OS, os);
	put_text(&b, SHB_USERAPPL, application);
	return block_end(&b);
}

/* The kind of filter, 0 for an expression of libpcap's, and the filter. */
static void put_filter(struct block *b, const char *expression)
{
	char text[1 + PCAPNG_FILTER_MAX];
	size_t length = strlen(expression);
	if (length > PCAPNG_FILTER_MAX)
		length = PCAPNG_FILTER_MAX;
	text[0] = 0;
	memcpy(text + 1, expression, length);
	put_option(b, IF_FILTER, text, 1 + length);
}

int pcapng_write_interface(struct pcapng_queue *q, const struct pcapng_interface *in)
{
	struct interface_body body = {.link_type = LINKTYPE_ETHERNET, .snaplen = in->snaplen};
	uint8_t resolution = TSRESOL_NS;
	struct block b = block_begin(q, PCAPNG_INTERFACE, &body, sizeof(body));
	put_text(&b, IF_NAME, in->name);
	put_text(&b, IF_DESCRIPTION, in->description);
	put_option(&b, IF_MAC, in->mac, sizeof(in->mac));
	put_option(&b, IF_TSRESOL, &resolution, sizeof(resolution));
	if (in->filter)
		put_filter(&b, in->filter);
	if (*in->hardware)
		put_text(&b, IF_HARDWARE, in->hardware);
	return block_end(&b);
}

int pcapng_write_packet(struct pcapng_queue *q, const struct pcapng_packet *p)
{
	struct packet_body body = {
		.interface = p->interface,
		.time_high = p->time_ns >> 32,
		.time_low = (uint32_t)p->time_ns,
		.captured = p->captured,
		.length = p->length,
	};
	uint32_t flags = p->outbound ? OUTBOUND : INBOUND;
	uint8_t verdict[1 + sizeof(p->xdp_action)] = {VERDICT_EBPF_XDP};
	memcpy(verdict + 1, &p->xdp_action, sizeof(p->xdp_action));
	struct block b = block_begin(q, PCAPNG_PACKET, &body, sizeof(body));
	put(&b, p->bytes, p->captured);
	put_option(&b, OPT_COMMENT, p->comment, p->comment_length);
	put_option(&b, EPB_FLAGS, &flags, sizeof(flags));
	if (p->dropped)
		put_u64(&b, EPB_DROPCOUNT, p->dropped);
	put_u64(&b, EPB_PACKETID, p->id);
	put_option(&b, EPB_QUEUE, &p->queue, sizeof(p->queue));
	if (p->has_action)
		put_option(&b, EPB_VERDICT, verdict, sizeof(verdict));
	return block_end(&b);
}

int pcapng_write_statistics(struct pcapng_queue *q, const struct pcapng_statistics *s)
{
	struct statistics_body body = {
		.interface = s->interface,
		.time_high = s->end_ns >> 32,
		.time_low = (uint32_t)s->end_ns,
	};
	struct block b = block_begin(q, PCAPNG_STATISTICS, &body, sizeof(body));
	if (s->comment)
		put_text(&b, OPT_COMMENT, s->comment);
	put_time(&b, ISB_STARTTIME, s->start_ns);
	put_time(&b, ISB_ENDTIME, s->end_ns);
	if (s->received != UINT64_MAX)
		put_u64(&b, ISB_IFRECV, s->received);
	put_u64(&b, ISB_IFDROP, s->dropped);
	if (s->matched != UINT64_MAX)
		put_u64(&b, ISB_FILTERACCEPT, s->matched);
	put_u64(&b, ISB_USRDELIV, s->delivered);
	return block_end(&b);
}
