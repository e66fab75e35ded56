/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of objects in objects, by paths like "a.b.c". */
#ifndef WEIR_TOOLS_JSON_PATH_H
#define WEIR_TOOLS_JSON_PATH_H

#include <jansson.h>

json_t *json_path_get(json_t *object, const char *path); /* NULL where it is not */

/* The number there; 0 where there is none. */
long long json_path_figure(json_t *object, const char *path);

#endif
