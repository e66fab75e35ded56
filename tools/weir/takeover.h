/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `weir run --takeover`: a daemon that takes over from one that runs, without a packet lost. It
 * asks that one for what datapath/handover.h hands over, and makes itself ready; only then the
 * other one stops its workers, and ends. Until then, whatever goes wrong, the other goes on.
 *
 * The configuration may be another, but for what the sockets and the API were made for. Control
 * thread.
 */
#ifndef WEIR_TOOLS_TAKEOVER_H
#define WEIR_TOOLS_TAKEOVER_H

struct config;
struct err;
struct handover;
struct takeover;

/*
 * Asks the daemon of the configuration's instance. -ECONNREFUSED: none runs. -EINVAL: the
 * configurations do not fit. Else why that one refuses.
 */
int takeover_begin(struct takeover **out, const struct config *config, struct err *err);

struct handover *takeover_handover(struct takeover *t);

/* The lock of its table of routes, for whoever asks first; or -1. */
int takeover_table_lock(struct takeover *t);

/* handover_fn, with the takeover as its context. */
int takeover_take(void *takeover, struct err *err);

/* Waits for the end of the other, whose API's sockets are free then. */
void takeover_await_end(struct takeover *t);

/* Tells the other why not. */
void takeover_give_up(struct takeover *t, const char *why);

void takeover_free(struct takeover *t); /* NULL too */

#endif
