// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/api_access.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/file.h"

static size_t token_length(const char *text)
{
	size_t n = 0;
	while (text[n] > ' ' && text[n] <= '~')
		n++;
	return n;
}

int api_access_load(struct api_access *a, const char *path, struct err *err)
{
	char *text;
	size_t length, size;
	*a = (struct api_access){0};
	if (!path)
		return 0;
	int rc = file_read_regular(path, &text, &size, err);
	if (rc)
		return err_prefix(err, -rc, "api.token_file");
	length = token_length(text);
	if (length < ACCESS_TOKEN_MIN || length > ACCESS_TOKEN_MAX ||
	    (text[length] != '\n' && text[length]))
		rc = err_set(
			err, EINVAL,
			"api.token_file: the first line of %s is no token of %u to %u characters "
			"without spaces; 'openssl rand -hex 16' prints one",
			path, ACCESS_TOKEN_MIN, ACCESS_TOKEN_MAX);
	else
		memcpy(a->token, text, length);
	free(text);
	return rc;
}

/* Takes as long wherever they differ. */
static bool same_token(const char *ours, const char *theirs)
{
	size_t length = strlen(theirs);
	uint8_t difference = length != strlen(ours);
	for (size_t i = 0; i < ACCESS_TOKEN_MAX; i++)
		difference |= ours[i] ^ (i < length ? theirs[i] : 0);
	return !difference;
}

static bool is_member(int fd, gid_t group)
{
	gid_t groups[256];
	socklen_t size = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool api_access_trusted(struct MHD_Connection *connection, gid_t group)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return false;
	return !peer.uid || peer.uid == geteuid() || peer.gid == group ||
	       is_member(info->connect_fd, group);
}

bool api_access_granted(const struct api_access *a, struct MHD_Connection *connection)
{
	static const char scheme[] = "Bearer ";
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_AUTHORIZATION);
	return a->token[0] && value && !strncasecmp(value, scheme, strlen(scheme)) &&
	       same_token(a->token, value + strlen(scheme));
}

bool api_access_named(struct MHD_Connection *connection)
{
	const char *host =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	char name[ADDR_TEXT + 2];
	struct addr address;
	if (!host)
		return true;
	size_t length = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":");
	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = 0;
	return !strcasecmp(name, "localhost") || !addr_parse(name, &address);
}
