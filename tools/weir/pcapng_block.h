/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How blocks lie in a pcapng stream, for who writes and who reads them (tools/weir/pcapng.h). A
 * block is
 *
 *   type, length, body, options, length again
 *
 * with everything padded to 32 bits.
 */
#ifndef WEIR_TOOLS_PCAPNG_BLOCK_H
#define WEIR_TOOLS_PCAPNG_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1
#define LENGTH_OFFSET     4u
#define BLOCK_HEADER      8u /* type and length */
#define BLOCK_OVERHEAD    12u

#define INBOUND          1u /* epb_flags */
#define OUTBOUND         2u
#define VERDICT_EBPF_XDP 2u
#define TSRESOL_NS       9u

/* By the block they belong to. */
enum option {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_HARDWARE = 2,
	SHB_OS = 3,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_MAC = 6,
	IF_TSRESOL = 9,
	IF_FILTER = 11,
	IF_HARDWARE = 15,
	EPB_FLAGS = 2,
	EPB_DROPCOUNT = 4,
	EPB_PACKETID = 5,
	EPB_QUEUE = 6,
	EPB_VERDICT = 7,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_FILTERACCEPT = 6,
	ISB_USRDELIV = 8,
};

/* The fixed parts, as they lie in the stream. */
struct section_body {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t length_low, length_high;
};

struct interface_body {
	uint16_t link_type, reserved;
	uint32_t snaplen;
};

struct packet_body {
	uint32_t interface, time_high, time_low, captured, length;
};

struct statistics_body {
	uint32_t interface, time_high, time_low;
};
_Static_assert(sizeof(struct section_body) == 16 && sizeof(struct interface_body) == 8 &&
		       sizeof(struct packet_body) == 20 && sizeof(struct statistics_body) == 12,
	       "no holes");

static inline size_t padded(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

#endif
