// SPDX-License-Identifier: BSD-2-Clause
/*
 * pcapng against golden bytes and against tshark and capinfos, which read it independently; the
 * splitter against streams cut at every place, and against corrupt ones.
 *
 * long file: golden bytes, and what tshark prints.
 */
#include "tools/weir/pcapng.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lb/err.h"

#define ROOM (1u << 20)

/* --- making streams ------------------------------------------------------------------------- */

static void put_section(struct pcapng_queue *q)
{
	assert_int_equal(pcapng_write_section(q, "weir 1.2.3", NULL), 0);
}

static void put_interface(struct pcapng_queue *q, const char *name)
{
	struct pcapng_interface in = {
		.description = "veth",
		.mac = {2, 0, 0, 0, 0, 0x11},
		.snaplen = 65535,
	};
	strcpy(in.name, name);
	assert_int_equal(pcapng_write_interface(q, &in), 0);
}

/* Packet `id`: an Ethernet frame of no known type, as long as it says. */
static int try_packet(struct pcapng_queue *q, uint32_t interface, uint64_t id, uint32_t captured)
{
	uint8_t frame[2048] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
	char comment[64];
	memset(frame + 14, (int)id, sizeof(frame) - 14);
	struct pcapng_packet p = {
		.interface = interface,
		.time_ns = 1700000000123456789ull + id,
		.captured = captured,
		.length = captured + 10,
		.bytes = frame,
		.dropped = id == 3 ? 5 : 0,
		.id = id,
		.queue = (uint32_t)id % 4,
		.has_action = true,
		.xdp_action = 1,
		.comment = comment,
	};
	p.comment_length = snprintf(comment, sizeof(comment), "reason=no-backend n=%0*u",
				    (int)(id % 5), (unsigned int)id);
	return pcapng_write_packet(q, &p);
}

static void put_packet(struct pcapng_queue *q, uint32_t interface, uint64_t id, uint32_t captured)
{
	assert_int_equal(try_packet(q, interface, id, captured), 0);
}

static void put_statistics(struct pcapng_queue *q, uint32_t interface, uint64_t received,
			   uint64_t dropped, uint64_t delivered)
{
	struct pcapng_statistics s = {
		.interface = interface,
		.start_ns = 1700000000000000000ull,
		.end_ns = 1700000001000000000ull,
		.received = received,
		.dropped = dropped,
		.delivered = delivered,
	};
	assert_int_equal(pcapng_write_statistics(q, &s), 0);
}

/* Names and packets of every length modulo 4. */
static void put_stream(struct pcapng_queue *q)
{
	static const char *const names[] = {"a", "ab", "abc", "abcd"};
	put_section(q);
	for (int i = 0; i < 4; i++)
		put_interface(q, names[i]);
	for (uint32_t id = 1; id <= 8; id++)
		put_packet(q, id % 4, id, 14 + id);
	for (uint32_t i = 0; i < 4; i++)
		put_statistics(q, i, 1000 + i, i == 3 ? 5 : 0, 2);
}

static size_t take_all(struct pcapng_queue *q, uint8_t **out)
{
	size_t length = pcapng_queue_length(q);
	*out = malloc(length ? length : 1);
	assert_int_equal(pcapng_queue_take(q, *out, length), length);
	return length;
}

/* --- golden bytes --------------------------------------------------------------------------- */

/* Made by hand from the draft, 3.1 and 4.3, for little-endian machines. */
static const uint8_t golden_packet[] = {
	6,    0,    0,    0,                                     /* block type */
	0x6c, 0,    0,    0,                                     /* block length */
	1,    0,    0,    0,                                     /* interface */
	1,    0,    0,    0,    2,   0,   0,   0,                /* time, high word first */
	5,    0,    0,    0,    60,  0,   0,   0,                /* captured, length */
	0xde, 0xad, 0xbe, 0xef, 1,   0,   0,   0,                /* the packet, padded */
	1,    0,    3,    0,    'h', 'i', '!', 0,                /* opt_comment */
	2,    0,    4,    0,    1,   0,   0,   0,                /* epb_flags: inbound */
	4,    0,    8,    0,    3,   0,   0,   0, 0, 0, 0, 0,    /* epb_dropcount */
	5,    0,    8,    0,    7,   0,   0,   0, 0, 0, 0, 0x80, /* epb_packetid */
	6,    0,    4,    0,    2,   0,   0,   0,                /* epb_queue */
	7,    0,    9,    0,    2,   1,   0,   0, 0, 0, 0, 0, /* epb_verdict: eBPF XDP, XDP_DROP, */
	0,    0,    0,    0,                                  /* padded */
	0,    0,    0,    0,                                  /* opt_endofopt */
	0x6c, 0,    0,    0,                                  /* block length */
};

