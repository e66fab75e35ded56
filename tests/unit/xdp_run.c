// SPDX-License-Identifier: BSD-2-Clause
/* Sets maps and knobs as datapath/program.c and datapath/instance.c do, without their pins. */
#include "tests/unit/xdp_run.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_xdp.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/flow.h" /* types that the skeleton names */
#include "bpf/weir.skel.h"
#include "datapath/tap_rings.h"
#include "datapath/pins.h"
#include "datapath/policy_maps.h"
#include "datapath/target_maps.h"
#include "lb/err.h"
#include "lb/policy.h"
#include "lb/snapshot.h"
#include "tools/weir/offline.h"

/* --- setting up ------------------------------------------------------------------------------ */

static void set_knobs(struct xdp_run *x, const struct offline *o)
{
	const struct flow_table *t = &o->flows;
	memcpy(&x->program->bss->port_mac, o->port_macs[0], ETH_ALEN);
	x->program->rodata->flow_mask = t->mask;
	memcpy((void *)&x->program->rodata->flow_seed, &t->seed, sizeof(t->seed));
	flow_limits_set(x->program->rodata->flow_limits, t->timeout_ticks);
	for (uint32_t i = 0; i < o->snapshot->port_count; i++)
		x->program->bss->port_mtu[i] = o->snapshot->port_mtus[i];
	bpf_map__set_max_entries(x->program->maps.flows, t->mask + 1);
	bpf_map__set_max_entries(x->program->maps.tap_states,
				 libbpf_num_possible_cpus() * TAP_STATES);
	bpf_map__set_max_entries(x->program->maps.fast_counts,
				 libbpf_num_possible_cpus() * ABI_MAX_BACKENDS);
	x->program->rodata->tap_ring_mask = tap_rings_size(libbpf_num_possible_cpus()) - 1;
	assert_int_equal(tap_rings_shape(x->program->maps.capture_rings,
					 tap_rings_size(libbpf_num_possible_cpus())),
			 0);
}

static void share_flows(struct xdp_run *x, struct offline *o)
{
	x->flows_size = (o->flows.mask + 1) * sizeof(struct flow_bucket);
	x->flows = mmap(NULL, x->flows_size, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(x->program->maps.flows), 0);
	assert_ptr_not_equal(x->flows, MAP_FAILED);
	o->flows.buckets = x->flows;
}

/* The same with translations, where the balancer has any. */
static void share_translations(struct xdp_run *x, struct offline *o)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	uint32_t slot = 0, size = sizeof(struct flow_translations);
	if (!o->flows.translations)
		return;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "translations", sizeof(uint32_t), size,
				o->flows.mask + 1, &opts);
	assert_true(fd >= 0);
	x->translations_size = (o->flows.mask + 1) * size;
	x->translations =
		mmap(NULL, x->translations_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(x->translations, MAP_FAILED);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(x->program->maps.translations), &slot, &fd,
					     BPF_ANY),
			 0);
	close(fd);
	o->flows.translations = x->translations;
}

/* Into slot 0, which is in force at first, unless the word says otherwise. */
static void put_tables(struct xdp_run *x, const struct snapshot *s)
{
	const struct policy_slots slots = {
		.policy = bpf_map__fd(x->program->maps.policies),
		.decisions = bpf_map__fd(x->program->maps.decisions),
		.source_slots = bpf_map__fd(x->program->maps.source_slots),
		.source_ranges = bpf_map__fd(x->program->maps.source_ranges),
		.refused_blocks = bpf_map__fd(x->program->maps.refused_blocks),
		.refused_lines = bpf_map__fd(x->program->maps.refused_lines),
	};
	struct target_maps targets;
	struct policy_maps policy;
	struct err err;
	if (target_maps_open(&targets, s->targets, &err) ||
	    target_maps_put(&targets, bpf_map__fd(x->program->maps.targets),
			    bpf_map__fd(x->program->maps.prefixes), 0, &err) ||
	    policy_maps_open(&policy, s->policy, &err) || policy_maps_put(&policy, &slots, 0, &err))
		fail_msg("%s", err.text);
	policy_maps_close(&policy);
	x->program->bss->tables = 0;
	if (!s->policy)
		return;
	uint32_t entries = s->policy->head->meter_mask + 1;
	int meters = x->meters.entries == entries ? -1 : policy_meters_make(entries, &err);
	if (policy_meters_put(&x->meters, &(struct pins){}, bpf_map__fd(x->program->maps.meters),
			      meters, entries, &err))
		fail_msg("%s", err.text);
	x->program->bss->tables =
		policy_bits(s->policy->head->flags) | ++x->generation << TABLES_GENERATION;
}

static void put_backends(struct xdp_run *x, const struct snapshot *s)
{
	for (uint32_t id = 0; id < s->backend_end; id++) {
		struct fast_backend way = {.way = backend_fast_way(&s->backends[id])};
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(x->program->maps.fast_backends),
						     &id, &way, BPF_ANY),
				 0);
	}
}

