// SPDX-License-Identifier: BSD-2-Clause
/* Messages between nodes: their bytes, written out by hand, and what must not be read. */
#include "lb/sync_message.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/addr.h"

static const uint8_t hello[] = {
	'W', 'E', 'I', 'R', 1, 1, 0, 0, 0, 0, 0, 27, /* header */
	1,   2,   3,   4,   5, 6, 7, 8,              /* configuration */
	0,   1,   0,   0,                            /* entries */
	2,   'n', '1',
};

static const uint8_t flows[] = {
	'W',  'E',  'I',  'R',  1,    2,
	0,    0,    0,    0,    0,    16 + 22 + 2 * 44, /* header */
	0,    1,    0,    2,                            /* a backend, two flows */
	3,    'w',  'e',  'b',                          /* its service */
	0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0xff, 0xff,
	10,   0,    0,    11, /* its address */
	0x1f, 0x90,           /* and port */
	0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0xff, 0xff,
	192,  0,    2,    1, /* from */
	0,    0,    0,    0,    0,    0,
	0,    0,    0,    0,    0xff, 0xff,
	203,  0,    113,  10, /* to */
	0x04, 0xd2, 0,    80,   6,    2,
	0,    0,    0,    0,    0x03, 0xe8, /* ports, TCP, established, 1000 ms */
	0x20, 1,    0x0d, 0xb8, 0,    0,
	0,    0,    0,    0,    0,    0,
	0,    0,    0,    1,    0x20, 1,
	0x0d, 0xb8, 0,    0,    0,    0,
	0,    0,    0,    0,    0,    0,
	0,    0x10, 0xff, 0xff, 0,    53,
	17,   4,    0,    0,    0,    0,
	0,    0,
};

/* By nat: as above, and the SNAT address and port behind the flow. */
static const uint8_t translated[] = {
	'W',  'E',  'I',  'R',  1,    6,    0, 0,  0,    0,    0,    16 + 22 + 62, /* header */
	0,    1,    0,    1, /* a backend, a flow */
	3,    'w',  'e',  'b',  0,    0,    0, 0,  0,    0,    0,    0,
	0,    0,    0xff, 0xff, 10,   0,    0, 11, 0x1f, 0x90, /* its address and port */
	0,    0,    0,    0,    0,    0,    0, 0,  0,    0,    0xff, 0xff,
	192,  0,    2,    1, /* from */
	0,    0,    0,    0,    0,    0,    0, 0,  0,    0,    0xff, 0xff,
	203,  0,    113,  10,                                              /* to */
	0x04, 0xd2, 0,    80,   6,    2,    0, 0,  0,    0,    0x03, 0xe8, /* as above */
	0,    0,    0,    0,    0,    0,    0, 0,  0,    0,    0xff, 0xff,
	10,   0,    8,    2,    0x13, 0x88, /* SNAT address and port */
};

static void test_hello(void **state)
{
	uint8_t out[SYNC_MESSAGE_MAX];
	struct sync_message m;
	assert_int_equal(sync_write_hello(out, "n1", 0x0102030405060708, 65536), sizeof(hello));
	assert_memory_equal(out, hello, sizeof(hello));
	assert_int_equal(sync_message_parse(hello, sizeof(hello), &m), 0);
	assert_int_equal(m.kind, SYNC_HELLO);
	assert_true(m.config == 0x0102030405060708 && m.entries == 65536);
	assert_string_equal(m.name, "n1");
}

static struct sync_flow flow_of(const char *from, const char *to, uint16_t from_port,
				uint16_t to_port, uint8_t protocol, uint8_t state, uint32_t idle_ms)
{
	struct sync_flow f = {.state = state, .idle_ms = idle_ms};
	assert_int_equal(addr_parse(from, &f.key.source), 0);
	assert_int_equal(addr_parse(to, &f.key.destination), 0);
	f.key.source_port = htons(from_port);
	f.key.destination_port = htons(to_port);
	f.key.protocol = protocol;
	return f;
}

