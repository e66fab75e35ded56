/* SPDX-License-Identifier: BSD-2-Clause */
/* Which CPUs a device's interrupts go to. */
#ifndef WEIR_DATAPATH_INTERRUPTS_H
#define WEIR_DATAPATH_INTERRUPTS_H

#include <sched.h>

/*
 * How many interrupts (MSI) the device has, by its address on the bus ("0000:01:00.0"), and adds
 * the CPUs that they go to. 0: it is on no bus, or has none.
 */
unsigned int interrupts_of(const char *device, cpu_set_t *cpus);

#endif
