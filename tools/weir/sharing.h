/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces that have other XDP programs too (`attach: dispatcher`): what a daemon keeps for it.
 */
#ifndef WEIR_TOOLS_SHARING_H
#define WEIR_TOOLS_SHARING_H

#include <stdbool.h>

#include "tools/weir/privileges.h"

struct config;
struct err;

/* What a daemon that begins with a configuration keeps. -EPERM: not all of that is there. */
int sharing_begin(const struct config *config, enum privileges_for *keep, struct err *err);

/* Whether a daemon that has kept this can go on with a configuration; -EINVAL. */
int sharing_check(enum privileges_for kept, const struct config *config, struct err *err);

#endif
