/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An interface as the command line names it: "eth0" of this network namespace, "b1:eth0" of the
 * named namespace b1 (/run/netns/b1).
 */
#ifndef WEIR_BENCH_PLACE_H
#define WEIR_BENCH_PLACE_H

#include <jansson.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct err;

struct place {
	char label[80]; /* as it was named */
	char name[IF_NAMESIZE];
	int ns; /* descriptor of its namespace; -1: closed */
	int ifindex;
	uint8_t mac[ETH_ALEN];
	uint32_t mtu;
	uint32_t queues;    /* that it sends by */
	uint32_t rx_queues; /* that it receives by */
	uint64_t line_bps;  /* as its driver says; 0: it does not */
	bool zerocopy;      /* the driver can */
};

#define PLACES_MAX 16u

/* -ENODEV, -ENETDOWN, -EPERM... with what to do about it. */
int place_open(struct place *p, const char *text, struct err *err);
void place_close(struct place *p);

/* The same of a namespace that is known by a descriptor, which is not taken. */
int place_open_in(struct place *p, int ns, const char *name, struct err *err);

/* Leaves this thread in the place's namespace; *back is where it was, for place_leave(). */
int place_enter(const struct place *p, int *back, struct err *err);
void place_leave(int back);

/* The interface's own first address of a family. -EADDRNOTAVAIL. */
int place_address(const struct place *p, bool ipv6, struct addr *out, struct err *err);

/*
 * The link address that packets to `to` have, by the kernel's routes and neighbours, which are
 * asked. -EHOSTUNREACH: nobody answers.
 */
int place_next_hop(const struct place *p, const struct addr *to, uint8_t mac[ETH_ALEN],
		   struct err *err);

/*
 * Whether frames that XDP sends out of it get anywhere, as far as can be seen now: a veth drops
 * them unless its other end has a native XDP program or GRO.
 */
bool place_takes_frames(const struct place *p);

/* For a report. */
json_t *place_json(const struct place *p);

/*
 * Which of the known traps it looks like, when packets that were sent from `from` are not seen at
 * `to`: one sentence.
 */
void place_explain_silence(const struct place *from, const struct place *to, char *text,
			   size_t size);

#endif
