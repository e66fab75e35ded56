// SPDX-License-Identifier: BSD-2-Clause
/*
 * `weir replay` from its arguments to its files: the packet table as a capture, captures that are
 * damaged or strange, and wrong usage. long file: all that one command does.
 */
#include <jansson.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lb/reason.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/scratch.h"
#include "tools/weir/command.h"

#define SYN_PACKET                                                                     \
	{                                                                              \
		.from = "198.51.100.7", .to = "203.0.113.10", .protocol = 6 /* TCP */, \
		.to_port = 80, .tcp_flags = TCP_SYN, .payload = 100                    \
	}

static int open_folder(void **state)
{
	scratch_open();
	scratch_write("config", packet_table_yaml, strlen(packet_table_yaml));
	return 0;
}

static int remove_folder(void **state)
{
	scratch_close();
	return 0;
}

/* --- captures -------------------------------------------------------------------------------- */

static pcap_dumper_t *start_capture(int link_type)
{
	pcap_t *shape =
		pcap_open_dead_with_tstamp_precision(link_type, 262144, PCAP_TSTAMP_PRECISION_NANO);
	pcap_dumper_t *d = pcap_dump_open(shape, scratch_path("in"));
	assert_non_null(d);
	pcap_close(shape);
	return d;
}

static void add_packet(pcap_dumper_t *d, const void *bytes, uint32_t captured, uint32_t length,
		       uint64_t time_ns)
{
	struct pcap_pkthdr header = {
		.ts = {.tv_sec = time_ns / 1000000000, .tv_usec = time_ns % 1000000000},
		.caplen = captured,
		.len = length,
	};
	pcap_dump((u_char *)d, &header, bytes);
}

static void write_syn(uint32_t captured)
{
	struct recipe r = SYN_PACKET;
	struct frame f;
	pcap_dumper_t *d = start_capture(DLT_EN10MB);
	packet_build(&r, &f);
	add_packet(d, f.bytes, captured ? captured : f.length, f.length, 1);
	pcap_dump_close(d);
}

/* --- running --------------------------------------------------------------------------------- */

static int run_plain(void)
{
	return scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
			   scratch_path("in"), "-w", scratch_path("out"), "--verdicts",
			   scratch_path("verdicts"), NULL);
}

/* --- verdicts -------------------------------------------------------------------------------- */

static const char *member(const json_t *line, const char *key)
{
	const json_t *value = json_object_get(line, key);
	assert_non_null(value);
	return json_is_null(value) ? "null" : json_string_value(value);
}

static const char *or_null(const char *text)
{
	return text ? text : "null";
}

static void expect_line(const char *text, const struct packet_case *c, unsigned int frame)
{
	static const char *const verdicts[] = {"transmit", "drop", "pass"};
	json_t *line = json_loads(text, 0, NULL);
	assert_non_null(line);
	assert_int_equal(json_object_size(line), 7);
	assert_int_equal(json_integer_value(json_object_get(line, "frame")), frame);
	assert_string_equal(member(line, "verdict"), verdicts[c->verdict]);
	assert_string_equal(member(line, "reason"),
			    c->verdict == LB_DROP ? reason_word(c->reason) : "null");
	assert_string_equal(member(line, "rule"), "null");
	assert_string_equal(member(line, "service"), or_null(c->service));
	assert_string_equal(member(line, "backend"), or_null(c->backend));
	assert_string_equal(member(line, "egress"), c->verdict == LB_TRANSMIT ? "eth0" : "null");
	json_decref(line);
}

/* A line with this text in it, anywhere in the verdicts. */
static void expect_verdict(const char *words)
{
	const char *text = scratch_read("verdicts");
	if (!strstr(text, words))
		fail_msg("verdicts: %s; expected %s", text, words);
}

/*
 * Offline every next hop is known, without a VLAN and as wide as may be, so cases about others say
 * nothing here.
 */