static void test_packet_is_golden(void **state)
{
	static const uint8_t bytes[] = {0xde, 0xad, 0xbe, 0xef, 1};
	struct pcapng_packet p = {
		.interface = 1,
		.time_ns = 0x100000002,
		.captured = 5,
		.length = 60,
		.bytes = bytes,
		.dropped = 3,
		.id = 0x8000000000000007,
		.queue = 2,
		.has_action = true,
		.xdp_action = 1,
		.comment = "hi!?",
		.comment_length = 3,
	};
	struct pcapng_queue q;
	uint8_t *out;
	pcapng_queue_init(&q, ROOM);
	assert_int_equal(pcapng_write_packet(&q, &p), 0);
	assert_int_equal(take_all(&q, &out), sizeof(golden_packet));
	assert_memory_equal(out, golden_packet, sizeof(golden_packet));
	free(out);
	pcapng_queue_fini(&q);
}

static void test_packet_is_read_back(void **state)
{
	struct pcapng_block b = {PCAPNG_PACKET, golden_packet, sizeof(golden_packet)};
	struct pcapng_packet p;
	assert_int_equal(pcapng_read_packet(&b, &p), 0);
	assert_int_equal(p.interface, 1);
	assert_int_equal(p.time_ns, 0x100000002);
	assert_int_equal(p.captured, 5);
	assert_int_equal(p.length, 60);
	assert_memory_equal(p.bytes, "\xde\xad\xbe\xef\x01", 5);
	assert_int_equal(p.dropped, 3);
	assert_int_equal(p.comment_length, 3);
	assert_memory_equal(p.comment, "hi!", 3);
}

/* --- tshark --------------------------------------------------------------------------------- */

static bool have(const char *program)
{
	char command[128];
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	if (!system(command))
		return true;
	print_message("skipped: %s is not installed\n", program);
	return false;
}

/* Writes the queue to a file and runs `command` with its name in the place of %s. */
static char *run_on(struct pcapng_queue *q, const char *command)
{
	char path[] = "/tmp/test_pcapng.XXXXXX", line[512], *text = NULL;
	size_t size;
	uint8_t *bytes;
	size_t length = take_all(q, &bytes);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
	free(bytes);
	snprintf(line, sizeof(line), command, path);
	FILE *from = popen(line, "r"), *to = open_memstream(&text, &size);
	for (int c; (c = fgetc(from)) != EOF;)
		fputc(c, to);
	fclose(to);
	int status = pclose(from);
	unlink(path);
	assert_int_equal(status, 0);
	return text;
}

static void test_tshark_reads_packets(void **state)
{
	struct pcapng_queue q;
	if (!have("tshark"))
		skip();
	pcapng_queue_init(&q, ROOM);
	put_stream(&q);
	char *text = run_on(&q, "tshark -r %s -T fields -e frame.interface_name"
				" -e frame.interface_queue -e frame.packet_id -e frame.len"
				" -e frame.cap_len -e frame.time_epoch -e frame.comment"
				" -e frame.verdict.ebpf_xdp -e frame.drop_count 2>/dev/null");
	assert_string_equal(
		text, "ab\t1\t1\t25\t15\t1700000000.123456790\treason=no-backend n=1\t1\t\n"
		      "abc\t2\t2\t26\t16\t1700000000.123456791\treason=no-backend n=02\t1\t\n"
		      "abcd\t3\t3\t27\t17\t1700000000.123456792\treason=no-backend n=003\t1\t5\n"
		      "a\t0\t4\t28\t18\t1700000000.123456793\treason=no-backend n=0004\t1\t\n"
		      "ab\t1\t5\t29\t19\t1700000000.123456794\treason=no-backend n=5\t1\t\n"
		      "abc\t2\t6\t30\t20\t1700000000.123456795\treason=no-backend n=6\t1\t\n"
		      "abcd\t3\t7\t31\t21\t1700000000.123456796\treason=no-backend n=07\t1\t\n"
		      "a\t0\t8\t32\t22\t1700000000.123456797\treason=no-backend n=008\t1\t\n");
	free(text);
	pcapng_queue_fini(&q);
}

