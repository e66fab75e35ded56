/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kinds of probes share: for probe*.c alone. */
#ifndef WEIR_TOOLS_PROBE_KIND_H
#define WEIR_TOOLS_PROBE_KIND_H

#include <ev.h>
#include <sys/socket.h>

#include "tools/weir/probe.h"

struct probe_kind {
	size_t size; /* of the kind's own struct, which begins with its struct probe */
	/* 0, or -errno with the words; then it has left nothing to stop. */
	int (*start)(struct probe *probe, char words[PROBE_TEXT]);
	/* Lets go of all it has; called once, at the end or to cancel. */
	void (*stop)(struct probe *probe);
};

struct probe {
	const struct probe_kind *kind;
	struct probes *probes;
	struct probe_order order;
	probe_done_fn *done;
	void *context;
	ev_timer timeout;
};

struct web; /* libcurl's part (tools/weir/probe_http.c) */

struct probes {
	struct ev_loop *loop;
	struct detour *detour;
	struct helper *helper;
	struct web *web;
};

extern const struct probe_kind probe_socket_kind, probe_http_kind, probe_command_kind;

/* Ends a probe with its result. */
__attribute__((format(printf, 3, 4))) void probe_end(struct probe *probe, bool good,
						     const char *format, ...);

/* "connection refused": an errno in the words of people, in a static buffer. */
const char *probe_error(int code);

/* "no answer in 1s" */
void probe_end_late(struct probe *probe);

/*
 * A socket, not blocking, for a probe's order, set up so that what is sent goes the way it shall,
 * and the address to connect it to. -errno.
 */
int probe_socket(struct probe *probe, int type, struct sockaddr_storage *to, socklen_t *length);

struct web *web_open(struct ev_loop *loop); /* NULL without memory */
void web_close(struct web *w);

#endif
