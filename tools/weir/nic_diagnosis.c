// SPDX-License-Identifier: BSD-2-Clause
/* One function a check: it adds what it has to say about the interface. What is unknown is not
 * judged. */
#include "tools/weir/nic_diagnosis.h"

#include <inttypes.h>
#include <string.h>

#include "datapath/frame_pool.h"
#include "datapath/port.h"
#include "tools/weir/facts.h"
#include "tools/weir/finding.h"

#define RING_SMALL 1024u
#define RP_STRICT  1
#define RP_LOOSE   2

#define KERNEL_JUMBO 6 /* of Linux 6: AF_XDP takes packets of several buffers */

typedef void nic_check(const struct facts *f, const struct nic_facts *n, struct findings *out);

static void check_link(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (!n->up)
		finding_mend(finding_add(out, FINDING_BAD, n->name, "link",
					 "it is down: nothing comes in"),
			     true, "ip link set dev %s up", n->name);
	else if (!n->running)
		finding_add(out, FINDING_BAD, n->name, "link",
			    "it is up but has no carrier: look at the cable and its other end");
	else if (!n->ethernet)
		finding_add(out, FINDING_BAD, n->name, "link",
			    "it is no Ethernet interface: Weir takes only these");
	else
		finding_add(out, FINDING_OK, n->name, "link", "up, driver %s%s%s",
			    n->driver[0] ? n->driver : "unknown", n->bus[0] ? ", " : "", n->bus);
}

static void check_kind(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	static const char *const above[] = {"bridge", "vlan", "macvlan", "team"};
	for (unsigned int i = 0; i < sizeof(above) / sizeof(above[0]); i++)
		if (!strcmp(n->kind, above[i]))
			finding_add(out, FINDING_WARN, n->name, "kind",
				    "it is a %s: XDP runs in generic mode on it; give Weir the "
				    "interface below",
				    n->kind);
	if (n->master[0])
		finding_add(out, FINDING_WARN, n->name, "kind",
			    "it is a member of %s: Weir takes what is for VIPs before %s sees it, "
			    "and passes it all else",
			    n->master, n->master);
}

static void check_xdp(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	bool must = n->mode == MODE_ZEROCOPY;
	if (n->native_xdp == FACT_NO || (n->xdp.program && n->xdp.generic))
		finding_add(out, must && n->native_xdp == FACT_NO ? FINDING_BAD : FINDING_WARN,
			    n->name, "xdp", "%s: generic XDP costs several times as much as native",
			    n->native_xdp == FACT_NO ? "its driver has no native XDP"
						     : "its program runs in generic mode");
	else if (n->native_xdp == FACT_YES)
		finding_add(out, FINDING_OK, n->name, "xdp", "its driver has native XDP");
}

static void check_others(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	bool share = n->attach == ATTACH_DISPATCHER;
	if (share && f->host.trampolines == FACT_NO)
		finding_add(out, FINDING_BAD, n->name, "xdp-program",
			    "attach is dispatcher, and BPF trampolines do not load here, which "
			    "libxdp's dispatcher is built on: set attach: link");
	else if (n->xdp.is_dispatcher && share)
		finding_add(out, FINDING_OK, n->name, "xdp-program",
			    "libxdp's dispatcher is attached, which has room for Weir and others");
	else if (n->xdp.is_dispatcher)
		finding_mend(
			finding_add(out, FINDING_BAD, n->name, "xdp-program",
				    "libxdp's dispatcher is attached, and Weir can't be beside "
				    "it by a link: set attach: dispatcher, or stop its owners"),
			false, "xdp-loader unload %s --all", n->name);
	else if (n->xdp.program && !n->xdp.is_ours)
		finding_mend(
			finding_add(out, FINDING_BAD, n->name, "xdp-program",
				    "XDP program %u (%s) is attached already, and Weir can't be "
				    "beside it: stop its owner",
				    n->xdp.program, n->xdp.name[0] ? n->xdp.name : "no name"),
			false, "ip link set dev %s xdp off", n->name);
}

