/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's interrupts (MSI), and which CPUs they go to. */
#ifndef WEIR_DATAPATH_INTERRUPTS_H
#define WEIR_DATAPATH_INTERRUPTS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#define INTERRUPTS_LIST 256 /* bytes of a list of CPUs: "0-3,8" */

/*
 * How many interrupts the device has, by its address on the bus ("0000:01:00.0"); the first `most`
 * of them are in `out`. 0: it is on no bus, or has none.
 */
unsigned int interrupts_list(const char *device, uint32_t *out, unsigned int most);

/* The same, and adds the CPUs that they go to. */
unsigned int interrupts_of(const char *device, cpu_set_t *cpus);

/*
 * The queue that an interrupt is for, as the name goes that its driver gave it ("eth0-TxRx-3",
 * "virtio2-input.3", "mlx5_comp3@pci:0000:03:00.0"). -1: it names none, or nobody takes it.
 */
int interrupts_queue(uint32_t irq);
int interrupts_queue_named(const char *name);

/* Whether it may go to that CPU alone. */
bool interrupts_is_at(uint32_t irq, unsigned int cpu);

/* The CPUs that it may go to, as a list. -errno; -EIO: the kernel alone places it. */
int interrupts_read(uint32_t irq, char out[INTERRUPTS_LIST]);
int interrupts_write(uint32_t irq, const char *list);

#endif
