/* SPDX-License-Identifier: BSD-2-Clause */
/* The key `limit` of a rule (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_LIMIT_H
#define WEIR_LB_CONFIG_LIMIT_H

#include <stdbool.h>

struct kind;
struct place;

extern const struct kind kind_limit; /* a struct config_limit; `none` where there is none */

/* Whether a key is absent, or says `none`. */
bool config_is_none(const struct place *at);

#endif
