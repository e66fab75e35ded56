// SPDX-License-Identifier: BSD-2-Clause
/* `health` of a service: what it may say, and the exact words where it may not. */
#include "lb/config_health.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"

#define SERVICE(ports, health)                                                 \
	"interfaces: [{name: eth0}]\nservices:\n  - name: web\n"               \
	"    address: 203.0.113.10\n    protocol: tcp\n    ports: " ports "\n" \
	"    health:\n      " health "\n    backends: [{name: b1, address: 10.0.0.1}]\n"
#define HEALTH(health) SERVICE("80", health)
#define AT             "f:8: services[0].health."

static const struct {
	const char *text, *words;
} faults[] = {
	{HEALTH("type: ping"),
	 AT "type: found 'ping'; expected none or tcp or http or https or udp "
	    "or command"},
	{HEALTH("{typ: tcp}"), AT "typ: unknown key; did you mean type?"},
	{HEALTH("{port: 80}"), AT "port: but no type; add type: tcp, http, https, udp or command"},
	{HEALTH("{path: /x}"), AT "path: but no type; add type: tcp, http, https, udp or command"},
	{HEALTH("{type: tcp, path: /x}"), AT "path: is for checks of type http and https, not tcp"},
	{HEALTH("{type: udp, send: x, status: 200}"),
	 AT "status: is for checks of type http and https, not udp"},
	{HEALTH("{type: http, send: x}"), AT "send: is for checks of type tcp and udp, not http"},
	{HEALTH("{type: http, expect: x}"),
	 AT "expect: is for checks of type tcp and udp, not http"},
	{HEALTH("{type: http, verify: false}"), AT "verify: is for checks of type https, not http"},
	{HEALTH("{type: http, ca: /x}"), AT "ca: is for checks of type https, not http"},
	{HEALTH("{type: tcp, host: a.example}"),
	 AT "host: is for checks of type http and https, not tcp"},
	{HEALTH("{type: tcp, body: x}"), AT "body: is for checks of type http and https, not tcp"},
	{HEALTH("{type: tcp, command: [/bin/true]}"),
	 AT "command: is for checks of type command, not tcp"},
	{HEALTH("{type: command, command: [/bin/true], target: vip}"),
	 AT "target: is for checks of type tcp, http, https and udp, not command"},
	{HEALTH("{type: udp}"),
	 "f:8: services[0].health.send: missing; a udp check sends something "
	 "and waits for an answer"},
	{HEALTH("{type: command}"), "f:8: services[0].health.command: missing; expected like "
				    "command: [/usr/local/bin/check, --fast]"},
	{HEALTH("{type: command, command: []}"),
	 AT "command: found a list; expected a list of 1 to 64 words, the path of a program first, "
	    "or none"},
	{HEALTH("{type: command, command: /bin/true}"),
	 AT "command: found '/bin/true'; expected a list of 1 to 64 words, the path of a program "
	    "first, or none"},
	{HEALTH("{type: command, command: [true]}"),
	 AT "command[0]: found 'true'; expected the absolute path of a program"},
	{HEALTH("{type: command, command: [/bin/true, [x]]}"),
	 AT "command[1]: found a list; expected a word of the command"},
	{SERVICE("any", "type: tcp"),
	 "f:8: services[0].health.port: missing; a service of any port "
	 "does not say which one to check"},
	{HEALTH("{type: tcp, port: 0}"), AT "port: found '0'; expected a port from 1 to 65535, or "
					    "service: the service's first one"},
	{HEALTH("{type: tcp, port: 65536}"), AT "port: found '65536'; expected a port from 1 to "
						"65535, or service: the service's first one"},
	{HEALTH("{type: tcp, target: client}"),
	 AT "target: found 'client'; expected backend or vip"},
	{HEALTH("{type: tcp, interval: 2}"),
	 AT "interval: found '2'; expected a duration from 50ms "
	    "to 60m, written like 500ms, 2s or 1m"},
	{HEALTH("{type: tcp, interval: 49ms}"),
	 AT "interval: found '49ms'; expected a duration "
	    "from 50ms to 60m, written like 500ms, 2s or 1m"},
	{HEALTH("{type: tcp, fast_interval: 61m}"),
	 AT "fast_interval: found '61m'; expected a duration from 50ms to 60m, written like 500ms, "
	    "2s or 1m"},
	{HEALTH("{type: tcp, timeout: 1h}"),
	 AT "timeout: found '1h'; expected a duration from 10ms "
	    "to 60s, written like 500ms or 1s"},
	{HEALTH("{type: tcp, timeout: 3s}"), AT "timeout: longer than the interval; a check has to "
						"end before the next one begins"},
	{HEALTH("{type: tcp, rise: 0}"), AT "rise: found '0'; expected a whole number from 1 to "
					    "100"},
	{HEALTH("{type: tcp, fall: many}"), AT "fall: found 'many'; expected a whole number from 1 "
					       "to 100"},
	{HEALTH("{type: tcp, jitter: 51}"), AT "jitter: found '51'; expected a whole number from 0 "
					       "to 50"},
	{HEALTH("{type: http, host: a b}"), AT "host: found 'a b'; expected a host name, or none"},
	{HEALTH("{type: http, path: x}"), AT "path: found 'x'; expected a path that begins with "
					     "'/', without spaces and '#', like /healthz"},
	{HEALTH("{type: http, status: 99}"), AT "status: found '99'; expected an HTTP status or a "
						"range of them, like 200 or 200-399"},
	{HEALTH("{type: http, status: 300-200}"), AT "status: found '300-200'; expected an HTTP "
						     "status or a range of them, like 200 or "
						     "200-399"},
	{HEALTH("{type: tcp, send: 0x1}"), AT "send: found '0x1'; expected text, 0x and two "
					      "hexadecimal digits a byte, or none; up to 1024 "
					      "bytes"},
	{HEALTH("{type: tcp, send: 0xgg}"), AT "send: found '0xgg'; expected text, 0x and two "
					       "hexadecimal digits a byte, or none; up to 1024 "
					       "bytes"},
	{HEALTH("{type: https, verify: no}"), AT "verify: found 'no'; expected true or false"},
	{HEALTH("{type: https, ca: x.pem}"),
	 AT "ca: found 'x.pem'; expected the absolute path of a file, or none"},
};

