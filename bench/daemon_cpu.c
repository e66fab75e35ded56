// SPDX-License-Identifier: BSD-2-Clause
#include "bench/daemon_cpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/api_load.h"
#include "lb/err.h"

/* Who listens there: the kernel says it of the other end of a connection. */
static int find_process(const char *path, struct err *err)
{
	struct ucred other;
	socklen_t size = sizeof(other);
	int fd = api_load_connect(path);
	if (fd < 0)
		return err_set(err, -fd, "no daemon answers on %s", path);
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) ? -errno : 0;
	close(fd);
	return r ? err_set(err, -r, "who listens on %s?", path) : other.pid;
}

int daemon_cpu_open(struct daemon_cpu *d, const char *socket, struct err *err)
{
	char path[64];
	d->fd = -1;
	int pid = find_process(socket, err);
	if (pid < 0)
		return pid;
	/* The main thread is the control thread. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, pid);
	d->fd = open(path, O_RDONLY | O_CLOEXEC);
	return d->fd < 0 ? err_set(err, errno, "can't read %s: %m", path) : 0;
}

void daemon_cpu_close(struct daemon_cpu *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

int daemon_cpu_read(const struct daemon_cpu *d, double *ms, struct err *err)
{
	char text[64];
	ssize_t n = pread(d->fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return err_set(err, n ? errno : ESRCH, "the daemon has ended");
	text[n] = '\0';
	*ms = strtoull(text, NULL, 10) / 1e6;
	return 0;
}
