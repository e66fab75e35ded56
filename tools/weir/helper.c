// SPDX-License-Identifier: BSD-2-Clause
/* The daemon's side: who waits for which command, by its number. */
#include "tools/weir/helper.h"

#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/pins.h"
#include "datapath/sysfs.h"
#include "lb/err.h"
#include "tools/weir/helper_talk.h"
#include "tools/weir/log.h"

#define SETTING_WAIT_S 2

struct waiting {
	LIST_ENTRY(waiting) next;
	uint32_t run;
	helper_done_fn *done;
	void *context;
};

struct helper {
	pid_t pid;
	int commands, settings; /* sockets that keep messages apart */
	struct ev_loop *loop;   /* NULL: nobody listens yet */
	ev_io answers;
	uint32_t last_run, last_setting;
	LIST_HEAD(, waiting) waiting;
};

/* --- its begin and end ----------------------------------------------------------------------- */

static int open_sockets(int commands[2], int settings[2])
{
	const struct timeval wait = {.tv_sec = SETTING_WAIT_S};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, commands))
		return -errno;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, settings)) {
		int r = -errno;
		close(commands[0]);
		close(commands[1]);
		return r;
	}
	setsockopt(settings[0], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return 0;
}

static pid_t start(const int commands[2], const int settings[2], const struct helper_input *in)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	close(commands[0]);
	close(settings[0]);
	helper_serve(commands[1], settings[1], in);
	pins_tidy(in->instance);
	_exit(0);
}

int helper_open(struct helper **out, const struct helper_input *in, struct err *err)
{
	struct helper *h = calloc(1, sizeof(*h));
	int commands[2], settings[2];
	int r = h ? open_sockets(commands, settings) : -ENOMEM;
	if (!r) {
		h->pid = start(commands, settings, in);
		r = h->pid < 0 ? -errno : 0;
		close(commands[1]);
		close(settings[1]);
		h->commands = commands[0];
		h->settings = settings[0];
	}
	if (!r) {
		*out = h;
		return 0;
	}
	free(h);
	return err_set(err, -r, "can't start the process for health checks' commands: %s",
		       strerror(-r));
}

void helper_close(struct helper *h)
{
	struct waiting *w;
	if (!h)
		return;
	if (h->loop)
		ev_io_stop(h->loop, &h->answers);
	close(h->commands);
	close(h->settings);
	waitpid(h->pid, NULL, 0);
	while ((w = LIST_FIRST(&h->waiting))) {
		LIST_REMOVE(w, next);
		free(w);
	}
	free(h);
}

/* --- answers --------------------------------------------------------------------------------- */

static struct waiting *find(struct helper *h, uint32_t run)
{
	struct waiting *w;
	LIST_FOREACH(w, &h->waiting, next)
	if (w->run == run)
		return w;
	return NULL;
}

static void tell(struct waiting *w, const struct helper_end *end)
{
	const struct waiting told = *w;
	LIST_REMOVE(w, next);
	free(w);
	told.done(told.context, end);
}

static void on_gone(struct helper *h)
{
	const struct helper_end end = {HELPER_NOT_RUN, EPIPE};
	log_error("the process for health checks' commands is gone: they fail until a restart");
	ev_io_stop(h->loop, &h->answers);
	while (!LIST_EMPTY(&h->waiting))
		tell(LIST_FIRST(&h->waiting), &end);
}

static void on_answer(struct ev_loop *loop, ev_io *io, int events)
{
	struct helper *h = io->data;
	struct helper_answer answer;
	ssize_t n = recv(h->commands, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(answer)) {
		on_gone(h);
		return;
	}
	/* Nobody waits for what was killed. */
	struct waiting *w = find(h, answer.run);
	if (w)
		tell(w, &answer.end);
}

void helper_follow(struct helper *h, struct ev_loop *loop)
{
	h->loop = loop;
	ev_io_init(&h->answers, on_answer, h->commands, EV_READ);
	h->answers.data = h;
	ev_io_start(loop, &h->answers);
}

/* --- requests -------------------------------------------------------------------------------- */

/* How many texts, or -E2BIG. */
static int put_texts(struct helper_request *r, size_t *used, char *const *texts)
{
	int count = 0;
	for (; texts[count]; count++) {
		size_t length = strlen(texts[count]) + 1;
		if (length > sizeof(r->text) - *used)
			return -E2BIG;
		memcpy(r->text + *used, texts[count], length);
		*used += length;
	}
	return count;
}

static int send_request(const struct helper *h, const struct helper_request *r, size_t length,
			int output)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec bytes = {(void *)r, HELPER_REQUEST(length)};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	if (output >= 0) {
		message.msg_control = control.room;
		message.msg_controllen = sizeof(control.room);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &output, sizeof(int));
	}
	return sendmsg(h->commands, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int ask_to_run(const struct helper *h, uint32_t run, char *const *command,
		      char *const *environment, int output)
{
	struct helper_request request = {.order = HELPER_RUN, .run = run};
	size_t used = 0;
	int arguments = put_texts(&request, &used, command);
	int variables = put_texts(&request, &used, environment);
	if (arguments < 0 || variables < 0)
		return -E2BIG;
	request.arguments = arguments;
	request.variables = variables;
	return send_request(h, &request, used, output);
}

int64_t helper_run(struct helper *h, char *const *command, char *const *environment, int output,
		   helper_done_fn *done, void *context)
{
	struct waiting *w = malloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	if (!++h->last_run)
		h->last_run = 1;
	*w = (struct waiting){.run = h->last_run, .done = done, .context = context};
	int r = ask_to_run(h, w->run, command, environment, output);
	if (r) {
		free(w);
		return r;
	}
	LIST_INSERT_HEAD(&h->waiting, w, next);
	return w->run;
}

void helper_kill(struct helper *h, uint32_t run)
{
	const struct helper_request request = {.order = HELPER_KILL, .run = run};
	struct waiting *w = find(h, run);
	if (w) {
		LIST_REMOVE(w, next);
		free(w);
	}
	/* One that can't be told now ends by itself, or with us. */
	if (send_request(h, &request, 0, -1) && errno != EPIPE)
		log_warn("a health check's command could not be killed");
}

/* Who asks for it goes on without. -EIO: an interrupt that the kernel alone places. */
static void tell_interrupt(const char *interface, int r)
{
	static bool told;
	if (!r || r == -EIO || told)
		return;
	told = true;
	log_warn("interrupts can't be placed", "interface=%s error=\"%s%s\"", interface,
		 strerror(-r),
		 r == -EROFS ? ": by systemd the unit needs ProtectKernelTunables=no" : "");
}

/* Those before it were not waited for to the end. */
static int await_result(const struct helper *h, uint32_t number)
{
	struct helper_result answer;
	do
		if (recv(h->settings, &answer, sizeof(answer), 0) != sizeof(answer))
			return -EIO;
	while (answer.number != number);
	return answer.result;
}

int helper_set(struct helper *h, const char *interface, const char *setting, int64_t value)
{
	struct helper_setting s = {.value = value, .number = ++h->last_setting};
	snprintf(s.interface, sizeof(s.interface), "%s", interface);
	snprintf(s.setting, sizeof(s.setting), "%s", setting);
	if (send(h->settings, &s, sizeof(s), MSG_NOSIGNAL) != sizeof(s))
		return -errno;
	int r = await_result(h, s.number);
	if (!strcmp(setting, SYSFS_INTERRUPT))
		tell_interrupt(interface, r);
	return r;
}

int helper_place_socket(struct helper *h)
{
	return h ? helper_set(h, "", HELPER_PLACE_SOCKET, 0) : -EPERM;
}
