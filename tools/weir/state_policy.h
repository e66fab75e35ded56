/* SPDX-License-Identifier: BSD-2-Clause */
/* The policy as the API shows it (tools/weir/state.h). */
#ifndef WEIR_TOOLS_STATE_POLICY_H
#define WEIR_TOOLS_STATE_POLICY_H

#include <jansson.h>

struct daemon;

json_t *state_policy(const struct daemon *d);

#endif
