/* SPDX-License-Identifier: BSD-2-Clause */
/* SIGINT and SIGTERM, for commands that end what they have begun. */
#ifndef WEIR_BENCH_STOP_H
#define WEIR_BENCH_STOP_H

#include <stdbool.h>

void stop_watch(void); /* from now on they only ask */
bool stop_is_wanted(void);

#endif
