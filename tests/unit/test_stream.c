// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packets that the bench sends: the project's parser finds no fault in them, their checksums
 * are right, and the receiver's own parser finds the stamp, also behind tunnels' headers. Which
 * flow and size is next is compared with what was asked for by counting.
 */
#include "bench/stream.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "bpf/received.h"
#include "lb/addr.h"
#include "lb/checksums.h"
#include "lb/err.h"

#define FLOWS 100

static struct stream_wanted want(bool ipv6)
{
	struct stream_wanted w = {.destination_port = 443,
				  .first_port = 1024,
				  .last_port = 1033,
				  .flows = FLOWS,
				  .tcp_flags = PACKET_TCP_ACK,
				  .sizes = {{ipv6 ? 100 : 60}, {1}, 1},
				  .to_mac = {2, 0, 0, 0, 0, 1},
				  .from_mac = {2, 0, 0, 0, 0, 2}};
	assert_int_equal(addr_parse(ipv6 ? "2001:db8::10" : "192.0.2.10", &w.destination), 0);
	assert_int_equal(addr_parse(ipv6 ? "fd00::ff:fff0" : "198.51.100.250", &w.sources.first),
			 0);
	assert_int_equal(addr_parse(ipv6 ? "fd00::100:10" : "198.51.101.10", &w.sources.last), 0);
	return w;
}

