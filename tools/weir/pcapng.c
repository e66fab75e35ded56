// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes and reads pcapng blocks. A block is
 *
 *   type, length, body, options, length again
 *
 * with everything padded to 32 bits. It is written in place at the queue's tail, its first length
 * last; one that does not fit is taken back, so that the queue holds whole blocks only. No state
 * but the caller's; any thread.
 */
#include "tools/weir/pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "lb/err.h"

#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1
#define QUEUE_FIRST_BYTES 4096u
#define LENGTH_OFFSET     4u
#define BLOCK_HEADER      8u /* type and length */
#define BLOCK_OVERHEAD    12u

#define INBOUND          1u /* epb_flags */
#define VERDICT_EBPF_XDP 2u
#define TSRESOL_NS       9u

/* By the block they belong to. */
enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_HARDWARE = 2,
	SHB_OS = 3,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_MAC = 6,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	EPB_DROPCOUNT = 4,
	EPB_PACKETID = 5,
	EPB_QUEUE = 6,
	EPB_VERDICT = 7,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_USRDELIV = 8,
};

/* The fixed parts, as they lie in the stream. */
struct section_body {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t length_low, length_high;
};

struct interface_body {
	uint16_t link_type, reserved;
	uint32_t snaplen;
};

struct packet_body {
	uint32_t interface, time_high, time_low, captured, length;
};

struct statistics_body {
	uint32_t interface, time_high, time_low;
};
_Static_assert(sizeof(struct section_body) == 16 && sizeof(struct interface_body) == 8 &&
		       sizeof(struct packet_body) == 20 && sizeof(struct statistics_body) == 12,
	       "no holes");

static size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

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

int pcapng_write_section(struct pcapng_queue *q, const char *application)
{
	struct section_body body = {.magic = BYTE_ORDER_MAGIC, .major = 1};
	body.length_low = body.length_high = UINT32_MAX; /* a stream: not known */
	struct utsname host = {0};
	char os[sizeof(host.sysname) + sizeof(host.release)] = "";
	uname(&host);
	strcat(strcat(strcpy(os, host.sysname), " "), host.release);
	struct block b = block_begin(q, PCAPNG_SECTION, &body, sizeof(body));
	put_text(&b, SHB_HARDWARE, host.machine);
	put_text(&b, SHB_OS, os);
	put_text(&b, SHB_USERAPPL, application);
	return block_end(&b);
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
	uint32_t flags = INBOUND;
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
	put_time(&b, ISB_STARTTIME, s->start_ns);
	put_time(&b, ISB_ENDTIME, s->end_ns);
	if (s->received != UINT64_MAX)
		put_u64(&b, ISB_IFRECV, s->received);
	put_u64(&b, ISB_IFDROP, s->dropped);
	put_u64(&b, ISB_USRDELIV, s->delivered);
	return block_end(&b);
}

/* --- splitting ------------------------------------------------------------------------------ */

void pcapng_splitter_fini(struct pcapng_splitter *s)
{
	free(s->bytes);
	*s = (struct pcapng_splitter){0};
}

static uint32_t read_u32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

/* Bytes the block needs to be whole, as far as known; 0 if its length is impossible. */
static size_t splitter_need(const struct pcapng_splitter *s)
{
	if (s->length < BLOCK_HEADER)
		return BLOCK_HEADER;
	uint32_t length = read_u32(s->bytes + LENGTH_OFFSET);
	return length < BLOCK_OVERHEAD || length > PCAPNG_BLOCK_MAX || length % 4 ? 0 : length;
}

static int splitter_reserve(struct pcapng_splitter *s, size_t need)
{
	if (need <= s->capacity)
		return 0;
	uint8_t *bytes = realloc(s->bytes, need);
	if (!bytes)
		return -ENOMEM;
	s->bytes = bytes;
	s->capacity = need;
	return 0;
}

/* The first block must be a section's, and every section's be written on a machine like this. */
static int splitter_check(struct pcapng_splitter *s, const struct pcapng_block *b, struct err *err)
{
	if (read_u32(b->bytes + b->length - 4) != b->length)
		return err_set(err, EPROTO, "corrupt pcapng: a block's two lengths differ");
	if (!s->started && b->type != PCAPNG_SECTION)
		return err_set(err, EPROTO, "not a pcapng stream");
	if (b->type == PCAPNG_SECTION &&
	    (b->length < BLOCK_OVERHEAD + sizeof(struct section_body) ||
	     read_u32(b->bytes + BLOCK_HEADER) != BYTE_ORDER_MAGIC))
		return err_set(err, EPROTO, "pcapng in another byte order than this machine's");
	s->started = true;
	return 0;
}

static int splitter_block(struct pcapng_splitter *s, pcapng_block_fn *fn, void *context,
			  struct err *err)
{
	struct pcapng_block b = {
		.type = read_u32(s->bytes),
		.bytes = s->bytes,
		.length = s->length,
	};
	int failure = splitter_check(s, &b, err);
	if (failure)
		return failure;
	s->length = 0;
	return fn(context, &b);
}

