// SPDX-License-Identifier: BSD-2-Clause
/*
 * Parsing and lb_process() take turns over one burst of packets of a kind, which are alike but for
 * the client's port. Packets that are forwarded get another link header (a tag is taken off), so it
 * is written anew for each burst, and that can be gone through again and again.
 */
#include "bench/parser.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "bench/balancer.h"
#include "bench/report.h"
#include "bpf/packet.h"
#include "lb/err.h"

#define FRAME_BYTES 256u
#define BURSTS      4096u /* of a trial, each way */
#define ENTRIES     4096u /* of the flow table */
#define FIRST_PORT  32768u
#define CLIENT      "198.51.100.7"
#define CLIENT_IPV6 "2001:db8:1::7"
#define NOT_A_VIP   "198.51.100.99"
#define HEADER_DEST 60 /* IPv6 destination options */
#define LINK_BYTES  24 /* whole words of the longest link header: two tags */

struct kind {
	const char *name;
	enum frames_family family;
	unsigned int tags, options, headers; /* bytes of IPv4 options, IPv6 extension headers */
	bool arp, malformed;
};

static const struct kind kinds[PARSER_KINDS] = {
	{.name = "IPv4 TCP"},
	{.name = "IPv4 TCP, 8 bytes of options", .options = 8},
	{.name = "VLAN, IPv4 TCP", .tags = 1},
	{.name = "QinQ, IPv4 TCP", .tags = 2},
	{.name = "IPv6 TCP", .family = FRAMES_IPV6},
	{.name = "IPv6 TCP, 3 extension headers", .family = FRAMES_IPV6, .headers = 3},
	{.name = "ARP, not for a VIP", .arp = true},
	{.name = "IPv4, header too short", .malformed = true},
};

struct burst {
	_Alignas(64) uint8_t bytes[LB_BURST][FRAME_BYTES];
	uint8_t link[LINK_BYTES];
	uint32_t length, l4; /* of each; offset of the TCP header, 0: none */
};

/* --- the packets ------------------------------------------------------------------------------ */

static uint8_t *put(uint8_t *at, const void *bytes, uint32_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

static uint8_t *put_ethernet(const struct kind *k, uint8_t *at)
{
	static const uint8_t addresses[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	uint16_t type = k->arp ? ETH_P_ARP : k->family == FRAMES_IPV4 ? ETH_P_IP : ETH_P_IPV6;
	const uint16_t inner[] = {htons(ETH_P_8021Q), htons(42)};
	const uint16_t outer[] = {htons(ETH_P_8021AD), htons(7)};
	at = put(at, addresses, sizeof(addresses));
	if (k->tags == 2)
		at = put(at, outer, sizeof(outer));
	if (k->tags)
		at = put(at, inner, sizeof(inner));
	type = htons(type);
	return put(at, &type, sizeof(type));
}

static uint8_t *put_arp(uint8_t *at)
{
	struct arp_header head = {htons(1), htons(ETH_P_IP), ETH_ALEN, 4, htons(1)};
	struct arp_ipv4 body = {};
	inet_pton(AF_INET, CLIENT, body.sender_ip);
	inet_pton(AF_INET, NOT_A_VIP, body.target_ip);
	return put(put(at, &head, sizeof(head)), &body, sizeof(body));
}

static uint8_t *put_ipv4(const struct kind *k, uint8_t *at)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = k->malformed ? 4 : 5 + k->options / 4,
		.tot_len = htons(sizeof(ip) + k->options + sizeof(struct tcphdr)),
		.ttl = 64,
		.protocol = IPPROTO_TCP,
	};
	inet_pton(AF_INET, CLIENT, &ip.saddr);
	inet_pton(AF_INET, FRAMES_VIP_IPV4, &ip.daddr);
	at = put(at, &ip, sizeof(ip));
	memset(at, 1, k->options); /* no operation */
	return at + k->options;
}

static uint8_t *put_ipv6(const struct kind *k, uint8_t *at)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = htons(k->headers * 8 + sizeof(struct tcphdr)),
		.nexthdr = k->headers ? HEADER_DEST : IPPROTO_TCP,
		.hop_limit = 64,
	};
	inet_pton(AF_INET6, CLIENT_IPV6, &ip.saddr);
	inet_pton(AF_INET6, FRAMES_VIP_IPV6, &ip.daddr);
	at = put(at, &ip, sizeof(ip));
	for (unsigned int left = k->headers; left; left--) {
		uint8_t header[8] = {left > 1 ? HEADER_DEST : IPPROTO_TCP};
		at = put(at, header, sizeof(header));
	}
	return at;
}

static void make_frame(const struct kind *k, unsigned int number, struct burst *b)
{
	struct tcphdr tcp = {
		.source = htons(FIRST_PORT + number), .dest = htons(FRAMES_VIP_PORT), .doff = 5};
	uint8_t *frame = b->bytes[number];
	uint8_t *at = put_ethernet(k, frame);
	if (k->arp) {
		at = put_arp(at);
	} else {
		at = k->family == FRAMES_IPV4 ? put_ipv4(k, at) : put_ipv6(k, at);
		b->l4 = k->malformed ? 0 : at - frame;
		at = put(at, &tcp, sizeof(tcp));
	}
	b->length = at - frame;
	memcpy(b->link, frame, LINK_BYTES);
}

