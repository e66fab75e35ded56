/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The services and backends that all balancers are configured with, and how they change. Snapshots
 * are built of it by lb/, as the control thread of the daemon does. All balancers share the ids, by
 * which nothing is decided.
 */
#ifndef WEIR_SIM_ESTATE_H
#define WEIR_SIM_ESTATE_H

#include <stdbool.h>
#include <stdint.h>

struct backend_control;
struct chance;
struct config;
struct config_service;
struct err;
struct estate_edit;
struct registry;
struct snapshot;

#define ESTATE_SERVICES 4096u
#define ESTATE_BACKENDS 120000u /* leaves ids for those that come */
#define ESTATE_PORT     443
#define ESTATE_VIPS     0xc6120000u /* 198.18.0.0 and up: one address for each service */

struct estate {
	struct config *config;
	struct registry *services, *backends;
	struct backend_control *controls; /* by backend id */
	uint32_t service_count, backend_count;
	uint32_t next; /* number of the next new backend */
	struct estate_edit *edits;
	uint32_t edit_count;
};

/* `backends` shared out evenly over `services`, at least one each. -errno. */
int estate_open(struct estate *e, uint32_t services, uint32_t backends, struct err *err);
void estate_close(struct estate *e); /* a zeroed one too */

/* A new backend for a random service. -errno. */
int estate_add(struct estate *e, struct chance *c, struct err *err);

/* A random backend leaves, of a service that keeps another. -errno. */
int estate_remove(struct estate *e, struct chance *c, struct err *err);

/* The health check of a random backend fails from now on. */
void estate_fail(struct estate *e, struct chance *c);

/* Makes all of that undone. */
void estate_restore(struct estate *e);

/*
 * A reload: what `previous` (or NULL) was built of is the configuration before. With `refresh` only
 * checks' results have changed since. -errno.
 */
int estate_snapshot(const struct estate *e, const struct snapshot *previous, bool refresh,
		    uint64_t now_ns, struct snapshot **out, struct err *err);

/*
 * The same without any table from before: that of a balancer which starts now, or which does not
 * keep them. It is made as lb/ makes it once their time is over. -errno.
 */
int estate_forget(const struct estate *e, const struct snapshot *previous, struct snapshot **out,
		  struct err *err);

#endif
