/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may ask what over TCP, where any program of the host can connect. Control thread. */
#ifndef WEIR_TOOLS_API_ACCESS_H
#define WEIR_TOOLS_API_ACCESS_H

#include <stdbool.h>

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

/* Whether the request carries the token. */
bool api_access_granted(const struct api_access *a, struct MHD_Connection *connection);

/*
 * Whether it was meant for this host: its `Host` is an address or localhost. Else a page of some
 * other site may have had its own name lead here, to read with its reader's hands.
 */
bool api_access_named(struct MHD_Connection *connection);

#endif
