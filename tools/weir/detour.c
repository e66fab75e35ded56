// SPDX-License-Identifier: BSD-2-Clause
/* See the header. What is not a check's, or has no way, is not sent. */
#include "tools/weir/detour.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/detour_route.h"
#include "tools/weir/log.h"

#define MTU         1280 /* IPv6's least; leaves room for any tunnel's headers */
#define PACKETS_MAX 64   /* taken from the device in one turn of the loop */
#define HEAD        18   /* Ethernet and one VLAN tag */
#define GUE_PORT    6080

enum { PROTOCOLS = 2, PORTS = 65536 }; /* TCP and UDP */

struct detour {
	struct ev_loop *loop;
	detour_way_fn *fn;
	void *context;
	bool tried;
	int tun, ifindex;
	int link;         /* AF_PACKET */
	int tunnel[2][2]; /* raw sockets by outer and inner family; v4, v6 */
	int gue[2];       /* UDP sockets by outer family */
	ev_io readable;
	uint32_t owner[PROTOCOLS][PORTS]; /* backend + 1; 0: none */
};

/* --- sending --------------------------------------------------------------------------------- */

static void send_on_link(struct detour *d, const struct way *way, int ifindex, bool v6,
			 uint8_t *packet, size_t length)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = ifindex, .sll_halen = 6};
	uint16_t type = htons(v6 ? ETH_P_IPV6 : ETH_P_IP), tag = htons(ETH_P_8021Q);
	uint8_t *frame = packet - sizeof(type);
	memcpy(frame, &type, sizeof(type));
	if (way->vlan) {
		frame -= 4;
		memcpy(frame, &tag, sizeof(tag));
		memcpy(frame + 2, &way->vlan, sizeof(way->vlan));
	}
	frame -= sizeof(way->link);
	memcpy(frame, &way->link, sizeof(way->link));
	memcpy(to.sll_addr, way->link.destination, 6);
	to.sll_protocol = way->vlan ? tag : type;
	sendto(d->link, frame, packet + length - frame, MSG_DONTWAIT, (struct sockaddr *)&to,
	       sizeof(to));
}

/* By the kernel: it has a route to the backend's own address, and makes the outer headers. */
static void send_in_tunnel(struct detour *d, const struct way *way, bool v6, const uint8_t *packet,
			   size_t length)
{
	struct sockaddr_storage to = {0};
	socklen_t size =
		addr_is_v4(&way->remote) ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	bool outer_v6 = !addr_is_v4(&way->remote);
	bool gue = way->forward == FORWARD_GUE;
	int *fd = gue ? &d->gue[outer_v6] : &d->tunnel[outer_v6][v6];
	if (*fd < 0)
		*fd = gue ? socket(outer_v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
			  : socket(outer_v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
				   v6 ? IPPROTO_IPV6 : IPPROTO_IPIP);
	if (outer_v6) {
		struct sockaddr_in6 *a = (void *)&to;
		a->sin6_family = AF_INET6;
		a->sin6_port = gue ? htons(GUE_PORT) : 0;
		memcpy(&a->sin6_addr, &way->remote, sizeof(a->sin6_addr));
	} else {
		struct sockaddr_in *a = (void *)&to;
		a->sin_family = AF_INET;
		a->sin_port = gue ? htons(GUE_PORT) : 0;
		a->sin_addr.s_addr = way->remote.word[3];
	}
	sendto(*fd, packet, length, MSG_DONTWAIT, (struct sockaddr *)&to, size);
}

/* Whose check a packet is of; 0: nobody's. */
static uint32_t owner_of(const struct detour *d, const uint8_t *packet, size_t length, bool v6)
{
	const struct iphdr *v4 = (const void *)packet;
	size_t at = v6 ? sizeof(struct ip6_hdr) : v4->ihl * 4u;
	uint16_t port;
	if (length < sizeof(*v4) || at + sizeof(port) > length)
		return 0;
	uint8_t protocol = v6 ? ((const struct ip6_hdr *)packet)->ip6_nxt : v4->protocol;
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return 0;
	memcpy(&port, packet + at, sizeof(port));
	return d->owner[protocol == IPPROTO_UDP][ntohs(port)];
}

static void on_packets(struct ev_loop *loop, ev_io *io, int events)
{
	struct detour *d = io->data;
	uint8_t bytes[HEAD + 65536], *packet = bytes + HEAD;
	for (int i = 0; i < PACKETS_MAX; i++) {
		struct way way;
		int ifindex;
		ssize_t n = read(d->tun, packet, sizeof(bytes) - HEAD);
		if (n <= 0)
			return;
		bool v6 = packet[0] >> 4 == 6;
		uint32_t owner = owner_of(d, packet, n, v6);
		if (!owner || !d->fn(d->context, owner - 1, &way, &ifindex))
			continue;
		if (way.forward == FORWARD_DSR)
			send_on_link(d, &way, ifindex, v6, packet, n);
		else
			send_in_tunnel(d, &way, v6, packet, n);
	}
}

/* --- the device ------------------------------------------------------------------------------ */

static int set_up(const char *name)
{
	struct ifreq r = {.ifr_mtu = MTU};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), code = 0;
	memcpy(r.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (fd < 0 || ioctl(fd, SIOCSIFMTU, &r))
		code = -errno;
	r.ifr_flags = IFF_UP | IFF_RUNNING | IFF_NOARP;
	if (!code && ioctl(fd, SIOCSIFFLAGS, &r))
		code = -errno;
	if (fd >= 0)
		close(fd);
	return code;
}

static int open_device(struct detour *d)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "weircheck%d"};
	d->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->tun < 0)
		return -ENODEV;
	if (ioctl(d->tun, TUNSETIFF, &r))
		return -errno;
	d->ifindex = if_nametoindex(r.ifr_name);
	int code = set_up(r.ifr_name);
	if (code)
		return code;
	d->link = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	return d->link < 0 ? -errno : 0;
}

