// SPDX-License-Identifier: BSD-2-Clause
/* No state. */
#include "tools/weir/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static bool ask(int fd, const char *name, void *command)
{
	struct ifreq r = {.ifr_data = command};
	memcpy(r.ifr_name, name, strnlen(name, IF_NAMESIZE - 1));
	return !ioctl(fd, SIOCETHTOOL, &r);
}

enum fact ethtool_offload(int fd, const char *name, uint32_t command)
{
	struct ethtool_value value = {.cmd = command};
	if (!ask(fd, name, &value))
		return FACT_UNKNOWN;
	return value.data ? FACT_YES : FACT_NO;
}

static void look_at_driver(int fd, struct nic_facts *n)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	if (!ask(fd, n->name, &info))
		return;
	snprintf(n->driver, sizeof(n->driver), "%.31s", info.driver);
	snprintf(n->firmware, sizeof(n->firmware), "%.31s", info.fw_version);
	snprintf(n->bus, sizeof(n->bus), "%.31s", info.bus_info);
}

static void look_at_queues(int fd, struct nic_facts *n)
{
	struct ethtool_channels c = {.cmd = ETHTOOL_GCHANNELS};
	n->rx_queues = n->tx_queues = 1; /* as a driver without channels has it */
	if (!ask(fd, n->name, &c))
		return;
	n->rx_queues = c.combined_count + c.rx_count;
	n->tx_queues = c.combined_count + c.tx_count;
	n->max_queues = c.max_combined ? c.max_combined : c.max_rx;
}

static void look_at_rings(int fd, struct nic_facts *n)
{
	struct ethtool_ringparam r = {.cmd = ETHTOOL_GRINGPARAM};
	if (!ask(fd, n->name, &r))
		return;
	n->rx_ring = r.rx_pending;
	n->rx_ring_max = r.rx_max_pending;
}

static uint32_t queues_of_table(const uint32_t *table, uint32_t size)
{
	uint64_t seen[16] = {0};
	uint32_t count = 0;
	for (uint32_t i = 0; i < size; i++)
		if (table[i] < 1024)
			seen[table[i] / 64] |= 1ull << (table[i] % 64);
	for (int i = 0; i < 16; i++)
		count += __builtin_popcountll(seen[i]);
	return count;
}

/* The table of queues, and the key behind it. */
static void look_at_rss(int fd, struct nic_facts *n)
{
	struct ethtool_rxfh sizes = {.cmd = ETHTOOL_GRSSH};
	if (!ask(fd, n->name, &sizes) || !sizes.indir_size)
		return;
	uint32_t table = sizes.indir_size, key = sizes.key_size, any = 0;
	struct ethtool_rxfh *r = calloc(1, sizeof(*r) + table * sizeof(uint32_t) + key);
	if (!r)
		return;
	r->cmd = ETHTOOL_GRSSH;
	r->indir_size = table;
	r->key_size = key;
	if (ask(fd, n->name, r)) {
		const uint8_t *bytes = (const uint8_t *)(r->rss_config + table);
		for (uint32_t i = 0; i < key; i++)
			any |= bytes[i];
		n->has_rss = true;
		n->rss_key_is_zero = key && !any;
		n->rss_queues = queues_of_table(r->rss_config, table);
	}
	free(r);
}

void ethtool_look(int fd, struct nic_facts *n)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	look_at_driver(fd, n);
	look_at_queues(fd, n);
	look_at_rings(fd, n);
	look_at_rss(fd, n);
	n->gro = ethtool_offload(fd, n->name, ETHTOOL_GGRO);
	n->rx_checksum = ethtool_offload(fd, n->name, ETHTOOL_GRXCSUM);
	if (!ask(fd, n->name, &flags))
		return;
	n->lro = flags.data & ETH_FLAG_LRO ? FACT_YES : FACT_NO;
	n->rx_vlan = flags.data & ETH_FLAG_RXVLAN ? FACT_YES : FACT_NO;
}

/* A veth tells it as the statistic "peer_ifindex". */
int ethtool_peer(int fd, const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	if (!ask(fd, name, &info) || strcmp(info.driver, "veth") || !info.n_stats)
		return 0;
	uint32_t count = info.n_stats, peer = 0;
	struct ethtool_gstrings *names = calloc(1, sizeof(*names) + count * ETH_GSTRING_LEN);
	struct ethtool_stats *values = calloc(1, sizeof(*values) + count * sizeof(uint64_t));
	if (names && values) {
		*names = (struct ethtool_gstrings){
			.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_STATS, .len = count};
		*values = (struct ethtool_stats){.cmd = ETHTOOL_GSTATS, .n_stats = count};
		bool told = ask(fd, name, names) && ask(fd, name, values);
		for (uint32_t i = 0; told && i < count; i++)
			if (!strncmp((char *)names->data + i * ETH_GSTRING_LEN, "peer_ifindex",
				     ETH_GSTRING_LEN))
				peer = values->data[i];
	}
	free(names);
	free(values);
	return peer;
}
