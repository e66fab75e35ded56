// SPDX-License-Identifier: BSD-2-Clause
/*
 * Each VIP counts down, for each port, how often it is still to be announced there; one timer runs
 * while there is anything to count. Control thread.
 */
#include "tools/weir/announcer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/neighbor.h"
#include "lb/addr.h"
#include "lb/announcement.h"
#include "lb/err.h"
#include "tools/weir/log.h"
#include "tools/weir/rtnetlink.h"

struct announced {
	struct addr vip;
	uint8_t left[ABI_MAX_PORTS]; /* announcements still to send, by port index */
	int groups;                  /* socket that is in the VIP's solicited-node group, or -1 */
};

struct announcer {
	struct ev_loop *loop;
	struct announcer_port ports[ABI_MAX_PORTS];
	struct kernel_link links[ABI_MAX_PORTS]; /* of the ports, as last heard */
	uint32_t port_count;
	struct announced *vips; /* by address, ascending, none twice */
	uint32_t count;
	int packets; /* AF_PACKET socket, receives nothing */
	struct rtnetlink requests, events;
	ev_io readable;
	ev_timer timer;
};

/* --- sending ---------------------------------------------------------------------------------- */

/* One that can't be sent is one less: those after it, or the port's coming up, make up for it. */
static void send_announcement(const struct announcer *a, const struct addr *vip,
			      const struct announcer_port *port)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = port->ifindex,
	};
	uint8_t frame[ANNOUNCEMENT_MAX];
	uint32_t length = announcement_build(vip, port->mac, frame);
	char text[ADDR_TEXT];
	if (sendto(a->packets, frame, length, MSG_DONTWAIT, (const struct sockaddr *)&to,
		   sizeof(to)) < 0)
		log_debug("VIP not announced", "vip=%s ifindex=%d error=\"%s\"",
			  addr_format(vip, text), port->ifindex, strerror(errno));
}

/* Sends what is due and returns whether there will be more. */
static bool send_due(struct announcer *a, struct announced *v)
{
	bool more = false;
	for (uint32_t i = 0; i < a->port_count; i++) {
		if (!v->left[i] || !a->links[i].up)
			continue;
		send_announcement(a, &v->vip, &a->ports[i]);
		v->left[i]--;
		more |= v->left[i] > 0;
	}
	return more;
}

/* All sending is the timer's, so that two announcements of one VIP keep their distance. */
static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct announcer *a = timer->data;
	bool more = false;
	for (uint32_t i = 0; i < a->count; i++)
		more |= send_due(a, &a->vips[i]);
	if (!more)
		ev_timer_stop(loop, timer);
}

static void send_soon(struct announcer *a)
{
	if (ev_is_active(&a->timer))
		return;
	ev_timer_set(&a->timer, 0., ANNOUNCER_INTERVAL_S);
	ev_timer_start(a->loop, &a->timer);
}

/* --- ports ------------------------------------------------------------------------------------ */

static void announce_on(struct announcer *a, uint32_t port)
{
	for (uint32_t i = 0; i < a->count; i++)
		a->vips[i].left[port] = ANNOUNCER_TIMES;
	send_soon(a);
}

static void set_link(struct announcer *a, uint32_t port, const struct kernel_link *link)
{
	const struct kernel_link *before = &a->links[port];
	if (link->up && (!before->up || before->up_count != link->up_count))
		announce_on(a, port);
	a->links[port] = *link;
}

static void on_event(void *context, const struct rtnetlink_event *event)
{
	struct announcer *a = context;
	for (uint32_t i = 0; event->kind == RTNETLINK_LINK && i < a->port_count; i++)
		if (a->ports[i].ifindex == event->ifindex)
			set_link(a, i, &event->link);
}

static void look_at_ports(struct announcer *a)
{
	struct kernel_link link;
	for (uint32_t i = 0; i < a->port_count; i++)
		if (a->ports[i].ifindex &&
		    !rtnetlink_get_link(&a->requests, a->ports[i].ifindex, &link))
			set_link(a, i, &link);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct announcer *a = watcher->data;
	if (rtnetlink_drain(&a->events, on_event, a))
		look_at_ports(a);
}

/* --- groups ----------------------------------------------------------------------------------- */

/*
 * Solicitations go to a group that NICs and switches hold back from who has not joined it. The
 * kernel joins for its own addresses, and a VIP is none of those. One socket for each VIP: closing
 * it leaves the group on all ports.
 */
