/* SPDX-License-Identifier: BSD-2-Clause */
/* The sockets that the API listens on. Control thread. */
#ifndef WEIR_TOOLS_API_SOCKET_H
#define WEIR_TOOLS_API_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

struct config_api;
struct config_listen;
struct err;

/* A unix socket's file, to remove no one else's. */
struct api_file {
	struct sockaddr_un address;
	dev_t device;
	ino_t inode;
	bool bound, made_parent;
};

/*
 * Listens on c->socket, with its group and permissions. A socket file that a dead daemon left is
 * replaced. Returns the descriptor; -EADDRINUSE if a live one answers there. `file` is to be
 * removed in any case.
 */
int api_file_listen(struct api_file *file, const struct config_api *c, struct err *err);
void api_file_remove(struct api_file *file);

/* Listens on an address of this host. Returns the descriptor. */
int api_tcp_listen(const struct config_listen *where, struct err *err);

#endif
