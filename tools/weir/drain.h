/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a daemon that lets its flows move on first: it is no longer announced nor ready, and
 * serves what still comes, until nothing does or the time is over. Control thread.
 */
#ifndef WEIR_TOOLS_DRAIN_H
#define WEIR_TOOLS_DRAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct daemon;

#define DRAIN_QUIET_S 3 /* without a packet for a backend, or from one: nothing comes any more */

struct drain {
	bool active;
	uint64_t began_ns, until_ns;
	uint64_t packets, quiet_since_ns; /* as last counted, and when they had changed last */
};

/* By the `drain` of the configuration. Tells the log and systemd. */
void drain_begin(struct daemon *d, uint64_t now_ns);

/* Whether it is over. To be called ten times a second, while it is active. */
bool drain_is_over(struct daemon *d, uint64_t now_ns);

/* Null while it is not active. */
json_t *drain_json(const struct daemon *d, uint64_t now_ns);

#endif
