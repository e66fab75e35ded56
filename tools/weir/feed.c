// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/feed.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/weir/answer.h"
#include "tools/weir/daemon.h"
#include "tools/weir/traffic.h"

#define BYTES_FIRST 4096u
#define ROWS        64u /* of a piece */

/* --- bytes --------------------------------------------------------------------------------- */

char *bytes_grow(struct bytes *b, size_t size)
{
	size_t room = b->room ? b->room : BYTES_FIRST;
	while (room - b->size < size)
		room *= 2;
	if (room != b->room && !b->failed) {
		char *more = realloc(b->data, room);
		b->failed = !more;
		b->data = more ? more : b->data;
		b->room = more ? room : b->room;
	}
	return b->failed ? NULL : b->data + b->size;
}

void bytes_add(struct bytes *b, const void *data, size_t size)
{
	char *at = bytes_reserve(b, size);
	if (!at)
		return;
	memcpy(at, data, size);
	b->size += size;
}

void bytes_add_text(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

static int add_json(const char *text, size_t size, void *bytes)
{
	bytes_add(bytes, text, size);
	return 0;
}

void bytes_add_json(struct bytes *b, const json_t *value)
{
	json_dump_callback(value, add_json, b, JSON_COMPACT | JSON_ENCODE_ANY);
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

/* --- feeds --------------------------------------------------------------------------------- */

struct feed {
	const struct daemon *daemon;
	uint64_t generation; /* that it tells of */
	feed_fn *next;
	void *context;
	void (*release)(void *context);
	struct bytes piece;
	size_t taken; /* of the piece */
	bool ended;   /* it is the last one */
};

static void feed_free(void *feed)
{
	struct feed *f = feed;
	f->release(f->context);
	bytes_free(&f->piece);
	free(f);
}

/* Copies what is left of the piece, as much as fits; how much that was. */
static size_t hand_over(struct feed *f, char *out, size_t max)
{
	size_t rest = f->piece.size - f->taken, n = rest < max ? rest : max;
	if (n)
		memcpy(out, f->piece.data + f->taken, n);
	f->taken += n;
	return n;
}

static ssize_t feed_read(void *feed, uint64_t position, char *out, size_t max)
{
	struct feed *f = feed;
	size_t written = 0;
	while (written < max) {
		written += hand_over(f, out + written, max - written);
		if (f->taken < f->piece.size || f->ended)
			break;
		if (f->generation != f->daemon->generation)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		f->piece.size = f->taken = 0;
		f->ended = !f->next(f->context, &f->piece);
		if (f->piece.failed)
			return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	return written ? (ssize_t)written : MHD_CONTENT_READER_END_OF_STREAM;
}

enum MHD_Result feed_answer(struct MHD_Connection *connection, const struct daemon *d,
			    const char *type, feed_fn *next, void *context,
			    void (*release)(void *context))
{
	struct feed *f = calloc(1, sizeof(*f));
	if (!f || !context) {
		release(context);
		free(f);
		return answer_json(connection, MHD_HTTP_OK, NULL);
	}
	*f = (struct feed){.daemon = d,
			   .generation = d->generation,
			   .next = next,
			   .context = context,
			   .release = release};
	return answer_stream(connection, type, feed_read, f, feed_free);
}

/* --- rows ---------------------------------------------------------------------------------- */

struct rows {
	const struct daemon *daemon;
	const char *key;
	feed_row_fn *row;
	struct feed_place at;
	uint64_t count;
};

static bool rows_next(void *rows, struct bytes *out)
{
	struct rows *r = rows;
	if (!r->count) {
		bytes_add_text(out, "{\"");
		bytes_add_text(out, r->key);
		bytes_add_text(out, "\":[\n");
	}
	for (unsigned int i = 0; i < ROWS; i++) {
		json_t *row = r->row(r->daemon, &r->at);
		if (!row) {
			bytes_add_text(out, r->count ? "\n]}\n" : "]}\n");
			return false;
		}
		if (r->count++)
			bytes_add_text(out, ",\n");
		bytes_add_json(out, row);
		json_decref(row);
	}
	return true;
}

static void rows_free(void *rows)
{
	struct rows *r = rows;
	if (r)
		traffic_book_free(r->at.book);
	free(r);
}

enum MHD_Result feed_answer_rows(struct MHD_Connection *connection, const struct daemon *d,
				 const char *key, feed_row_fn *row, const char *service)
{
	struct rows *r = calloc(1, sizeof(*r));
	if (r)
		*r = (struct rows){.daemon = d, .key = key, .row = row};
	if (r)
		snprintf(r->at.service, sizeof(r->at.service), "%s", service);
	if (r && !(r->at.book = traffic_book_new(d))) {
		free(r);
		r = NULL;
	}
	return feed_answer(connection, d, "application/json", rows_next, r, rows_free);
}
