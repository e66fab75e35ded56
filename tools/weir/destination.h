/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One address that packets are to be sent to, and the kernel's word on the way there: which port it
 * lies behind and what its link address is. Control thread.
 */
#ifndef WEIR_TOOLS_DESTINATION_H
#define WEIR_TOOLS_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb/snapshot.h"
#include "tools/weir/rtnetlink.h"

/* Whom to ask, and by which interfaces a way may lead. */
struct destination;
struct destination_ways {
	struct rtnetlink requests;
	int ports[ABI_MAX_PORTS]; /* ifindexes by port index */
	uint32_t port_count;
	bool quiet; /* look only: the kernel's tables stay as they are */
	/* Another destination whose packets go to the same neighbour, or NULL. */
	struct destination *(*partner)(void *context, const struct destination *d);
	void *context;
};

/* What is wrong with the way. */
enum destination_fault {
	DESTINATION_OK,
	DESTINATION_NO_ROUTE, /* `error` is the kernel's */
	DESTINATION_NO_HOST,  /* the route is of another type than unicast */
	DESTINATION_NO_PORT,  /* the way leaves by an interface that is no port */
	DESTINATION_BRIDGE,   /* the same, and it is a bridge */
	DESTINATION_BOND,     /* by a bond, none of whose members that are up is a port */
	DESTINATION_SILENT,   /* the neighbour has not told its link address */
	DESTINATION_GATEWAY, /* it is not on the port's link, and has to be (destination_fault()) */
};

struct destination {
	struct addr address;
	struct next_hop hop;
	enum destination_fault fault;
	int error;
	struct kernel_route route;
	uint32_t path_mtu;    /* as a router on the way said; 0: none did (lately) */
	struct addr neighbor; /* whose link address it is: its own, or that of a gateway */
	int ifindex;          /* where its neighbour entry is; 0: no way */
	bool adopted;         /* that entry was there before us, and is managed because of us */
	bool asked;           /* by us; the caller clears it a second later */
};

/*
 * Finds out what is true now, and has the kernel ask for a link address it does not know, unless
 * that was `asked` for already. Returns whether `hop` is another than before.
 */
bool destination_look(struct destination *d, struct destination_ways *ways);

/* Gives the kernel's neighbour entry back as it was found. */
void destination_release(struct destination *d, struct destination_ways *ways);

/* What is wrong for who needs it `on_link`, or takes a way through gateways too. */
enum destination_fault destination_fault(const struct destination *d, bool on_link);

/* The same in words for people; empty when nothing is. */
void destination_describe(const struct destination *d, bool on_link, char *text, size_t size);

#endif
