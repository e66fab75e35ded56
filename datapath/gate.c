// SPDX-License-Identifier: BSD-2-Clause
/*
 * libxdp makes the dispatcher, pins it by the interface's number, and lets others add and take away
 * their programs by making it anew around the gate. What is known of it is asked for each time.
 */
#include "datapath/gate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "bpf/gate.skel.h"
#include "datapath/dispatcher.h"
#include "datapath/pins.h"
#include "datapath/port.h"
#include "datapath/probe.h"
#include "lb/err.h"

#define PIN_GATE   "gate-"   /* and the interface's name: the program in the dispatcher */
#define PIN_BEHIND "behind-" /* the map of what it goes on into */

typedef char pin_name[sizeof(PIN_BEHIND) + IF_NAMESIZE];

static const char *pin_of(pin_name name, const char *kind, const char *interface)
{
	snprintf(name, sizeof(pin_name), "%s%s", kind, interface);
	return name;
}

static uint32_t id_of(int program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.id;
}

/* Where a program is: in a dispatcher, or alone, which libxdp falls back to. */
struct standing {
	enum xdp_attach_mode mode; /* XDP_MODE_UNSPEC: it is not there */
	bool alone;
};

static struct standing standing_of(uint32_t id, int ifindex)
{
	struct standing s = {.mode = XDP_MODE_UNSPEC};
	struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex(ifindex);
	if (libxdp_get_error(all))
		return s;
	s.alone = xdp_multiprog__is_legacy(all);
	struct xdp_program *one =
		s.alone ? xdp_multiprog__main_prog(all) : xdp_multiprog__next_prog(NULL, all);
	for (; one; one = s.alone ? NULL : xdp_multiprog__next_prog(one, all))
		if (xdp_program__id(one) == id)
			s.mode = xdp_multiprog__attach_mode(all);
	xdp_multiprog__close(all);
	return s;
}

bool gate_is_open(int gate, int ifindex)
{
	struct standing s = standing_of(id_of(gate), ifindex);
	return s.mode != XDP_MODE_UNSPEC && !s.alone;
}

/* --- taking it away -----------------------------------------------------------------------------
 */

/* Nothing more goes through it: what comes is passed. */
static void bar(const struct pins *pins, const char *interface)
{
	pin_name name;
	uint32_t slot = 0;
	int map = pins_get(pins, pin_of(name, PIN_BEHIND, interface));
	if (map < 0)
		return;
	bpf_map_delete_elem(map, &slot);
	close(map);
}

static void take_out(int gate, int ifindex)
{
	struct xdp_program *program = xdp_program__from_fd(gate);
	if (libxdp_get_error(program))
		return;
	struct standing at = standing_of(xdp_program__id(program), ifindex);
	struct dispatcher ours;
	/* Those that stay get a new dispatcher too. */
	if (at.mode != XDP_MODE_UNSPEC && xdp_program__detach(program, ifindex, at.mode, 0) &&
	    !dispatcher_offer(&ours)) {
		xdp_program__detach(program, ifindex, at.mode, 0);
		dispatcher_withdraw(&ours);
	}
	xdp_program__close(program);
}

void gate_shut(const struct pins *pins, const char *interface)
{
	pin_name name;
	int gate = pins_get(pins, pin_of(name, PIN_GATE, interface));
	if (gate < 0)
		return;
	bar(pins, interface);
	take_out(gate, if_nametoindex(interface));
	close(gate);
	pins_drop(pins, name);
	pins_drop(pins, pin_of(name, PIN_BEHIND, interface));
}

struct shutting {
	const struct pins *pins;
	bool (*keep)(void *context, const char *interface);
	void *context;
};

/* For pins_drop_all(): gate_shut() drops the pins. */
static bool shut_one(void *context, const char *name)
{
	const struct shutting *s = context;
	const char *interface = name + strlen(PIN_GATE);
	if (!s->keep || !s->keep(s->context, interface))
		gate_shut(s->pins, interface);
	return true;
}

void gate_shut_all(const struct pins *pins, bool (*keep)(void *context, const char *interface),
		   void *context)
{
	struct shutting s = {pins, keep, context};
	pins_drop_all(pins, PIN_GATE, shut_one, &s);
}

/* --- opening ------------------------------------------------------------------------------------
 */

static int lead_to(int map, int program, const struct port *port, struct err *err)
{
	uint32_t slot = 0;
	if (!bpf_map_update_elem(map, &slot, &program, BPF_ANY))
		return 0;
	return err_set(err, errno, "the place of %s in libxdp's dispatcher can't lead to Weir: %m",
		       port->name);
}

