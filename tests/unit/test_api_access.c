// SPDX-License-Identifier: BSD-2-Clause
/* The API over TCP: who may do what; and clients that take more than their share. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/unit/api_talk.h"
#include "tests/unit/daemon_double.h"
#include "tools/weir/api_access.h"
#include "tools/weir/http_server.h"

#define TOKEN "0123456789abcdef0123"

/* --- over TCP ------------------------------------------------------------------------------ */

/* A port that nobody has right now. */
static uint16_t free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static int start_with_tcp(void **state)
{
	addr_parse("127.0.0.1", &config.api.http.address);
	config.api.http.port = free_port();
	return start(state);
}

static const char *ask(const char *request)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				.sin_port = htons(config.api.http.port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return talk_end(fd);
}

static void expect_tcp(const char *request, const char *status, const char *part)
{
	const char *answer = ask(request);
	if (strncmp(answer + strlen("HTTP/1.1 "), status, 3) || !strstr(answer, part))
		fail_msg("%s\nanswered: %s", request, answer);
}

#define TCP(line)  line " HTTP/1.1\r\nHost: 127.0.0.1:9290\r\nConnection: close\r\n"
#define WITH_TOKEN "Authorization: Bearer " TOKEN "\r\n"

static void test_tcp_is_for_reading(void **state)
{
	expect_tcp(TCP("GET /v1/status") "\r\n", "200", "\"instance\":\"test\"");
	expect_tcp(TCP("GET /v1/access") "\r\n", "200", "{\"changes\":\"refused\"}");
	expect_tcp(TCP("POST /v1/reload") "\r\n", "403", "set api.token_file");
	expect_tcp(TCP("POST /v1/reload") "Authorization: Bearer \r\n\r\n", "403", "problem+json");
	expect_tcp(TCP("GET /v1/capture") "\r\n", "403", "use the unix socket");
	expect_tcp(TCP("GET /healthz") "\r\n", "200", "\r\n\r\nok\n");
	expect("/v1/access", "{'changes': 'allowed'}");
	expect("/v1/status", "{'generation': 4}");
}

static void test_tcp_with_token(void **state)
{
	strcpy(d.access.token, TOKEN);
	expect_tcp(TCP("GET /v1/access") "\r\n", "200", "{\"changes\":\"token\"}");
	expect_tcp(TCP("POST /v1/reload") "\r\n", "401", "Bearer TOKEN");
	expect_tcp(TCP("POST /v1/reload") "Authorization: Bearer " TOKEN "x\r\n\r\n", "401", "");
	expect_tcp(TCP("POST /v1/reload") "Authorization: Bearer 0123\r\n\r\n", "401", "");
	expect_tcp(TCP("POST /v1/reload") "Authorization: Basic " TOKEN "\r\n\r\n", "401", "");
	expect("/v1/status", "{'generation': 4}");
	expect_tcp(TCP("GET /v1/access") WITH_TOKEN "\r\n", "200", "{\"changes\":\"allowed\"}");
	expect_tcp(TCP("POST /v1/reload") WITH_TOKEN "\r\n", "200", "\"generation\":5");
	expect_tcp(TCP("GET /v1/capture") WITH_TOKEN "\r\n", "200", "first ");
	d.generation = 4;
	d.access.token[0] = 0;
}

