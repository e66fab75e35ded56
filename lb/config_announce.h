/* SPDX-License-Identifier: BSD-2-Clause */
/* `announce: {table: 77}` and what services with `announce: route` need. Pure; any thread. */
#ifndef WEIR_LB_CONFIG_ANNOUNCE_H
#define WEIR_LB_CONFIG_ANNOUNCE_H

#include "lb/config_field.h"

struct config;
struct document;
struct word_or_number_rule;

/* The number of a routing table of the kernel in a uint32_t; 0: none. */
extern const struct word_or_number_rule config_table_rule;

/* Whether services that are announced by a route have what they need. */
void config_check_announce(const struct config *c, struct document *d);

const char *config_announce_word(unsigned int announce); /* enum config_announce */

#endif
