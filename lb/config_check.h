/* SPDX-License-Identifier: BSD-2-Clause */
/* What a configuration's values must be to each other. */
#ifndef WEIR_LB_CONFIG_CHECK_H
#define WEIR_LB_CONFIG_CHECK_H

struct config;
struct document;

/* Checks a configuration against itself; the first fault goes into the document it is from. */
void config_check(const struct config *c, struct document *d);

#endif
