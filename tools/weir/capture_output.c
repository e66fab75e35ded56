// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every format is written into memory first (`pending`, a stdio stream, because libpcap writes to
 * nothing else), and goes to the file when the bytes at hand are used up.
 */
#include "tools/weir/capture_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/capture_books.h"
#include "tools/weir/pcapng.h"

#define NS_PER_S      1000000000ull
#define ENDPOINT_TEXT (ADDR_TEXT + 9) /* "[address]:65535" */

struct output_interface {
	struct pcapng_interface is;
	uint64_t delivered, lost;           /* of all files */
	uint64_t file_delivered, file_lost; /* of this one */
	bool gone;                          /* it is, and the capture ended for that */
};

struct capture_output {
	enum capture_format format;
	const char *path; /* NULL: stdout */
	int fd;           /* -1: not open yet */
	struct capture_rotation rotation;
	uint32_t file;       /* its number, from 0 */
	time_t file_s;       /* when it was begun */
	uint64_t file_bytes; /* written to it */
	char *head;          /* what each file begins with */
	size_t head_size;
	off_t good; /* the length of a file of ours when all was well, or -1 */
	FILE *pending;
	char *bytes; /* what `pending` holds, after it is flushed */
	size_t size;
	pcap_dumper_t *dumper; /* for CAPTURE_PCAP; owns `pending` */
	struct pcapng_splitter stream;
	struct output_interface interfaces[ABI_MAX_PORTS];
	uint32_t interface_count;
	bool ended; /* the stream brought its statistics */
	uint64_t start_ns;
	struct capture_totals totals; /* with what is pending */
	struct capture_totals written;
	struct err *err; /* of the call that is under way */
};

static const char *output_name(const struct capture_output *o)
{
	return o->path ? o->path : "standard output";
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* --- the file ------------------------------------------------------------------------------- */

/* Leaves `pending` with libpcap, which puts its file header there. */
static int output_open_pcap(struct capture_output *o)
{
	int snaplen = o->interfaces[0].is.snaplen;
	pcap_t *dead = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, snaplen,
							    PCAP_TSTAMP_PRECISION_NANO);
	if (dead)
		o->dumper = pcap_dump_fopen(dead, o->pending);
	if (dead)
		pcap_close(dead);
	return o->dumper ? 0 : err_set(o->err, ENOMEM, "out of memory");
}

static bool rotates(const struct capture_output *o)
{
	return o->rotation.bytes || o->rotation.seconds;
}

/* How many digits the numbers of `files` files have. */
static int number_digits(uint32_t files)
{
	int digits = 1;
	while (files > 10) {
		files = (files + 9) / 10;
		digits++;
	}
	return digits;
}

static void name_file(const struct capture_output *o, char *name, size_t size)
{
	const struct capture_rotation *r = &o->rotation;
	char base[PATH_MAX];
	struct tm local;
	snprintf(base, sizeof(base), "%s", o->path);
	if (r->seconds && localtime_r(&o->file_s, &local) &&
	    !strftime(base, sizeof(base), o->path, &local))
		snprintf(base, sizeof(base), "%s", o->path);
	uint32_t number = r->files ? o->file % r->files : o->file;
	if (!r->bytes || (!number && !r->files))
		snprintf(name, size, "%s", base);
	else
		snprintf(name, size, "%s%0*u", base, r->files ? number_digits(r->files) : 1,
			 number);
}

static int output_open(struct capture_output *o)
{
	char name[PATH_MAX + 16];
	o->file_s = now_ns() / NS_PER_S;
	o->file_bytes = 0;
	if (o->path)
		name_file(o, name, sizeof(name));
	o->fd = o->path ? open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
			: STDOUT_FILENO;
	if (o->fd < 0)
		return err_set(o->err, errno, "%s: %s", name, strerror(errno));
	/* What stdout leads to may have been there before. */
	o->good = o->path ? lseek(o->fd, 0, SEEK_CUR) : -1;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		length -= n;
	}
	return 0;
}

