/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `weir doctor` has found out about a host, before anybody judges it. Facts are gathered by
 * host_facts.c, nic_facts.c and path_facts.c, and judged by diagnosis.c, which sees nothing else.
 */
#ifndef WEIR_TOOLS_FACTS_H
#define WEIR_TOOLS_FACTS_H

#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "lb/config.h"

#define FACTS_MAX_NICS  16
#define FACTS_NAMESPACE 64 /* bytes of a network namespace's name */

/* What the kernel says, or does not say. */
enum fact { FACT_UNKNOWN, FACT_NO, FACT_YES };

struct host_facts {
	char release[65];
	unsigned int major, minor;
	enum fact btf, jit, bpffs, trampolines;
	bool may_lock_memory; /* CAP_IPC_LOCK: the limit does not count */
	uint64_t memlock;     /* bytes; UINT64_MAX: no limit */
	uint64_t hugepages, hugepages_free;
	uint32_t hugepage_kib;
	unsigned int nodes, cpus;
	enum fact forwards4, forwards6;
	int rp_filter_all; /* -1: unknown */
};

/* The other end of a virtual cable. */
struct peer_facts {
	bool there;
	bool visible; /* its namespace has a name, so it could be looked at */
	char name[IF_NAMESIZE];
	char namespace[FACTS_NAMESPACE]; /* "": this one */
	enum fact tx_checksum, gro, native_xdp;
};

struct xdp_facts {
	uint32_t program; /* id; 0: none */
	bool generic;
	char name[17];
	bool is_ours;
	bool is_dispatcher; /* libxdp's, which has room for several programs */
};

struct nic_facts {
	char name[IF_NAMESIZE];
	int ifindex;
	bool there, up, running, ethernet;
	char kind[16]; /* "veth", "bond", "vlan"...; "": hardware, as far as the kernel says */
	char master[IF_NAMESIZE];
	char driver[32], firmware[32], bus[32];
	uint32_t mtu;
	enum fact native_xdp, zerocopy; /* as the driver announces it (Linux 6.3) */
	struct xdp_facts xdp;
	uint32_t rx_queues, tx_queues, max_queues; /* 0: unknown */
	uint32_t rx_ring, rx_ring_max;
	bool has_rss, rss_key_is_zero;
	uint32_t rss_queues; /* that it spreads over */
	enum fact lro, gro, rx_checksum, rx_vlan;
	uint32_t irqs;
	cpu_set_t irq_cpus;
	int64_t defer_hard_irqs, flush_timeout_ns; /* -1: unknown */
	int node;                                  /* -1: unknown or none */
	int rp_filter;                             /* the interface's own; -1: unknown */
	struct peer_facts peer;

	/* From the configuration, or the daemon that runs. */
	bool configured;
	enum config_mode mode;
	enum config_attach attach;
	char mode_is[16];        /* in the daemon; "": none runs */
	uint32_t queues_served;  /* 0: not known */
	uint32_t first_unserved; /* queue, where fewer are served than there are */
};

/* A backend and the way to it. */
struct path_facts {
	char name[300]; /* "service/backend" */
	char address[46];
	bool reachable;
	char why[256]; /* it is not */
	bool unasked;  /* nobody has asked for its link address yet */
};

/* A VIP or SNAT address that the host's own kernel has too. */
struct local_vip {
	bool snat;
	char service[128], address[46], interface[IF_NAMESIZE];
};

struct daemon_facts {
	bool running;
	char fault[512]; /* it was to be asked and can't */
	bool balanced;
	uint64_t unfinished_checksums; /* packets; 0 also where it does not count them */
	uint64_t rx_no_frame, rx_full, tx_failed, tx_full, received;
	bool has_hugepages, asked_memory;
	cpu_set_t worker_cpus;
};

struct facts {
	struct host_facts host;
	struct nic_facts nics[FACTS_MAX_NICS];
	unsigned int nic_count;
	struct path_facts *paths;
	unsigned int path_count;
	struct local_vip *vips;
	unsigned int vip_count;
	struct daemon_facts daemon;
	bool two_armed;  /* more than one interface is served */
	bool busy_polls; /* workers: {poll: busy} */
};

#endif