static void check_zerocopy(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (n->zerocopy == FACT_NO)
		finding_add(out, n->mode == MODE_ZEROCOPY ? FINDING_BAD : FINDING_OK, n->name,
			    "zero-copy", "its driver has no zero copy: sockets run in copy mode");
	else if (n->zerocopy == FACT_YES && n->mode_is[0] && strcmp(n->mode_is, "zerocopy"))
		finding_add(
			out, FINDING_WARN, n->name, "zero-copy",
			"its driver has zero copy, but the daemon runs in mode %s: the log says "
			"why; all interfaces share one memory, so one without is enough",
			n->mode_is);
	else if (n->zerocopy == FACT_YES)
		finding_add(out, FINDING_OK, n->name, "zero-copy", "its driver has zero copy");
}

static void check_queues(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (!n->rx_queues)
		return;
	if (n->rx_queues > ABI_MAX_QUEUES)
		finding_mend(finding_add(out, FINDING_BAD, n->name, "queues",
					 "it has %u receive queues, Weir serves up to %u",
					 n->rx_queues, ABI_MAX_QUEUES),
			     false, "ethtool -L %s combined %u", n->name, ABI_MAX_QUEUES);
	else if (n->queues_served && n->queues_served < n->rx_queues)
		finding_mend(
			finding_add(out, FINDING_BAD, n->name, "queues",
				    "%u of its %u receive queues have a socket: what comes in by "
				    "queue %u goes to the kernel, past Weir",
				    n->queues_served, n->rx_queues, n->first_unserved),
			false, "ethtool -L %s combined %u", n->name, n->queues_served);
	else
		finding_add(out, FINDING_OK, n->name, "queues", "%u receive queue%s%s",
			    n->rx_queues, n->rx_queues == 1 ? "" : "s",
			    n->queues_served ? ", all with a socket" : "");
	if (n->rx_queues < f->host.cpus && n->max_queues > n->rx_queues)
		finding_mend(
			finding_add(out, FINDING_WARN, n->name, "queues",
				    "%u of %u possible queues are on, and there are %u CPUs: a "
				    "worker needs a queue of its own",
				    n->rx_queues, n->max_queues, f->host.cpus),
			false, "ethtool -L %s combined %u", n->name,
			n->max_queues < f->host.cpus ? n->max_queues : f->host.cpus);
}

/*
 * virtio_net sends from XDP by a queue of each CPU's own beside those in use, and takes that they
 * are there for granted where more queues are in use than there are CPUs (seen on Linux 6.1
 * and 7.3).
 */
static void check_xdp_queues(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (strcmp(n->driver, "virtio_net") || n->tx_queues <= f->host.cpus ||
	    n->max_queues >= n->tx_queues + f->host.cpus)
		return;
	finding_mend(finding_add(out, FINDING_BAD, n->name, "xdp-queues",
				 "%u queues for %u CPUs, and no room for those that XDP sends by: "
				 "Linux crashes at the first XDP_TX on virtio_net",
				 n->tx_queues, f->host.cpus),
		     false, "ethtool -L %s combined %u", n->name, f->host.cpus);
}

static void check_rings(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (!n->rx_ring)
		return;
	if (n->rx_ring < RING_SMALL && n->rx_ring_max > n->rx_ring)
		finding_mend(
			finding_add(out, FINDING_WARN, n->name, "rings",
				    "its receive ring has %u of %u possible descriptors: bursts "
				    "are lost there first",
				    n->rx_ring, n->rx_ring_max),
			false, "ethtool -G %s rx %u", n->name, n->rx_ring_max);
	else
		finding_add(out, FINDING_OK, n->name, "rings", "%u receive descriptors a queue",
			    n->rx_ring);
}

