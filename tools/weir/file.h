/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole files in memory. */
#ifndef WEIR_TOOLS_FILE_H
#define WEIR_TOOLS_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

/*
 * Reads a file, a pipe or ("-") standard input to its end. On success *text is the caller's to
 * free; a NUL follows its *length bytes. -EFBIG when there is more than a configuration may have
 * (CONFIG_MAX_BYTES), else -errno.
 */
int file_read(const char *path, char **text, size_t *length, struct err *err);

/*
 * The same of a regular file alone: what is not waits for nobody (-EINVAL). For who must not wait,
 * as the control thread.
 */
int file_read_regular(const char *path, char **text, size_t *length, struct err *err);

struct file_limits {
	size_t bytes;
	bool regular;
	const bool *stop; /* any thread may set it: -ECANCELED. NULL: it is read to its end */
};
int file_read_limited(const char *path, const struct file_limits *limits, char **text,
		      size_t *length, struct err *err);

#endif
