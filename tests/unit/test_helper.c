// SPDX-License-Identifier: BSD-2-Clause
/*
 * The daemon's helper: what programs it runs as whom, and how it tells their ends; and what it does
 * not do, whoever asks. And whom `user` means.
 */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "datapath/sysfs.h"
#include "lb/err.h"
#include "tools/weir/helper.h"
#include "tools/weir/helper_talk.h"
#include "tools/weir/privileges.h"

#define NOBODY_HERE 61184 /* no host has such a user */

static struct ev_loop *loop;
static struct helper *helper;

/* What became of a command, and what it printed. */
struct told {
	struct helper_end end;
	unsigned int times;
	int output[2];
	char text[4096];
};

static int start(void **state)
{
	const bool root = !geteuid();
	const struct privileges user = {.uid = root ? NOBODY_HERE : geteuid(),
					.gid = root ? NOBODY_HERE : getegid()};
	struct err err;
	loop = ev_loop_new(EVFLAG_AUTO);
	const struct helper_input in = {"test-helper", "/nowhere/weir.sock", &user};
	if (helper_open(&helper, &in, &err))
		fail_msg("%s", err.text);
	helper_follow(helper, loop);
	return 0;
}

static int finish(void **state)
{
	helper_close(helper);
	ev_loop_destroy(loop);
	return 0;
}

static void on_end(void *context, const struct helper_end *end)
{
	struct told *t = context;
	t->end = *end;
	t->times++;
	ev_break(loop, EVBREAK_ALL);
}

static int64_t begin(struct told *t, char *const *command)
{
	char *environment[] = {"WEIR_SERVICE=web", NULL};
	*t = (struct told){};
	assert_int_equal(pipe2(t->output, O_CLOEXEC), 0);
	int64_t run = helper_run(helper, command, environment, t->output[1], on_end, t);
	close(t->output[1]);
	return run;
}

static void read_output(struct told *t)
{
	size_t used = 0;
	ssize_t n;
	while ((n = read(t->output[0], t->text + used, sizeof(t->text) - 1 - used)) > 0)
		used += n;
	t->text[used] = 0;
	close(t->output[0]);
}

static struct told run(char *const *command)
{
	struct told t;
	assert_true(begin(&t, command) > 0);
	ev_run(loop, 0);
	assert_int_equal(t.times, 1);
	read_output(&t);
	return t;
}

#define SHELL(script)                         \
	(char *[])                            \
	{                                     \
		"/bin/sh", "-c", script, NULL \
	}

/* The helper's process, which is the only child of this one. */
static pid_t helper_pid(void)
{
	char path[64], text[32] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	FILE *f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		fail_msg("%s: no child", path);
	fclose(f);
	return atoi(text);
}

/* An answer that was not waited for is none to the next setting. */
static void test_late_answers(void **state)
{
	pid_t pid = helper_pid();
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(helper_set(helper, "lo", "mtu", 1), -EIO);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(helper_set(helper, "", SYSFS_INTERRUPTS_BACK, 0), 0);
	assert_int_equal(helper_set(helper, "lo", "mtu", 1), -EPERM);
}

static void test_ends(void **state)
{
	struct told t = run(SHELL("echo $WEIR_SERVICE; echo two >&2; exit 3"));
	assert_string_equal(t.text, "web\ntwo\n");
	assert_int_equal(t.end.how, HELPER_EXITED);
	assert_int_equal(t.end.code, 3);
	t = run(SHELL("kill -USR1 $$"));
	assert_int_equal(t.end.how, HELPER_KILLED);
	assert_int_equal(t.end.code, SIGUSR1);
	t = run((char *[]){"/nowhere/program", NULL});
	assert_int_equal(t.end.how, HELPER_NOT_RUN);
	assert_int_equal(t.end.code, ENOENT);
	t = run((char *[]){"/etc/passwd", NULL});
	assert_int_equal(t.end.code, EACCES);
}

