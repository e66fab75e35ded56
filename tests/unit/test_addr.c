// SPDX-License-Identifier: BSD-2-Clause
/* Addresses, the words of failures, and drop reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "lb/reason.h"

/* --- addresses ----------------------------------------------------------------------------- */

#define V4 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

/* IPv6 texts from RFC 5952: 2.2 and 4 for what is read, 4 and 5 for what is written. */
static const struct {
	const char *text, *canonical;
	uint8_t bytes[16];
	bool is_v4;
} addresses[] = {
	{"0.0.0.0", "0.0.0.0", {V4, 0, 0, 0, 0}, true},
	{"192.0.2.1", "192.0.2.1", {V4, 192, 0, 2, 1}, true},
	{"255.255.255.255", "255.255.255.255", {V4, 255, 255, 255, 255}, true},
	{"::", "::", {0}, false},
	{"::1", "::1", {[15] = 1}, false},
	{"2001:0db8:0:0:0001:0:0:1",
	 "2001:db8::1:0:0:1",
	 {0x20, 0x01, 0x0d, 0xb8, [9] = 1, [15] = 1},
	 false},
	{"2001:DB8::1", "2001:db8::1", {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, false},
	{"2001:db8:0:0:0:0:2:1",
	 "2001:db8::2:1",
	 {0x20, 0x01, 0x0d, 0xb8, [13] = 2, [15] = 1},
	 false},
	{"2001:db8::1:1:1:1:1",
	 "2001:db8:0:1:1:1:1:1",
	 {0x20, 0x01, 0x0d, 0xb8, [7] = 1, [9] = 1, [11] = 1, [13] = 1, [15] = 1},
	 false},
	{"64:ff9b::192.0.2.33",
	 "64:ff9b::c000:221",
	 {0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33},
	 false},
	{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	 {[0 ... 15] = 0xff},
	 false},
};

static const char *const no_addresses[] = {
	"",
	"1",
	"1.2.3",
	"1.2.3.4.5",
	"1.2.3.256",
	"1.2.3.4 ",
	" 1.2.3.4",
	"1.2.3.4/8",
	"1.2.3.x",
	"01.2.3.4.5",
	"0x1.2.3.4",
	":",
	":::",
	"1::2::3",
	"1:2:3",
	"12345::",
	"::g",
	"fe80::1%lo",
	"[::1]",
	"::1/128",
	"localhost",
	"::ffff:10.0.0.1",
	"::ffff:a00:1",
	"1:2:3:4:5:6:7:8:9",
};

static void test_addr_parse(void **state)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct addr a;
		char text[ADDR_TEXT];
		assert_int_equal(addr_parse(addresses[i].text, &a), 0);
		assert_memory_equal(&a, addresses[i].bytes, sizeof(a));
		assert_int_equal(addr_is_v4(&a), addresses[i].is_v4);
		assert_ptr_equal(addr_format(&a, text), text);
		assert_string_equal(text, addresses[i].canonical);
	}
}

static void test_addr_refuse(void **state)
{
	for (size_t i = 0; i < sizeof(no_addresses) / sizeof(no_addresses[0]); i++) {
		struct addr a, before;
		memset(&a, 0x5a, sizeof(a));
		before = a;
		if (addr_parse(no_addresses[i], &a) != -EINVAL)
			fail_msg("'%s' is taken for an address", no_addresses[i]);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

/* Every single word counts. */
static void test_addr_equal(void **state)
{
	struct addr a, b;
	assert_int_equal(addr_parse("2001:db8::1", &a), 0);
	b = a;
	assert_true(addr_equal(&a, &b));
	for (int i = 0; i < 4; i++) {
		b = a;
		b.word[i] ^= 1;
		assert_false(addr_equal(&a, &b));
	}
}

/* A mapped address is held like an IPv4 one; only these 96 bits make it one. */
static void test_addr_is_v4(void **state)
{
	for (unsigned int bit = 0; bit < 128; bit++) {
		struct addr a;
		assert_int_equal(addr_parse("10.0.0.1", &a), 0);
		((uint8_t *)&a)[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(addr_is_v4(&a), bit >= 96);
	}
}

/* --- err ----------------------------------------------------------------------------------- */

static void test_err_set(void **state)
{
	struct err err = {.text = "before"};
	assert_int_equal(err_set(&err, EBUSY, "queue %d of %s is taken", 3, "eth0"), -EBUSY);
	assert_string_equal(err.text, "queue 3 of eth0 is taken");
	assert_int_equal(err_set(NULL, EBUSY, "%d", 3), -EBUSY);
}

static void test_err_prefix(void **state)
{
	struct err err = {.text = "no such device"};
	assert_int_equal(err_prefix(&err, ENODEV, "interface '%s'", "eth7"), -ENODEV);
	assert_string_equal(err.text, "interface 'eth7': no such device");
	assert_int_equal(err_prefix(NULL, ENODEV, "%s", "x"), -ENODEV);
}

/* What does not fit is cut at the end, and the text stays a string. */
static void test_err_cut(void **state)
{
	struct err err;
	char text[sizeof(err.text) + 100];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_prefix(&err, EINVAL, "%s", "front");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strncmp(err.text, "front: aaa", 10), 0);
	err_prefix(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strspn(err.text, "a"), sizeof(err.text) - 1);
}

/* --- reasons ------------------------------------------------------------------------------- */

/* The abi: words and their numbers, which captures and scripts hold on to. */
static const char *const words[] = {
	"none",         "truncated",     "malformed-ipv4", "malformed-ipv6",
	"header-chain", "malformed-tcp", "malformed-udp",  "fragment-unmatched",
	"no-backend",   "no-next-hop",   "tx-full",        "tx-failed",
	"rx-full",      "rx-no-frame",
};

static void test_reason_words(void **state)
{
	size_t count = sizeof(words) / sizeof(words[0]);
	assert_true(count <= REASON_COUNT);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(reason_word(i), words[i]);
	for (size_t i = 1; i < count; i++)
		assert_int_equal(reason_find(words[i]), i);
}

/* Kebab case, a sentence without its full stop, and each word once. */
static void test_reason_shape(void **state)
{
	for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
		const char *word = reason_word(r), *text = reason_text(r);
		assert_int_equal(reason_find(word), r);
		assert_int_equal(word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-")], '\0');
		assert_true(strlen(text) > strlen("a word"));
		assert_int_not_equal(text[strlen(text) - 1], '.');
	}
}

static void test_reason_unknown(void **state)
{
	assert_string_equal(reason_word(REASON_COUNT), "unknown");
	assert_string_equal(reason_word(255), "unknown");
	assert_non_null(strstr(reason_text(REASON_COUNT), "does not know"));
	assert_int_equal(reason_find("none"), -1);
	assert_int_equal(reason_find("unknown"), -1);
	assert_int_equal(reason_find(""), -1);
	assert_int_equal(reason_find("no-backen"), -1);
	assert_int_equal(reason_find("No-Backend"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr_parse),   cmocka_unit_test(test_addr_refuse),
		cmocka_unit_test(test_addr_equal),   cmocka_unit_test(test_addr_is_v4),
		cmocka_unit_test(test_err_set),      cmocka_unit_test(test_err_prefix),
		cmocka_unit_test(test_err_cut),      cmocka_unit_test(test_reason_words),
		cmocka_unit_test(test_reason_shape), cmocka_unit_test(test_reason_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
