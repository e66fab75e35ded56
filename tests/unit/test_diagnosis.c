// SPDX-License-Identifier: BSD-2-Clause
/*
 * What `weir doctor` makes of facts: each fault by itself, put into facts with which all is well,
 * gives the one finding that names it, and nothing else changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/weir/diagnosis.h"
#include "tools/weir/facts.h"
#include "tools/weir/finding.h"

static struct path_facts paths[] = {
	{.name = "web/b1", .address = "10.0.0.11", .reachable = true},
	{.name = "web/b2", .address = "10.0.0.12", .reachable = true},
};
static struct local_vip vip = {.service = "web", .address = "192.0.2.1", .interface = "lo"};

/* A NIC with four queues and a veth with a good peer, under a daemon that runs. */
static void all_is_well(struct facts *f)
{
	memset(f, 0, sizeof(*f));
	f->host = (struct host_facts){
		.release = "6.12.1",
		.major = 6,
		.minor = 12,
		.btf = FACT_YES,
		.jit = FACT_YES,
		.bpffs = FACT_YES,
		.trampolines = FACT_YES,
		.may_lock_memory = true,
		.hugepages = 64,
		.hugepages_free = 64,
		.hugepage_kib = 2048,
		.nodes = 1,
		.cpus = 4,
		.forwards4 = FACT_YES,
		.forwards6 = FACT_YES,
	};
	struct nic_facts nic = {
		.name = "eth0",
		.ifindex = 2,
		.there = true,
		.up = true,
		.running = true,
		.ethernet = true,
		.driver = "virtio_net",
		.mtu = 1500,
		.native_xdp = FACT_YES,
		.zerocopy = FACT_YES,
		.rx_queues = 4,
		.max_queues = 4,
		.rx_ring = 1024,
		.rx_ring_max = 1024,
		.has_rss = true,
		.rss_queues = 4,
		.lro = FACT_NO,
		.gro = FACT_YES,
		.rx_vlan = FACT_NO,
		.irqs = 8,
		.defer_hard_irqs = 2,
		.flush_timeout_ns = 200000,
		.mode_is = "zerocopy",
		.queues_served = 4,
	};
	f->nics[0] = nic;
	CPU_SET(2, &f->nics[0].irq_cpus);
	strcpy(nic.name, "eth1");
	nic.has_rss = false;
	nic.irqs = 0;
	nic.peer = (struct peer_facts){
		.there = true,
		.visible = true,
		.name = "veth7",
		.tx_checksum = FACT_NO,
		.gro = FACT_YES,
		.native_xdp = FACT_YES,
	};
	f->nics[1] = nic;
	f->nic_count = 2;
	f->two_armed = true;
	f->paths = paths;
	f->path_count = 2;
	f->daemon = (struct daemon_facts){.running = true, .balanced = true, .received = 1000000};
	CPU_SET(0, &f->daemon.worker_cpus);
	CPU_SET(1, &f->daemon.worker_cpus);
}