static bool is_replayed(const struct packet_case *c)
{
	return c->reason != REASON_NO_NEXT_HOP && c->reason != REASON_TOO_BIG && !c->refused &&
	       !c->outer.vlan;
}

static uint64_t time_of(unsigned int frame)
{
	/* Several packets of one time, and nanoseconds. */
	return 1700000000123456789ull + frame / 3 * 1001;
}

static void write_table(void)
{
	pcap_dumper_t *d = start_capture(DLT_EN10MB);
	unsigned int frame = 0;
	for (size_t i = 0; i < packet_case_count; i++) {
		struct frame f;
		if (!is_replayed(&packet_cases[i]))
			continue;
		packet_build(&packet_cases[i].in, &f);
		add_packet(d, f.bytes, f.length, f.length, time_of(++frame));
	}
	pcap_dump_close(d);
}

static void expect_packet(pcap_t *out, const struct packet_case *c, unsigned int frame)
{
	struct pcap_pkthdr *header;
	const u_char *bytes;
	struct frame in, got, want;
	packet_build(&c->in, &in);
	assert_int_equal(pcap_next_ex(out, &header, &bytes), 1);
	assert_in_range(header->caplen, 0, FRAME_ROOM);
	memcpy(got.bytes, bytes, header->caplen);
	packet_case_expect(c, &in, &got, &want);
	assert_int_equal(header->caplen, want.length);
	assert_int_equal(header->len, want.length);
	assert_memory_equal(bytes, want.bytes, want.length);
	assert_int_equal(header->ts.tv_sec * 1000000000ull + header->ts.tv_usec, time_of(frame));
}

/* Fragments whose first never comes are judged when the capture ends. */
static void expect_held(char **lines)
{
	unsigned int frame = 0;
	for (size_t i = 0; i < packet_case_count; i++) {
		struct packet_case c = packet_cases[i];
		frame += is_replayed(&c);
		if (c.verdict != LB_HOLD)
			continue;
		c.verdict = LB_DROP;
		c.reason = REASON_FRAGMENT_UNMATCHED;
		expect_line(strsep(lines, "\n"), &c, frame);
	}
}

static void test_packet_table(void **state)
{
	char text[PCAP_ERRBUF_SIZE];
	unsigned int frame = 0;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	write_table();
	assert_int_equal(run_plain(), EXIT_DONE);
	assert_string_equal(scratch_read("stderr"), "");
	assert_string_equal(scratch_read("stdout"), "");
	pcap_t *out = pcap_open_offline_with_tstamp_precision(scratch_path("out"),
							      PCAP_TSTAMP_PRECISION_NANO, text);
	assert_non_null(out);
	char *lines = strdup(scratch_read("verdicts")), *rest = lines;
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		if (!is_replayed(c))
			continue;
		frame++;
		if (c->verdict == LB_HOLD)
			continue;
		expect_line(strsep(&rest, "\n"), c, frame);
		if (c->verdict == LB_TRANSMIT)
			expect_packet(out, c, frame);
	}
	expect_held(&rest);
	assert_string_equal(rest, "");
	assert_int_equal(pcap_next_ex(out, &header, &bytes), PCAP_ERROR_BREAK);
	pcap_close(out);
	free(lines);
}

static void test_same_again(void **state)
{
	write_table();
	assert_int_equal(run_plain(), EXIT_DONE);
	char *before = strdup(scratch_read("verdicts"));
	assert_int_equal(run_plain(), EXIT_DONE);
	assert_string_equal(scratch_read("verdicts"), before);
	free(before);
}

