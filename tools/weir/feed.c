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
#define ROWS        64u   /* of a piece */
#define PIECE_SLACK 8192u /* by which it may be longer than it was to be */

/* --- bytes --------------------------------------------------------------------------------- */

/* Without memory all is as it was. */
static void move(struct bytes *b, size_t room)
{
	char *more = realloc(b->lent ? NULL : b->data, room);
	b->failed = !more;
	if (!more)
		return;
	if (b->lent)
		memcpy(more, b->data, b->size);
	b->data = more;
	b->room = room;
	b->lent = false;
}

char *bytes_grow(struct bytes *b, size_t size)
{
	size_t room = b->room ? b->room : BYTES_FIRST;
	while (room - b->size < size)
		room *= 2;
	if (room != b->room && !b->failed)
		move(b, room);
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
	if (!b->lent)
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

/*
 * Writes the next piece where it is sent from, if there is room for one; else, or if it has become
 * longer than that, it is kept. How much of it is in `out`, or -1.
 */
static ssize_t write_piece(struct feed *f, char *out, size_t max)
{
	bool direct = max >= 2 * PIECE_SLACK;
	struct bytes piece = {.data = out, .room = max, .lent = true};
	f->piece.size = f->taken = 0;
	if (!direct)
		piece = f->piece;
	f->ended = !f->next(f->context, &piece, direct ? max - PIECE_SLACK : PIECE_SLACK);
	if (piece.lent)
		return piece.failed ? -1 : (ssize_t)piece.size;
	if (direct)
		bytes_free(&f->piece);
	f->piece = piece;
	return piece.failed ? -1 : 0;
}

static ssize_t feed_read(void *feed, uint64_t position, char *out, size_t max)
{
	struct feed *f = feed;
	size_t written = 0;
	while (written < max) {
		written += hand_over(f, out + written, max - written);
		if (f->taken < f->piece.size || f->ended)
			break;
		if (written && max - written < 2 * PIECE_SLACK)
			break;
		if (f->generation != f->daemon->generation)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		ssize_t n = write_piece(f, out + written, max - written);
		if (n < 0)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		written += n;
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

static bool rows_next(void *rows, struct bytes *out, size_t aim)
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
