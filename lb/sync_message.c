// SPDX-License-Identifier: BSD-2-Clause
/* See the header. A message is checked as a whole first, so that its items can be read blindly. */
#include "lb/sync_message.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC         "WEIR"
#define HEADER        12u
#define FLOW_BYTES    44u
#define SNAT_BYTES    18u                       /* behind those of one by nat */
#define BACKEND_BYTES (sizeof(struct addr) + 2) /* behind its name */
#define ASK_BYTES     (SYNC_SLICES / 8)

_Static_assert(HEADER + 4 + SYNC_SLICES * 8 <= SYNC_MESSAGE_MAX, "a digest is one message");

/* --- reading --------------------------------------------------------------------------------- */

/* What is left to be read. */
struct cursor {
	const uint8_t *at, *end;
	bool short_of; /* something was asked for that is not there */
};

static const uint8_t *take(struct cursor *c, size_t bytes)
{
	static const uint8_t nothing[sizeof(uint64_t)];
	const uint8_t *at = c->at;
	if ((size_t)(c->end - c->at) < bytes) {
		c->short_of = true;
		c->at = c->end;
		return nothing;
	}
	c->at += bytes;
	return at;
}

static uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static uint64_t get64(const uint8_t *at)
{
	return (uint64_t)get32(at) << 32 | get32(at + 4);
}

/* A length and so many bytes, of printable ASCII, in `out`. */
static void take_name(struct cursor *c, char out[SYNC_NAME_MAX + 1])
{
	uint8_t length = *take(c, 1);
	if (!length || length > SYNC_NAME_MAX || (size_t)(c->end - c->at) < length) {
		c->short_of = true;
		return;
	}
	memcpy(out, take(c, length), length);
	out[length] = '\0';
	for (int i = 0; i < length; i++)
		c->short_of |= out[i] <= ' ' || out[i] > '~';
}

static void parse_hello(struct cursor *c, struct sync_message *m)
{
	m->config = get64(take(c, 8));
	m->entries = get32(take(c, 4));
	take_name(c, m->name);
}

static bool is_v4(const uint8_t *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff};
	return !memcmp(address, mapped, sizeof(mapped));
}

/* Whether a flow can be one: both addresses of one family, and a state that its protocol has. */
static bool is_flow(const uint8_t *at, uint16_t backend_count)
{
	uint8_t protocol = at[36], state = at[37];
	bool udp = protocol == IPPROTO_UDP;
	if (is_v4(at) != is_v4(at + 16) || get16(at + 38) >= backend_count)
		return false;
	if (!udp && protocol != IPPROTO_TCP)
		return false;
	return udp ? state == FLOW_UDP : state == FLOW_ESTABLISHED || state == FLOW_CLOSING;
}

static size_t flow_bytes(bool translated)
{
	return FLOW_BYTES + (translated ? SNAT_BYTES : 0);
}

static void parse_flows(struct cursor *c, struct sync_message *m)
{
	char name[SYNC_NAME_MAX + 1];
	bool translated = m->kind == SYNC_TRANSLATED;
	m->backend_count = get16(take(c, 2));
	m->flow_count = get16(take(c, 2));
	if (m->backend_count > SYNC_BACKENDS_MAX) {
		c->short_of = true;
		return;
	}
	for (uint16_t i = 0; i < m->backend_count && !c->short_of; i++) {
		m->backends[i] = c->at;
		take_name(c, name);
		take(c, BACKEND_BYTES);
	}
	m->rest = c->at;
	for (uint16_t i = 0; i < m->flow_count && !c->short_of; i++) {
		const uint8_t *at = c->at;
		take(c, flow_bytes(translated));
		if (c->short_of)
			return;
		c->short_of = !is_flow(at, m->backend_count) ||
			      (translated && !get16(at + FLOW_BYTES + sizeof(struct addr)));
	}
}

static void parse_body(struct cursor *c, struct sync_message *m)
{
	switch (m->kind) {
	case SYNC_HELLO:
		parse_hello(c, m);
		break;
	case SYNC_FLOWS:
	case SYNC_TRANSLATED:
		parse_flows(c, m);
		break;
	case SYNC_MARK:
		m->round = get32(take(c, 4));
		break;
	case SYNC_DIGEST:
		m->round = get32(take(c, 4));
		m->rest = take(c, SYNC_SLICES * sizeof(uint64_t));
		break;
	case SYNC_ASK:
		m->node = get32(take(c, 4));
		m->pid = get32(take(c, 4));
		m->rest = take(c, ASK_BYTES);
		break;
	default:
		c->short_of = true;
	}
}

int sync_message_parse(const void *bytes, size_t length, struct sync_message *out)
{
	struct cursor c = {.at = bytes, .end = (const uint8_t *)bytes + length};
	const uint8_t *header = bytes;
	if (length < HEADER || memcmp(take(&c, HEADER), MAGIC, 4))
		return -EBADMSG;
	if (header[4] != SYNC_VERSION)
		return -EPROTONOSUPPORT;
	if (get16(header + 6) || get32(header + 8) != length || length > SYNC_MESSAGE_MAX)
		return -EBADMSG;
	memset(out, 0, sizeof(*out));
	out->kind = header[5];
	parse_body(&c, out);
	return c.short_of || c.at != c.end ? -EBADMSG : 0;
}

void sync_message_backend(const struct sync_message *m, uint16_t index, struct sync_backend *out)
{
	const uint8_t *at = m->backends[index];
	uint8_t length = *at++;
	memcpy(out->service, at, length);
	out->service[length] = '\0';
	memcpy(&out->address, at + length, sizeof(out->address));
	out->port = get16(at + length + sizeof(out->address));
	out->translated = false;
}

