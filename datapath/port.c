// SPDX-License-Identifier: BSD-2-Clause
/* Asks the kernel about an interface by ioctl, which sees the caller's network namespace. */
#include "datapath/port.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/sysfs.h"
#include "lb/err.h"

static int ask(int fd, const char *name, unsigned long request, struct ifreq *r)
{
	memset(r->ifr_name, 0, sizeof(r->ifr_name));
	memcpy(r->ifr_name, name, strnlen(name, IF_NAMESIZE - 1));
	return ioctl(fd, request, r) ? -errno : 0;
}

static void describe(struct port *p, const struct ethtool_drvinfo *info)
{
	bool bus = *info->bus_info, firmware = *info->fw_version;
	snprintf(p->driver, sizeof(p->driver), "%.31s", info->driver);
	snprintf(p->bus, sizeof(p->bus), "%.31s", info->bus_info);
	snprintf(p->hardware, sizeof(p->hardware), "%s%.24s%s%.24s", bus ? "at " : "",
		 info->bus_info, firmware ? " firmware " : "", info->fw_version);
}

static void ask_driver(int fd, struct port *p)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq r = {.ifr_data = (void *)&info};
	snprintf(p->driver, sizeof(p->driver), "unknown");
	if (!ask(fd, p->name, SIOCETHTOOL, &r))
		describe(p, &info);
}

static uint32_t ask_queue_count(int fd, const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq r = {.ifr_data = (void *)&channels};
	if (ask(fd, name, SIOCETHTOOL, &r))
		return 1;
	uint32_t count = channels.combined_count + channels.rx_count;
	return count ? count : 1;
}

static int ask_node(const char *name)
{
	int64_t node;
	return sysfs_read(name, "device/numa_node", &node) ? -1 : node;
}

static int set_queues(struct port *p, const struct config_numbers *wanted, struct err *err)
{
	uint32_t there = p->rx_queues;
	p->queue_count = wanted->count ? wanted->count : there;
	if (p->queue_count > ABI_MAX_QUEUES)
		return err_set(err, EINVAL,
			       "%s has %u receive queues, Weir serves up to %u: 'ethtool -L %s "
			       "combined %u'",
			       p->name, there, ABI_MAX_QUEUES, p->name, ABI_MAX_QUEUES);
	for (uint32_t i = 0; i < p->queue_count; i++) {
		p->queues[i] = wanted->count ? wanted->values[i] : i;
		if (p->queues[i] >= there)
			return err_set(err, EINVAL,
				       "%s has no receive queue %u: it has %u; name others in "
				       "'queues', or 'ethtool -L %s combined %u'",
				       p->name, p->queues[i], there, p->name, p->queues[i] + 1);
	}
	return 0;
}

static int ask_all(int fd, struct port *p, struct err *err)
{
	struct ifreq r;
	if (ask(fd, p->name, SIOCGIFINDEX, &r))
		return err_set(err, ENODEV,
			       "there is no interface %s: 'ip link' lists those there are",
			       p->name);
	p->ifindex = r.ifr_ifindex;
	if (ask(fd, p->name, SIOCGIFFLAGS, &r))
		return err_set(err, ENODEV, "interface %s is gone", p->name);
	p->up = r.ifr_flags & IFF_UP;
	if (ask(fd, p->name, SIOCGIFHWADDR, &r) || r.ifr_hwaddr.sa_family != 1 /* ARPHRD_ETHER */)
		return err_set(err, EINVAL, "interface %s is not an Ethernet interface", p->name);
	memcpy(p->mac, r.ifr_hwaddr.sa_data, ETH_ALEN);
	if (ask(fd, p->name, SIOCGIFMTU, &r))
		return err_set(err, ENODEV, "can't read the MTU of %s", p->name);
	p->mtu = r.ifr_mtu;
	ask_driver(fd, p);
	p->node = ask_node(p->name);
	p->rx_queues = ask_queue_count(fd, p->name);
	p->there = true;
	return 0;
}

int port_look(struct port *p, const struct config_interface *config, struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "no socket to ask about interfaces: %m");
	*p = (struct port){
		.wanted = config->mode, .attach = config->attach, .priority = config->priority};
	snprintf(p->name, sizeof(p->name), "%s", config->name);
	int r = ask_all(fd, p, err);
	close(fd);
	return r;
}

/* What stands on other interfaces has no queues of its own that a socket could be bound to. */
static const char *unfit(const struct port *p)
{
	static const struct {
		const char *driver, *why;
	} kinds[] = {
		{"bonding", "is a bond: name its members instead; it may keep its addresses"},
		{"team", "is a team: name its members instead; it may keep its addresses"},
		{"bridge", "is a bridge: name those of its members that VIPs come in by"},
		{"802.1Q VLAN Support", "is a VLAN sub-interface: name the one that it is on; what "
					"leaves by the sub-interface's "
					"routes gets its tag"},
		{"macvlan", "is a macvlan: name the interface that it is on"},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(p->driver, kinds[i].driver))
			return kinds[i].why;
	return NULL;
}

int port_open(struct port *p, const struct config_interface *config, struct err *err)
{
	int r = port_look(p, config, err);
	if (r)
		return r;
	const char *why = unfit(p);
	if (why)
		return err_set(err, EINVAL, "%s %s", p->name, why);
	if (!p->up)
		return err_set(err, ENETDOWN, "interface %s is down: 'ip link set %s up'", p->name,
			       p->name);
	if (p->mtu > PORT_MAX_MTU)
		return err_set(err, EINVAL,
			       "the MTU of %s is %u, this version takes up to %u: 'ip link set %s "
			       "mtu 1500'",
			       p->name, p->mtu, PORT_MAX_MTU, p->name);
	return set_queues(p, &config->queues, err);
}

int port_count_queues(struct port *p, const struct config_interface *config, struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "no socket to ask about interfaces: %m");
	p->rx_queues = ask_queue_count(fd, p->name);
	close(fd);
	return set_queues(p, &config->queues, err);
}

const char *port_mode_name(const struct port *p)
{
	if (!p->there)
		return "gone";
	if (p->generic)
		return "generic";
	return p->zerocopy ? "zerocopy" : "copy";
}
