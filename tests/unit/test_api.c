// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control API over a real socket, asked by the command line's own client, or by bytes as they
 * are. What must be told of the doubles' figures is written down by hand.
 */
#include "tools/weir/api.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/api_talk.h"
#include "tests/unit/daemon_double.h"
#include "tools/weir/client.h"

/* --- what is told -------------------------------------------------------------------------- */

static void test_status(void **state)
{
	expect("/v1/status",
	       "{'version': '" WEIR_VERSION "', 'instance': 'test', 'generation': 4,"
	       " 'config': 'weir.yaml', 'services': 2, 'interfaces': 1, 'captures': 3,"
	       " 'flow_table': {'capacity': 4096, 'inserts': 40, 'evictions': 0, 'untracked': 0,"
	       " 'guarded': 61,"
	       " 'entries': {'handshake': 11, 'established': 12, 'closing': 13, 'udp': 14}},"
	       " 'packets': {'fast': 300, 'worker': 780}, 'on_daemon_loss': 'pass',"
	       " 'takeover': {'flows': false, 'replaced': 'it is of another version of Weir'},"
	       " 'fragments': {'first': 201, 'forgotten': 0, 'followed': 1200, 'waited': 14,"
	       " 'held': 4, 'timed_out': 0, 'refused': 0, 'unmatched': 0, 'tiny': 0,"
	       " 'overlap': 0}}");
	engine_replaced = NULL;
	config.on_daemon_loss = DAEMON_LOSS_DROP;
	expect("/v1/status",
	       "{'takeover': {'flows': true, 'replaced': null}, 'on_daemon_loss': 'drop'}");
	engine_replaced = "it is of another version of Weir";
	config.on_daemon_loss = DAEMON_LOSS_PASS;
}

static void test_services(void **state)
{
	expect("/v1/services",
	       "{'services': ["
	       "{'name': 'web', 'id': 0, 'address': '203.0.113.10', 'protocol': 'tcp',"
	       " 'ports': '80,443,8000-8099', 'forward': 'dsr', 'scheduler': 'maglev',"
	       " 'affinity': 'flow', 'tracking': 'flow', 'verify_checksums': false, 'announce': "
	       "'neighbor', 'backends': "
	       "{'up': 1, 'total': 3},"
	       " 'packets': 1611, 'fast_packets': 1500, 'bytes': 101100, 'flows': 40},"
	       "{'name': 'dns', 'id': 1, 'address': '2001:db8::53', 'protocol': 'udp',"
	       " 'ports': 'any', 'affinity': 'source', 'tracking': 'flow', 'announce': 'none', "
	       "'backends': {'up': 0, "
	       "'total': 1},"
	       " 'packets': 0, 'fast_packets': 0, 'bytes': 0, 'flows': 0}]}");
}

static void test_backends(void **state)
{
	expect("/v1/backends",
	       "{'backends': ["
	       "{'service': 'web', 'name': 'b1', 'id': 0, 'address': '10.0.0.11', 'weight': 100,"
	       " 'state': 'up', 'interface': 'nic0', 'mac': '02:00:00:00:00:11',"
	       " 'reachable': true, 'reason': null, 'packets': 1099, 'fast_packets': 1000,"
	       " 'bytes': 70600, 'flows': 30, 'share': 0.75},"
	       "{'name': 'b2', 'state': 'drain', 'interface': null, 'mac': null,"
	       " 'reachable': false, 'reason': 'no route to backend 1', 'share': 0.0},"
	       "{'name': 'b3', 'id': 2, 'reachable': false, 'reason': 'not in force yet',"
	       " 'fast_packets': 0},"
	       "{'service': 'dns', 'name': 'b1', 'id': -1, 'packets': 0}]}");
}

static void test_next_hops(void **state)
{
	expect("/v1/nexthops",
	       "{'nexthops': ["
	       "{'address': '10.0.0.11', 'reachable': true, 'interface': 'nic0',"
	       " 'mac': '02:00:00:00:00:11', 'gateway': null, 'reason': null},"
	       "{'address': '10.0.0.12', 'reachable': false, 'interface': null, 'mac': null,"
	       " 'gateway': '10.0.0.1', 'reason': '10.0.0.12 does not answer ARP on nic0'}]}");
}

