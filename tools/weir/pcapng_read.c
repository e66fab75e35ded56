// SPDX-License-Identifier: BSD-2-Clause
/* Takes streams of pcapng blocks apart. No state but the caller's; any thread. */
#include "tools/weir/pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/err.h"
#include "tools/weir/pcapng_block.h"

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

int pcapng_read_section(const struct pcapng_block *b, char *comment, size_t size)
{
	struct reader r = reader_of(b);
	struct option_value o;
	int more;
	*comment = '\0';
	if (!read_bytes(&r, sizeof(struct section_body)))
		return -EPROTO;
	while ((more = read_option(&r, &o)) > 0)
		if (o.code == OPT_COMMENT && size)
			snprintf(comment, size, "%.*s", (int)o.length, (const char *)o.bytes);
	return more;
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
		if (o.code == OPT_COMMENT) {
			s.comment = (const char *)o.bytes;
			s.comment_length = o.length;
		} else if ((o.code == ISB_IFRECV && !option_u64(&o, &s.received)) ||
			   (o.code == ISB_IFDROP && !option_u64(&o, &s.dropped)) ||
			   (o.code == ISB_USRDELIV && !option_u64(&o, &s.delivered))) {
			return -EPROTO;
		}
	if (!more)
		*out = s;
	return more;
}
