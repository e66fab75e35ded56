// SPDX-License-Identifier: BSD-2-Clause
#include "bench/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/err.h"

#define COMMAND_MAX 1024

int netns_here(struct err *err)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "can't open this network namespace: %m") : fd;
}

int netns_new(struct err *err)
{
	if (unshare(CLONE_NEWNET))
		return err_set(err, errno, "can't make a network namespace: %m");
	return netns_here(err);
}

int netns_enter(int ns, struct err *err)
{
	return setns(ns, CLONE_NEWNET) ? err_set(err, errno, "can't enter a namespace: %m") : 0;
}

int netns_run(int ns, struct err *err, const char *format, ...)
{
	char command[COMMAND_MAX];
	va_list ap;
	va_start(ap, format);
	int length = vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	if (length >= (int)sizeof(command))
		return err_set(err, E2BIG, "a command is too long: %.40s...", command);
	int back = netns_here(err);
	if (back < 0)
		return back;
	int r = netns_enter(ns, err);
	if (!r && system(command))
		r = err_set(err, EIO, "this failed: %s", command);
	/* All that follows would be in the wrong place. */
	if (setns(back, CLONE_NEWNET))
		abort();
	close(back);
	return r;
}
