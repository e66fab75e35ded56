/* SPDX-License-Identifier: BSD-2-Clause */
/* `mss_clamp` of a service. Pure; any thread. */
#ifndef WEIR_LB_CONFIG_MSS_H
#define WEIR_LB_CONFIG_MSS_H

#include <stdint.h>

#include "lb/config_field.h"

struct config_service;
struct document;

/* A uint16_t, as struct config_service has it. */
extern const struct kind kind_mss_clamp;

void config_check_mss_clamp(const struct config_service *s, unsigned int index, struct document *d);

#define MSS_CLAMP_TEXT 8 /* "65495" */
const char *config_mss_clamp_format(uint16_t clamp, char text[MSS_CLAMP_TEXT]);

#endif
