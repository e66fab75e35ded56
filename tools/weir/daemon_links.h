/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's interfaces: which they are, in the log, and what to do when they change. */
#ifndef WEIR_TOOLS_DAEMON_LINKS_H
#define WEIR_TOOLS_DAEMON_LINKS_H

struct config;
struct daemon;
struct err;

/* Tells the log of each interface and worker how it came out. */
void daemon_links_log(const struct daemon *d);

/*
 * Makes interfaces, workers and memory those of `config`, in the place of those of `was`, the one
 * in force or that which shall be again. On failure they are what they were.
 */
int daemon_links_change(struct daemon *d, const struct config *was, const struct config *config,
			struct err *err);

/* Follows the interfaces from now on; a configuration must be in force. */
int daemon_links_open(struct daemon *d, struct err *err);
void daemon_links_close(struct daemon *d);

#endif
