/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's state: one control thread and event loop (libev) owns all of it; workers see the
 * published snapshot only.
 */
#ifndef WEIR_TOOLS_DAEMON_H
#define WEIR_TOOLS_DAEMON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/weir/api_access.h"
#include "tools/weir/drain.h"
#include "tools/weir/history.h"
#include "tools/weir/snat_host.h"
#include "tools/weir/supervisor.h"

struct announcer;
struct api;
struct backend_control;
struct captures;
struct checker;
struct config;
struct engine;
struct err;
struct detour;
struct ev_loop;
struct link_watch;
struct losses;
struct next_hops;
struct takeover;
struct takeover_server;
struct tunnel_errors;
struct policy_tables;
struct registry;
struct routes;

struct daemon {
	struct ev_loop *loop;
	const char *config_path;
	struct config *config;             /* in force */
	struct registry *services;         /* names to ids */
	struct registry *backends;         /* "service/backend" to ids */
	struct backend_control *controls;  /* by backend id: what `weir set` and checks say */
	struct registry *rules;            /* of the policy: names to ids */
	struct policy_tables *policy;      /* NULL: everything is allowed */
	struct source_watch *source_watch; /* NULL: nobody watches the files of sources */
	struct engine *engine;
	struct next_hops *next_hops;
	struct tunnel_errors *tunnel_errors;
	struct announcer *announcer;
	struct routes *routes; /* NULL: there is no table for them */
	struct link_watch *link_watch;
	char links_fault[512]; /* why an interface is not served, as the log was told; "": none */
	struct detour *detour;
	struct checker *checker;
	struct captures *captures;
	struct losses *losses;
	struct api *api;
	struct api_access access;
	struct history history;
	struct drain drain;
	struct takeover *takeover; /* while this daemon takes over from another; or NULL */
	struct takeover_server *takeover_server;
	bool handing_over; /* another may take over any moment: nothing must change */
	pid_t handed_to;   /* who has; 0: nobody */
	bool leave;        /* the kernel's part stays in force when the daemon ends */
	struct snat_host_watch snat_watch;
	struct watchdog watchdog;
	uint64_t start_ns;   /* CLOCK_MONOTONIC */
	uint64_t generation; /* of the configuration, counts reloads */
};

/* Reads and checks the file at `path`. -EINVAL: the configuration is at fault. */
int daemon_read_config(const char *path, struct config **out, struct err *err);

/*
 * Makes `config` the one in force and takes it over, or changes nothing. The engine must be open;
 * what was set when it was opened must not differ (changes_restart()).
 */
int daemon_apply(struct daemon *d, struct config *config, struct err *err);

/* Decides anew by the configuration in force, with what is known of next hops now. */
int daemon_publish(struct daemon *d, struct err *err);

/*
 * Reads the configuration again and makes it the one in force, or changes nothing. Leaves in
 * *changes (NULL: not wanted) what is different now (tools/weir/changes.h), to be released.
 */
int daemon_reload(struct daemon *d, json_t **changes, struct err *err);

/*
 * Reads the files of sources again and puts the policy in force with them. -EINVAL: they are at
 * fault, and the lists in force stay so.
 */
int daemon_renew_policy(struct daemon *d, struct err *err);

#endif