static void open_stream(struct stream *s, const struct stream_wanted *w)
{
	struct err err = {};
	if (stream_open(s, w, &err))
		fail_msg("%s", err.text);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void expect_right(const struct stream *s, uint32_t flow, uint32_t size, uint32_t sequence)
{
	_Alignas(8) uint8_t frame[STREAM_MAX + 8] = {};
	uint8_t *at = frame + 2;
	const struct stream_size *z = &s->sizes[size];
	const struct stamp in = {7, flow, sequence, 0x0123456789abcdef};
	struct stamp out;
	struct packet p = {};
	stream_write(at, at + z->length, &s->shape, z, &s->flows[flow],
		     s->shape.stamps ? &in : NULL);
	assert_int_equal(parse_packet((char *)at, (char *)at + z->length, &p), REASON_NONE);
	assert_true(checksums_are_right(at, z->length, &p));
	assert_int_equal(p.key.protocol, s->shape.tcp ? IPPROTO_TCP : IPPROTO_UDP);
	assert_int_equal(p.key.source_port, s->flows[flow].source_port);
	assert_int_equal(p.key.destination_port, htons(443));
	assert_int_equal(received_find(at, at + z->length, &out), s->shape.stamps);
	if (!s->shape.stamps)
		return;
	assert_int_equal(out.epoch, in.epoch);
	assert_int_equal(out.flow, flow);
	assert_int_equal(out.sequence, sequence);
	assert_int_equal(out.sent_ns, in.sent_ns);
}

static void expect_all_right(const struct stream_wanted *w)
{
	struct stream s;
	open_stream(&s, w);
	for (uint32_t flow = 0; flow < FLOWS; flow++)
		for (unsigned int size = 0; size < s.size_count; size++)
			expect_right(&s, flow, size, flow * 2654435761u);
	stream_close(&s);
}

static void test_packets(void **state)
{
	for (unsigned int way = 0; way < 16; way++) {
		struct stream_wanted w = want(way & 1);
		w.tcp = way & 2;
		w.vlan = way & 4 ? 42 : 0;
		w.no_stamps = way & 8;
		w.sizes = (struct stream_sizes){{104, 105, 566, 1514, 9018}, {1, 1, 1, 1, 1}, 5};
		expect_all_right(&w);
	}
	struct stream_wanted shortest = want(false);
	expect_all_right(&shortest);
}

/* What a balancer makes of it: IPv4 or IPv6 in front, or GUE over UDP. */
static void test_tunnels(void **state)
{
	struct stream_wanted w = want(false);
	struct stream s;
	uint8_t frame[256] = {}, outer[256] = {};
	struct iphdr ip = {.version = 4, .ihl = 5, .protocol = IPPROTO_IPIP};
	struct ipv6hdr ip6 = {.version = 6, .nexthdr = IPPROTO_IPIP};
	struct udphdr udp = {.dest = htons(RECEIVED_GUE)};
	const uint8_t gue[RECEIVED_GUE_HEADER] = {0, IPPROTO_IPIP};
	struct stamp in = {.flow = 3, .sequence = 4}, out;
	open_stream(&s, &w);
	stream_write(frame, frame + 60, &s.shape, &s.sizes[0], &s.flows[3], &in);
	for (int way = 0; way < 3; way++) {
		uint8_t *at = outer + ETH_HLEN;
		memcpy(outer, frame, ETH_HLEN);
		if (way == 1) {
			outer[12] = 0x86, outer[13] = 0xdd;
			memcpy(at, &ip6, sizeof(ip6));
			at += sizeof(ip6);
		} else {
			ip.protocol = way ? IPPROTO_UDP : IPPROTO_IPIP;
			memcpy(at, &ip, sizeof(ip));
			at += sizeof(ip);
		}
		if (way == 2) {
			memcpy(at, &udp, sizeof(udp));
			memcpy(at + sizeof(udp), gue, sizeof(gue));
			at += sizeof(udp) + sizeof(gue);
		}
		memcpy(at, frame + ETH_HLEN, 60 - ETH_HLEN);
		at += 60 - ETH_HLEN;
		assert_true(received_find(outer, at, &out));
		assert_int_equal(out.flow, 3);
		assert_int_equal(out.sequence, 4);
		/* Whatever is cut off, nothing is read behind the end, and no stamp is found. */
		for (const uint8_t *end = outer; end < at; end++)
			assert_false(received_find(outer, end, &out));
	}
	stream_close(&s);
}

/* --- the order -------------------------------------------------------------------------------- */

static void count_order(const struct stream *s, uint32_t *flows, uint32_t *sizes)
{
	memset(flows, 0, FLOWS * sizeof(*flows));
	memset(sizes, 0, STREAM_SIZES * sizeof(*sizes));
	for (uint32_t i = 0; i < s->order_count; i++) {
		flows[s->order[i] & ((1u << STREAM_FLOW_BITS) - 1)]++;
		sizes[s->order[i] >> STREAM_FLOW_BITS]++;
	}
}

static void test_order(void **state)
{
	uint32_t flows[FLOWS], sizes[STREAM_SIZES];
	struct stream_wanted w = want(false);
	struct stream s;
	w.sizes = (struct stream_sizes){{60, 566, 1514}, {28, 16, 4}, 3};
	for (enum stream_pick pick = STREAM_IN_TURN; pick <= STREAM_ZIPF; pick++) {
		double harmonic = 0;
		w.pick = pick;
		w.zipf = 1.2;
		open_stream(&s, &w);
		count_order(&s, flows, sizes);
		for (unsigned int i = 0; i < FLOWS; i++)
			harmonic += pow(i + 1, -w.zipf);
		for (unsigned int i = 0; i < FLOWS; i++) {
			double part =
				pick == STREAM_ZIPF ? pow(i + 1, -w.zipf) / harmonic : 1. / FLOWS;
			double wanted = part * s.order_count;
			/* Five standard deviations; in turn there is no chance. */
			double bound = pick == STREAM_IN_TURN ? 0 : 5 * sqrt(wanted);
			if (fabs(flows[i] - wanted) > bound)
				fail_msg("pick %d, flow %u: %u, wanted %.0f", pick, i, flows[i],
					 wanted);
		}
		for (unsigned int i = 0; i < 3; i++)
			assert_true(fabs(sizes[i] - s.order_count * w.sizes.weight[i] / 48.) <= 1);
		assert_true(fabs(s.mean_length - (28 * 60 + 16 * 566 + 4 * 1514) / 48.) < 0.1);
		stream_close(&s);
	}
}

/* Each flow is in one part, all parts together are the whole. */
static void test_split(void **state)
{
	struct stream_wanted w = want(true);
	struct stream s, part;
	struct err err = {};
	uint32_t all = 0;
	open_stream(&s, &w);
	for (uint32_t which = 0; which < 3; which++) {
		assert_int_equal(stream_split(&s, which, 3, &part, &err), 0);
		for (uint32_t i = 0; i < part.order_count; i++)
			assert_int_equal(part.order[i] % 3, which);
		all += part.order_count;
		stream_close(&part);
	}
	assert_int_equal(all, s.order_count);
	assert_int_equal(stream_split(&s, 100, 200, &part, &err), -EINVAL);
	stream_close(&s);
}

static void expect_refused(const struct stream_wanted *w, const char *words)
{
	struct stream s;
	struct err err = {};
	assert_int_equal(stream_open(&s, w, &err), -EINVAL);
	if (!strstr(err.text, words))
		fail_msg("'%s' has not '%s'", err.text, words);
}

static void test_refusals(void **state)
{
	struct stream_wanted w = want(false);
	w.tcp = true;
	expect_refused(&w, "take 72");
	w = want(false);
	w.flows = 10000;
	expect_refused(&w, "10000 flows need more sources");
	w = want(false);
	w.destination = want(true).destination;
	expect_refused(&w, "different families");
	w = want(false);
	w.sources.last = w.sources.first;
	w.sources.first = want(false).sources.last;
	expect_refused(&w, "no range");
}

/* --- lists ------------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

static void test_list(void **state)
{
	char path[] = "/tmp/test-stream.XXXXXX";
	struct stream_wanted w = want(false);
	struct stream s;
	close(mkstemp(path));
	w.flow_list = path;
	write_file(
		path,
		"# flows\n198.51.100.1:1 192.0.2.1:443\n\n 198.51.100.2:65535\t192.0.2.9:80 # b\n");
	open_stream(&s, &w);
	assert_int_equal(s.flow_count, 2);
	assert_int_equal(ntohs(s.flows[1].source_port), 65535);
	assert_int_equal(ntohs(s.flows[1].destination_port), 80);
	stream_close(&s);
	write_file(path, "198.51.100.1:1 192.0.2.1:443\n198.51.100.1 192.0.2.1:443\n");
	expect_refused(&w, ":2: expected");
	write_file(path, "[2001:db8::1]:1 [2001:db8::2]:443\n198.51.100.1:1 192.0.2.1:443\n");
	w.sizes.length[0] = 100;
	expect_refused(&w, ":2: all flows have to be of one family");
	write_file(path, "# none\n");
	expect_refused(&w, "no flow");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),  cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_order),    cmocka_unit_test(test_split),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
