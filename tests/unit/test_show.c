// SPDX-License-Identifier: BSD-2-Clause
/* What `weir show` and `weir reload` print, against golden text, and their exit status. */
#include "tools/weir/command.h"

#include <getopt.h>

#include "tests/unit/daemon_double.h"

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

#define SHOW(...) \
	output_of(command_show, (char *[]){"weir show", "-s", socket_path, __VA_ARGS__, NULL})

static void test_show_drops(void **state)
{
	ledger = (struct engine_ledger){
		.rx = 2000, .transmitted = 700, .passed = 50, .dropped = 1243, .held = 7};
	assert_string_equal(
		SHOW("drops"),
		"REASON      XDP  KERNEL  WORKER  TOTAL  MEANING\n"
		"truncated     4       0       0      4  the frame ends inside a header\n"
		"no-backend    0       0   1,234  1,234  no backend of the service can take "
		"the flow\n"
		"rx-full       0       5       0      5  the worker was too slow: its receive "
		"ring was full\n"
		"\n"
		"rx 2,000 = transmitted 700 + passed 50 + dropped 1,243 + held 7\n"
		"exit 0");
	ledger.rx++;
	assert_non_null(
		strstr(SHOW("drops"), "this does not balance: 1 packets are not accounted for"));
	ledger = (struct engine_ledger){};
	assert_string_equal(SHOW("drops"), "nothing was dropped\n"
					   "\n"
					   "rx 0 = transmitted 0 + passed 0 + dropped 0 + held 0\n"
					   "exit 0");
}

static void test_show_tables(void **state)
{
	assert_string_equal(SHOW("services"),
			    "SERVICE  ADDRESS       PROTO  PORTS             FORWARD  SCHEDULER  "
			    "ANNOUNCE   UP  FLOWS  PACKETS    BYTES\n"
			    "web      203.0.113.10  tcp    80,443,8000-8099  dsr      maglev     "
			    "neighbor  1/3     40      111  7.10 kB\n"
			    "dns      2001:db8::53  udp    any               dsr      maglev     "
			    "none      0/1      0        0      0 B\n"
			    "exit 0");
	assert_non_null(strstr(SHOW("backends"), "\nweb      b1       10.0.0.11     100  up     "
						 "nic0       02:00:00:00:00:11     30  75.0%  "
						 "     99  6.60 kB  -\n"));
	assert_non_null(strstr(SHOW("backends"), "0 B  no link address yet\n"));
	assert_non_null(strstr(SHOW("status"), "flows            50 of 4,096 (handshake 11, "
					       "established 12, closing 13, udp 14)\n"));
	assert_non_null(strstr(SHOW("workers"), "\n     1    2  "));
	assert_non_null(strstr(SHOW("interfaces"), "\nnic0       veth    02:00:00:00:ab:cd  1500"));
	assert_non_null(strstr(SHOW("interfaces", "--json"), "{\n  \"interfaces\": [\n"));
}

static void test_show_faults(void **state)
{
	assert_string_equal(SHOW("weather"), "exit 2");
	assert_string_equal(SHOW("drops", "status"), "exit 2");
	assert_string_equal(SHOW(NULL), "exit 2");
	assert_string_equal(SHOW("status", "--jason"), "exit 2");
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
		cmocka_unit_test(test_show_drops),
		cmocka_unit_test(test_show_tables),
		cmocka_unit_test(test_show_faults),
		cmocka_unit_test(test_reload_command),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
