/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Weir asks and hears of the kernel's routes, neighbours and links (rtnetlink(7)).
 *
 * A request is answered within the call: the kernel works on it in the sender's own system call,
 * and the answer lies in the socket when that returns. So nothing here waits for the network.
 */
#ifndef WEIR_TOOLS_RTNETLINK_H
#define WEIR_TOOLS_RTNETLINK_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct err;
struct mnl_socket;

/* One socket: for requests, or for the events of the groups it was opened with. */
struct rtnetlink {
	struct mnl_socket *socket;
	uint32_t sequence;
};

/* `groups` is a bitmap of RTMGRP_*; 0 for requests. Sockets with groups never block. */
int rtnetlink_open(struct rtnetlink *r, uint32_t groups, struct err *err);
void rtnetlink_close(struct rtnetlink *r); /* a zeroed one too */
int rtnetlink_fd(const struct rtnetlink *r);

struct kernel_route {
	int ifindex;
	uint8_t type; /* RTN_* */
	bool has_gateway, has_source;
	struct addr gateway;
	struct addr source; /* the host's own, that packets to there come from */
	uint32_t mtu;       /* 0: the link's */
};

/* The way to an address. What the kernel answers is the result: -ENETUNREACH where there's none. */
int rtnetlink_get_route(struct rtnetlink *r, const struct addr *to, struct kernel_route *out);

struct kernel_neighbor {
	uint16_t state;   /* NUD_*, 0: none yet */
	uint8_t flags;    /* NTF_* */
	bool managed;     /* kept fresh by the kernel: NTF_EXT_MANAGED */
	uint8_t protocol; /* who made the entry: RTPROT_* or RTNETLINK_PROTOCOL */
	bool has_mac;
	uint8_t mac[ETH_ALEN];
};

/* Marks the neighbour entries and routes that Weir makes. Nobody's number among the RTPROT_* of
 * Linux. */
#define RTNETLINK_PROTOCOL 87

/* -ENOENT when the kernel has no entry. */
int rtnetlink_get_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a,
			   struct kernel_neighbor *out);

/*
 * Has the kernel find out the link address and keep it fresh, in a new entry (-EEXIST if there is
 * one) or in the one there is (-ENOENT). Kernels before 5.16 do not know of the latter: they ask
 * once.
 */
int rtnetlink_make_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a);
int rtnetlink_adopt_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a);

/* Gives back an adopted entry, or removes one that was made. */
int rtnetlink_leave_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a);
int rtnetlink_delete_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a);

/*
 * Gives an interface an address of one host (/32 or /128), without duplicate address detection, or
 * takes it away. -EEXIST: it has it; -EADDRNOTAVAIL: it has not.
 */
int rtnetlink_add_address(struct rtnetlink *r, int ifindex, const struct addr *a);
int rtnetlink_delete_address(struct rtnetlink *r, int ifindex, const struct addr *a);

/*
 * Makes a route of Weir's (RTNETLINK_PROTOCOL) to a prefix (lb/prefix.h, 1 to PREFIX_FULL) that
 * leads nowhere, in a table that nobody need look into: -EEXIST where there is one already, whoever
 * made it. Or takes it away; -ESRCH: there is none of Weir's.
 */
int rtnetlink_add_blackhole(struct rtnetlink *r, uint32_t table, const struct addr *base,
			    uint32_t length);
int rtnetlink_delete_blackhole(struct rtnetlink *r, uint32_t table, const struct addr *base,
			       uint32_t length);

struct kernel_table_route {
	struct addr base;
	uint32_t length;
	uint8_t protocol; /* who made it: RTPROT_* or RTNETLINK_PROTOCOL */
};
typedef void rtnetlink_table_fn(void *context, const struct kernel_table_route *route);

/* Calls `fn` for the routes of a table, of both families. */
int rtnetlink_each_route(struct rtnetlink *r, uint32_t table, rtnetlink_table_fn *fn,
			 void *context);

struct kernel_link {
	bool up;           /* and running */
	uint32_t up_count; /* times its carrier has come up: a short loss is seen by this alone */
	uint32_t mtu;
	uint8_t mac[ETH_ALEN];
	uint16_t vlan; /* of a VLAN sub-interface (IEEE 802.1Q): its tag, and whose it is */
	int lower;
	int master; /* ifindex of the bond or bridge it is in; 0: none */
	bool is_bond, is_bridge;
	int active; /* of a bond: the member that sends now; 0: the kernel names none */
};

int rtnetlink_get_link(struct rtnetlink *r, int ifindex, struct kernel_link *out);

/* All that a link tells of itself. */
struct kernel_interface {
	bool up, running, ethernet;
	uint32_t mtu;
	char kind[16];      /* "veth", "bond", "vlan"...; "": the kernel says none */
	int master;         /* ifindex of the bond or bridge it is in; 0: none */
	int peer_namespace; /* where a veth's other end is, as this namespace calls it; -1: here */
};

int rtnetlink_get_interface(struct rtnetlink *r, int ifindex, struct kernel_interface *out);

/* What this namespace calls the one that `fd` is open on; -1: it has no name for it. */
int rtnetlink_get_nsid(struct rtnetlink *r, int fd, int *out);

enum rtnetlink_kind {
	RTNETLINK_LINK,     /* ifindex, link */
	RTNETLINK_ROUTE,    /* address and prefix */
	RTNETLINK_NEIGHBOR, /* ifindex, address */
	RTNETLINK_OTHER,    /* addresses, rules, next hop objects: may change any route */
};

struct rtnetlink_event {
	enum rtnetlink_kind kind;
	int ifindex;
	struct kernel_link link;
	struct addr address;
	unsigned int prefix; /* in bits of struct addr: that of an IPv4 route is 96 to 128 */
};

typedef void rtnetlink_fn(void *context, const struct rtnetlink_event *event);

/*
 * Calls `fn` for the events there are, up to a bound. -ENOBUFS when the kernel had to drop some:
 * then anything may have changed.
 */
int rtnetlink_drain(struct rtnetlink *r, rtnetlink_fn *fn, void *context);

struct rtnl_link_stats64;

/* The kernel's counters of an interface. */
int rtnetlink_get_statistics(struct rtnetlink *r, int ifindex, struct rtnl_link_stats64 *out);

#endif
