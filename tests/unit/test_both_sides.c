// SPDX-License-Identifier: BSD-2-Clause
/*
 * lb_process() and the XDP program against each other: on packets of the table changed at random,
 * on packets made at random, and on those of captures, as they are and aimed at the services.
 *
 * WEIR_SEED takes the place of the seed, which is printed. WEIR_PCAPS names the folder of captures;
 * where it is not set, that is ../shared/pcaps, if it is there.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/reason.h"
#include "tests/unit/dice.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_aim.h"
#include "tests/unit/packet_random.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/sides.h"

static bool fast_path; /* whether the program repeats decisions */
static bool alone;     /* and there is no worker to steer to */

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
	return reason == REASON_NO_BACKEND || reason == REASON_NO_NEXT_HOP ||
	       reason == REASON_FRAGMENT_UNMATCHED || reason == REASON_FRAGMENT_OVERLAP ||
	       reason == REASON_BAD_CHECKSUM || reason == REASON_TOO_BIG ||
	       reason == REASON_NAT_UNKNOWN || reason == REASON_NAT_EXHAUSTED ||
	       reason == REASON_HOP_LIMIT || reason == REASON_UNTRANSLATABLE;
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

/* What a worker would have taken, and the kernel gets where there is none. */
static bool is_workers_part(const struct lb_packet *p)
{
	/* Of errors, nat looks at the checksum. */
	if (p->verdict == LB_DROP && p->reason == REASON_MALFORMED_ICMP)
		return p->service != ABI_NO_SERVICE;
	if (p->verdict == LB_DROP)
		return is_workers_reason(p->reason);
	return p->verdict == LB_HOLD || (p->verdict == LB_TRANSMIT && p->backend != ABI_NO_BACKEND);
}

