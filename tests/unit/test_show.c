// SPDX-License-Identifier: BSD-2-Clause
/* What `weir show` and `weir reload` print, against golden text, and their exit status. */
#include "tools/weir/command.h"

#include <getopt.h>

#include "tests/unit/daemon_double.h"

/* What a command prints, and its exit status behind it. */
static const char *output_of(int (*command)(int argc, char **argv), char **argv)
{
	static char text[1 << 18];
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

/* This host's own counters, NICs' and kernel's, are what they are. */
static const char *without_places(const char *text)
{
	static char rest[8192];
	const char *places = strstr(text, "\nelsewhere, by the counters");
	const char *end = strstr(text, "\nrx ");
	size_t before = places ? places - text : end - text;
	snprintf(rest, sizeof(rest), "%.*s%s", (int)before, text, end);
	return rest;
}

static void test_show_drops(void **state)
{
	ledger = (struct engine_ledger){
		.rx = 2000, .transmitted = 700, .passed = 50, .dropped = 1243, .held = 7};
	assert_string_equal(
		without_places(SHOW("drops")),
		"REASON       XDP  KERNEL  WORKER  TOTAL  BYTES  PER-S  LAST\n"
		"truncated      4       0       0      4    0 B    0.0  -\n"
		"no-backend     0       0   1,234  1,234    0 B    0.0  -\n"
		"rx-full        0       5       0      5      -    0.0  -\n"
		"daemon-lost    0       3       0      3      -    0.0  -\n"
		"\n"
		"truncated: the frame ends inside a header.\n"
		"    nothing here is wrong: capture them and look who sends them\n"
		"\n"
		"no-backend: no backend of the service can take the flow.\n"
		"    'weir show backends': are all down, draining or of weight 0?\n"
		"\n"
		"rx-full: the worker was too slow: its receive ring was full.\n"
		"    more queues and CPUs (ethtool -L, workers.cpus); what else runs on the "
		"workers' CPUs?\n"
		"\n"
		"daemon-lost: its daemon ended, or its socket was renewed, before its turn.\n"
		"    nothing: what a daemon had in hand when it was killed\n"
		"\n"
		"rx 2,000 = transmitted 700 + passed 50 + dropped 1,243 + held 7\n"
		"this adds up: every packet that came in is accounted for\n"
		"exit 0");
	ledger.rx++;
	assert_non_null(
		strstr(SHOW("drops"), "this does not balance: 1 packets are not accounted for"));
	ledger = (struct engine_ledger){};
	assert_non_null(strstr(SHOW("drops"), "nothing was dropped\n"));
	assert_non_null(
		strstr(SHOW("drops"), "\nrx 0 = transmitted 0 + passed 0 + dropped 0 + held 0\n"));
}

static void test_show_tables(void **state)
{
	assert_string_equal(SHOW("services"),
			    "SERVICE  ADDRESS       PROTO  PORTS             FORWARD  SCHEDULER  "
			    "ANNOUNCE   UP  FLOWS  PACKETS   FAST   BYTES\n"
			    "web      203.0.113.10  tcp    80,443,8000-8099  dsr      maglev     "
			    "neighbor  1/3     40    1,611  1,500  101 kB\n"
			    "dns      2001:db8::53  udp    any               dsr      maglev     "
			    "none      0/1      0        0      0     0 B\n"
			    "exit 0");
	assert_non_null(strstr(SHOW("backends"),
			       "\nweb      b1       10.0.0.11     100  up     "
			       "-      nic0       02:00:00:00:00:11     30  75.0%  "
			       "  1,099  1,000  70.6 kB  -\n"));
	assert_non_null(strstr(SHOW("backends"), "0 B  no route to backend 1\n"));
	assert_non_null(strstr(SHOW("workers"), "\n     1    2  "));
	assert_non_null(
		strstr(SHOW("interfaces"), "\nnic0       up     veth    02:00:00:00:ab:cd  1500"));
	assert_non_null(
		strstr(SHOW("interfaces"), "  XDP     ATTACH  FAST-PATH  BUSY-POLL     RX  "));
	assert_non_null(
		strstr(SHOW("interfaces"), "  native  link    on         off        1,000  "));
	assert_non_null(strstr(SHOW("interfaces"), "  UNFINISHED  LOSSES  REBUILDS\n"));
	assert_non_null(strstr(SHOW("interfaces"), "          17       0         0\n"));
	assert_non_null(strstr(SHOW("interfaces"), "  STEERED  TRANSMITTED  DROPPED  "));
	assert_non_null(strstr(SHOW("interfaces"), "      590          300       10  "));
	assert_non_null(strstr(SHOW("interfaces", "--json"), "{\n  \"interfaces\": [\n"));
}

/* A file of tests/golden, or what is to become one: WEIR_GOLDEN=write writes them. */
static void expect_golden(const char *name, const char *got)
{
	char path[128];
	static char want[1 << 16];
	snprintf(path, sizeof(path), "tests/golden/%s.txt", name);
	if (getenv("WEIR_GOLDEN")) {
		FILE *out = fopen(path, "w");
		assert_non_null(out);
		fputs(got, out);
		fclose(out);
	}
	FILE *in = fopen(path, "r");
	if (!in)
		fail_msg("%s is not there; run this from the top of the sources", path);
	want[fread(want, 1, sizeof(want) - 1, in)] = 0;
	fclose(in);
	assert_string_equal(got, want);
}

/* What differs from run to run becomes an X. */
static void blank(char *text, const char *key)
{
	char *line = strstr(text, key);
	if (!line)
		return;
	line += strlen(key);
	char *end = strchr(line, '\n');
	*line = 'X';
	memmove(line + 1, end, strlen(end) + 1);
}

/* But for drops, which tells of this host too: test_show_drops(). */
static void test_show_golden(void **state)
{
	static char *const subjects[] = {"status",  "services",   "backends", "nexthops",
					 "workers", "interfaces", "flows"};
	char name[64], *text;
	ledger = (struct engine_ledger){
		.rx = 2000, .transmitted = 700, .passed = 50, .dropped = 1243, .held = 7};
	flow_table_empty(4);
	flow_table_add(0, 1, "192.0.2.1", "203.0.113.10", 443, FLOW_ESTABLISHED, 0, 0);
	flow_table_add(1, 2, "2001:db8:1::2", "2001:db8::53", 53, FLOW_UDP, 7, 3);
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		text = (char *)SHOW(subjects[i]);
		blank(text, "\npid              ");
		blank(text, "\nuptime           ");
		snprintf(name, sizeof(name), "show-%s", subjects[i]);
		expect_golden(name, text);
		text = (char *)SHOW(subjects[i], "--json");
		blank(text, "\"pid\": ");
		blank(text, "\"uptime_s\": ");
		snprintf(name, sizeof(name), "show-%s-json", subjects[i]);
		expect_golden(name, text);
	}
	flow_table_empty(4);
}

