// SPDX-License-Identifier: BSD-2-Clause
#include "bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lb/err.h"

#define STEP_MS   10
#define LINE_SIZE 256

static void pause_step(void)
{
	nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000}, NULL);
}

/* So that other work on the machine takes little of what is measured. It is as well without. */
void child_go_first(void)
{
	struct sched_param first = {.sched_priority = 1};
	sched_setscheduler(0, SCHED_RR, &first);
}

/* Between fork and exec. Returns only when something failed. */
static void become(const struct child *c, int ns, int cpu, int input, char *const argv[])
{
	int log = open(c->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cpu_set_t set;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	if (log < 0 || dup2(input, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return;
	if (sched_setaffinity(0, sizeof(set), &set) || setns(ns, CLONE_NEWNET))
		return;
	child_go_first();
	execvp(argv[0], argv);
	fprintf(stderr, "can't run %s: %m\n", argv[0]);
}

int child_start(struct child *c, int ns, int cpu, const char *log, char *const argv[],
		struct err *err)
{
	int ends[2];
	*c = (struct child){};
	snprintf(c->log, sizeof(c->log), "%s", log);
	unlink(c->log); /* what an earlier one said is not to be waited for */
	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, errno, "no pipe: %m");
	pid_t pid = fork();
	if (!pid) {
		become(c, ns, cpu, ends[0], argv);
		_exit(127);
	}
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		return err_set(err, errno, "can't start %s: %m", argv[0]);
	}
	c->pid = pid;
	c->input = ends[1];
	return 0;
}

bool child_is_running(struct child *c)
{
	if (c->pid && waitpid(c->pid, NULL, WNOHANG) == c->pid) {
		close(c->input);
		c->pid = 0;
	}
	return c->pid;
}

void child_stop(struct child *c, unsigned int seconds)
{
	if (!child_is_running(c))
		return;
	kill(c->pid, SIGTERM);
	for (unsigned int i = 0; i < seconds * 1000 / STEP_MS && child_is_running(c); i++)
		pause_step();
	if (!child_is_running(c))
		return;
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	close(c->input);
	c->pid = 0;
}

/* Looks through its output; leaves the last line that is not empty in `last`. */
static bool search_log(const struct child *c, const char *text, char last[LINE_SIZE])
{
	char line[LINE_SIZE];
	bool found = false;
	FILE *f = fopen(c->log, "re");
	last[0] = 0;
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found = found || strstr(line, text);
		if (line[0])
			memcpy(last, line, sizeof(line));
	}
	if (f)
		fclose(f);
	return found;
}

bool child_said(const struct child *c, const char *text)
{
	char last[LINE_SIZE];
	return search_log(c, text, last);
}

int child_await(struct child *c, const char *text, unsigned int seconds, struct err *err)
{
	char last[LINE_SIZE];
	for (unsigned int i = 0; i < seconds * 1000 / STEP_MS; i++) {
		bool running = child_is_running(c);
		if (search_log(c, text, last))
			return 0;
		if (!running)
			return err_set(err, ECHILD, "it ended: %s", last);
		pause_step();
	}
	return err_set(err, ETIMEDOUT, "not ready within %u s: %s", seconds, last);
}
