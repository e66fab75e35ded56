// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/sides.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lb/reason.h"
#include "tests/unit/packet_table.h"

struct offline balancer;
struct xdp_run xdp;
const char *no_xdp;
const char *case_name;

int sides_open(void **state)
{
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

int sides_close(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

void sides_need_xdp(void)
{
	if (!no_xdp)
		return;
	print_message("# skipped: %s\n", no_xdp);
	skip();
}

void expect_number(const char *what, uint32_t got, uint32_t want)
{
	if (got != want)
		fail_msg("%s: %s %u; expected %u", case_name, what, got, want);
}

void expect_reason(enum reason got, enum reason want)
{
	if (got != want)
		fail_msg("%s: reason %s; expected %s", case_name, reason_word(got),
			 reason_word(want));
}

void expect_name(const char *what, const char *got, const char *want)
{
	if (strcmp(got ? got : "-", want ? want : "-") != 0)
		fail_msg("%s: %s %s; expected %s", case_name, what, got ? got : "none",
			 want ? want : "none");
}

void expect_bytes(const struct frame *got, const struct frame *want)
{
	expect_number("length", got->length, want->length);
	for (uint32_t i = 0; i < got->length; i++)
		if (got->bytes[i] != want->bytes[i])
			fail_msg("%s: byte %u is %02x; expected %02x", case_name, i, got->bytes[i],
				 want->bytes[i]);
}
