/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of a policy are called by: numbers of rules, rows of targets, names of next hops.
 */
#ifndef WEIR_LB_POLICY_IDS_H
#define WEIR_LB_POLICY_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct config_service;
struct err;
struct registry;
struct source_list;

/* Whether there is anything to compile: rules, a guard, or a default that drops. */
bool policy_is_wanted(const struct config *c);

/*
 * Services with `syn_protection` have a rule of their own, their guard, which is asked about SYNs
 * that all else lets through. Guards are counted in the order of their services. No configured rule
 * has such a name.
 */
#define POLICY_GUARD_NAME 80
unsigned int policy_guard_count(const struct config *c);
const struct config_service *policy_guarded(const struct config *c, unsigned int guard);
const char *policy_guard_name(const struct config_service *s, char name[POLICY_GUARD_NAME]);

/* The names of all rules in their order, then the default's, then the guards'; NULL: no more. */
const char *policy_name_at(const struct config *c, unsigned int at, char guard[POLICY_GUARD_NAME]);

/* How many struct meter_bucket hold so many sources: at most half full, as few have bad luck then.
 */
uint32_t policy_meter_buckets(uint32_t sources);

/* The rows of a service at that index, and of its VIP, which is that of the first one that has it.
 */
uint32_t policy_service_row(unsigned int index);
uint32_t policy_vip_row(const struct config *c, unsigned int index);

/* The prefixes of the configuration itself; those of files are the caller's to add. -ENOMEM. */
int policy_inline_sources(const struct config *c, struct source_list *out);

/* Gives each rule an id, and the default one; takes back those of rules that are gone. -ENOSPC. */
int policy_assign_ids(const struct config *c, struct registry *rules, struct err *err);
void policy_release_ids(const struct config *c, struct registry *rules);

#define POLICY_HOP_KEY 80

/* What the next hop of a rule's redirect is called among the backends: no backend has such a name.
 */
const char *policy_hop_key(const char *rule, char key[POLICY_HOP_KEY]);

#endif