/* `mine` is what lb_process() made of the packet, `out` what the program did. */
static bool agree(const struct lb_packet *p, const struct frame *in, const struct frame *mine,
		  const struct xdp_verdict *v, const struct frame *out)
{
	switch (v->outcome) {
	case OUTCOME_PASSED:
		return (p->verdict == LB_PASS || (alone && is_workers_part(p))) &&
		       same_bytes(out, in);
	case OUTCOME_STEERED:
		return !alone && same_bytes(out, in) &&
		       (p->verdict == LB_TRANSMIT || p->verdict == LB_HOLD ||
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

static uint64_t seed;
static uint64_t outcomes[OUTCOME_OTHER + 1]; /* how many of each the program had */

/* That packets reached what they were made for; starts anew. */
static void print_tally(void)
{
	static const char *const words[] = {"passed", "dropped", "steered", "sent"};
	for (int i = 0; i < OUTCOME_OTHER; i++)
		print_message("# %llu %s\n", (unsigned long long)outcomes[i], words[i]);
	memset(outcomes, 0, sizeof(outcomes));
}

static void expect_agreement(const struct frame *in)
{
	struct frame mine, out;
	struct lb_packet p = packet_judge(&balancer, in, xdp_run_now_ns(), &mine);
	if (in->length < XDP_RUN_MIN)
		return;
	struct xdp_verdict v = xdp_run_packet(&xdp, in, &out);
	outcomes[v.outcome]++;
	if (agree(&p, in, &mine, &v, &out))
		return;
	show_frame(in);
	fail_msg("%s: user space: verdict %u, %s; XDP: outcome %u, %s; WEIR_SEED=%#llx", case_name,
		 p.verdict, reason_word(p.reason), v.outcome, reason_word(v.reason),
		 (unsigned long long)seed);
}

#define ROUNDS       150000 /* packets of the table, changed; with and without the fast path */
#define RECIPES      200000 /* packets made at random, the same */
#define DEFAULT_SEED 0x5765697221

static uint64_t read_seed(void)
{
	const char *text = getenv("WEIR_SEED");
	uint64_t n = text ? strtoull(text, NULL, 0) : 0;
	return n ? n : DEFAULT_SEED;
}

static void expect_ledgers(void)
{
	fixture_expect_ledger(&balancer);
	xdp_run_expect_ledger(&xdp);
}

static void run_changed_cases(struct dice *d)
{
	for (int round = 0; round < ROUNDS; round++) {
		const struct packet_case *c = &packet_cases[dice_roll(d, packet_case_count)];
		struct frame f;
		packet_build(&c->in, &f);
		packet_mutate(d, &f);
		case_name = c->name;
		expect_agreement(&f);
	}
	expect_ledgers();
}

static void run_recipes(struct dice *d)
{
	case_name = "made at random";
	for (int round = 0; round < RECIPES; round++) {
		struct frame f;
		packet_random(d, &f);
		if (dice_once_in(d, 4))
			packet_mutate(d, &f);
		expect_agreement(&f);
	}
	expect_ledgers();
}

/* The program by itself: neighbours and ping are answered, what is known is repeated. */
static void set_alone(bool on)
{
	fast_path = alone = on;
	xdp_run_set_fast_path(&xdp, on ? FAST_PATH_ALONE : FAST_PATH_NEVER);
	xdp_run_set_socket(&xdp, !on);
}

static void set_fast_path(bool on)
{
	fast_path = on;
	xdp_run_set_fast_path(&xdp, on ? FAST_PATH_ALWAYS : FAST_PATH_NEVER);
}

static void test_both_sides_agree_on_changed_cases(void **state)
{
	struct dice d = {.random = seed};
	sides_need_xdp();
	run_changed_cases(&d);
	set_fast_path(true);
	run_changed_cases(&d);
	set_fast_path(false);
	set_alone(true);
	run_changed_cases(&d);
	set_alone(false);
	print_tally();
}

static void test_both_sides_agree_on_recipes(void **state)
{
	struct dice d = {.random = seed};
	sides_need_xdp();
	run_recipes(&d);
	set_fast_path(true);
	run_recipes(&d);
	set_fast_path(false);
	set_alone(true);
	run_recipes(&d);
	set_alone(false);
	print_tally();
}

/* --- packets from captures -------------------------------------------------------------------- */

#define CAPTURE_FOLDER "../shared/pcaps"

struct captured {
	unsigned int files, packets, aimed, cut, other_links;
};

/*
 * The frame of a captured packet. What was captured without Ethernet's header gets one; of a link
 * type that says nothing of the next protocol, by the first half byte.
 */
static bool frame_of(int link_type, const struct pcap_pkthdr *header, const u_char *bytes,
		     struct frame *f)
{
	uint32_t skip = 0;
	*f = (struct frame){.l3 = ETH_HLEN, .l4 = ETH_HLEN + 20};
	switch (link_type) {
	case DLT_EN10MB:
		memcpy(f->bytes, bytes, header->caplen);
		f->length = header->caplen;
		return true;
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		break;
	case DLT_NULL:
		skip = 4;
		break;
	case DLT_LINUX_SLL:
		skip = 16;
		break;
	default:
		return false;
	}
	if (header->caplen <= skip)
		return false;
	bool v6 = bytes[skip] >> 4 == 6;
	memcpy(f->bytes + 12, v6 ? "\x86\xdd" : "\x08\x00", 2);
	memcpy(f->bytes + ETH_HLEN, bytes + skip, header->caplen - skip);
	f->length = ETH_HLEN + header->caplen - skip;
	return true;
}

static void try_packet(struct frame *f, struct dice *d, struct captured *seen)
{
	expect_agreement(f);
	seen->packets++;
	if (packet_aim(f)) {
		expect_agreement(f);
		seen->aimed++;
	}
	packet_mutate(d, f);
	expect_agreement(f);
}

/* What is longer than the kernel runs the program on is cut to that. */
static void try_captured(int link_type, struct pcap_pkthdr *header, const u_char *bytes,
			 struct dice *d, struct captured *seen)
{
	struct frame f;
	if (header->caplen > XDP_RUN_MAX - ETH_HLEN) {
		header->caplen = XDP_RUN_MAX - ETH_HLEN;
		seen->cut++;
	}
	if (frame_of(link_type, header, bytes, &f))
		try_packet(&f, d, seen);
	else
		seen->other_links++;
}

static void try_capture(const char *path, struct dice *d, struct captured *seen)
{
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *bytes;
	pcap_t *in = pcap_open_offline(path, text);
	if (!in)
		return;
	case_name = path;
	seen->files++;
	while (pcap_next_ex(in, &header, &bytes) == 1)
		try_captured(pcap_datalink(in), header, bytes, d, seen);
	pcap_close(in);
}

static DIR *open_captures(const char *folder)
{
	DIR *dir = opendir(folder ? folder : CAPTURE_FOLDER);
	if (!dir && folder)
		fail_msg("WEIR_PCAPS: %s: %s", folder, strerror(errno));
	if (!dir) {
		print_message("# skipped: there is no folder " CAPTURE_FOLDER "\n");
		skip();
	}
	return dir;
}

static void run_captures(const char *folder, struct captured *seen)
{
	struct dice d = {.random = seed};
	DIR *dir = open_captures(folder);
	struct dirent *entry;
	char path[4096];
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder ? folder : CAPTURE_FOLDER,
			 entry->d_name);
		try_capture(path, &d, seen);
	}
	closedir(dir);
	expect_ledgers();
}

static void test_both_sides_agree_on_captures(void **state)
{
	struct captured seen = {0}, again = {0};
	sides_need_xdp();
	run_captures(getenv("WEIR_PCAPS"), &seen);
	set_fast_path(true);
	run_captures(getenv("WEIR_PCAPS"), &again);
	set_fast_path(false);
	print_message("# %u packets of %u captures, %u of them aimed at a service, %u cut; "
		      "%u more have no Ethernet or IP\n",
		      seen.packets, seen.files, seen.aimed, seen.cut, seen.other_links);
	print_tally();
	assert_int_not_equal(seen.aimed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_agree_on_changed_cases),
		cmocka_unit_test(test_both_sides_agree_on_recipes),
		cmocka_unit_test(test_both_sides_agree_on_captures),
	};
	seed = read_seed();
	print_message("# WEIR_SEED=%#llx\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, sides_open, sides_close);
}