static void expect_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no \"%s\" in\n%s", line, text);
}

static void test_capinfos_reads_heads_and_statistics(void **state)
{
	struct pcapng_queue q;
	if (!have("capinfos"))
		skip();
	pcapng_queue_init(&q, ROOM);
	put_stream(&q);
	char *text = run_on(&q, "capinfos %s 2>&1");
	expect_line(text, "Number of packets:   8\n");
	expect_line(text, "Capture application: weir 1.2.3\n");
	expect_line(text, "Capture oper-sys:    Linux ");
	expect_line(text, "Number of interfaces in file: 4\n");
	expect_line(text, "Name = abcd\n");
	expect_line(text, "Description = veth\n");
	expect_line(text, "Time precision = nanoseconds (9)\n");
	expect_line(text, "Number of stat entries = 1\n");
	expect_line(text, "Number of packets = 2\n");
	free(text);
	pcapng_queue_fini(&q);
}

/* tshark's own view of a pcapng file's blocks knows all options that capinfos does not print. */
static void test_tshark_reads_statistics(void **state)
{
	struct pcapng_queue q;
	if (!have("tshark"))
		skip();
	pcapng_queue_init(&q, ROOM);
	put_stream(&q);
	char *text = run_on(&q, "tshark -X 'read_format:MIME Files Format' -r %s -V 2>/dev/null");
	expect_line(text, "Option: Number of Received Packets = 1003\n");
	expect_line(text, "Option: Number of Dropped Packets = 5\n");
	expect_line(text, "Option: Number of Packets Delivered to the User = 2\n");
	expect_line(text, "Option: MAC Address = 02:00:00:00:00:11\n");
	expect_line(text, "Snap Length: 65535\n");
	assert_null(strstr(text, "Malformed"));
	free(text);
	pcapng_queue_fini(&q);
}

/* --- the queue ------------------------------------------------------------------------------ */

static void test_what_does_not_fit_leaves_no_trace(void **state)
{
	struct pcapng_queue q;
	uint8_t *before, *after;
	for (size_t limit = 0; limit < 400; limit++) {
		pcapng_queue_init(&q, limit);
		int first = try_packet(&q, 0, 1, 60);
		size_t length = pcapng_queue_length(&q);
		assert_true(first == 0 || first == -ENOBUFS);
		assert_int_equal(first == 0, length > 0);
		assert_true(length <= limit);
		assert_int_equal(try_packet(&q, 0, 2, 1000), -ENOBUFS);
		assert_int_equal(pcapng_queue_length(&q), length);
		pcapng_queue_fini(&q);
	}
	pcapng_queue_init(&q, 400);
	put_packet(&q, 0, 1, 60);
	size_t length = take_all(&q, &before);
	put_packet(&q, 0, 1, 60);
	assert_int_equal(try_packet(&q, 0, 2, 1000), -ENOBUFS);
	assert_int_equal(take_all(&q, &after), length);
	assert_memory_equal(before, after, length);
	free(before);
	free(after);
	pcapng_queue_fini(&q);
}

/* A slow reader against a copy of everything that was accepted. */
static void test_queue_is_first_in_first_out(void **state)
{
	struct pcapng_queue q, copy;
	static uint8_t got[8u << 20];
	size_t length = 0, refused = 0;
	uint8_t *want;
	pcapng_queue_init(&q, 20000);
	pcapng_queue_init(&copy, sizeof(got));
	srand(1);
	for (uint32_t id = 1; id <= 4000; id++) {
		uint32_t captured = rand() % 1500;
		if (try_packet(&q, 0, id, captured))
			refused++;
		else
			put_packet(&copy, 0, id, captured);
		assert_true(pcapng_queue_length(&q) <= 20000);
		assert_true(q.capacity <= 40000);
		length += pcapng_queue_take(&q, got + length, rand() % 1600);
	}
	length += pcapng_queue_take(&q, got + length, sizeof(got) - length);
	assert_true(refused > 0);
	assert_int_equal(take_all(&copy, &want), length);
	assert_memory_equal(got, want, length);
	free(want);
	pcapng_queue_fini(&q);
	pcapng_queue_fini(&copy);
}

/* --- the splitter --------------------------------------------------------------------------- */

struct collected {
	uint8_t *bytes;
	size_t length;
	uint32_t blocks;
	uint32_t stop_after; /* blocks, 0: never */
};

