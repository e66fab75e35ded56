/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload changes, as documents and for people. */
#ifndef WEIR_TOOLS_CHANGES_H
#define WEIR_TOOLS_CHANGES_H

#include <jansson.h>
#include <stdio.h>

struct config;

#define CHANGES_MAX 1000u /* that are listed */

/*
 * {"total": N, "list": [{"change": "added"|"removed"|"changed", "path", "before", "after",
 * "restart"}]}: of `restart`, the daemon takes it only when it starts. NULL without memory.
 */
json_t *changes_json(const struct config *before, const struct config *after);

/* The path of the first change that a running daemon can't take, or NULL. */
const char *changes_restart(const json_t *changes);

/* One change a line, as `diff` marks them. */
void changes_print(const json_t *changes, FILE *out);

/* Into the daemon's log. */
void changes_log(const json_t *changes);

#endif
