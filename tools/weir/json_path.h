/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in a document at "a.b.c": c in b in a. */
#ifndef WEIR_TOOLS_JSON_PATH_H
#define WEIR_TOOLS_JSON_PATH_H

#include <jansson.h>

/* NULL where it is not. */
json_t *json_at(json_t *object, const char *path);

/* 0 where it is no whole number. */
long long json_figure(json_t *object, const char *path);

#endif
