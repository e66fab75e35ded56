/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows shared with other nodes, as the API tells of it. */
#ifndef WEIR_TOOLS_STATE_SYNC_H
#define WEIR_TOOLS_STATE_SYNC_H

#include <jansson.h>

struct daemon;

/* The `sync` of a status; null: there is none. */
json_t *state_sync(const struct daemon *d);

#endif
