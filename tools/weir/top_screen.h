/* SPDX-License-Identifier: BSD-2-Clause */
/* `weir top` on a terminal (ncurses). */
#ifndef WEIR_TOOLS_TOP_SCREEN_H
#define WEIR_TOOLS_TOP_SCREEN_H

#include "tools/weir/top_view.h"

struct err;

/*
 * Shows what the daemon on `socket` says, every `interval_ms`, until somebody types q. -ENOTTY
 * where there is no terminal, else what top_sample_take() says of the first sample.
 */
int top_screen_run(const char *socket, unsigned int interval_ms, const struct top_choice *choice,
		   struct err *err);

#endif
