/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What systemd is told, if it is the one who started us: the protocol of sd_notify(3), which is one
 * datagram a message. Control thread.
 */
#ifndef WEIR_TOOLS_SUPERVISOR_H
#define WEIR_TOOLS_SUPERVISOR_H

#include <stdint.h>

#include "bpf/abi.h"

struct engine;

void supervisor_tell(const char *state); /* "READY=1", say */

/* The watchdog is fed while every worker's loop turns; all zero is a start. */
struct watchdog {
	uint64_t period_ns; /* from one meal to the next; 0: nobody asked for any */
	uint64_t fed_ns;
	uint64_t turns[ABI_MAX_QUEUES]; /* of each worker, when it was fed last */
};

/* By the environment that systemd gives to a service with WatchdogSec=. */
void watchdog_init(struct watchdog *w);

/* To be called several times a period. Feeds it, or not: then a line in the log says which worker.
 */
void watchdog_tick(struct watchdog *w, const struct engine *e, uint64_t now_ns);

#endif
