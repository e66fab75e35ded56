/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What differs between two configurations, by the tables of their keys (lb/config_field.h), so that
 * a new key is compared as soon as it can be read. Pure; any thread.
 */
#ifndef WEIR_LB_CONFIG_DIFF_H
#define WEIR_LB_CONFIG_DIFF_H

struct config;

#define CONFIG_DIFF_PATH 256

enum config_change_kind { CONFIG_ADDED, CONFIG_REMOVED, CONFIG_CHANGED };

/* Valid during the call only. */
struct config_change {
	enum config_change_kind kind;
	const char *path;           /* "services[web].backends[b1].weight"; items by their names */
	const char *before, *after; /* as the canonical form has it; NULL for items of lists */
};

typedef void config_diff_fn(void *context, const struct config_change *change);

/*
 * Calls `fn` for each difference, in the order of the keys. Items of lists that have names are
 * compared by them, wherever they stand. 0, or -ENOMEM, when some may be missing.
 */
int config_diff(const struct config *before, const struct config *after, config_diff_fn *fn,
		void *context);

#endif
