/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A folder of its own for a test of a command, that is run within the test's process. Each function
 * fails the test if it can't do its work.
 */
#ifndef WEIR_TESTS_SCRATCH_H
#define WEIR_TESTS_SCRATCH_H

#include <stddef.h>

void scratch_open(void);
void scratch_close(void); /* with all files in it */

/* Valid for the next few calls. */
const char *scratch_path(const char *name);

void scratch_write(const char *name, const void *bytes, size_t length);

/* The text of a file, valid until the next call. */
const char *scratch_read(const char *name);

/*
 * Runs a command with these arguments, up to NULL, and returns its status. What it prints goes into
 * the files stdout and stderr.
 */
int scratch_run(int (*command)(int argc, char **argv), ...);

/* That it said so. */
void scratch_expect_stderr(const char *words);

#endif