/* What comes before the first packet is what the next files begin with, too. */
static int keep_head(struct capture_output *o)
{
	if (!rotates(o) || o->totals.packets || !o->size)
		return 0;
	char *head = realloc(o->head, o->head_size + o->size);
	if (!head)
		return err_set(o->err, ENOMEM, "out of memory");
	memcpy(head + o->head_size, o->bytes, o->size);
	o->head = head;
	o->head_size += o->size;
	return 0;
}

/* What is pending goes to the file, all of it or nothing. */
static int output_flush(struct capture_output *o)
{
	if (fflush(o->pending) || ferror(o->pending))
		return err_set(o->err, ENOMEM, "out of memory");
	int failure = keep_head(o);
	if (failure)
		return failure;
	failure = o->size ? write_all(o->fd, o->bytes, o->size) : 0;
	if (failure && o->good >= 0 && ftruncate(o->fd, o->good))
		o->good = -1;
	if (failure)
		return err_set(o->err, -failure, "%s: %s", output_name(o), strerror(-failure));
	if (o->good >= 0)
		o->good += o->size;
	o->written = o->totals;
	o->file_bytes += o->size;
	rewind(o->pending);
	return 0;
}

/* Whether a packet of `length` bytes more belongs into the next file. */
static bool is_due(struct capture_output *o, size_t length)
{
	const struct capture_rotation *r = &o->rotation;
	if (r->seconds && now_ns() / NS_PER_S - o->file_s >= r->seconds)
		return true;
	if (!r->bytes || fflush(o->pending))
		return false;
	uint64_t bytes = o->file_bytes + o->size;
	return bytes > o->head_size && bytes + length > r->bytes;
}

static int write_statistics(struct capture_output *o);

/* Ends this file and begins the next one with what they all begin with. */
static int output_next(struct capture_output *o)
{
	int failure = o->format == CAPTURE_PCAPNG ? write_statistics(o) : 0;
	failure = failure ? failure : output_flush(o);
	if (failure)
		return failure;
	o->file++;
	if (o->rotation.files && !o->rotation.bytes && o->file == o->rotation.files)
		return err_set(o->err, ENODATA, "%u files were written", o->file);
	close(o->fd);
	for (uint32_t i = 0; i < o->interface_count; i++)
		o->interfaces[i].file_delivered = o->interfaces[i].file_lost = 0;
	failure = output_open(o);
	if (!failure)
		fwrite(o->head, 1, o->head_size, o->pending);
	return failure;
}

/* Before a packet of `length` bytes. */
static int make_room(struct capture_output *o, size_t length)
{
	int failure = o->totals.packets ? 0 : output_flush(o);
	return !failure && is_due(o, length) ? output_next(o) : failure;
}

/* --- text ----------------------------------------------------------------------------------- */

static void format_endpoint(const struct addr *a, __be16 port, char out[ENDPOINT_TEXT])
{
	char address[ADDR_TEXT];
	addr_format(a, address);
	if (!port)
		snprintf(out, ENDPOINT_TEXT, "%s", address);
	else
		snprintf(out, ENDPOINT_TEXT, addr_is_v4(a) ? "%s:%u" : "[%s]:%u", address,
			 bpf_ntohs(port));
}

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return NULL;
	}
}

/* The packet as far as it can be understood: that may be the very reason it was dropped. */
static void print_summary(FILE *out, const struct pcapng_packet *p)
{
	struct packet packet = {0};
	char source[ENDPOINT_TEXT], destination[ENDPOINT_TEXT];
	parse_packet(p->bytes, (const char *)p->bytes + p->captured, &packet);
	const char *protocol = protocol_name(packet.key.protocol);
	if (!packet.has_addresses) {
		fprintf(out, "ethertype 0x%04x", bpf_ntohs(packet.ethertype));
		return;
	}
	format_endpoint(&packet.key.source, packet.key.source_port, source);
	format_endpoint(&packet.key.destination, packet.key.destination_port, destination);
	fprintf(out, "%s > %s", source, destination);
	if (packet.ethertype == bpf_htons(ETH_P_ARP))
		fputs(" arp", out);
	else if (protocol)
		fprintf(out, " %s", protocol);
	else if (packet.key.protocol)
		fprintf(out, " protocol %u", packet.key.protocol);
	if (packet.icmp == PACKET_ICMP_ERROR)
		fputs(" (quoted by an ICMP error)", out);
}