static void test_flows(void **state)
{
	static struct sync_batch batch;
	uint8_t out[SYNC_MESSAGE_MAX];
	struct sync_message m;
	struct sync_backend b = {.service = "web", .port = 8080}, got;
	struct sync_flow f[2] = {
		flow_of("192.0.2.1", "203.0.113.10", 1234, 80, IPPROTO_TCP, FLOW_ESTABLISHED, 1000),
		flow_of("2001:db8::1", "2001:db8::10", 0xffff, 53, IPPROTO_UDP, FLOW_UDP, 0),
	};
	addr_parse("10.0.0.11", &b.address);
	assert_int_equal(sync_batch_write(&batch, out), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(sync_batch_add(&batch, &f[i], 7, &b), 0);
	assert_int_equal(sync_batch_write(&batch, out), sizeof(flows));
	assert_memory_equal(out, flows, sizeof(flows));
	assert_int_equal(sync_batch_write(&batch, out), 0);

	assert_int_equal(sync_message_parse(flows, sizeof(flows), &m), 0);
	assert_true(m.kind == SYNC_FLOWS && m.backend_count == 1 && m.flow_count == 2);
	sync_message_backend(&m, 0, &got);
	assert_string_equal(got.service, "web");
	assert_true(got.port == 8080 && addr_equal(&got.address, &b.address));
	for (int i = 0; i < 2; i++) {
		struct sync_flow read;
		sync_message_flow(&m, i, &read);
		assert_memory_equal(&read, &f[i], sizeof(read));
	}
}

/* A batch takes what fits into a message, and says when that is so. */
static void test_full_batches(void **state)
{
	static struct sync_batch batch;
	static uint8_t out[SYNC_MESSAGE_MAX];
	struct sync_message m;
	struct sync_backend b = {.port = 1};
	struct sync_flow f =
		flow_of("192.0.2.1", "203.0.113.10", 1, 80, IPPROTO_TCP, FLOW_CLOSING, UINT32_MAX);
	memset(b.service, 'x', SYNC_NAME_MAX);
	uint32_t count = 0;
	while (!sync_batch_add(&batch, &f, count % 100, &b))
		count++;
	size_t length = sync_batch_write(&batch, out);
	assert_true(length <= SYNC_MESSAGE_MAX && length > SYNC_MESSAGE_MAX - 200);
	assert_int_equal(sync_message_parse(out, length, &m), 0);
	assert_int_equal(m.flow_count, count);
	assert_int_equal(m.backend_count, 100);

	for (count = 0; !sync_batch_add(&batch, &f, count, &b); count++)
		;
	assert_int_equal(count, SYNC_BACKENDS_MAX);
	length = sync_batch_write(&batch, out);
	assert_int_equal(sync_message_parse(out, length, &m), 0);
	assert_int_equal(m.backend_count, SYNC_BACKENDS_MAX);
}

static void test_digests_and_asking(void **state)
{
	static uint8_t out[SYNC_MESSAGE_MAX];
	uint64_t digests[SYNC_SLICES], slices[SYNC_SLICES / 64] = {1ull << 63, [15] = 1ull << 63};
	struct sync_message m;
	for (uint32_t i = 0; i < SYNC_SLICES; i++)
		digests[i] = i * 0x0101010101010101ull;
	size_t length = sync_write_digest(out, 0x01020304, digests);
	assert_int_equal(length, 12 + 4 + 8 * SYNC_SLICES);
	assert_int_equal(sync_message_parse(out, length, &m), 0);
	assert_true(m.kind == SYNC_DIGEST && m.round == 0x01020304);
	for (uint32_t i = 0; i < SYNC_SLICES; i++)
		assert_true(sync_message_digest(&m, i) == digests[i]);

	length = sync_write_ask(out, 7, 4711, slices);
	assert_int_equal(length, 12 + 8 + 128);
	assert_int_equal(sync_message_parse(out, length, &m), 0);
	assert_true(m.kind == SYNC_ASK && m.node == 7 && m.pid == 4711);
	for (uint32_t i = 0; i < SYNC_SLICES; i++)
		assert_int_equal(sync_message_asks(&m, i), i == 63 || i == 1023);

	length = sync_write_mark(out, 9);
	assert_int_equal(sync_message_parse(out, length, &m), 0);
	assert_true(m.kind == SYNC_MARK && m.round == 9);
}

/* At each length, in memory of that length: a sanitizer sees what is read behind it. */
static void expect_no_part(const uint8_t *bytes, size_t length)
{
	struct sync_message m;
	for (size_t n = 0; n < length; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, bytes, n);
		assert_int_equal(sync_message_parse(copy, n, &m), -EBADMSG);
		if (n >= 12) {
			copy[10] = n >> 8;
			copy[11] = n;
			assert_int_equal(sync_message_parse(copy, n, &m), -EBADMSG);
		}
		free(copy);
	}
}

