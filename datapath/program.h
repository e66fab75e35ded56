/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP programs in the kernel: one instance for each port, all sharing the maps of the first.
 * They are held by links of this process: when it ends, however it ends, they are detached.
 */
#ifndef WEIR_DATAPATH_PROGRAM_H
#define WEIR_DATAPATH_PROGRAM_H

#include <stdint.h>

#include "bpf/abi.h"
#include "datapath/tap.h"

struct err;
struct port;
struct program;
struct target_table;

/* Loads the programs for `count` ports. Nothing is attached. -EPERM says what is missing. */
int program_open(struct program **out, uint32_t count, struct err *err);
void program_close(struct program *p); /* detaches; NULL too */

/*
 * Attaches the program of port `index`: in native mode, or generic where the driver has none or
 * the configuration says so (port->generic tells). -EBUSY: another program is there.
 */
int program_attach(struct program *p, uint32_t index, struct port *port, struct err *err);

/* Detaches all: nothing more comes to the sockets. */
void program_detach(struct program *p);

/* The descriptor of a port's program, for tests that run it on packets of their own. */
int program_fd(const struct program *p, uint32_t index);

/* Names the socket for a port's queue. */
int program_set_socket(struct program *p, uint32_t port, uint32_t queue, int fd, struct err *err);

/* A table of targets in the kernel, ready to be put in force; a file descriptor or -errno. */
int program_prepare_targets(struct program *p, const struct target_table *t, struct err *err);

/* Puts it in force with one store, and closes it. */
int program_commit_targets(struct program *p, int fd, struct err *err);

/* The counters of a port, summed over CPUs. */
int program_counters(const struct program *p, uint32_t port, struct port_counters *out);

/* Packets dropped for these reasons go to the tap, at most `snaplen` bytes of each. */
int program_tap_arm(struct program *p, uint64_t reasons, uint32_t snaplen, struct err *err);
void program_tap_drain(struct program *p, tap_fn *fn, void *context);
uint64_t program_tap_lost(const struct program *p);

#endif
