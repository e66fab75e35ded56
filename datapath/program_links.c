// SPDX-License-Identifier: BSD-2-Clause
/*
 * What holds the XDP programs to the interfaces: their links, the sockets they steer to, and what
 * each knows of the ports. Control thread only.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "datapath/gate.h"
#include "datapath/pins.h"
#include "datapath/port.h"
#include "datapath/program_state.h"
#include "lb/err.h"

static int attach_error(const struct port *port, int r, struct err *err)
{
	uint32_t other = 0;
	switch (r) {
	case -EBUSY:
	case -EEXIST:
		bpf_xdp_query_id(port->ifindex, 0, &other);
		return err_set(
			err, EBUSY,
			"%s is used already: XDP program %u is attached to it; stop its "
			"owner ('bpftool link show' names links), or 'ip link set dev %s xdp off'",
			port->name, other, port->name);
	case -ERANGE:
	case -ENOSPC:
		return err_set(
			err, -r,
			"%s refuses native XDP (%s): its queues or its peer's MTU do not fit; "
			"mend that, or set mode: generic",
			port->name, strerror(-r));
	default:
		return err_set(err, -r, "can't attach the XDP program to %s: %s", port->name,
			       strerror(-r));
	}
}

/* The link that the daemon before left on a port, if it is still good; a descriptor or -1. */
static int inherited_link(struct program *p, uint32_t index, const struct port *port)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int fd = pins_get(p->pins, p->link_names[index]);
	if (fd < 0)
		return -1;
	bool generic =
		!bpf_xdp_query(port->ifindex, 0, &query) && query.attach_mode == XDP_ATTACHED_SKB;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_LINK_TYPE_XDP &&
	    (int)info.xdp.ifindex == port->ifindex &&
	    generic == (port->wanted == MODE_GENERIC || port->generic))
		return fd;
	close(fd);
	pins_drop(p->pins, p->link_names[index]);
	return -1;
}

static int new_link(int program, struct port *port, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = -EOPNOTSUPP;
	if (port->wanted != MODE_GENERIC)
		fd = bpf_link_create(program, port->ifindex, BPF_XDP, &opts);
	if (fd == -EOPNOTSUPP && port->wanted != MODE_ZEROCOPY) {
		opts.flags = XDP_FLAGS_SKB_MODE;
		fd = bpf_link_create(program, port->ifindex, BPF_XDP, &opts);
		port->generic = true;
	}
	return fd < 0 ? attach_error(port, fd, err) : fd;
}

/* Frames of several buffers would need that the dispatcher and all in it take them. */
static int attach_by_gate(struct program *p, uint32_t index, struct port *port, int program,
			  struct err *err)
{
	if (p->instances[index]->rodata->multi_buffer)
		return err_set(err, EOPNOTSUPP,
			       "%s: attach is dispatcher, and jumbo frames do not go through it: "
			       "'ip link set' an mtu of at most %u on all interfaces, or set "
			       "attach: link",
			       port->name, PORT_FRAME_MTU);
	pins_drop(p->pins, p->link_names[index]);
	int gate = gate_open(p->pins, port, program, err);
	p->gated[index] = true;
	p->dispatchers[index] = 0;
	p->links[index] = gate;
	return gate < 0 ? gate : 0;
}

int program_attach(struct program *p, uint32_t index, struct port *port, struct err *err)
{
	int program = bpf_program__fd(p->instances[index]->progs.weir);
	if (port->attach == ATTACH_DISPATCHER)
		return attach_by_gate(p, index, port, program, err);
	p->gated[index] = false;
	gate_shut(p->pins, port->name);
	int fd = inherited_link(p, index, port);
	if (fd >= 0 && !bpf_link_update(fd, program, NULL)) {
		p->links[index] = fd;
		return 0;
	}
	/* One of a version whose programs can't be replaced by ours. */
	if (fd >= 0) {
		close(fd);
		pins_drop(p->pins, p->link_names[index]);
	}
	fd = new_link(program, port, err);
	if (fd < 0)
		return fd;
	p->links[index] = fd;
	return pins_put(p->pins, p->link_names[index], fd, err);
}

