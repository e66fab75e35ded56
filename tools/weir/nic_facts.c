// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asks by netlink and ioctl, which see the caller's network namespace. /sys may show another one,
 * so it is asked only about the device behind a NIC, by its address on the bus, and about the
 * interface where it is the same one.
 */
#include "tools/weir/nic_facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/interrupts.h"
#include "datapath/probe.h"
#include "datapath/sysfs.h"
#include "tools/weir/ethtool.h"
#include "tools/weir/host_facts.h"
#include "tools/weir/netdev.h"
#include "tools/weir/peer.h"
#include "tools/weir/rtnetlink.h"

#define PATH 160

static void look_at_link(struct nic_facts *n, struct rtnetlink *r, int *peer_namespace)
{
	struct kernel_interface link;
	*peer_namespace = -1;
	if (rtnetlink_get_interface(r, n->ifindex, &link))
		return;
	n->up = link.up;
	n->running = link.running;
	n->ethernet = link.ethernet;
	n->mtu = link.mtu;
	*peer_namespace = link.peer_namespace;
	snprintf(n->kind, sizeof(n->kind), "%s", link.kind);
	if (!link.master || !if_indextoname(link.master, n->master))
		n->master[0] = '\0';
}

static void look_at_xdp(struct nic_facts *n)
{
	struct netdev_xdp features;
	struct probe_xdp xdp;
	if (!netdev_xdp_features(n->ifindex, &features)) {
		n->native_xdp = features.native ? FACT_YES : FACT_NO;
		n->zerocopy = features.zerocopy ? FACT_YES : FACT_NO;
	}
	if (probe_xdp(n->ifindex, &xdp))
		return;
	n->xdp.program = xdp.program;
	n->xdp.generic = xdp.generic;
	snprintf(n->xdp.name, sizeof(n->xdp.name), "%s", xdp.name);
	n->xdp.is_ours = !strcmp(xdp.name, "weir");
	n->xdp.is_dispatcher = !strcmp(xdp.name, "xdp_dispatcher");
}

static void look_at_device(struct nic_facts *n)
{
	char path[PATH];
	n->node = -1;
	CPU_ZERO(&n->irq_cpus);
	if (n->bus[0]) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/numa_node", n->bus);
		n->node = host_setting(path, -1);
		n->irqs = interrupts_of(n->bus, &n->irq_cpus);
	}
	n->defer_hard_irqs = n->flush_timeout_ns = -1;
	sysfs_read(n->name, "napi_defer_hard_irqs", &n->defer_hard_irqs);
	sysfs_read(n->name, "gro_flush_timeout", &n->flush_timeout_ns);
}

void nic_facts_look(struct nic_facts *n, const char *name, struct rtnetlink *r)
{
	char path[PATH];
	int peer_namespace, fd;
	memset(n, 0, sizeof(*n));
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->ifindex = if_nametoindex(n->name);
	n->there = n->ifindex > 0;
	n->rp_filter = -1;
	if (!n->there)
		return;
	look_at_link(n, r, &peer_namespace);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		ethtool_look(fd, n);
		int peer = ethtool_peer(fd, n->name);
		if (peer)
			peer_look(r, peer, peer_namespace, &n->peer);
		close(fd);
	}
	look_at_xdp(n);
	look_at_device(n);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", n->name);
	n->rp_filter = host_setting(path, -1);
}
