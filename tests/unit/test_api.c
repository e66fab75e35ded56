// SPDX-License-Identifier: BSD-2-Clause
/*
 * The control API over a real socket, from a thread with the daemon's event loop, asked by the
 * command line's own client. Engine, captures and reload are doubles, defined below; what must be
 * told of them is written down by hand.
 */
#include "tools/weir/api.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <getopt.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/engine.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/capture.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/daemon.h"

/* --- doubles ------------------------------------------------------------------------------- */

static struct lb_traffic service_traffic[2][2], backend_traffic[2][4];
static struct lb_counters lb_counters[2];
static struct backend snapshot_backends[4];
static struct service snapshot_services[2];
static struct snapshot snapshot;
static struct engine_ledger ledger;
static int reload_result;
static int port_counters_result;

static const struct port fake_port = {
	.name = "nic0",
	.driver = "veth",
	.ifindex = 7,
	.mac = {2, 0, 0, 0, 0xab, 0xcd},
	.mtu = 1500,
	.queue_count = 2,
	.wanted = MODE_AUTO,
};

int engine_open(struct engine **out, const struct config *config, struct err *err)
{
	return -ENOSYS;
}

void engine_close(struct engine *e)
{
}

int engine_publish(struct engine *e, struct snapshot *s, struct err *err)
{
	return -ENOSYS;
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
	return &snapshot;
}

uint32_t engine_port_count(const struct engine *e)
{
	return 1;
}

const struct port *engine_port(const struct engine *e, uint32_t index)
{
	return &fake_port;
}

int engine_port_counters(const struct engine *e, uint32_t index, struct port_counters *out)
{
	*out = (struct port_counters){
		.rx_packets = 1000, .rx_bytes = 64000, .passed = 100, .steered = 890};
	out->dropped[REASON_TRUNCATED] = 4;
	out->dropped[REASON_MALFORMED_TCP] = 6;
	return port_counters_result;
}

int engine_socket_counters(const struct engine *e, uint32_t port, uint32_t queue,
			   struct socket_counters *out)
{
	*out = (struct socket_counters){.rx_no_frame = 1, .rx_full = 10 + queue};
	return 0;
}

uint32_t engine_worker_count(const struct engine *e)
{
	return 2;
}

void engine_worker(const struct engine *e, uint32_t index, struct engine_worker *out)
{
	*out = (struct engine_worker){
		.cpu = 1 + index,
		.memory = MEMORY_SMALL,
		.counters = {.turns = 1000, .busy_turns = 250, .rx_packets = 445, .tx_full = 2},
		.frames = {.frames = 64, .free = 60, .in_fill = 4},
		.lb = &lb_counters[index],
	};
}

void engine_drops(const struct engine *e, struct engine_drops *out)
{
	memset(out, 0, sizeof(*out));
	out->xdp[REASON_TRUNCATED] = 4;
	out->kernel[REASON_RX_FULL] = 5;
	out->worker[REASON_NO_BACKEND] = 1234;
}

void engine_ledger(const struct engine *e, struct engine_ledger *out)
{
	*out = ledger;
}

void engine_flows(const struct engine *e, uint64_t entries[FLOW_STATES])
{
	for (int i = 0; i < FLOW_STATES; i++)
		entries[i] = 10 + i;
}

void engine_tick(struct engine *e, uint64_t now_ns)
{
}

void engine_tap_arm(struct engine *e, uint64_t reasons, uint32_t snaplen)
{
}

void engine_tap_drain(struct engine *e, tap_fn *fn, void *context)
{
}

uint64_t engine_tap_lost(const struct engine *e)
{
	return 0;
}

int daemon_reload(struct daemon *d, struct err *err)
{
	if (reload_result)
		return err_set(err, -reload_result, "weir.yaml:3: services: \"odd\"");
	d->generation++;
	return 0;
}

uint32_t captures_count(const struct captures *c)
{
	return 3;
}

/* --- a stream that has a pause in it, as captures do --------------------------------------- */