/* The value behind `key` ("service=") in a comment; "-" where there is none. */
static void print_word(FILE *out, const struct pcapng_packet *p, const char *key)
{
	size_t key_length = strlen(key), length = 0;
	const char *end = p->comment + p->comment_length;
	const char *at = memmem(p->comment, p->comment_length, key, key_length);
	if (at)
		at += key_length;
	while (at && at + length < end && at[length] != ' ')
		length++;
	fprintf(out, " %.*s", length ? (int)length : 1, length ? at : "-");
}

/* Why it was dropped, or else the comment's first word: where the packet was seen. */
static void print_what(FILE *out, const struct pcapng_packet *p)
{
	size_t length = 0;
	while (length < p->comment_length && !strchr(" =", p->comment[length]))
		length++;
	if (length == p->comment_length || p->comment[length] == '=')
		print_word(out, p, "reason=");
	else
		fprintf(out, " %.*s", (int)length, p->comment);
}

static void print_packet(struct capture_output *o, const struct pcapng_packet *p)
{
	time_t seconds = p->time_ns / NS_PER_S;
	struct tm local;
	char clock[16];
	localtime_r(&seconds, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	fprintf(o->pending, "%s.%09llu %s", clock, p->time_ns % NS_PER_S,
		o->interfaces[p->interface].is.name);
	print_what(o->pending, p);
	print_word(o->pending, p, "service=");
	fputc(' ', o->pending);
	print_summary(o->pending, p);
	fprintf(o->pending, " %u\n", p->length);
}

/* --- blocks --------------------------------------------------------------------------------- */

static void dump_packet(struct capture_output *o, const struct pcapng_packet *p)
{
	struct pcap_pkthdr head = {
		/* libpcap takes nanoseconds here when the file has them. */
		.ts = {.tv_sec = p->time_ns / NS_PER_S, .tv_usec = p->time_ns % NS_PER_S},
		.caplen = p->captured,
		.len = p->length,
	};
	pcap_dump((u_char *)o->dumper, &head, p->bytes);
}

static int take_interface(struct capture_output *o, const struct pcapng_block *b)
{
	if (o->interface_count == ABI_MAX_PORTS ||
	    pcapng_read_interface(b, &o->interfaces[o->interface_count].is))
		return err_set(o->err, EPROTO, "corrupt pcapng: interface");
	o->interface_count++;
	/* All of them have the same snaplen. */
	return o->format == CAPTURE_PCAP && !o->dumper ? output_open_pcap(o) : 0;
}

static int take_packet(struct capture_output *o, const struct pcapng_block *b)
{
	struct pcapng_packet p;
	if (pcapng_read_packet(b, &p) || p.interface >= o->interface_count)
		return err_set(o->err, EPROTO, "corrupt pcapng: packet");
	int failure = rotates(o) ? make_room(o, b->length) : 0;
	if (failure)
		return failure;
	if (o->format == CAPTURE_PCAP)
		dump_packet(o, &p);
	else if (o->format == CAPTURE_TEXT)
		print_packet(o, &p);
	o->interfaces[p.interface].delivered++;
	o->interfaces[p.interface].lost += p.dropped;
	o->interfaces[p.interface].file_delivered++;
	o->interfaces[p.interface].file_lost += p.dropped;
	o->totals.packets++;
	o->totals.bytes += p.captured;
	o->totals.lost += p.dropped;
	return 0;
}

/* The daemon's last word: it counts losses after the last packet as well. */
static int take_statistics(struct capture_output *o, const struct pcapng_block *b)
{
	struct pcapng_statistics s;
	if (pcapng_read_statistics(b, &s) || s.interface >= o->interface_count)
		return err_set(o->err, EPROTO, "corrupt pcapng: statistics");
	o->totals.lost += s.dropped - o->interfaces[s.interface].lost;
	o->interfaces[s.interface].lost = s.dropped;
	o->interfaces[s.interface].gone = s.comment && memmem(s.comment, s.comment_length,
							      CAPTURE_GONE, strlen(CAPTURE_GONE));
	o->ended = true;
	return 0;
}

static int take_block(void *context, const struct pcapng_block *b)
{
	struct capture_output *o = context;
	int failure = 0;
	if (b->type == PCAPNG_SECTION && o->fd < 0)
		failure = output_open(o);
	else if (b->type == PCAPNG_INTERFACE)
		failure = take_interface(o, b);
	else if (b->type == PCAPNG_PACKET)
		failure = take_packet(o, b);
	else if (b->type == PCAPNG_STATISTICS)
		failure = take_statistics(o, b);
	if (!failure && o->format == CAPTURE_PCAPNG)
		fwrite(b->bytes, 1, b->length, o->pending);
	return failure;
}

static int write_statistics(struct capture_output *o)
{
	char bytes[256];
	struct pcapng_queue q;
	int failure = 0;
	pcapng_queue_init(&q, sizeof(bytes));
	for (uint32_t i = 0; i < o->interface_count && !failure; i++) {
		struct pcapng_statistics s = {
			.interface = i,
			.start_ns = o->start_ns,
			.end_ns = now_ns(),
			.received = UINT64_MAX,
			.matched = UINT64_MAX,
			.dropped = o->interfaces[i].file_lost,
			.delivered = o->interfaces[i].file_delivered,
		};
		failure = pcapng_write_statistics(&q, &s);
		// cppcheck-suppress legacyUninitvar ; pcapng_queue_take() fills it first
		fwrite(bytes, 1, pcapng_queue_take(&q, bytes, sizeof(bytes)), o->pending);
	}
	pcapng_queue_fini(&q);
	return failure ? err_set(o->err, -failure, "out of memory") : 0;
}

/* --- all of it ------------------------------------------------------------------------------ */

struct capture_output *capture_output_new(enum capture_format format, const char *path)
{
	struct capture_output *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->format = format;
	o->path = path;
	o->fd = -1;
	o->start_ns = now_ns();
	o->pending = open_memstream(&o->bytes, &o->size);
	if (!o->pending) {
		free(o);
		return NULL;
	}
	return o;
}

void capture_output_free(struct capture_output *o)
{
	if (!o)
		return;
	if (o->dumper)
		pcap_dump_close(o->dumper);
	else
		fclose(o->pending);
	if (o->path && o->fd >= 0)
		close(o->fd);
	free(o->bytes);
	free(o->head);
	pcapng_splitter_fini(&o->stream);
	free(o);
}

void capture_output_rotate(struct capture_output *o, const struct capture_rotation *r)
{
	o->rotation = *r;
}

int capture_output_feed(struct capture_output *o, const void *bytes, size_t length, struct err *err)
{
	o->err = err;
	int failure = pcapng_splitter_feed(&o->stream, bytes, length, take_block, o, err);
	/* What came before the fault is good. */
	int flush_failure = o->fd >= 0 ? output_flush(o) : 0;
	return failure ? failure : flush_failure;
}

int capture_output_end(struct capture_output *o, struct err *err)
{
	int failure = 0;
	o->err = err;
	if (o->fd < 0)
		return 0;
	if (o->format == CAPTURE_PCAPNG && !o->ended)
		failure = write_statistics(o);
	return failure ? failure : output_flush(o);
}

const char *capture_output_gone(const struct capture_output *o)
{
	for (uint32_t i = 0; i < o->interface_count; i++)
		if (o->interfaces[i].gone)
			return o->interfaces[i].is.name;
	return NULL;
}

void capture_output_totals(const struct capture_output *o, struct capture_totals *out)
{
	*out = o->written;
}
