/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two network namespaces of the test program's own, gone when it ends, for tests of what talks to
 * the kernel:
 *
 *     here: nh0 10.0.0.1/24 ------- peer: nh1 10.0.0.11/24
 *               fd00::1/64                    fd00::11/64
 *           02:00:00:00:00:0a                 02:00:00:00:00:0b
 *
 * The program runs in `here`. Link-local addresses are set by hand: those the kernel makes by
 * itself come a second later, as events that no test waits for.
 */
#ifndef WEIR_TESTS_NETNS_H
#define WEIR_TESTS_NETNS_H

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct netns {
	int here, peer; /* file descriptors */
};

static inline int netns_run(int in, const char *format, ...)
{
	char command[512];
	va_list ap;
	int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	int rc = back < 0 || setns(in, CLONE_NEWNET) ? -1 : system(command);
	if (back >= 0 && setns(back, CLONE_NEWNET))
		abort(); /* all that follows would be in the wrong place */
	close(back);
	return rc;
}

static inline int netns_make(void)
{
	return unshare(CLONE_NEWNET) ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* What `command` prints in namespace `in`. */
static inline void netns_read(int in, const char *command, char *text, size_t size)
{
	char path[] = "/tmp/netns.XXXXXX";
	int fd = mkstemp(path);
	netns_run(in, "%s >%s", command, path);
	ssize_t n = read(fd, text, size - 1);
	text[n > 0 ? n : 0] = 0;
	close(fd);
	unlink(path);
}

/* 0, or -1 where that's not allowed or the kernel has no veth. */
static inline int netns_open(struct netns *n)
{
	n->peer = netns_make();
	n->here = n->peer < 0 ? -1 : netns_make();
	if (n->here < 0)
		return -1;
	return netns_run(n->here,
			 "ip link set lo up 2>/dev/null && "
			 "ip link add nh0 address 02:00:00:00:00:0a type veth "
			 "peer nh1 address 02:00:00:00:00:0b netns /proc/%d/fd/%d && "
			 "ip link set nh0 addrgenmode none && ip link set nh0 up && "
			 "ip address add fe80::a/64 dev nh0 nodad && "
			 "ip address add 10.0.0.1/24 dev nh0 && "
			 "ip address add fd00::1/64 dev nh0 nodad",
			 getpid(), n->peer) ||
			       netns_run(
				       n->peer,
				       "ip link set nh1 addrgenmode none && ip link set nh1 up && "
				       "ip address add fe80::b/64 dev nh1 nodad && "
				       "ip address add 10.0.0.11/24 dev nh1 && "
				       "ip address add fd00::11/64 dev nh1 nodad")
		       ? -1
		       : 0;
}

/* Whether they can be had. */
static inline bool netns_allowed(void)
{
	static int known;
	struct netns probe;
	if (!known)
		known = netns_open(&probe) ? -1 : 1;
	return known > 0;
}

/* A test's *state; the test is skipped where there are none. */
#define netns_or_skip(state)          \
	({                            \
		if (!netns_allowed()) \
			skip();       \
		*(state);             \
	})

static inline void netns_close(struct netns *n)
{
	close(n->here);
	close(n->peer);
}

#endif