void sync_message_flow(const struct sync_message *m, uint16_t index, struct sync_flow *out)
{
	bool translated = m->kind == SYNC_TRANSLATED;
	const uint8_t *at = m->rest + index * flow_bytes(translated);
	*out = (struct sync_flow){
		.key.protocol = at[36],
		.state = at[37],
		.backend = get16(at + 38),
		.idle_ms = get32(at + 40),
	};
	memcpy(&out->key.source, at, 16);
	memcpy(&out->key.destination, at + 16, 16);
	memcpy(&out->key.source_port, at + 32, 2);
	memcpy(&out->key.destination_port, at + 34, 2);
	if (!translated)
		return;
	memcpy(&out->snat, at + FLOW_BYTES, sizeof(out->snat));
	memcpy(&out->snat_port, at + FLOW_BYTES + sizeof(out->snat), 2);
}

uint64_t sync_message_digest(const struct sync_message *m, uint32_t slice)
{
	return get64(m->rest + (size_t)slice * 8);
}

int sync_message_asks(const struct sync_message *m, uint32_t slice)
{
	return m->rest[slice / 8] >> (slice % 8) & 1;
}

/* --- writing --------------------------------------------------------------------------------- */

static uint8_t *put16(uint8_t *at, uint16_t n)
{
	at[0] = n >> 8;
	at[1] = n;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t n)
{
	return put16(put16(at, n >> 16), n);
}

static uint8_t *put64(uint8_t *at, uint64_t n)
{
	return put32(put32(at, n >> 32), n);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

static uint8_t *put_name(uint8_t *at, const char *name)
{
	size_t length = strnlen(name, SYNC_NAME_MAX);
	*at = length;
	return put_bytes(at + 1, name, length);
}

/* The header, once it is known where the message ends; its length. */
static size_t finish(uint8_t *out, enum sync_kind kind, const uint8_t *end)
{
	uint8_t *at = put_bytes(out, MAGIC, 4);
	*at++ = SYNC_VERSION;
	*at++ = kind;
	put32(put16(at, 0), end - out);
	return end - out;
}

size_t sync_write_hello(uint8_t *out, const char *name, uint64_t config, uint32_t entries)
{
	uint8_t *at = put32(put64(out + HEADER, config), entries);
	return finish(out, SYNC_HELLO, put_name(at, name));
}

size_t sync_write_mark(uint8_t *out, uint32_t round)
{
	return finish(out, SYNC_MARK, put32(out + HEADER, round));
}

size_t sync_write_digest(uint8_t *out, uint32_t round, const uint64_t digests[SYNC_SLICES])
{
	uint8_t *at = put32(out + HEADER, round);
	for (uint32_t i = 0; i < SYNC_SLICES; i++)
		at = put64(at, digests[i]);
	return finish(out, SYNC_DIGEST, at);
}

size_t sync_write_ask(uint8_t *out, uint32_t node, uint32_t pid,
		      const uint64_t slices[SYNC_SLICES / 64])
{
	uint8_t *at = put32(put32(out + HEADER, node), pid);
	memset(at, 0, ASK_BYTES);
	for (uint32_t i = 0; i < SYNC_SLICES; i++)
		at[i / 8] |= (slices[i / 64] >> (i % 64) & 1) << (i % 8);
	return finish(out, SYNC_ASK, at + ASK_BYTES);
}

/* --- flows ----------------------------------------------------------------------------------- */

/* Index of a backend in the batch, which gets it where it is new; -1: no room. */
static int batch_backend(struct sync_batch *b, uint32_t id, const struct sync_backend *backend)
{
	for (int i = b->backend_count - 1; i >= 0; i--)
		if (b->ids[i] == id)
			return i;
	if (b->backend_count == SYNC_BACKENDS_MAX)
		return -1;
	uint8_t *at = put_name(b->backends + b->backend_bytes, backend->service);
	at = put_bytes(at, &backend->address, sizeof(backend->address));
	b->backend_bytes = put16(at, backend->port) - b->backends;
	b->ids[b->backend_count] = id;
	return b->backend_count++;
}

int sync_batch_add(struct sync_batch *b, const struct sync_flow *flow, uint32_t id,
		   const struct sync_backend *backend)
{
	const size_t most = 1 + SYNC_NAME_MAX + BACKEND_BYTES; /* that this one's backend takes */
	size_t each = flow_bytes(b->translated), before = b->flow_count * each;
	if (HEADER + 4 + b->backend_bytes + most + before + each > SYNC_MESSAGE_MAX)
		return -1;
	int index = batch_backend(b, id, backend);
	if (index < 0)
		return -1;
	uint8_t *at = b->flows + before;
	at = put_bytes(at, &flow->key.source, 16);
	at = put_bytes(at, &flow->key.destination, 16);
	at = put_bytes(at, &flow->key.source_port, 2);
	at = put_bytes(at, &flow->key.destination_port, 2);
	*at++ = flow->key.protocol;
	*at++ = flow->state;
	at = put32(put16(at, index), flow->idle_ms);
	if (b->translated)
		put_bytes(put_bytes(at, &flow->snat, sizeof(flow->snat)), &flow->snat_port, 2);
	b->flow_count++;
	return 0;
}

void sync_batch_clear(struct sync_batch *b)
{
	b->backend_count = b->flow_count = 0;
	b->backend_bytes = 0;
}

size_t sync_batch_write(struct sync_batch *b, uint8_t *out)
{
	if (!b->flow_count)
		return 0;
	uint8_t *at = put16(put16(out + HEADER, b->backend_count), b->flow_count);
	at = put_bytes(at, b->backends, b->backend_bytes);
	at = put_bytes(at, b->flows, b->flow_count * flow_bytes(b->translated));
	sync_batch_clear(b);
	return finish(out, b->translated ? SYNC_TRANSLATED : SYNC_FLOWS, at);
}