static void check_rss(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (!n->has_rss || n->rx_queues < 2)
		return;
	if (n->rss_key_is_zero)
		finding_mend(finding_add(out, FINDING_BAD, n->name, "rss",
					 "the key of its RSS is zero: all flows come to one queue"),
			     false, "ethtool -X %s default", n->name);
	else if (n->rss_queues < n->rx_queues)
		finding_mend(
			finding_add(out, FINDING_WARN, n->name, "rss",
				    "RSS spreads over %u of %u queues: the others' workers idle",
				    n->rss_queues, n->rx_queues),
			false, "ethtool -X %s equal %u", n->name, n->rx_queues);
	else
		finding_add(out, FINDING_OK, n->name, "rss", "RSS spreads over all %u queues",
			    n->rx_queues);
}

static void check_offloads(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	bool generic = n->native_xdp == FACT_NO || n->mode == MODE_GENERIC || n->xdp.generic;
	unsigned int before = out->count;
	if (n->lro == FACT_YES)
		finding_mend(finding_add(out, FINDING_BAD, n->name, "lro",
					 "LRO is on: packets are merged before anybody sees them"),
			     true, "ethtool -K %s lro off", n->name);
	if (n->gro == FACT_YES && generic)
		finding_mend(finding_add(out, FINDING_BAD, n->name, "gro",
					 "GRO is on and XDP generic: packets of a connection are "
					 "merged before XDP sees them, and do not fit a frame"),
			     true, "ethtool -K %s gro off", n->name);
	if (n->rx_vlan == FACT_YES)
		finding_mend(finding_add(out, FINDING_WARN, n->name, "vlan",
					 "it takes VLAN tags off before XDP sees them: VIPs behind "
					 "tags are served as if there were none"),
			     true, "ethtool -K %s rxvlan off", n->name);
	if (out->count == before)
		finding_add(out, FINDING_OK, n->name, "offloads",
			    "none that hides anything from XDP");
}

static void check_mtu(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	const struct host_facts *h = &f->host;
	bool jumbo = h->major > 6 || (h->major == 6 && h->minor >= KERNEL_JUMBO);
	if (n->mtu > PORT_MAX_MTU || (n->mtu > PORT_FRAME_MTU && !jumbo))
		finding_mend(finding_add(out, FINDING_BAD, n->name, "mtu",
					 "its MTU is %u, this kernel's AF_XDP takes up to %u%s",
					 n->mtu, jumbo ? PORT_MAX_MTU : PORT_FRAME_MTU,
					 jumbo ? "" : " (Linux 6.6: 9216)"),
			     false, "ip link set dev %s mtu 1500", n->name);
	else if (n->mtu > PORT_FRAME_MTU)
		finding_add(out, FINDING_OK, n->name, "mtu",
			    "MTU %u: packets of several frames of %u bytes", n->mtu, FRAME_SIZE);
	else
		finding_add(out, FINDING_OK, n->name, "mtu", "MTU %u fits a frame of %u bytes",
			    n->mtu, FRAME_SIZE);
}

static void check_interrupts(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	cpu_set_t both;
	if (!n->irqs || !f->daemon.running)
		return;
	CPU_AND(&both, &n->irq_cpus, &f->daemon.worker_cpus);
	if (CPU_COUNT(&both) && !f->busy_polls && f->host.cpus > 1)
		finding_add(out, FINDING_WARN, n->name, "interrupts",
			    "%d of the workers' CPUs also take its interrupts: under load one "
			    "starves the other; set workers: {cpus: [...]}, or workers: "
			    "{pin_interrupts: true}",
			    CPU_COUNT(&both));
	else
		finding_add(out, FINDING_OK, n->name, "interrupts",
			    "its %u interrupts come to %d CPUs", n->irqs, CPU_COUNT(&n->irq_cpus));
}

static void check_busy_poll(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (!f->busy_polls || !f->daemon.running || n->defer_hard_irqs < 0)
		return;
	if (!n->defer_hard_irqs || !n->flush_timeout_ns)
		finding_add(
			out, FINDING_WARN, n->name, "busy-poll",
			"workers poll all the time, but its driver does not say by what its queues "
			"could be driven, so its interrupts come all the same");
	else
		finding_add(out, FINDING_OK, n->name, "busy-poll",
			    "interrupts are put off by %" PRId64 " polls, %" PRId64 " ns each",
			    n->defer_hard_irqs, n->flush_timeout_ns);
}

