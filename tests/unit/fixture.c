// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/fixture.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "tools/weir/offline.h"

struct config *fixture_config(const char *yaml)
{
	struct config *config;
	struct err err;
	if (config_parse("test", yaml, strlen(yaml), &config, &err))
		fail_msg("%s", err.text);
	return config;
}

void fixture_open(struct offline *o, const char *yaml)
{
	struct err err;
	if (offline_open(o, fixture_config(yaml), &err))
		fail_msg("%s", err.text);
}

void fixture_reload(struct offline *o, const char *yaml)
{
	struct err err;
	if (offline_reload(o, fixture_config(yaml), &err))
		fail_msg("%s", err.text);
}

void fixture_publish(struct offline *o)
{
	struct err err;
	if (offline_publish(o, &err))
		fail_msg("%s", err.text);
}

uint32_t fixture_backend(const struct offline *o, const char *key)
{
	int64_t id = registry_find(o->backends, key);
	if (id < 0)
		fail_msg("there is no backend %s", key);
	return id;
}

void fixture_expect_ledger(const struct offline *o)
{
	const struct lb_counters *c = o->counters;
	uint64_t sum = c->forwarded + c->returned + c->neighbor_replies + c->echo_replies +
		       c->too_big_replies + c->refusals + c->redirected + c->challenges +
		       c->passed + lb_held(&o->lb);
	for (int r = 0; r < ABI_REASON_SLOTS; r++)
		sum += c->dropped[r];
	assert_int_equal(c->rx_packets, sum);
	assert_int_equal(c->dropped[REASON_NONE], 0);
}
