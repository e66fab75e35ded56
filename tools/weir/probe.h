/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One attempt to find out whether a backend serves: it begins, and says once, from the event loop,
 * how it went. Control thread.
 */
#ifndef WEIR_TOOLS_PROBE_H
#define WEIR_TOOLS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct config_health;
struct detour;
struct err;
struct ev_loop;
struct helper;
struct probe;
struct probes;

#define PROBE_TEXT 160 /* bytes of what a probe says in words */

/* What to find out. All of it must stay until the probe has ended. */
struct probe_order {
	const struct config_health *health;
	const char *service, *backend;
	struct addr address; /* the backend's own */
	struct addr vip;
	uint16_t port;
	uint32_t id; /* the backend's */
};

/* The words: "HTTP 503, wanted 200-399", "connection refused". The probe is gone when it returns.
 */
typedef void probe_done_fn(void *context, bool good, const char *words);

/*
 * `detour`: the way of probes of VIPs; NULL: there is none. `helper` runs commands; NULL: no probe
 * is one. -ENOMEM.
 */
int probes_open(struct probes **out, struct ev_loop *loop, struct detour *detour,
		struct helper *helper, struct err *err);
void probes_close(struct probes *p); /* all probes must have ended or be cancelled; NULL too */

/* Begins one. NULL: it could not begin, and `words` says why; `done` will not be called. */
struct probe *probe_start(struct probes *p, const struct probe_order *order, probe_done_fn *done,
			  void *context, char words[PROBE_TEXT]);

/* Ends it without a word. */
void probe_cancel(struct probe *probe);

#endif
