/* SPDX-License-Identifier: BSD-2-Clause */
/* What libbpf and libxdp have to say of their own, for the program's log. */
#ifndef WEIR_DATAPATH_MESSAGE_H
#define WEIR_DATAPATH_MESSAGE_H

#include <stdarg.h>
#include <stdbool.h>

/* `format` and `ap` make one or more lines, with newlines, that begin with the library's name. */
typedef void message_fn(bool warning, const char *format, va_list ap);

/* From now on `fn` gets all of it, instead of stderr. Before any thread is started. */
void message_hook(message_fn *fn);

#endif
