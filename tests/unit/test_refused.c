// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sources that are dropped for themselves: the XDP program's table of them against a scan of the
 * prefixes, for lists that fill blocks of 65536 addresses in all ways: a few, hundreds, addresses
 * alone, neighbours, whole blocks, and rules that differ within one.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lb/reason.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/sides.h"

#define LISTS    40
#define LOOKUPS  1500
#define PREFIXES 3000
#define BLOCKS   6 /* near each other, so that ranges go over their ends */

struct prefix {
	uint32_t base, bits, group;
};

static struct prefix list[PREFIXES];
static uint32_t count;
static uint64_t random_state = 0x726566757365;
static char files[2][64];

static uint32_t roll(uint32_t below)
{
	return (fixture_random(&random_state) >> 32) * below >> 32;
}

static uint32_t mask_of(uint32_t bits)
{
	return bits ? ~0u << (32 - bits) : 0;
}

static bool is_listed(uint32_t base, uint32_t bits)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i].base == base && list[i].bits == bits)
			return true;
	return false;
}

/* `kind`: 0 addresses alone, 1 prefixes of all lengths, 2 both groups, 3 wide ones too. */
static void make_list(uint32_t kind)
{
	uint32_t wanted = 1 + roll(roll(2) ? PREFIXES : 40);
	count = 0;
	for (uint32_t i = 0; i < wanted; i++) {
		uint32_t bits = kind == 0 ? 32 : kind == 3 ? 12 + roll(21) : 20 + roll(13);
		uint32_t base =
			(0x0a000000 + (roll(BLOCKS * 65536) & (kind ? ~0u : ~1u))) & mask_of(bits);
		if (!is_listed(base, bits))
			list[count++] = (struct prefix){base, bits, kind == 2 && roll(8) == 0};
	}
}

/* Of the longest prefix around it: its group + 1; 0: none. */
static uint32_t scan(uint32_t address)
{
	uint32_t found = 0, best = 0;
	for (uint32_t i = 0; i < count; i++)
		if (list[i].bits >= best && (address & mask_of(list[i].bits)) == list[i].base) {
			best = list[i].bits;
			found = list[i].group + 1;
		}
	return found;
}

static void write_list(void)
{
	for (uint32_t group = 0; group < 2; group++) {
		FILE *out = fopen(files[group], "w");
		assert_non_null(out);
		for (uint32_t i = 0; i < count; i++) {
			struct in_addr a = {htonl(list[i].base)};
			if (list[i].group == group)
				fprintf(out, "%s/%u\n", inet_ntoa(a), list[i].bits);
		}
		fclose(out);
	}
}

static const char *yaml_of(void)
{
	static char yaml[65536];
	snprintf(yaml, sizeof(yaml),
		 "%ssources: {a: {file: %s}, b: {file: %s}}\n"
		 "policy: {rules: [{name: a, from: a, to: any, action: drop},"
		 " {name: b, from: b, to: any, action: drop}]}\n",
		 packet_table_yaml, files[0], files[1]);
	return yaml;
}

static int open_lists(void **state)
{
	for (int i = 0; i < 2; i++) {
		snprintf(files[i], sizeof(files[i]), "/tmp/weir-refused.XXXXXX");
		int fd = mkstemp(files[i]);
		assert_true(fd >= 0);
		close(fd);
	}
	fixture_open(&balancer, yaml_of());
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

static int close_lists(void **state)
{
	unlink(files[0]);
	unlink(files[1]);
	return sides_close(state);
}

static void ask(uint32_t address)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr a = {htonl(address)};
	const struct recipe r = {.from = inet_ntop(AF_INET, &a, text, sizeof(text)),
				 .to = "203.0.113.10",
				 .protocol = IPPROTO_UDP,
				 .from_port = 4000,
				 .to_port = 53,
				 .payload = 10};
	struct frame f, out;
	packet_build(&r, &f);
	uint32_t want = scan(address);
	struct xdp_verdict v = xdp_run_packet(&xdp, &f, &out);
	bool refused = v.outcome == OUTCOME_DROPPED && v.reason == REASON_POLICY_DENIED;
	struct lb_packet p = packet_judge(&balancer, &f, xdp_run_now_ns(), &out);
	if (refused != (want != 0) || (p.reason == REASON_POLICY_DENIED) != refused)
		fail_msg("%s: %srefused by XDP, %srefused by lb; wanted: group %u of %u prefixes",
			 text, refused ? "" : "not ",
			 p.reason == REASON_POLICY_DENIED ? "" : "not ", want, count);
}

static void test_lists(void **state)
{
	sides_need_xdp();
	for (uint32_t i = 0; i < LISTS; i++) {
		make_list(i % 4);
		write_list();
		fixture_reload(&balancer, yaml_of());
		xdp_run_publish(&xdp, &balancer);
		for (uint32_t k = 0; k < LOOKUPS; k++) {
			const struct prefix *p = &list[roll(count)];
			uint32_t first = p->base, last = p->base | ~mask_of(p->bits);
			/* Around the ends of prefixes and blocks, and anywhere. */
			const uint32_t at[] = {first,
					       last,
					       first - 1,
					       last + 1,
					       0x0a000000 + roll(BLOCKS + 1) * 65536 - roll(2),
					       0x0a000000 + roll((BLOCKS + 1) * 65536)};
			ask(at[roll(sizeof(at) / sizeof(at[0]))]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, open_lists, close_lists);
}