static void test_faults(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct config *c;
		struct err err = {.text = ""};
		if (config_parse("f", faults[i].text, strlen(faults[i].text), &c, &err) !=
			    -EINVAL ||
		    strcmp(err.text, faults[i].words))
			fail_msg("%s\ngot:    %s\nwanted: %s", faults[i].text, err.text,
				 faults[i].words);
	}
}

static struct config *parse(const char *text)
{
	struct config *c = NULL;
	struct err err = {.text = ""};
	if (config_parse("f", text, strlen(text), &c, &err))
		fail_msg("%s\n%s", err.text, text);
	return c;
}

static char *print(const struct config *c)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	config_print(c, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* How the canonical form has it, which reads back to itself. */
static const struct {
	const char *text, *line;
} forms[] = {
	{HEALTH("type: none"), "      type: none\n"},
	{HEALTH("{type: tcp, interval: 1500ms, timeout: 500ms}"),
	 "      interval: 1500ms\n      fast_interval: 1s\n      timeout: 500ms\n"},
	{HEALTH("{type: tcp, interval: 2m}"), "      interval: 120s\n"},
	{HEALTH("{type: tcp, port: 8080}"), "      port: 8080\n"},
	{HEALTH("{type: http, status: 204}"), "      status: 204\n"},
	{HEALTH("{type: http, body: 'all \"is\" fine'}"), "      body: \"all \\\"is\\\" fine\"\n"},
	{HEALTH("{type: udp, send: hi, expect: 0x00FF}"),
	 "      send: 0x6869\n      expect: 0x00ff\n"},
	{HEALTH("{type: command, command: [/bin/sh, -c, \"exit 1\"]}"),
	 "      command: [\"/bin/sh\", \"-c\", \"exit 1\"]\n"},
	{HEALTH("{type: https, verify: false, ca: /etc/ca.pem}"),
	 "      verify: false\n      ca: /etc/ca.pem\n"},
	{HEALTH("{type: http, target: vip}"), "      target: vip\n"},
};

static void test_forms(void **state)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct config *c = parse(forms[i].text);
		char *text = print(c);
		struct config *again = parse(text);
		char *text_again = print(again);
		if (!strstr(text, forms[i].line))
			fail_msg("%s\nwanted: %s\n%s", forms[i].text, forms[i].line, text);
		assert_string_equal(text, text_again);
		free(text_again);
		free(text);
		config_free(again);
		config_free(c);
	}
}

static void test_values(void **state)
{
	struct config *c = parse(SERVICE("[443, 8080]", "{type: tcp, send: 0x00, expect: ok}"));
	const struct config_service *s = &c->services[0];
	assert_int_equal(config_health_port(s), 443);
	assert_int_equal(s->health.send.length, 1);
	assert_int_equal(s->health.send.bytes[0], 0);
	assert_memory_equal(s->health.expect.bytes, "ok", 2);
	assert_int_equal(s->health.interval_ms, 2000);
	assert_string_equal(config_probe_word(&s->health), "tcp");
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
