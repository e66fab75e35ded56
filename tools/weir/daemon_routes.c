// SPDX-License-Identifier: BSD-2-Clause
/*
 * Services of one VIP share its route, which is there while one of them has enough backends: the
 * others' clients would gain nothing by its loss.
 */
#include "tools/weir/daemon_routes.h"

#include <stdlib.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/prefix.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/daemon.h"
#include "tools/weir/log.h"
#include "tools/weir/metric_rows.h"
#include "tools/weir/routes.h"

static uint32_t length_of(const struct config_service *s)
{
	return s->prefix ? s->prefix : PREFIX_FULL;
}

/* Backends that take new flows and can be reached. */
static uint32_t live_backends(const struct snapshot *s, const struct service *service)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < service->member_count; i++)
		count += (service->up[i / 64] >> (i % 64) & 1) &&
			 s->backends[service->members[i]].reachable;
	return count;
}

static bool is_well(const struct daemon *d, const struct config_service *config)
{
	const struct snapshot *s = engine_snapshot(d->engine);
	int64_t id = registry_find(d->services, config->name);
	if (!s || id < 0 || id >= s->service_end || !s->services[id].present)
		return false;
	return live_backends(s, &s->services[id]) >= config->announce_min_up;
}

void daemon_routes_update(struct daemon *d, const struct config *config)
{
	uint32_t count = 0;
	if (!d->routes)
		return;
	struct route_wanted *wanted = calloc(config->service_count + 1, sizeof(*wanted));
	for (unsigned int i = 0; wanted && i < config->service_count; i++) {
		const struct config_service *s = &config->services[i];
		if (s->announce == ANNOUNCE_ROUTE)
			wanted[count++] = (struct route_wanted){
				.base = s->address, .length = length_of(s), .well = is_well(d, s)};
	}
	if (wanted)
		routes_set(d->routes, wanted, count, config->announcing.damping_ms);
	else
		log_error("not enough memory to announce VIPs");
	free(wanted);
}

int daemon_routes_open(struct daemon *d, const struct config *config, int lock, struct err *err)
{
	return config->announcing.table
		       ? routes_open(&d->routes, d->loop, config->announcing.table, lock, err)
		       : 0;
}

json_t *daemon_route_json(const struct daemon *d, const struct config_service *s)
{
	char prefix[PREFIX_TEXT];
	struct route_view v;
	if (s->announce != ANNOUNCE_ROUTE || !routes_look(d->routes, &s->address, length_of(s), &v))
		return json_null();
	return json_pack("{s:s, s:s, s:s?, s:I}", "prefix",
			 prefix_format(&s->address, length_of(s), prefix), "state",
			 route_state_word(v.state), "why", v.state == ROUTE_BLOCKED ? v.why : NULL,
			 "withdrawals", (json_int_t)v.withdrawals);
}

json_t *daemon_routes_json(const struct daemon *d)
{
	struct route_view v;
	struct addr base;
	uint32_t n = 0, length, announced = 0;
	if (!d->routes)
		return json_null();
	for (; routes_read(d->routes, n, &base, &length, &v); n++)
		announced += v.state == ROUTE_ANNOUNCED;
	return json_pack("{s:I, s:i, s:i}", "table", (json_int_t)d->config->announcing.table,
			 "announced", (int)announced, "total", (int)n);
}

bool daemon_routes_row(struct metric_place *at, struct metric_row *r)
{
	char prefix[PREFIX_TEXT];
	struct route_view v;
	struct addr base;
	uint32_t length;
	if (!routes_read(at->daemon->routes, at->outer, &base, &length, &v))
		return false;
	at->outer++;
	metric_label(&r->labels, "prefix", prefix_format(&base, length, prefix));
	r->figure[ROUTE_IS_ANNOUNCED] = v.state == ROUTE_ANNOUNCED;
	r->figure[ROUTE_WITHDRAWALS] = v.withdrawals;
	return true;
}