static bool stands(int gate, const struct port *port)
{
	struct standing s = standing_of(id_of(gate), port->ifindex);
	bool generic = s.mode == XDP_MODE_SKB;
	return s.mode != XDP_MODE_UNSPEC && !s.alone &&
	       generic == (port->wanted == MODE_GENERIC || port->generic);
}

/* The one that the daemon before left, if it is still good: a descriptor. -ENOENT: there is none
 * now. */
static int inherit(const struct pins *pins, const struct port *port, int program)
{
	pin_name name;
	int gate = pins_get(pins, pin_of(name, PIN_GATE, port->name));
	int map = pins_get(pins, pin_of(name, PIN_BEHIND, port->name));
	bool good =
		gate >= 0 && map >= 0 && stands(gate, port) && !lead_to(map, program, port, NULL);
	if (map >= 0)
		close(map);
	if (good)
		return gate;
	if (gate >= 0)
		close(gate);
	gate_shut(pins, port->name);
	return -ENOENT;
}

static int refused(const struct port *port, int r, struct err *err)
{
	uint32_t other = 0;
	if (r != -EBUSY && r != -EEXIST)
		return err_set(err, -r,
			       "libxdp can't put Weir into a dispatcher on %s: %s; the log has its "
			       "words",
			       port->name, strerror(-r));
	bpf_xdp_query_id(port->ifindex, 0, &other);
	return err_set(err, EBUSY,
		       "%s is used already: XDP program %u is attached to it without libxdp's "
		       "dispatcher, so Weir can't be beside it; load it by 'xdp-loader', or 'ip "
		       "link set dev %s xdp off'",
		       port->name, other, port->name);
}

/*
 * Loads a gate as a part of the dispatcher. An object whose load has failed is of no more use: each
 * try has one of its own.
 */
static int try_in(struct gate_bpf **own, const struct port *port, enum xdp_attach_mode mode,
		  int *gate)
{
	gate_bpf__destroy(*own);
	*own = gate_bpf__open();
	if (!*own)
		return -ENOMEM;
	struct xdp_program *program = xdp_program__from_bpf_obj((*own)->obj, "xdp");
	int r = libxdp_get_error(program);
	if (r)
		return r;
	xdp_program__set_run_prio(program, port->priority);
	r = xdp_program__attach(program, port->ifindex, mode, 0);
	*gate = r ? -1 : dup(xdp_program__fd(program));
	xdp_program__close(program);
	return r;
}

/* By the dispatcher that libxdp has, or by ours where the kernel does not let the gate into that.
 */
static int try_by_any(struct gate_bpf **own, const struct port *port, enum xdp_attach_mode mode,
		      int *gate)
{
	struct dispatcher ours;
	int r = try_in(own, port, mode, gate);
	if (r != -EINVAL || dispatcher_offer(&ours))
		return r;
	r = try_in(own, port, mode, gate);
	dispatcher_withdraw(&ours);
	return r;
}

static int attach(struct gate_bpf **own, struct port *port, int *gate)
{
	int r = -EOPNOTSUPP;
	for (int generic = port->wanted == MODE_GENERIC; generic < 2; generic++) {
		r = try_by_any(own, port, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, gate);
		port->generic = generic;
		if (r != -EOPNOTSUPP || port->wanted == MODE_ZEROCOPY)
			break;
	}
	return r;
}

static int make(const struct pins *pins, struct port *port, int program, struct err *err)
{
	struct gate_bpf *own = NULL;
	pin_name name;
	int gate = -1, r = attach(&own, port, &gate);
	if (r) {
		gate_bpf__destroy(own);
		return refused(port, r, err);
	}
	int map = bpf_map__fd(own->maps.behind_gate);
	r = pins_put(pins, pin_of(name, PIN_GATE, port->name), gate, err);
	r = r ? r : pins_put(pins, pin_of(name, PIN_BEHIND, port->name), map, err);
	/* Where libxdp falls back to the program alone, others could not be beside it. */
	if (!r && !gate_is_open(gate, port->ifindex))
		r = refused(port, -EOPNOTSUPP, err);
	r = r ? r : lead_to(map, program, port, err);
	if (r) {
		take_out(gate, port->ifindex);
		close(gate);
		gate_shut(pins, port->name);
	}
	gate_bpf__destroy(own);
	return r ? r : gate;
}

int gate_open(const struct pins *pins, struct port *port, int program, struct err *err)
{
	bool can = true;
	if (!probe_trampolines(&can) && !can)
		return err_set(err, EOPNOTSUPP,
			       "%s: attach is dispatcher, but this kernel does not let libxdp put "
			       "one XDP program into another (freplace; 'weir doctor' on "
			       "trampolines): set attach: link, with Weir's the only XDP program",
			       port->name);
	int gate = inherit(pins, port, program);
	return gate < 0 ? make(pins, port, program, err) : gate;
}
