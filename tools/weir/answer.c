// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lb/err.h"

#define STREAM_BLOCK (64u << 10) /* bytes of a part */
#define STREAM_ROOM  (512 << 10) /* of the socket */
#define STREAM_S     600u        /* for a client that reads slowly, a pager say */

static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned int status,
				     const char *type, struct MHD_Response *response)
{
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	/* What is true now; and our page is in no other site's frame and asks nobody else. */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "Content-Security-Policy",
				"default-src 'none'; connect-src 'self'; img-src data:; "
				"style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
				"base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* The document as text that ends in a newline, for who reads it with curl. */
static char *json_text(const json_t *document, size_t *size)
{
	char *text = json_dumps(document, JSON_COMPACT), *longer;
	if (!text)
		return NULL;
	*size = strlen(text) + 1;
	longer = realloc(text, *size + 1);
	if (!longer) {
		free(text);
		return NULL;
	}
	strcpy(longer + *size - 1, "\n");
	return longer;
}

/* Takes over `document`. */
static struct MHD_Response *json_response(json_t *document)
{
	static const char no_memory[] = "{\"title\":\"Internal Server Error\",\"status\":500,"
					"\"detail\":\"out of memory\"}\n";
	size_t size;
	char *text = document ? json_text(document, &size) : NULL;
	json_decref(document);
	if (text)
		return MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	return MHD_create_response_from_buffer(strlen(no_memory), (void *)no_memory,
					       MHD_RESPMEM_PERSISTENT);
}

static const char problem_type[] = "application/problem+json";

enum MHD_Result answer_json(struct MHD_Connection *connection, unsigned int status,
			    json_t *document)
{
	const char *type = document ? "application/json" : problem_type;
	unsigned int code = document ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
	return send_response(connection, code, type, json_response(document));
}

enum MHD_Result answer_static(struct MHD_Connection *connection, unsigned int status,
			      const char *type, const char *bytes, size_t size)
{
	return send_response(
		connection, status, type,
		MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_PERSISTENT));
}

enum MHD_Result answer_text(struct MHD_Connection *connection, const char *type, char *bytes,
			    size_t size)
{
	if (!bytes)
		return answer_json(connection, MHD_HTTP_OK, NULL);
	return send_response(connection, MHD_HTTP_OK, type,
			     MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE));
}

/* --- problems ------------------------------------------------------------------------------ */

/* Words may quote bytes of a file or a request, which need not be UTF-8. */
static json_t *words_json(const char *words)
{
	json_t *text = json_string(words);
	return text ? text : json_string("the fault's words are not UTF-8");
}

static json_t *problem_json(unsigned int status, const struct err *err)
{
	json_t *p = json_pack("{s:s, s:s, s:i, s:o}", "type", "about:blank", "title",
			      MHD_get_reason_phrase_for(status), "status", (int)status, "detail",
			      words_json(err->text));
	if (p && err->field[0])
		json_object_set_new(p, "field", words_json(err->field));
	if (p && err->line)
		json_object_set_new(p, "line", json_integer(err->line));
	return p;
}

enum MHD_Result answer_problem(struct MHD_Connection *connection, unsigned int status,
			       const struct err *err)
{
	return send_response(connection, status, problem_type,
			     json_response(problem_json(status, err)));
}

enum MHD_Result answer_problem_words(struct MHD_Connection *connection, unsigned int status,
				     const char *format, ...)
{
	struct err err = {0};
	va_list ap;
	va_start(ap, format);
	vsnprintf(err.text, sizeof(err.text), format, ap);
	va_end(ap);
	return answer_problem(connection, status, &err);
}

unsigned int answer_status(int error)
{
	switch (-error) {
	case EINVAL:
		return MHD_HTTP_BAD_REQUEST;
	case ENOENT:
		return MHD_HTTP_NOT_FOUND;
	case EBUSY:
		return MHD_HTTP_SERVICE_UNAVAILABLE;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

enum MHD_Result answer_wrong_method(struct MHD_Connection *connection, const char *path,
				    const char *allowed)
{
	struct err err = {0};
	err_set(&err, EINVAL, "%.200s takes %s only", path, allowed);
	struct MHD_Response *response =
		json_response(problem_json(MHD_HTTP_METHOD_NOT_ALLOWED, &err));
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allowed);
	return send_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, problem_type, response);
}

/* --- streams ------------------------------------------------------------------------------- */

/* So that daemon and client need not wait for each other at each part. More than a socket may have
 * by itself takes CAP_NET_ADMIN; without, it stays as it is. */
static void make_room(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){STREAM_ROOM},
			   sizeof(int));
}

enum MHD_Result answer_stream(struct MHD_Connection *connection, const char *type,
			      MHD_ContentReaderCallback read, void *context,
			      MHD_ContentReaderFreeCallback release)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, read, context, release);
	if (!response) {
		release(context);
		return MHD_NO;
	}
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, STREAM_S);
	make_room(connection);
	return send_response(connection, MHD_HTTP_OK, type, response);
}
