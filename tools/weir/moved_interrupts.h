/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts that were moved to other CPUs, and where they had been: for the helper alone. */
#ifndef WEIR_TOOLS_MOVED_INTERRUPTS_H
#define WEIR_TOOLS_MOVED_INTERRUPTS_H

#include <stdint.h>

/* Moves one of an interface's to one CPU. -ENOENT: it is no interrupt of its; -EIO: it can't be. */
int moved_interrupts_add(const char *interface, uint32_t irq, unsigned int cpu);

/* All may go again to where they could before. */
void moved_interrupts_restore(void);

#endif
