// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "tools/weir/takeover_message.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(TAKEOVER_DESCRIPTORS * sizeof(int))];
};

socklen_t takeover_address(struct sockaddr_un *out, const char *instance)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1, "weir-takeover/%s",
			 instance);
	return offsetof(struct sockaddr_un, sun_path) + 1 + n;
}

int takeover_send(int fd, const struct takeover_message *m, const int *fds, uint32_t count)
{
	struct iovec part = {.iov_base = (void *)m, .iov_len = sizeof(*m)};
	struct msghdr h = {.msg_iov = &part, .msg_iovlen = 1};
	union control control = {};
	if (count) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(count * sizeof(*fds));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(*fds));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(*fds));
	}
	return sendmsg(fd, &h, MSG_NOSIGNAL) == sizeof(*m) ? 0 : -errno;
}

static uint32_t take_descriptors(struct msghdr *h, int *fds)
{
	uint32_t count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fds);
		memcpy(fds, CMSG_DATA(c), count * sizeof(*fds));
	}
	return count;
}

int takeover_receive(int fd, struct takeover_message *m, int *fds, uint32_t *count, int limit_ms)
{
	struct iovec part = {.iov_base = m, .iov_len = sizeof(*m)};
	union control control;
	struct msghdr h = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	int ready = poll(&readable, 1, limit_ms);
	if (ready <= 0)
		return ready ? -errno : -ETIMEDOUT;
	ssize_t n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : -EPIPE;
	*count = take_descriptors(&h, fds);
	if (n == sizeof(*m) && !m->why[sizeof(m->why) - 1] && !(h.msg_flags & MSG_CTRUNC))
		return 0;
	for (uint32_t i = 0; i < *count; i++)
		close(fds[i]);
	*count = 0;
	return -EPROTO;
}

int takeover_hear(int fd, struct takeover_message *m, int limit_ms)
{
	int fds[TAKEOVER_DESCRIPTORS];
	uint32_t count = 0;
	int r = takeover_receive(fd, m, fds, &count, limit_ms);
	for (uint32_t i = 0; i < count; i++)
		close(fds[i]);
	return r ? r : count ? -EPROTO : 0;
}

void takeover_refuse(int fd, const char *why)
{
	struct takeover_message m = {.word = TAKEOVER_NO};
	snprintf(m.why, sizeof(m.why), "%s", why);
	takeover_send(fd, &m, NULL, 0);
}
