// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/takeover.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/handover.h"
#include "lb/config.h"
#include "lb/config_diff.h"
#include "lb/err.h"
#include "tools/weir/log.h"
#include "tools/weir/takeover_message.h"

#define ANSWER_MS      5000 /* of the other's control loop */
#define END_MS         5000
#define LAST_MS        2000 /* for the other to hear why not */
#define MAX_OFFERED    4096u
#define WITH_THE_OFFER 2u /* its configuration as text, and the lock of its table of routes */

struct takeover {
	int fd;
	int config_text, table_lock; /* descriptors, or -1 */
	struct handover handover;
};

/* --- what must be alike ------------------------------------------------------------------------
 */

/* What sockets, packet memory and the API's sockets were made for, and what lies below it. */
static const char *const fixed[] = {
	"instance",       "interfaces", "workers",  "memory",    "flow_table.entries",
	"announce.table", "api.socket", "api.mode", "api.group", "api.http",
};

struct difference {
	char path[CONFIG_DIFF_PATH]; /* "": none */
};

static bool is_fixed(const char *path)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		size_t length = strlen(fixed[i]);
		if (!strncmp(path, fixed[i], length) && strchr(".[", path[length]))
			return true;
	}
	return false;
}

static void on_change(void *context, const struct config_change *c)
{
	struct difference *d = context;
	if (!d->path[0] && is_fixed(c->path))
		snprintf(d->path, sizeof(d->path), "%s", c->path);
}

static int compare(const struct config *theirs, const struct config *ours, struct err *err)
{
	struct difference d = {};
	if (config_diff(theirs, ours, on_change, &d))
		return err_set(err, ENOMEM, "not enough memory");
	if (!d.path[0] && !theirs->nat.own.count != !ours->nat.own.count)
		snprintf(d.path, sizeof(d.path), "nat.addresses");
	if (!d.path[0])
		return 0;
	err_set(err, EINVAL,
		"%s is not what the running daemon has, and a takeover leaves it as it is: restart "
		"instead, or undo that change",
		d.path);
	err_place(err, d.path, 0);
	return -EINVAL;
}

static int check_config(const struct takeover *t, const struct config *ours, struct err *err)
{
	struct stat st;
	struct config *theirs;
	if (fstat(t->config_text, &st) || !st.st_size)
		return err_set(err, EPROTO, "the running daemon did not say its configuration");
	char *text = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, t->config_text, 0);
	if (text == MAP_FAILED)
		return err_set(err, errno, "the running daemon's configuration can't be read: %m");
	int r = config_parse("the running daemon's configuration", text, st.st_size, &theirs, err);
	munmap(text, st.st_size);
	if (r)
		return r;
	r = compare(theirs, ours, err);
	config_free(theirs);
	return r;
}

/* --- asking ------------------------------------------------------------------------------------
 */

static int open_socket(struct takeover *t, const char *instance, struct err *err)
{
	struct sockaddr_un address;
	socklen_t length = takeover_address(&address, instance);
	t->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return err_set(err, errno, "no socket for the takeover: %m");
	if (!connect(t->fd, (struct sockaddr *)&address, length))
		return 0;
	return err_set(err, errno,
		       "no daemon of instance %s runs in this network namespace that could hand "
		       "over (%m): start without --takeover",
		       instance);
}

/* The other's next message, which is to be `word`. */
static int await_word(struct takeover *t, enum takeover_word word, int *fds, uint32_t *count,
		      uint32_t *descriptors, struct err *err)
{
	struct takeover_message m;
	int r = takeover_receive(t->fd, &m, fds, count, ANSWER_MS);
	if (r == -ETIMEDOUT)
		return err_set(err, -r, "the running daemon does not answer");
	if (r)
		return err_set(err, -r, "the running daemon broke off: %s", strerror(-r));
	if (m.word == TAKEOVER_NO)
		return err_set(err, EPERM, "the running daemon says no: %s", m.why);
	if (m.word != word)
		return err_set(err, EPROTO, "the running daemon speaks another language");
	if (descriptors)
		*descriptors = m.descriptors;
	return 0;
}

