// SPDX-License-Identifier: BSD-2-Clause
/*
 * What `weir capture` writes: pcapng against the stream itself, pcap against libpcap's reader, text
 * against golden lines; and what is left of a file when the disk is full.
 *
 * long file: all formats, whole, cut short and in several files, are held against one stream.
 */
#include "tools/weir/capture_output.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lb/err.h"
#include "tools/weir/pcapng.h"

#define TIME_NS 1700000000000000000ull /* 2023-11-14 22:13:20 UTC */
#define ROOM    (1u << 20)

/* --- a stream ------------------------------------------------------------------------------- */

struct example {
	const char *name;
	const uint8_t *bytes;
	uint32_t length;
	const char *comment;
	const char *line; /* of text, without its time */
};

static const uint8_t udp4[] = {
	2,    0,    0, 0,  0,   1,  2,   0,  0,   0,   0, 2, 8, 0, /* Ethernet */
	0x45, 0,    0, 30, 0,   0,  0,   0,  64,  17,  0, 0,       /* IPv4 */
	192,  0,    2, 1,  203, 0,  113, 10,                       /* addresses */
	0x9c, 0x40, 0, 53, 0,   10, 0,   0,  'h', 'i',             /* UDP */
};

static const uint8_t tcp6[] = {
	2,    0,    0,    0,    0, 1,  2, 0,  0, 0, 0, 2, 0x86, 0xdd,       /* Ethernet */
	0x60, 0,    0,    0,    0, 20, 6, 64,                               /* IPv6 */
	0x20, 0x01, 0x0d, 0xb8, 0, 0,  0, 0,  0, 0, 0, 0, 0,    0,    0, 1, /* source */
	0x20, 0x01, 0x0d, 0xb8, 0, 0,  0, 0,  0, 0, 0, 0, 0,    0,    0, 2, /* destination */
	0x9c, 0x40, 1,    0xbb, 0, 0,  0, 1,  0, 0, 0, 0, 0x50, 2,    0, 0, 0, 0, 0, 0, /* TCP */
};

/* An IPv4 header that claims more than there is. */
static const uint8_t malformed[] = {
	2, 0, 0, 0, 0, 1,  2, 0, 0, 0,   0, 2, 8, 0,   0x45, 0,   9,
	9, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 203, 0,    113, 10,
};

static const uint8_t short_frame[] = {2, 0, 0, 0, 0, 1, 2};

static const struct example examples[] = {
	{"udp", udp4, sizeof(udp4),
	 "reason=no-backend service=dns source=worker worker=0: no backend of the service",
	 "eth0 no-backend dns 192.0.2.1:40000 > 203.0.113.10:53 udp 44\n"},
	{"tcp", tcp6, sizeof(tcp6),
	 "reason=no-next-hop service=web backend=b1 source=worker worker=1: the backend's",
	 "eth1 no-next-hop web [2001:db8::1]:40000 > [2001:db8::2]:443 tcp 74\n"},
	{"malformed", malformed, sizeof(malformed), "reason=malformed-ipv4 source=xdp: IPv4",
	 "eth0 malformed-ipv4 - 192.0.2.1 > 203.0.113.10 34\n"},
	{"short", short_frame, sizeof(short_frame), "reason=truncated source=xdp: the frame ends",
	 "eth1 truncated - ethertype 0x0000 7\n"},
	{"no comment", udp4, sizeof(udp4), "",
	 "eth0 - - 192.0.2.1:40000 > 203.0.113.10:53 udp 44\n"},
};
#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static void put_head(struct pcapng_queue *q)
{
	assert_int_equal(pcapng_write_section(q, "weir 1.2.3", "drops"), 0);
	for (int i = 0; i < 2; i++) {
		struct pcapng_interface in = {.snaplen = 65535};
		snprintf(in.name, sizeof(in.name), "eth%d", i);
		assert_int_equal(pcapng_write_interface(q, &in), 0);
	}
}

static void put_packets(struct pcapng_queue *q)
{
	for (uint32_t i = 0; i < EXAMPLES; i++) {
		const struct example *e = &examples[i];
		struct pcapng_packet p = {
			.interface = i % 2,
			.time_ns = TIME_NS + i * 1000000001ull,
			.captured = e->length,
			.length = e->length,
			.bytes = e->bytes,
			.dropped = i == 2 ? 10 : 0,
			.id = i + 1,
			.comment = e->comment,
			.comment_length = strlen(e->comment),
		};
		assert_int_equal(pcapng_write_packet(q, &p), 0);
	}
}

static void put_statistics(struct pcapng_queue *q, uint64_t dropped)
{
	for (uint32_t i = 0; i < 2; i++) {
		struct pcapng_statistics s = {.interface = i, .dropped = i ? 0 : dropped};
		assert_int_equal(pcapng_write_statistics(q, &s), 0);
	}
}

