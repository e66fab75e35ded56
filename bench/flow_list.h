/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of flows: "SOURCE:PORT DESTINATION:PORT" a line, IPv6 in brackets, # begins a comment. */
#ifndef WEIR_BENCH_FLOW_LIST_H
#define WEIR_BENCH_FLOW_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct err;

struct flow_ends {
	struct addr source, destination;
	uint16_t source_port, destination_port; /* in host order */
};

/*
 * All of one family, at least one, at most `most`; the caller frees *out. -EINVAL with file and
 * line.
 */
int flow_list_read(const char *path, uint32_t most, struct flow_ends **out, uint32_t *count,
		   struct err *err);

/* "192.0.2.1:80", "[2001:db8::1]:80"; without a port where that may be left out: *port stays. */
bool flow_list_end(const char *text, struct addr *address, uint16_t *port, bool port_needed);

#endif