static void test_workers(void **state)
{
	expect("/v1/workers",
	       "{'workers': [{'worker': 0, 'cpu': 1, 'rx_packets': 445, 'busy': 0.25,"
	       " 'dropped': 12, 'frames': {'total': 64, 'free': 60, 'in_fill': 4}},"
	       " {'worker': 1, 'cpu': 2, 'dropped': 52}]}");
}

static void test_interfaces(void **state)
{
	expect("/v1/interfaces",
	       "{'interfaces': [{'name': 'nic0', 'index': 7, 'driver': 'veth',"
	       " 'mac': '02:00:00:00:ab:cd', 'mtu': 1500, 'queues': 2, 'mode': 'copy',"
	       " 'wanted': 'auto', 'xdp': 'native', 'fast_path': 'on',"
	       " 'counters': {'rx_packets': 1000, 'rx_bytes': 64000, 'passed': 100,"
	       " 'steered': 590, 'transmitted': 300, 'dropped': 10},"
	       " 'sockets': {'rx_full': 21, 'rx_no_frame': 2},"
	       " 'unfinished_checksums': 17}]}");
	port_counters_result = -EIO;
	expect("/v1/interfaces", "{'interfaces': [{'name': 'nic0', 'counters': null}]}");
	port_counters_result = 0;
}

static void test_drops(void **state)
{
	struct err err;
	json_t *got;
	ledger = (struct engine_ledger){.rx = 100, .transmitted = 50, .passed = 30, .held = 5};
	ledger.dropped = 15;
	expect("/v1/drops",
	       "{'balanced': true, 'difference': 0, 'ledger': {'rx': 100, 'held': 5}}");
	ledger.held = 8;
	expect("/v1/drops", "{'balanced': false, 'difference': -3}");
	assert_int_equal(client_get(socket_path, "/v1/drops", &got, &err), 0);
	json_t *rows = json_object_get(got, "reasons");
	assert_int_equal(json_array_size(rows), REASON_COUNT - 1);
	json_t *row = json_array_get(rows, REASON_NO_BACKEND - 1);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "no-backend");
	assert_int_equal(json_integer_value(json_object_get(row, "worker")), 1234);
	assert_int_equal(json_integer_value(json_object_get(row, "total")), 1234);
	row = json_array_get(rows, REASON_DAEMON_LOST - 1);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "daemon-lost");
	assert_int_equal(json_integer_value(json_object_get(row, "kernel")), 3);
	row = json_array_get(rows, REASON_NO_DAEMON - 1);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "no-daemon");
	json_decref(got);
}

/* --- requests that are wrong --------------------------------------------------------------- */

static void test_wrong_requests(void **state)
{
	expect_answer(REQUEST("GET /v2/status") "\r\n", "404", " GET /v1/backends ");
	expect_answer(REQUEST("GET /v2/status") "\r\n", "404", "application/problem+json");
	expect_answer(REQUEST("GET /v1/status/") "\r\n", "404", "\"detail\":");
	expect_answer(REQUEST("GET /v1/reload") "\r\n", "405", "Allow: POST\r\n");
	expect_answer(REQUEST("DELETE /v1/status") "\r\n", "405", "Allow: GET, HEAD\r\n");
	expect_answer(REQUEST("HEAD /v1/capture") "\r\n", "405", "Allow: GET\r\n");
	expect_answer(REQUEST("HEAD /v1/status") "\r\n", "200", "application/json");
	expect_answer(REQUEST("GET /v1/status") "Content-Length: 2\r\n\r\n{}", "400",
		      "takes no body");
	expect_answer(REQUEST("POST /v1/reload") "Content-Length: 16385\r\n\r\n{}", "413",
		      "at most 16384 bytes");
	expect_answer(REQUEST("nonsense") "\r\n", "400", "");
	expect_answer("\x01\x02 / HTTP/9.9\r\n\r\n", "505", "");
	expect("/v1/status", "{'generation': 4}");
}

