/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work that takes the CPU for long, done where it is least in the way of workers that forward
 * meanwhile: by a thread that is nicer than they are, and off their CPUs where there are others.
 * Any thread.
 */
#ifndef WEIR_DATAPATH_ASIDE_H
#define WEIR_DATAPATH_ASIDE_H

#include <sched.h>

/* Work that can fail: 0 or -errno. It must start no thread, which would be as nice. */
typedef int aside_fn(void *context);

/*
 * Has `work` done off the CPUs of `busy`, and returns what it does; it has ended then. Where no
 * thread is to be had it is done by the caller.
 */
int aside_run(const cpu_set_t *busy, aside_fn *work, void *context);

#endif