/* A name of some other site that leads here is that site's page reading with its reader's hands. */
static void test_other_hosts_names(void **state)
{
	expect_tcp("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
		   "403", "Host");
	expect_tcp("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\n"
		   "Connection: close\r\n\r\n",
		   "403", "Host");
	expect_tcp("GET /healthz HTTP/1.1\r\nHost: LOCALHOST:80\r\nConnection: close\r\n\r\n",
		   "200", "ok");
	expect_tcp("GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", "200",
		   "ok");
	expect_answer("GET /healthz HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n", "200",
		      "ok");
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void test_token_files(void **state)
{
	static const char *const bad[] = {"", "short\n", "0123456789 abcdefgh\n",
					  "0123456789abcdef\t", "\n0123456789abcdef\n"};
	struct api_access a;
	struct err err;
	char path[128], long_token[ACCESS_TOKEN_MAX + 2];
	snprintf(path, sizeof(path), "%s/token", directory);
	assert_int_equal(api_access_load(&a, path, &err), -ENOENT);
	assert_non_null(strstr(err.text, "api.token_file: "));
	write_file(path, TOKEN "\nand what else there is\n");
	assert_int_equal(api_access_load(&a, path, &err), 0);
	assert_string_equal(a.token, TOKEN);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(path, bad[i]);
		assert_int_equal(api_access_load(&a, path, &err), -EINVAL);
		assert_string_equal(a.token, "");
	}
	memset(long_token, 'x', sizeof(long_token));
	long_token[ACCESS_TOKEN_MAX] = 0;
	write_file(path, long_token);
	assert_int_equal(api_access_load(&a, path, &err), 0);
	assert_string_equal(a.token, long_token);
	long_token[ACCESS_TOKEN_MAX] = 'x';
	long_token[ACCESS_TOKEN_MAX + 1] = 0;
	write_file(path, long_token);
	assert_int_equal(api_access_load(&a, path, &err), -EINVAL);
	unlink(path);
	assert_int_equal(api_access_load(&a, NULL, &err), 0);
	assert_string_equal(a.token, "");
}

/* --- more than their share ------------------------------------------------------------------ */

#define IDLERS 1000

static bool is_closed(int fd)
{
	char byte;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1 && read(fd, &byte, 1) <= 0;
}

static void raise_files(void)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 8192 ? limit.rlim_max : 8192;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static unsigned int count_closed(const int *fds)
{
	unsigned int closed = 0;
	for (int i = 0; i < IDLERS; i++)
		closed += is_closed(fds[i]);
	return closed;
}

/* A thousand that say nothing, or half of something: they make way, the oldest first. */
static void test_idle_connections_keep_nobody_out(void **state)
{
	static int fds[IDLERS];
	raise_files();
	for (int i = 0; i < IDLERS; i++) {
		fds[i] = talk_begin(i % 2 ? "GET /v1/sta" : "\r\n");
		if (i % 100 == 0)
			expect("/v1/status", "{'instance': 'test'}");
	}
	expect("/v1/status", "{'instance': 'test'}");
	unsigned int closed = count_closed(fds);
	assert_true(closed >= IDLERS - HTTP_CONNECTIONS - 1);
	assert_true(is_closed(fds[0]));
	assert_false(is_closed(fds[IDLERS - 1]));
	for (int i = 0; i < IDLERS; i++)
		close(fds[i]);
}

/* One that is in the middle of an answer is not idle, however many come. */
static void test_streams_stay(void **state)
{
	static int fds[IDLERS];
	pause_s = 1;
	int stream = talk_begin(REQUEST("GET /v1/capture") "\r\n");
	for (int i = 0; i < IDLERS; i++)
		fds[i] = talk_begin("\r\n");
	const char *answer = talk_end(stream);
	assert_non_null(strstr(answer, "second"));
	pause_s = 0.05;
	for (int i = 0; i < IDLERS; i++)
		close(fds[i]);
}

static void test_bodies_are_bounded(void **state)
{
	static char request[4 * HTTP_BODY_MAX];
	size_t length =
		snprintf(request, sizeof(request), "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n",
			 REQUEST("POST /v1/reload"), 2 * HTTP_BODY_MAX);
	memset(request + length, 'x', 2 * HTTP_BODY_MAX);
	strcpy(request + length + 2 * HTTP_BODY_MAX, "\r\n0\r\n\r\n");
	expect_answer(request, "413", "at most 16384 bytes");
	expect("/v1/status", "{'generation': 4}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_is_for_reading),
		cmocka_unit_test(test_tcp_with_token),
		cmocka_unit_test(test_other_hosts_names),
		cmocka_unit_test(test_token_files),
		cmocka_unit_test(test_bodies_are_bounded),
		cmocka_unit_test(test_idle_connections_keep_nobody_out),
		cmocka_unit_test(test_streams_stay),
	};
	return cmocka_run_group_tests(tests, start_with_tcp, finish);
}