int pcapng_splitter_feed(struct pcapng_splitter *s, const void *bytes, size_t length,
			 pcapng_block_fn *fn, void *context, struct err *err)
{
	const uint8_t *from = bytes;
	for (;;) {
		size_t need = splitter_need(s);
		if (!need)
			return err_set(err, EPROTO, "corrupt pcapng: impossible block length");
		if (s->length == need) {
			int failure = splitter_block(s, fn, context, err);
			if (failure)
				return failure;
			continue;
		}
		if (!length)
			return 0;
		if (splitter_reserve(s, need))
			return err_set(err, ENOMEM, "out of memory");
		size_t part = need - s->length < length ? need - s->length : length;
		memcpy(s->bytes + s->length, from, part);
		s->length += part;
		from += part;
		length -= part;
	}
}

/* --- reading -------------------------------------------------------------------------------- */

/* What is left of a block's body or options. */
struct reader {
	const uint8_t *pos, *end;
};

static struct reader reader_of(const struct pcapng_block *b)
{
	return (struct reader){b->bytes + BLOCK_HEADER, b->bytes + b->length - 4};
}

/* The next `length` bytes and their padding, or NULL. */
static const uint8_t *read_bytes(struct reader *r, size_t length)
{
	const uint8_t *at = r->pos;
	if (length > PCAPNG_BLOCK_MAX || padded(length) > (size_t)(r->end - r->pos))
		return NULL;
	r->pos += padded(length);
	return at;
}

struct option_value {
	uint16_t code, length;
	const uint8_t *bytes;
};

/* The next option: 1, 0 at the end, -EPROTO. */
static int read_option(struct reader *r, struct option_value *out)
{
	if (r->pos == r->end)
		return 0;
	const uint8_t *head = read_bytes(r, 4);
	if (!head)
		return -EPROTO;
	memcpy(&out->code, head, 2);
	memcpy(&out->length, head + 2, 2);
	if (out->code == OPT_END)
		return 0;
	out->bytes = read_bytes(r, out->length);
	return out->bytes ? 1 : -EPROTO;
}

static bool option_u64(const struct option_value *o, uint64_t *out)
{
	if (o->length != sizeof(*out))
		return false;
	memcpy(out, o->bytes, sizeof(*out));
	return true;
}

int pcapng_read_interface(const struct pcapng_block *b, struct pcapng_interface *out)
{
	struct reader r = reader_of(b);
	struct pcapng_interface in = {0};
	struct option_value o;
	int more;
	const uint8_t *body = read_bytes(&r, sizeof(struct interface_body));
	if (!body)
		return -EPROTO;
	in.snaplen = read_u32(body + offsetof(struct interface_body, snaplen));
	while ((more = read_option(&r, &o)) > 0)
		if (o.code == IF_NAME)
			memcpy(in.name, o.bytes,
			       o.length < PCAPNG_NAME_MAX ? o.length : PCAPNG_NAME_MAX - 1);
	if (!more)
		*out = in;
	return more;
}

int pcapng_read_packet(const struct pcapng_block *b, struct pcapng_packet *out)
{
	struct reader r = reader_of(b);
	struct packet_body body;
	struct option_value o;
	int more;
	const uint8_t *at = read_bytes(&r, sizeof(body));
	if (!at)
		return -EPROTO;
	memcpy(&body, at, sizeof(body));
	struct pcapng_packet p = {
		.interface = body.interface,
		.time_ns = (uint64_t)body.time_high << 32 | body.time_low,
		.captured = body.captured,
		.length = body.length,
		.bytes = read_bytes(&r, body.captured),
		.comment = "",
	};
	if (!p.bytes)
		return -EPROTO;
	while ((more = read_option(&r, &o)) > 0) {
		if (o.code == OPT_COMMENT) {
			p.comment = (const char *)o.bytes;
			p.comment_length = o.length;
		} else if (o.code == EPB_DROPCOUNT && !option_u64(&o, &p.dropped)) {
			return -EPROTO;
		}
	}
	if (!more)
		*out = p;
	return more;
}

int pcapng_read_statistics(const struct pcapng_block *b, struct pcapng_statistics *out)
{
	struct reader r = reader_of(b);
	struct pcapng_statistics s = {.received = UINT64_MAX};
	struct option_value o;
	int more;
	const uint8_t *body = read_bytes(&r, sizeof(struct statistics_body));
	if (!body)
		return -EPROTO;
	s.interface = read_u32(body);
	while ((more = read_option(&r, &o)) > 0)
		if ((o.code == ISB_IFRECV && !option_u64(&o, &s.received)) ||
		    (o.code == ISB_IFDROP && !option_u64(&o, &s.dropped)) ||
		    (o.code == ISB_USRDELIV && !option_u64(&o, &s.delivered)))
			return -EPROTO;
	if (!more)
		*out = s;
	return more;
}
