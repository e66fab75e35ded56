/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Captures, each a pcapng stream to one HTTP client:
 *
 *   GET /v1/capture?drops&filter=udp&...      see tools/weir/capture_wanted.h
 *
 * The stream ends after `count` packets or `duration`, or when the client closes its sending side;
 * then come the interfaces' statistics. Taps are armed while there is a client, and only for what
 * clients want.
 *
 * All on the control thread, on which the HTTP daemon must run too. That needs
 * MHD_ALLOW_SUSPEND_RESUME, and an MHD_run() in every turn of the loop: nothing else tells it that
 * a capture has bytes again.
 */
#ifndef WEIR_TOOLS_CAPTURE_H
#define WEIR_TOOLS_CAPTURE_H

#include <microhttpd.h>
#include <stdint.h>

#define CAPTURE_CLIENTS_MAX 16u
#define CAPTURE_QUEUE_BYTES (8u << 20) /* per client; packets that find it full are lost */

struct captures;
struct daemon;

/* NULL without memory. `d` needs its loop now; engine and registries by the first request. */
struct captures *captures_new(struct daemon *d);

/*
 * Ends all captures and disarms the taps. To be called while engine and HTTP daemon still are.
 * Clients have the end of their streams only after some more turns of MHD_run(), as api_close()
 * gives it: what is queued, the statistics and the last chunk are written one by one. Requests that
 * come meanwhile must not be handed to capture_request(). NULL too.
 */
void captures_free(struct captures *c);

/* Captures that run. */
uint32_t captures_count(const struct captures *c);

/*
 * Answers GET /v1/capture: the stream, or a problem with 400 (what was asked for is
 * wrong) or 503 (too many clients, no memory).
 */
enum MHD_Result capture_request(struct captures *c, struct MHD_Connection *connection);

#endif
