/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys of `affinity: quic` (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_QUIC_H
#define WEIR_LB_CONFIG_QUIC_H

#include "lb/config_field.h"

struct config_service;
struct document;

/* A struct config_server_id: 0x and two digits a byte, or none. */
extern const struct kind kind_server_id;

/* Whether the service at that index has what its affinity needs, and nothing that it does not. */
void config_check_quic(const struct config_service *s, unsigned int index, struct document *d);

#endif
