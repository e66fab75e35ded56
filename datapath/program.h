/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP programs in the kernel: one instance for each port, all sharing one set of maps. Maps and
 * links are pinned (datapath/pins.h): a daemon finds what the one before it left, and puts its own
 * programs in the place of the old ones without a gap.
 */
#ifndef WEIR_DATAPATH_PROGRAM_H
#define WEIR_DATAPATH_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "datapath/tap.h"

struct err;
struct instance;
struct port;
struct program;
struct policy_meters;
struct policy_stage;
struct target_maps;
struct watch_maps;

struct program_input {
	const struct instance *instance; /* its pins, flow table and ways to the backends */
	const struct port *ports;
	uint32_t port_count;
	bool multi_buffer;        /* frames may lie in several buffers */
	bool drop_without_daemon; /* new flows, else they go to the kernel */
	bool taps;                /* false: there are to be none */
};

/* Loads the programs. Nothing is attached. -EPERM says what is missing. */
int program_open(struct program **out, const struct program_input *in, struct err *err);

/* Loads one more, for the last of in->ports, which is not attached yet. */
int program_add(struct program *p, const struct program_input *in, struct err *err);

/* Lets go of everything; what is pinned stays in force. NULL too. */
void program_close(struct program *p);

/*
 * Attaches the program of port `index`: in native mode, or generic where the driver has none or
 * the configuration says so (port->generic tells); or puts it in the place of the one that the
 * daemon before left there. -EBUSY: another program is there.
 */
int program_attach(struct program *p, uint32_t index, struct port *port, struct err *err);

/* Whether it still is, at that interface: one that was away for a moment has lost it. */
bool program_is_attached(struct program *p, uint32_t index, int ifindex);

/* Gives up the place of one whose interface is gone. */
void program_let_go(struct program *p, uint32_t index);

/* Says to all what there is to know of a port: link address, MTU, and that it is (not) there. */
int program_set_port(struct program *p, uint32_t index, const struct port *port, struct err *err);

/* Detaches those of ports that are no longer configured. */
void program_detach_others(struct program *p);

/* Detaches all: nothing more comes to the sockets. */
void program_detach(struct program *p);

/* Sets the counters of all ports to zero. */
void program_reset_counters(struct program *p);

/* Decides by the tables that the instance says are in force: another has put them there. */
void program_follow_tables(struct program *p);

/* When the program of a port repeats decisions itself. */
void program_set_fast_path(struct program *p, uint32_t port, enum fast_path when);

/* Names the socket for a port's queue. */
int program_set_socket(struct program *p, uint32_t port, uint32_t queue, int fd, struct err *err);

/* Takes them all away: when this returns, no packet is on its way to one. */
void program_clear_sockets(struct program *p);

/*
 * When this returns, no CPU goes any more by what was read before. (The kernel has no call that
 * only waits, but one that does.)
 */
void program_wait(struct program *p);

/* Puts the translations of the flow table in force, a map's descriptor; -1: there are none. */
int program_set_translations(struct program *p, int fd, struct err *err);

/* How many echo requests a second each CPU answers where no worker does. */
void program_set_echo_limit(struct program *p, uint32_t limit);

/* Where a policy other than the one in force goes. */
int program_stage_policy(struct program *p, struct policy_stage *out, struct err *err);

/*
 * Puts the tables of services and those of a policy in force, with one store for each port: a
 * packet sees those before or those after. NULL: these stay as they are. Closes `targets`.
 * `generation`: of the policy, 0: there is none.
 */
int program_commit(struct program *p, struct target_maps *targets, struct policy_stage *policy,
		   uint32_t generation, struct err *err);

const struct policy_meters *program_meters(const struct program *p);

/* What a rule decided about, summed over CPUs. */
int program_rule_traffic(const struct program *p, uint32_t rule, struct rule_traffic *out);
void program_reset_rule(struct program *p, uint32_t rule);

/* The counters of a port, and of what the fast path sent to backends, summed over CPUs. */
int program_counters(const struct program *p, uint32_t port, struct port_counters *out);
int program_traffic(const struct program *p, uint32_t first, uint32_t count,
		    struct fast_traffic *out);

void program_reset_traffic(struct program *p, uint32_t backend);

/* What the taps of a port have to know (datapath/taps.h), and the map of their rings. */
void program_set_taps(struct program *p, uint32_t port, const struct tap_control *control);
int program_tap_map(const struct program *p);

/* The maps that the tracepoint programs share (datapath/watch.h). */
void program_watch_maps(const struct program *p, struct watch_maps *out);

#endif
