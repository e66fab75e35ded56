/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What became of fragments, of all workers together:
 *
 *   {"first":12, "forgotten":0, "followed":480, "waited":30, "held":0, "timed_out":0, "refused":0,
 *    "unmatched":0, "tiny":0, "overlap":0}
 *
 * The first seven are struct lb_fragments (lb/process.h), with those that wait right now as `held`;
 * the last three are drops by reason, of the XDP programs too. Control thread.
 */
#ifndef WEIR_TOOLS_STATE_FRAGMENTS_H
#define WEIR_TOOLS_STATE_FRAGMENTS_H

#include <jansson.h>

struct engine;

json_t *state_fragments(const struct engine *e); /* NULL without memory */

#endif
