/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process beside the daemon, forked before that gives up its privileges, for what it can't do
 * afterwards: run the commands of health checks (as the daemon's user, without a capability), and
 * write two settings of interfaces that belong to root, or move these' interrupts. It takes nothing
 * else, and ends with the daemon, whose folder of pins it removes if that is empty then. Control
 * thread.
 */
#ifndef WEIR_TOOLS_HELPER_H
#define WEIR_TOOLS_HELPER_H

#include <stdint.h>

struct err;
struct ev_loop;
struct helper;
struct privileges;

struct helper_input {
	const char *instance;
	const char *socket; /* of the API */
	const struct privileges *commands_as;
};

/* Forks; before there are threads, and while we are what we were started as. */
int helper_open(struct helper **out, const struct helper_input *in, struct err *err);
void helper_close(struct helper *h); /* kills its commands and waits for its end; NULL too */

/* What becomes of commands is told from that loop. */
void helper_follow(struct helper *h, struct ev_loop *loop);

/* How a command ended. */
struct helper_end {
	enum { HELPER_EXITED, HELPER_KILLED, HELPER_NOT_RUN } how;
	int32_t code; /* exit status, signal, errno */
};
typedef void helper_done_fn(void *context, const struct helper_end *end);

/*
 * Runs a program, both lists ended by NULL, in a process group of its own with `output` for what it
 * prints. `done` is called once, unless it is killed before. Returns its number, from 1 on; or
 * -errno: -E2BIG, -EPIPE (the helper is gone).
 */
int64_t helper_run(struct helper *h, char *const *command, char *const *environment, int output,
		   helper_done_fn *done, void *context);
void helper_kill(struct helper *h, uint32_t run); /* its process group */

/* Renames the API's socket from what it is called before a takeover. -errno. */
int helper_place_socket(struct helper *h);

/* Writes a setting of an interface (datapath/sysfs.h); waits for it. -errno; -EPERM: not that one.
 */
int helper_set(struct helper *h, const char *interface, const char *setting, int64_t value);

#endif
