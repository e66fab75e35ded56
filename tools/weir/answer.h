/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers of the API. Each queues one and returns what libmicrohttpd's handler has to. A fault is
 * application/problem+json (RFC 9457) with `detail`, and with `field` and `line` where it is in a
 * configuration or a request's body. Control thread.
 */
#ifndef WEIR_TOOLS_ANSWER_H
#define WEIR_TOOLS_ANSWER_H

#include <jansson.h>
#include <microhttpd.h>

struct err;

/* Takes over `document`; NULL stands for one there was no memory for, and is a fault (500). */
enum MHD_Result answer_json(struct MHD_Connection *connection, unsigned int status,
			    json_t *document);

/* Bytes that live as long as the program. */
enum MHD_Result answer_static(struct MHD_Connection *connection, unsigned int status,
			      const char *type, const char *bytes, size_t size);

/* Takes over `bytes`, from malloc(); NULL is as in answer_json(). */
enum MHD_Result answer_text(struct MHD_Connection *connection, const char *type, char *bytes,
			    size_t size);

enum MHD_Result answer_problem(struct MHD_Connection *connection, unsigned int status,
			       const struct err *err);
__attribute__((format(printf, 3, 4))) enum MHD_Result answer_problem_words(
	struct MHD_Connection *connection, unsigned int status, const char *format, ...);

/* The status that a function's -errno stands for. */
unsigned int answer_status(int error);

/* 405, with the methods that there are ("GET, HEAD") in `Allow`. */
enum MHD_Result answer_wrong_method(struct MHD_Connection *connection, const char *path,
				    const char *allowed);

/* What `read` writes, a part at a time, until it ends; then `context` is released. */
enum MHD_Result answer_stream(struct MHD_Connection *connection, const char *type,
			      MHD_ContentReaderCallback read, void *context,
			      MHD_ContentReaderFreeCallback release);

#endif
