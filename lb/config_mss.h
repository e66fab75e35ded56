/* SPDX-License-Identifier: BSD-2-Clause */
/* `mss_clamp` of a service. Pure; any thread. */
#ifndef WEIR_LB_CONFIG_MSS_H
#define WEIR_LB_CONFIG_MSS_H

struct config_service;
struct document;
struct word_or_number_rule;

/* A uint16_t, as struct config_service has it. */
extern const struct word_or_number_rule config_mss_clamp_rule;

void config_check_mss_clamp(const struct config_service *s, unsigned int index, struct document *d);

#endif
