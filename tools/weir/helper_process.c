// SPDX-License-Identifier: BSD-2-Clause
/*
 * The helper's side: one process without threads, which waits for the daemon's requests and for the
 * ends of the commands it runs. What it is asked for it takes from a process that packets may have
 * got the better of: it does nothing for it that the daemon's user could do harm with.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/sysfs.h"
#include "lb/err.h"
#include "tools/weir/api_socket.h"
#include "tools/weir/helper_talk.h"
#include "tools/weir/log.h"
#include "tools/weir/moved_interrupts.h"
#include "tools/weir/privileges.h"

struct running {
	LIST_ENTRY(running) next;
	uint32_t run;
	pid_t pid; /* and process group */
};

struct server {
	int commands, settings, ended;
	const struct helper_input *in;
	LIST_HEAD(, running) running;
};

static void answer(const struct server *s, uint32_t run, int how, int code)
{
	const struct helper_answer a = {.run = run, .end = {.how = how, .code = code}};
	if (send(s->commands, &a, sizeof(a), MSG_NOSIGNAL) < 0)
		return; /* the daemon is gone: that ends us too */
}

/* --- running --------------------------------------------------------------------------------- */

/* Up to `count` texts, each with its NUL within the `*left` bytes there are; NULL: they are not. */
static char **take_texts(char **at, size_t *left, uint32_t count)
{
	char **texts = count <= HELPER_TEXT ? calloc(count + 1, sizeof(*texts)) : NULL;
	for (uint32_t i = 0; texts && i < count; i++) {
		char *end = memchr(*at, '\0', *left);
		if (!end) {
			free(texts);
			return NULL;
		}
		texts[i] = *at;
		*left -= end + 1 - *at;
		*at = end + 1;
	}
	return texts;
}

