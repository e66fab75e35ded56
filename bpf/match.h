/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a parsed packet is to Weir. Both sides include this file after they have defined
 *
 *   static const struct target *target_find(const void *table, const struct target_key *key);
 *
 * the XDP program over a BPF map, user space over its snapshot.
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
	MATCH_ECHO,       /* an ICMP echo request to a VIP that answers */
};

static __always_inline const struct target *match_vip(const void *table, const struct packet *p)
{
	struct target_key key = {.address = p->key.destination};
	return target_find(table, &key);
}

static __always_inline const struct target *match_service(const void *table, const struct packet *p)
{
	struct target_key key = {
		.address = p->key.destination,
		.port = p->key.destination_port,
		.protocol = p->key.protocol,
	};
	const struct target *t = target_find(table, &key);
	if (t)
		return t;
	key.port = 0;
	return target_find(table, &key);
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
		if (*service)
			return MATCH_SERVICE;
	}
	if (!(vip->flags & TARGET_REFUSE_ICMP))
		return MATCH_KERNEL;
	*reason = REASON_ICMP_REFUSED;
	return MATCH_DROP;
}

/*
 * Takes what parse_packet() made of a frame and the reason it returned. Leaves the service's
 * target in *service for MATCH_SERVICE and the reason to drop in *reason for MATCH_DROP.
 */
static __always_inline enum match match_packet(const void *table, const struct packet *p,
					       int *reason, const struct target **service)
{
	if (!p->has_addresses)
		return MATCH_KERNEL;
	if (*reason || p->fragment) {
		if (!match_vip(table, p))
			return MATCH_KERNEL;
		if (!*reason)
			*reason = REASON_FRAGMENT_UNMATCHED;
		return MATCH_DROP;
	}
	if (p->neighbor_request) {
		const struct target *vip = match_vip(table, p);
		return vip && vip->flags & TARGET_ANNOUNCE ? MATCH_NEIGHBOR : MATCH_KERNEL;
	}
	if (p->icmp)
		return match_icmp(table, p, reason, service);
	if (p->key.protocol != IPPROTO_TCP && p->key.protocol != IPPROTO_UDP)
		return MATCH_KERNEL;
	*service = match_service(table, p);
	return *service ? MATCH_SERVICE : MATCH_KERNEL;
}

#endif
