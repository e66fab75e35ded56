/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What outlives the daemon: the flow table, the ways to the backends, names' ids and counters, in
 * kernel memory that is pinned (datapath/pins.h) and that this process has as plain memory. A
 * daemon that starts takes over what the one before it left. Control thread, but for what workers
 * are handed.
 */
#ifndef WEIR_DATAPATH_INSTANCE_H
#define WEIR_DATAPATH_INSTANCE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "datapath/pins.h"
#include "lb/flow_table.h"

struct capture_slot;
struct config;
struct deferral;
struct err;
struct port;
struct registry;
struct snapshot;
struct tap_state;
struct worker_memory;

#define INSTANCE_NAME 128 /* bytes of "service/backend" with its NUL */

/* The first thing to look at; what it says must fit before anything else is touched. */
struct instance_header {
	uint32_t abi_version;
	uint32_t ready;        /* 0: whoever made it did not get to the end */
	uint64_t netns_cookie; /* the network namespace it belongs to */
	struct flow_seed seed; /* of the flow table */
	uint32_t tables;       /* what the XDP programs had in force, see bpf/abi.h */
	uint32_t port_count;
	char ports[ABI_MAX_PORTS][IF_NAMESIZE];
	uint64_t lost[ABI_REASON_SLOTS]; /* drops that no other counter has (any more) */
	struct fast_traffic
		retired[ABI_MAX_SERVICES]; /* of backends that were removed, by service */
};

struct instance {
	int lock;
	struct pins pins;
	bool inherited;       /* flows and counters of a daemon before are there */
	bool adopted;         /* a daemon runs that has it, see instance_adopt() */
	const char *replaced; /* why not, if there was something: words for the log, or NULL */
	struct instance_header *header;
	struct flow_table flows;
	struct fast_backend *fast_backends; /* by id */
	struct worker_memory *workers;      /* by index of the worker */
	uint32_t worker_slots;
	struct capture_slot *captures; /* what captures want, by slot */
	struct tap_state *tap_states;  /* of the programs, TAP_STATES for each CPU */
	struct deferral *deferrals;    /* settings of ports to be given back */
	uint32_t cpus;                 /* that may ever be there */
	struct shared_array header_array, flow_array, key_array, backend_array, worker_array;
	struct shared_array service_names, backend_names, rule_names;
	struct shared_array translation_array; /* zeroed: nothing is translated */
	struct shared_array capture_array, tap_array, deferral_array, half_open_array;
};

/* -EADDRINUSE: a daemon of that instance runs; -EBUSY: it is another network namespace's. */
int instance_open(struct instance *i, const struct config *config, struct err *err);

/*
 * The same of an instance whose daemon runs, and that is about to be this one's: `lock` is a
 * descriptor of that one's lock, which is taken over, even where it fails. Nothing of it changes.
 * -EINVAL: it does not fit `config`.
 */
int instance_adopt(struct instance *i, const struct config *config, int lock, struct err *err);

/* Lets go of it; with `remove` nothing stays in the kernel. A zeroed one too. */
void instance_close(struct instance *i, bool remove);

struct instance_names {
	struct registry *services, *backends, *rules;
};

/* Gives names the ids they had; registries must be new. -ENOMEM. */
int instance_load_names(const struct instance *i, const struct instance_names *names,
			struct err *err);
void instance_save_names(struct instance *i, const struct instance_names *names);

/*
 * Makes room for translations beside the flow table, or takes over what is there; nothing where
 * there is room already. -ENOMEM.
 */
int instance_use_translations(struct instance *i, struct err *err);

/* Writes the ways to the backends for the XDP programs. */
void instance_publish(struct instance *i, const struct snapshot *s);

/*
 * Has flows and the ways to backends mean the interfaces that the daemon before meant, where this
 * one numbers them in another way: to be called before its programs are.
 */
void instance_renumber_ports(struct instance *i, const char (*ports)[IF_NAMESIZE], uint32_t count);

/* Notes which ports the counters are of. */
void instance_name_ports(struct instance *i, const struct port *ports, uint32_t count);

/*
 * Whether the counters are of the same ports in the same order as before; if not, they begin anew
 * with this call, and so must the XDP programs'.
 */
bool instance_keep_counters(struct instance *i, const char (*ports)[IF_NAMESIZE], uint32_t count);

#endif
