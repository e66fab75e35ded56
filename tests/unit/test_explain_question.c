// SPDX-License-Identifier: BSD-2-Clause
/* Questions to `weir explain`: the answers' texts, and what is said of questions without sense. */
#include "tools/weir/explain_question.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "lb/err.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/explain_report.h"
#include "tools/weir/offline.h"

static struct offline balancer;

static int open_all(void **state)
{
	packet_table_open(&balancer);
	return 0;
}

static int close_all(void **state)
{
	offline_close(&balancer);
	return 0;
}

#define PAIRS 5

struct question_case {
	const char *pairs[PAIRS][2]; /* keys and values */
	const char *would;           /* or the words of a fault */
	const char *reason, *service, *backend;
};

/* clang-format off */
static const struct question_case cases[] = {
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.10:80"}, {"protocol", "tcp"}},
	 "transmit", NULL, "web", "b1"},
	{{{"from", "192.0.2.1:7"}, {"to", "203.0.113.10:53"}, {"protocol", "udp"}},
	 "transmit", NULL, "dns", "d1"},
	{{{"from", "2001:db8::9"}, {"to", "[2001:db8:1::10]:443"}, {"protocol", "tcp"},
	  {"flags", "A"}}, "transmit", NULL, "web6", "b6"},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.10"}, {"protocol", "icmp"}},
	 "transmit", NULL, NULL, NULL},
	{{{"from", "2001:db8::9"}, {"to", "2001:db8:1::10"}, {"protocol", "icmp"}},
	 "transmit", NULL, NULL, NULL},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.13:80"}, {"protocol", "tcp"}},
	 "drop", "no-backend", "sick", NULL},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.16:80"}, {"protocol", "tcp"}},
	 "drop", "no-next-hop", "lost", "n1"},
	{{{"from", "192.0.2.1"}, {"to", "198.51.100.1:80"}, {"protocol", "tcp"}},
	 "pass", NULL, NULL, NULL},
	{{{"frame", "0200000000010200000000020806"}, {"interface", "eth1"}},
	 "pass", NULL, NULL, NULL},
	{{{"from", "x"}, {"to", "203.0.113.10:80"}, {"protocol", "tcp"}},
	 "from: \"x\" is no address with or without a port; expected 192.0.2.1:443 or "
	 "[2001:db8::1]:443", NULL, NULL, NULL},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.10"}, {"protocol", "tcp"}},
	 "to: \"203.0.113.10\" has no port", NULL, NULL, NULL},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.10:0"}, {"protocol", "tcp"}},
	 "to: \"203.0.113.10:0\" is no address with or without a port; expected 192.0.2.1:443 or "
	 "[2001:db8::1]:443", NULL, NULL, NULL},
	{{{"from", "192.0.2.1"}, {"to", "[2001:db8:1::10]:80"}, {"protocol", "tcp"}},
	 "from and to are addresses of two families", NULL, NULL, NULL},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.10:80"}, {"protocol", "sctp"}},
	 "protocol: found \"sctp\"; expected tcp, udp or icmp", NULL, NULL, NULL},
	{{{"from", "192.0.2.1"}, {"to", "203.0.113.10:80"}, {"protocol", "tcp"}, {"flags", "X"}},
	 "flags: 'X' is none of TCP's FSRPAU", NULL, NULL, NULL},
	{{{"to", "203.0.113.10:80"}},
	 "from, to and protocol are needed, or a frame: who sends what to whom?", NULL, NULL, NULL},
	{{{"frame", "123"}},
	 "frame: expected an even number of hexadecimal digits, of at most 2048 bytes", NULL, NULL,
	 NULL},
	{{{"frame", "00"}, {"interface", "eth7"}}, "\"eth7\" is no interface of Weir", NULL, NULL,
	 NULL},
	{{{"sample", "0"}}, "sample \"0\" is not a number from 1 to 100000", NULL, NULL, NULL},
	{{{"colour", "red"}},
	 "unknown argument \"colour\"; known are: from to protocol flags frame interface sample "
	 "backend", NULL, NULL, NULL},
};
/* clang-format on */

static int ask(const struct question_case *c, json_t **out, struct err *err)
{
	static struct explain_question q;
	const struct explain_view view = {
		.config = balancer.config,
		.snapshot = balancer.snapshot,
		.flows = &balancer.flows,
		.services = balancer.services,
		.backends = balancer.backends,
		.rules = balancer.rules,
	};
	memset(&q, 0, sizeof(q));
	for (int i = 0; i < PAIRS && c->pairs[i][0]; i++) {
		int r = explain_question_set(&q, c->pairs[i][0], c->pairs[i][1], err);
		if (r)
			return r;
	}
	return explain_question_answer(&q, &view, 1000000000, out, err);
}

static void expect_word(const char *what, json_t *answer, const char *want)
{
	const char *got = json_string_value(json_object_get(answer, what));
	if (strcmp(got ? got : "-", want ? want : "-") != 0)
		fail_msg("%s: %s; expected %s", what, got ? got : "null", want ? want : "null");
}

static void test_questions(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct question_case *c = &cases[i];
		json_t *answer = NULL;
		struct err err;
		int r = ask(c, &answer, &err);
		if (r) {
			assert_int_equal(r, -EINVAL);
			assert_string_equal(err.text, c->would);
			continue;
		}
		expect_word("would", answer, c->would);
		expect_word("reason", answer, c->reason);
		expect_word("service", answer, c->service);
		expect_word("backend", answer, c->backend);
		json_decref(answer);
	}
}

static void expect_step(json_t *answer, size_t index, const char *step, const char *says)
{
	json_t *s = json_array_get(json_object_get(answer, "steps"), index);
	assert_string_equal(json_string_value(json_object_get(s, "step")), step);
	assert_string_equal(json_string_value(json_object_get(s, "says")), says);
}

static void test_steps(void **state)
{
	json_t *answer = NULL;
	struct err err;
	assert_int_equal(ask(&cases[5], &answer, &err), 0);
	expect_step(answer, 0, "parse",
		    "TCP from 192.0.2.1 port 40000 to 203.0.113.13 port 80, flags S");
	expect_step(answer, 1, "match", "service sick");
	expect_step(answer, 2, "flow", "not known");
	json_decref(answer);
	assert_int_equal(ask(&cases[6], &answer, &err), 0);
	expect_step(answer, 4, "backend", "n1 at 10.0.0.16, up, weight 100");
	json_decref(answer);
}

static void test_sample(void **state)
{
	const struct question_case c = {
		.pairs = {{"to", "[2001:db8:1::10]:443"}, {"protocol", "tcp"}, {"sample", "50"}}};
	json_t *answer = NULL, *row;
	struct err err;
	assert_int_equal(ask(&c, &answer, &err), 0);
	row = json_array_get(json_object_get(answer, "backends"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "backend")), "web6/b6");
	assert_int_equal(json_integer_value(json_object_get(row, "clients")), 50);
	assert_int_equal(json_array_size(json_object_get(row, "examples")), 10);
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_sample),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
