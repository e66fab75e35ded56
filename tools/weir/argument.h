/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of the API's requests ("?key=value&key=value"). Control thread. */
#ifndef WEIR_TOOLS_ARGUMENT_H
#define WEIR_TOOLS_ARGUMENT_H

#include <stdint.h>

struct MHD_Connection;
struct err;

/* Takes one argument; 0, or -errno with the words. `value` is "" where there is none. */
typedef int argument_fn(void *context, const char *key, const char *value, struct err *err);

/* Calls `fn` for each in their order, until one fails; returns what that one did. */
int arguments_read(struct MHD_Connection *connection, argument_fn *fn, void *context,
		   struct err *err);

/* A decimal number from 1 to `max`. -EINVAL. */
int argument_number(const char *key, const char *text, uint64_t max, uint64_t *out,
		    struct err *err);

#endif
