// SPDX-License-Identifier: BSD-2-Clause
/* What may be asked for in a capture, and what it arms; all else is refused with a word why. */
#include "tools/weir/capture_wanted.h"

#include <netinet/in.h>
#include <resolv.h>

#include "tests/unit/capture_bed.h"

static void test_taps_are_armed_for_what_is_wanted(void **state)
{
	struct bed *bed = *state;
	struct client a, b, c;
	const struct capture_slot *slots = fake_engine.slots;
	assert_int_equal(fake_engine.armed, 0);
	client_open(bed, &a, "?reason=no-backend&snaplen=64");
	await_captures(bed, 1);
	assert_int_equal(fake_engine.armed, 1);
	assert_int_equal(slots[0].reasons, 1ull << REASON_NO_BACKEND);
	assert_int_equal(slots[0].snaplen, 64);
	assert_int_equal(slots[0].filter_length, 0);
	client_open(bed, &b, "?reason=tx-full&snaplen=96&filter=udp&sample=10&rate=1000");
	await_captures(bed, 2);
	assert_int_equal(slots[1].reasons, 1ull << REASON_TX_FULL);
	assert_int_not_equal(slots[1].filter_length, 0);
	assert_int_equal(slots[1].sample, 10);
	assert_true(slots[1].limited);
	client_open(bed, &c, "");
	await_captures(bed, 3);
	assert_int_equal(fake_engine.armed, 7);
	assert_int_equal(slots[2].reasons & 1ull << REASON_NONE, 0);
	assert_int_not_equal(slots[2].reasons & 1ull << (REASON_COUNT - 1), 0);
	client_close(&a);
	client_close(&b);
	await_captures(bed, 1);
	assert_int_equal(fake_engine.armed, 4);
	client_close(&c);
	await_captures(bed, 0);
	assert_int_equal(fake_engine.armed, 0);
}

static void expect_refusal(struct bed *bed, const char *query, const char *status,
			   const char *words)
{
	struct client c;
	client_open(bed, &c, query);
	for (int i = 0; !c.closed; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(&c);
	}
	if (!strstr((char *)c.raw, status) || !strstr((char *)c.raw, words) ||
	    !strstr((char *)c.raw, "\"detail\":\""))
		fail_msg("%s: no \"%s\" or \"%s\" in\n%s", query, status, words, (char *)c.raw);
	assert_non_null(strstr((char *)c.raw, "Content-Type: application/problem+json\r\n"));
	assert_int_equal(captures_count(bed->daemon.captures), 0);
	assert_int_equal(fake_engine.armed, 0);
	client_close(&c);
}

static void test_bad_requests_are_refused(void **state)
{
	static const char *const requests[][2] = {
		{"?reason=none",
		 "unknown reason \\\"none\\\"; known are: truncated malformed-ipv4"},
		{"?reason=", "unknown reason"},
		{"?reason=no-backend&reason=x", "no-backend"},
		{"?filter=tcp%20porp%201", "syntax error\\n  tcp porp 1\\n      ^"},
		{"?filter=udp%20and%20(host%201.2.3.4%20or%20prt%2053)",
		 "\\n  udp and (host 1.2.3.4 or prt 53)\\n                           ^"},
		{"?service=web", "there is no service \\\"web\\\""},
		{"?rule=no-web", "there is no rule \\\"no-web\\\""},
		{"?rx=eth9", "is no interface of Weir; its are:"},
		{"?sample=0", "from 1 to"},
		{"?filter=udp&filter=tcp", "twice"},
		{"?filter=%ff%fe", "UTF-8"},
		{"?snaplen=0", "snaplen \\\"0\\\" is not a number from 1 to 65535"},
		{"?snaplen=65536", "from 1 to 65535"},
		{"?count=-1", "count \\\"-1\\\" is not"},
		{"?count=99999999999999999999", "is not a number"},
		{"?count=", "is not a number"},
		{"?count=1x", "is not a number"},
		{"?duration=1.5", "is not a number"},
		{"?duration", "is not a number"},
		{"?colour=red", "unknown argument \\\"colour\\\""},
	};
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		expect_refusal(*state, requests[i][0], "HTTP/1.1 400 ", requests[i][1]);
}

/* Makes this process' DNS server a socket of ours. */
static int open_resolver(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(res_init(), 0);
	_res.nscount = 1;
	_res.nsaddr_list[0] = address;
	_res.retrans = 1;
	_res.retry = 1;
	return fd;
}

/* A DNS server that does not answer would hold up the control thread: none is asked. */
static void test_no_dns_in_filters(void **state)
{
	char query[512];
	int fd = open_resolver();
	expect_refusal(*state, "?filter=host%20www.example.org", "HTTP/1.1 400 ",
		       "(names are looked up in /etc/hosts alone: give its address)");
	expect_refusal(*state, "?filter=gateway%20www.example.org", "HTTP/1.1 400 ", "filter");
	expect_refusal(*state, "?filter=net%20nowhere.example.org", "HTTP/1.1 400 ", "filter");
	assert_int_equal(recv(fd, query, sizeof(query), 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

static void test_clients_are_limited(void **state)
{
	struct bed *bed = *state;
	struct client c[CAPTURE_CLIENTS_MAX], more;
	for (uint32_t i = 0; i < CAPTURE_CLIENTS_MAX; i++)
		client_open(bed, &c[i], "");
	await_captures(bed, CAPTURE_CLIENTS_MAX);
	client_open(bed, &more, "");
	for (int i = 0; !more.closed; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(&more);
	}
	assert_non_null(strstr((char *)more.raw, "HTTP/1.1 503 "));
	client_close(&more);
	for (uint32_t i = 0; i < CAPTURE_CLIENTS_MAX; i++)
		client_close(&c[i]);
	await_captures(bed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(test_taps_are_armed_for_what_is_wanted),
		bed_test(test_bad_requests_are_refused),
		bed_test(test_no_dns_in_filters),
		bed_test(test_clients_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
