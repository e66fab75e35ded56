// SPDX-License-Identifier: BSD-2-Clause
/*
 * long file: a second implementation of the whole policy, which shares nothing with the first.
 */
#include "tests/unit/policy_naive.h"

#include <arpa/inet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bpf/packet.h"
#include "bpf/policy.h"
#include "lb/config.h"
#include "lb/prefix.h"
#include "tests/unit/dice.h"
#include "tests/unit/packet_build.h"

/* --- what the packet is ---------------------------------------------------------------------- */

struct seen {
	struct packet p;
	const struct config *config;
	const uint8_t *l3, *l4;
	bool ip, v6, faulty;
	uint8_t protocol;
	char group[64]; /* of its source; "": none */
	const struct config_service *service, *vip;
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static bool bits_equal(const void *a, const void *b, uint32_t bits)
{
	const uint8_t *x = a, *y = b;
	for (uint32_t i = 0; i < bits; i++)
		if ((x[i / 8] ^ y[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

/* An address and a prefix are of one family, or have nothing to do with each other. */
static bool is_in(const struct addr *a, bool v6, const struct addr *base, uint32_t length)
{
	bool base_v6 = !(addr_is_v4(base) && length >= 96);
	return base_v6 == v6 && bits_equal(a, base, length);
}

static void find_group(struct seen *s)
{
	struct addr from;
	int best = -1;
	if (s->v6)
		memcpy(&from, s->l3 + 8, 16);
	else
		addr_set_v4(&from, *(const uint32_t *)(const void *)(s->l3 + 12));
	for (unsigned int i = 0; i < s->config->policy.source_count; i++) {
		const struct config_source *g = &s->config->policy.sources[i];
		for (unsigned int k = 0; k < g->prefix_count; k++)
			if (g->prefixes[k].length > best &&
			    is_in(&from, s->v6, &g->prefixes[k].address, g->prefixes[k].length)) {
				best = g->prefixes[k].length;
				snprintf(s->group, sizeof(s->group), "%s", g->name);
			}
	}
}

static uint32_t own_length(const struct config_service *s)
{
	return s->prefix ? s->prefix : 128;
}

/* 0: not its; 1: any port; 2: that port. */
static int has_port(const struct config_service *s, uint16_t port)
{
	int best = 0;
	for (unsigned int i = 0; i < s->port_range_count; i++) {
		const struct config_port_range *r = &s->port_ranges[i];
		if (!r->first)
			best = best ? best : 1;
		else if (port >= r->first && port <= r->last)
			best = 2;
	}
	return best;
}

static void find_service(struct seen *s)
{
	int best = 0, best_vip = -1;
	const struct flow_key *key = &s->p.key;
	bool ported = s->p.fragment != PACKET_LATER_FRAGMENT &&
		      (!s->p.icmp || s->p.icmp == PACKET_ICMP_ERROR);
	for (unsigned int i = 0; i < s->config->service_count; i++) {
		const struct config_service *c = &s->config->services[i];
		int length = own_length(c), port = has_port(c, ntohs(key->destination_port));
		if (!is_in(&key->destination, s->v6, &c->address, length))
			continue;
		if (length > best_vip) {
			best_vip = length;
			s->vip = c;
		}
		if (ported && c->protocol == key->protocol && port && 3 * length + port > best) {
			best = 3 * length + port;
			s->service = c;
		}
	}
}

/* False: the policy has nothing to say about it. */
static bool look(struct seen *s, const struct frame *f)
{
	s->faulty = parse_packet(f->bytes, f->bytes + f->length, &s->p);
	if (s->faulty || s->p.ethertype == htons(ETH_P_ARP))
		return false;
	s->l3 = f->bytes + s->p.l3_offset;
	s->l4 = f->bytes + s->p.l4_offset;
	s->v6 = s->p.ethertype == htons(ETH_P_IPV6);
	s->ip = s->v6 || s->p.ethertype == htons(ETH_P_IP);
	if (!s->ip)
		return true;
	s->protocol = s->v6 ? s->p.key.protocol : s->l3[9];
	if (s->v6 && s->p.icmp)
		s->protocol = IPPROTO_ICMPV6;
	/* Neighbour discovery. */
	if (s->v6 && s->p.icmp && s->l3[7] == 255 && s->l4[0] >= 133 && s->l4[0] <= 137)
		return false;
	if (s->p.has_addresses) {
		find_group(s);
		find_service(s);
	}
	return true;
}

/*
 * What can't be parsed, but says whom it is from. Not IPv6 with a hop limit of 255: it might be
 * neighbour discovery.
 */
static bool look_at_source(struct seen *s, const struct frame *f)
{
	const uint8_t *type = f->bytes + 12, *end = f->bytes + f->length;
	for (int tags = 0; tags < 2 && type + 6 <= end; tags++)
		if (get16(type) == 0x8100 || get16(type) == 0x88a8)
			type += 4;
	s->l3 = type + 2;
	if (s->l3 > end)
		return false;
	s->v6 = get16(type) == ETH_P_IPV6;
	if (s->l3 + (s->v6 ? 40 : 20) > end || s->l3[0] >> 4 != (s->v6 ? 6 : 4) ||
	    (!s->v6 && get16(type) != ETH_P_IP))
		return false;
	if (s->v6 && (s->l3[7] == 255 || addr_is_v4((const void *)(s->l3 + 8)) ||
		      addr_is_v4((const void *)(s->l3 + 24))))
		return false;
	find_group(s);
	return true;
}

/* --- conditions ------------------------------------------------------------------------------ */

static bool is_tcp(const struct seen *s)
{
	return s->ip && s->protocol == IPPROTO_TCP && !s->p.icmp &&
	       s->p.fragment != PACKET_LATER_FRAGMENT;
}

static bool is_syn(const struct seen *s)
{
	return is_tcp(s) && (s->l4[13] & 0x17) == 0x02;
}

static bool has_data(const struct seen *s)
{
	uint32_t ip_length = s->v6 ? 40 + get16(s->l3 + 4) : get16(s->l3 + 2);
	return s->l4 + (s->l4[12] >> 4) * 4 < s->l3 + ip_length;
}

static bool is_invalid(const struct seen *s)
{
	static const uint8_t valid[] = {0x02, 0x12, 0x04, 0x14, 0x10, 0x11};
	if (!is_tcp(s))
		return false;
	for (size_t i = 0; i < sizeof(valid); i++)
		if ((s->l4[13] & 0x17) == valid[i])
			return false;
	return true;
}

static bool has_options(const struct seen *s)
{
	if (!s->ip)
		return false;
	return s->v6 ? s->l3[6] == 0 || s->l3[6] == 43 || s->l3[6] == 60 : (s->l3[0] & 15) > 5;
}

static uint32_t vlan_of(const struct frame *f)
{
	uint32_t type = get16(f->bytes + 12);
	return type == 0x8100 || type == 0x88a8 ? get16(f->bytes + 14) & 0xfff : 0;
}

static bool matches(const struct seen *s, const struct config_match *m, const struct frame *f)
{
	if (m->family && (!s->ip || s->v6 != (m->family == FAMILY_IPV6)))
		return false;
	if ((m->flags & POLICY_SYN && !is_syn(s)) ||
	    (m->flags & POLICY_SYN_DATA && !(is_syn(s) && has_data(s))) ||
	    (m->flags & POLICY_INVALID && !is_invalid(s)) ||
	    (m->flags & POLICY_FRAGMENT && !s->p.fragment) ||
	    (m->flags & POLICY_OPTIONS && !has_options(s)) ||
	    (m->flags & POLICY_ICMP_ERROR && s->p.icmp != PACKET_ICMP_ERROR))
		return false;
	if (m->vlan && m->vlan != vlan_of(f))
		return false;
	return f->length >= m->length_first && f->length <= m->length_last;
}

static bool has_protocol(const struct seen *s, uint32_t protocol)
{
	switch (protocol) {
	case PROTOCOL_ANY:
		return true;
	case PROTOCOL_NOT_IP:
		return !s->ip;
	case PROTOCOL_ICMP:
		return s->ip && s->protocol == (s->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	default:
		return s->ip && s->protocol == protocol;
	}
}

static bool on_ports(const struct seen *s, const struct config_rule *r)
{
	if (!r->port_ranges[0].first)
		return true;
	bool has = s->ip && !s->p.icmp && s->p.fragment != PACKET_LATER_FRAGMENT &&
		   (s->protocol == IPPROTO_TCP || s->protocol == IPPROTO_UDP);
	uint32_t port = has ? get16(s->l4 + 2) : 0;
	for (unsigned int i = 0; i < r->port_range_count; i++)
		if (has && port >= r->port_ranges[i].first && port <= r->port_ranges[i].last)
			return true;
	return false;
}

static bool is_from(const struct seen *s, const struct config_words *from)
{
	for (unsigned int i = 0; i < from->count; i++)
		if (!strcmp(s->group, from->words[i]))
			return true;
	return !from->count;
}

static bool is_to_word(const struct seen *s, const char *word)
{
	const struct config_service *target = s->service ? s->service : s->vip;
	struct addr base;
	uint32_t length;
	if (!strcmp(word, "any"))
		return true;
	if (!target)
		return false;
	if (!strcmp(word, "vips") || (s->service && !strcmp(s->service->name, word)))
		return true;
	return !prefix_parse(word, &base, &length) && own_length(target) >= length &&
	       is_in(&target->address, s->v6, &base, length);
}

static bool is_to(const struct seen *s, const struct config_words *to)
{
	for (unsigned int i = 0; i < to->count; i++)
		if (is_to_word(s, to->words[i]))
			return true;
	return !to->count && is_to_word(s, "vips");
}

/* All that its sources send, wherever it goes. */
static bool drops_all(const struct config_rule *r)
{
	const struct config_match *m = &r->match;
	return r->action == POLICY_DROP && !r->dry_run && r->to.count == 1 &&
	       !strcmp(r->to.words[0], "any") && r->protocol == PROTOCOL_ANY &&
	       !r->port_ranges[0].first && !m->family && !m->flags && !m->vlan &&
	       !m->length_first && m->length_last == UINT16_MAX;
}

/* Of what can't be parsed only the source counts, if the first rule that is for it drops it. */
static struct naive_verdict judge_source(const struct config *c, const struct frame *f)
{
	struct seen s = {.config = c};
	struct naive_verdict v = {.action = POLICY_ALLOW};
	unsigned int i = 0;
	if (!look_at_source(&s, f))
		return v;
	while (i < c->policy.rule_count && !is_from(&s, &c->policy.rules[i].from))
		i++;
	if (i < c->policy.rule_count && drops_all(&c->policy.rules[i])) {
		v.action = POLICY_DROP;
		v.rule = c->policy.rules[i].name;
		v.touched = 1;
	}
	return v;
}

/* The rule of its own that a service has for SYNs that may go on. */
static void ask_guard(const struct seen *s, const struct frame *f, struct naive_verdict *v)
{
	static const struct config_match opens = {.flags = POLICY_SYN, .length_last = UINT16_MAX};
	for (unsigned int i = 0; i < s->config->service_count; i++) {
		const struct config_service *service = &s->config->services[i];
		char *name = service->name;
		const struct config_words to = {1, &name};
		if (service->syn_protection == SYN_PROTECTION_NONE || v->action != POLICY_ALLOW ||
		    !is_to(s, &to) || !matches(s, &opens, f))
			continue;
		v->touched++;
		v->limited = true;
	}
}

static bool any_guard(const struct config *c)
{
	for (unsigned int i = 0; i < c->service_count; i++)
		if (c->services[i].syn_protection != SYN_PROTECTION_NONE)
			return true;
	return false;
}

struct naive_verdict naive_judge(const struct config *c, const struct frame *f)
{
	struct seen s = {.config = c};
	struct naive_verdict v = {.action = POLICY_ALLOW};
	/* Without a policy nothing is counted. */
	if (!c->policy.rule_count && c->policy.otherwise == POLICY_ALLOW && !any_guard(c))
		return v;
	if (!look(&s, f))
		return s.faulty ? judge_source(c, f) : v;
	for (unsigned int i = 0; i < c->policy.rule_count; i++) {
		const struct config_rule *r = &c->policy.rules[i];
		if (!is_from(&s, &r->from) || !is_to(&s, &r->to) ||
		    !has_protocol(&s, r->protocol) || !on_ports(&s, r) ||
		    !matches(&s, &r->match, f))
			continue;
		v.touched++;
		v.limited |= r->action == POLICY_LIMIT;
		if (r->action == POLICY_COUNT || r->action == POLICY_LIMIT || r->dry_run)
			continue;
		v.action = r->action;
		v.rule = r->name;
		ask_guard(&s, f, &v);
		return v;
	}
	if (is_to_word(&s, "vips") && s.p.fragment != PACKET_LATER_FRAGMENT) {
		v.action = c->policy.otherwise;
		v.rule = POLICY_DEFAULT_RULE;
		v.touched++;
	}
	ask_guard(&s, f, &v);
	return v;
}

/* --- policies by chance ---------------------------------------------------------------------- */

struct text {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(t->at, t->room, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->room)
		n = t->room ? (int)t->room - 1 : 0;
	t->at += n;
	t->room -= n;
}

/* Around the addresses that tests/unit/packet_random.c sends from, each once. */
static const char *const prefixes[] = {
	"0.0.0.0/0",
	"198.51.100.0/24",
	"198.51.100.7",
	"198.51.100.8/31",
	"198.51.100.8",
	"192.0.2.0/24",
	"192.0.2.1",
	"10.0.0.0/8",
	"10.0.0.11/32",
	"203.0.113.10",
	"224.0.0.0/4",
	"127.0.0.0/8",
	"0.0.0.0",
	"255.255.255.255",
	"::/0",
	"2001:db8::/32",
	"2001:db8:99::/48",
	"2001:db8:99::7",
	"2001:db8:99::8/125",
	"2001:db8:99::8/127",
	"2001:db8:99::/64",
	"fe80::/10",
	"::/96",
	"2001:db8:2::/48",
	"2001:db8:2::11/128",
	"2001:db8:1::10",
	"ff02::/16",
	"2001:db8:99::4/126",
	"198.51.0.0/16",
	"2001:db8:99::7:0/112",
	"::/64",
	"fe80::1",
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"2001:db8:99:0:8000::/65",
};
#define PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))
#define GROUPS   6

static void add_sources(struct dice *d, struct text *t)
{
	uint32_t group[PREFIXES];
	for (uint32_t i = 0; i < PREFIXES; i++)
		group[i] = dice_roll(d, 2 * GROUPS);
	add(t, "sources:\n");
	for (uint32_t g = 0; g < GROUPS; g++) {
		const char *before = "[";
		add(t, "  g%u: {prefixes: ", g);
		for (uint32_t i = 0; i < PREFIXES; i++) {
			if (group[i] != g)
				continue;
			add(t, "%s\"%s\"", before, prefixes[i]);
			before = ", ";
		}
		add(t, "%s]}\n", *before == '[' ? before : "");
	}
}

static void add_match(struct dice *d, struct text *t)
{
	static const char *const flags[] = {"tcp-syn",  "tcp-syn-data", "tcp-invalid-flags",
					    "fragment", "ip-options",   "icmp-error",
					    "ipv4",     "ipv6"};
	static const char *const lengths[] = {"0-59", "60-60", "61-99", "100-65535", "54-74"};
	uint32_t count = dice_once_in(d, 8) ? 2 : dice_roll(d, 2);
	const char *before = "[";
	uint32_t family = 8;
	add(t, ", match: ");
	for (uint32_t i = 0; i < count; i++) {
		uint32_t flag = dice_roll(d, 8);
		if (flag >= 6 && family < 8)
			flag = family;
		family = flag >= 6 ? flag : family;
		add(t, "%s%s", before, flags[flag]);
		before = ", ";
	}
	if (dice_once_in(d, 10)) {
		add(t, "%slength %s", before, DICE_PICK(d, lengths));
		before = ", ";
	}
	if (dice_once_in(d, 16)) {
		add(t, "%svlan %u", before, 1 + dice_roll(d, 4094));
		before = ", ";
	}
	add(t, *before == '[' ? "any" : "]");
}

static void add_rule(struct dice *d, struct text *t, unsigned int number)
{
	static const char *const to[] = {
		"vips",
		"vips",
		"any",
		"any",
		"web",
		"[web, dns]",
		"203.0.113.10",
		"h3",
		"203.0.113.0/24",
		"\"2001:db8:1::10\"",
		"[web6, \"203.0.113.11\"]",
		"pool",
		"203.0.113.40/30",
		"[dns6, quiet6]",
		"\"2001:db8::/32\"",
		"one",
	};
	static const char *const protocols[] = {"any",  "any", "any",    "tcp", "udp",
						"icmp", "47",  "not-ip", "132"};
	static const char *const ports[] = {"any",    "any",       "80", "53", "[443, 8000-8004]",
					    "1-1023", "8005-65535"};
	static const char *const actions[] = {
		"allow",
		"allow",
		"drop",
		"drop",
		"pass",
		"count",
		"drop, dry_run: true",
		"limit, limit: {per: source, rate: 10G/s}",
		"limit, limit: {per: service, rate: 10GB/s}, dry_run: true",
		"redirect, redirect: {interface: eth0}",
	};
	uint32_t protocol = dice_roll(d, sizeof(protocols) / sizeof(protocols[0]));
	add(t, "    - {name: r%u", number);
	if (dice_roll(d, 3))
		add(t, ", from: g%u", dice_roll(d, GROUPS));
	else if (dice_roll(d, 2))
		add(t, ", from: [g%u, g%u]", dice_roll(d, GROUPS), dice_roll(d, GROUPS));
	add(t, ", to: %s, protocol: %s", DICE_PICK(d, to), protocols[protocol]);
	if (protocol < 5)
		add(t, ", ports: %s", DICE_PICK(d, ports));
	if (dice_roll(d, 2))
		add_match(d, t);
	add(t, ", action: %s}\n", DICE_PICK(d, actions));
}

void naive_policy(struct dice *d, char *yaml, size_t size, unsigned int rules)
{
	size_t used = strlen(yaml);
	struct text t = {yaml + used, size - used};
	uint32_t count = dice_once_in(d, 32) ? 0 : 1 + dice_roll(d, rules);
	add_sources(d, &t);
	add(&t, "policy:\n  default: %s\n  rules:%s\n", dice_roll(d, 2) ? "drop" : "allow",
	    count ? "" : " []");
	for (uint32_t i = 0; i < count; i++) {
		if (!i && dice_once_in(d, 4))
			add(&t, "    - {name: r0, from: g%u, to: any, action: drop}\n",
			    dice_roll(d, GROUPS));
		else
			add_rule(d, &t, i);
	}
	/* A name that stays keeps its number: these match nothing. */
	for (uint32_t i = count; count && i < rules; i++)
		add(&t, "    - {name: r%u, protocol: udp, match: tcp-syn, action: count}\n", i);
}
