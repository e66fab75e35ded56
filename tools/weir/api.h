/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control API: HTTP over a unix socket and, if asked, a loopback TCP address, served from the
 * daemon's event loop. docs/openapi.yaml has its paths and the shapes of its documents; a fault is
 * application/problem+json.
 *
 * Who may open the unix socket may do everything. Over TCP anybody on the host may look; changes
 * and captures want the token of api.token_file ("Authorization: Bearer TOKEN"), and without such a
 * file nobody may. Control thread.
 */
#ifndef WEIR_TOOLS_API_H
#define WEIR_TOOLS_API_H

struct api;
struct daemon;
struct err;

/*
 * Listens where d->config->api says and serves from d->loop. A socket file that a dead daemon left
 * is replaced. -EADDRINUSE if a live one answers there.
 */
int api_open(struct api **out, struct daemon *d, struct err *err);

/*
 * Closes connections, after a second at most for answers under way, and removes the
 * socket. Requests that come meanwhile are refused (503). Captures must be closed before, and it
 * must not be called from within a request (daemon_reload() is one). NULL too.
 */
void api_close(struct api *a);

#endif