/* --- the bed: a stream in memory, a file on disk -------------------------------------------- */

struct bed {
	struct pcapng_queue stream;
	char path[32];
	struct capture_output *output;
	struct err err;
};

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	pcapng_queue_init(&bed->stream, ROOM);
	strcpy(bed->path, "/tmp/test_output.XXXXXX");
	int fd = mkstemp(bed->path);
	close(fd);
	unlink(bed->path);
	*state = bed;
	return fd < 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;
	capture_output_free(bed->output);
	pcapng_queue_fini(&bed->stream);
	unlink(bed->path);
	free(bed);
	return 0;
}

static void start(struct bed *bed, enum capture_format format)
{
	bed->output = capture_output_new(format, bed->path);
	assert_non_null(bed->output);
}

/* Feeds the stream in pieces of `step` bytes. */
static int feed(struct bed *bed, size_t step)
{
	const struct pcapng_queue *q = &bed->stream;
	int failure = 0;
	for (size_t at = q->head; at < q->tail && !failure; at += step)
		failure = capture_output_feed(bed->output, q->bytes + at,
					      q->tail - at < step ? q->tail - at : step, &bed->err);
	return failure;
}

static size_t read_file(const struct bed *bed, char out[ROOM])
{
	FILE *f = fopen(bed->path, "r");
	assert_non_null(f);
	size_t length = fread(out, 1, ROOM - 1, f);
	out[length] = '\0';
	fclose(f);
	return length;
}

static int count_block(void *context, const struct pcapng_block *b)
{
	uint32_t *counts = context;
	counts[b->type < 8 ? b->type : 0]++;
	return 0;
}

/* How many blocks of each type below 8 the file has, sections as 0; it must end with one. */
static void count_blocks(const struct bed *bed, uint32_t counts[8])
{
	static char bytes[ROOM];
	struct pcapng_splitter s = {0};
	struct err err;
	size_t length = read_file(bed, bytes);
	memset(counts, 0, 8 * sizeof(*counts));
	assert_int_equal(pcapng_splitter_feed(&s, bytes, length, count_block, counts, &err), 0);
	assert_int_equal(s.length, 0);
	pcapng_splitter_fini(&s);
}

/* --- pcapng --------------------------------------------------------------------------------- */

static void test_pcapng_is_the_stream(void **state)
{
	static char bytes[ROOM];
	struct bed *bed = *state;
	struct capture_totals t;
	start(bed, CAPTURE_PCAPNG);
	put_head(&bed->stream);
	put_packets(&bed->stream);
	put_statistics(&bed->stream, 17);
	assert_int_equal(feed(bed, 7), 0);
	assert_int_equal(capture_output_end(bed->output, &bed->err), 0);
	assert_int_equal(read_file(bed, bytes), pcapng_queue_length(&bed->stream));
	assert_memory_equal(bytes, bed->stream.bytes, pcapng_queue_length(&bed->stream));
	capture_output_totals(bed->output, &t);
	assert_int_equal(t.packets, EXAMPLES);
	assert_int_equal(t.bytes, 44 + 74 + 34 + 7 + 44);
	assert_int_equal(t.lost, 17);
}

static void test_file_is_good_at_any_time(void **state)
{
	struct bed *bed = *state;
	uint32_t counts[8], packets = 0;
	start(bed, CAPTURE_PCAPNG);
	put_head(&bed->stream);
	put_packets(&bed->stream);
	const struct pcapng_queue *q = &bed->stream;
	for (size_t at = q->head; at < q->tail; at++) {
		assert_int_equal(capture_output_feed(bed->output, q->bytes + at, 1, &bed->err), 0);
		if (access(bed->path, F_OK))
			continue;
		count_blocks(bed, counts);
		assert_true(counts[PCAPNG_PACKET] >= packets);
		packets = counts[PCAPNG_PACKET];
	}
	assert_int_equal(packets, EXAMPLES);
}

static void test_unfinished_stream_is_finished(void **state)
{
	struct bed *bed = *state;
	struct capture_totals t;
	uint32_t counts[8];
	start(bed, CAPTURE_PCAPNG);
	put_head(&bed->stream);
	put_packets(&bed->stream);
	bed->stream.tail -= 5; /* the last packet is cut */
	assert_int_equal(feed(bed, 1000), 0);
	assert_int_equal(capture_output_end(bed->output, &bed->err), 0);
	count_blocks(bed, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[PCAPNG_INTERFACE], 2);
	assert_int_equal(counts[PCAPNG_PACKET], EXAMPLES - 1);
	assert_int_equal(counts[PCAPNG_STATISTICS], 2);
	capture_output_totals(bed->output, &t);
	assert_int_equal(t.packets, EXAMPLES - 1);
	assert_int_equal(t.lost, 10);
}