/* Signals 32 and 33 are the C library's own, which lets nobody set them: they stay as they came. */
static unsigned long ignored_for_good(void)
{
	char line[100];
	unsigned long ignored = 0;
	FILE *f = fopen("/proc/self/status", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "SigIgn: %lx", &ignored);
	fclose(f);
	return ignored & 0x180000000ul;
}

static void test_who_it_is(void **state)
{
	char want[200];
	struct told t =
		run(SHELL("id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs|SigIgn|SigBlk)' "
			  "/proc/self/status; ls /proc/self/fd | wc -l"));
	snprintf(want, sizeof(want),
		 "%u\n%u\nSigBlk:\t%016x\nSigIgn:\t%016lx\nCapEff:\t%016x\nCapBnd:\t%016x\n"
		 "NoNewPrivs:\t1\n4\n",
		 geteuid() ? geteuid() : NOBODY_HERE, getegid() ? getegid() : NOBODY_HERE, 0,
		 ignored_for_good(), 0, 0);
	assert_string_equal(t.text, want);
}

/* Many at a time, each told of once. */
static void test_many(void **state)
{
	enum { MANY = 40 };
	static struct told all[MANY];
	char script[MANY][32];
	unsigned int sum = 0;
	for (int i = 0; i < MANY; i++) {
		snprintf(script[i], sizeof(script[i]), "exit %d", i);
		assert_true(begin(&all[i], SHELL(script[i])) > 0);
	}
	while (sum < MANY) {
		ev_run(loop, EVRUN_ONCE);
		sum = 0;
		for (int i = 0; i < MANY; i++)
			sum += all[i].times;
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(all[i].times, 1);
		assert_int_equal(all[i].end.code, i);
		close(all[i].output[0]);
	}
}

/* With the processes that it has started, or they would keep the pipe open. */
static void test_kill(void **state)
{
	struct told killed, next;
	int64_t one = begin(&killed, SHELL("sleep 600 & sleep 600; echo no"));
	assert_true(one > 0);
	helper_kill(helper, one);
	read_output(&killed);
	assert_string_equal(killed.text, "");
	next = run(SHELL("echo next"));
	assert_string_equal(next.text, "next\n");
	assert_int_equal(killed.times, 0);
	helper_kill(helper, one);
	helper_kill(helper, 4000000000u);
}

static void test_too_long(void **state)
{
	struct told t;
	char *word = malloc(HELPER_TEXT + 1);
	memset(word, 'x', HELPER_TEXT);
	word[HELPER_TEXT] = 0;
	assert_int_equal(begin(&t, (char *[]){"/bin/true", word, NULL}), -E2BIG);
	close(t.output[0]);
	free(word);
	t = run(SHELL("echo still there"));
	assert_string_equal(t.text, "still there\n");
}

/* Whatever somebody writes who has got into the daemon. */
static void test_settings(void **state)
{
	assert_int_equal(helper_set(helper, "lo", "mtu", 1), -EPERM);
	assert_int_equal(helper_set(helper, "lo", "../lo/mtu", 1), -EPERM);
	assert_int_equal(helper_set(helper, "../lo", "gro_flush_timeout", 1), -EPERM);
	assert_int_equal(helper_set(helper, "..", "gro_flush_timeout", 1), -EPERM);
	assert_int_equal(helper_set(helper, "", "gro_flush_timeout", 1), -EPERM);
	assert_int_equal(helper_set(helper, "..", SYSFS_INTERRUPT, SYSFS_INTERRUPT_AT(9, 0)),
			 -EPERM);
	assert_int_equal(helper_set(helper, "lo", SYSFS_INTERRUPT, SYSFS_INTERRUPT_AT(9, 0)),
			 -ENOENT);
	assert_int_equal(helper_set(helper, "", SYSFS_INTERRUPTS_BACK, 0), 0);
	assert_int_equal(helper_place_socket(helper), -ENOENT);
	assert_int_equal(helper_set(helper, "no-such-device", "gro_flush_timeout", 1), -ENOENT);
}