static void test_show_names(void **state)
{
	assert_string_equal(SHOW("services", "--names"), "web\ndns\nexit 0");
	assert_string_equal(SHOW("backends", "--names"), "web/b1\nweb/b2\nweb/b3\ndns/b1\nexit 0");
	assert_string_equal(SHOW("backends", "--names", "--service", "dns"), "dns/b1\nexit 0");
	assert_string_equal(SHOW("interfaces", "--names"), "nic0\nexit 0");
}

static void test_show_status(void **state)
{
	const char *text = SHOW("status");
	assert_non_null(strstr(text, "flows            50 of 4,096 (handshake 11, "
				     "established 12, closing 13, udp 14)\n"
				     "  inserted       40\n"
				     "  evicted        0\n"
				     "  untracked      0\n"
				     "  guarded        61\n"
				     "fragments        201, 4 waiting now\n"
				     "  followed       1,200\n"
				     "  waited         14\n"
				     "  timed_out      0\n"
				     "  refused        0\n"
				     "  forgotten      0\n"
				     "  tiny           0\n"
				     "  overlap        0\n"
				     "packets sent     fast path 300, workers 780\n"
				     "flows at start   replaced: it is of another version of Weir\n"
				     "on daemon loss   pass\n"
				     "sync             group weir, 2 nodes\n"));
	engine_replaced = NULL;
	assert_non_null(
		strstr(SHOW("status"), "flows at start   taken over from the daemon before\n"));
	engine_replaced = "it is of another version of Weir";
}

