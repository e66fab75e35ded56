/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's state as JSON, one document for each endpoint of the API. Counters are read while
 * they run, so the figures of a document may be a few packets apart. The caller owns the result;
 * NULL without memory. Control thread.
 */
#ifndef WEIR_TOOLS_STATE_H
#define WEIR_TOOLS_STATE_H

#include <jansson.h>

struct daemon;

json_t *state_status(const struct daemon *d);
json_t *state_services(const struct daemon *d);
json_t *state_backends(const struct daemon *d);
json_t *state_workers(const struct daemon *d);
json_t *state_interfaces(const struct daemon *d);
json_t *state_drops(const struct daemon *d);

#endif
