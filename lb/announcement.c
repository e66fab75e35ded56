// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/announcement.h"

#include <string.h>

#include "bpf/neighbor.h"
#include "lb/addr.h"

struct arp_frame {
	struct ethhdr eth;
	struct arp_header arp;
	struct arp_ipv4 body;
};
_Static_assert(sizeof(struct arp_frame) == 42, "ARP over Ethernet");

#define ADVERTISEMENT_LENGTH \
	(ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct neighbor_advertisement))
_Static_assert(ADVERTISEMENT_LENGTH == ANNOUNCEMENT_MAX, "the longer of the two");

static uint32_t build_arp(const struct addr *vip, const uint8_t mac[ETH_ALEN], uint8_t *frame)
{
	struct arp_frame f = {
		.eth.h_proto = bpf_htons(ETH_P_ARP),
		.arp.ar_hrd = bpf_htons(PACKET_ARP_ETHERNET),
		.arp.ar_pro = bpf_htons(ETH_P_IP),
		.arp.ar_hln = ETH_ALEN,
		.arp.ar_pln = 4,
		.arp.ar_op = bpf_htons(PACKET_ARP_REQUEST),
	};
	memset(f.eth.h_dest, 0xff, ETH_ALEN);
	memcpy(f.eth.h_source, mac, ETH_ALEN);
	memcpy(f.body.sender_mac, mac, ETH_ALEN);
	memcpy(f.body.sender_ip, &vip->word[3], 4);
	memcpy(f.body.target_ip, &vip->word[3], 4);
	memcpy(frame, &f, sizeof(f));
	return sizeof(f);
}

static uint32_t build_advertisement(const struct addr *vip, const uint8_t mac[ETH_ALEN],
				    uint8_t *frame)
{
	const struct addr everybody = {0};
	struct ethhdr *eth = (void *)frame;
	struct addr group;
	neighbor_all_nodes(&group);
	neighbor_group_mac(eth->h_dest, &group);
	memcpy(eth->h_source, mac, ETH_ALEN);
	eth->h_proto = bpf_htons(ETH_P_IPV6);
	neighbor_write_advertisement((void *)(eth + 1), vip, &everybody, mac);
	return ADVERTISEMENT_LENGTH;
}

uint32_t announcement_build(const struct addr *vip, const uint8_t mac[ETH_ALEN],
			    uint8_t frame[ANNOUNCEMENT_MAX])
{
	return addr_is_v4(vip) ? build_arp(vip, mac, frame) : build_advertisement(vip, mac, frame);
}
