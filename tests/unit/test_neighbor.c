// SPDX-License-Identifier: BSD-2-Clause
/*
 * Requests for a VIP and their replies, byte by byte. Frames marked "Linux" were taken from a link
 * between two Linux hosts, host A asking host B, which has the VIP; the others were put together
 * from those by hand. tshark finds the checksums of all of them right, but for the one that says
 * otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/neighbor.h"

#define A        "02000000000a"
#define B        "02000000000b"
#define GROUP    "3333ff000100"
#define ALL      "333300000001"
#define VLAN     "81000064"
#define QINQ     "88a80007" VLAN
#define ARP      "080600010800060400"
#define NOBODY4  "00000000"
#define HOST4    "0a000001"
#define VIP4     "0a000064"
#define NO_MAC   "000000000000"
#define PADDING  "000000000000000000000000000000000000"
#define IPV6     "86dd60000000"
#define NOBODY6  "00000000000000000000000000000000"
#define HOST6    "20010db8000000000000000000000001"
#define VIP6     "20010db8000000000000000000000100"
#define GROUP6   "ff0200000000000000000001ff000100"
#define ALL6     "ff020000000000000000000000000001"
#define SOURCE_A "0101" A
#define TARGET_B "0201" B
#define NONCE    "0e01207f48449c50"

#define ARP_ASK    ARP "01" A HOST4 NO_MAC VIP4
#define ARP_TELL   ARP "02" B VIP4 A HOST4
#define ADVERTISED IPV6 "00203aff" VIP6 HOST6 "8800886c60000000" VIP6 TARGET_B

static const uint8_t mac_b[ETH_ALEN] = {2, 0, 0, 0, 0, 0xb};

struct answered {
	const char *name, *request, *reply;
};

static const struct answered answered[] = {
	{"ARP (Linux)", "ffffffffffff" A ARP_ASK, A B ARP_TELL},
	{"ARP probe", "ffffffffffff" A ARP "01" A NOBODY4 NO_MAC VIP4,
	 A B ARP "02" B VIP4 A NOBODY4},
	{"ARP padded to 60 bytes", "ffffffffffff" A ARP_ASK PADDING, A B ARP_TELL PADDING},
	{"ARP in a VLAN", "ffffffffffff" A VLAN ARP_ASK, A B VLAN ARP_TELL},
	{"ARP in two VLANs", "ffffffffffff" A QINQ ARP_ASK, A B QINQ ARP_TELL},
	{"solicitation (Linux)",
	 GROUP A IPV6 "00203aff" HOST6 GROUP6 "87001a2200000000" VIP6 SOURCE_A, A B ADVERTISED},
	{"solicitation without an option: the reply is longer",
	 B A IPV6 "00183aff" HOST6 VIP6 "8700ed8000000000" VIP6, A B ADVERTISED},
	{"solicitation with two options: the reply is shorter",
	 GROUP A IPV6 "00283aff" HOST6 GROUP6 "8700070500000000" VIP6 SOURCE_A NONCE,
	 A B ADVERTISED},
	{"solicitation in a VLAN",
	 GROUP A VLAN IPV6 "00203aff" HOST6 GROUP6 "87001a2200000000" VIP6 SOURCE_A,
	 A B VLAN ADVERTISED},
	{"solicitation in two VLANs",
	 GROUP A QINQ IPV6 "00203aff" HOST6 GROUP6 "87001a2200000000" VIP6 SOURCE_A,
	 A B QINQ ADVERTISED},
	{"duplicate address detection (Linux)",
	 GROUP A IPV6 "00203aff" NOBODY6 GROUP6 "870037d200000000" VIP6 NONCE,
	 ALL B IPV6 "00203aff" VIP6 ALL6 "8800f72220000000" VIP6 TARGET_B},
	{"duplicate address detection without a nonce",
	 GROUP A IPV6 "00183aff" NOBODY6 GROUP6 "87004aef00000000" VIP6,
	 ALL B IPV6 "00203aff" VIP6 ALL6 "8800f72220000000" VIP6 TARGET_B},
};

struct refused {
	const char *name, *request;
	int reason;
};

static const struct refused refused[] = {
	{"wrong checksum", GROUP A IPV6 "00203aff" HOST6 GROUP6 "87001a2300000000" VIP6 SOURCE_A,
	 REASON_MALFORMED_NEIGHBOR},
	{"option of no length",
	 GROUP A IPV6 "00203aff" HOST6 GROUP6 "87001a2300000000" VIP6 "0100" A,
	 REASON_MALFORMED_NEIGHBOR},
	{"option beyond the end",
	 GROUP A IPV6 "00203aff" HOST6 GROUP6 "87001a2100000000" VIP6 "0102" A,
	 REASON_MALFORMED_NEIGHBOR},
	{"options that are no multiple of 8",
	 GROUP A IPV6 "001c3aff" HOST6 GROUP6 "87001a3000000000" VIP6 "01010200",
	 REASON_MALFORMED_NEIGHBOR},
	{"more options than are read",
	 GROUP A IPV6 "00603aff" HOST6 GROUP6 "8700018a00000000" VIP6 SOURCE_A SOURCE_A SOURCE_A
		 SOURCE_A SOURCE_A SOURCE_A SOURCE_A SOURCE_A SOURCE_A,
	 REASON_MALFORMED_NEIGHBOR},
	{"nobody with a link address",
	 GROUP A IPV6 "00203aff" NOBODY6 GROUP6 "870047dc00000000" VIP6 SOURCE_A,
	 REASON_MALFORMED_NEIGHBOR},
	{"nobody to one host", B A IPV6 "00203aff" NOBODY6 VIP6 "8700081e00000000" VIP6 NONCE,
	 REASON_MALFORMED_NEIGHBOR},
	{"from a group", GROUP A IPV6 "00203aff" ALL6 GROUP6 "870048d800000000" VIP6 SOURCE_A,
	 REASON_MALFORMED_NEIGHBOR},
	{"from a link group",
	 GROUP "03000000000a" IPV6 "00203aff" HOST6 GROUP6 "87001a2200000000" VIP6 SOURCE_A,
	 REASON_MALFORMED_NEIGHBOR},
	{"behind a hop-by-hop header",
	 GROUP A IPV6 "002800ff" HOST6 GROUP6 "3a00010400000000"
		      "87001a2200000000" VIP6 SOURCE_A,
	 REASON_HEADER_CHAIN},
	{"ARP from a link group", "ffffffffffff03000000000a" ARP_ASK, REASON_MALFORMED_NEIGHBOR},
	{"ARP with a group as sender", "ffffffffffff" A ARP "01ffffffffffff" HOST4 NO_MAC VIP4,
	 REASON_MALFORMED_NEIGHBOR},
};

static unsigned int from_hex(const char *hex, uint8_t *out)
{
	unsigned int n = strlen(hex) / 2;
	for (unsigned int i = 0; i < n; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1]};
		out[i] = strtoul(digits, NULL, 16);
	}
	return n;
}

/* A frame on the heap of just its length, so that ASan sees what reads or writes past it. */
static uint8_t *make_frame(const char *hex, unsigned int *length, struct packet *p)
{
	uint8_t *frame = malloc(strlen(hex) / 2);
	*length = from_hex(hex, frame);
	memset(p, 0, sizeof(*p));
	assert_int_equal(parse_packet(frame, frame + *length, p), REASON_NONE);
	assert_true(p->neighbor_request);
	return frame;
}

