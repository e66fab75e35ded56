// SPDX-License-Identifier: BSD-2-Clause
/* `weir check` as a process: what it says and its exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/weir/command.h"

#define EXAMPLE "configs/example.yaml" /* tests are run in the root of the tree */

/* A configuration with its required keys; what follows begins with line 2 and, after WEB, 4. */
#define ETH0 "interfaces: [{name: eth0}]\n"
#define NONE "services: []\n"

/* Runs `weir check` with that standard input; returns the exit status, what it said in `said`. */
static int run_check(char *const *argv, const char *input, char *said, size_t room)
{
	int in[2], out[2], status;
	int argc = 0;
	while (argv[argc])
		argc++;
	assert_int_equal(pipe(in) | pipe(out), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(in[1]);
		int rc = command_check(argc, (char **)argv);
		fflush(stdout);
		_exit(rc);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	size_t used = 0;
	for (ssize_t n; (n = read(out[0], said + used, room - 1 - used)) > 0;)
		used += n;
	said[used] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const struct {
	char *const *argv;
	const char *input;
	int status;
	const char *said;
} checks[] = {
	{(char *const[]){"weir check", "-c", "/dev/stdin", NULL}, "services: 3\n", EXIT_USAGE,
	 "/dev/stdin:1: services: found '3'; expected a list of mappings with the "
	 "keys "
	 "name, address, protocol, ports, forward, scheduler, affinity, quic, tracking, "
	 "verify_checksums, announce, announce_min_up, mss_clamp, "
	 "syn_protection, half_open_limit, slow_start, min_up, no_backend, health, backends"
	 "\n"},
	{(char *const[]){"weir check", "-c", "-", NULL}, ETH0 NONE, EXIT_DONE,
	 "-: configuration is valid: 0 services, 0 backends, 1 interfaces\n"},
	{(char *const[]){"weir check", "-c", EXAMPLE, NULL}, "", EXIT_DONE,
	 EXAMPLE ": configuration is valid: 3 services, 6 backends, 1 interfaces\n"},
	{(char *const[]){"weir check", "-c", "/nonexistent", NULL}, "", EXIT_USAGE,
	 "/nonexistent: cannot be opened: No such file or directory\n"},
	{(char *const[]){"weir check", "-c", "/dev", NULL}, "", EXIT_USAGE,
	 "/dev: cannot be read: Is a directory\n"},
	{(char *const[]){"weir check", "-c", "/dev/zero", NULL}, "", EXIT_USAGE,
	 "/dev/zero: too long; expected at most 16777216 bytes\n"},
	{(char *const[]){"weir check", "--config=-", "--print", NULL}, ETH0 NONE, EXIT_DONE,
	 "instance: weir\n"
	 "user: auto\n"
	 "interfaces:\n"
	 "  - name: eth0\n"
	 "    mode: auto\n"
	 "    attach: link\n"
	 "    priority: 50\n"
	 "    queues: all\n"
	 "workers:\n"
	 "  cpus: auto\n"
	 "  poll: adaptive\n"
	 "  pin_interrupts: false\n"
	 "memory:\n"
	 "  hugepages: auto\n"
	 "  frames_per_queue: 8192\n"
	 "flow_table:\n"
	 "  entries: 1048576\n"
	 "  fast_path: auto\n"
	 "  insert_limit: 500000\n"
	 "  timeouts:\n"
	 "    tcp_handshake: 10s\n"
	 "    tcp_established: 1h\n"
	 "    tcp_closing: 30s\n"
	 "    udp: 1m\n"
	 "on_daemon_loss: pass\n"
	 "drain: 0s\n"
	 "captures: true\n"
	 "blackbox:\n"
	 "  packets: 0\n"
	 "  seconds: 30\n"
	 "icmp:\n"
	 "  echo: true\n"
	 "  echo_limit: 1000\n"
	 "  too_big_limit: 1000\n"
	 "  other: pass\n"
	 "nat:\n"
	 "  addresses: none\n"
	 "  peers: none\n"
	 "  ports: 1024-65535\n"
	 "  announce: neighbor\n"
	 "ipip:\n"
	 "  source: none\n"
	 "announce:\n"
	 "  table: none\n"
	 "  damping: 5s\n"
	 "sources: {}\n"
	 "policy:\n"
	 "  default: allow\n"
	 "  tracked_sources: 1048576\n"
	 "  rules: []\n"
	 "sync:\n"
	 "  group: none\n"
	 "  rate: 20000\n"
	 "services: []\n"
	 "api:\n"
	 "  socket: /run/weir/weir.sock\n"
	 "  mode: \"0660\"\n"
	 "  group: none\n"
	 "  http: none\n"
	 "  token_file: none\n"},
};

static void test_check(void **state)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		char said[4096];
		int status = run_check(checks[i].argv, checks[i].input, said, sizeof(said));
		assert_string_equal(said, checks[i].said);
		assert_int_equal(status, checks[i].status);
	}
}

static void test_check_usage(void **state)
{
	char said[4096];
	assert_int_equal(
		run_check((char *const[]){"weir check", "--help", NULL}, "", said, sizeof(said)),
		EXIT_DONE);
	assert_non_null(strstr(said, "usage: weir check -c FILE [--print | --diff"));
	assert_int_equal(run_check((char *const[]){"weir check", NULL}, "", said, sizeof(said)),
			 EXIT_USAGE);
	assert_non_null(strstr(said, "name the configuration by -c FILE"));
	assert_int_equal(run_check((char *const[]){"weir check", "-c", EXAMPLE, "x", NULL}, "",
				   said, sizeof(said)),
			 EXIT_USAGE);
	assert_non_null(strstr(said, "unexpected operand 'x'"));
	assert_int_equal(
		run_check((char *const[]){"weir check", "--what", NULL}, "", said, sizeof(said)),
		EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_usage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
