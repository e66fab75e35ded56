// SPDX-License-Identifier: BSD-2-Clause
/*
 * /proc/net names the sockets by inode, /proc/PID/fd says who has that one, and pidfd_getfd(2)
 * takes a descriptor of it.
 */
#include "tools/weir/listener.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lb/err.h"

#define STATE_LISTEN  0x0a /* TCP_LISTEN */
#define STATE_UNBOUND 0x07 /* TCP_CLOSE: a UDP socket that is not connected */

/* The inode of the socket in one of the kernel's lists, or 0. */
static unsigned long find_inode(const char *list, uint16_t port, unsigned int state)
{
	char line[512];
	unsigned long inode, found = 0;
	unsigned int its_port, its_state;
	FILE *f = fopen(list, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line,
			   "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %lu",
			   &its_port, &its_state, &inode) == 3 &&
		    its_port == port && its_state == state)
			found = inode;
	if (f)
		fclose(f);
	return found;
}

/* The descriptor that a process has of a socket, or -1. */
static int find_descriptor(const char *pid, unsigned long inode)
{
	char path[300], wanted[64], is[64];
	int found = -1;
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	DIR *all = opendir(path);
	for (struct dirent *e; all && found < 0 && (e = readdir(all));) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, e->d_name);
		ssize_t n = readlink(path, is, sizeof(is) - 1);
		is[n > 0 ? n : 0] = 0;
		if (!strcmp(is, wanted))
			found = atoi(e->d_name);
	}
	if (all)
		closedir(all);
	return found;
}

static int take(int pid, int descriptor)
{
	int process = syscall(SYS_pidfd_open, pid, 0);
	if (process < 0)
		return -errno;
	int fd = syscall(SYS_pidfd_getfd, process, descriptor, 0);
	int r = fd < 0 ? -errno : fd;
	close(process);
	return r;
}

static int take_by_inode(unsigned long inode, struct err *err)
{
	DIR *all = opendir("/proc");
	int r = -ENOENT;
	for (struct dirent *e; all && r == -ENOENT && (e = readdir(all));) {
		int descriptor = isdigit(e->d_name[0]) ? find_descriptor(e->d_name, inode) : -1;
		if (descriptor >= 0)
			r = take(atoi(e->d_name), descriptor);
	}
	if (all)
		closedir(all);
	if (r < 0 && r != -ENOENT)
		return err_set(err, -r, "can't take the server's socket: %s", strerror(-r));
	return r;
}

int listener_find(uint8_t protocol, uint16_t port, bool v6, struct err *err)
{
	bool tcp = protocol == IPPROTO_TCP;
	unsigned int state = tcp ? STATE_LISTEN : STATE_UNBOUND;
	unsigned long inode = 0;
	if (!v6)
		inode = find_inode(tcp ? "/proc/net/tcp" : "/proc/net/udp", port, state);
	if (!inode)
		inode = find_inode(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", port, state);
	return inode ? take_by_inode(inode, err) : -ENOENT;
}