static void test_answered(void **state)
{
	for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
		const struct answered *t = &answered[i];
		uint8_t wanted[128];
		struct packet p;
		unsigned int length, wanted_length = from_hex(t->reply, wanted);
		print_message("  %s\n", t->name);
		uint8_t *frame = make_frame(t->request, &length, &p);
		assert_int_equal(neighbor_check(frame, frame + length, &p), REASON_NONE);
		length = neighbor_reply_length(&p, length);
		assert_int_equal(length, wanted_length);
		frame = realloc(frame, length);
		assert_int_equal(neighbor_reply(frame, frame + length, &p, mac_b), REASON_NONE);
		assert_memory_equal(frame, wanted, wanted_length);
		free(frame);
	}
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct refused *t = &refused[i];
		struct packet p;
		unsigned int length;
		print_message("  %s\n", t->name);
		uint8_t *frame = make_frame(t->request, &length, &p);
		assert_int_equal(neighbor_check(frame, frame + length, &p), t->reason);
		free(frame);
	}
}

/* Every frame cut short at every length: neither step looks or writes past its end. */
static void test_truncated(void **state)
{
	for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
		struct packet p;
		unsigned int length;
		uint8_t *frame = make_frame(answered[i].request, &length, &p);
		unsigned int reply = neighbor_reply_length(&p, length);
		for (unsigned int cut = 1; cut < length && cut < reply; cut++) {
			uint8_t *part = malloc(cut);
			memcpy(part, frame, cut);
			if (neighbor_check(part, part + cut, &p) == REASON_NONE)
				assert_true(cut >= p.l3_offset + 28u);
			if (neighbor_reply(part, part + cut, &p, mac_b) != REASON_NONE)
				assert_memory_equal(part, frame, cut);
			else
				assert_true(cut >= p.l3_offset + 28u);
			free(part);
		}
		free(frame);
	}
}

/* One changed bit anywhere in a solicitation's IPv6 addresses or message breaks its checksum. */
static void test_checksum_covers(void **state)
{
	struct packet p;
	unsigned int length;
	uint8_t *frame = make_frame(answered[5].request, &length, &p);
	for (unsigned int bit = 22 * 8; bit < length * 8; bit++) {
		frame[bit / 8] ^= 1 << bit % 8;
		assert_int_not_equal(neighbor_check(frame, frame + length, &p), REASON_NONE);
		frame[bit / 8] ^= 1 << bit % 8;
	}
	assert_int_equal(neighbor_check(frame, frame + length, &p), REASON_NONE);
	free(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_checksum_covers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
