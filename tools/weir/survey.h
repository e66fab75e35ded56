/* SPDX-License-Identifier: BSD-2-Clause */
/* Gathers all facts that `weir doctor` judges: of the host, its interfaces, the ways to the
 * backends. */
#ifndef WEIR_TOOLS_SURVEY_H
#define WEIR_TOOLS_SURVEY_H

#include "tools/weir/facts.h"

struct err;

struct survey {
	const struct config *config; /* NULL: none was given */
	const char *socket;
	bool must_answer; /* a daemon has to be there */
	char **names;     /* interfaces; none: those of the daemon or the configuration, else all */
	int name_count;
};

/* -E2BIG for more than FACTS_MAX_NICS interfaces, -ENOMEM, or that netlink does not answer. */
int survey_take(const struct survey *s, struct facts *out, struct err *err);

void survey_free(struct facts *f);

#endif
