/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's state as JSON: documents, and rows of the lists (tools/weir/feed.h), as
 * docs/openapi.yaml has them. Counters are read while they run, so the figures of a document may be
 * a few packets apart. The caller owns the result; NULL without memory. Control thread.
 */
#ifndef WEIR_TOOLS_STATE_H
#define WEIR_TOOLS_STATE_H

#include <jansson.h>

struct daemon;
struct feed_place;

json_t *state_status(const struct daemon *d);
json_t *state_drops(const struct daemon *d);

json_t *state_service(const struct daemon *d, struct feed_place *at);
json_t *state_backend(const struct daemon *d, struct feed_place *at);
json_t *state_next_hop(const struct daemon *d, struct feed_place *at);
json_t *state_worker(const struct daemon *d, struct feed_place *at);
json_t *state_interface(const struct daemon *d, struct feed_place *at);

#endif
