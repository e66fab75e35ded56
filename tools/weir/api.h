/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control API: HTTP over a unix socket and, if asked, a loopback TCP address, served from the
 * daemon's event loop. docs/openapi.yaml has its paths and the shapes of its documents; a fault is
 * application/problem+json.
 *
 * Who may open the unix socket, or connect over TCP, may look. Changes and captures are for root
 * and the unix socket's group; over TCP they want the token of api.token_file ("Authorization:
 * Bearer TOKEN"), and without such a file nobody may. Control thread.
 */
#ifndef WEIR_TOOLS_API_H
#define WEIR_TOOLS_API_H

struct api;
struct daemon;
struct err;

/* Listens on d->sockets, which must be bound, and serves from d->loop. */
int api_open(struct api **out, struct daemon *d, struct err *err);

/*
 * Closes connections, after a second at most for answers under way. Requests that come meanwhile
 * are refused (503). Captures must be closed before, and it must not be called from within a
 * request (daemon_reload() is one). NULL too.
 */
void api_close(struct api *a);

#endif