static void test_show_flows(void **state)
{
	flow_table_empty(4);
	assert_string_equal(SHOW("flows"), "no flows\nexit 0");
	assert_string_equal(SHOW("flows", "--json"),
			    "{\"flows\":[\n],\"truncated\":false}\nexit 0");
	flow_table_add(0, 1, "192.0.2.1", "203.0.113.10", 443, FLOW_ESTABLISHED, 0, 0);
	flow_table_add(1, 2, "2001:db8:1::2", "2001:db8::53", 53, FLOW_UDP, 7, 3);
	assert_string_equal(SHOW("flows"), "CLIENT                VIP                PROTO  STATE  "
					   "      SERVICE  BACKEND  IDLE\n"
					   "192.0.2.1:1001        203.0.113.10:443   tcp    "
					   "established  web      b1         0s\n"
					   "[2001:db8:1::2]:1002  [2001:db8::53]:53  udp    udp    "
					   "      -        -          3s\n"
					   "exit 0");
	assert_string_equal(
		SHOW("flows", "--limit", "1"),
		"CLIENT          VIP               PROTO  STATE        SERVICE  BACKEND  IDLE\n"
		"192.0.2.1:1001  203.0.113.10:443  tcp    established  web      b1         0s\n"
		"\n"
		"there are more: --limit COUNT shows them, --json all\n"
		"exit 0");
	assert_string_equal(SHOW("flows", "--backend", "web/b2"), "no flows\nexit 0");
	flow_table_add_nat(2, 3, "192.0.2.3", "203.0.113.10", 443, 0);
	assert_string_equal(
		SHOW("flows", "--service", "web"),
		"CLIENT          VIP               SNAT          TO              PROTO  "
		"STATE        SERVICE  BACKEND  IDLE\n"
		"192.0.2.1:1001  203.0.113.10:443  -             -               tcp    "
		"established  web      b1         0s\n"
		"192.0.2.3:1003  203.0.113.10:443  10.0.0.200:3  10.0.0.11:8443  tcp    "
		"established  web      b1         0s\n"
		"exit 0");
	flow_table_empty(4);
	flow_table_add(0, 1, "192.0.2.1", "203.0.113.10", 443, FLOW_ESTABLISHED, 0, 0);
	flow_table_add(1, 2, "2001:db8:1::2", "2001:db8::53", 53, FLOW_UDP, 7, 3);
	assert_string_equal(
		SHOW("flows", "--service", "web", "--json"),
		"{\"flows\":[\n"
		"{\"client\":\"192.0.2.1\",\"client_port\":1001,\"vip\":\"203.0.113.10\","
		"\"vip_port\":443,\"protocol\":\"tcp\",\"state\":\"established\","
		"\"service\":\"web\",\"backend\":\"b1\",\"idle_s\":0}\n"
		"],\"truncated\":false}\n"
		"exit 0");
	flow_table_empty(4);
}

/* A table is for people; a document is whole. */
static void test_show_flows_default_limit(void **state)
{
	flow_table_empty(1024);
	for (int n = 0; n < 1001; n++)
		flow_table_add(n, n, "192.0.2.1", "203.0.113.10", 443, FLOW_UDP, 0, 0);
	assert_non_null(strstr(SHOW("flows"), "\nthere are more: "));
	assert_null(strstr(SHOW("flows", "--limit", "1001"), "there are more"));
	assert_non_null(strstr(SHOW("flows", "--json"), "\n],\"truncated\":false}\n"));
	flow_table_empty(4);
}

static void test_show_faults(void **state)
{
	assert_string_equal(SHOW("flows", "--service", "wbe"), "exit 1");
	assert_string_equal(SHOW("flows", "--service", "web&limit=1"), "exit 1");
	assert_string_equal(SHOW("flows", "--service", "wbe", "--json"), "exit 1");
	assert_string_equal(SHOW("flows", "--limit", "0"), "exit 2");
	assert_string_equal(SHOW("status", "--limit", "1"), "exit 2");
	assert_string_equal(SHOW("weather"), "exit 2");
	assert_string_equal(SHOW("bakcends"), "exit 2");
	assert_string_equal(SHOW("status", "--watch=0"), "exit 2");
	assert_string_equal(SHOW("services", "--service", "web"), "exit 2");
	assert_string_equal(SHOW("backends", "--service", "wbe"), "exit 1");
	assert_string_equal(SHOW("drops", "status"), "exit 2");
	assert_string_equal(SHOW(NULL), "exit 2");
	assert_string_equal(SHOW("status", "--jason"), "exit 2");
	assert_string_equal(SHOW("status", "-s", "/nowhere/weir.sock"), "exit 1");
}

static void test_reload_command(void **state)
{
	char *argv[] = {"weir reload", "-s", socket_path, NULL};
	assert_string_equal(output_of(command_reload, argv),
			    "~ services[web].ports: 80 -> 81\n"
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
		cmocka_unit_test(test_show_golden),
		cmocka_unit_test(test_show_names),
		cmocka_unit_test(test_show_status),
		cmocka_unit_test(test_show_flows),
		cmocka_unit_test(test_show_flows_default_limit),
		cmocka_unit_test(test_show_faults),
		cmocka_unit_test(test_reload_command),
	};
	return cmocka_run_group_tests(tests, start, finish);
}
