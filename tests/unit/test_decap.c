// SPDX-License-Identifier: BSD-2-Clause
/*
 * What bpf/decap.bpf.c does, by BPF_PROG_RUN, with tunnel packets written by outer.c: the packet
 * inside has to come out as it went in. And the parser alone, on every length of some.
 */
#include <linux/bpf.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "bpf/decap.h"
#include "bpf/decap.skel.h"
#include "lb/addr.h"
#include "lb/prefix.h"
#include "tests/unit/outer.h"
#include "tests/unit/packet_build.h"

static struct decap_bpf *programs[2]; /* ipip, gue */
static const char *no_xdp;

static void put(struct bpf_map *map, const void *key)
{
	uint8_t there = 1;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, &there, BPF_ANY), 0);
}

static struct decap_bpf *open_program(enum forward kind)
{
	static const char *const vips[] = {"203.0.113.10", "2001:db8:1::10"};
	static const char *const balancers[] = {"10.0.2.0/24", "fd02::2"};
	struct decap_bpf *p = decap_bpf__open();
	assert_non_null(p);
	p->rodata->tunnel_kind = kind;
	int r = decap_bpf__load(p);
	if (r == -EPERM)
		no_xdp = "not permitted to load XDP programs";
	else
		assert_int_equal(r, 0);
	for (int i = 0; i < 2 && !r; i++) {
		struct prefix_key from = {0};
		struct addr vip;
		assert_int_equal(addr_parse(vips[i], &vip), 0);
		assert_int_equal(prefix_parse(balancers[i], &from.address, &from.length), 0);
		put(p->maps.vips, &vip);
		put(p->maps.balancers, &from);
	}
	return p;
}

static int open_all(void **state)
{
	programs[0] = open_program(FORWARD_IPIP);
	programs[1] = open_program(FORWARD_GUE);
	return 0;
}

static int close_all(void **state)
{
	decap_bpf__destroy(programs[0]);
	decap_bpf__destroy(programs[1]);
	return 0;
}

static void need_xdp(void)
{
	if (!no_xdp)
		return;
	print_message("# skipped: %s\n", no_xdp);
	skip();
}

/* --- the table ------------------------------------------------------------------------------- */

enum fate { OUT, PASSED, REFUSED, MALFORMED, CONGESTED };

#define TCP4(...)                                                                           \
	{                                                                                   \
		.from = "198.51.100.7", .protocol = IPPROTO_TCP, .to_port = 80, __VA_ARGS__ \
	}
#define V4(...) TCP4(.to = "203.0.113.10", .payload = 40, __VA_ARGS__)
#define V6(...)                                                                            \
	{                                                                                  \
		.from = "2001:db8:99::7", .to = "2001:db8:1::10", .protocol = IPPROTO_UDP, \
		.to_port = 53, .payload = 40, __VA_ARGS__                                  \
	}
#define F4 .from = "10.0.2.2", .to = "10.0.0.11"
#define F6 .from = "fd02::2", .to = "fd00::11"

