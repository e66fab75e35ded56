// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/json_path.h"

#include <stdio.h>
#include <string.h>

json_t *json_at(json_t *object, const char *path)
{
	const char *dot;
	char key[64];
	while (object && (dot = strchr(path, '.'))) {
		snprintf(key, sizeof(key), "%.*s", (int)(dot - path), path);
		object = json_object_get(object, key);
		path = dot + 1;
	}
	return json_object_get(object, path);
}

long long json_figure(json_t *object, const char *path)
{
	return json_integer_value(json_at(object, path));
}
