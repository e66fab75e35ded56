/* SPDX-License-Identifier: BSD-2-Clause */
/* What the daemon does with health checks (tools/weir/checker.h). Control thread. */
#ifndef WEIR_TOOLS_DAEMON_CHECKS_H
#define WEIR_TOOLS_DAEMON_CHECKS_H

#include <stdint.h>

struct backend_control;
struct checks;
struct config;
struct daemon;
struct err;

int daemon_checks_open(struct daemon *d, struct err *err);
void daemon_checks_close(struct daemon *d);

/*
 * The checks of a configuration that is to come into force; marks those that are not up. Ids up to
 * `known_end` are of names that were there before it. NULL without memory.
 */
struct checks *daemon_checks_new(struct daemon *d, const struct config *config, uint32_t known_end,
				 struct backend_control *controls);

#endif