static const char *load(struct xdp_run *x, const struct offline *o)
{
	x->program = weir_bpf__open();
	assert_non_null(x->program);
	set_knobs(x, o);
	int r = weir_bpf__load(x->program);
	if (r == -EPERM)
		return "not permitted to load XDP programs";
	if (r)
		fail_msg("the kernel refused the XDP program: %s", strerror(-r));
	return NULL;
}

const char *xdp_run_open(struct xdp_run *x, struct offline *o)
{
	const char *why;
	memset(x, 0, sizeof(*x));
	x->socket = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (x->socket < 0)
		return errno == EPERM ? "not permitted to open AF_XDP sockets"
				      : "this kernel has no AF_XDP";
	/* Linux 7.3 takes no socket into a map that has nothing to receive into. */
	const int ring = 64;
	assert_int_equal(setsockopt(x->socket, SOL_XDP, XDP_RX_RING, &ring, sizeof(ring)), 0);
	why = load(x, o);
	if (why) {
		xdp_run_close(x);
		return why;
	}
	share_flows(x, o);
	share_translations(x, o);
	xdp_run_publish(x, o);
	xdp_run_set_echo_limit(x, o->snapshot->echo_limit);
	xdp_run_set_socket(x, true);
	return NULL;
}

void xdp_run_publish(struct xdp_run *x, const struct offline *o)
{
	put_tables(x, o->snapshot);
	put_backends(x, o->snapshot);
}

void xdp_run_close(struct xdp_run *x)
{
	if (!x->program)
		return;
	if (x->flows)
		munmap(x->flows, x->flows_size);
	if (x->translations)
		munmap(x->translations, x->translations_size);
	tap_rings_close(x->rings);
	weir_bpf__destroy(x->program);
	if (x->meters.entries)
		close(x->meters.map);
	close(x->socket);
	memset(x, 0, sizeof(*x));
}

void xdp_run_set_socket(struct xdp_run *x, bool there)
{
	int map = bpf_map__fd(x->program->maps.xsks);
	uint32_t slot = 0;
	int r = there ? bpf_map_update_elem(map, &slot, &x->socket, BPF_ANY)
		      : bpf_map_delete_elem(map, &slot);
	assert_int_equal(r, 0);
}

void xdp_run_set_fast_path(struct xdp_run *x, enum fast_path when)
{
	x->program->bss->fast_path = when;
}

void xdp_run_set_echo_limit(struct xdp_run *x, uint32_t limit)
{
	x->program->bss->echo_limit = limit;
}

/* --- running --------------------------------------------------------------------------------- */

uint64_t xdp_run_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void read_counters(const struct xdp_run *x, struct port_counters *sum)
{
	int cpus = libbpf_num_possible_cpus();
	struct port_counters *each = calloc(cpus, sizeof(*each));
	uint32_t port = 0;
	assert_non_null(each);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(x->program->maps.counters), &port, each),
			 0);
	memset(sum, 0, sizeof(*sum));
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
			((uint64_t *)sum)[i] += ((uint64_t *)&each[cpu])[i];
	free(each);
}

void xdp_run_set_refusing(struct xdp_run *x, bool most)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(x->program->maps.counters);
	uint32_t port = 0;
	struct port_counters *each = calloc(cpus, sizeof(*each));
	assert_non_null(each);
	assert_int_equal(bpf_map_lookup_elem(fd, &port, each), 0);
	for (int i = 0; i < cpus; i++)
		each[i].refusing = most ? UINT16_MAX : 0;
	assert_int_equal(bpf_map_update_elem(fd, &port, each, BPF_ANY), 0);
	free(each);
}

/* The one reason that was counted since the last look. */
static enum reason counted_reason(struct xdp_run *x)
{
	enum reason found = REASON_NONE;
	struct port_counters now;
	read_counters(x, &now);
	for (int r = 0; r < ABI_REASON_SLOTS; r++) {
		uint64_t new = now.dropped[r] - x->dropped[r];
		if (new != 0) {
			assert_int_equal(new, 1);
			assert_int_equal(found, REASON_NONE);
			found = r;
		}
		x->dropped[r] = now.dropped[r];
	}
	assert_int_not_equal(found, REASON_NONE);
	return found;
}

static enum xdp_outcome outcome_of(uint32_t action)
{
	switch (action) {
	case XDP_PASS:
		return OUTCOME_PASSED;
	case XDP_DROP:
		return OUTCOME_DROPPED;
	case XDP_REDIRECT:
		return OUTCOME_STEERED;
	case XDP_TX:
		return OUTCOME_SENT;
	default:
		return OUTCOME_OTHER;
	}
}

