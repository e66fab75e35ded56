// SPDX-License-Identifier: BSD-2-Clause
#include "tools/weir/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/config.h"
#include "lb/err.h"

#define FIRST_BYTES 16384u

/* Makes room for more than `used` bytes and a NUL, at most for one byte beyond the limit. */
static int make_room(char **text, size_t used, size_t *room, size_t limit)
{
	size_t want = *room ? *room * 2 : FIRST_BYTES;
	if (used < *room)
		return 0;
	if (want > limit + 1)
		want = limit + 1;
	char *more = realloc(*text, want + 1);
	if (!more)
		return -ENOMEM;
	*text = more;
	*room = want;
	return 0;
}

static int read_all(int fd, size_t limit, char **text, size_t *length)
{
	size_t room = 0;
	*length = 0;
	while (*length <= limit) {
		int rc = make_room(text, *length, &room, limit);
		if (rc)
			return rc;
		ssize_t n = read(fd, *text + *length, room - *length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		*length += n;
	}
	return -EFBIG;
}

int file_read(const char *path, char **text, size_t *length, struct err *err)
{
	return file_read_limited(path, CONFIG_MAX_BYTES, text, length, err);
}

int file_read_limited(const char *path, size_t limit, char **text, size_t *length, struct err *err)
{
	bool is_stdin = !strcmp(path, "-");
	char *bytes = NULL;
	size_t count;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "%s: cannot be opened: %s", path, strerror(errno));
	int rc = read_all(fd, limit, &bytes, &count);
	if (!is_stdin)
		close(fd);
	if (rc) {
		free(bytes);
		if (rc == -EFBIG)
			return err_set(err, EFBIG, "%s: too long; expected at most %zu bytes", path,
				       limit);
		return err_set(err, -rc, "%s: cannot be read: %s", path, strerror(-rc));
	}
	bytes[count] = '\0';
	*text = bytes;
	*length = count;
	return 0;
}
