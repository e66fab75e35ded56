// SPDX-License-Identifier: BSD-2-Clause
/*
 * A view of one's own is a file system that was made in this namespace and is mounted nowhere.
 * Where that is not permitted /sys has to do, if it has an interface of that name and number.
 */
#include "datapath/sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int kept = -1; /* a view that is open */
static sysfs_write_fn *write_by;
static void *write_context;

/* The root of that view, or -errno. */
static int make_view(void)
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

static int open_view(void)
{
	int view = make_view();
	if (view == -EPERM || view == -ENOSYS)
		view = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return view == -1 ? -errno : view;
}

static int read_number(int fd, int64_t *out)
{
	char text[32], *end;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = 0;
	int64_t value = strtoll(text, &end, 10);
	if (end == text)
		return -EINVAL;
	*out = value;
	return 0;
}

static int open_in(int view, const char *interface, const char *setting, int flags)
{
	char path[128];
	snprintf(path, sizeof(path), "class/net/%s/%s", interface, setting);
	int fd = openat(view, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Whether the view has our interface of that name, and not another namespace's. */
static bool shows(int view, const char *interface)
{
	int64_t index = 0;
	int fd = open_in(view, interface, "ifindex", O_RDONLY);
	if (fd < 0)
		return false;
	int r = read_number(fd, &index);
	close(fd);
	return !r && index && index == if_nametoindex(interface);
}

static int open_setting(const char *interface, const char *setting, int flags)
{
	int view = kept >= 0 ? kept : open_view();
	if (view < 0)
		return view;
	int r = shows(view, interface) ? open_in(view, interface, setting, flags) : -ENOENT;
	if (view != kept)
		close(view);
	return r;
}

void sysfs_open(void)
{
	if (kept < 0)
		kept = open_view();
}

void sysfs_hook(sysfs_write_fn *fn, void *context)
{
	write_by = fn;
	write_context = context;
}

bool sysfs_is_deferral(const char *setting)
{
	return !strcmp(setting, SYSFS_HARD_IRQS) || !strcmp(setting, SYSFS_FLUSH_TIMEOUT);
}

int sysfs_read(const char *interface, const char *setting, int64_t *out)
{
	int fd = open_setting(interface, setting, O_RDONLY);
	if (fd < 0)
		return fd;
	int r = read_number(fd, out);
	close(fd);
	return r;
}

int sysfs_write(const char *interface, const char *setting, int64_t value)
{
	char text[32];
	if (write_by)
		return write_by(write_context, interface, setting, value);
	int length = snprintf(text, sizeof(text), "%" PRId64, value);
	int fd = open_setting(interface, setting, O_WRONLY);
	if (fd < 0)
		return fd;
	int r = write(fd, text, length) == length ? 0 : -errno;
	close(fd);
	return r;
}
