/* SPDX-License-Identifier: BSD-2-Clause */
/* The keys `sources` and `policy`: what the user wrote of who may do what. */
#ifndef WEIR_LB_CONFIG_POLICY_H
#define WEIR_LB_CONFIG_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
struct kind;
struct mapping;

struct config;
struct config_port_range;
struct config_service;
struct document;

#define CONFIG_MAX_SOURCES 4095u

struct config_prefix {
	struct addr address;
	uint8_t length; /* in the IPv6 form, lb/prefix.h; 128: the address alone; 0: ::/0 */
};

/* A group of prefixes: a list in the configuration, or a file's. */
struct config_source {
	char *name; /* unique */
	char *file; /* NULL: those here */
	unsigned int prefix_count;
	struct config_prefix *prefixes;
};

struct config_words { /* count 0: the default */
	unsigned int count;
	char **words;
};

/* What a rule's `to` says where it names nothing. */
#define TO_VIPS "vips"
#define TO_ANY  "any"

enum config_protocol { PROTOCOL_ICMP = 256, PROTOCOL_NOT_IP, PROTOCOL_ANY }; /* below: a number */
enum config_family { FAMILY_ANY, FAMILY_IPV4, FAMILY_IPV6 };

/* All of them have to hold. */
struct config_match {
	uint8_t flags;                      /* POLICY_* of bpf/policy.h */
	uint8_t family;                     /* enum config_family */
	uint16_t vlan;                      /* 0: any, and none */
	uint16_t length_first, length_last; /* of the frame; 0 to 65535: any */
};

struct config_limit {
	bool given;
	bool bytes;               /* else packets */
	bool challenge;           /* what is beyond is answered by a cookie, not dropped */
	uint8_t per;              /* enum policy_per */
	uint8_t prefix4, prefix6; /* bits of a source that has a limit of its own */
	uint64_t rate;            /* a second */
	uint64_t burst;           /* 0: what the rate gives in a second */
};

struct config_redirect { /* neither: none */
	char *interface;
	bool has_next_hop;
	struct addr next_hop;
};

struct config_rule {
	char *name;               /* unique */
	struct config_words from; /* sources; none: any */
	struct config_words to;   /* services, addresses, prefixes; or one of TO_*; none: TO_VIPS */
	uint32_t protocol;        /* enum config_protocol */
	unsigned int port_range_count;
	struct config_port_range *port_ranges; /* ascending, disjoint */
	struct config_match match;
	uint8_t action; /* enum policy_action */
	bool dry_run;
	struct config_limit limit;
	struct config_redirect redirect;
};

struct config_policy {
	unsigned int source_count;
	struct config_source *sources;
	uint8_t otherwise;        /* enum policy_action: for VIPs, what no rule decides about */
	uint32_t tracked_sources; /* how many sources limits remember */
	unsigned int rule_count;
	struct config_rule *rules;
};

#define POLICY_DEFAULT_RULE "default" /* the name by which `otherwise` is counted */

extern const struct kind kind_sources;             /* of a struct config_policy */
extern const struct mapping config_policy_mapping; /* its members are those of a struct config */

/* What a rule's `to` means. */
struct config_to {
	bool any, vips;      /* one of these words */
	int64_t service;     /* its index, or -1 */
	struct addr address; /* else: an address or prefix */
	uint32_t length;
};
bool config_to_parse(const struct config *c, const char *word, struct config_to *out);
/* Whether an address or prefix has all of a service's. */
bool config_to_has(const struct config_to *to, const struct config_service *s);

/* The index of a source of that name, or -1. */
int64_t config_find_source(const struct config_policy *p, const char *name);

void config_check_policy(const struct config *c, struct document *d);
void config_policy_fini(struct config_policy *p);

#endif
