// SPDX-License-Identifier: BSD-2-Clause
#include "bench/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/flow_list.h"
#include "bpf/checksum.h"
#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"

#define ORDER_MIN 65536u /* entries, so that chance evens out */
#define IPV4_DF   0x4000
#define WINDOW    65535

/* --- templates -------------------------------------------------------------------------------- */

static uint8_t *put_link(uint8_t *at, const struct stream_wanted *w, const struct stream_shape *s)
{
	uint16_t type = htons(s->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	memcpy(at, w->to_mac, ETH_ALEN);
	memcpy(at + ETH_ALEN, w->from_mac, ETH_ALEN);
	at += 2 * ETH_ALEN;
	if (s->vlan) {
		uint16_t tag[2] = {htons(ETH_P_8021Q), htons(w->vlan)};
		memcpy(at, tag, sizeof(tag));
		at += sizeof(tag);
	}
	memcpy(at, &type, sizeof(type));
	return at + sizeof(type);
}

static void put_ip(uint8_t *at, const struct stream_shape *s, uint16_t length, uint8_t protocol)
{
	if (s->ipv6) {
		struct ipv6hdr *ip = (void *)at;
		ip->version = 6;
		ip->payload_len = htons(length);
		ip->nexthdr = protocol;
		ip->hop_limit = 64;
	} else {
		struct iphdr *ip = (void *)at;
		ip->version = 4;
		ip->ihl = sizeof(*ip) / 4;
		ip->tot_len = htons(sizeof(*ip) + length);
		ip->frag_off = htons(IPV4_DF);
		ip->ttl = 64;
		ip->protocol = protocol;
	}
}

static void put_l4(uint8_t *at, const struct stream_wanted *w, uint16_t length)
{
	struct tcphdr *tcp = (void *)at;
	if (w->tcp) {
		tcp->doff = sizeof(*tcp) / 4;
		tcp->window = htons(WINDOW);
		at[13] = w->tcp_flags;
	} else {
		((struct udphdr *)at)->len = htons(length);
	}
}

/* Padding to Ethernet's shortest frame is TCP's or UDP's payload: a receiver sees one length. */
static void make_template(struct stream_size *size, const struct stream_wanted *w,
			  const struct stream_shape *s, uint32_t frame)
{
	uint8_t *bytes = (uint8_t *)size->header;
	uint32_t l3 = stream_l3(s), l4 = stream_l4(s), payload = stream_payload(s);
	uint16_t length = frame - l4;
	uint8_t protocol = s->tcp ? IPPROTO_TCP : IPPROTO_UDP;
	memset(size, 0, sizeof(*size));
	size->length = frame;
	put_link(bytes, w, s);
	put_ip(bytes + l3, s, length, protocol);
	put_l4(bytes + l4, w, length);
	if (!s->ipv6)
		size->ip_sum = checksum_fold(checksum_add(bytes + l3, sizeof(struct iphdr)));
	size->l4_sum = checksum_fold(checksum_add(bytes + l4, payload - l4) + htons(protocol) +
				     htons(length));
}

static int make_sizes(struct stream *s, const struct stream_wanted *w, struct err *err)
{
	uint32_t shortest = stream_shortest(&s->shape);
	for (unsigned int i = 0; i < w->sizes.count; i++) {
		uint32_t length = w->sizes.length[i];
		if (length < shortest)
			return err_set(
				err, EINVAL,
				"packets of %u bytes are too short: these headers%s take %u%s",
				length, s->shape.stamps ? " and a stamp" : "", shortest,
				s->shape.stamps ? " (--no-stamps does without)" : "");
		make_template(&s->sizes[i], w, &s->shape, length);
	}
	s->size_count = w->sizes.count;
	return 0;
}

/* --- flows ------------------------------------------------------------------------------------ */

static void set_address(const struct addr *a, bool ipv6, uint32_t out[4])
{
	memset(out, 0, 4 * sizeof(*out));
	if (ipv6)
		memcpy(out, a->word, sizeof(a->word));
	else
		out[0] = a->word[3];
}

static struct stream_flow make_flow(const struct flow_ends *f, bool ipv6)
{
	struct stream_flow flow = {.source_port = htons(f->source_port),
				   .destination_port = htons(f->destination_port)};
	set_address(&f->source, ipv6, flow.source);
	set_address(&f->destination, ipv6, flow.destination);
	flow.address_sum = checksum_fold(checksum_add(flow.source, sizeof(flow.source)) +
					 checksum_add(flow.destination, sizeof(flow.destination)));
	flow.sum = checksum_fold((uint64_t)flow.address_sum + flow.source_port +
				 flow.destination_port);
	return flow;
}

/* Addresses from one to another, both of them too; the last 32 bits count. */
static uint64_t count_addresses(const struct stream_range *r)
{
	return (uint64_t)ntohl(r->last.word[3]) - ntohl(r->first.word[3]) + 1;
}

static bool is_range(const struct stream_range *r)
{
	return !memcmp(r->first.word, r->last.word, 3 * sizeof(r->first.word[0])) &&
	       ntohl(r->first.word[3]) <= ntohl(r->last.word[3]);
}

static int check_range(const struct stream_wanted *w, struct err *err)
{
	uint64_t ports = w->last_port - w->first_port + 1, most;
	if (addr_is_v4(&w->sources.first) != addr_is_v4(&w->destination) ||
	    addr_is_v4(&w->sources.last) != addr_is_v4(&w->destination))
		return err_set(err, EINVAL, "source and destination are of different families");
	if (!is_range(&w->sources))
		return err_set(err, EINVAL,
			       "the source addresses are no range: the second has to be above the "
			       "first, and alike but for the last 32 bits");
	most = count_addresses(&w->sources) * ports;
	if (w->flows > most)
		return err_set(err, EINVAL,
			       "%u flows need more sources: %llu addresses and %llu ports make "
			       "%llu (--source, --source-ports)",
			       w->flows, (unsigned long long)count_addresses(&w->sources),
			       (unsigned long long)ports, (unsigned long long)most);
	return 0;
}

static int make_flows(struct stream *s, const struct stream_wanted *w, struct err *err)
{
	uint32_t ports = w->last_port - w->first_port + 1;
	int r = check_range(w, err);
	s->flows = r ? NULL : calloc(w->flows, sizeof(*s->flows));
	if (r || !s->flows)
		return r ? r : err_set(err, ENOMEM, "no memory for %u flows", w->flows);
	for (uint32_t i = 0; i < w->flows; i++) {
		struct flow_ends f = {.source = w->sources.first,
				      .destination = w->destination,
				      .source_port = w->first_port + i % ports,
				      .destination_port = w->destination_port};
		f.source.word[3] = htonl(ntohl(f.source.word[3]) + i / ports);
		s->flows[i] = make_flow(&f, s->shape.ipv6);
	}
	s->flow_count = w->flows;
	return 0;
}

static int read_flows(struct stream *s, const struct stream_wanted *w, struct err *err)
{
	struct flow_ends *ends;
	uint32_t count;
	int r = flow_list_read(w->flow_list, STREAM_FLOWS, &ends, &count, err);
	if (r)
		return r;
	s->shape.ipv6 = !addr_is_v4(&ends[0].destination);
	s->flows = calloc(count, sizeof(*s->flows));
	for (uint32_t i = 0; s->flows && i < count; i++)
		s->flows[i] = make_flow(&ends[i], s->shape.ipv6);
	s->flow_count = count;
	free(ends);
	return s->flows ? 0 : err_set(err, ENOMEM, "no memory for %u flows", count);
}

/* --- the order -------------------------------------------------------------------------------- */

/* xorshift64* (Vigna, 2016), from 0 to 1. */
static double draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 0x2545f4914f6cdd1d >> 11) * 0x1p-53;
}