static int collect(void *context, const struct pcapng_block *b)
{
	struct collected *c = context;
	memcpy(c->bytes + c->length, b->bytes, b->length);
	c->length += b->length;
	return ++c->blocks == c->stop_after ? -ECANCELED : 0;
}

/* Feeds `length` bytes in pieces of `step`; the first failure, or 0. */
static int feed(const uint8_t *bytes, size_t length, size_t step, struct collected *c)
{
	struct pcapng_splitter s = {0};
	struct err err;
	int failure = 0;
	for (size_t at = 0; at < length && !failure; at += step) {
		size_t part = length - at < step ? length - at : step;
		failure = pcapng_splitter_feed(&s, bytes + at, part, collect, c, &err);
	}
	pcapng_splitter_fini(&s);
	return failure;
}

static void test_splitter_takes_any_pieces(void **state)
{
	struct pcapng_queue q;
	uint8_t *bytes, *got = malloc(ROOM);
	pcapng_queue_init(&q, ROOM);
	put_stream(&q);
	size_t length = take_all(&q, &bytes);
	for (size_t step = 1; step <= length; step++) {
		struct collected c = {.bytes = got};
		assert_int_equal(feed(bytes, length, step, &c), 0);
		assert_int_equal(c.blocks, 1 + 4 + 8 + 4);
		assert_int_equal(c.length, length);
		assert_memory_equal(got, bytes, length);
	}
	free(bytes);
	free(got);
	pcapng_queue_fini(&q);
}

static void test_splitter_stops_when_told(void **state)
{
	struct pcapng_queue q;
	uint8_t *bytes, *got = malloc(ROOM);
	struct collected c = {.bytes = got, .stop_after = 3};
	pcapng_queue_init(&q, ROOM);
	put_stream(&q);
	size_t length = take_all(&q, &bytes);
	assert_int_equal(feed(bytes, length, length, &c), -ECANCELED);
	assert_int_equal(c.blocks, 3);
	free(bytes);
	free(got);
	pcapng_queue_fini(&q);
}

/* Puts a word at an offset of the stream and feeds that, in one piece and byte by byte. */
static void expect_corrupt(const uint8_t *bytes, size_t length, size_t offset, uint32_t word)
{
	uint8_t *bad = malloc(length), *got = malloc(2 * length);
	struct collected c = {.bytes = got};
	memcpy(bad, bytes, length);
	memcpy(bad + offset, &word, sizeof(word));
	assert_int_equal(feed(bad, length, length, &c), -EPROTO);
	c.length = 0;
	assert_int_equal(feed(bad, length, 1, &c), -EPROTO);
	free(bad);
	free(got);
}

static void test_splitter_refuses_corrupt_streams(void **state)
{
	struct pcapng_queue q;
	uint8_t *bytes;
	uint32_t first;
	pcapng_queue_init(&q, ROOM);
	put_section(&q);
	put_interface(&q, "a");
	size_t length = take_all(&q, &bytes);
	memcpy(&first, bytes + 4, 4);
	/* A block's first length. */
	expect_corrupt(bytes, length, 4, 0);
	expect_corrupt(bytes, length, 4, 8);
	expect_corrupt(bytes, length, 4, first + 1);
	expect_corrupt(bytes, length, 4, first - 4);
	expect_corrupt(bytes, length, 4, first + 4);
	expect_corrupt(bytes, length, 4, PCAPNG_BLOCK_MAX + 4);
	expect_corrupt(bytes, length, 4, UINT32_MAX);
	expect_corrupt(bytes, length, first + 4, 12);
	/* Its second one. */
	expect_corrupt(bytes, length, first - 4, first + 4);
	expect_corrupt(bytes, length, length - 4, 0);
	/* Not a section, and one of another byte order. */
	expect_corrupt(bytes, length, 0, PCAPNG_INTERFACE);
	expect_corrupt(bytes, length, 8, 0x4d3c2b1a);
	free(bytes);
	pcapng_queue_fini(&q);
}

/* Both lengths agree, but a block ends on a 32-bit boundary. */
static void test_splitter_refuses_odd_lengths(void **state)
{
	struct pcapng_queue q;
	uint8_t *bytes, *got = malloc(ROOM);
	uint32_t length;
	pcapng_queue_init(&q, ROOM);
	put_section(&q);
	size_t whole = take_all(&q, &bytes);
	for (uint32_t less = 1; less < 4; less++) {
		struct collected c = {.bytes = got};
		length = (uint32_t)whole - less;
		memcpy(bytes + 4, &length, sizeof(length));
		memcpy(bytes + length - 4, &length, sizeof(length));
		assert_int_equal(feed(bytes, length, length, &c), -EPROTO);
	}
	free(bytes);
	free(got);
	pcapng_queue_fini(&q);
}