static void test_truncated(void **state)
{
	static uint8_t out[SYNC_MESSAGE_MAX];
	static const uint64_t digests[SYNC_SLICES];
	expect_no_part(hello, sizeof(hello));
	expect_no_part(flows, sizeof(flows));
	expect_no_part(out, sync_write_digest(out, 1, digests));
	expect_no_part(out, sync_write_ask(out, 1, 2, digests));
	expect_no_part(out, sync_write_mark(out, 1));
}

/* One byte is another one. */
static const struct {
	const char *what;
	size_t at;
	uint8_t value;
	int wanted;
} odd[] = {
	{"no magic", 0, 'w', -EBADMSG},
	{"a later version", 4, 2, -EPROTONOSUPPORT},
	{"an earlier one", 4, 0, -EPROTONOSUPPORT},
	{"another kind", 5, 9, -EBADMSG},
	{"no kind", 5, 0, -EBADMSG},
	{"not zero", 7, 1, -EBADMSG},
	{"longer", 11, 200, -EBADMSG},
	{"too many backends", 12, 1, -EBADMSG},
	{"more backends", 13, 2, -EBADMSG},
	{"no backend", 13, 0, -EBADMSG},
	{"more flows", 15, 3, -EBADMSG},
	{"fewer flows", 15, 1, -EBADMSG},
	{"a name of no length", 16, 0, -EBADMSG},
	{"a longer name", 16, 4, -EBADMSG},
	{"a name too long", 16, 64, -EBADMSG},
	{"a name with a line's end", 18, '\n', -EBADMSG},
	{"a name with a NUL", 17, 0, -EBADMSG},
	{"two families", 38 + 10, 0, -EBADMSG},
	{"another protocol", 38 + 36, 1, -EBADMSG},
	{"half open", 38 + 37, FLOW_HANDSHAKE, -EBADMSG},
	{"no state", 38 + 37, FLOW_FREE, -EBADMSG},
	{"a state that is none", 38 + 37, FLOW_STATES, -EBADMSG},
	{"UDP's state", 38 + 37, FLOW_UDP, -EBADMSG},
	{"TCP's state", 82 + 37, FLOW_ESTABLISHED, -EBADMSG},
	{"a backend that is not there", 38 + 39, 1, -EBADMSG},
	{"closing", 38 + 37, FLOW_CLOSING, 0},
};

static void test_odd(void **state)
{
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		uint8_t copy[sizeof(flows)];
		struct sync_message m;
		memcpy(copy, flows, sizeof(flows));
		copy[odd[i].at] = odd[i].value;
		int r = sync_message_parse(copy, sizeof(copy), &m);
		if (r != odd[i].wanted)
			fail_msg("%s: %d", odd[i].what, r);
	}
}

static void test_translated(void **state)
{
	static struct sync_batch batch = {.translated = true};
	uint8_t out[SYNC_MESSAGE_MAX], broken[sizeof(translated)];
	struct sync_message m;
	struct sync_backend b = {.service = "web", .port = 8080, .translated = true};
	struct sync_flow f =
		flow_of("192.0.2.1", "203.0.113.10", 1234, 80, IPPROTO_TCP, FLOW_ESTABLISHED, 1000);
	struct sync_flow got;
	assert_int_equal(addr_parse("10.0.0.11", &b.address), 0);
	assert_int_equal(addr_parse("10.0.8.2", &f.snat), 0);
	f.snat_port = htons(5000);
	assert_int_equal(sync_batch_add(&batch, &f, 7, &b), 0);
	assert_int_equal(sync_batch_write(&batch, out), sizeof(translated));
	assert_memory_equal(out, translated, sizeof(translated));
	assert_int_equal(sync_message_parse(translated, sizeof(translated), &m), 0);
	assert_int_equal(m.kind, SYNC_TRANSLATED);
	sync_message_flow(&m, 0, &got);
	assert_memory_equal(&got.key, &f.key, sizeof(got.key));
	assert_memory_equal(&got.snat, &f.snat, sizeof(got.snat));
	assert_int_equal(got.snat_port, f.snat_port);
	for (size_t length = 0; length < sizeof(translated); length++)
		assert_int_equal(sync_message_parse(translated, length, &m), -EBADMSG);
	memcpy(broken, translated, sizeof(broken));
	broken[sizeof(broken) - 1] = broken[sizeof(broken) - 2] = 0; /* no port */
	assert_int_equal(sync_message_parse(broken, sizeof(broken), &m), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_flows),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_full_batches),
		cmocka_unit_test(test_digests_and_asking),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_odd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
