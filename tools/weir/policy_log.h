/* SPDX-License-Identifier: BSD-2-Clause */
/* What policies have to say (tools/weir/policy_load.h), for the daemon's log. Control thread. */
#ifndef WEIR_TOOLS_POLICY_LOG_H
#define WEIR_TOOLS_POLICY_LOG_H

struct policy_listener;

extern const struct policy_listener policy_log;  /* lists: how far, and their faults */
extern const struct policy_listener policy_warn; /* rules that are likely not meant so */

#endif
