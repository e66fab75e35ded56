/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a parsed packet is to Weir. Both sides include this file after they have defined
 *
 *   static const struct target *target_find(const void *table, const struct target_key *key);
 *   static const struct target_key *prefix_find(const void *table, const struct addr *address,
 *                                               __u32 longest);
 *
 * (the latter: the longest prefix of at most that length which has the address) the XDP program
 * over a BPF map, user space over its snapshot.
 *
 * What is not for a VIP is not ours: it goes to the kernel untouched, so Weir can't cut off SSH.
 */
#ifndef WEIR_BPF_MATCH_H
#define WEIR_BPF_MATCH_H

#include "bpf/packet.h"

enum match {
	MATCH_KERNEL = 0, /* nobody's we know: pass */
	MATCH_DROP,       /* for a VIP, and at fault */
	MATCH_NEIGHBOR,   /* asks for the link address of a VIP we announce */
	MATCH_SERVICE,    /* to be balanced; an ICMP error like the flow it is about */
	MATCH_FRAGMENT,   /* a fragment for a VIP: a worker knows what the first one was for */
	MATCH_ANSWER,     /* to a SNAT address: a worker knows for which client */
	MATCH_ECHO,       /* an ICMP echo request to a VIP that answers */
};

/*
 * Makes of a key that was looked for in vain the one of the next wider prefix that has the packet's
 * destination. False: there is none.
 */
static __always_inline int match_wider(const void *table, const struct packet *p,
				       struct target_key *key)
{
	__u32 longest = key->prefix ? key->prefix - 1 : 128;
	const struct target_key *prefix = prefix_find(table, &p->key.destination, longest);
	if (!prefix)
		return 0;
	key->address = prefix->address;
	key->prefix = prefix->prefix;
	return 1;
}

/* The most specific of the VIPs and prefixes that have the destination. */
static __always_inline const struct target *match_vip(const void *table, const struct packet *p)
{
	struct target_key key = {.address = p->key.destination};
	const struct target *t = target_find(table, &key);
	if (t || !match_wider(table, p, &key))
		return t;
	return target_find(table, &key);
}

/* `port`, or any; leaves the latter in the key. */
static __always_inline const struct target *match_port(const void *table, __be16 port,
						       struct target_key *key)
{
	key->port = port;
	const struct target *t = target_find(table, key);
	if (t)
		return t;
	key->port = 0;
	return target_find(table, key);
}

static __always_inline const struct target *match_service(const void *table, const struct packet *p)
{
	struct target_key key = {
		.address = p->key.destination,
		.protocol = p->key.protocol,
	};
	const struct target *t = match_port(table, p->key.destination_port, &key);
	for (int depth = 0; !t && depth < ABI_PREFIX_DEPTH; depth++) {
		if (!match_wider(table, p, &key))
			break;
		t = match_port(table, p->key.destination_port, &key);
	}
	return t;
}

/*
 * TCP and UDP are. Of later IPv6 fragments it is not known where the protocol is that of another
 * extension header: the first one has that header.
 */
static __always_inline int match_is_balanced(const struct packet *p)
{
	if (p->fragment == PACKET_LATER_FRAGMENT &&
	    (p->key.protocol == IPPROTO_DSTOPTS || p->key.protocol == IPPROTO_ROUTING ||
	     p->key.protocol == IPPROTO_AH))
		return p->ethertype == bpf_htons(ETH_P_IPV6);
	return p->key.protocol == IPPROTO_TCP || p->key.protocol == IPPROTO_UDP;
}

/* Whom a packet to a service's or SNAT address is for. */
static __always_inline enum match match_balanced(const struct target *target)
{
	if (!target)
		return MATCH_KERNEL;
	return target->flags & TARGET_SNAT ? MATCH_ANSWER : MATCH_SERVICE;
}

static __always_inline enum match match_icmp(const void *table, const struct packet *p, int *reason,
					     const struct target **service)
{
	const struct target *vip = match_vip(table, p);
	if (!vip)
		return MATCH_KERNEL;
	if (p->icmp == PACKET_ICMP_ECHO && vip->flags & TARGET_ECHO)
		return MATCH_ECHO;
	if (p->icmp == PACKET_ICMP_ERROR) {
		*service = match_service(table, p);
		if (*service && (*service)->flags & TARGET_PASS)
			return MATCH_KERNEL;
		if (*service)
			return match_balanced(*service);
	}
	if (!(vip->flags & TARGET_REFUSE_ICMP))
		return MATCH_KERNEL;
	*reason = REASON_ICMP_REFUSED;
	return MATCH_DROP;
}

/*
 * Takes what parse_packet() made of a frame and the reason it returned. Leaves the service's or
 * SNAT address's target in *service for MATCH_SERVICE and MATCH_ANSWER (and for MATCH_FRAGMENT that
 * of a first one, if there is one), and the reason to drop in *reason for MATCH_DROP.
 */
static __always_inline enum match match_packet(const void *table, const struct packet *p,
					       int *reason, const struct target **service)
{
	if (!p->has_addresses)
		return MATCH_KERNEL;
	if (*reason)
		return match_vip(table, p) ? MATCH_DROP : MATCH_KERNEL;
	if (p->fragment) {
		if (!match_is_balanced(p) || !match_vip(table, p))
			return MATCH_KERNEL;
		/* Not for the kernel, if the port is not served: it would get the first alone. */
		if (p->fragment == PACKET_FIRST_FRAGMENT)
			*service = match_service(table, p);
		return MATCH_FRAGMENT;
	}
	if (p->neighbor_request) {
		const struct target *vip = match_vip(table, p);
		return vip && vip->flags & TARGET_ANNOUNCE ? MATCH_NEIGHBOR : MATCH_KERNEL;
	}
	if (p->icmp)
		return match_icmp(table, p, reason, service);
	if (!match_is_balanced(p))
		return MATCH_KERNEL;
	*service = match_service(table, p);
	return *service && (*service)->flags & TARGET_PASS ? MATCH_KERNEL
							   : match_balanced(*service);
}

/*
 * The target that a packet is for, to the policy: the service, or else the VIP; NULL: neither.
 */
static __always_inline const struct target *match_whose(const void *table, const struct packet *p,
							const struct target *service)
{
	if (service || !p->has_addresses)
		return service;
	return match_vip(table, p);
}

#endif
