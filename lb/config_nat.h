/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of `forward: nat` (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_NAT_H
#define WEIR_LB_CONFIG_NAT_H

#include "lb/config_field.h"

struct config;
struct document;

#define CONFIG_SNAT_ADDRESSES 64u

/* The addresses of a struct config_nat: up to CONFIG_SNAT_ADDRESSES, none twice. */
extern const struct kind kind_snat_addresses;

/* Its ports: one range. */
extern const struct kind kind_snat_ports;

/* Whether nat services have what they need, and SNAT addresses are nobody else's. */
void config_check_nat(const struct config *c, struct document *d);

#endif
