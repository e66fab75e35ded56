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

#include "lb/err.h"
#include "tools/weir/api_access.h"
#include "tools/weir/api_socket.h"
#include "tools/weir/drain.h"
#include "tools/weir/history.h"
#include "tools/weir/privileges.h"
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
struct helper;
struct link_watch;
struct losses;
struct metrics;
struct next_hops;
struct takeover;
struct takeover_server;
struct tunnel_errors;
struct policy_job;
struct policy_tables;
struct registry;
struct syncer;
struct routes;

/* A configuration on its way into force. */
struct daemon_candidate {
	struct config *config;
	struct policy_tables *policy; /* its, NULL: everything is allowed */
	uint32_t known_end;           /* backend ids from there on are new with it */
};

/* `changes` is what is different now (tools/weir/changes.h), or NULL; the callee's to keep. */
typedef void daemon_reloaded_fn(void *context, int result, json_t *changes, const struct err *err);

/* What tools/weir/daemon_reload.c keeps. */
struct daemon_reload {
	bool under_way; /* or lists are being read again */
	bool signalled; /* another one was asked for meanwhile, by SIGHUP */
	bool lists_changed;
	struct policy_job *job; /* NULL: nothing is being loaded, nor given back */
	struct daemon_candidate candidate;
	json_t *changes;
	int result; /* once it is loaded, and why */
	struct err err;
	daemon_reloaded_fn *done;
	void *context;
};

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
	struct helper *helper; /* what takes privileges that are gone */
	enum privileges_for kept;
	struct detour *detour;
	struct checker *checker;
	struct syncer *syncer; /* NULL: flows are not shared with other nodes */
	struct captures *captures;
	struct losses *losses;
	struct api_sockets sockets;
	struct api *api;
	struct metrics *scraped; /* for tools/weir/metrics.c; or NULL */
	struct api_access access;
	struct daemon_reload reload;
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

/*
 * Reads and checks the file at `path`. -EINVAL: the configuration is at fault, or, where it is read
 * `again`, by a daemon that serves, it is no regular file.
 */
int daemon_read_config(const char *path, bool again, struct config **out, struct err *err);

/* The first configuration, which is taken over; or changes nothing. The engine must be open. */
int daemon_start(struct daemon *d, struct config *config, struct err *err);

/* Gives its names their ids, from which a policy is made; or nothing. */
int daemon_give_ids(struct daemon *d, struct daemon_candidate *c, struct err *err);
/* Takes back the ids of names that the configuration in force does not have. */
void daemon_take_back_ids(struct daemon *d);

/*
 * Makes a candidate that has its ids the one in force and takes over what it has, or changes
 * nothing. What was set when the engine was opened must not differ (changes_restart()).
 */
int daemon_apply(struct daemon *d, const struct daemon_candidate *c, struct err *err);

/* Puts other tables of the same rules in force, and takes them over; or changes nothing. */
int daemon_use_policy(struct daemon *d, struct policy_tables *policy, struct err *err);

/* Decides anew by the configuration in force, with what is known of next hops now. */
int daemon_publish(struct daemon *d, struct err *err);

/*
 * Reads the configuration again and makes it the one in force, or changes nothing; then calls
 * `done`, once: in here, or later from the loop where there is a policy. -EBUSY: one is under way.
 */
void daemon_reload(struct daemon *d, daemon_reloaded_fn *done, void *context);

/*
 * Reads the files of sources again, and puts the policy in force with them; where they are at fault
 * the lists in force stay so. The log says what became of it.
 */
void daemon_renew_policy(struct daemon *d);

/* Ends what is under way, with -ECANCELED. */
void daemon_cancel_reload(struct daemon *d);

#endif
