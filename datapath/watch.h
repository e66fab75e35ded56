/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The programs at the kernel's tracepoints (bpf/watch.bpf.c): what became of packets behind the XDP
 * program. Their counters, and the links that keep them counting, are pinned and outlive the
 * daemon. Control thread.
 */
#ifndef WEIR_DATAPATH_WATCH_H
#define WEIR_DATAPATH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/watch.h"

struct err;
struct instance;
struct pins;
struct port;
struct watch;

/* Descriptors of the maps that it shares with the XDP programs. */
struct watch_maps {
	int captures, tap_states, capture_rings, steered;
};

/*
 * Loads the programs; they see nothing yet. -EPERM, -EOPNOTSUPP and others: the kernel has no such
 * tracepoints, or does not let us.
 */
int watch_open(struct watch **out, const struct instance *instance, const struct port *ports,
	       uint32_t port_count, const struct watch_maps *maps, struct err *err);

/* From here on they count, in the place of those that the daemon before left. */
int watch_attach(struct watch *w, const struct instance *instance, struct err *err);

/* The interface of a port is another one now; 0: it is gone. NULL too. */
void watch_set_port(struct watch *w, uint32_t port, int ifindex);

/* What is pinned goes on. NULL too. */
void watch_close(struct watch *w);

/* Of a port, since the counters began. NULL: nothing is known, all zero. */
void watch_counters(const struct watch *w, uint32_t port, struct watch_counters *out);
void watch_reset(struct watch *w);

/* What captures want of what is seen here; with `kernel` what the kernel's stack drops, too. */
int watch_set_taps(struct watch *w, const struct tap_control *control, bool kernel,
		   struct err *err);

#endif