static bool is_ours_at(void *context, const char *interface)
{
	const struct program *p = context;
	for (uint32_t i = 0; i < p->count; i++)
		if (!strcmp(interface, p->link_names[i] + strlen(LINK_PREFIX)))
			return true;
	return false;
}

static bool is_ours(void *context, const char *link)
{
	return is_ours_at(context, link + strlen(LINK_PREFIX));
}

void program_detach_others(struct program *p)
{
	pins_drop_all(p->pins, LINK_PREFIX, is_ours, p);
	gate_shut_all(p->pins, is_ours_at, p);
}

void program_detach(struct program *p)
{
	pins_drop_all(p->pins, LINK_PREFIX, NULL, NULL);
	gate_shut_all(p->pins, NULL, NULL);
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->links[i] >= 0)
			close(p->links[i]);
		p->links[i] = -1;
	}
}

/* --- ports --------------------------------------------------------------------------------- */

int program_set_port(struct program *p, uint32_t index, const struct port *port, struct err *err)
{
	int map = bpf_map__fd(program_first(p)->maps.egress_ports);
	uint32_t ifindex = port->ifindex;
	uint64_t mac = 0;
	memcpy(&mac, port->mac, sizeof(port->mac));
	__atomic_store_n(&p->instances[index]->bss->port_mac, mac, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < p->count; i++)
		__atomic_store_n(&p->instances[i]->bss->port_mtu[index], port->mtu,
				 __ATOMIC_RELAXED);
	if (!port->there)
		bpf_map_delete_elem(map, &index);
	else if (bpf_map_update_elem(map, &index, &ifindex, BPF_ANY))
		return err_set(err, errno, "the XDP program can't transmit by %s: %m", port->name);
	return 0;
}

/* Who changes what is in a dispatcher puts another one in its place. */
static bool is_gate_there(struct program *p, uint32_t index, int ifindex)
{
	uint32_t dispatcher = 0;
	if (bpf_xdp_query_id(ifindex, 0, &dispatcher) || !dispatcher)
		return false;
	if (dispatcher != p->dispatchers[index] && !gate_is_open(p->links[index], ifindex))
		return false;
	p->dispatchers[index] = dispatcher;
	return true;
}

/* The kernel takes the interface out of a link when it is unregistered. */
bool program_is_attached(struct program *p, uint32_t index, int ifindex)
{
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	if (p->gated[index])
		return is_gate_there(p, index, ifindex);
	return p->links[index] >= 0 && !bpf_obj_get_info_by_fd(p->links[index], &info, &size) &&
	       (int)info.xdp.ifindex == ifindex;
}

void program_let_go(struct program *p, uint32_t index)
{
	pins_drop(p->pins, p->link_names[index]);
	gate_shut(p->pins, p->link_names[index] + strlen(LINK_PREFIX));
	if (p->links[index] >= 0)
		close(p->links[index]);
	p->links[index] = -1;
}

/* --- sockets ------------------------------------------------------------------------------- */

int program_set_socket(struct program *p, uint32_t port, uint32_t queue, int fd, struct err *err)
{
	uint32_t slot = ABI_XSK_SLOT(port, queue);
	if (bpf_map_update_elem(bpf_map__fd(program_first(p)->maps.xsks), &slot, &fd, BPF_ANY))
		return err_set(err, errno, "can't steer queue %u to its socket: %m", queue);
	return 0;
}

void program_wait(struct program *p)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

void program_clear_sockets(struct program *p)
{
	int map = bpf_map__fd(program_first(p)->maps.xsks);
	for (uint32_t slot = 0; slot < ABI_MAX_PORTS * ABI_MAX_QUEUES; slot++)
		bpf_map_delete_elem(map, &slot);
	program_wait(p);
}