static void test_splitter_stays_broken(void **state)
{
	static const uint8_t bad[12] = {0};
	struct pcapng_splitter s = {0};
	struct err err;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pcapng_splitter_feed(&s, bad, sizeof(bad), collect, NULL, &err),
				 -EPROTO);
	pcapng_splitter_fini(&s);
}

/* --- corrupt insides ------------------------------------------------------------------------ */

static int read_with(size_t offset, uint16_t value)
{
	uint8_t bytes[sizeof(golden_packet)];
	struct pcapng_packet p;
	struct pcapng_block b = {PCAPNG_PACKET, bytes, sizeof(bytes)};
	memcpy(bytes, golden_packet, sizeof(bytes));
	memcpy(bytes + offset, &value, sizeof(value));
	return pcapng_read_packet(&b, &p);
}

static void test_packet_with_impossible_lengths(void **state)
{
	assert_int_equal(read_with(20, 5), 0); /* captured, as it was */
	assert_int_equal(read_with(20, 1000), -EPROTO);
	assert_int_equal(read_with(22, 0xffff), -EPROTO); /* its high half */
	assert_int_equal(read_with(38, 1000), -EPROTO);   /* the comment's length */
	assert_int_equal(read_with(54, 4), -EPROTO);      /* the drop count's */
	for (uint32_t length = 12; length < 28; length += 4) {
		struct pcapng_block b = {PCAPNG_PACKET, golden_packet, length};
		struct pcapng_packet p;
		assert_int_equal(pcapng_read_packet(&b, &p), -EPROTO);
	}
}

static int keep_last(void *context, const struct pcapng_block *b)
{
	struct pcapng_block *last = context;
	last->type = b->type;
	last->length = b->length;
	memcpy((uint8_t *)last->bytes, b->bytes, b->length);
	return 0;
}

static void test_interface_and_statistics_are_read_back(void **state)
{
	uint8_t space[512], *bytes;
	struct pcapng_block last = {.bytes = space};
	struct pcapng_splitter s = {0};
	struct pcapng_interface in;
	struct pcapng_statistics stat;
	struct pcapng_queue q;
	struct err err;
	pcapng_queue_init(&q, ROOM);
	put_section(&q);
	put_interface(&q, "eth0");
	size_t length = take_all(&q, &bytes);
	assert_int_equal(pcapng_splitter_feed(&s, bytes, length, keep_last, &last, &err), 0);
	assert_int_equal(pcapng_read_interface(&last, &in), 0);
	assert_string_equal(in.name, "eth0");
	assert_int_equal(in.snaplen, 65535);
	free(bytes);
	put_statistics(&q, 3, UINT64_MAX, 7, 9);
	length = take_all(&q, &bytes);
	assert_int_equal(pcapng_splitter_feed(&s, bytes, length, keep_last, &last, &err), 0);
	assert_int_equal(pcapng_read_statistics(&last, &stat), 0);
	assert_int_equal(stat.interface, 3);
	assert_int_equal(stat.received, UINT64_MAX);
	assert_int_equal(stat.dropped, 7);
	assert_int_equal(stat.delivered, 9);
	free(bytes);
	pcapng_splitter_fini(&s);
	pcapng_queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet_is_golden),
		cmocka_unit_test(test_packet_is_read_back),
		cmocka_unit_test(test_tshark_reads_packets),
		cmocka_unit_test(test_capinfos_reads_heads_and_statistics),
		cmocka_unit_test(test_tshark_reads_statistics),
		cmocka_unit_test(test_what_does_not_fit_leaves_no_trace),
		cmocka_unit_test(test_queue_is_first_in_first_out),
		cmocka_unit_test(test_splitter_takes_any_pieces),
		cmocka_unit_test(test_splitter_stops_when_told),
		cmocka_unit_test(test_splitter_refuses_corrupt_streams),
		cmocka_unit_test(test_splitter_refuses_odd_lengths),
		cmocka_unit_test(test_splitter_stays_broken),
		cmocka_unit_test(test_packet_with_impossible_lengths),
		cmocka_unit_test(test_interface_and_statistics_are_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