/* They are written after their first, as the packets they were. */
static void test_fragments_before_their_first(void **state)
{
	static const uint16_t fields[] = {8, 0x2004, 0x2000};
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	pcap_dumper_t *d = start_capture(DLT_EN10MB);
	for (unsigned int i = 0; i < 3; i++) {
		struct recipe r = {.from = "198.51.100.7",
				   .to = "203.0.113.10",
				   .protocol = IPPROTO_UDP,
				   .to_port = 53,
				   .payload = 24,
				   .ipv4_fragment = fields[i]};
		struct frame f;
		packet_build(&r, &f);
		add_packet(d, f.bytes, f.length, f.length, time_of(3 * i));
	}
	pcap_dump_close(d);
	assert_int_equal(run_plain(), EXIT_DONE);
	pcap_t *out = pcap_open_offline_with_tstamp_precision(scratch_path("out"),
							      PCAP_TSTAMP_PRECISION_NANO, text);
	assert_non_null(out);
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int n = (i + 2) % 3;
		assert_int_equal(pcap_next_ex(out, &header, &bytes), 1);
		assert_int_equal(bytes[20] << 8 | bytes[21], fields[n]);
		assert_int_equal(header->ts.tv_sec * 1000000000ull + header->ts.tv_usec,
				 time_of(3 * n));
	}
	pcap_close(out);
	expect_verdict("{\"frame\":1,\"verdict\":\"transmit\"");
}

static void test_summary(void **state)
{
	write_table();
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), NULL),
			 EXIT_DONE);
	const char *text = scratch_read("stdout");
	assert_non_null(strstr(text, "drop malformed-ipv4"));
	assert_non_null(strstr(text, "web/b1"));
	assert_non_null(strstr(text, "\nall "));
}

static void test_standard_output(void **state)
{
	write_syn(0);
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "--verdicts", "-", NULL),
			 EXIT_DONE);
	assert_string_equal(scratch_read("stdout"),
			    "{\"frame\":1,\"verdict\":\"transmit\",\"reason\":null,\"rule\":null,"
			    "\"service\":\"web\",\"backend\":\"b1\",\"egress\":\"eth0\"}\n");
	/* With the packets there, the summary has to go elsewhere. */
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "-w", "-", NULL),
			 EXIT_DONE);
	assert_memory_equal(scratch_read("stdout"), "\x4d\x3c\xb2\xa1", 4);
	scratch_expect_stderr("web/b1");
	/* It is still open. */
	assert_true(printf("%s", "") == 0 && !fflush(stdout));
}

/* --- health ----------------------------------------------------------------------------------- */

static int run_health(const char *list)
{
	return scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
			   scratch_path("in"), "--verdicts", scratch_path("verdicts"), "--health",
			   list, NULL);
}

static void test_health(void **state)
{
	static const char *const lists[] = {"b1=down", "web/b1=down", "d1=down,web/b1=drain",
					    "b1=up,b1=down"};
	write_syn(0);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_equal(run_health(lists[i]), EXIT_DONE);
		expect_verdict("\"reason\":\"no-backend\"");
	}
	assert_int_equal(run_health("d1=down,b1=up"), EXIT_DONE);
	expect_verdict("\"verdict\":\"transmit\"");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "--verdicts", scratch_path("verdicts"),
				     "--health", "d1=down", "--health", "b1=down", NULL),
			 EXIT_DONE);
	expect_verdict("\"reason\":\"no-backend\"");
}

static void test_health_faults(void **state)
{
	write_syn(0);
	assert_int_equal(run_health("b9=down"), EXIT_USAGE);
	scratch_expect_stderr("no backend 'b9'; there are web/b1, dns/d1, quiet/q1");
	assert_int_equal(run_health("dns/b1=down"), EXIT_USAGE);
	scratch_expect_stderr("no backend 'dns/b1'");
	assert_int_equal(run_health("we/b1=down"), EXIT_USAGE);
	assert_int_equal(run_health("b1=dead"), EXIT_USAGE);
	scratch_expect_stderr("found 'b1=dead'; expected NAME=up");
	assert_int_equal(run_health("b1"), EXIT_USAGE);
	assert_int_equal(run_health("b1=down,"), EXIT_USAGE);
	assert_int_equal(run_health(""), EXIT_USAGE);
}

/* --- strange captures ------------------------------------------------------------------------- */