struct stream {
	struct MHD_Connection *connection;
	struct ev_loop *loop;
	struct ev_timer timer;
	bool resumed;
};

static struct ev_loop *stream_loop;
static struct stream *paused;

static void stream_resume(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct stream *s = timer->data;
	s->resumed = true;
	paused = NULL;
	MHD_resume_connection(s->connection);
}

static ssize_t stream_read(void *context, uint64_t position, char *out, size_t max)
{
	struct stream *s = context;
	if (position == 0) {
		memcpy(out, "first ", 6);
		return 6;
	}
	if (!s->resumed) {
		ev_timer_init(&s->timer, stream_resume, 0.05, 0);
		s->timer.data = s;
		ev_timer_start(s->loop, &s->timer);
		paused = s;
		MHD_suspend_connection(s->connection);
		return 0;
	}
	if (position == 6) {
		memcpy(out, "second", 6);
		return 6;
	}
	return MHD_CONTENT_READER_END_OF_STREAM;
}

enum MHD_Result capture_request(struct captures *c, struct MHD_Connection *connection)
{
	struct stream *s = calloc(1, sizeof(*s));
	s->connection = connection;
	s->loop = stream_loop;
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, s, free);
	enum MHD_Result result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

/* --- the daemon ---------------------------------------------------------------------------- */

static struct config_backend web_backends[] = {
	{.name = "b1", .weight = 100, .state = STATE_UP},
	{.name = "b2", .weight = 50, .state = STATE_DRAIN},
	{.name = "b3", .weight = 50, .state = STATE_UP},
};
static struct config_backend dns_backends[] = {{.name = "b1", .weight = 1}};
static struct config_port_range web_ports[] = {{80, 80}, {443, 443}, {8000, 8099}};
static struct config_port_range any_port[] = {{0, 0}};
static struct config_service services[] = {
	{"web", {}, IPPROTO_TCP, 3, web_ports, ANNOUNCE_NEIGHBOR, 3, web_backends},
	{"dns", {}, IPPROTO_UDP, 1, any_port, ANNOUNCE_NONE, 1, dns_backends},
};
static char socket_path[100];
static struct config config = {
	.instance = "test",
	.flow_entries = 4096,
	.interface_count = 1,
	.service_count = 2,
	.services = services,
	.api_socket = socket_path,
};
static char directory[] = "/tmp/weir-test-api-XXXXXX";

static struct daemon d = {.config_path = "weir.yaml", .config = &config, .generation = 4};
static struct ev_async stop;
static pthread_t thread;

static void on_stop(struct ev_loop *loop, struct ev_async *w, int events)
{
	ev_break(loop, EVBREAK_ALL);
}

static void *serve(void *unused)
{
	ev_run(d.loop, 0);
	return NULL;
}

static void make_state(void)
{
	addr_parse("203.0.113.10", &services[0].address);
	addr_parse("2001:db8::53", &services[1].address);
	addr_parse("10.0.0.11", &web_backends[0].address);
	d.services = registry_new(8);
	d.backends = registry_new(8);
	assert_int_equal(registry_assign(d.services, "web"), 0);
	assert_int_equal(registry_assign(d.services, "dns"), 1);
	assert_int_equal(registry_assign(d.backends, "web/b1"), 0);
	assert_int_equal(registry_assign(d.backends, "web/b2"), 1);
	assert_int_equal(registry_assign(d.backends, "web/b3"), 2);
	for (int w = 0; w < 2; w++) {
		lb_counters[w].services = service_traffic[w];
		lb_counters[w].backends = backend_traffic[w];
		lb_counters[w].flow_inserts = 20;
	}
	service_traffic[0][0] = (struct lb_traffic){100, 6400, 30};
	service_traffic[1][0] = (struct lb_traffic){11, 700, 10};
	backend_traffic[0][0] = (struct lb_traffic){90, 6000, 25};
	backend_traffic[1][0] = (struct lb_traffic){9, 600, 5};
	lb_counters[1].dropped[REASON_NO_BACKEND] = 40;
	snapshot = (struct snapshot){.service_end = 2,
				     .backend_end = 2,
				     .services = snapshot_services,
				     .backends = snapshot_backends};
	snapshot_services[0] = (struct service){.present = 1, .up_count = 1, .member_count = 3};
	snapshot_backends[0] = (struct backend){
		.present = 1, .reachable = 1, .link = {.destination = {2, 0, 0, 0, 0, 0x11}}};
	snapshot_backends[1] = (struct backend){.present = 1, .state = STATE_DRAIN};
}

