/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests of the balancer start from. Each fails the test if it can't do its work. */
#ifndef WEIR_TESTS_FIXTURE_H
#define WEIR_TESTS_FIXTURE_H

#include <stdint.h>

struct config;
struct offline;

struct config *fixture_config(const char *yaml);
void fixture_open(struct offline *o, const char *yaml);
void fixture_reload(struct offline *o, const char *yaml);
void fixture_publish(struct offline *o);

/* The id of "service/backend". */
uint32_t fixture_backend(const struct offline *o, const char *key);

/* The equation of lb/process.h. */
void fixture_expect_ledger(const struct offline *o);

/* xorshift64: the same row of numbers from the same start, which is not 0. */
static inline uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
