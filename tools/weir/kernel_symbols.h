/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of places in the running kernel's code, by /proc/kallsyms. Control thread. */
#ifndef WEIR_TOOLS_KERNEL_SYMBOLS_H
#define WEIR_TOOLS_KERNEL_SYMBOLS_H

#include <stdint.h>

#define KERNEL_SYMBOL 80 /* bytes of "function+0x12" */

/*
 * Opens the file, and keeps it: the kernel tells addresses to whom it trusted when it was opened.
 * The first look-up does so too.
 */
void kernel_symbols_open(void);

/*
 * The function that has the address, and where in it; "0x..." where the kernel does not tell. In
 * `text`, which it returns. What was asked for lately is kept: the file is long.
 */
const char *kernel_symbol(uint64_t address, char text[KERNEL_SYMBOL]);

#endif
