// SPDX-License-Identifier: BSD-2-Clause
/* Drivers name their counters as they like; these are the words that losses have in all of them. */
#include "datapath/port_statistics.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ask(int fd, const char *interface, void *question)
{
	struct ifreq r = {.ifr_data = question};
	memcpy(r.ifr_name, interface, strnlen(interface, IFNAMSIZ - 1));
	return ioctl(fd, SIOCETHTOOL, &r);
}

static uint32_t count_statistics(int fd, const char *interface)
{
	uint32_t count = 0;
	struct ethtool_sset_info *info = calloc(1, sizeof(*info) + sizeof(count));
	if (!info)
		return 0;
	*info = (struct ethtool_sset_info){.cmd = ETHTOOL_GSSET_INFO,
					   .sset_mask = 1ull << ETH_SS_STATS};
	if (!ask(fd, interface, info) && info->sset_mask)
		memcpy(&count, info->data, sizeof(count));
	free(info);
	return count;
}

static bool is_of_losses(const char *name)
{
	static const char *const words[] = {"drop", "miss",    "discard", "no_buf",
					    "err",  "no_desc", "full"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

static void tell(int fd, const char *interface, uint32_t count, port_statistic_fn *fn,
		 void *context)
{
	struct ethtool_gstrings *names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
	struct ethtool_stats *values = calloc(1, sizeof(*values) + count * sizeof(uint64_t));
	if (names && values) {
		*names = (struct ethtool_gstrings){
			.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = count};
		*values = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = count};
		if (!ask(fd, interface, names) && !ask(fd, interface, values))
			for (uint32_t i = 0; i < count; i++) {
				char name[ETH_GSTRING_LEN + 1] = "";
				memcpy(name, names->data + i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
				if (is_of_losses(name))
					fn(context, name, values->data[i]);
			}
	}
	free(names);
	free(values);
}

void port_loss_statistics(const char *interface, port_statistic_fn *fn, void *context)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	uint32_t count = count_statistics(fd, interface);
	if (count)
		tell(fd, interface, count, fn, context);
	close(fd);
}
