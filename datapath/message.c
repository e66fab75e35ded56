// SPDX-License-Identifier: BSD-2-Clause
/* The libraries' hooks have no room for a context: there is one function for the process. */
#include "datapath/message.h"

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

static message_fn *message_to;

static int from_libbpf(enum libbpf_print_level level, const char *format, va_list ap)
{
	message_to(level == LIBBPF_WARN, format, ap);
	return 0;
}

static int from_libxdp(enum libxdp_print_level level, const char *format, va_list ap)
{
	message_to(level == LIBXDP_WARN, format, ap);
	return 0;
}

void message_hook(message_fn *fn)
{
	message_to = fn;
	libbpf_set_print(from_libbpf);
	libxdp_set_print(from_libxdp);
}
