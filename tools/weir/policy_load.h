/* SPDX-License-Identifier: BSD-2-Clause */
/* From a configuration to the tables of its policy: reads the files that `sources` names. */
#ifndef WEIR_TOOLS_POLICY_LOAD_H
#define WEIR_TOOLS_POLICY_LOAD_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct config_source;
struct err;
struct policy_tables;
struct registry;

#define POLICY_PATH 4352

/* The path of a group's file: one that is not absolute starts where the configuration is. */
const char *policy_source_path(const struct config *c, const struct config_source *s,
			       char path[POLICY_PATH]);

/* What it has to say on the way: bad lines, and how far it has got with a long file. */
struct policy_listener {
	void (*say)(void *context, bool bad, const char *words); /* NULL: nobody listens */
	void *context;
	const bool *stop; /* set by any thread: no more is to be read, -ECANCELED; or NULL */
};

/*
 * Reads the sources and compiles the rules; *out is NULL where everything is allowed anyway. Rules
 * have their ids (policy_assign_ids()). -EINVAL: lists or rules are at fault; -ENOENT and others: a
 * file can't be read.
 */
int policy_load(const struct config *c, const struct registry *rules,
		const struct registry *backends, const struct policy_listener *listener,
		struct policy_tables **out, struct err *err);

/* Says which rules can never match. How many. */
unsigned int policy_tell_idle(const struct config *c, const struct policy_tables *p,
			      const struct policy_listener *listener);

#endif
