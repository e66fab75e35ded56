// SPDX-License-Identifier: BSD-2-Clause
/* The kernel's own lists under /proc/net; a packet of each peer is judged as it would be. */
#include "tools/weir/control_network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/policing.h"
#include "lb/policy.h"
#include "lb/registry.h"
#include "tools/weir/policy_load.h"

#define PEERS       64u
#define SSH         22u
#define ESTABLISHED 1u /* TCP_ESTABLISHED, as /proc/net/tcp has it */
#define RTF_GATEWAY 2u

struct peer {
	struct addr address;
	const char *what;
};

struct peers {
	struct peer list[PEERS];
	unsigned int count;
};

static void add(struct peers *p, const struct addr *a, const char *what)
{
	for (unsigned int i = 0; i < p->count; i++)
		if (addr_equal(&p->list[i].address, a))
			return;
	if (p->count < PEERS)
		p->list[p->count++] = (struct peer){*a, what};
}

/* Of /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask. */
static void add_gateways_v4(struct peers *p, FILE *in)
{
	char line[512], name[32];
	unsigned int to, gateway, flags, mask;
	while (fgets(line, sizeof(line), in)) {
		struct addr a;
		if (sscanf(line, "%31s %x %x %x %*s %*s %*s %x", name, &to, &gateway, &flags,
			   &mask) != 5 ||
		    to || mask || !(flags & RTF_GATEWAY))
			continue;
		addr_set_v4(&a, gateway);
		add(p, &a, "the gateway of the default route");
	}
}

/* 32 digits as they are sent, or as four words of this host's byte order. */
static bool parse_v6(const char *digits, bool in_words, struct addr *out)
{
	for (int i = 0; i < 4; i++) {
		unsigned int word;
		if (sscanf(digits + 8 * i, "%8x", &word) != 1)
			return false;
		out->word[i] = in_words ? word : htonl(word);
	}
	return true;
}

/* Of /proc/net/ipv6_route: to, its length, from, its length, gateway, ... */
static void add_gateways_v6(struct peers *p, FILE *in)
{
	char line[512], to[33], gateway[33];
	unsigned int length;
	while (fgets(line, sizeof(line), in)) {
		struct addr a;
		if (sscanf(line, "%32s %x %*s %*s %32s", to, &length, gateway) == 3 && !length &&
		    strspn(gateway, "0") != 32 && parse_v6(gateway, false, &a))
			add(p, &a, "the gateway of the default route");
	}
}

/* Of /proc/net/tcp and tcp6: number, local, remote, state. */
static void add_ssh(struct peers *p, FILE *in)
{
	char line[512], remote[33], local[33];
	unsigned int local_port, remote_port, state;
	while (fgets(line, sizeof(line), in)) {
		struct addr a;
		if (sscanf(line, " %*[^:]: %32[0-9A-F]:%x %32[0-9A-F]:%x %x", local, &local_port,
			   remote, &remote_port, &state) != 5 ||
		    local_port != SSH || state != ESTABLISHED)
			continue;
		if (strlen(remote) == 8) {
			addr_set_v4(&a, strtoul(remote, NULL, 16));
			add(p, &a, "who is connected by ssh");
		} else if (parse_v6(remote, true, &a)) {
			add(p, &a, "who is connected by ssh");
		}
	}
}

static void find_peers(struct peers *p)
{
	static const struct {
		const char *path;
		void (*add)(struct peers *p, FILE *in);
	} lists[] = {
		{"/proc/net/route", add_gateways_v4},
		{"/proc/net/ipv6_route", add_gateways_v6},
		{"/proc/net/tcp", add_ssh},
		{"/proc/net/tcp6", add_ssh},
	};
	p->count = 0;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		FILE *in = fopen(lists[i].path, "re");
		if (!in)
			continue;
		lists[i].add(p, in);
		fclose(in);
	}
}

/* An acknowledgement to port 22 of some address that is no VIP: how long it is. */
static uint32_t make_packet(const struct addr *from, uint8_t *frame)
{
	struct ethhdr *eth = (void *)frame;
	struct tcphdr tcp = {.dest = htons(SSH), .source = htons(50000), .doff = 5, .ack = 1};
	uint32_t l4;
	memset(frame, 0, 128);
	if (addr_is_v4(from)) {
		struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
		ip.tot_len = htons(sizeof(ip) + sizeof(tcp));
		ip.saddr = from->word[3];
		ip.daddr = htonl(INADDR_LOOPBACK);
		eth->h_proto = htons(ETH_P_IP);
		memcpy(eth + 1, &ip, sizeof(ip));
		l4 = sizeof(*eth) + sizeof(ip);
	} else {
		struct ipv6hdr ip = {.version = 6, .hop_limit = 64, .nexthdr = IPPROTO_TCP};
		ip.payload_len = htons(sizeof(tcp));
		memcpy(&ip.saddr, from, sizeof(ip.saddr));
		ip.daddr.s6_addr[15] = 1;
		eth->h_proto = htons(ETH_P_IPV6);
		memcpy(eth + 1, &ip, sizeof(ip));
		l4 = sizeof(*eth) + sizeof(ip);
	}
	memcpy(frame + l4, &tcp, sizeof(tcp));
	return l4 + sizeof(tcp);
}

unsigned int control_network_tell(const struct policy_tables *policy, const struct registry *rules,
				  const struct policy_listener *listener)
{
	static const struct flow_seed seed;
	struct policing p;
	struct peers peers;
	unsigned int told = 0;
	if (!policy || policing_init(&p, 0, &seed))
		return 0;
	p.tables = policy;
	find_peers(&peers);
	for (unsigned int i = 0; i < peers.count; i++) {
		char text[ADDR_TEXT], words[256];
		uint8_t frame[128];
		struct packet parsed = {};
		struct policy_verdict v;
		uint32_t length = make_packet(&peers.list[i].address, frame);
		if (parse_packet(frame, frame + length, &parsed))
			continue;
		if (!policing_refuses(&p, frame, length, &v))
			policing_judge(&p, frame, length, &parsed, 0, ABI_NO_SERVICE, &v);
		if (v.action != POLICY_DROP && v.action != POLICY_REDIRECT)
			continue;
		snprintf(words, sizeof(words), "rule '%s' cuts this host off from %s, %s",
			 registry_name(rules, v.rule), addr_format(&peers.list[i].address, text),
			 peers.list[i].what);
		listener->say(listener->context, false, words);
		told++;
	}
	policing_fini(&p);
	return told;
}