static int start(void **state)
{
	struct err err;
	assert_non_null(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/run/weir.sock", directory);
	make_state();
	d.loop = ev_loop_new(EVFLAG_AUTO);
	stream_loop = d.loop;
	ev_async_init(&stop, on_stop);
	ev_async_start(d.loop, &stop);
	if (api_open(&d.api, &d, &err))
		fail_msg("%s", err.text);
	return pthread_create(&thread, NULL, serve, NULL);
}

static int finish(void **state)
{
	ev_async_send(d.loop, &stop);
	pthread_join(thread, NULL);
	if (paused) {
		ev_timer_stop(d.loop, &paused->timer);
		paused->resumed = true;
		MHD_resume_connection(paused->connection);
	}
	api_close(d.api);
	ev_loop_destroy(d.loop);
	registry_free(d.services);
	registry_free(d.backends);
	/* The socket and the folder made for it are gone. */
	return rmdir(directory);
}

/* --- what is told -------------------------------------------------------------------------- */

/* Compares with JSON written with ' for ", which may leave out members. */
static bool json_covers(json_t *got, json_t *want)
{
	const char *key;
	json_t *value;
	size_t i;
	if (!json_is_object(want) && !json_is_array(want))
		return json_equal(got, want);
	json_object_foreach(want, key,
			    value) if (!json_covers(json_object_get(got, key), value)) return false;
	json_array_foreach(want, i,
			   value) if (!json_covers(json_array_get(got, i), value)) return false;
	return json_is_object(want) || json_array_size(got) == json_array_size(want);
}

static void expect(const char *path, const char *text)
{
	struct err err;
	json_t *got, *want;
	char *quoted = strdup(text);
	for (char *c = quoted; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	want = json_loads(quoted, JSON_DECODE_ANY, NULL);
	assert_non_null(want);
	if (client_get(socket_path, path, &got, &err))
		fail_msg("%s", err.text);
	if (!json_covers(got, want))
		fail_msg("%s: got %s\nwant %s", path, json_dumps(got, 0), quoted);
	json_decref(got);
	json_decref(want);
	free(quoted);
}

static void test_status(void **state)
{
	expect("/v1/status",
	       "{'version': '" WEIR_VERSION "', 'instance': 'test', 'generation': 4,"
	       " 'config': 'weir.yaml', 'services': 2, 'interfaces': 1, 'captures': 3,"
	       " 'flow_table': {'capacity': 4096, 'inserts': 40, 'evictions': 0, 'untracked': 0,"
	       " 'entries': {'handshake': 11, 'established': 12, 'closing': 13, 'udp': 14}}}");
}

static void test_services(void **state)
{
	expect("/v1/services",
	       "{'services': ["
	       "{'name': 'web', 'id': 0, 'address': '203.0.113.10', 'protocol': 'tcp',"
	       " 'ports': '80,443,8000-8099', 'forward': 'dsr', 'scheduler': 'maglev',"
	       " 'announce': 'neighbor', 'backends': {'up': 1, 'total': 3},"
	       " 'packets': 111, 'bytes': 7100, 'flows': 40},"
	       "{'name': 'dns', 'id': 1, 'address': '2001:db8::53', 'protocol': 'udp',"
	       " 'ports': 'any', 'announce': 'none', 'backends': {'up': 0, 'total': 1},"
	       " 'packets': 0, 'flows': 0}]}");
}

static void test_backends(void **state)
{
	expect("/v1/backends",
	       "{'backends': ["
	       "{'service': 'web', 'name': 'b1', 'id': 0, 'address': '10.0.0.11', 'weight': 100,"
	       " 'state': 'up', 'interface': 'nic0', 'mac': '02:00:00:00:00:11',"
	       " 'reachable': true, 'reason': null, 'packets': 99, 'bytes': 6600, 'flows': 30,"
	       " 'share': 0.75},"
	       "{'name': 'b2', 'state': 'drain', 'interface': null, 'mac': null,"
	       " 'reachable': false, 'reason': 'no link address yet', 'share': 0.0},"
	       "{'name': 'b3', 'id': 2, 'reachable': false, 'reason': 'not in force yet'},"
	       "{'service': 'dns', 'name': 'b1', 'id': -1, 'packets': 0}]}");
}

static void test_workers(void **state)
{
	expect("/v1/workers",
	       "{'workers': [{'worker': 0, 'cpu': 1, 'rx_packets': 445, 'busy': 0.25,"
	       " 'dropped': 2, 'frames': {'total': 64, 'free': 60, 'in_fill': 4}},"
	       " {'worker': 1, 'cpu': 2, 'dropped': 42}]}");
}

static void test_interfaces(void **state)
{
	expect("/v1/interfaces",
	       "{'interfaces': [{'name': 'nic0', 'index': 7, 'driver': 'veth',"
	       " 'mac': '02:00:00:00:ab:cd', 'mtu': 1500, 'queues': 2, 'mode': 'copy',"
	       " 'wanted': 'auto', 'xdp': 'native',"
	       " 'counters': {'rx_packets': 1000, 'rx_bytes': 64000, 'passed': 100,"
	       " 'steered': 890, 'dropped': 10},"
	       " 'sockets': {'rx_full': 21, 'rx_no_frame': 2}}]}");
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
	json_decref(got);
}

/* --- requests that are wrong --------------------------------------------------------------- */

/* Sends bytes as they are; leaves the answer in a static buffer. */
static const char *talk(const char *request)
{
	static char answer[65536];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = 0;
	ssize_t more;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while ((more = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += more;
	answer[n] = 0;
	close(fd);
	return answer;
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n"

static void expect_answer(const char *request, const char *status, const char *part)
{
	const char *answer = talk(request);
	if (strncmp(answer + strlen("HTTP/1.1 "), status, 3) || !strstr(answer, part))
		fail_msg("%s\nanswered: %s", request, answer);
}

static void test_wrong_requests(void **state)
{
	expect_answer(REQUEST("GET /v2/status") "\r\n", "404", "\"GET /v1/backends\"");
	expect_answer(REQUEST("GET /v1/status/") "\r\n", "404", "\"error\"");
	expect_answer(REQUEST("GET /v1/reload") "\r\n", "405", "Allow: POST\r\n");
	expect_answer(REQUEST("DELETE /v1/status") "\r\n", "405", "Allow: GET, HEAD\r\n");
	expect_answer(REQUEST("HEAD /v1/capture") "\r\n", "405", "Allow: GET\r\n");
	expect_answer(REQUEST("HEAD /v1/status") "\r\n", "200", "application/json");
	expect_answer(REQUEST("POST /v1/reload") "Content-Length: 2\r\n\r\n{}", "413",
		      "no request");
	expect_answer(REQUEST("POST /v1/reload") "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		      "413", "no request");
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
	expect_answer(REQUEST("POST /v1/reload") "\r\n", "500", "\"error\"");
	expect("/v1/status", "{'generation': 4}");
	reload_result = 0;
	assert_int_equal(client_post(socket_path, "/v1/reload", &answer, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "generation")), 5);
	assert_int_equal(json_integer_value(json_object_get(answer, "backends")), 4);
	json_decref(answer);
	d.generation = 4;
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
	assert_string_equal(err.text, "there is nothing at this path");
}

/* --- the socket ---------------------------------------------------------------------------- */

static void test_socket_is_ours_alone(void **state)
{
	struct stat st;
	struct api *second = NULL;
	struct err err;
	char want[256];
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(api_open(&second, &d, &err), -EADDRINUSE);
	snprintf(want, sizeof(want),
		 "another daemon answers on %s; stop it or set another api.socket", socket_path);
	assert_string_equal(err.text, want);
	assert_null(second);
	expect("/v1/status", "{'instance': 'test'}");
}

/* Another daemon, which is opened and closed only. */
static int open_elsewhere(struct api **out, const char *path, struct err *err)
{
	static struct config other_config;
	static struct daemon other;
	other_config.api_socket = (char *)path;
	other.config = &other_config;
	other.loop = d.loop;
	return api_open(out, &other, err);
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
	api_close(a);
	assert_int_equal(stat(path, &st), -1);
	api_close(NULL);
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
				      "'weir run -c FILE', or name its socket with -s");
}

/* --- commands ------------------------------------------------------------------------------ */

/* What a command prints, and its exit status behind it. */
static const char *output_of(int (*command)(int argc, char **argv), char **argv)
{
	static char text[8192];
	FILE *file = tmpfile();
	int argc = 0, saved = dup(STDOUT_FILENO);
	while (argv[argc])
		argc++;
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	optind = 0;
	int status = command(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	rewind(file);
	size_t n = fread(text, 1, sizeof(text) - 16, file);
	fclose(file);
	sprintf(text + n, "exit %d", status);
	return text;
}

#define SHOW(...) output_of(command_show, (char *[]){"weir show", __VA_ARGS__, NULL})

static void test_show(void **state)
{
	ledger = (struct engine_ledger){
		.rx = 2000, .transmitted = 700, .passed = 50, .dropped = 1243, .held = 7};
	assert_string_equal(
		SHOW("drops", "-s", socket_path),
		"REASON      XDP  KERNEL  WORKER  TOTAL  MEANING\n"
		"truncated     4       0       0      4  the frame ends inside a header\n"
		"no-backend    0       0   1,234  1,234  no backend of the service can take the "
		"flow\n"
		"rx-full       0       5       0      5  the worker was too slow: its receive ring "
		"was "
		"full\n"
		"\n"
		"rx 2,000 = transmitted 700 + passed 50 + dropped 1,243 + held 7\n"
		"exit 0");
	ledger.rx++;
	assert_non_null(strstr(SHOW("drops", "-s", socket_path),
			       "this does not balance: 1 packets are not accounted for"));
assert_non_null(strstr(SHOW("services", "-s", socket_path),
			       "neighbor  1/3     40      111  7.10 kB\n"));
	assert_non_null(strstr(SHOW("backends", "-s", socket_path), "75.0%"));
	assert_non_null(strstr(SHOW("status", "-s", socket_path), "flows            50 of 4,096"));
	assert_non_null(
		strstr(SHOW("interfaces", "--json", "-s", socket_path), "  \"interfaces\": [\n"));
	assert_string_equal(SHOW("weather", "-s", socket_path), "exit 2");
	assert_string_equal(SHOW("-s", socket_path), "exit 2");
	assert_string_equal(SHOW("status", "-s", "/nowhere/weir.sock"), "exit 1");
}

static void test_reload_command(void **state)
{
	char *argv[] = {"weir reload", "-s", socket_path, NULL};
	assert_string_equal(output_of(command_reload, argv),
			    "weir.yaml is in force: generation 5, services 2, backends 4, "
			    "interfaces 1\nexit 0");
	d.generation = 4;
	reload_result = -EINVAL;
	assert_string_equal(output_of(command_reload, argv), "exit 2");
	reload_result = -ENOMEM;
	assert_string_equal(output_of(command_reload, argv), "exit 1");
	reload_result = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_wrong_requests),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_socket_is_ours_alone),
		cmocka_unit_test(test_what_is_in_the_way),
		cmocka_unit_test(test_path_too_long),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_reload_command),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
