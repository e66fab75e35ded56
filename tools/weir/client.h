/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands' side of the control API: HTTP over the daemon's unix socket (libcurl). Paths begin
 * with "/v1/". Each call is a connection of its own and blocks.
 *
 * Errors: -ECONNREFUSED no daemon answers, -EACCES the socket is not ours to use, -EINVAL the
 * daemon refuses the configuration or the request (HTTP 400, 422), -EPROTO no answer we understand,
 * -EIO all else. The words are the daemon's where it gave any.
 */
#ifndef WEIR_TOOLS_CLIENT_H
#define WEIR_TOOLS_CLIENT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

struct err;

/* Adds "?key=value", or "&key=value" behind what is in `query` already, escaped. */
void client_query_add(FILE *query, const char *key, const char *value);

/* The answer's JSON in *out, which the caller releases with json_decref(). */
int client_get(const char *socket, const char *path, json_t **out, struct err *err);
int client_post(const char *socket, const char *path, json_t **out, struct err *err);
int client_patch(const char *socket, const char *path, const char *body, json_t **out,
		 struct err *err);

/*
 * Takes bytes of a stream. Called with length 0 as well, at least once a second and after every
 * signal, so that a caller may stop while nothing comes. Returns CLIENT_GO_ON, CLIENT_END to end
 * the stream, CLIENT_FINISH to have the daemon end it in order (more may come till then), or
 * -errno, which becomes the stream's result.
 */
enum { CLIENT_GO_ON = 0, CLIENT_END = 1, CLIENT_FINISH = 2 };
typedef int client_write_fn(void *context, const void *bytes, size_t length);

/* Hands the answer's body to `fn` as it comes, till its end. 0 when `fn` ended it, too. */
int client_stream(const char *socket, const char *path, client_write_fn *fn, void *context,
		  struct err *err);

#endif
