/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask what, where others can connect too. Control thread. */
#ifndef WEIR_TOOLS_API_ACCESS_H
#define WEIR_TOOLS_API_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct MHD_Connection;
struct err;

#define ACCESS_TOKEN_MIN 16u
#define ACCESS_TOKEN_MAX 255u

struct api_access {
	char token[ACCESS_TOKEN_MAX + 1]; /* "": nobody has one */
};

/*
 * Reads a file whose first line is the token: ACCESS_TOKEN_MIN to ACCESS_TOKEN_MAX printable
 * characters without spaces. NULL: no token. -EINVAL, or the file's -errno.
 */
int api_access_load(struct api_access *a, const char *path, struct err *err);

/*
 * Whether who asks by the unix socket is root, the daemon's own user, or of a group: what the
 * kernel noted of it when it connected.
 */
bool api_access_trusted(struct MHD_Connection *connection, gid_t group);

/* Whether the request carries the token. */
bool api_access_granted(const struct api_access *a, struct MHD_Connection *connection);

/*
 * Whether it was meant for this host: its `Host` is an address or localhost. Else a page of some
 * other site may have had its own name lead here, to read with its reader's hands.
 */
bool api_access_named(struct MHD_Connection *connection);

#endif
