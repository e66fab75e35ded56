// SPDX-License-Identifier: BSD-2-Clause
/*
 * /metrics of the doubles' figures, with lines written by hand; lines and labels against printf; a
 * reload in the middle of a long answer.
 */
#include <stdio.h>

#include "tests/unit/api_talk.h"
#include "tests/unit/daemon_double.h"
#include "tools/weir/feed.h"
#include "tools/weir/metric_text.h"

#define MANY 10000 /* services, whose figures are more than a socket takes at once */

static char *scrape(void)
{
	const char *answer = talk("GET /metrics HTTP/1.0\r\n\r\n");
	char *body = strstr(answer, "\r\n\r\n");
	assert_int_equal(strncmp(answer, "HTTP/1.", 7), 0);
	assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
	return strdup(body + 4);
}

static void test_lines(void **state)
{
	static const char *const lines[] = {
		"weir_build_info{version=\"" WEIR_VERSION "\",instance_name=\"test\"} 1",
		"weir_config_generation 4",
		"weir_captures 3",
		"weir_ledger_held_packets 8",
		"weir_ledger_difference_packets -3",
		"weir_flow_table_capacity_flows 4096",
		"weir_flow_table_flows{state=\"handshake\"} 11",
		"weir_flow_table_flows{state=\"udp\"} 14",
		"weir_flow_table_inserts_total 40",
		"weir_flow_table_guarded_total 61",
		"weir_drops_total{reason=\"no-backend\",place=\"worker\"} 1234",
		"weir_drops_total{reason=\"no-backend\",place=\"xdp\"} 0",
		"weir_drops_total{reason=\"daemon-lost\",place=\"kernel\"} 3",
		"weir_interface_info{interface=\"nic0\",driver=\"veth\",mode=\"copy\",xdp="
		"\"native\","
		"fast_path=\"on\"} 1",
		"weir_interface_receive_bytes_total{interface=\"nic0\"} 64000",
		"weir_interface_fast_packets_total{interface=\"nic0\"} 300",
		"weir_interface_drops_total{interface=\"nic0\",reason=\"malformed-tcp\"} 6",
		"weir_queue_drops_total{interface=\"nic0\",queue=\"3\",reason=\"rx-full\"} 11",
		"weir_queue_drops_total{interface=\"nic0\",queue=\"3\",reason=\"rx-no-frame\"} 1",
		"weir_worker_turns_total{worker=\"1\"} 1000",
		"weir_worker_drops_total{worker=\"0\"} 12",
		"weir_worker_drops_total{worker=\"1\"} 52",
		"weir_worker_frames{worker=\"0\",place=\"fill\"} 4",
		"weir_worker_burst_seconds_bucket{worker=\"0\",le=\"1.024e-06\"} 5",
		"weir_worker_burst_seconds_bucket{worker=\"0\",le=\"2.048e-06\"} 5",
		"weir_worker_burst_seconds_bucket{worker=\"0\",le=\"4.096e-06\"} 12",
		"weir_worker_burst_seconds_bucket{worker=\"0\",le=\"0.016777216\"} 12",
		"weir_worker_burst_seconds_bucket{worker=\"0\",le=\"+Inf\"} 13",
		"weir_worker_burst_seconds_sum{worker=\"0\"} 1.000000007",
		"weir_worker_burst_seconds_count{worker=\"0\"} 13",
		"weir_service_info{service=\"dns\",address=\"2001:db8::53\",protocol=\"udp\"} 1",
		"weir_service_backends{service=\"web\"} 3",
		"weir_service_backends_up{service=\"web\"} 1",
		"weir_service_flows_total{service=\"web\"} 40",
		"weir_service_packets_total{service=\"web\",path=\"fast\"} 1500",
		"weir_service_packets_total{service=\"web\",path=\"worker\"} 111",
		"weir_service_bytes_total{service=\"web\",path=\"fast\"} 94000",
		"weir_backend_up{service=\"web\",backend=\"b1\"} 1",
		"weir_backend_up{service=\"web\",backend=\"b2\"} 0",
		"weir_backend_packets_total{service=\"web\",backend=\"b1\",path=\"fast\"} 1000",
		"weir_backend_packets_total{service=\"web\",backend=\"b1\",path=\"worker\"} 99",
		"weir_backend_bytes_total{service=\"web\",backend=\"b1\",path=\"worker\"} 6600",
		"weir_next_hop_reachable{address=\"10.0.0.11\"} 1",
		"weir_next_hop_reachable{address=\"10.0.0.12\"} 0",
	};
	ledger = (struct engine_ledger){.rx = 100, .transmitted = 50, .passed = 30, .held = 8};
	ledger.dropped = 15;
	char *text = scrape(), line[256];
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(line, sizeof(line), "\n%s\n", lines[i]);
		if (!strstr(text, line))
			fail_msg("no line %s in\n%s", lines[i], text);
	}
	free(text);
}

