// SPDX-License-Identifier: BSD-2-Clause
/*
 * One function a check: it adds what it has to say about one interface or about the host. What is
 * unknown is not judged.
 *
 * bad: packets are lost or pass Weir by, or it can't run; warn: it works, but slower or not for
 * all; ok: looked at, and well.
 */
#include "tools/weir/diagnosis.h"

#include <inttypes.h>

#include "tools/weir/facts.h"
#include "tools/weir/finding.h"
#include "tools/weir/nic_diagnosis.h"

#define HOST       "host"
#define LOCKED_MIB 64   /* packet memory of a small configuration */
#define DROP_SHARE 1000 /* one in so many is worth a word */
#define KERNEL_LTS 1    /* 6.1 */

/* --- host ----------------------------------------------------------------------------------- */

static void check_kernel(const struct host_facts *h, struct findings *out)
{
	if (h->major < 6 || (h->major == 6 && h->minor < KERNEL_LTS))
		finding_add(out, FINDING_BAD, HOST, "kernel",
			    "Linux %s: Weir wants 6.1 or later, and is not tested on this",
			    h->release);
	else
		finding_add(out, FINDING_OK, HOST, "kernel", "Linux %s", h->release);
	if (h->jit == FACT_NO)
		finding_mend(finding_add(out, FINDING_WARN, HOST, "bpf-jit",
					 "BPF programs are interpreted, which costs several times "
					 "as much as compiled ones"),
			     true, "sysctl -w net.core.bpf_jit_enable=1");
}

static void check_bpffs(const struct host_facts *h, struct findings *out)
{
	if (h->bpffs == FACT_YES)
		finding_add(out, FINDING_OK, HOST, "bpffs",
			    "/sys/fs/bpf is a BPF file system: flows outlive the daemon there");
	else
		finding_mend(finding_add(out, FINDING_BAD, HOST, "bpffs",
					 "/sys/fs/bpf is no BPF file system: the daemon keeps "
					 "its flows there and does not start without"),
			     true, "mount -t bpf bpf /sys/fs/bpf");
}

static void check_trampolines(const struct host_facts *h, struct findings *out)
{
	if (h->trampolines == FACT_YES)
		finding_add(out, FINDING_OK, HOST, "trampolines",
			    "BPF trampolines load: tools that look into XDP programs work");
	else if (h->trampolines == FACT_NO)
		finding_add(out, FINDING_OK, HOST, "trampolines",
			    "BPF trampolines do not load here: xdpdump and libxdp's dispatcher "
			    "(attach: dispatcher) do not work; Weir needs neither");
}

static void check_memory(const struct host_facts *h, struct findings *out)
{
	if (!h->may_lock_memory && h->memlock < LOCKED_MIB << 20)
		finding_mend(finding_add(out, FINDING_WARN, HOST, "memlock",
					 "%" PRIu64
					 " KiB of memory may be locked and CAP_IPC_LOCK is "
					 "missing: packet memory does not fit",
					 h->memlock >> 10),
			     false, "ulimit -l unlimited");
	else
		finding_add(out, FINDING_OK, HOST, "memlock", "packet memory may be locked");
	if (!h->hugepages)
		finding_mend(finding_add(out, FINDING_WARN, HOST, "hugepages",
					 "there are no hugepages: packet memory takes transparent "
					 "ones if it can, else small pages, which cost address "
					 "translations"),
			     false, "sysctl -w vm.nr_hugepages=64");
	else
		finding_add(out, FINDING_OK, HOST, "hugepages",
			    "%" PRIu64 " of %" PRIu64 " hugepages of %u KiB are free",
			    h->hugepages_free, h->hugepages, h->hugepage_kib);
}

/* Only answers that come back by way of this host are forwarded by its kernel. */
static void check_forwarding(const struct facts *f, struct findings *out)
{
	if (!f->two_armed)
		return;
	if (f->host.forwards4 == FACT_NO)
		finding_mend(finding_add(out, FINDING_WARN, HOST, "forwarding",
					 "the kernel forwards no IPv4: answers of backends whose "
					 "way back leads through this host are lost"),
			     false, "sysctl -w net.ipv4.ip_forward=1");
	if (f->host.forwards6 == FACT_NO)
		finding_mend(finding_add(out, FINDING_WARN, HOST, "forwarding",
					 "the kernel forwards no IPv6: answers of backends whose "
					 "way back leads through this host are lost"),
			     false, "sysctl -w net.ipv6.conf.all.forwarding=1");
	if (f->host.forwards4 == FACT_YES && f->host.forwards6 == FACT_YES)
		finding_add(out, FINDING_OK, HOST, "forwarding",
			    "the kernel forwards what backends answer by way of this host");
}

