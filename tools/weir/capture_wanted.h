/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client wants captured: the arguments of a request, read into a slot for the taps
 * (bpf/capture.h). Apart from tools/weir/capture.c, because the headers of libpcap and libbpf each
 * define struct bpf_insn.
 *
 *   drops               dropped packets; also where no source is named
 *   reason=WORD         ... for this reason; repeated: for any of these
 *   rule=NAME           ... by this rule of the policy
 *   service=NAME        packets of a service, as they came and as they were sent; may be repeated
 *   rx=NAME, tx=NAME    what comes in by an interface, what Weir sends by it; may be repeated
 *   kernel              what the kernel drops of what came by Weir's interfaces
 *   filter=EXPRESSION   of all these only what pcap-filter(7) says
 *   blackbox            what was dropped before anybody asked
 *   sample=N            one packet in N
 *   rate=N              at most N packets a second
 *   snaplen=BYTES, count=PACKETS, duration=SECONDS
 */
#ifndef WEIR_TOOLS_CAPTURE_WANTED_H
#define WEIR_TOOLS_CAPTURE_WANTED_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/capture.h"

#define CAPTURE_SNAPLEN_MAX 65535u
#define CAPTURE_WORDS       512u

struct MHD_Connection;
struct bpf_program;
struct daemon;
struct err;

struct capture_wanted {
	struct capture_slot slot;    /* the taps' part */
	uint32_t snaplen;            /* as it was asked for */
	uint32_t rate;               /* packets a second, 0: no limit */
	uint64_t count;              /* packets, 0: no end */
	uint64_t duration_ns;        /* 0: no end */
	bool blackbox;               /* what is kept of the past, and nothing more */
	char *expression;            /* the filter's, or NULL */
	struct bpf_program *program; /* the filter, where it is too long for the taps; or NULL */
};

/*
 * Reads a request's arguments; never waits for the network, so a name in the expression must be in
 * this host's files (/etc/hosts, /etc/services): DNS is not asked. -EINVAL with what is wrong and
 * what would be right, -ENOMEM.
 */
int capture_wanted_init(struct capture_wanted *w, struct MHD_Connection *connection,
			const struct daemon *d, struct err *err);
void capture_wanted_fini(struct capture_wanted *w); /* a zeroed one, too */

/* Whether a record that the taps took, with its r->captured bytes, is wanted. */
bool capture_wanted_passes(const struct capture_wanted *w, const struct tap_record *r,
			   const void *bytes);

/* Whether taps would have taken a record of the past, with its r->captured bytes, for it. */
bool capture_wanted_names(const struct capture_wanted *w, const struct tap_record *r,
			  const void *bytes);

/* One line that says what is captured and where the filter runs; in `words`, which it returns. */
const char *capture_wanted_words(const struct capture_wanted *w, char words[CAPTURE_WORDS]);

#endif