static int join_groups(const struct announcer *a, const struct addr *vip)
{
	char text[ADDR_TEXT], name[IF_NAMESIZE] = "";
	struct ipv6_mreq join;
	struct addr group;
	int fd = addr_is_v4(vip) ? -1 : socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	neighbor_solicited_node(&group, vip);
	memcpy(&join.ipv6mr_multiaddr, &group, sizeof(group));
	for (uint32_t i = 0; i < a->port_count; i++) {
		join.ipv6mr_interface = a->ports[i].ifindex;
		if (!a->ports[i].ifindex ||
		    !setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join, sizeof(join)))
			continue;
		log_warn("cannot hear solicitations for a VIP",
			 "vip=%s interface=%s error=\"%s\" try=\"sysctl -w "
			 "net.ipv6.conf.%s.disable_ipv6=0\"",
			 addr_format(vip, text), if_indextoname(join.ipv6mr_interface, name),
			 strerror(errno), name);
	}
	return fd;
}

static void leave_groups(struct announced *v)
{
	if (v->groups >= 0)
		close(v->groups);
	v->groups = -1;
}

/* --- VIPs ------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct announced *x = a, *y = b;
	return memcmp(&x->vip, &y->vip, sizeof(x->vip));
}

static struct announced *find(struct announced *vips, uint32_t count, const struct announced *key)
{
	return count ? bsearch(key, vips, count, sizeof(*key), compare) : NULL;
}

/* Sorted, each once. NULL without memory. */
static struct announced *make_list(const struct addr *vips, uint32_t count, uint32_t *unique)
{
	struct announced *list = calloc(count + 1, sizeof(*list));
	uint32_t kept = 0;
	if (!list)
		return NULL;
	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct announced){.vip = vips[i], .groups = -1};
	qsort(list, count, sizeof(*list), compare);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || compare(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	*unique = kept;
	return list;
}

void announcer_set(struct announcer *a, const struct addr *vips, uint32_t count)
{
	struct announced *old = a->vips, *list = make_list(vips, count, &count);
	uint32_t old_count = a->count;
	if (!list) {
		log_error("not enough memory to announce VIPs");
		return;
	}
	for (uint32_t i = 0; i < old_count; i++)
		if (!find(list, count, &old[i]))
			leave_groups(&old[i]);
	for (uint32_t i = 0; i < count; i++) {
		const struct announced *known = find(old, old_count, &list[i]);
		if (known) {
			list[i] = *known;
			continue;
		}
		list[i].groups = join_groups(a, &list[i].vip);
		memset(list[i].left, ANNOUNCER_TIMES, a->port_count);
	}
	a->vips = list;
	a->count = count;
	free(old);
	send_soon(a);
}

/* --- up and down ------------------------------------------------------------------------------ */

static int open_sockets(struct announcer *a, struct err *err)
{
	int rc = rtnetlink_open(&a->requests, 0, err);
	rc = rc ? rc : rtnetlink_open(&a->events, RTMGRP_LINK, err);
	if (rc)
		return rc;
	a->packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (a->packets < 0)
		return err_set(err, errno, "cannot open a packet socket: %s", strerror(errno));
	return 0;
}

int announcer_open(struct announcer **out, struct ev_loop *loop, const struct announcer_port *ports,
		   uint32_t port_count, struct err *err)
{
	struct announcer *a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(err, ENOMEM, "not enough memory");
	a->loop = loop;
	a->packets = -1;
	a->port_count = port_count;
	memcpy(a->ports, ports, port_count * sizeof(*ports));
	ev_io_init(&a->readable, on_readable, -1, EV_READ);
	ev_timer_init(&a->timer, on_timer, 0., ANNOUNCER_INTERVAL_S);
	a->readable.data = a->timer.data = a;
	int rc = open_sockets(a, err);
	if (rc) {
		announcer_close(a);
		return rc;
	}
	look_at_ports(a);
	ev_io_set(&a->readable, rtnetlink_fd(&a->events), EV_READ);
	ev_io_start(loop, &a->readable);
	*out = a;
	return 0;
}

/* Membership in groups was the interface's that is gone. */
static void join_again(struct announcer *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		leave_groups(&a->vips[i]);
		a->vips[i].groups = join_groups(a, &a->vips[i].vip);
	}
}

void announcer_set_ports(struct announcer *a, const struct announcer_port *ports, uint32_t count)
{
	bool moved = false;
	a->port_count = count;
	for (uint32_t i = 0; i < a->port_count; i++) {
		bool other = ports[i].ifindex != a->ports[i].ifindex;
		bool mac = memcmp(ports[i].mac, a->ports[i].mac, ETH_ALEN);
		a->ports[i] = ports[i];
		if (other)
			a->links[i] = (struct kernel_link){0};
		else if (mac)
			announce_on(a, i);
		moved |= other;
	}
	if (moved)
		join_again(a);
	look_at_ports(a);
}

void announcer_close(struct announcer *a)
{
	if (!a)
		return;
	ev_io_stop(a->loop, &a->readable);
	ev_timer_stop(a->loop, &a->timer);
	for (uint32_t i = 0; i < a->count; i++)
		leave_groups(&a->vips[i]);
	free(a->vips);
	if (a->packets >= 0)
		close(a->packets);
	rtnetlink_close(&a->events);
	rtnetlink_close(&a->requests);
	free(a);
}
