// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "tools/weir/explain_tuple.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/checksum.h"
#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"

/* --- words ----------------------------------------------------------------------------------- */

static int parse_port(const char *text, uint16_t *out)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || port < 1 || port > 65535)
		return -EINVAL;
	*out = port;
	return 0;
}

/* Cuts the text up at the colon in front of its port; NULL: it has none. */
static char *split_port(char *text)
{
	char *colon = strrchr(text, ':');
	if (*text == '[')
		return colon && colon[-1] == ']' ? colon : NULL;
	return colon && strchr(text, ':') == colon ? colon : NULL;
}

static int parse_endpoint(const char *key, const char *word, struct addr *address, uint16_t *port,
			  struct err *err)
{
	char text[ADDR_TEXT + 16], *at = text;
	int r = strlen(word) < sizeof(text) ? 0 : -EINVAL;
	char *colon = r ? NULL : split_port(strcpy(text, word));
	if (colon) {
		r = parse_port(colon + 1, port);
		*colon = '\0';
	}
	size_t length = r ? 0 : strlen(text);
	if (length && *text == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		at++;
	}
	if (r || addr_parse(at, address))
		return err_set(err, EINVAL,
			       "%s: \"%.80s\" is no address with or without a port; expected "
			       "192.0.2.1:443 or [2001:db8::1]:443",
			       key, word);
	return 0;
}

static int parse_protocol(const char *word, uint8_t *out, struct err *err)
{
	static const struct {
		const char *word;
		uint8_t protocol;
	} known[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(word, known[i].word)) {
			*out = known[i].protocol;
			return 0;
		}
	return err_set(err, EINVAL, "protocol: found \"%.32s\"; expected tcp, udp or icmp", word);
}

static int parse_flags(const char *word, uint8_t *out, struct err *err)
{
	static const char letters[] = "FSRPAU"; /* bit 0 up */
	*out = 0;
	for (; *word; word++) {
		const char *at = strchr(letters, *word);
		if (!at)
			return err_set(err, EINVAL, "flags: '%c' is none of TCP's %s", *word,
				       letters);
		*out |= 1u << (at - letters);
	}
	return 0;
}

int explain_tuple_parse(struct explain_tuple *t, const char *from, const char *to,
			const char *protocol, const char *flags, struct err *err)
{
	*t = (struct explain_tuple){.from_port = EXPLAIN_FROM_PORT};
	int r = parse_endpoint("from", from, &t->from, &t->from_port, err);
	r = r ? r : parse_endpoint("to", to, &t->to, &t->to_port, err);
	r = r ? r : parse_protocol(protocol, &t->protocol, err);
	r = r ? r : parse_flags(flags ? flags : "S", &t->tcp_flags, err);
	if (r)
		return r;
	if (addr_is_v4(&t->from) != addr_is_v4(&t->to))
		return err_set(err, EINVAL, "from and to are addresses of two families");
	if (!t->to_port && t->protocol != IPPROTO_ICMP)
		return err_set(err, EINVAL, "to: \"%.80s\" has no port", to);
	return 0;
}

/* --- bytes ----------------------------------------------------------------------------------- */

/* Of the pseudo header that TCP, UDP and ICMPv6 cover (RFC 8200, 8.1; RFC 9293, 3.1). */
static uint64_t pseudo_sum(const struct explain_tuple *t, uint8_t protocol, uint32_t length)
{
	__be32 rest[2] = {bpf_htonl(length), bpf_htonl(protocol)};
	uint64_t sum = checksum_add(rest, sizeof(rest));
	/* The words that make an IPv4 address a mapped one are not in the packet. */
	uint32_t first = addr_is_v4(&t->from) ? 3 : 0;
	sum += checksum_add(&t->from.word[first], (4 - first) * 4);
	return sum + checksum_add(&t->to.word[first], (4 - first) * 4);
}

static uint16_t finish(uint64_t sum)
{
	return ~checksum_fold(sum);
}

static uint32_t put_transport(const struct explain_tuple *t, uint8_t protocol, uint8_t *at)
{
	__be16 from = bpf_htons(t->from_port), to = bpf_htons(t->to_port);
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) {
		struct icmphdr icmp = {.type = protocol == IPPROTO_ICMP ? 8 : 128};
		uint64_t sum = checksum_add(&icmp, sizeof(icmp));
		if (protocol == IPPROTO_ICMPV6)
			sum += pseudo_sum(t, protocol, sizeof(icmp));
		icmp.checksum = finish(sum);
		memcpy(at, &icmp, sizeof(icmp));
		return sizeof(icmp);
	}
	if (protocol == IPPROTO_UDP) {
		struct udphdr udp = {.source = from, .dest = to, .len = bpf_htons(sizeof(udp))};
		udp.check = finish(checksum_add(&udp, sizeof(udp)) +
				   pseudo_sum(t, protocol, sizeof(udp)));
		memcpy(at, &udp, sizeof(udp));
		return sizeof(udp);
	}
	struct tcphdr tcp = {.source = from, .dest = to, .doff = sizeof(tcp) / 4};
	((uint8_t *)&tcp)[13] = t->tcp_flags;
	tcp.check = finish(checksum_add(&tcp, sizeof(tcp)) + pseudo_sum(t, protocol, sizeof(tcp)));
	memcpy(at, &tcp, sizeof(tcp));
	return sizeof(tcp);
}

static uint32_t put_ipv4(const struct explain_tuple *t, uint8_t *at)
{
	uint32_t length = sizeof(struct iphdr);
	length += put_transport(t, t->protocol, at + length);
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(length),
		.ttl = 64,
		.protocol = t->protocol,
		.saddr = t->from.word[3],
		.daddr = t->to.word[3],
	};
	ip.check = finish(checksum_add(&ip, sizeof(ip)));
	memcpy(at, &ip, sizeof(ip));
	return length;
}

static uint32_t put_ipv6(const struct explain_tuple *t, uint8_t *at)
{
	uint8_t protocol = t->protocol == IPPROTO_ICMP ? IPPROTO_ICMPV6 : t->protocol;
	uint32_t length = put_transport(t, protocol, at + sizeof(struct ipv6hdr));
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = bpf_htons(length),
		.nexthdr = protocol,
		.hop_limit = 64,
	};
	memcpy(&ip.saddr, &t->from, sizeof(ip.saddr));
	memcpy(&ip.daddr, &t->to, sizeof(ip.daddr));
	memcpy(at, &ip, sizeof(ip));
	return sizeof(ip) + length;
}

uint32_t explain_tuple_frame(const struct explain_tuple *t, uint8_t frame[EXPLAIN_TUPLE_FRAME])
{
	bool v4 = addr_is_v4(&t->from);
	struct ethhdr ethernet = {
		.h_dest = {0x02, 0, 0, 0, 0, 0x02},
		.h_source = {0x02, 0, 0, 0, 0, 0x01},
		.h_proto = bpf_htons(v4 ? ETH_P_IP : ETH_P_IPV6),
	};
	memcpy(frame, &ethernet, sizeof(ethernet));
	uint8_t *at = frame + sizeof(ethernet);
	return sizeof(ethernet) + (v4 ? put_ipv4(t, at) : put_ipv6(t, at));
}