static int receive_all(struct takeover *t, uint32_t total, struct err *err)
{
	int *fds = calloc(total + TAKEOVER_DESCRIPTORS, sizeof(*fds));
	uint32_t count = 0, more = 0;
	int r = fds ? 0 : err_set(err, ENOMEM, "not enough memory");
	while (!r && count < total) {
		r = await_word(t, TAKEOVER_MORE, fds + count, &more, NULL, err);
		if (!r && !more)
			r = err_set(err, EPROTO, "the running daemon has handed over too little");
		count += r ? 0 : more;
	}
	if (!r)
		return handover_receive(&t->handover, fds, count, err);
	while (count)
		close(fds[--count]);
	free(fds);
	return r;
}

static int ask(struct takeover *t, const struct config *config, struct err *err)
{
	const struct takeover_message m = {.word = TAKEOVER_ASK, .layout = handover_layout()};
	int fds[TAKEOVER_DESCRIPTORS];
	uint32_t count = 0, total = 0;
	int r = takeover_send(t->fd, &m, NULL, 0);
	if (r)
		return err_set(err, -r, "the running daemon can't be asked: %s", strerror(-r));
	r = await_word(t, TAKEOVER_OFFER, fds, &count, &total, err);
	t->config_text = count > 0 ? fds[0] : -1;
	t->table_lock = count > 1 ? fds[1] : -1;
	while (count > WITH_THE_OFFER)
		close(fds[--count]);
	if (!r && (!count || total > MAX_OFFERED))
		r = err_set(err, EPROTO, "the running daemon's offer makes no sense");
	r = r ? r : check_config(t, config, err);
	return r ? r : receive_all(t, total, err);
}

int takeover_begin(struct takeover **out, const struct config *config, struct err *err)
{
	struct takeover *t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, ENOMEM, "not enough memory");
	t->config_text = t->table_lock = -1;
	int r = open_socket(t, config->instance, err);
	r = r ? r : ask(t, config, err);
	if (r) {
		if (t->fd >= 0)
			takeover_give_up(t, err ? err->text : strerror(-r));
		takeover_free(t);
		return r;
	}
	*out = t;
	return 0;
}

struct handover *takeover_handover(struct takeover *t)
{
	return &t->handover;
}

int takeover_table_lock(struct takeover *t)
{
	int lock = t->table_lock;
	t->table_lock = -1;
	return lock;
}

/* --- taking ------------------------------------------------------------------------------------
 */

int takeover_take(void *takeover, struct err *err)
{
	const struct takeover_message go = {.word = TAKEOVER_GO}, taken = {.word = TAKEOVER_TAKEN};
	struct takeover *t = takeover;
	int fds[TAKEOVER_DESCRIPTORS];
	uint32_t count = 0;
	int r = takeover_send(t->fd, &go, NULL, 0);
	if (r)
		return err_set(err, -r, "the running daemon can't be told: %s", strerror(-r));
	r = await_word(t, TAKEOVER_YOURS, fds, &count, NULL, err);
	while (count)
		close(fds[--count]);
	r = r ? r : handover_take(&t->handover, err);
	if (!r)
		takeover_send(t->fd, &taken, NULL, 0);
	return r;
}

void takeover_await_end(struct takeover *t)
{
	struct takeover_message m;
	if (takeover_hear(t->fd, &m, END_MS) == -ETIMEDOUT)
		log_warn("the daemon before has handed over, but does not end");
}

/* What is not read when a local socket is closed takes what was said last with it. */
void takeover_give_up(struct takeover *t, const char *why)
{
	struct takeover_message m;
	int r;
	takeover_refuse(t->fd, why);
	do
		r = takeover_hear(t->fd, &m, LAST_MS);
	while (!r || r == -EPROTO);
}

void takeover_free(struct takeover *t)
{
	if (!t)
		return;
	handover_free(&t->handover);
	if (t->config_text >= 0)
		close(t->config_text);
	if (t->table_lock >= 0)
		close(t->table_lock);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}
