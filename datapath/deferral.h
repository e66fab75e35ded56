/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts off the interrupts of a NIC whose queues somebody polls (preferred busy polling,
 * Linux 5.11): the kernel leaves a queue to its poller for as long as it comes again soon. What was
 * set before is noted down first, in memory that outlives the daemon, so it is given back even
 * after a crash. Control thread.
 */
#ifndef WEIR_DATAPATH_DEFERRAL_H
#define WEIR_DATAPATH_DEFERRAL_H

#include <net/if.h>
#include <stdint.h>

struct err;

/* What an interface had. */
struct deferral {
	char name[IF_NAMESIZE]; /* "": nothing is to be given back */
	int64_t hard_irqs, flush_timeout_ns;
};

/* Of an interface that is set already, nothing changes. -EPERM, -ENOENT: it can't be done. */
int deferral_set(struct deferral *d, const char *interface, struct err *err);

/* Gives back what was there, if the interface still is. One that is not set, too. */
void deferral_restore(struct deferral *d);

#endif
