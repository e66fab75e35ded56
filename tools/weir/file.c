// SPDX-License-Identifier: BSD-2-Clause
#include "tools/weir/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lb/config.h"
#include "lb/err.h"

#define FIRST_BYTES 16384u
#define LOOK_MS     50 /* between two looks whether to stop */

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

/*
 * A pipe may have nobody who writes for a long time: whether there are bytes by now, or its end.
 * False: they are not wanted any more.
 */
static bool await_bytes(int fd, const bool *stop)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	do
		if (stop && __atomic_load_n(stop, __ATOMIC_RELAXED))
			return false;
	while (!poll(&readable, 1, stop ? LOOK_MS : -1));
	return true;
}

static int read_all(int fd, const struct file_limits *l, char **text, size_t *length)
{
	size_t room = 0;
	*length = 0;
	while (*length <= l->bytes) {
		int rc = make_room(text, *length, &room, l->bytes);
		if (rc)
			return rc;
		if (!await_bytes(fd, l->stop))
			return -ECANCELED;
		ssize_t n = read(fd, *text + *length, room - *length);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
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
	const struct file_limits limits = {.bytes = CONFIG_MAX_BYTES};
	return file_read_limited(path, &limits, text, length, err);
}

int file_read_regular(const char *path, char **text, size_t *length, struct err *err)
{
	const struct file_limits limits = {.bytes = CONFIG_MAX_BYTES, .regular = true};
	return file_read_limited(path, &limits, text, length, err);
}

static int check_kind(const char *path, int fd, bool regular, struct err *err)
{
	struct stat st;
	if (!regular || (fd != STDIN_FILENO && !fstat(fd, &st) && S_ISREG(st.st_mode)))
		return 0;
	return err_set(err, EINVAL,
		       "%s: is no regular file, and the daemon would wait for who writes it; name "
		       "one that can be read at any time",
		       path);
}

int file_read_limited(const char *path, const struct file_limits *limits, char **text,
		      size_t *length, struct err *err)
{
	bool is_stdin = !strcmp(path, "-");
	char *bytes = NULL;
	size_t count;
	/* Not to wait for who writes a pipe before there is a descriptor to wait by. */
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "%s: cannot be opened: %s", path, strerror(errno));
	int wrong = check_kind(path, fd, limits->regular, err);
	int rc = wrong ? wrong : read_all(fd, limits, &bytes, &count);
	if (!is_stdin)
		close(fd);
	if (rc) {
		free(bytes);
		if (wrong)
			return wrong;
		if (rc == -EFBIG)
			return err_set(err, EFBIG, "%s: too long; expected at most %zu bytes", path,
				       limits->bytes);
		return err_set(err, -rc, "%s: cannot be read: %s", path, strerror(-rc));
	}
	bytes[count] = '\0';
	*text = bytes;
	*length = count;
	return 0;
}
