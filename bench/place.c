// SPDX-License-Identifier: BSD-2-Clause
#include "bench/place.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/neighbour.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/machine.h"
#include "bench/netns.h"
#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/netdev.h"
#include "tools/weir/nic_facts.h"
#include "tools/weir/rtnetlink.h"

#define NEIGHBOR_STEP_MS 20
#define NEIGHBOR_STEPS   100
#define USABLE           (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

static int open_namespace(struct place *p, const char *text, struct err *err)
{
	char path[96];
	const char *colon = strchr(text, ':');
	snprintf(p->label, sizeof(p->label), "%s", text);
	snprintf(p->name, sizeof(p->name), "%s", colon ? colon + 1 : text);
	if (!colon) {
		p->ns = netns_here(err);
		return p->ns < 0 ? p->ns : 0;
	}
	snprintf(path, sizeof(path), "/run/netns/%.*s", (int)(colon - text), text);
	p->ns = open(path, O_RDONLY | O_CLOEXEC);
	if (p->ns < 0)
		return err_set(err, errno, "%s: there is no network namespace %s: %m", text, path);
	return 0;
}

int place_enter(const struct place *p, int *back, struct err *err)
{
	*back = netns_here(err);
	int r = *back < 0 ? *back : netns_enter(p->ns, err);
	if (r && *back >= 0)
		close(*back);
	return r;
}

void place_leave(int back)
{
	/* All that follows would be in the wrong place. */
	if (netns_enter(back, NULL))
		abort();
	close(back);
}

/* Of struct ethtool_link_settings the kernel wants to be told how long its bitmaps are. */
static uint64_t read_line_bps(int fd, const char *name)
{
	struct ethtool_cmd c = {.cmd = ETHTOOL_GSET};
	struct ifreq r = {.ifr_data = (void *)&c};
	memcpy(r.ifr_name, name, strnlen(name, IF_NAMESIZE - 1));
	if (ioctl(fd, SIOCETHTOOL, &r))
		return 0;
	uint32_t speed = ethtool_cmd_speed(&c);
	return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed * 1000000ull;
}

static int look(struct place *p, struct err *err)
{
	struct nic_facts n = {};
	struct kernel_link link;
	struct rtnetlink r = {};
	int code = rtnetlink_open(&r, 0, err);
	if (code)
		return code;
	nic_facts_look(&n, p->name, &r);
	code = n.there ? rtnetlink_get_link(&r, n.ifindex, &link) : -ENODEV;
	rtnetlink_close(&r);
	if (code)
		return err_set(err, -code, "%s: there is no such interface", p->label);
	if (!n.up || !n.running)
		return err_set(err, ENETDOWN, "%s: it is down: ip link set %s up", p->label,
			       p->name);
	p->ifindex = n.ifindex;
	p->mtu = n.mtu;
	p->queues = n.tx_queues ? n.tx_queues : 1;
	p->rx_queues = n.rx_queues ? n.rx_queues : 1;
	p->zerocopy = n.zerocopy == FACT_YES;
	memcpy(p->mac, link.mac, sizeof(p->mac));
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		p->line_bps = read_line_bps(fd, p->name);
		close(fd);
	}
	return 0;
}

static int look_there(struct place *p, struct err *err)
{
	int back, r = place_enter(p, &back, err);
	if (r)
		return r;
	r = look(p, err);
	place_leave(back);
	return r;
}

int place_open(struct place *p, const char *text, struct err *err)
{
	*p = (struct place){.ns = -1};
	if (geteuid())
		return err_set(
			err, EPERM,
			"this takes CAP_NET_RAW, CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_BPF: run "
			"it as root");
	int r = open_namespace(p, text, err);
	r = r ? r : look_there(p, err);
	if (r)
		place_close(p);
	return r;
}

int place_open_in(struct place *p, int ns, const char *name, struct err *err)
{
	*p = (struct place){.ns = fcntl(ns, F_DUPFD_CLOEXEC, 0)};
	if (p->ns < 0)
		return err_set(err, errno, "can't keep a namespace: %m");
	snprintf(p->label, sizeof(p->label), "%s", name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	int r = look_there(p, err);
	if (r)
		place_close(p);
	return r;
}

void place_close(struct place *p)
{
	if (p->ns >= 0)
		close(p->ns);
	p->ns = -1;
}

/* --- addresses -------------------------------------------------------------------------------- */

static bool take_address(const struct ifaddrs *a, const char *name, bool ipv6, struct addr *out)
{
	int family = ipv6 ? AF_INET6 : AF_INET;
	if (strcmp(a->ifa_name, name) || !a->ifa_addr || a->ifa_addr->sa_family != family)
		return false;
	if (!ipv6) {
		addr_set_v4(out, ((struct sockaddr_in *)a->ifa_addr)->sin_addr.s_addr);
		return true;
	}
	const struct in6_addr *in = &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
	memcpy(out->word, in, sizeof(out->word));
	return !IN6_IS_ADDR_LINKLOCAL(in);
}

int place_address(const struct place *p, bool ipv6, struct addr *out, struct err *err)
{
	struct ifaddrs *all = NULL;
	bool found = false;
	int back, r = place_enter(p, &back, err);
	if (r)
		return r;
	if (!getifaddrs(&all))
		for (struct ifaddrs *a = all; a && !found; a = a->ifa_next)
			found = take_address(a, p->name, ipv6, out);
	freeifaddrs(all);
	place_leave(back);
	return found ? 0
		     : err_set(err, EADDRNOTAVAIL, "%s has no IPv%c address: name one by --source",
			       p->label, ipv6 ? '6' : '4');
}

/* Any packet makes the kernel ask. */
static void prod(const struct addr *to)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	bool v4 = addr_is_v4(to);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(&in6.sin6_addr, to->word, sizeof(in6.sin6_addr));
	in.sin_addr.s_addr = to->word[3];
	if (fd < 0)
		return;
	(void)sendto(fd, "", 0, MSG_DONTWAIT, v4 ? (void *)&in : (void *)&in6,
		     v4 ? sizeof(in) : sizeof(in6));
	close(fd);
}