/* clang-format off */
static const struct decap_case {
	const char *name;
	struct recipe in;
	struct outer outer;
	enum fate fate;
	uint8_t outer_class; /* 0: as the packet's */
	uint8_t class_out;   /* of the packet that comes out, where that differs */
	struct poke poke;    /* of the tunnel packet; LAYER_3 is the outer header */
} cases[] = {
	{"4in4", V4(), {F4}, .fate = OUT},
	{"6in4", V6(), {F4}, .fate = OUT},
	{"4in6", V4(), {F6}, .fate = OUT},
	{"6in6", V6(), {F6}, .fate = OUT},
	{"gue 4 over 4", V4(), {F4, .gue = true}, .fate = OUT},
	{"gue 6 over 4", V6(), {F4, .gue = true}, .fate = OUT},
	{"gue 4 over 6", V4(), {F6, .gue = true}, .fate = OUT},
	{"gue 6 over 6", V6(), {F6, .gue = true}, .fate = OUT},
	{"from a VLAN", V4(), {F4, .vlan = 7}, .fate = OUT},
	{"with padding", TCP4(.to = "203.0.113.10", .padding = 6), {F4}, .fate = OUT},
	{"options inside", V4(.ipv4_options = 40), {F4, .gue = true}, .fate = OUT},
	{"extension headers inside", V6(.extensions = "hD"), {F6, .gue = true}, .fate = OUT},
	{"a fragment inside", V4(.ipv4_fragment = 0x2000), {F4}, .fate = OUT},
	{"a later fragment inside", V6(.extensions = "2"), {F6}, .fate = OUT},
	{"the longest", TCP4(.to = "203.0.113.10", .payload = 1440), {F4, .gue = true}, .fate = OUT},
	{"a stranger, 4in4", V4(), {.from = "10.0.3.2", .to = "10.0.0.11"}, .fate = REFUSED},
	{"a stranger, gue over 6", V4(), {.from = "fd02::3", .to = "fd00::11", .gue = true}, .fate = REFUSED},
	{"to another address inside", TCP4(.to = "203.0.113.11"), {F4}, .fate = PASSED},
	{"to another address inside, a stranger", TCP4(.to = "203.0.113.11"),
	 {.from = "10.0.3.2", .to = "10.0.0.11", .gue = true}, .fate = PASSED},
	{"the DS field stays", V4(.traffic_class = 0xb8), {F4}, .fate = OUT},
	{"congested", V4(.traffic_class = 2), {F4}, .fate = OUT, .outer_class = 3, .class_out = 3},
	{"congested, v6 in gue", V6(.traffic_class = 0xb9), {F4, .gue = true}, .fate = OUT, .outer_class = 0xbb, .class_out = 0xbb},
	{"congested, marked inside already", V4(.traffic_class = 3), {F4}, .fate = OUT, .outer_class = 1, .class_out = 3},
	{"congested, of a sender that knows of none", V4(.traffic_class = 0xb8), {F4}, .fate = CONGESTED, .outer_class = 3},
	{"ECT(1) outside", V4(.traffic_class = 2), {F6}, .fate = OUT, .outer_class = 1, .class_out = 1},
	{"ECT(0) outside", V4(.traffic_class = 1), {F4, .gue = true}, .fate = OUT, .outer_class = 2, .class_out = 1},
	{"an outer fragment", V4(), {F4}, .fate = PASSED, .poke = POKE(3, 6, 0x20)},
	{"an outer header of 16 bytes", V4(), {F4}, .fate = PASSED, .poke = POKE(3, 0, 0x44)},
	{"an outer header of version 6 in IPv4", V4(), {F4}, .fate = PASSED, .poke = POKE(3, 0, 0x65)},
	{"an outer length beyond the frame", V4(), {F4}, .fate = PASSED, .poke = POKE(3, 2, 4)},
	{"an outer payload beyond the frame", V4(), {F6}, .fate = PASSED, .poke = POKE(3, 4, 4)},
	{"another protocol outside", V4(), {F4}, .fate = PASSED, .poke = POKE(3, 9, 47)},
	{"gue to another port", V4(), {F4, .gue = true}, .fate = PASSED, .poke = POKE(3, 22, 0x18)},
	{"gue of variant 0", V4(), {F4, .gue = true}, .fate = MALFORMED, .poke = POKE(3, 28, 0x05)},
	{"gue, UDP beyond its packet", V4(), {F4, .gue = true}, .fate = MALFORMED, .poke = POKE(3, 24, 4)},
	{"gue, UDP shorter than its header", V4(), {F4, .gue = true}, .fate = MALFORMED, .poke = POKE(3, 25, 7)},
	{"inside, a header of 16 bytes", V4(), {F4}, .fate = MALFORMED, .poke = POKE(3, 20, 0x44)},
	{"inside, version 6 in a 4in4", V4(), {F4}, .fate = MALFORMED, .poke = POKE(3, 20, 0x65)},
	{"inside, longer than its tunnel", V4(), {F6}, .fate = MALFORMED, .poke = POKE(3, 42, 4)},
	{"inside, v6 longer than its tunnel", V6(), {F4}, .fate = MALFORMED, .poke = POKE(3, 24, 4)},
	{"inside, v6 of version 4", V6(), {F6}, .fate = MALFORMED, .poke = POKE(3, 40, 0x45)},
};
/* clang-format on */

