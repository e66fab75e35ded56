// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "datapath/dispatcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/dispatcher.skel.h"

#define NAMED_BY "LIBXDP_OBJECT_PATH"

static const char *path_in(const struct dispatcher *d, char path[96])
{
	snprintf(path, 96, "%s/xdp-dispatcher.o", d->folder);
	return path;
}

static int write_object(const struct dispatcher *d)
{
	char path[96];
	size_t size;
	const void *object = dispatcher_bpf__elf_bytes(&size);
	int fd = open(path_in(d, path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = write(fd, object, size) == (ssize_t)size ? 0 : -EIO;
	close(fd);
	return r;
}

int dispatcher_offer(struct dispatcher *d)
{
	*d = (struct dispatcher){};
	if (getenv(NAMED_BY))
		return -EEXIST;
	snprintf(d->folder, sizeof(d->folder), "/tmp/weir-dispatcher.XXXXXX");
	if (!mkdtemp(d->folder)) {
		d->folder[0] = 0;
		return -errno;
	}
	int r = write_object(d);
	if (!r && setenv(NAMED_BY, d->folder, 1))
		r = -errno;
	if (r)
		dispatcher_withdraw(d);
	return r;
}

void dispatcher_withdraw(struct dispatcher *d)
{
	char path[96];
	if (!d->folder[0])
		return;
	unsetenv(NAMED_BY);
	unlink(path_in(d, path));
	rmdir(d->folder);
	d->folder[0] = 0;
}
