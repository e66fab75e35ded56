/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of values and checks of a service's `health` (lb/config_field.h, lb/config_check.h). */
#ifndef WEIR_LB_CONFIG_HEALTH_H
#define WEIR_LB_CONFIG_HEALTH_H

#include "lb/config_field.h"

struct config_health;
struct config_service;
struct document;

extern const struct mapping config_health; /* the keys of `health`, into a struct config_service */

/* Whether what is given goes together; `index` is the service's. */
void config_check_health(const struct config_service *s, unsigned int index, struct document *d);

void config_health_fini(struct config_health *h);

/* "none", "tcp", "http" and so on. */
const char *config_probe_word(const struct config_health *h);

/* The port that is checked: host byte order. */
unsigned int config_health_port(const struct config_service *s);

#endif