/* Messages that are none, to a helper of its own: it goes on, and ends with the socket. */
static void test_nonsense(void **state)
{
	static const struct privileges self = {.uid = NOBODY_HERE, .gid = NOBODY_HERE};
	static const struct helper_input in = {"test-helper", "/nowhere/weir.sock", &self};
	static struct helper_request r;
	struct helper_answer a;
	int commands[2], settings[2], status;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, commands), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, settings), 0);
	pid_t pid = fork();
	if (!pid) {
		close(commands[0]);
		close(settings[0]);
		helper_serve(commands[1], settings[1], &in);
		_exit(7);
	}
	close(commands[1]);
	close(settings[1]);
	assert_int_equal(send(commands[0], "x", 1, 0), 1);
	r = (struct helper_request){.order = 99};
	assert_int_equal(send(commands[0], &r, sizeof(r), 0), sizeof(r));
	/* More texts than there are, no end, no descriptor. */
	const struct helper_request bad[] = {
		{.order = HELPER_RUN, .run = 1, .arguments = UINT32_MAX},
		{.order = HELPER_RUN,
		 .run = 2,
		 .arguments = 2,
		 .variables = 1,
		 .text = "/bin/true"},
		{.order = HELPER_RUN, .run = 3, .arguments = 0},
		{.order = HELPER_RUN, .run = 4, .arguments = 1, .text = "/bin/true"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t length = HELPER_REQUEST(i == 0 ? 0 : strlen(bad[i].text) + (i == 3));
		assert_int_equal(send(commands[0], &bad[i], length, 0), length);
		assert_int_equal(recv(commands[0], &a, sizeof(a), 0), sizeof(a));
		assert_int_equal(a.run, i + 1);
		assert_int_equal(a.end.how, HELPER_NOT_RUN);
		assert_int_equal(a.end.code, EINVAL);
	}
	assert_int_equal(send(settings[0], "x", 1, 0), 1);
	close(commands[0]);
	close(settings[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

/* Whom `user` means; what it may not mean is tried by tests/net/t_bad_input.sh. */
static void test_users(void **state)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct privileges p;
	struct err err;
	if (geteuid())
		skip();
	assert_int_equal(privileges_find(&p, "nobody", &err), 0);
	assert_int_equal(p.uid, nobody->pw_uid);
	assert_int_equal(p.gid, nobody->pw_gid);
	assert_string_equal(p.name, "nobody");
	assert_int_equal(privileges_find(&p, "61184", &err), 0);
	assert_int_equal(p.uid, 61184);
	assert_int_equal(p.gid, 61184);
	assert_string_equal(p.name, "");
	assert_int_equal(privileges_find(&p, "61184:daemon", &err), 0);
	assert_int_equal(p.gid, 1);
	assert_int_equal(privileges_find(&p, "root:7", &err), 0);
	assert_int_equal(p.uid, 0);
	assert_int_equal(p.gid, 7);
	assert_int_equal(privileges_find(&p, "no-such-user", &err), -ENOENT);
	assert_non_null(strstr(err.text, "this host has no user 'no-such-user'"));
	assert_int_equal(privileges_find(&p, "nobody:no-such-group", &err), -ENOENT);
	assert_non_null(strstr(err.text, "this host has no group 'no-such-group'"));
	assert_int_equal(privileges_find(&p, "4294967295", &err), -ENOENT);
	assert_int_equal(privileges_find(&p, "auto", &err), 0);
	assert_int_equal(p.uid, getpwnam("weir") ? getpwnam("weir")->pw_uid : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ends, start, finish),
		cmocka_unit_test_setup_teardown(test_who_it_is, start, finish),
		cmocka_unit_test_setup_teardown(test_many, start, finish),
		cmocka_unit_test_setup_teardown(test_kill, start, finish),
		cmocka_unit_test_setup_teardown(test_too_long, start, finish),
		cmocka_unit_test_setup_teardown(test_settings, start, finish),
		cmocka_unit_test_setup_teardown(test_late_answers, start, finish),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
