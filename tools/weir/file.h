/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files in memory. */
#ifndef WEIR_TOOLS_FILE_H
#define WEIR_TOOLS_FILE_H

#include <stddef.h>

struct err;

/*
 * Reads a file, a pipe or ("-") standard input to its end. On success *text is the caller's to
 * free; a NUL follows its *length bytes. -EFBIG when there is more than a configuration may have
 * (CONFIG_MAX_BYTES), else -errno.
 */
int file_read(const char *path, char **text, size_t *length, struct err *err);

/* The same with another limit, in bytes. */
int file_read_limited(const char *path, size_t limit, char **text, size_t *length, struct err *err);

#endif
