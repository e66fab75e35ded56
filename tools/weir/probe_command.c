// SPDX-License-Identifier: BSD-2-Clause
/*
 * Probes by a command of the user's: exit status 0 is good, and the first line that it prints says
 * more. It runs in a process group of its own, which is killed when it takes too long.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "tools/weir/probe_kind.h"

#define LINE_MAX_BYTES 120u
#define ENTRY_TEXT     160

struct probe_command {
	struct probe probe;
	pid_t pid;
	int pidfd, output;
	ev_io ended, printed;
	size_t length;
	char line[LINE_MAX_BYTES];
};

/* Keeps the begin of what it prints, and reads the rest so that it does not wait for us. */
static bool read_output(struct probe_command *p)
{
	char bytes[4096];
	ssize_t n = read(p->output, bytes, sizeof(bytes));
	if (n <= 0)
		return false;
	size_t room = sizeof(p->line) - 1 - p->length;
	size_t take = (size_t)n < room ? (size_t)n : room;
	memcpy(p->line + p->length, bytes, take);
	p->length += take;
	return true;
}

static void on_printed(struct ev_loop *loop, ev_io *io, int events)
{
	if (!read_output(io->data))
		ev_io_stop(loop, io);
}

static void say(struct probe_command *p, const siginfo_t *how)
{
	p->line[strcspn(p->line, "\n")] = 0;
	const char *colon = p->line[0] ? ": " : "";
	if (how->si_code != CLD_EXITED)
		probe_end(&p->probe, false, "ended by signal %d%s%s", how->si_status, colon,
			  p->line);
	else
		probe_end(&p->probe, how->si_status == 0, "exit status %d%s%s", how->si_status,
			  colon, p->line);
}

static void on_ended(struct ev_loop *loop, ev_io *io, int events)
{
	struct probe_command *p = io->data;
	siginfo_t how = {0};
	if (waitid(P_PIDFD, p->pidfd, &how, WEXITED | WNOHANG) || !how.si_pid)
		return;
	p->pid = 0;
	while (read_output(p))
		;
	say(p, &how);
}

/* --- its begin ---------------------------------------------------------------------------------
 */

static pid_t spawn(struct probe_command *p, int out, int *code)
{
	const struct probe_order *o = &p->probe.order;
	char service[ENTRY_TEXT], backend[ENTRY_TEXT], address[ENTRY_TEXT], vip[ENTRY_TEXT];
	char port[ENTRY_TEXT], text[ADDR_TEXT];
	char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       service,
			       backend,
			       address,
			       vip,
			       port,
			       NULL};
	snprintf(service, sizeof(service), "WEIR_SERVICE=%s", o->service);
	snprintf(backend, sizeof(backend), "WEIR_BACKEND=%s", o->backend);
	snprintf(address, sizeof(address), "WEIR_ADDRESS=%s", addr_format(&o->address, text));
	snprintf(vip, sizeof(vip), "WEIR_VIP=%s", addr_format(&o->vip, text));
	snprintf(port, sizeof(port), "WEIR_PORT=%u", o->port);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid = -1;
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	*code = posix_spawn(&pid, o->health->command[0], &files, &attributes, o->health->command,
			    environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return *code ? -1 : pid;
}

static int start(struct probe *probe, char words[PROBE_TEXT])
{
	struct probe_command *p = (void *)probe;
	const char *program = probe->order.health->command[0];
	int ends[2], code;
	if (pipe2(ends, O_CLOEXEC)) {
		snprintf(words, PROBE_TEXT, "no pipe: %s", probe_error(errno));
		return -errno;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	p->pid = spawn(p, ends[1], &code);
	close(ends[1]);
	if (p->pid < 0) {
		close(ends[0]);
		snprintf(words, PROBE_TEXT, "%.80s can't be run: %s", program, probe_error(code));
		return -code;
	}
	p->output = ends[0];
	p->pidfd = syscall(SYS_pidfd_open, p->pid, 0);
	ev_io_init(&p->printed, on_printed, p->output, EV_READ);
	ev_io_init(&p->ended, on_ended, p->pidfd, EV_READ);
	p->printed.data = p->ended.data = p;
	ev_io_start(probe->probes->loop, &p->printed);
	if (p->pidfd >= 0)
		ev_io_start(probe->probes->loop, &p->ended);
	return 0;
}

/* --- its end -----------------------------------------------------------------------------------
 */

/* A killed process that is still to be waited for; a moment later, so that nobody waits here. */
struct corpse {
	ev_timer timer;
	pid_t pid;
};

static void on_corpse(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct corpse *c = (void *)timer;
	if (!waitpid(c->pid, NULL, WNOHANG))
		return;
	ev_timer_stop(loop, timer);
	free(c);
}

static void bury(struct ev_loop *loop, pid_t pid)
{
	struct corpse *c;
	kill(-pid, SIGKILL);
	if (waitpid(pid, NULL, WNOHANG) || !(c = calloc(1, sizeof(*c))))
		return;
	c->pid = pid;
	ev_timer_init(&c->timer, on_corpse, 0.05, 0.05);
	ev_timer_start(loop, &c->timer);
}

static void stop(struct probe *probe)
{
	struct probe_command *p = (void *)probe;
	struct ev_loop *loop = probe->probes->loop;
	ev_io_stop(loop, &p->printed);
	ev_io_stop(loop, &p->ended);
	if (p->pid)
		bury(loop, p->pid);
	close(p->output);
	if (p->pidfd >= 0)
		close(p->pidfd);
}

const struct probe_kind probe_command_kind = {sizeof(struct probe_command), start, stop};