static void build(const struct decap_case *c, struct frame *inner, struct frame *out)
{
	struct frame got;
	memset(&got, 0xff, sizeof(got));
	packet_build(&c->in, inner);
	outer_build(&c->outer, "02:00:00:00:00:11", inner, &got, out);
	uint8_t *ip = out->bytes + out->l3;
	if (c->outer_class && ip[0] >> 4 == 6) {
		ip[0] = 0x60 | c->outer_class >> 4;
		ip[1] = (ip[1] & 15) | c->outer_class << 4;
	} else if (c->outer_class) {
		ip[1] = c->outer_class;
	}
	if (c->poke.set)
		ip[c->poke.offset] = c->poke.value;
}

/* The link header that came, without tags, and the packet as it was but for its marks. */
static void expect_inner(const struct decap_case *c, const struct frame *inner,
			 const struct frame *sent, const struct frame *got)
{
	struct frame want;
	struct recipe r = c->in;
	if (c->class_out)
		r.traffic_class = c->class_out;
	packet_build(&r, &want);
	memcpy(want.bytes, sent->bytes, 12);
	if (got->length != want.length || memcmp(got->bytes, want.bytes, want.length))
		fail_msg("%s: another packet came out", c->name);
}

static struct decap_counters counters_of(const struct decap_bpf *p)
{
	int cpus = libbpf_num_possible_cpus();
	struct decap_counters *each = calloc(cpus, sizeof(*each)), sum = {0};
	uint32_t slot = 0;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(p->maps.counters), &slot, each), 0);
	for (int i = 0; i < cpus; i++) {
		sum.decapsulated += each[i].decapsulated;
		sum.refused += each[i].refused;
		sum.malformed += each[i].malformed;
		sum.congested += each[i].congested;
	}
	free(each);
	return sum;
}

static enum fate fate_of(const struct decap_counters *before, const struct decap_counters *after)
{
	if (after->decapsulated > before->decapsulated)
		return OUT;
	if (after->refused > before->refused)
		return REFUSED;
	if (after->malformed > before->malformed)
		return MALFORMED;
	return after->congested > before->congested ? CONGESTED : PASSED;
}

static void run_case(const struct decap_case *c, bool other_program)
{
	struct frame inner, sent, got;
	build(c, &inner, &sent);
	struct decap_bpf *p = programs[c->outer.gue != other_program];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = sent.bytes, .data_size_in = sent.length,
		    .data_out = got.bytes, .data_size_out = sizeof(got.bytes), .repeat = 1);
	struct decap_counters before = counters_of(p);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(p->progs.decap), &run), 0);
	struct decap_counters after = counters_of(p);
	got.length = run.data_size_out;
	enum fate fate = fate_of(&before, &after), want = other_program ? PASSED : c->fate;
	if (fate != want)
		fail_msg("%s: fate %d; expected %d", c->name, fate, want);
	assert_int_equal(run.retval, want == OUT || want == PASSED ? XDP_PASS : XDP_DROP);
	if (want == OUT)
		expect_inner(c, &inner, &sent, &got);
	else if (got.length != sent.length || memcmp(got.bytes, sent.bytes, sent.length))
		fail_msg("%s: changed", c->name);
}

static void test_table(void **state)
{
	need_xdp();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		run_case(&cases[i], false);
}

/* The program for the other kind of tunnel leaves them alone. */
static void test_other_kind(void **state)
{
	need_xdp();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!cases[i].poke.set)
			run_case(&cases[i], true);
}

/* In memory that ends where the frame ends: the address sanitizer sees what is read behind it. */
static void test_every_length(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame inner, sent;
		build(&cases[i], &inner, &sent);
		for (uint32_t length = 0; length < sent.length; length++) {
			struct decap d = {0};
			uint8_t *bytes = malloc(length + !length);
			memcpy(bytes, sent.bytes, length);
			enum forward kind = cases[i].outer.gue ? FORWARD_GUE : FORWARD_IPIP;
			int found = decap_parse(bytes, bytes + length, kind, &d);
			if (cases[i].fate == OUT && !cases[i].in.padding)
				assert_int_equal(found, DECAP_OTHER);
			free(bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_other_kind),
		cmocka_unit_test(test_every_length),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
