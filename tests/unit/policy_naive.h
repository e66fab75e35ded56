/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy a second time, as one would read it: rule after rule over the configuration as it was
 * written, prefix after prefix, without tables. And policies by chance for it.
 */
#ifndef WEIR_TESTS_POLICY_NAIVE_H
#define WEIR_TESTS_POLICY_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct dice;
struct frame;

struct naive_verdict {
	uint8_t action;       /* enum policy_action: _ALLOW, _DROP, _PASS, _REDIRECT */
	const char *rule;     /* the name of the one that decided; NULL: none */
	unsigned int touched; /* how many rules counted it */
	bool limited;         /* a rule with a limit has a say: it may also have dropped it */
};

/* Limits let everything through. */
struct naive_verdict naive_judge(const struct config *c, const struct frame *f);

/*
 * Appends `sources` and `policy` to a configuration that has services of
 * tests/unit/packet_table.h. At most `rules`.
 */
void naive_policy(struct dice *d, char *yaml, size_t size, unsigned int rules);

#endif