static void test_no_stream_no_file(void **state)
{
	struct bed *bed = *state;
	start(bed, CAPTURE_PCAPNG);
	assert_int_equal(capture_output_end(bed->output, &bed->err), 0);
	assert_int_equal(access(bed->path, F_OK), -1);
}

static void test_corrupt_stream_is_refused(void **state)
{
	static const char html[] = "<html><head><title>503</title></head></html>";
	struct bed *bed = *state;
	start(bed, CAPTURE_PCAPNG);
	assert_int_equal(capture_output_feed(bed->output, html, sizeof(html), &bed->err), -EPROTO);
	assert_int_equal(access(bed->path, F_OK), -1);
}

/* A packet of an interface the stream has not told of. */
static void test_packet_of_no_interface_is_refused(void **state)
{
	struct bed *bed = *state;
	struct pcapng_packet p = {.interface = 2, .bytes = "", .comment = ""};
	start(bed, CAPTURE_TEXT);
	put_head(&bed->stream);
	assert_int_equal(pcapng_write_packet(&bed->stream, &p), 0);
	assert_int_equal(feed(bed, ROOM), -EPROTO);
}

/* --- pcap ----------------------------------------------------------------------------------- */

static void test_pcap_is_read_by_libpcap(void **state)
{
	struct bed *bed = *state;
	char words[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const u_char *bytes;
	start(bed, CAPTURE_PCAP);
	put_head(&bed->stream);
	put_packets(&bed->stream);
	put_statistics(&bed->stream, 10);
	assert_int_equal(feed(bed, 13), 0);
	assert_int_equal(capture_output_end(bed->output, &bed->err), 0);
	pcap_t *pcap = pcap_open_offline_with_tstamp_precision(bed->path,
							       PCAP_TSTAMP_PRECISION_NANO, words);
	assert_non_null(pcap);
	assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
	assert_int_equal(pcap_snapshot(pcap), 65535);
	for (uint32_t i = 0; i < EXAMPLES; i++) {
		assert_int_equal(pcap_next_ex(pcap, &head, &bytes), 1);
		assert_int_equal(head->caplen, examples[i].length);
		assert_int_equal(head->len, examples[i].length);
		assert_int_equal(head->ts.tv_sec, 1700000000 + i);
		assert_int_equal(head->ts.tv_usec, i);
		assert_memory_equal(bytes, examples[i].bytes, examples[i].length);
	}
	assert_int_equal(pcap_next_ex(pcap, &head, &bytes), PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

static void test_pcap_without_packets(void **state)
{
	struct bed *bed = *state;
	char words[PCAP_ERRBUF_SIZE];
	start(bed, CAPTURE_PCAP);
	put_head(&bed->stream);
	assert_int_equal(feed(bed, ROOM), 0);
	/* At once, for who reads a pipe. */
	pcap_t *pcap = pcap_open_offline(bed->path, words);
	assert_non_null(pcap);
	pcap_close(pcap);
	assert_int_equal(capture_output_end(bed->output, &bed->err), 0);
}

/* --- text ----------------------------------------------------------------------------------- */

static void test_text_is_golden(void **state)
{
	static char text[ROOM];
	char want[1024] = "";
	struct bed *bed = *state;
	setenv("TZ", "UTC", 1);
	start(bed, CAPTURE_TEXT);
	put_head(&bed->stream);
	put_packets(&bed->stream);
	put_statistics(&bed->stream, 10);
	assert_int_equal(feed(bed, 3), 0);
	assert_int_equal(capture_output_end(bed->output, &bed->err), 0);
	read_file(bed, text);
	for (uint32_t i = 0; i < EXAMPLES; i++)
		snprintf(want + strlen(want), sizeof(want) - strlen(want),
			 "22:13:2%u.00000000%u %s", i, i, examples[i].line);
	assert_string_equal(text, want);
}

/* --- faults of the disk --------------------------------------------------------------------- */

static void test_full_device_is_an_error(void **state)
{
	struct bed *bed = *state;
	struct capture_totals t;
	bed->output = capture_output_new(CAPTURE_PCAPNG, "/dev/full");
	put_head(&bed->stream);
	put_packets(&bed->stream);
	assert_int_equal(feed(bed, ROOM), -ENOSPC);
	assert_string_equal(bed->err.text, "/dev/full: No space left on device");
	capture_output_totals(bed->output, &t);
	assert_int_equal(t.packets, 0);
}

static void test_missing_folder_is_an_error(void **state)
{
	struct bed *bed = *state;
	bed->output = capture_output_new(CAPTURE_PCAPNG, "/nonexistent/file");
	put_head(&bed->stream);
	assert_int_equal(feed(bed, ROOM), -ENOENT);
	assert_string_equal(bed->err.text, "/nonexistent/file: No such file or directory");
}

/* A limit on the file's size, in the middle of a block: what was whole stays. */
static void test_full_disk_leaves_whole_blocks(void **state)
{
	struct bed *bed = *state;
	struct rlimit before, limit;
	struct capture_totals t;
	uint32_t counts[8];
	start(bed, CAPTURE_PCAPNG);
	put_head(&bed->stream);
	put_packets(&bed->stream);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = pcapng_queue_length(&bed->stream) - 50;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int failure = feed(bed, 100);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(failure, -EFBIG);
	count_blocks(bed, counts);
	capture_output_totals(bed->output, &t);
	assert_int_equal(counts[PCAPNG_PACKET], t.packets);
	assert_true(t.packets > 0 && t.packets < EXAMPLES);
}

#define bed_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A stream of `count` packets into files of at most `bytes`, or `seconds`. */
static void rotate(const char *path, const struct capture_rotation *r, enum capture_format format,
		   uint32_t count)
{
	struct capture_output *o = capture_output_new(format, path);
	struct pcapng_queue q;
	struct err err;
	static uint8_t bytes[ROOM];
	capture_output_rotate(o, r);
	pcapng_queue_init(&q, ROOM);
	put_head(&q);
	size_t length = pcapng_queue_take(&q, bytes, sizeof(bytes));
	assert_int_equal(capture_output_feed(o, bytes, length, &err), 0);
	for (uint32_t i = 0; i < count; i++) {
		put_packets(&q);
		length = pcapng_queue_take(&q, bytes, sizeof(bytes));
		assert_int_equal(capture_output_feed(o, bytes, length, &err), 0);
	}
	assert_int_equal(capture_output_end(o, &err), 0);
	capture_output_free(o);
	pcapng_queue_fini(&q);
}

/* Packets in a file that libpcap can read. */
static uint32_t packets_in(const char *path)
{
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const u_char *bytes;
	uint32_t count = 0;
	int got;
	pcap_t *in = pcap_open_offline(path, text);
	if (!in)
		fail_msg("%s", text);
	while ((got = pcap_next_ex(in, &head, &bytes)) == 1)
		count++;
	assert_int_equal(got, PCAP_ERROR_BREAK);
	pcap_close(in);
	return count;
}

static void test_files_by_size(void **state)
{
	static const enum capture_format formats[] = {CAPTURE_PCAPNG, CAPTURE_PCAP};
	for (int f = 0; f < 2; f++) {
		char folder[] = "/tmp/weir-rotate.XXXXXX", path[64], name[80];
		struct stat st;
		uint32_t sum = 0, files = 0;
		assert_non_null(mkdtemp(folder));
		snprintf(path, sizeof(path), "%s/out", folder);
		struct capture_rotation r = {.bytes = 10000};
		rotate(path, &r, formats[f], 200);
		for (;; files++) {
			snprintf(name, sizeof(name), files ? "%s%u" : "%s", path, files);
			if (stat(name, &st))
				break;
			assert_in_range(st.st_size, 1, 10000 + 500);
			sum += packets_in(name);
			unlink(name);
		}
		assert_true(files > 3);
		assert_int_equal(sum, 200 * EXAMPLES);
		rmdir(folder);
	}
}

static void test_files_in_turn(void **state)
{
	char folder[] = "/tmp/weir-rotate.XXXXXX", path[64], name[80];
	uint32_t sum = 0;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/out", folder);
	struct capture_rotation r = {.bytes = 5000, .files = 11};
	rotate(path, &r, CAPTURE_PCAPNG, 500);
	for (int i = 0; i < 11; i++) {
		snprintf(name, sizeof(name), "%s%02d", path, i);
		sum += packets_in(name);
		unlink(name);
	}
	assert_in_range(sum, 50, 500 * EXAMPLES - 1);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_by_size),
		cmocka_unit_test(test_files_in_turn),
		bed_test(test_pcapng_is_the_stream),
		bed_test(test_file_is_good_at_any_time),
		bed_test(test_unfinished_stream_is_finished),
		bed_test(test_no_stream_no_file),
		bed_test(test_corrupt_stream_is_refused),
		bed_test(test_packet_of_no_interface_is_refused),
		bed_test(test_pcap_is_read_by_libpcap),
		bed_test(test_pcap_without_packets),
		bed_test(test_text_is_golden),
		bed_test(test_full_device_is_an_error),
		bed_test(test_missing_folder_is_an_error),
		bed_test(test_full_disk_leaves_whole_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
