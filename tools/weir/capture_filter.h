/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client wants captured: reasons, an expression in pcap-filter(7)'s language, and when to
 * stop. Apart from tools/weir/capture.c, because the headers of libpcap and libbpf each define
 * struct bpf_insn.
 */
#ifndef WEIR_TOOLS_CAPTURE_FILTER_H
#define WEIR_TOOLS_CAPTURE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

#define CAPTURE_SNAPLEN_MAX 65535u

struct MHD_Connection;
struct bpf_program;
struct err;

struct capture_filter {
	uint64_t reasons;            /* bitmap */
	uint32_t snaplen;            /* at most this many bytes of each packet are kept */
	uint64_t count;              /* packets, 0: no end */
	uint64_t duration_ns;        /* 0: no end */
	struct bpf_program *program; /* NULL: all packets */
};

/*
 * Reads a request's arguments; never waits for the network, so a name in the expression must be in
 * this host's files (/etc/hosts, /etc/services): DNS is not asked. -EINVAL with what is wrong and
 * what would be right, -ENOMEM.
 */
int capture_filter_init(struct capture_filter *f, struct MHD_Connection *connection,
			struct err *err);
void capture_filter_fini(struct capture_filter *f); /* a zeroed one, too */

/* How many bytes of a packet the filter and its client need together. */
uint32_t capture_filter_snaplen(const struct capture_filter *f);

/* Whether a record, with its r->captured bytes, is wanted. */
bool capture_filter_wants(const struct capture_filter *f, const struct tap_record *r,
			  const void *bytes);

#endif