static void test_packets_cut_by_the_capture(void **state)
{
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	write_syn(96);
	assert_int_equal(run_plain(), EXIT_DONE);
	expect_verdict("\"reason\":\"malformed-ipv4\"");
	scratch_expect_stderr("1 of 1 packets are in the capture in part only");
	/* Of ARP all that counts may be there: what was missing is missing still. */
	struct recipe ask = {.arp_op = 1, .from = "198.51.100.7", .to = "203.0.113.10"};
	struct frame f;
	pcap_dumper_t *d = start_capture(DLT_EN10MB);
	packet_build(&ask, &f);
	add_packet(d, f.bytes, f.length, f.length + 18, 1);
	pcap_dump_close(d);
	assert_int_equal(run_plain(), EXIT_DONE);
	pcap_t *out = pcap_open_offline(scratch_path("out"), text);
	assert_non_null(out);
	assert_int_equal(pcap_next_ex(out, &header, &bytes), 1);
	assert_int_equal(header->caplen, f.length);
	assert_int_equal(header->len, f.length + 18);
	pcap_close(out);
}

static void test_lengths_of_all_kinds(void **state)
{
	enum { HUGE_LENGTH = 262144 };
	struct recipe r = SYN_PACKET;
	struct frame f;
	uint8_t *bytes = calloc(1, HUGE_LENGTH);
	pcap_dumper_t *d = start_capture(DLT_EN10MB);
	packet_build(&r, &f);
	memcpy(bytes, f.bytes, f.length);
	add_packet(d, bytes, 0, 0, 1);
	add_packet(d, bytes, 1, 1, 1);
	add_packet(d, bytes, 13, 13, 1);
	add_packet(d, bytes, HUGE_LENGTH, HUGE_LENGTH, 1);
	add_packet(d, bytes, 9000, 9000, 1);
	pcap_dump_close(d);
	free(bytes);
	assert_int_equal(run_plain(), EXIT_DONE);
	expect_verdict("{\"frame\":1,\"verdict\":\"pass\"");
	expect_verdict("{\"frame\":3,\"verdict\":\"pass\"");
	/* All behind the IP packet is padding. */
	expect_verdict("{\"frame\":4,\"verdict\":\"transmit\"");
	expect_verdict("{\"frame\":5,\"verdict\":\"transmit\"");
}

/* A clock that starts at 0, jumps and goes back. */
static void test_times_of_all_kinds(void **state)
{
	static const uint64_t seconds[] = {0, 0, 3, 2, 100000, 5, 4000000000, 0};
	struct recipe r = SYN_PACKET;
	struct frame f;
	pcap_dumper_t *d = start_capture(DLT_EN10MB);
	packet_build(&r, &f);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		add_packet(d, f.bytes, f.length, f.length, seconds[i] * 1000000000);
	pcap_dump_close(d);
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), NULL),
			 EXIT_DONE);
	/* Known from the first packet to the fourth, again at the first jump and at the second. */
	assert_non_null(strstr(scratch_read("stdout"), "web/b1                 8      3  100.0%"));
}

static void test_empty_capture(void **state)
{
	pcap_dump_close(start_capture(DLT_EN10MB));
	assert_int_equal(run_plain(), EXIT_DONE);
	assert_string_equal(scratch_read("verdicts"), "");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), NULL),
			 EXIT_DONE);
}

static void put32(uint8_t **to, uint32_t v)
{
	memcpy(*to, &v, sizeof(v));
	*to += sizeof(v);
}

/* Section header, interface and one packet, by draft-ietf-opsawg-pcapng. */
static void test_pcapng(void **state)
{
	struct recipe r = SYN_PACKET;
	struct frame f;
	uint8_t bytes[512] = {0}, *to = bytes;
	packet_build(&r, &f);
	uint32_t padded = (f.length + 3) & ~3u;
	const uint32_t head[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, ~0u, ~0u, 28, 1, 20, 1, 0, 20};
	const uint32_t packet[] = {6, 32 + padded, 0, 0, 1000, f.length, f.length};
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		put32(&to, head[i]);
	for (size_t i = 0; i < sizeof(packet) / sizeof(packet[0]); i++)
		put32(&to, packet[i]);
	memcpy(to, f.bytes, f.length);
	to += padded;
	put32(&to, 32 + padded);
	scratch_write("in", bytes, to - bytes);
	assert_int_equal(run_plain(), EXIT_DONE);
	expect_verdict("{\"frame\":1,\"verdict\":\"transmit\"");
}

