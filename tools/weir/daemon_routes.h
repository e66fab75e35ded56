/* SPDX-License-Identifier: BSD-2-Clause */
/* Which VIPs the daemon announces by a route (tools/weir/routes.h), by the snapshot in force. */
#ifndef WEIR_TOOLS_DAEMON_ROUTES_H
#define WEIR_TOOLS_DAEMON_ROUTES_H

#include <jansson.h>
#include <stdbool.h>

struct config;
struct config_service;
struct daemon;
struct err;
struct metric_place;
struct metric_row;

/*
 * Nothing where the configuration names no table. -EADDRINUSE: it is another daemon's. `lock`: as
 * routes_open() has it.
 */
int daemon_routes_open(struct daemon *d, const struct config *config, int lock, struct err *err);

/* To be called when a snapshot of `config` was published. */
void daemon_routes_update(struct daemon *d, const struct config *config);

/* What a service's route is like; null where it has none. */
json_t *daemon_route_json(const struct daemon *d, const struct config_service *s);

/* All of them in figures; null without a table. */
json_t *daemon_routes_json(const struct daemon *d);

/* The next of them as metrics have it; false behind the last one. */
bool daemon_routes_row(struct metric_place *at, struct metric_row *r);

#endif