static void test_reload(void **state)
{
	struct err err;
	json_t *answer;
	reload_result = -EINVAL;
	assert_int_equal(client_post(socket_path, "/v1/reload", &answer, &err), -EINVAL);
	assert_string_equal(err.text, "weir.yaml:3: services: \"odd\"");
	reload_result = -ENODEV;
	assert_int_equal(client_post(socket_path, "/v1/reload", &answer, &err), -EIO);
	expect_answer(REQUEST("POST /v1/reload") "\r\n", "500", "\"detail\":");
	reload_result = -EINVAL;
	expect_answer(REQUEST("POST /v1/reload") "\r\n", "422",
		      "\"field\":\"services\",\"line\":3}");
	reload_result = -ENODEV;
	expect("/v1/status", "{'generation': 4}");
	reload_result = 0;
	assert_int_equal(client_post(socket_path, "/v1/reload", &answer, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "generation")), 5);
	assert_int_equal(json_integer_value(json_object_get(answer, "backends")), 4);
	json_decref(answer);
	d.generation = 4;
}

static void await_reload(void)
{
	while (!__atomic_exchange_n(&reload_begun, false, __ATOMIC_ACQ_REL))
		usleep(1000);
}

/* While one is under way all else is answered, and another one is refused. */
static void test_reload_that_lasts(void **state)
{
	__atomic_store_n(&reload_waits, true, __ATOMIC_RELEASE);
	int fd = talk_begin(REQUEST("POST /v1/reload") "\r\n"), gone;
	await_reload();
	expect_answer(REQUEST("GET /v1/status") "\r\n", "200", "generation");
	expect_answer(REQUEST("POST /v1/reload") "\r\n", "503", "a reload is under way");
	__atomic_store_n(&reload_waits, false, __ATOMIC_RELEASE);
	assert_non_null(strstr(talk_end(fd), "HTTP/1.1 200 "));
	/* Nor does one whose client has gone away keep out the next. */
	__atomic_store_n(&reload_waits, true, __ATOMIC_RELEASE);
	gone = talk_begin(REQUEST("POST /v1/reload") "\r\n");
	await_reload();
	close(gone);
	__atomic_store_n(&reload_waits, false, __ATOMIC_RELEASE);
	while (strstr(talk(REQUEST("POST /v1/reload") "\r\n"), " 503 "))
		;
}

/* --- streams ------------------------------------------------------------------------------- */

struct heard {
	char text[64];
	size_t length, enough, idle;
};

static int hear(void *context, const void *bytes, size_t length)
{
	struct heard *h = context;
	memcpy(h->text + h->length, bytes, length);
	h->length += length;
	h->idle += !length;
	return h->enough && h->length >= h->enough;
}

static void test_stream(void **state)
{
	struct heard all = {}, part = {.enough = 1}, none = {};
	struct err err;
	assert_int_equal(client_stream(socket_path, "/v1/capture?x=1", hear, &all, &err), 0);
	assert_string_equal(all.text, "first second");
	assert_true(all.idle > 0);
	assert_int_equal(client_stream(socket_path, "/v1/capture", hear, &part, &err), 0);
	assert_string_equal(part.text, "first ");
	assert_int_equal(client_stream(socket_path, "/v1/nothing", hear, &none, &err), -EIO);
	assert_int_equal(none.length, 0);
	assert_non_null(strstr(err.text, "there is nothing at /v1/nothing; known are: GET "));
}

/* --- the socket ---------------------------------------------------------------------------- */

/* Another daemon, which is opened and closed only. */
static struct config other_config;
static struct daemon other;

static int open_elsewhere(struct api **out, const char *path, struct err *err)
{
	other_config.api.socket = (char *)path;
	other.config = &other_config;
	other.loop = d.loop;
	return open_api(out, &other, err);
}

static void test_socket_is_ours_alone(void **state)
{
	struct stat st;
	struct api *second = NULL;
	struct err err;
	char want[256];
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(open_elsewhere(&second, socket_path, &err), -EADDRINUSE);
	snprintf(want, sizeof(want),
		 "another daemon answers on %s; stop it or set another api.socket", socket_path);
	assert_string_equal(err.text, want);
	assert_null(second);
	expect("/v1/status", "{'instance': 'test'}");
}

