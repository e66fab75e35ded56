/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where `weir capture` puts the packets of the daemon's pcapng stream: into a pcapng or pcap file,
 * or as lines of text. What is written is whole blocks, records or lines each time, so the file is
 * good whenever the program ends, and however.
 */
#ifndef WEIR_TOOLS_CAPTURE_OUTPUT_H
#define WEIR_TOOLS_CAPTURE_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

struct capture_output;
struct err;

enum capture_format {
	CAPTURE_PCAPNG,
	CAPTURE_PCAP, /* of libpcap, with nanoseconds; what pcap has no place for is left out */
	CAPTURE_TEXT,
};

/* When the next file begins, as with tcpdump; a zeroed one: never. */
struct capture_rotation {
	uint64_t bytes;   /* -C: no file gets longer, but by one packet */
	uint32_t seconds; /* -G: after so many; the path is for strftime(3) */
	uint32_t files;   /* -W: with -C so many that are written over in turn, else the end */
};

struct capture_totals {
	uint64_t packets, bytes; /* written; bytes of packets */
	uint64_t lost;           /* as far as the stream has told */
};

/*
 * The file at `path`, NULL for stdout, is made when the stream begins, so that a capture that is
 * refused overwrites nothing. NULL without memory.
 */
struct capture_output *capture_output_new(enum capture_format format, const char *path);
void capture_output_free(struct capture_output *o); /* NULL too */

/*
 * Has it write more than one file: FILE, FILE1, FILE2 and so on; with `files` from FILE0 on, padded
 * with zeroes; with `seconds` what strftime() makes of FILE. To be called before the first byte.
 */
void capture_output_rotate(struct capture_output *o, const struct capture_rotation *r);

/*
 * Takes the next bytes of the stream and writes what they complete. -EPROTO: a stream that can't be
 * understood; other -errno: the file can't be written, and was cut back to its last good end.
 * -ENODATA: all files that there shall be are full, which is a good end.
 */
int capture_output_feed(struct capture_output *o, const void *bytes, size_t length,
			struct err *err);

/* Ends the file; a pcapng that the daemon did not end gets its statistics here. */
int capture_output_end(struct capture_output *o, struct err *err);

/* The interface that went away, for which the daemon ended the stream; or NULL. */
const char *capture_output_gone(const struct capture_output *o);

void capture_output_totals(const struct capture_output *o, struct capture_totals *out);

#endif
