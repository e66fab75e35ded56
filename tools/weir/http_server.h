/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HTTP/1.1 on a listening socket, served from an event loop (libmicrohttpd, without threads of its
 * own). What a client can make it hold is bounded: bytes of a request, connections, and the time
 * it takes to ask. Where there are more connections than are kept, the ones that have been idle
 * longest are closed, so that idle ones keep nobody out. Control thread.
 */
#ifndef WEIR_TOOLS_HTTP_SERVER_H
#define WEIR_TOOLS_HTTP_SERVER_H

#include <microhttpd.h>
#include <stddef.h>

struct err;
struct ev_loop;
struct http_server;

#define HTTP_BODY_MAX    16384u /* bytes; of a longer request nothing is read */
#define HTTP_CONNECTIONS 256u   /* that are kept */

struct http_request {
	struct MHD_Connection *connection;
	const char *method, *path;
	const char *body; /* ended by a NUL */
	size_t body_size;
};

/* Answers a request, once its body is there. */
typedef enum MHD_Result http_serve_fn(void *context, const struct http_request *r);

/* Takes over `fd`, which listens; `name` is for the log, and must live as long. -EIO, -ENOMEM. */
int http_server_open(struct http_server **out, struct ev_loop *loop, int fd, const char *name,
		     http_serve_fn *serve, void *context, struct err *err);

/*
 * Gives answers under way `last_ms` to be taken by their clients, then closes all connections. Must
 * not be called from within a request. NULL too.
 */
void http_server_close(struct http_server *s, unsigned int last_ms);

#endif