static void test_what_is_in_the_way(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	struct api *a = NULL;
	struct err err;
	char *path = address.sun_path;
	snprintf(path, sizeof(address.sun_path), "%s/other.sock", directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(open_elsewhere(&a, path, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is not a socket"));
	assert_int_equal(unlink(path), 0);

	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(open_elsewhere(&a, path, &err), -EADDRINUSE);
	close(fd);
	assert_int_equal(open_elsewhere(&a, path, &err), 0);
	close_api_of(&other, a);
	assert_int_equal(stat(path, &st), -1);
	api_close(NULL);
}

static void test_nothing_is_left(void **state)
{
	struct stat st;
	struct api *a = NULL;
	struct err err;
	char folder[64], path[80];
	snprintf(folder, sizeof(folder), "%s/made", directory);
	snprintf(path, sizeof(path), "%s/weir.sock", folder);
	assert_int_equal(open_elsewhere(&a, path, &err), 0);
	assert_int_equal(stat(folder, &st), 0);
	close_api_of(&other, a);
	assert_int_equal(stat(folder, &st), -1);
	assert_int_equal(errno, ENOENT);
}

static void test_mode_and_group(void **state)
{
	struct stat st;
	struct api *a = NULL;
	struct err err;
	char path[80];
	snprintf(path, sizeof(path), "%s/grouped.sock", directory);
	other_config.api =
		(struct config_api){.socket = path, .mode = 0646, .group = "no-such-group"};
	assert_int_equal(open_api(&a, &other, &err), -ENOENT);
	assert_non_null(strstr(err.text, "api.group: this host has no group 'no-such-group'"));
	assert_int_equal(stat(path, &st), -1);
	other_config.api.group = "daemon";
	assert_int_equal(open_api(&a, &other, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0646);
	assert_int_equal(st.st_gid, getgrnam("daemon")->gr_gid);
	close_api_of(&other, a);
}

static void test_path_too_long(void **state)
{
	char path[200];
	struct api *a = NULL;
	struct err err;
	json_t *answer;
	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[sizeof(path) - 1] = 0;
	assert_int_equal(open_elsewhere(&a, path, &err), -ENAMETOOLONG);
	assert_int_equal(client_get(path, "/v1/status", &answer, &err), -ENAMETOOLONG);
}

static void test_nobody_answers(void **state)
{
	struct err err;
	json_t *answer;
	assert_int_equal(client_get("/nowhere/weir.sock", "/v1/status", &answer, &err),
			 -ECONNREFUSED);
	assert_string_equal(err.text, "no daemon answers on /nowhere/weir.sock: start one with "
				      "'weir run -c FILE', or name its socket with --socket");
}

static int count_bytes(void *context, const void *bytes, size_t length)
{
	*(size_t *)context += length;
	return 0;
}

static void *hear_all(void *count)
{
	struct err err;
	int rc = client_stream(socket_path, "/v1/capture", count_bytes, count, &err);
	return (void *)(intptr_t)rc;
}

/*
 * A capture has megabytes queued; no more of them than a client on a busy machine takes in the time
 * that the daemon waits. The last test: no daemon after it.
 */
static void test_close_lets_streams_end(void **state)
{
	size_t heard = 0;
	pthread_t client;
	void *result;
	while (__atomic_load_n(&paused, __ATOMIC_ACQUIRE)) /* of a test before */
		usleep(1000);
	pause_s = 60;
	stream_rest = 2u << 20;
	assert_int_equal(pthread_create(&client, NULL, hear_all, &heard), 0);
	while (!__atomic_load_n(&paused, __ATOMIC_ACQUIRE))
		usleep(1000);
	stop_loop();
	int late = talk_begin(REQUEST("GET /v1/status") "\r\n");
	close_api();
	pthread_join(client, &result);
	assert_int_equal((intptr_t)result, 0);
	assert_int_equal(heard, strlen("first second") + stream_rest);
	assert_non_null(strstr(talk_end(late), "HTTP/1.1 503 "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_next_hops),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_wrong_requests),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_reload_that_lasts),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_socket_is_ours_alone),
		cmocka_unit_test(test_what_is_in_the_way),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_mode_and_group),
		cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_close_lets_streams_end),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