static void old_kernel(struct facts *f)
{
	f->host.major = 5;
}
static void interpreted(struct facts *f)
{
	f->host.jit = FACT_NO;
}
static void no_bpffs(struct facts *f)
{
	f->host.bpffs = FACT_NO;
}
static void no_memlock(struct facts *f)
{
	f->host.may_lock_memory = false;
	f->host.memlock = 8 << 20;
}
static void no_hugepages(struct facts *f)
{
	f->host.hugepages = 0;
}
static void forwards_not(struct facts *f)
{
	f->host.forwards4 = FACT_NO;
}
static void gone(struct facts *f)
{
	f->nics[0].there = false;
}
static void down(struct facts *f)
{
	f->nics[0].up = false;
}
static void no_carrier(struct facts *f)
{
	f->nics[0].running = false;
}
static void vlan(struct facts *f)
{
	strcpy(f->nics[0].kind, "vlan");
}
static void bridged(struct facts *f)
{
	strcpy(f->nics[0].master, "br0");
}
static void generic_runs(struct facts *f)
{
	f->nics[0].xdp = (struct xdp_facts){.program = 7, .generic = true, .is_ours = true};
	f->nics[0].gro = FACT_NO;
}
static void generic_unasked(struct facts *f)
{
	f->nics[0].native_xdp = FACT_NO;
	f->nics[0].mode = MODE_ZEROCOPY;
	f->nics[0].gro = FACT_NO;
}
static void generic_merges(struct facts *f)
{
	f->nics[0].mode = MODE_GENERIC;
}
static void other_program(struct facts *f)
{
	f->nics[0].xdp = (struct xdp_facts){.program = 7, .name = "filter"};
}
static void dispatched(struct facts *f)
{
	f->nics[0].xdp =
		(struct xdp_facts){.program = 7, .name = "xdp_dispatcher", .is_dispatcher = true};
}
static void dispatched_beside(struct facts *f)
{
	dispatched(f);
	f->host.trampolines = FACT_YES;
	f->nics[0].attach = ATTACH_DISPATCHER;
}
static void can_not_dispatch(struct facts *f)
{
	f->host.trampolines = FACT_NO;
	f->nics[0].attach = ATTACH_DISPATCHER;
}
static void no_zerocopy(struct facts *f)
{
	f->nics[0].zerocopy = FACT_NO;
	f->nics[0].mode = MODE_ZEROCOPY;
}
static void copies(struct facts *f)
{
	strcpy(f->nics[0].mode_is, "copy");
}
static void unserved(struct facts *f)
{
	f->nics[0].queues_served = 3;
	f->nics[0].first_unserved = 1;
}
static void few_queues(struct facts *f)
{
	f->nics[0].max_queues = 8, f->host.cpus = 6;
}
static void xdp_queues(struct facts *f)
{
	f->nics[0].tx_queues = 4;
	f->host.cpus = 2;
}
static void small_ring(struct facts *f)
{
	f->nics[0].rx_ring = 256;
}
static void zero_key(struct facts *f)
{
	f->nics[0].rss_key_is_zero = true;
}
static void narrow_rss(struct facts *f)
{
	f->nics[0].rss_queues = 1;
}
static void lro(struct facts *f)
{
	f->nics[0].lro = FACT_YES;
}
static void hidden_tags(struct facts *f)
{
	f->nics[0].rx_vlan = FACT_YES;
}
static void jumbo(struct facts *f)
{
	f->nics[0].mtu = 9000;
}
static void old_jumbo(struct facts *f)
{
	f->nics[0].mtu = 9000;
	f->host.minor = 1;
}
static void too_long(struct facts *f)
{
	f->nics[0].mtu = 9300;
}
static void shared_cpu(struct facts *f)
{
	CPU_SET(1, &f->nics[0].irq_cpus);
}
static void busy(struct facts *f)
{
	f->busy_polls = true;
	f->nics[0].defer_hard_irqs = 0;
}
static void strict(struct facts *f)
{
	f->host.rp_filter_all = 1, f->nics[1].rp_filter = 2;
}
static void strict_one_arm(struct facts *f)
{
	f->nics[0].rp_filter = 1;
	f->two_armed = false;
}
static void unseen_peer(struct facts *f)
{
	f->nics[1].peer.visible = false;
}
static void peer_checksum(struct facts *f)
{
	f->nics[1].peer.tx_checksum = FACT_YES;
	strcpy(f->nics[1].peer.namespace, "/run/netns/client");
}
static void peer_deaf(struct facts *f)
{
	f->nics[1].peer.native_xdp = FACT_NO;
	f->nics[1].peer.gro = FACT_NO;
}
static void peer_slow(struct facts *f)
{
	f->nics[1].peer.native_xdp = FACT_NO;
}
static void local(struct facts *f)
{
	f->vips = &vip;
	f->vip_count = 1;
}

static void snat_local(struct facts *f)
{
	static struct local_vip snat = {
		.snat = true, .service = "nat", .address = "10.0.0.200", .interface = "eth0"};
	f->vips = &snat;
	f->vip_count = 1;
}
static struct path_facts lost[] = {{.name = "web/b1", .address = "10.0.0.11", .why = "no route"}};
static void unreachable(struct facts *f)
{
	f->paths = lost;
	f->path_count = 1;
}
static struct path_facts unasked[] = {
	{.name = "web/b1", .address = "10.0.0.11", .why = "silent", .unasked = true}};
