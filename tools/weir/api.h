/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control API: HTTP over a unix socket, served from the daemon's event loop.
 *
 *   GET  /v1/status, /v1/services, /v1/backends, /v1/workers, /v1/interfaces, /v1/drops
 *   GET  /v1/flows      a long document (tools/weir/state_flows.h)
 *   GET  /v1/capture    a stream (tools/weir/capture.h)
 *   GET  /v1/explain    what would become of a packet (tools/weir/explain_question.h)
 *   PATCH /v1/backends/SERVICE/BACKEND   state and weight until the next reload
 *                       (tools/weir/override.h); 422: the body's fault
 *   POST /v1/reload     200: what is in force now; 422: the configuration's fault, nothing changed
 *
 * Answers are JSON; an error is {"error": "words"} with 4xx or 5xx. Who may open the socket (mode
 * 0660) may do everything. Control thread.
 */
#ifndef WEIR_TOOLS_API_H
#define WEIR_TOOLS_API_H

struct api;
struct daemon;
struct err;

/*
 * Listens on d->config->api_socket and serves from d->loop. A socket file that a dead daemon left
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
