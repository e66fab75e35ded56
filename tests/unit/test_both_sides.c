// SPDX-License-Identifier: BSD-2-Clause
/*
 * lb_process() and the XDP program against each other, on packets of the table changed at random,
 * and on those of captures: WEIR_PCAPS may name a folder.
 */
#include <dirent.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/reason.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp;    /* why not */
static const char *case_name; /* for messages */
static bool fast_path;        /* whether the program repeats decisions */

static int open_all(void **state)
{
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

static int close_all(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

static void need_xdp(void)
{
	if (!no_xdp)
		return;
	print_message("# skipped: %s\n", no_xdp);
	skip();
}

/* --- both sides against each other ------------------------------------------------------------ */

static void show_frame(const struct frame *f)
{
	for (uint32_t i = 0; i < f->length; i++)
		print_error("%02x%s", f->bytes[i], i % 16 == 15 ? "\n" : " ");
	print_error("\n");
}

static bool same_bytes(const struct frame *a, const struct frame *b)
{
	return a->length == b->length && !memcmp(a->bytes, b->bytes, a->length);
}

/* What only a worker knows of. */
static bool is_workers_reason(enum reason reason)
{
	return reason == REASON_NO_BACKEND || reason == REASON_NO_NEXT_HOP;
}

/* What is wrong with requests of neighbours, where the program leaves them to a worker. */
static bool is_neighbor_reason(enum reason reason)
{
	return reason == REASON_MALFORMED_NEIGHBOR || reason == REASON_HEADER_CHAIN;
}

/* Echo requests are a worker's, whatever is wrong with them. */
static bool is_echo_reason(enum reason reason)
{
	return reason == REASON_MALFORMED_ICMP || reason == REASON_ECHO_LIMITED;
}

/* `mine` is what lb_process() made of the packet, `out` what the program did. */
static bool agree(const struct lb_packet *p, const struct frame *in, const struct frame *mine,
		  const struct xdp_verdict *v, const struct frame *out)
{
	switch (v->outcome) {
	case OUTCOME_PASSED:
		return p->verdict == LB_PASS && same_bytes(out, in);
	case OUTCOME_STEERED:
		return same_bytes(out, in) &&
		       (p->verdict == LB_TRANSMIT ||
			(p->verdict == LB_DROP &&
			 (is_workers_reason(p->reason) || is_echo_reason(p->reason) ||
			  (!fast_path && is_neighbor_reason(p->reason)))));
	case OUTCOME_SENT:
		return fast_path && p->verdict == LB_TRANSMIT && same_bytes(out, mine);
	case OUTCOME_DROPPED:
		return p->verdict == LB_DROP && p->reason == v->reason &&
		       !is_workers_reason(p->reason);
	default:
		return false;
	}
}

static void expect_agreement(const struct frame *in)
{
	struct frame mine, out;
	struct lb_packet p = packet_judge(&balancer, in, xdp_run_now_ns(), &mine);
	if (in->length < XDP_RUN_MIN)
		return;
	struct xdp_verdict v = xdp_run_packet(&xdp, in, &out);
	if (agree(&p, in, &mine, &v, &out))
		return;
	show_frame(in);
	fail_msg("%s: user space: verdict %u, %s; XDP: outcome %u, %s", case_name, p.verdict,
		 reason_word(p.reason), v.outcome, reason_word(v.reason));
}

/* Adds to one of the length fields, where they mostly are. */
static void mutate_length(struct frame *f, uint64_t random)
{
	const uint32_t at[] = {f->l3 + 3, f->l3 + 5, f->l3 + 0, f->l4 + 12, f->l4 + 5, f->l4 + 1};
	uint32_t offset = at[random % 6];
	if (offset < f->length)
		f->bytes[offset] += (int)(random >> 8 & 15) - 8;
}

static void mutate_once(struct frame *f, uint64_t random)
{
	/* Values that mean something in some header. */
	static const uint8_t words[] = {0,    1,    4,    5,    6,    17,  43,  44,   51,   58,
					59,   60,   0x08, 3,    11,   12,  128, 0x45, 0x46, 0x60,
					0x81, 0x86, 0x88, 0xa8, 0xdd, 135, 255, 80,   53};
	uint32_t head = f->length < 128 ? f->length : 128;
	uint32_t at = head ? (random >> 16) % head : 0;
	switch (random % 6) {
	case 0:
		f->bytes[at] ^= 1 << (random >> 8 & 7);
		break;
	case 1:
		f->bytes[at] = random >> 8;
		break;
	case 2:
		f->bytes[at] = words[(random >> 8) % sizeof(words)];
		break;
	case 3:
		f->length = (random >> 16) % (f->length + 1);
		break;
	case 4:
		f->length += (random >> 8) % 64;
		break;
	default:
		mutate_length(f, random >> 8);
	}
}

static void mutate(struct frame *f, uint64_t *random)
{
	for (uint64_t n = fixture_random(random) % 4; n < 4; n++)
		mutate_once(f, fixture_random(random));
}

static void run_rounds(int rounds, uint64_t random)
{
	for (int round = 0; round < rounds; round++) {
		const struct packet_case *c =
			&packet_cases[fixture_random(&random) % packet_case_count];
		struct frame f;
		packet_build(&c->in, &f);
		mutate(&f, &random);
		case_name = c->name;
		expect_agreement(&f);
	}
	fixture_expect_ledger(&balancer);
	xdp_run_expect_ledger(&xdp);
}

static void set_fast_path(bool on)
{
	fast_path = on;
	xdp_run_set_fast_path(&xdp, on ? FAST_PATH_ALWAYS : FAST_PATH_NEVER);
}

static void test_both_sides_agree(void **state)
{
	need_xdp();
	run_rounds(150000, 0x5765697221);
}

static void test_both_sides_agree_on_fast_path(void **state)
{
	need_xdp();
	set_fast_path(true);
	run_rounds(150000, 0x666173742121);
	set_fast_path(false);
}

/* --- packets from captures -------------------------------------------------------------------- */

#define CAPTURE_PACKETS 2000 /* of a file */

/* Makes it a packet for a VIP, if it is an IP packet. */
static void aim(struct frame *f)
{
	static const uint8_t vip[] = {203, 0, 113, 10};
	static const uint8_t vip6[] = {0x20, 1, 0x0d, 0xb8, 0, 1, [15] = 0x10};
	uint16_t type = f->bytes[12] << 8 | f->bytes[13];
	if (type == 0x0800)
		memcpy(f->bytes + 14 + 16, vip, sizeof(vip));
	else if (type == 0x86dd)
		memcpy(f->bytes + 14 + 24, vip6, sizeof(vip6));
}

static void try_packet(const struct pcap_pkthdr *header, const u_char *bytes, uint64_t *random)
{
	struct frame f = {.length = header->caplen, .l3 = 14, .l4 = 34};
	memcpy(f.bytes, bytes, header->caplen);
	expect_agreement(&f);
	aim(&f);
	expect_agreement(&f);
	mutate(&f, random);
	expect_agreement(&f);
}

static unsigned int try_capture(const char *path, uint64_t *random)
{
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	unsigned int count = 0;
	pcap_t *in = pcap_open_offline(path, text);
	if (!in)
		return 0;
	case_name = path;
	while (pcap_datalink(in) == DLT_EN10MB && count < CAPTURE_PACKETS &&
	       pcap_next_ex(in, &header, &bytes) == 1) {
		if (header->caplen > XDP_RUN_MAX)
			continue;
		try_packet(header, bytes, random);
		count++;
	}
	pcap_close(in);
	return count;
}

static void test_both_sides_agree_on_captures(void **state)
{
	const char *folder = getenv("WEIR_PCAPS");
	uint64_t random = 0x70636170;
	unsigned int count = 0;
	struct dirent *entry;
	char path[4096];
	need_xdp();
	if (!folder) {
		print_message("# skipped: WEIR_PCAPS names no folder\n");
		skip();
	}
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		count += try_capture(path, &random);
	}
	closedir(dir);
	print_message("# %u packets of captures\n", count);
	assert_int_not_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_agree),
		cmocka_unit_test(test_both_sides_agree_on_fast_path),
		cmocka_unit_test(test_both_sides_agree_on_captures),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
