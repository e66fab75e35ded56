// SPDX-License-Identifier: BSD-2-Clause
/* Connection ids of QUIC packets, written by hand from RFC 8999 and the draft. */
#include "lb/quic.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/abi.h"

/* An id of configuration 1, server 0xa1b2c3 and nonce 01020304. */
#define ID      "\x3f\xa1\xb2\xc3\x01\x02\x03\x04"
#define VERSION "\x00\x00\x00\x01"

static const struct {
	const char *name, *bytes;
	size_t length;
	uint32_t config_id, id_length;
	uint64_t id;
	bool found;
} rows[] = {
	{"short header", "\x40" ID, 9, 1, 3, 0xa1b2c3, true},
	{"short header, more behind", "\x40" ID "payload", 16, 1, 3, 0xa1b2c3, true},
	{"short header, all other bits", "\x7f" ID, 9, 1, 3, 0xa1b2c3, true},
	{"a shorter server id", "\x40" ID, 9, 1, 1, 0xa1, true},
	{"nonce of three bytes", "\x40" ID, 8, 1, 3, 0, false},
	{"another configuration", "\x40" ID, 9, 2, 3, 0, false},
	{"configuration 0", "\x40\x1f\xa1\x01\x02\x03\x04", 7, 0, 1, 0xa1, true},
	{"configuration 6", "\x40\xc0\xa1\x01\x02\x03\x04", 7, 6, 1, 0xa1, true},
	{"eight bytes", "\x40\x00\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\x01\x02\x03\x04", 14, 0, 8,
	 0xfffefdfcfbfaf9f8, true},
	{"long header", "\xc0" VERSION "\x08" ID "\x00", 15, 1, 3, 0xa1b2c3, true},
	{"long header of no known version", "\x80zzzz\x08" ID "\x00", 15, 1, 3, 0xa1b2c3, true},
	{"long header that ends with the id", "\xc0" VERSION "\x08" ID, 14, 1, 3, 0xa1b2c3, true},
	{"long header, id one too long", "\xc0" VERSION "\x09" ID, 14, 1, 3, 0, false},
	{"long header, id of 255", "\xc0" VERSION "\xff" ID, 14, 1, 3, 0, false},
	{"long header, nonce of three bytes", "\xc0" VERSION "\x07" ID, 14, 1, 3, 0, false},
	{"long header, no id", "\xc0" VERSION "\x00\x00", 7, 1, 3, 0, false},
	{"long header cut before the id", "\xc0" VERSION "\x08", 6, 1, 3, 0, false},
	{"long header cut before the length", "\xc0" VERSION, 5, 1, 3, 0, false},
	{"one byte", "\x40", 1, 1, 3, 0, false},
	{"nothing", "", 0, 1, 3, 0, false},
};

/* In memory that ends where the payload ends, so that the address sanitizer sees more. */
static void test_server_ids(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t id = 0;
		uint8_t *payload = malloc(rows[i].length ? rows[i].length : 1);
		assert_non_null(payload);
		memcpy(payload, rows[i].bytes, rows[i].length);
		bool found = quic_server_id(payload, rows[i].length, rows[i].config_id,
					    rows[i].id_length, &id);
		if (found != rows[i].found || (found && id != rows[i].id))
			fail_msg("%s: %d, id %llx", rows[i].name, found, (unsigned long long)id);
		free(payload);
	}
}

static void test_servers(void **state)
{
	enum { SERVERS = 300 };
	struct quic_servers *q = quic_servers_new(3, 2, SERVERS);
	assert_non_null(q);
	/* 7919 has no factor in common with 300: each id once, not in order. */
	for (uint32_t i = 0; i < SERVERS; i++)
		q->servers[i] = (struct quic_server){.id = i * 7919 % SERVERS * 2, .backend = i};
	quic_servers_sort(q);
	for (uint32_t id = 0; id < 2 * SERVERS; id++) {
		uint8_t payload[] = {0x40, 0x60, id >> 8, id, 1, 2, 3, 4};
		uint32_t backend = quic_backend(q, payload, sizeof(payload));
		if (id % 2)
			assert_int_equal(backend, ABI_NO_BACKEND);
		else
			assert_int_equal(backend * 7919 % SERVERS * 2, id);
	}
	free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_ids),
		cmocka_unit_test(test_servers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
