// SPDX-License-Identifier: BSD-2-Clause
/* A view of one's own is a file system that was made in this namespace and is mounted nowhere. */
#include "datapath/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The root of that view, or -errno. */
static int open_view(void)
{
	int fs = syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
	int view = -1;
	if (fs < 0)
		return -errno;
	if (!syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		view = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	int r = view < 0 ? -errno : view;
	close(fs);
	return r;
}

static int open_setting(const char *interface, const char *setting, int flags)
{
	char path[128];
	int view = open_view();
	if (view < 0)
		return view;
	snprintf(path, sizeof(path), "class/net/%s/%s", interface, setting);
	int fd = openat(view, path, flags | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd;
	close(view);
	return r;
}

int sysfs_read(const char *interface, const char *setting, int64_t *out)
{
	char text[32], *end;
	int fd = open_setting(interface, setting, O_RDONLY);
	if (fd < 0)
		return fd;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	int r = n < 0 ? -errno : 0;
	close(fd);
	if (r)
		return r;
	text[n] = 0;
	int64_t value = strtoll(text, &end, 10);
	if (end == text)
		return -EINVAL;
	*out = value;
	return 0;
}

int sysfs_write(const char *interface, const char *setting, int64_t value)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%" PRId64, value);
	int fd = open_setting(interface, setting, O_WRONLY);
	if (fd < 0)
		return fd;
	int r = write(fd, text, length) == length ? 0 : -errno;
	close(fd);
	return r;
}
