// SPDX-License-Identifier: BSD-2-Clause
#include "tools/weir/policy_log.h"

#include "tools/weir/log.h"
#include "tools/weir/policy_load.h"

static void log_policy(void *context, bool bad, const char *words)
{
	if (bad)
		log_error("a list of sources is at fault", "line=\"%s\"", words);
	else
		log_info("policy", "what=\"%s\"", words);
}

static void warn_policy(void *context, bool bad, const char *words)
{
	log_warn("policy", "what=\"%s\"", words);
}

const struct policy_listener policy_log = {.say = log_policy};
const struct policy_listener policy_warn = {.say = warn_policy};
