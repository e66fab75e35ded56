/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of values that name who is served: addresses and ports (lb/config_field.h). */
#ifndef WEIR_LB_CONFIG_ENDPOINT_H
#define WEIR_LB_CONFIG_ENDPOINT_H

#include "lb/config_field.h"

struct addr;
struct config_port_range;

/* A struct addr that a host can have: not unspecified, loopback, multicast or broadcast. */
extern const struct kind kind_address;

/* The address of a struct config_service, or its prefix. */
extern const struct kind kind_vip;

/* Ranges on the heap, ascending, but maybe overlapping; how many is in an unsigned int. */
struct ports_rule {
	size_t count_offset;
};
extern const struct kind kind_ports;

/* A struct config_ipip: an IPv4 prefix, or none. */
extern const struct kind kind_ipip_source;

/* The port of a struct config_backend, or 0 for "same": that of the service. */
extern const struct word_or_number_rule endpoint_backend_port_rule;

/* What these expect, in words. */
#define ENDPOINT_ADDRESS "an IPv4 or IPv6 address"
#define ENDPOINT_PORTS   "a port from 1 to 65535 or a range like 8000-8099"

/* A port or a range, in a schema (lb/config_schema.h). */
#define SCHEMA_PORTS \
	SCHEMA_EITHER(SCHEMA_WHOLE(1, 65535), SCHEMA_TEXT("^[1-9][0-9]{0,4}-[1-9][0-9]{0,4}$"))

/* Reads an address that a host can have. False, with a fault, where it is none. */
bool endpoint_address(struct document *d, const struct place *at, const char *text,
		      struct addr *out);

/* Reads a port or a range. False, with a fault, where it is none. */
bool endpoint_ports(struct document *d, const struct place *at, const char *text,
		    struct config_port_range *range);

#define PORTS_TEXT 16

/* "443", "8000-8099" or "any". */
const char *ports_format(const struct config_port_range *range, char text[PORTS_TEXT]);

#endif
