/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving up what the daemon does not need: the user root, and all capabilities but those that
 * setting interfaces up takes, which a reload does again. docs/security.md says what each of them
 * is for. Before there are threads: capabilities are a thread's own.
 */
#ifndef WEIR_TOOLS_PRIVILEGES_H
#define WEIR_TOOLS_PRIVILEGES_H

#include <stdbool.h>
#include <sys/types.h>

struct err;

#define PRIVILEGES_USER "weir" /* whom "auto" takes, where this host has such a user */

struct privileges {
	uid_t uid;
	gid_t gid;
	char name[64]; /* of the user; "": this host has no name for the number */
};

/*
 * Whom `user` (config.user) means: NAME, UID, NAME:GROUP, UID:GID; or "auto": PRIVILEGES_USER if
 * root starts us and there is such a user, else who starts us. -ENOENT: there is nobody of that
 * name.
 */
int privileges_find(struct privileges *p, const char *user, struct err *err);

/* Who gives up privileges, and what it keeps. */
enum privileges_for {
	PRIVILEGES_DAEMON,     /* interfaces, packets, BPF */
	PRIVILEGES_DISPATCHER, /* the daemon too, and libxdp in it, which shares interfaces */
	PRIVILEGES_HELPER,     /* to set interfaces' files, and to become the user of a command */
	PRIVILEGES_COMMAND,    /* nothing: a program of the operator's */
};

/* -EPERM: not all of the capabilities for that are there to be kept; says which. */
int privileges_check(enum privileges_for whom, struct err *err);

/*
 * Becomes that user, with no other groups than its own (the helper stays who it is), keeps what
 * there is of the capabilities for that, and lets nothing that is executed ever have more
 * (no_new_privs). -EPERM.
 */
int privileges_drop(const struct privileges *p, enum privileges_for whom, struct err *err);

#endif