struct xdp_verdict xdp_run_packet(struct xdp_run *x, const struct frame *in, struct frame *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->bytes, .data_size_in = in->length,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes), .repeat = 1);
	struct xdp_verdict verdict = {.reason = REASON_NONE};
	if (bpf_prog_test_run_opts(bpf_program__fd(x->program->progs.weir), &run))
		fail_msg("BPF_PROG_RUN: %s", strerror(errno));
	out->length = run.data_size_out;
	verdict.outcome = outcome_of(run.retval);
	if (verdict.outcome == OUTCOME_DROPPED)
		verdict.reason = counted_reason(x);
	return verdict;
}

static void add_rule(struct rule_traffic *sum, const struct rule_traffic *t)
{
	sum->packets += t->packets;
	sum->bytes += t->bytes;
	sum->refused += t->refused;
	if (t->last_ns > sum->last_ns)
		sum->last_ns = t->last_ns;
}

void xdp_run_give_back(const struct xdp_run *x, uint32_t service, uint64_t cost)
{
	int map = bpf_map__fd(x->program->maps.half_open);
	uint64_t full_at;
	assert_int_equal(bpf_map_lookup_elem(map, &service, &full_at), 0);
	full_at -= cost;
	assert_int_equal(bpf_map_update_elem(map, &service, &full_at, BPF_ANY), 0);
}

void xdp_run_rules(const struct xdp_run *x, struct rule_traffic *out, uint32_t count)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	int cpus = libbpf_num_possible_cpus();
	uint32_t keys[ABI_MAX_RULES], next, got = count;
	struct rule_traffic *each = calloc((size_t)cpus * count, sizeof(*each));
	assert_non_null(each);
	if (bpf_map_lookup_batch(bpf_map__fd(x->program->maps.rule_traffic), NULL, &next, keys,
				 each, &got, &opts) &&
	    errno != ENOENT)
		fail_msg("BPF_MAP_LOOKUP_BATCH: %s", strerror(errno));
	memset(out, 0, count * sizeof(*out));
	for (uint32_t i = 0; i < got; i++)
		for (int cpu = 0; cpu < cpus; cpu++)
			add_rule(&out[keys[i]], &each[i * cpus + cpu]);
	free(each);
}

uint64_t xdp_run_many(struct xdp_run *x, const struct frame *in, uint32_t count)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in->bytes, .data_size_in = in->length,
		    .repeat = count);
	struct port_counters before, after;
	read_counters(x, &before);
	if (bpf_prog_test_run_opts(bpf_program__fd(x->program->progs.weir), &run))
		fail_msg("BPF_PROG_RUN: %s", strerror(errno));
	read_counters(x, &after);
	memcpy(x->dropped, after.dropped, sizeof(x->dropped));
	return after.transmitted - before.transmitted;
}

void xdp_run_expect_ledger(const struct xdp_run *x)
{
	struct port_counters c;
	read_counters(x, &c);
	uint64_t sum = c.passed + c.steered + c.transmitted;
	for (int r = 0; r < ABI_REASON_SLOTS; r++)
		sum += c.dropped[r];
	assert_int_equal(c.rx_packets, sum);
	assert_int_equal(c.dropped[REASON_NONE], 0);
}

/* --- the tap --------------------------------------------------------------------------------- */

void xdp_run_tap(struct xdp_run *x, uint64_t reasons, uint32_t snaplen)
{
	struct capture_slot slot = {.reasons = reasons, .rule = ABI_NO_RULE, .snaplen = snaplen};
	xdp_run_capture(x, &slot);
}

void xdp_run_capture(struct xdp_run *x, const struct capture_slot *slot)
{
	uint32_t key = 0;
	struct err err;
	struct tap_control c = {
		.captures = 1,
		.reasons = slot->reasons,
		.services = slot->services_wanted,
		.rx = slot->rx_ports & 1,
		.forwarded = slot->services_wanted || slot->tx_ports,
	};
	c.passing = c.rx || c.forwarded;
	if (!x->rings && tap_rings_open(&x->rings, bpf_map__fd(x->program->maps.capture_rings),
					TAP_RING_PACKETS, libbpf_num_possible_cpus(), &err))
		fail_msg("%s", err.text);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(x->program->maps.captures), &key, slot, BPF_ANY),
		0);
	tap_control_set(&x->program->bss->tap, &c);
}

void xdp_run_drain(struct xdp_run *x, tap_fn *fn, void *context)
{
	tap_rings_drain(x->rings, fn, context, UINT64_MAX);
}

struct capture_tally xdp_run_tally(const struct xdp_run *x)
{
	struct capture_tally sum = {0};
	struct tap_state state;
	for (int i = 0; i < (int)(libbpf_num_possible_cpus() * TAP_STATES); i++) {
		assert_int_equal(
			bpf_map_lookup_elem(bpf_map__fd(x->program->maps.tap_states), &i, &state),
			0);
		sum.matched += state.tallies[0][0].matched;
		sum.skipped += state.tallies[0][0].skipped;
		sum.lost_rate += state.tallies[0][0].lost_rate;
		sum.lost_full += state.tallies[0][0].lost_full;
	}
	return sum;
}
