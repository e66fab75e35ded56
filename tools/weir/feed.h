/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Long answers of the API, written a piece at a time as their client takes them, with the event
 * loop turning in between: what tells of all backends delays nothing else. Control thread.
 */
#ifndef WEIR_TOOLS_FEED_H
#define WEIR_TOOLS_FEED_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct traffic_book;

/*
 * Bytes that grow. One that found no memory has `failed`, and takes no more. Those that begin in
 * another's memory (`lent`) move to their own when they outgrow it.
 */
struct bytes {
	char *data;
	size_t size, room;
	bool failed, lent;
};

char *bytes_grow(struct bytes *b, size_t size);

/* Makes room for `size` bytes more and returns where they go; NULL without memory. */
static inline char *bytes_reserve(struct bytes *b, size_t size)
{
	return size < b->room - b->size ? b->data + b->size : bytes_grow(b, size);
}

/* Of bytes that consist of such words alone. */
static inline void bytes_add_word(struct bytes *b, uint64_t word)
{
	uint64_t *at = (uint64_t *)bytes_reserve(b, sizeof(word));
	if (!at)
		return;
	*at = word;
	b->size += sizeof(word);
}

void bytes_add(struct bytes *b, const void *data, size_t size);
void bytes_add_text(struct bytes *b, const char *text);
void bytes_add_json(struct bytes *b, const json_t *value);
void bytes_free(struct bytes *b);

/* Adds the next piece to `out`, a few kilobytes or about `aim` bytes; true: there is more. */
typedef bool feed_fn(void *context, struct bytes *out, size_t aim);

/*
 * Answers with what `next` writes, until that is all. `context` is released by `release` in any
 * case. When a reload changes what it tells of, the answer breaks off, so that none tells of half
 * the old and half the new.
 */
enum MHD_Result feed_answer(struct MHD_Connection *connection, const struct daemon *d,
			    const char *type, feed_fn *next, void *context,
			    void (*release)(void *context));

/* Which row of a list is next; the first is all zero. */
struct feed_place {
	unsigned int outer, inner; /* a service's index and that of its backend, say */
	struct traffic_book *book; /* there from the first row on */
	uint64_t flows;            /* new ones of that service, so far */
	char service[64];          /* tells of that one only; "": of all */
};

/* The row, and moves `at` on; NULL behind the last one, or without memory. */
typedef json_t *feed_row_fn(const struct daemon *d, struct feed_place *at);

/* Answers {key: [...]}, one row a line. `service` is a name, or "" for all. */
enum MHD_Result feed_answer_rows(struct MHD_Connection *connection, const struct daemon *d,
				 const char *key, feed_row_fn *row, const char *service);

#endif