static int ask(struct rtnetlink *r, const struct place *p, const struct addr *to,
	       uint8_t mac[ETH_ALEN], struct err *err)
{
	char text[ADDR_TEXT];
	struct kernel_route route;
	struct kernel_neighbor n;
	int code = rtnetlink_get_route(r, to, &route);
	if (code || route.ifindex != p->ifindex)
		return err_set(err, ENETUNREACH,
			       "%s: no route to %s goes out of it: add one, or give the link "
			       "address by --destination-mac",
			       p->label, addr_format(to, text));
	const struct addr *hop = route.has_gateway ? &route.gateway : to;
	for (int i = 0; i < NEIGHBOR_STEPS; i++) {
		if (i % 10 == 0)
			prod(to);
		if (!rtnetlink_get_neighbor(r, p->ifindex, hop, &n) && n.has_mac &&
		    n.state & USABLE) {
			memcpy(mac, n.mac, sizeof(n.mac));
			return 0;
		}
		nanosleep(&(struct timespec){.tv_nsec = NEIGHBOR_STEP_MS * 1000000}, NULL);
	}
	return err_set(err, EHOSTUNREACH,
		       "%s: %s does not answer for its link address: is it there? "
		       "--destination-mac does without asking",
		       p->label, addr_format(hop, text));
}

int place_next_hop(const struct place *p, const struct addr *to, uint8_t mac[ETH_ALEN],
		   struct err *err)
{
	struct rtnetlink netlink = {};
	int back, r = place_enter(p, &back, err);
	if (r)
		return r;
	r = rtnetlink_open(&netlink, 0, err);
	if (!r)
		r = ask(&netlink, p, to, mac, err);
	rtnetlink_close(&netlink);
	place_leave(back);
	return r;
}

json_t *place_json(const struct place *p)
{
	int back;
	if (place_enter(p, &back, NULL))
		return json_null();
	json_t *j = machine_interface_json(p->label, p->name);
	place_leave(back);
	return j;
}

/* --- silence ---------------------------------------------------------------------------------- */

static void look_again(const struct place *p, struct nic_facts *n)
{
	struct rtnetlink r = {};
	int back;
	*n = (struct nic_facts){};
	if (place_enter(p, &back, NULL))
		return;
	if (!rtnetlink_open(&r, 0, NULL)) {
		nic_facts_look(n, p->name, &r);
		rtnetlink_close(&r);
	}
	place_leave(back);
}

static bool has_other_end(const struct peer_facts *p)
{
	return p->gro == FACT_YES || p->native_xdp == FACT_YES;
}

/* As the kernel says it of the interface (Linux 6.3). */
static enum fact transmits(const struct place *p)
{
	struct netdev_xdp features;
	int back;
	if (place_enter(p, &back, NULL))
		return FACT_UNKNOWN;
	int r = netdev_xdp_features(p->ifindex, &features);
	place_leave(back);
	return r ? FACT_UNKNOWN : features.transmits ? FACT_YES : FACT_NO;
}

bool place_takes_frames(const struct place *p)
{
	struct nic_facts n;
	enum fact says = transmits(p);
	if (says != FACT_UNKNOWN)
		return says == FACT_YES;
	look_again(p, &n);
	return strcmp(n.kind, "veth") ? n.native_xdp == FACT_YES : has_other_end(&n.peer);
}

void place_explain_silence(const struct place *from, const struct place *to, char *text,
			   size_t size)
{
	struct nic_facts sender, receiver;
	look_again(from, &sender);
	look_again(to, &receiver);
	const struct peer_facts *peer = &sender.peer;
	if (peer->there && peer->visible && !has_other_end(peer))
		snprintf(
			text, size,
			"the other end of %s, a veth, has neither a native XDP program nor GRO, so "
			"it drops what XDP sends to it: there, 'ethtool -K %s gro on'",
			from->label, peer->name);
	else if (transmits(from) == FACT_NO)
		snprintf(text, size,
			 "%s does not take frames of XDP, as the kernel has it: turn GRO at its "
			 "other "
			 "end off and on again, or --engine xsk",
			 from->label);
	else if (receiver.xdp.generic)
		snprintf(text, size,
			 "the receiver's program runs in generic mode on %s, where frames of XDP "
			 "do not come by: its driver has no native XDP, or the MTU is too large "
			 "for it",
			 to->label);
	else if (receiver.running && !receiver.xdp.program)
		snprintf(text, size, "another program took the receiver's place on %s", to->label);
	else if (!receiver.running || !sender.running)
		snprintf(text, size, "a link is down: %s",
			 sender.running ? to->label : from->label);
	else
		snprintf(text, size,
			 "the links are up and have XDP, so what is in between drops the packets: "
			 "wrong link address (--destination-mac), no such service, or a switch "
			 "that does not know the receiver ('weir show drops', 'weir explain')");
}
