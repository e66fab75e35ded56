// SPDX-License-Identifier: BSD-2-Clause
/* Goes into another network namespace for the time of a few questions. Single-threaded programs
 * only. */
#include "tools/weir/peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "datapath/probe.h"
#include "tools/weir/ethtool.h"
#include "tools/weir/rtnetlink.h"

#define NAMED "/run/netns"
#define FIRST "/proc/1/ns/net"

/* In the namespace where the peer is. */
static void ask(int ifindex, struct peer_facts *out)
{
	struct probe_xdp xdp;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !if_indextoname(ifindex, out->name)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	out->visible = true;
	out->tx_checksum = ethtool_offload(fd, out->name, ETHTOOL_GTXCSUM);
	out->gro = ethtool_offload(fd, out->name, ETHTOOL_GGRO);
	if (!probe_xdp(ifindex, &xdp))
		out->native_xdp = xdp.program && !xdp.generic ? FACT_YES : FACT_NO;
	close(fd);
}

/* Whether the namespace at `path` is the one wanted; a descriptor of it, or -1. */
static int open_if_it_is(struct rtnetlink *r, const char *path, int wanted)
{
	int nsid, fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (!rtnetlink_get_nsid(r, fd, &nsid) && nsid == wanted)
		return fd;
	close(fd);
	return -1;
}

/* Also leaves its name, or where it is found. */
static int open_namespace(struct rtnetlink *r, int nsid, char name[FACTS_NAMESPACE])
{
	char path[300];
	int fd = open_if_it_is(r, FIRST, nsid);
	if (fd >= 0) {
		snprintf(name, FACTS_NAMESPACE, FIRST);
		return fd;
	}
	DIR *folder = opendir(NAMED);
	for (struct dirent *e; folder && fd < 0 && (e = readdir(folder));) {
		snprintf(path, sizeof(path), NAMED "/%s", e->d_name);
		if (e->d_name[0] != '.')
			fd = open_if_it_is(r, path, nsid);
		if (fd >= 0)
			snprintf(name, FACTS_NAMESPACE, "%.*s", FACTS_NAMESPACE - 1, path);
	}
	if (folder)
		closedir(folder);
	return fd;
}

void peer_look(struct rtnetlink *r, int ifindex, int nsid, struct peer_facts *out)
{
	*out = (struct peer_facts){.there = true};
	if (nsid < 0) {
		ask(ifindex, out);
		return;
	}
	int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int theirs = ours < 0 ? -1 : open_namespace(r, nsid, out->namespace);
	if (theirs >= 0 && !setns(theirs, CLONE_NEWNET)) {
		ask(ifindex, out);
		/* Cannot fail: we came from there, with the same privileges. */
		if (setns(ours, CLONE_NEWNET))
			out->visible = false;
	}
	if (theirs >= 0)
		close(theirs);
	if (ours >= 0)
		close(ours);
}