static uint32_t draw_below(uint64_t *state, uint32_t below)
{
	return draw(state) * below;
}

/* The sums of 1/k^exponent, as parts of the whole: flow 0 is the busiest. */
static double *zipf_table(uint32_t flows, double exponent)
{
	double *sums = calloc(flows, sizeof(*sums)), sum = 0;
	for (uint32_t i = 0; sums && i < flows; i++)
		sums[i] = sum += pow(i + 1, -exponent);
	for (uint32_t i = 0; sums && i < flows; i++)
		sums[i] /= sum;
	return sums;
}

static uint32_t zipf_draw(const double *sums, uint32_t flows, double at)
{
	uint32_t low = 0, high = flows - 1;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (sums[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Which size each entry has: as many of each as its weight says, shuffled (Fisher and Yates). */
static void pick_sizes(struct stream *s, const struct stream_sizes *sizes, uint64_t *random)
{
	uint64_t whole = 0, until = 0;
	uint32_t at = 0;
	for (unsigned int i = 0; i < sizes->count; i++)
		whole += sizes->weight[i];
	for (unsigned int i = 0; i < sizes->count; i++) {
		until += sizes->weight[i];
		for (; at < until * s->order_count / whole; at++)
			s->order[at] = stream_entry(0, i);
	}
	for (uint32_t i = s->order_count - 1; sizes->count > 1 && i > 0; i--) {
		uint32_t j = draw_below(random, i + 1), was = s->order[i];
		s->order[i] = s->order[j];
		s->order[j] = was;
	}
}

static void pick_flows(struct stream *s, const struct stream_wanted *w, const double *zipf,
		       uint64_t *random)
{
	for (uint32_t i = 0; i < s->order_count; i++) {
		if (w->pick == STREAM_IN_TURN)
			s->order[i] |= i % s->flow_count;
		else if (w->pick == STREAM_RANDOM)
			s->order[i] |= draw_below(random, s->flow_count);
		else
			s->order[i] |= zipf_draw(zipf, s->flow_count, draw(random));
	}
}

/* In turn each flow comes equally often; else there are several entries a flow. */
static uint32_t order_length(const struct stream_wanted *w, uint32_t flows)
{
	uint32_t rounds = (ORDER_MIN + flows - 1) / flows;
	if (w->pick == STREAM_IN_TURN)
		return flows * rounds;
	return flows * 4 < STREAM_ORDER ? flows * (rounds < 4 ? 4 : rounds) : STREAM_ORDER;
}

static void measure_mean(struct stream *s)
{
	double sum = 0;
	for (uint32_t i = 0; i < s->order_count; i++)
		sum += s->sizes[s->order[i] >> STREAM_FLOW_BITS].length;
	s->mean_length = sum / s->order_count;
}

static int make_order(struct stream *s, const struct stream_wanted *w, struct err *err)
{
	uint64_t random = 0x9e3779b97f4a7c15ull * (w->seed + 1);
	double *zipf = w->pick == STREAM_ZIPF ? zipf_table(s->flow_count, w->zipf) : NULL;
	s->order_count = order_length(w, s->flow_count);
	s->order = calloc(s->order_count, sizeof(*s->order));
	if (!s->order || (w->pick == STREAM_ZIPF && !zipf)) {
		free(zipf);
		return err_set(err, ENOMEM, "no memory for the order of %u flows", s->flow_count);
	}
	pick_sizes(s, &w->sizes, &random);
	pick_flows(s, w, zipf, &random);
	measure_mean(s);
	free(zipf);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

int stream_open(struct stream *s, const struct stream_wanted *w, struct err *err)
{
	*s = (struct stream){.shape = {.vlan = w->vlan != 0,
				       .ipv6 = !addr_is_v4(&w->destination),
				       .tcp = w->tcp,
				       .stamps = !w->no_stamps}};
	int r = w->flow_list ? read_flows(s, w, err) : make_flows(s, w, err);
	if (!r)
		r = make_sizes(s, w, err);
	if (!r)
		r = make_order(s, w, err);
	if (r)
		stream_close(s);
	return r;
}

void stream_close(struct stream *s)
{
	free(s->flows);
	free(s->order);
	*s = (struct stream){};
}

/* Flows keep their numbers, which stand in the stamps. */
int stream_split(const struct stream *s, uint32_t which, uint32_t parts, struct stream *out,
		 struct err *err)
{
	*out = *s;
	out->flows = malloc(s->flow_count * sizeof(*s->flows));
	out->order = malloc(s->order_count * sizeof(*s->order));
	out->order_count = 0;
	for (uint32_t i = 0; out->order && i < s->order_count; i++)
		if ((s->order[i] & ((1u << STREAM_FLOW_BITS) - 1)) % parts == which)
			out->order[out->order_count++] = s->order[i];
	if (!out->flows || !out->order) {
		stream_close(out);
		return err_set(err, ENOMEM, "no memory for another part of the flows");
	}
	memcpy(out->flows, s->flows, s->flow_count * sizeof(*s->flows));
	if (!out->order_count) {
		stream_close(out);
		return err_set(err, EINVAL,
			       "%u flows are too few for %u threads, each of which "
			       "needs one of its own (--flows)",
			       s->flow_count, parts);
	}
	return 0;
}