static void set_flags(struct burst *b, uint8_t flags)
{
	for (unsigned int i = 0; i < LB_BURST && b->l4; i++)
		b->bytes[i][b->l4 + 13] = flags;
}

/* --- on the clock ----------------------------------------------------------------------------- */

static uint64_t cpu_time_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void restore(struct burst *b)
{
	for (unsigned int i = 0; i < LB_BURST; i++)
		memcpy(b->bytes[i], b->link, LINK_BYTES);
}

static __attribute__((noinline)) uint64_t parse_pass(struct burst *b)
{
	restore(b);
	uint64_t start_ns = cpu_time_ns();
	for (unsigned int n = 0; n < BURSTS; n++)
		for (unsigned int i = 0; i < LB_BURST; i++) {
			struct packet p = {};
			int reason = parse_packet(b->bytes[i], b->bytes[i] + b->length, &p);
			__asm__ volatile("" : : "r"(reason), "r"(&p) : "memory");
		}
	return cpu_time_ns() - start_ns;
}

static void process_burst(struct balancer *l, struct burst *b)
{
	struct lb_packet packets[LB_BURST];
	restore(b);
	for (unsigned int i = 0; i < LB_BURST; i++)
		packets[i] = (struct lb_packet){.data = b->bytes[i], .length = b->length};
	lb_process(&l->lb, l->snapshot, packets, LB_BURST, 1000000000);
}

static __attribute__((noinline)) uint64_t process_pass(struct balancer *l, struct burst *b)
{
	uint64_t start_ns = cpu_time_ns();
	for (unsigned int n = 0; n < BURSTS; n++)
		process_burst(l, b);
	return cpu_time_ns() - start_ns;
}

/* --- a row ------------------------------------------------------------------------------------ */

/* That each kind is what it is called. */
static int check_kind(const struct kind *k, const struct lb_counters *c, struct err *err)
{
	uint64_t all = (2 + BURSTS) * LB_BURST;
	uint64_t got = k->arp         ? c->passed
		       : k->malformed ? c->dropped[REASON_MALFORMED_IPV4]
				      : c->forwarded;
	if (got >= all)
		return 0;
	return err_set(err, EINVAL, "%s: lb_process made something else of them", k->name);
}

static void measure_row(struct balancer *l, struct burst *b, struct parser_row *row,
			unsigned int trials)
{
	set_flags(b, PACKET_TCP_SYN);
	process_burst(l, b);
	set_flags(b, PACKET_TCP_ACK);
	process_burst(l, b);
	for (unsigned int i = 0; i < trials; i++) {
		row->parse_ns[i] = (double)parse_pass(b) / BURSTS / LB_BURST;
		row->process_ns[i] = (double)process_pass(l, b) / BURSTS / LB_BURST;
		row->share[i] = 100 * row->parse_ns[i] / row->process_ns[i];
	}
}

static int measure_kind(const struct kind *k, struct parser_row *row, unsigned int trials,
			struct err *err)
{
	struct balancer l;
	struct burst b = {};
	int r = balancer_open(&l, k->family, IPPROTO_TCP, ENTRIES, err);
	if (r)
		return r;
	row->name = k->name;
	for (unsigned int i = 0; i < LB_BURST; i++)
		make_frame(k, i, &b);
	measure_row(&l, &b, row, trials);
	r = check_kind(k, l.counters, err);
	balancer_close(&l);
	return r;
}

int parser_measure(struct parser_row rows[PARSER_KINDS], unsigned int trials, struct err *err)
{
	int r = 0;
	for (unsigned int i = 0; i < PARSER_KINDS && !r; i++)
		r = measure_kind(&kinds[i], &rows[i], trials, err);
	return r;
}

/* --- the report ------------------------------------------------------------------------------- */

void parser_report(const struct parser_row rows[PARSER_KINDS], unsigned int trials, json_t *report)
{
	static const struct report_column columns[] = {
		{"packet", "packet", .sort = REPORT_NAME},
		{"parse_ns", "parse ns", REPORT_SAMPLE, 2, REPORT_LESS},
		{"process_ns", "lb_process ns", REPORT_SAMPLE, 1, REPORT_LESS},
		{"share", "share %", REPORT_REAL, .digits = 0},
	};
	json_t *table = report_table(report, "parser", "The parser", columns,
				     sizeof(columns) / sizeof(columns[0]));
	for (unsigned int i = 0; i < PARSER_KINDS; i++) {
		json_t *row = report_row(table);
		report_text(row, "packet", "%s", rows[i].name);
		report_sample(row, "parse_ns", rows[i].parse_ns, trials);
		report_sample(row, "process_ns", rows[i].process_ns, trials);
		report_number(row, "share", stats_of(rows[i].share, trials).median);
	}
	report_note(table,
		    "parse: parse_packet() alone; share: of all that lb_process() does with such a "
		    "packet. Bursts are in the CPU's caches; TCP packets are of established flows");
}
