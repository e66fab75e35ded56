// SPDX-License-Identifier: BSD-2-Clause
/*
 * What Weir sends, judged by somebody else: each packet of the table that lb_process() or the XDP
 * program sends on goes into a capture, in which tshark, with its checking of checksums on, must
 * find nothing malformed and no wrong checksum. Packets that are wrong on purpose (pokes) are left
 * out; one that is wrong is put in last, and must be found.
 */
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/scratch.h"
#include "tests/unit/sides.h"

#define FRAMES_MAX 4096

/*
 * What is inside of TCP and UDP is filled up by number: let nobody take it for a protocol. Of a TCP
 * segment that an ICMP error quotes in part, tshark adds up that part.
 */
#define TSHARK                                                                        \
	"tshark -n -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE "             \
	"-o udp.check_checksum:TRUE -o ip.defragment:FALSE -o ipv6.defragment:FALSE " \
	"--disable-protocol dns --disable-protocol http --disable-protocol tls "      \
	"--disable-protocol quic -Y '_ws.malformed || ip.checksum.status == 0 || "    \
	"(tcp.checksum.status == 0 && !icmp) || udp.checksum.status == 0 || "         \
	"icmp.checksum.status == 0 "                                                  \
	"|| icmpv6.checksum.status == 0' -T fields -e frame.number -r "

static pcap_dumper_t *capture;
static const char *names[FRAMES_MAX + 1]; /* of the frames, which count from 1 */
static unsigned int count;

static int open_all(void **state)
{
	scratch_open();
	return sides_open(state);
}

static int close_all(void **state)
{
	scratch_close();
	return sides_close(state);
}

/* --- the capture ----------------------------------------------------------------------------- */

static void add(const char *name, const struct frame *f)
{
	struct pcap_pkthdr header = {.caplen = f->length, .len = f->length};
	assert_in_range(count, 0, FRAMES_MAX - 1);
	names[++count] = name;
	pcap_dump((u_char *)capture, &header, f->bytes);
}

static void add_outputs(const struct packet_case *c)
{
	struct frame in, out;
	packet_build(&c->in, &in);
	struct lb_packet p = packet_judge(&balancer, &in, xdp_run_now_ns(), &out);
	if (p.verdict == LB_TRANSMIT)
		add(c->name, &out);
	if (!no_xdp && in.length >= XDP_RUN_MIN &&
	    xdp_run_packet(&xdp, &in, &out).outcome == OUTCOME_SENT)
		add(c->name, &out);
}

static void add_wrong(void)
{
	static const struct recipe wrong = {
		.from = "198.51.100.7",
		.to = "203.0.113.10",
		.protocol = IPPROTO_TCP,
		.to_port = 80,
		.pokes = {POKE(4, 17, 0x77)},
	};
	struct frame f;
	packet_build(&wrong, &f);
	add("wrong on purpose", &f);
}

static void write_capture(void)
{
	pcap_t *shape = pcap_open_dead(DLT_EN10MB, FRAME_ROOM);
	capture = pcap_dump_open(shape, scratch_path("sent"));
	assert_non_null(capture);
	for (size_t i = 0; i < packet_case_count; i++)
		if (!packet_cases[i].in.pokes[0].set && !packet_cases[i].in.unfinished)
			add_outputs(&packet_cases[i]);
	add_wrong();
	pcap_dump_close(capture);
	pcap_close(shape);
}

/* --- tshark ---------------------------------------------------------------------------------- */

/* Fails for each frame that tshark objects to, but for the last one, to which it must. */
static void expect_accepted(FILE *objections)
{
	unsigned int number, bad = 0;
	bool last = false;
	while (fscanf(objections, "%u", &number) == 1) {
		assert_in_range(number, 1, count);
		last = number == count;
		if (!last)
			print_error("tshark objects to frame %u: %s\n", number, names[number]);
		bad += !last;
	}
	if (bad)
		fail_msg("tshark objects to %u of %u packets sent", bad, count - 1);
	assert_true(last);
}

static void test_tshark_accepts_what_is_sent(void **state)
{
	char command[sizeof(TSHARK) + 256];
	if (system("command -v tshark >/dev/null")) {
		print_message("# skipped: there is no tshark\n");
		skip();
	}
	if (!no_xdp)
		xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	write_capture();
	snprintf(command, sizeof(command), TSHARK "%s 2>/dev/null", scratch_path("sent"));
	FILE *objections = popen(command, "r");
	assert_non_null(objections);
	expect_accepted(objections);
	assert_int_equal(pclose(objections), 0);
	print_message("# %u packets\n", count - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tshark_accepts_what_is_sent),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
