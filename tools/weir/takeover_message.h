/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What two daemons say to each other while one takes over from the other (tools/weir/takeover.h):
 * messages over a local socket (SOCK_SEQPACKET), with descriptors (SCM_RIGHTS). Its name is
 * abstract, so there is no file, and each network namespace has its own; who is at the other end,
 * the kernel tells.
 */
#ifndef WEIR_TOOLS_TAKEOVER_MESSAGE_H
#define WEIR_TOOLS_TAKEOVER_MESSAGE_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct err;

#define TAKEOVER_DESCRIPTORS 128u /* with one message; the kernel takes 253 */

enum takeover_word {
	TAKEOVER_ASK,   /* the new one: `layout` */
	TAKEOVER_OFFER, /* the old one: so many descriptors come, two of them with this message */
	TAKEOVER_MORE,  /* and these are some of them */
	TAKEOVER_GO,    /* the new one: stop */
	TAKEOVER_YOURS, /* the old one: it has stopped */
	TAKEOVER_TAKEN, /* the new one: it goes on */
	TAKEOVER_NO,    /* either, at any time, with `why` */
};

struct takeover_message {
	uint32_t word; /* enum takeover_word */
	uint32_t descriptors;
	uint64_t layout; /* handover_layout() */
	char why[256];   /* ended by a NUL */
};

/* The address of an instance's socket; its length. */
socklen_t takeover_address(struct sockaddr_un *out, const char *instance);

/* The descriptors stay the caller's. -errno. */
int takeover_send(int fd, const struct takeover_message *m, const int *fds, uint32_t count);

/*
 * Waits for one at most so long. Leaves its descriptors, which are the caller's, in `fds`, which
 * has room for TAKEOVER_DESCRIPTORS, and how many in *count. -ETIMEDOUT; -EPIPE: the other has
 * ended; -EPROTO: that is no message of ours.
 */
int takeover_receive(int fd, struct takeover_message *m, int *fds, uint32_t *count, int limit_ms);

/* Of a message that must have no descriptors. */
int takeover_hear(int fd, struct takeover_message *m, int limit_ms);

/* Says no. */
void takeover_refuse(int fd, const char *why);

#endif
