// SPDX-License-Identifier: BSD-2-Clause
/* Prefixes: expected values are written by hand. */
#include "lb/prefix.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>

#include <cmocka.h>

static struct addr addr_of(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void test_masks(void **state)
{
	static const struct {
		const char *from;
		uint32_t length;
		const char *text;
	} rows[] = {
		{"203.0.113.47", 96 + 28, "203.0.113.32/28"},
		{"203.0.113.47", 96 + 31, "203.0.113.46/31"},
		{"255.255.255.255", 96 + 8, "255.0.0.0/8"},
		{"2001:db8:ffff::1", 33, "2001:db8:8000::/33"},
		{"2001:db8:ffff::1", 32, "2001:db8::/32"},
		{"2001:db8:ffff::1", 127, "2001:db8:ffff::/127"},
		{"ffff:ffff::", 31, "ffff:fffe::/31"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[PREFIX_TEXT];
		struct addr from = addr_of(rows[i].from);
		struct addr base = prefix_mask(&from, rows[i].length);
		assert_string_equal(prefix_format(&base, rows[i].length, text), rows[i].text);
		assert_true(prefix_holds(&base, rows[i].length, &from));
	}
}

static void test_ends(void **state)
{
	struct addr base = addr_of("203.0.113.32"), before = addr_of("203.0.113.31");
	struct addr last = addr_of("203.0.113.47"), behind = addr_of("203.0.113.48");
	assert_true(prefix_holds(&base, 124, &base));
	assert_true(prefix_holds(&base, 124, &last));
	assert_false(prefix_holds(&base, 124, &before));
	assert_false(prefix_holds(&base, 124, &behind));
	assert_true(prefix_holds(&base, 0, &base));
	assert_false(prefix_holds(&base, 0, &last));
}

static void test_addresses(void **state)
{
	struct addr base = addr_of("203.0.113.32"), last = prefix_address(&base, 15);
	char text[ADDR_TEXT];
	assert_int_equal(prefix_size(0), 1);
	assert_int_equal(prefix_size(127), 2);
	assert_int_equal(prefix_size(124), 16);
	assert_int_equal(prefix_size(97), 1u << 31);
	assert_int_equal(prefix_size(96), UINT32_MAX);
	assert_int_equal(prefix_size(16), UINT32_MAX);
	assert_string_equal(addr_format(&last, text), "203.0.113.47");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
