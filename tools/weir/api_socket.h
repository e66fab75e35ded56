/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets of the API, made by who may still do so: any folder, group and port. Nobody can
 * connect before it listens on them. Control thread.
 */
#ifndef WEIR_TOOLS_API_SOCKET_H
#define WEIR_TOOLS_API_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

struct config_api;
struct err;
struct helper;
struct privileges;

#define API_SOCKET_NEXT ".next" /* behind the path of one that waits for its place */

/* A unix socket's file, to remove no one else's. */
struct api_file {
	struct sockaddr_un address;
	dev_t device;
	ino_t inode;
	bool bound, made_parent;
};

struct api_sockets {
	struct api_file file;
	gid_t group;     /* who is in it may have all of the unix socket */
	int local, http; /* -1: none, or taken over by who listens */
};

/*
 * Binds c->socket, with its group (or else that of `user`) and permissions, and c->http. A socket
 * file that a dead daemon left is replaced. A folder that is made for it is the user's, who may
 * remove both then. -EADDRINUSE if a live daemon answers there. To be closed in any case. With
 * `take_over` that live daemon goes on, and api_sockets_place() does the rest.
 */
int api_sockets_bind(struct api_sockets *s, const struct config_api *c,
		     const struct privileges *user, bool take_over, struct err *err);

/* In the place of a daemon that has ended: the file, by the helper where need be, and c->http. */
int api_sockets_place(struct api_sockets *s, const struct config_api *c, struct helper *h,
		      struct err *err);

/* Closes what was not taken over, and removes the file, where that is possible. A zeroed one too.
 */
void api_sockets_close(struct api_sockets *s);

#endif
