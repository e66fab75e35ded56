/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an operator sets over the configuration of a backend, until the next reload: `weir set
 * backend`, PATCH /v1/backends/SERVICE/BACKEND. Control thread.
 */
#ifndef WEIR_TOOLS_OVERRIDE_H
#define WEIR_TOOLS_OVERRIDE_H

#include <jansson.h>
#include <stddef.h>

struct backend_control;
struct daemon;
struct err;

/*
 * Makes a JSON object {"state": "up"|"drain"|"down"|"alive", "weight": 0-65535}, of which at least
 * one key must be there, count for a backend. "up": as if configured so, its checks still have a
 * say; "alive": up, whatever its checks say. -ENOENT: there is no such backend; -EINVAL: the words
 * name the key; nothing changes on failure.
 */
int override_set(struct daemon *d, const char *service, const char *backend, const char *body,
		 size_t length, struct err *err);

/* {"service", "name", "state", "weight", "set"}: what is in force for it now. */
json_t *override_json(const struct daemon *d, const char *service, const char *backend);

/* The controls as they are without overrides, to be freed; logs each that ends. NULL: no memory. */
struct backend_control *overrides_ended(const struct daemon *d);

/* "drain", "down" and so on, or NULL where nothing was set. */
const char *override_state_word(const struct backend_control *c);

/* The words there are, by index; NULL behind the last one. */
const char *override_word(size_t index);

#endif
