/* SPDX-License-Identifier: BSD-2-Clause */
/* A snapshot's services and their backends: what configuration, kernel, operator and checks say. */
#ifndef WEIR_LB_SNAPSHOT_SERVICE_H
#define WEIR_LB_SNAPSHOT_SERVICE_H

struct backend;
struct config_service;
struct next_hop;
struct service;
struct snapshot;
struct snapshot_input;

/* By the configuration. `previous`: the snapshot before, or NULL. -ENOMEM. */
int snapshot_fill_service(struct snapshot *s, const struct snapshot_input *in,
			  const struct config_service *config, const struct snapshot *previous);

/* All that next hops and controls have a say in. `old`: the service before, or NULL. -ENOMEM. */
int snapshot_settle_service(struct snapshot *s, struct service *service,
			    const struct snapshot_input *in, const struct snapshot *previous,
			    const struct service *old);

/* A service as it was before, but for what snapshot_settle_service() fills in. */
void snapshot_take_over_service(struct service *service, const struct service *old);

void snapshot_drop_service(struct service *service); /* what it has; a zeroed one too */

/* What the kernel says of the way to a backend. */
void snapshot_route_backend(struct backend *b, const struct next_hop *hop,
			    const struct snapshot *s);

#endif