static void test_damaged_captures(void **state)
{
	scratch_write("in", "not a capture at all, but text", 30);
	assert_int_equal(run_plain(), EXIT_FAILED);
	scratch_expect_stderr("/in: ");
	/* The last packet ends early: those before it are worth having. */
	write_table();
	assert_int_equal(truncate(scratch_path("in"), 24 + 16 + 54 + 16 + 20), 0);
	assert_int_equal(run_plain(), EXIT_FAILED);
	scratch_expect_stderr("can't be read after frame 1");
	expect_verdict("{\"frame\":1,\"verdict\":\"transmit\"");
	/* Another link layer. */
	pcap_dump_close(start_capture(DLT_RAW));
	assert_int_equal(run_plain(), EXIT_FAILED);
	scratch_expect_stderr("link type RAW (12); only Ethernet");
	unlink(scratch_path("in"));
	assert_int_equal(run_plain(), EXIT_FAILED);
	scratch_expect_stderr("No such file");
}

/* --- wrong usage -------------------------------------------------------------------------------
 */

static void test_usage(void **state)
{
	write_syn(0);
	assert_int_equal(scratch_run(command_replay, "--help", NULL), EXIT_DONE);
	assert_non_null(strstr(scratch_read("stdout"), "02:04:AA:BB:CC:DD"));
	assert_int_equal(scratch_run(command_replay, NULL), EXIT_USAGE);
	scratch_expect_stderr("-c FILE is missing");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), NULL),
			 EXIT_USAGE);
	scratch_expect_stderr("--pcap IN is missing");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "more", NULL),
			 EXIT_USAGE);
	scratch_expect_stderr("'more'");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "--nonsense", NULL),
			 EXIT_USAGE);
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "-w", "-", "--verdicts", "-", NULL),
			 EXIT_USAGE);
	scratch_expect_stderr("need a file each");
	assert_int_equal(scratch_run(command_replay, "-c", "-", "--pcap", "-", NULL), EXIT_USAGE);
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("in"), "--pcap",
				     scratch_path("in"), NULL),
			 EXIT_USAGE);
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("missing"), "--pcap",
				     scratch_path("in"), NULL),
			 EXIT_USAGE);
}

static void test_outputs_that_cannot_be_written(void **state)
{
	write_syn(0);
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "-w", scratch_path("in"), NULL),
			 EXIT_FAILED);
	scratch_expect_stderr("is the capture that is read");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "-w", scratch_path("no/such"), NULL),
			 EXIT_FAILED);
	scratch_expect_stderr("can't be written");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "-w", "/dev/full", NULL),
			 EXIT_FAILED);
	scratch_expect_stderr("/dev/full: could not be written");
	assert_int_equal(scratch_run(command_replay, "-c", scratch_path("config"), "--pcap",
				     scratch_path("in"), "--verdicts", "/dev/full", NULL),
			 EXIT_FAILED);
	scratch_expect_stderr("/dev/full: could not be written");
	/* The capture is as it was. */
	assert_int_equal(run_plain(), EXIT_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_table),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_fragments_before_their_first),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_standard_output),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_health_faults),
		cmocka_unit_test(test_packets_cut_by_the_capture),
		cmocka_unit_test(test_lengths_of_all_kinds),
		cmocka_unit_test(test_times_of_all_kinds),
		cmocka_unit_test(test_empty_capture),
		cmocka_unit_test(test_pcapng),
		cmocka_unit_test(test_damaged_captures),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_outputs_that_cannot_be_written),
	};
	return cmocka_run_group_tests(tests, open_folder, remove_folder);
}