/* Each name has one head, and its samples behind it. */
static void test_groups(void **state)
{
	char *text = scrape(), *rest = text, *line, name[128] = "";
	unsigned int heads = 0, samples = 0;
	while ((line = strsep(&rest, "\n")) && *line) {
		if (!strncmp(line, "# HELP ", 7)) {
			char needle[160];
			sscanf(line + 7, "%127s", name);
			snprintf(needle, sizeof(needle), "# HELP %s ", name);
			assert_null(rest ? strstr(rest, needle) : NULL);
			heads++;
		} else if (*line != '#') {
			assert_int_equal(strncmp(line, name, strlen(name)), 0);
			samples++;
		}
	}
	assert_true(heads > 40);
	assert_true(samples > 200);
	free(text);
}

static void add_line(struct bytes *out, const struct metric_labels *l, const char *more,
		     enum metric_unit unit, uint64_t value)
{
	static const struct metric_labels none;
	struct metric_column column = {};
	struct metric_line line;
	const uint64_t values[] = {0, value};
	struct metric_rows rows = {&column, values, 1, 2};
	metric_line_init(&line, "n", NULL, more, unit);
	metric_column_add(&column, &none);
	metric_column_add(&column, l ? l : &none);
	metric_lines_write(out, &line, &rows, SIZE_MAX);
	assert_int_equal(rows.next, 2);
	metric_column_free(&column);
}

static void test_numbers(void **state)
{
	struct metric_labels l = {0};
	uint64_t random = 42;
	char want[256];
	metric_label(&l, "a", "b");
	for (int i = 0; i < 20000; i++) {
		struct bytes out = {0};
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint64_t v = i < 1001 ? (uint64_t)i : random >> random % 64;
		v = i == 1001 ? UINT64_MAX : v;
		int64_t s = i == 1002 ? INT64_MIN : (int64_t)(random * 7) >> random % 64;
		add_line(&out, NULL, NULL, METRIC_UNIT_COUNT, v);
		add_line(&out, &l, NULL, METRIC_UNIT_COUNT, v);
		add_line(&out, NULL, "c=\"d\"", METRIC_UNIT_COUNT, v);
		add_line(&out, &l, "c=\"d\"", METRIC_UNIT_SIGNED, s);
		add_line(&out, NULL, NULL, METRIC_UNIT_NS, v);
		snprintf(want, sizeof(want),
			 "n %lu\nn{a=\"b\"} %lu\nn{c=\"d\"} %lu\nn{a=\"b\",c=\"d\"} %ld\n"
			 "n %lu.%09lu\n",
			 v, v, v, s, v / 1000000000, v % 1000000000);
		bytes_add(&out, "", 1);
		assert_string_equal(out.data, want);
		bytes_free(&out);
	}
}

static void test_labels(void **state)
{
	struct metric_labels l = {0};
	char wide[METRIC_LABELS];
	metric_label(&l, "odd", "a\\b\"c\nd");
	metric_label_number(&l, "n", UINT64_MAX);
	memset(wide, '"', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = 0;
	metric_label(&l, "wide", wide);
	metric_label(&l, "last", "");
	assert_int_equal(l.length,
			 strlen("odd=\"a\\\\b\\\"c\\nd\",n=\"18446744073709551615\",last=\"\""));
	l.text[l.length] = 0;
	assert_string_equal(l.text, "odd=\"a\\\\b\\\"c\\nd\",n=\"18446744073709551615\",last=\"\"");
}

/* A piece begins where it is sent from, and what is longer than that is lost no less. */
static void test_bytes_outgrow_what_was_lent(void **state)
{
	char lent[64], expected[3000];
	struct bytes b = {.data = lent, .room = sizeof(lent), .lent = true};
	for (size_t i = 0; i < sizeof(expected); i++)
		expected[i] = 'a' + i % 23;
	for (size_t i = 0; i < sizeof(expected); i += 30) {
		assert_int_equal(b.lent, i <= 60);
		bytes_add(&b, expected + i, 30);
	}
	assert_false(b.lent);
	assert_int_equal(b.size, sizeof(expected));
	assert_memory_equal(b.data, expected, sizeof(expected));
	assert_memory_equal(lent, expected, 60);
	bytes_free(&b);
}

/* Half of the old configuration and half of the new one would be neither. */
static void test_a_reload_breaks_it_off(void **state)
{
	static struct config_service many[MANY];
	static char names[MANY][16];
	struct config_service *before = config.services;
	unsigned int count = config.service_count;
	static char answer[1 << 16];
	size_t heard = 0, all = 0;
	ssize_t n;
	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "service-%d", i);
		many[i] = before[1];
		many[i].name = names[i];
	}
	config.services = many;
	config.service_count = MANY;
	for (int reload = 0; reload < 2; reload++) {
		int fd = talk_begin("GET /metrics HTTP/1.0\r\n\r\n");
		while (heard < 1000 && (n = read(fd, answer, 1000)) > 0)
			heard += n;
		d.generation += reload;
		while ((n = read(fd, answer, sizeof(answer))) > 0)
			heard += n;
		close(fd);
		if (!reload)
			all = heard;
		else
			assert_true(heard < all);
		heard = 0;
	}
	assert_true(all > 3000000);
	d.generation = 4;
	config.services = before;
	config.service_count = count;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_bytes_outgrow_what_was_lent),
		cmocka_unit_test(test_a_reload_breaks_it_off),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