static void check_node(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (f->host.nodes > 1 && n->node >= 0)
		finding_add(out, FINDING_OK, n->name, "numa",
			    "it is on node %d: packet memory comes from there", n->node);
}

/* The stricter of the two settings does not count: the greater one does (ip-sysctl.rst). */
static void check_reverse_path(const struct facts *f, const struct nic_facts *n,
			       struct findings *out)
{
	int all = f->host.rp_filter_all, own = n->rp_filter;
	if (all < 0 || own < 0)
		return;
	if ((all > own ? all : own) == RP_STRICT)
		finding_mend(
			finding_add(out, f->two_armed ? FINDING_BAD : FINDING_WARN, n->name,
				    "rp_filter",
				    "reverse path filtering is strict: the kernel drops answers "
				    "that VIPs give by way of this host, since they seem to come "
				    "from the wrong side"),
			true, "sysctl -w net/ipv4/conf/%s/rp_filter=%d", n->name, RP_LOOSE);
	else
		finding_add(out, FINDING_OK, n->name, "rp_filter",
			    "reverse path filtering lets answers pass");
}

/* Which command runs in the peer's namespace. */
static void mend_peer(struct finding *f, const struct peer_facts *p, const char *command,
		      const char *rest)
{
	if (p->namespace[0])
		finding_mend(f, true, "nsenter --net=%s %s %s %s", p->namespace, command, p->name,
			     rest);
	else
		finding_mend(f, true, "%s %s %s", command, p->name, rest);
}

static void check_peer(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	const struct peer_facts *p = &n->peer;
	unsigned int before = out->count;
	if (!p->there)
		return;
	if (!p->visible) {
		finding_add(out, FINDING_WARN, n->name, "peer",
			    "the other end of this virtual cable is in a namespace without a name: "
			    "see there that 'ethtool -k' says tx-checksumming: off");
		return;
	}
	if (p->tx_checksum == FACT_YES)
		mend_peer(finding_add(out, FINDING_BAD, n->name, "peer-checksum",
				      "its other end, %s, leaves checksums to a device that is not "
				      "there: backends get packets with wrong ones and drop them",
				      p->name),
			  p, "ethtool -K", "tx off");
	if (p->native_xdp == FACT_NO && p->gro == FACT_NO)
		mend_peer(
			finding_add(out, FINDING_BAD, n->name, "peer-xdp",
				    "its other end, %s, has neither a native XDP program nor GRO: "
				    "what XDP sends there is lost",
				    p->name),
			p, "ethtool -K", "gro on");
	else if (p->native_xdp == FACT_NO)
		finding_add(out, FINDING_WARN, n->name, "peer-xdp",
			    "its other end, %s, has no native XDP program: what XDP sends there "
			    "waits till something else wakes it; attach one, or set fast_path: off",
			    p->name);
	if (out->count == before)
		finding_add(out, FINDING_OK, n->name, "peer",
			    "its other end, %s, fills in checksums and takes what XDP sends",
			    p->name);
}

static nic_check *const nic_checks[] = {
	check_link,      check_kind,     check_xdp,          check_others,
	check_zerocopy,  check_queues,   check_xdp_queues,   check_rings,
	check_rss,       check_offloads, check_mtu,          check_interrupts,
	check_busy_poll, check_node,     check_reverse_path, check_peer,
};

void diagnose_nic(const struct facts *f, const struct nic_facts *n, struct findings *out)
{
	if (!n->there) {
		finding_add(out, FINDING_BAD, n->name, "link",
			    "there is no such interface: 'ip link' lists those there are");
		return;
	}
	for (unsigned int i = 0; i < sizeof(nic_checks) / sizeof(nic_checks[0]); i++)
		nic_checks[i](f, n, out);
}