static void not_asked(struct facts *f)
{
	f->paths = unasked;
	f->path_count = 1;
}
static void no_daemon(struct facts *f)
{
	strcpy(f->daemon.fault, "no daemon answers");
}
static void unbalanced(struct facts *f)
{
	f->daemon.balanced = false;
}
static void checksums(struct facts *f)
{
	f->daemon.unfinished_checksums = 3;
}
static void slow_workers(struct facts *f)
{
	f->daemon.rx_full = 1001;
}
static void slow_egress(struct facts *f)
{
	f->daemon.tx_failed = 2000;
}

static const struct fault {
	void (*put)(struct facts *f);
	enum finding_level level;
	const char *about, *check, *mend; /* the command has this in it; NULL: there is none */
	bool safe;
} faults[] = {
	{old_kernel, FINDING_BAD, "host", "kernel", NULL, false},
	{interpreted, FINDING_WARN, "host", "bpf-jit", "sysctl -w net.core.bpf_jit_enable=1", true},
	{no_bpffs, FINDING_BAD, "host", "bpffs", "mount -t bpf bpf /sys/fs/bpf", true},
	{no_memlock, FINDING_WARN, "host", "memlock", "ulimit -l unlimited", false},
	{no_hugepages, FINDING_WARN, "host", "hugepages", "sysctl -w vm.nr_hugepages=", false},
	{forwards_not, FINDING_WARN, "host", "forwarding", "sysctl -w net.ipv4.ip_forward=1",
	 false},
	{gone, FINDING_BAD, "eth0", "link", NULL, false},
	{down, FINDING_BAD, "eth0", "link", "ip link set dev eth0 up", true},
	{no_carrier, FINDING_BAD, "eth0", "link", NULL, false},
	{vlan, FINDING_WARN, "eth0", "kind", NULL, false},
	{bridged, FINDING_WARN, "eth0", "kind", NULL, false},
	{generic_runs, FINDING_WARN, "eth0", "xdp", NULL, false},
	{generic_unasked, FINDING_BAD, "eth0", "xdp", NULL, false},
	{generic_merges, FINDING_BAD, "eth0", "gro", "ethtool -K eth0 gro off", true},
	{other_program, FINDING_BAD, "eth0", "xdp-program", "ip link set dev eth0 xdp off", false},
	{dispatched, FINDING_BAD, "eth0", "xdp-program", "xdp-loader unload eth0", false},
	{dispatched_beside, FINDING_OK, "eth0", "xdp-program", NULL, false},
	{can_not_dispatch, FINDING_BAD, "eth0", "xdp-program", NULL, false},
	{no_zerocopy, FINDING_BAD, "eth0", "zero-copy", NULL, false},
	{copies, FINDING_WARN, "eth0", "zero-copy", NULL, false},
	{unserved, FINDING_BAD, "eth0", "queues", "ethtool -L eth0 combined 3", false},
	{few_queues, FINDING_WARN, "eth0", "queues", "ethtool -L eth0 combined 6", false},
	{xdp_queues, FINDING_BAD, "eth0", "xdp-queues", "ethtool -L eth0 combined 2", false},
	{small_ring, FINDING_WARN, "eth0", "rings", "ethtool -G eth0 rx 1024", false},
	{zero_key, FINDING_BAD, "eth0", "rss", "ethtool -X eth0 default", false},
	{narrow_rss, FINDING_WARN, "eth0", "rss", "ethtool -X eth0 equal 4", false},
	{lro, FINDING_BAD, "eth0", "lro", "ethtool -K eth0 lro off", true},
	{hidden_tags, FINDING_WARN, "eth0", "vlan", "ethtool -K eth0 rxvlan off", true},
	{jumbo, FINDING_OK, "eth0", "mtu", NULL, false},
	{old_jumbo, FINDING_BAD, "eth0", "mtu", "ip link set dev eth0 mtu 1500", false},
	{too_long, FINDING_BAD, "eth0", "mtu", "ip link set dev eth0 mtu 1500", false},
	{shared_cpu, FINDING_WARN, "eth0", "interrupts", NULL, false},
	{busy, FINDING_WARN, "eth0", "busy-poll", NULL, false},
	{strict, FINDING_OK, "eth1", "rp_filter", NULL, false}, /* the greater one counts: loose */
	{strict_one_arm, FINDING_WARN, "eth0", "rp_filter",
	 "sysctl -w net/ipv4/conf/eth0/rp_filter=2", true},
	{unseen_peer, FINDING_WARN, "eth1", "peer", NULL, false},
	{peer_checksum, FINDING_BAD, "eth1", "peer-checksum",
	 "nsenter --net=/run/netns/client ethtool -K veth7 tx off", true},
	{peer_deaf, FINDING_BAD, "eth1", "peer-xdp", "ethtool -K veth7 gro on", true},
	{peer_slow, FINDING_WARN, "eth1", "peer-xdp", NULL, false},
	{local, FINDING_WARN, "web", "vip", "ip address del 192.0.2.1 dev lo", false},
	{snat_local, FINDING_BAD, "nat", "snat-address", "ip address del 10.0.0.200 dev eth0",
	 false},
	{unreachable, FINDING_BAD, "web/b1", "next-hop", NULL, false},
	{not_asked, FINDING_WARN, "web/b1", "next-hop", "ping -c 1 -W 1 10.0.0.11", true},
	{no_daemon, FINDING_BAD, "daemon", "api", NULL, false},
	{unbalanced, FINDING_WARN, "daemon", "ledger", NULL, false},
	{checksums, FINDING_BAD, "daemon", "checksums", NULL, false},
	{slow_workers, FINDING_WARN, "daemon", "receive", NULL, false},
	{slow_egress, FINDING_WARN, "daemon", "transmit", NULL, false},
};

