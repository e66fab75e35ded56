// SPDX-License-Identifier: BSD-2-Clause
/* Tables against golden text; figures against a second, naive way of writing them. */
#include "tools/weir/table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column columns[] = {
	{"service", TABLE_LEFT}, {"packets", TABLE_RIGHT}, {"bytes", TABLE_RIGHT},
	{"share", TABLE_RIGHT},  {"note", TABLE_LEFT},
};

static void expect_print(const struct table *t, const char *want)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_int_equal(table_print(t, out), 0);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void test_columns_are_aligned(void **state)
{
	struct table *t = table_new(columns, 5);
	table_text(t, "web");
	table_count(t, 1234567);
	table_bytes(t, 98765432);
	table_percent(t, 0.3333);
	table_text(t, "");
	table_text(t, "dns-over-udp");
	table_count(t, 7);
	table_bytes(t, 999);
	table_percent(t, 1);
	table_format(t, "%d of %d up", 2, 3);
	expect_print(t, "service         packets    bytes   share  note\n"
			"web           1,234,567  98.7 MB   33.3%\n"
			"dns-over-udp          7    999 B  100.0%  2 of 3 up\n");
	table_free(t);
}

static void test_header_alone(void **state)
{
	struct table *t = table_new(columns, 2);
	expect_print(t, "service  packets\n");
	table_free(t);
}

static void test_short_last_row(void **state)
{
	struct table *t = table_new(columns, 2);
	table_text(t, "web");
	expect_print(t, "service  packets\nweb\n");
	table_free(t);
}

static void test_utf8_counts_code_points(void **state)
{
	struct table *t = table_new(columns, 2);
	table_text(t, "z\u00fcrich-\u00e4\u00f6");
	table_count(t, 1);
	table_text(t, "plain-ascii");
	table_count(t, 22);
	expect_print(t, "service      packets\n"
			"z\u00fcrich-\u00e4\u00f6          1\n"
			"plain-ascii       22\n");
	table_free(t);
}

static void test_many_rows(void **state)
{
	struct table *t = table_new(columns, 1);
	char want[20000] = "service\n";
	size_t n = strlen(want);
	for (unsigned int i = 0; i < 1000; i++) {
		table_format(t, "s%u", i);
		n += snprintf(want + n, sizeof(want) - n, "s%u\n", i);
	}
	expect_print(t, want);
	table_free(t);
}

static void test_full_device_is_an_error(void **state)
{
	struct table *t = table_new(columns, 1);
	FILE *out = fopen("/dev/full", "w");
	setbuf(out, NULL);
	assert_true(table_print(t, out) < 0);
	fclose(out);
	table_free(t);
}

/* From the right, three figures at a time. */
static void naive_count(uint64_t count, char *out)
{
	if (count < 1000) {
		sprintf(out, "%u", (unsigned int)count);
		return;
	}
	naive_count(count / 1000, out);
	sprintf(out + strlen(out), ",%03u", (unsigned int)(count % 1000));
}

static void test_counts(void **state)
{
	uint64_t random = 88172645463325252ull;
	char text[TABLE_FIGURE], want[TABLE_FIGURE];
	assert_string_equal(table_format_count(0, text), "0");
	assert_string_equal(table_format_count(999, text), "999");
	assert_string_equal(table_format_count(1000, text), "1,000");
	assert_string_equal(table_format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
	for (unsigned int i = 0; i < 10000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		naive_count(random >> (i % 64), want);
		assert_string_equal(table_format_count(random >> (i % 64), text), want);
	}
}

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} rows[] = {
		{0, "0 B"},
		{1, "1 B"},
		{999, "999 B"},
		{1000, "1.00 kB"},
		{1009, "1.00 kB"},
		{1010, "1.01 kB"},
		{12345, "12.3 kB"},
		{99999, "99.9 kB"},
		{999999, "999 kB"},
		{1000000, "1.00 MB"},
		{1500000000ull, "1.50 GB"},
		{UINT64_MAX, "18.4 EB"},
	};
	char text[TABLE_FIGURE];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(table_format_bytes(rows[i].bytes, text), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_are_aligned),
		cmocka_unit_test(test_header_alone),
		cmocka_unit_test(test_short_last_row),
		cmocka_unit_test(test_utf8_counts_code_points),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_full_device_is_an_error),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
