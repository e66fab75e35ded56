/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of values that say who may call the API, and where (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_API_H
#define WEIR_LB_CONFIG_API_H

#include "lb/config_field.h"

/* Permissions in a uint32_t, as chmod(1) takes them in digits: "0660". */
extern const struct kind kind_permissions;

/* A struct config_listen: a loopback address and a port, "127.0.0.1:9290", or none. */
extern const struct kind kind_listen;

/* As kind_text (rule: struct text_rule), or none: NULL. */
extern const struct kind kind_text_or_none;

#endif
