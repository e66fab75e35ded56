/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A place in the dispatcher by which libxdp lets several XDP programs share an interface
 * (`attach: dispatcher`; its protocol: github.com/xdp-project/xdp-tools, lib/libxdp/protocol.org).
 * A small program stands there and goes on into Weir's (bpf/gate.bpf.c). It outlives the daemon:
 * the dispatcher's links are pinned by libxdp, the gate and what it leads to by us. Control thread.
 */
#ifndef WEIR_DATAPATH_GATE_H
#define WEIR_DATAPATH_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct pins;
struct port;

/*
 * Lets the gate of port->name lead to `program`: that which stands in the dispatcher already, at
 * once; or a new one, in native mode, or generic where the driver has none or the configuration
 * says so (port->generic tells). Descriptor of the gate. -EOPNOTSUPP: this kernel has no such
 * dispatcher. -EBUSY: a program without one is attached.
 */
int gate_open(const struct pins *pins, struct port *port, int program, struct err *err);

/* Whether the gate still stands at that interface. */
bool gate_is_open(int gate, int ifindex);

/* Takes it out of the dispatcher, which goes too if it was the last one in it. */
void gate_shut(const struct pins *pins, const char *interface);

/* The same for all interfaces that have one, but those for which `keep` (or NULL) is true. */
void gate_shut_all(const struct pins *pins, bool (*keep)(void *context, const char *interface),
		   void *context);

#endif
