/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of the command line. */
#ifndef WEIR_BENCH_NUMBER_H
#define WEIR_BENCH_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number from `min` to `max`; `text` then stands behind it. */
bool number_read(const char **text, uint32_t min, uint32_t max, uint32_t *out);

#endif