static void test_nothing_to_say(void **state)
{
	struct facts f;
	struct findings found = {0};
	all_is_well(&f);
	diagnose(&f, &found);
	for (unsigned int i = 0; i < found.count; i++)
		if (found.list[i].level != FINDING_OK)
			fail_msg("%s %s: %s", found.list[i].about, found.list[i].check,
				 found.list[i].text);
	assert_true(found.count > 20);
	findings_free(&found);
}

static const struct finding *find(const struct findings *f, const struct fault *fault)
{
	for (unsigned int i = 0; i < f->count; i++)
		if (f->list[i].level == fault->level && !strcmp(f->list[i].about, fault->about) &&
		    !strcmp(f->list[i].check, fault->check))
			return &f->list[i];
	return NULL;
}

static void check_fault(const struct fault *fault)
{
	struct facts f;
	struct findings found = {0};
	all_is_well(&f);
	fault->put(&f);
	diagnose(&f, &found);
	const struct finding *one = find(&found, fault);
	if (!one)
		fail_msg("nothing said of %s %s", fault->about, fault->check);
	if (fault->level != FINDING_OK) {
		unsigned int all = found.count - findings_count(&found, FINDING_OK);
		if (all - (fault->put == strict) > 1)
			fail_msg("%s %s: %u findings", fault->about, fault->check, all);
		if (!fault->mend != !one->mend[0] ||
		    (fault->mend && strncmp(one->mend, fault->mend, strlen(fault->mend))))
			fail_msg("%s %s: mended by '%s'", fault->about, fault->check, one->mend);
		assert_int_equal(one->mend_is_safe, fault->safe);
	}
	assert_true(strlen(one->text) > 10 || fault->put == unreachable);
	findings_free(&found);
}

static void test_each_fault(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		check_fault(&faults[i]);
}

/* What nobody knows is not judged. */
static void test_nothing_known(void **state)
{
	struct facts f = {.nic_count = 1};
	struct findings found = {0};
	f.host = (struct host_facts){.release = "6.1.0", .major = 6, .minor = 1, .bpffs = FACT_YES};
	f.host.rp_filter_all = f.nics[0].rp_filter = -1;
	f.nics[0].there = f.nics[0].up = f.nics[0].running = f.nics[0].ethernet = true;
	diagnose(&f, &found);
	assert_int_equal(findings_count(&found, FINDING_BAD), 0);
	findings_free(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_each_fault),
		cmocka_unit_test(test_nothing_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