/* In the child: does not return. */
static void become(const struct server *s, char **command, char **environment, int output, int told)
{
	struct err err;
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigemptyset(&none);
	setpgid(0, 0);
	int code = privileges_drop(s->in->commands_as, PRIVILEGES_COMMAND, &err);
	if (code)
		log_error("a health check's command is not run", "error=\"%s\"", err.text);
	code = -code;
	if (!code && (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0))
		code = errno;
	if (!code) {
		for (int n = 1; n < NSIG; n++)
			signal(n, SIG_DFL);
		sigprocmask(SIG_SETMASK, &none, NULL);
		close_range(3, ~0u, CLOSE_RANGE_CLOEXEC); /* of who started the daemon */
		execve(command[0], command, environment);
		code = errno;
	}
	if (write(told, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

/* The new process; or -errno, also where it could not execute the program. */
static pid_t spawn(const struct server *s, char **command, char **environment, int output)
{
	int told[2], code = 0;
	if (pipe2(told, O_CLOEXEC))
		return -errno;
	pid_t pid = fork();
	if (!pid)
		become(s, command, environment, output, told[1]);
	if (pid < 0)
		code = errno;
	close(told[1]);
	/* It is closed by execve(), or says why there was none. */
	if (pid > 0 && read(told[0], &code, sizeof(code)) > 0)
		waitpid(pid, NULL, 0);
	close(told[0]);
	return code ? -code : pid;
}

static void run(struct server *s, struct helper_request *r, size_t length, int output)
{
	char *at = r->text;
	char **command = take_texts(&at, &length, r->arguments);
	char **environment = take_texts(&at, &length, r->variables);
	struct running *new = malloc(sizeof(*new));
	pid_t pid = -EINVAL;
	if (command && command[0] && environment && new &&output >= 0)
		pid = spawn(s, command, environment, output);
	if (pid > 0) {
		*new = (struct running){.run = r->run, .pid = pid};
		LIST_INSERT_HEAD(&s->running, new, next);
		new = NULL;
	} else {
		answer(s, r->run, HELPER_NOT_RUN, -pid);
	}
	free(new);
	free(command);
	free(environment);
}

/*
 * By a process that has become the commands' user: who is root without CAP_KILL may end processes
 * of root alone. What is killed is reaped when it has ended.
 */
static void kill_group(const struct server *s, pid_t group)
{
	struct err err;
	pid_t pid = fork();
	if (!pid) {
		if (!privileges_drop(s->in->commands_as, PRIVILEGES_COMMAND, &err))
			kill(-group, SIGKILL);
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void kill_run(const struct server *s, uint32_t run)
{
	struct running *r;
	LIST_FOREACH(r, &s->running, next)
	if (r->run == run)
		kill_group(s, r->pid);
}

static void on_ended(struct server *s)
{
	struct signalfd_siginfo info;
	struct running *r;
	int status;
	if (read(s->ended, &info, sizeof(info)) < 0)
		return;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		LIST_FOREACH(r, &s->running, next)
		if (r->pid == pid)
			break;
		if (!r)
			continue;
		if (WIFEXITED(status))
			answer(s, r->run, HELPER_EXITED, WEXITSTATUS(status));
		else
			answer(s, r->run, HELPER_KILLED, WTERMSIG(status));
		LIST_REMOVE(r, next);
		free(r);
	}
}

/* --- requests -------------------------------------------------------------------------------- */

/* The descriptor that came along, or -1. */
static int descriptor_of(struct msghdr *message)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(message);
	int fd = -1;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* False: the daemon is gone. */
static bool on_request(struct server *s)
{
	static struct helper_request request;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec bytes = {&request, sizeof(request)};
	struct msghdr message = {.msg_iov = &bytes,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(s->commands, &message, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	int output = descriptor_of(&message);
	size_t head = HELPER_REQUEST(0);
	if ((size_t)n >= head && request.order == HELPER_RUN)
		run(s, &request, n - head, output);
	else if ((size_t)n >= head && request.order == HELPER_KILL)
		kill_run(s, request.run);
	if (output >= 0)
		close(output);
	return true;
}

static bool names_interface(const struct helper_setting *s)
{
	return s->interface[0] && s->interface[0] != '.' && !strchr(s->interface, '/');
}

static int set(const struct helper_setting *s)
{
	if (!memchr(s->interface, '\0', sizeof(s->interface)) ||
	    !memchr(s->setting, '\0', sizeof(s->setting)))
		return -EPERM;
	if (!strcmp(s->setting, SYSFS_INTERRUPTS_BACK)) {
		moved_interrupts_restore();
		return 0;
	}
	if (!names_interface(s))
		return -EPERM;
	if (!strcmp(s->setting, SYSFS_INTERRUPT))
		return moved_interrupts_add(s->interface, s->value >> 16, s->value & 0xffff);
	return sysfs_is_deferral(s->setting) ? sysfs_write(s->interface, s->setting, s->value)
					     : -EPERM;
}

static int place_socket(const char *path)
{
	char next[sizeof(((struct sockaddr_un *)0)->sun_path)];
	snprintf(next, sizeof(next), "%s%s", path, API_SOCKET_NEXT);
	return rename(next, path) ? -errno : 0;
}

static void on_setting(const struct server *s)
{
	struct helper_setting setting;
	struct helper_result answer;
	if (recv(s->settings, &setting, sizeof(setting), 0) != sizeof(setting))
		return; /* the other socket says the same of the daemon's end */
	answer.number = setting.number;
	if (!strncmp(setting.setting, HELPER_PLACE_SOCKET, sizeof(setting.setting)))
		answer.result = place_socket(s->in->socket);
	else
		answer.result = set(&setting);
	if (send(s->settings, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
		return;
}

/* --- the process ----------------------------------------------------------------------------- */

/* Who stops the daemon may mean us too; but the daemon still needs us then. */
static int take_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void serve(struct server *s)
{
	enum { COMMANDS, SETTINGS, ENDED, ALL };
	struct pollfd all[ALL] = {
		[COMMANDS] = {.fd = s->commands, .events = POLLIN},
		[SETTINGS] = {.fd = s->settings, .events = POLLIN},
		[ENDED] = {.fd = s->ended, .events = POLLIN},
	};
	for (;;) {
		if (poll(all, ALL, -1) < 0 && errno != EINTR)
			return;
		if (all[ENDED].revents & POLLIN)
			on_ended(s);
		if (all[SETTINGS].revents & POLLIN)
			on_setting(s);
		if (all[COMMANDS].revents && !on_request(s))
			return;
	}
}

void helper_serve(int commands, int settings, const struct helper_input *in)
{
	struct server s = {.commands = commands, .settings = settings, .in = in};
	struct running *r;
	struct err err;
	prctl(PR_SET_NAME, "weir-helper");
	s.ended = take_signals();
	if (privileges_drop(in->commands_as, PRIVILEGES_HELPER, &err))
		log_warn("the process for health checks' commands keeps its privileges",
			 "error=\"%s\"", err.text);
	if (s.ended >= 0)
		serve(&s);
	LIST_FOREACH(r, &s.running, next)
	kill_group(&s, r->pid);
	moved_interrupts_restore();
}