static void diagnose_host(const struct facts *f, struct findings *out)
{
	check_kernel(&f->host, out);
	check_bpffs(&f->host, out);
	check_trampolines(&f->host, out);
	check_memory(&f->host, out);
	check_forwarding(f, out);
}

/* --- ways, VIPs, the daemon ----------------------------------------------------------------- */

static void diagnose_paths(const struct facts *f, struct findings *out)
{
	unsigned int reachable = 0;
	for (unsigned int i = 0; i < f->path_count; i++) {
		const struct path_facts *p = &f->paths[i];
		reachable += p->reachable;
		if (p->reachable)
			continue;
		if (p->unasked)
			finding_mend(finding_add(out, FINDING_WARN, p->name, "next-hop",
						 "the link address of %s is not known: nobody has "
						 "asked yet",
						 p->address),
				     true, "ping -c 1 -W 1 %s", p->address);
		else
			finding_add(out, FINDING_BAD, p->name, "next-hop", "%s", p->why);
	}
	if (f->path_count && reachable == f->path_count)
		finding_add(out, FINDING_OK, "backends", "next-hop",
			    "the link addresses of all %u are known", f->path_count);
}

static struct finding *diagnose_vip(const struct local_vip *v, struct findings *out)
{
	if (v->snat)
		return finding_add(
			out, FINDING_BAD, v->service, "snat-address",
			"%s is an address of this host (on %s): Weir does not start with "
			"it, as it takes all TCP and UDP to a SNAT address for answers",
			v->address, v->interface);
	return finding_add(out, FINDING_WARN, v->service, "vip",
			   "%s is an address of this host (on %s) too: its kernel answers ARP for "
			   "it and what Weir leaves to it",
			   v->address, v->interface);
}

static void diagnose_vips(const struct facts *f, struct findings *out)
{
	for (unsigned int i = 0; i < f->vip_count; i++)
		finding_mend(diagnose_vip(&f->vips[i], out), false, "ip address del %s dev %s",
			     f->vips[i].address, f->vips[i].interface);
}

static bool is_much(uint64_t lost, uint64_t received)
{
	return lost * DROP_SHARE > received;
}

static void diagnose_daemon(const struct daemon_facts *d, struct findings *out)
{
	if (d->fault[0])
		finding_add(out, FINDING_BAD, "daemon", "api", "%s", d->fault);
	if (!d->running)
		return;
	finding_add(out, d->balanced ? FINDING_OK : FINDING_WARN, "daemon", "ledger",
		    d->balanced ? "every packet is accounted for"
				: "not every packet is accounted for: ask again when it is calm");
	if (d->unfinished_checksums)
		finding_add(
			out, FINDING_BAD, "daemon", "checksums",
			"%" PRIu64 " packets came with unfinished checksums, which a device that "
			"is not there was to fill in: 'ethtool -K DEVICE tx off' where they come "
			"from",
			d->unfinished_checksums);
	if (is_much(d->rx_no_frame + d->rx_full, d->received))
		finding_add(out, FINDING_WARN, "daemon", "receive",
			    "%" PRIu64 " of %" PRIu64
			    " packets found no room (rx-full, rx-no-frame): "
			    "workers are too slow, or too few frames; 'weir show drops' tells",
			    d->rx_no_frame + d->rx_full, d->received);
	if (is_much(d->tx_full + d->tx_failed, d->received))
		finding_add(out, FINDING_WARN, "daemon", "transmit",
			    "%" PRIu64 " of %" PRIu64
			    " packets could not be sent (tx-full, tx-failed): "
			    "the egress interface is slower than what comes in",
			    d->tx_full + d->tx_failed, d->received);
}

void diagnose(const struct facts *f, struct findings *out)
{
	diagnose_host(f, out);
	for (unsigned int i = 0; i < f->nic_count; i++)
		diagnose_nic(f, &f->nics[i], out);
	diagnose_vips(f, out);
	diagnose_paths(f, out);
	diagnose_daemon(&f->daemon, out);
}
