/* SPDX-License-Identifier: BSD-2-Clause */
/* What figures were measured on, for their report. */
#ifndef WEIR_BENCH_MACHINE_H
#define WEIR_BENCH_MACHINE_H

#include <jansson.h>

/* CPU, kernel, compiler, load, mitigations, governor, memory: what can't be found out is left out.
 */
json_t *machine_json(void);

/*
 * An interface of this thread's network namespace: driver, firmware, queues, rings, offloads, MTU.
 * `label` is what the report calls it.
 */
json_t *machine_interface_json(const char *label, const char *name);

/* Keeps this thread on a CPU; with -1 on the last one it may use. Returns the CPU, or -errno. */
int machine_pin(int cpu);

#endif