static void close_device(struct detour *d)
{
	ev_io_stop(d->loop, &d->readable);
	for (int i = 0; i < 2; i++) {
		detour_route_remove(i ? AF_INET6 : AF_INET, d->ifindex);
		if (d->gue[i] >= 0)
			close(d->gue[i]);
		for (int j = 0; j < 2; j++)
			if (d->tunnel[i][j] >= 0)
				close(d->tunnel[i][j]);
	}
	if (d->link >= 0)
		close(d->link);
	if (d->tun >= 0)
		close(d->tun);
	d->tun = d->link = -1;
}

/* Once: what is missing then does not come by itself. */
static void make(struct detour *d)
{
	struct err err = {.text = "no tun device"};
	d->tried = true;
	int r = open_device(d);
	if (r)
		err_set(&err, -r, "/dev/net/tun: %s", strerror(-r));
	r = r ? r : detour_route_add(AF_INET, d->ifindex, &err);
	if (r) {
		log_error("VIPs can't be checked by way of their backends", "error=\"%s\"",
			  err.text);
		close_device(d);
		return;
	}
	if (detour_route_add(AF_INET6, d->ifindex, &err))
		log_warn("IPv6 VIPs can't be checked by way of their backends", "error=\"%s\"",
			 err.text);
	ev_io_init(&d->readable, on_packets, d->tun, EV_READ);
	d->readable.data = d;
	ev_io_start(d->loop, &d->readable);
}

struct detour *detour_new(struct ev_loop *loop, detour_way_fn *fn, void *context)
{
	struct detour *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->loop = loop;
	d->fn = fn;
	d->context = context;
	d->tun = d->link = -1;
	memset(d->tunnel, 0xff, sizeof(d->tunnel));
	memset(d->gue, 0xff, sizeof(d->gue));
	return d;
}

void detour_free(struct detour *d)
{
	if (!d)
		return;
	if (d->tun >= 0)
		close_device(d);
	free(d);
}

/* --- sockets --------------------------------------------------------------------------------- */

/* The host's own address on the way to a backend: where its answers find the host. */
static int own_address(const struct addr *backend, struct sockaddr_storage *out, socklen_t *length)
{
	struct sockaddr_storage to = {0};
	bool v4 = addr_is_v4(backend);
	if (v4) {
		struct sockaddr_in *a = (void *)&to;
		*a = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9)};
		a->sin_addr.s_addr = backend->word[3];
	} else {
		struct sockaddr_in6 *a = (void *)&to;
		*a = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(9)};
		memcpy(&a->sin6_addr, backend, sizeof(a->sin6_addr));
	}
	int code = 0, fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	*length = v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, *length) ||
	    getsockname(fd, (struct sockaddr *)out, length))
		code = -errno;
	if (fd >= 0)
		close(fd);
	return code;
}

/* IPv4 and IPv6 have the port in the same place. */
static in_port_t *port_of(struct sockaddr_storage *a)
{
	return &((struct sockaddr_in *)a)->sin_port;
}

int detour_take(struct detour *d, int fd, uint32_t backend, const struct addr *address)
{
	struct sockaddr_storage own;
	socklen_t length;
	int type, mark;
	socklen_t type_length = sizeof(type);
	if (d && !d->tried)
		make(d);
	if (!d || d->tun < 0)
		return -ENODEV;
	int r = own_address(address, &own, &length);
	if (r)
		return r;
	mark = detour_mark(d->ifindex);
	*port_of(&own) = 0;
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) ||
	    bind(fd, (struct sockaddr *)&own, length) ||
	    getsockname(fd, (struct sockaddr *)&own, &length) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length))
		return -errno;
	d->owner[type == SOCK_DGRAM][ntohs(*port_of(&own))] = backend + 1;
	return 0;
}
