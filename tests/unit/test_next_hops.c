// SPDX-License-Identifier: BSD-2-Clause
/*
 * Next hops over a real link (see netns.h), set and changed with `ip`. Skipped where namespaces
 * are not allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <net/if.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "tests/unit/netns.h"
#include "tools/weir/next_hops.h"

#define WAIT_S 20. /* nothing takes that long; a test that waits for it has failed */

enum { B11 = 3, B11_TOO = 4, B11_V6 = 7, B12 = 8, FAR = 9 };

struct fixture {
	struct netns net;
	struct ev_loop *loop;
	struct next_hops *hops;
	unsigned int changes;
	char before[1024]; /* the kernel's neighbours */
};

static const uint8_t mac_b[ETH_ALEN] = {2, 0, 0, 0, 0, 0xb};
static const uint8_t mac_c[ETH_ALEN] = {2, 0, 0, 0, 0, 0xc};

static void on_change(void *context)
{
	((struct fixture *)context)->changes++;
}

#define here(f, ...) assert_int_equal(netns_run((f)->net.here, __VA_ARGS__), 0)
#define peer(f, ...) assert_int_equal(netns_run((f)->net.peer, __VA_ARGS__), 0)

static void list_neighbors(struct fixture *f, char *text, size_t size)
{
	netns_read(f->net.here,
		   "ip -details neighbour show dev nh0 | grep -v 'router\\|fe80' | "
		   "sed 's/ref .*//; s/ used .*//; s/ probes .*//; s/[A-Z]*  *$//' | sort",
		   text, size);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ifindex;
	*state = f;
	if (!netns_allowed())
		return 0;
	assert_int_equal(netns_open(&f->net), 0);
	f->loop = ev_loop_new(0);
	ifindex = if_nametoindex("nh0");
	list_neighbors(f, f->before, sizeof(f->before));
	return next_hops_open(&f->hops, f->loop, &ifindex, 1, on_change, f, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (netns_allowed()) {
		next_hops_close(f->hops, false);
		ev_loop_destroy(f->loop);
		netns_close(&f->net);
	}
	free(f);
	return 0;
}

static void watch(struct fixture *f, const struct next_hop_wanted *wanted, uint32_t count)
{
	struct err err;
	assert_int_equal(next_hops_watch(f->hops, wanted, count, &err), 0);
}

static void watch_one(struct fixture *f, uint32_t id, const char *address)
{
	struct next_hop_wanted wanted = {.id = id, .on_link = true};
	assert_int_equal(addr_parse(address, &wanted.address), 0);
	watch(f, &wanted, 1);
}

static struct next_hop get(struct fixture *f, uint32_t id)
{
	struct next_hop hop;
	next_hops_get(f->hops, id, &hop);
	return hop;
}

static void assert_why(struct fixture *f, uint32_t id, const char *wanted)
{
	char why[256];
	assert_string_equal(next_hops_why(f->hops, id, why, sizeof(why)), wanted);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	fail_msg("waited for %g s", WAIT_S);
}

/* Runs the loop until the next hop is known to have this MAC, or with NULL: not to be known. */
static void await(struct fixture *f, uint32_t id, const uint8_t *mac)
{
	ev_timer late;
	ev_timer_init(&late, on_late, WAIT_S, 0.);
	ev_now_update(f->loop);
	ev_timer_start(f->loop, &late);
	for (;;) {
		struct next_hop hop = get(f, id);
		if (hop.known == !!mac && (!mac || !memcmp(hop.mac, mac, ETH_ALEN)))
			break;
		ev_run(f->loop, EVRUN_ONCE);
	}
	ev_timer_stop(f->loop, &late);
}

static void await_words(struct fixture *f, uint32_t id, const char *wanted)
{
	ev_timer late;
	char why[256];
	ev_timer_init(&late, on_late, WAIT_S, 0.);
	ev_now_update(f->loop);
	ev_timer_start(f->loop, &late);
	while (strcmp(next_hops_why(f->hops, id, why, sizeof(why)), wanted))
		ev_run(f->loop, EVRUN_ONCE);
	ev_timer_stop(f->loop, &late);
}

static void test_resolves(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, B11, "10.0.0.11");
	assert_false(get(f, B11).known);
	assert_why(f, B11, "10.0.0.11 does not answer ARP on nh0");
	await(f, B11, mac_b);
	assert_int_equal(get(f, B11).egress, 0);
	assert_true(f->changes > 0);
	assert_why(f, B11, "");
}

static void test_resolves_v6(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, B11_V6, "fd00::11");
	assert_why(f, B11_V6, "fd00::11 does not answer neighbour solicitations on nh0");
	await(f, B11_V6, mac_b);
	peer(f, "echo 1 >/proc/sys/net/ipv6/conf/nh1/ndisc_notify");
	peer(f, "ip link set nh1 address 02:00:00:00:00:0c");
	await(f, B11_V6, mac_c);
}

/* The kernel's answers are there at once for what it knows; no change is reported for that. */
static void test_known_at_once(void **state)
{
	struct fixture *f = netns_or_skip(state);
	here(f, "ip neigh add 10.0.0.12 lladdr 02:00:00:00:00:0c dev nh0 nud permanent");
	watch_one(f, B12, "10.0.0.12");
	assert_memory_equal(get(f, B12).mac, mac_c, ETH_ALEN);
	ev_run(f->loop, EVRUN_NOWAIT);
	assert_int_equal(f->changes, 0);
}

static void test_mac_changes(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, B11, "10.0.0.11");
	await(f, B11, mac_b);
	peer(f, "echo 1 >/proc/sys/net/ipv4/conf/nh1/arp_notify");
	peer(f, "ip link set nh1 address 02:00:00:00:00:0c");
	await(f, B11, mac_c);
}

static void test_comes_late(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, B12, "10.0.0.12");
	await_words(f, B12, "10.0.0.12 does not answer ARP on nh0");
	peer(f, "ip address add 10.0.0.12/24 dev nh1");
	await(f, B12, mac_b);
}

static void test_link_goes_down(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, B11, "10.0.0.11");
	await(f, B11, mac_b);
	peer(f, "ip link set nh1 down");
	await(f, B11, NULL);
	peer(f, "ip link set nh1 up");
	await(f, B11, mac_b);
	here(f, "ip link set nh0 down");
	await_words(f, B11, "no route to 10.0.0.11");
}

/* With an entry that stays as it is, no event but the route's own tells of it. */
static void test_route_goes(void **state)
{
	struct fixture *f = netns_or_skip(state);
	here(f, "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:0c dev nh0 nud permanent");
	watch_one(f, FAR, "192.0.2.9");
	assert_why(f, FAR, "no route to 192.0.2.9");
	here(f, "ip route add 192.0.2.0/25 dev nh0");
	await(f, FAR, mac_c);
	here(f, "ip route del 192.0.2.0/25 dev nh0");
	await(f, FAR, NULL);
	assert_why(f, FAR, "no route to 192.0.2.9");
	assert_int_equal(f->changes, 2);
}

static void test_routes_refused(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, FAR, "192.0.2.9");
	here(f, "ip route add default via 10.0.0.11");
	await_words(f, FAR,
		    "the route to 192.0.2.9 goes through a gateway, 10.0.0.11: dsr needs the "
		    "backend on the link");
	here(f, "ip route add 192.0.2.8/30 via inet6 fd00::11 dev nh0");
	await_words(f, FAR,
		    "the route to 192.0.2.9 goes through a gateway, fd00::11: dsr needs the "
		    "backend on the link");
	here(f, "ip route add prohibit 192.0.2.9");
	await_words(f, FAR, "no way to 192.0.2.9: its route is of type prohibit");
	here(f, "ip route replace blackhole 192.0.2.9");
	await_words(f, FAR, "no way to 192.0.2.9: its route is of type blackhole");
	here(f, "ip route replace unreachable 192.0.2.9");
	await_words(f, FAR, "no way to 192.0.2.9: its route is of type unreachable");
	here(f, "ip route del 192.0.2.9");
	here(f, "ip link add nh2 type veth peer name nh3 && ip link set nh2 up && "
		"ip link set nh3 up && ip route add 192.0.2.9 dev nh2");
	await_words(f, FAR, "the route to 192.0.2.9 leaves by nh2, which is not in interfaces");
	here(f, "ip address add 192.0.2.9/32 dev nh0");
	await_words(f, FAR, "192.0.2.9 is an address of this host");
	assert_false(get(f, FAR).known);
}

static void test_routes_refused_v6(void **state)
{
	struct fixture *f = netns_or_skip(state);
	watch_one(f, FAR, "2001:db8::9");
	assert_why(f, FAR, "no route to 2001:db8::9");
	here(f, "ip route add 2001:db8::/62 via fd00::11");
	await_words(f, FAR,
		    "the route to 2001:db8::9 goes through a gateway, fd00::11: dsr needs "
		    "the backend on the link");
	here(f, "ip route add prohibit 2001:db8::/64");
	await_words(f, FAR, "no way to 2001:db8::9: its route is of type prohibit");
	here(f, "ip route add 2001:db8::8/125 dev nh0");
	peer(f, "ip address add 2001:db8::9/128 dev nh1 nodad");
	await(f, FAR, mac_b);
}

static bool has_mtu(struct fixture *f, uint32_t mtu)
{
	return get(f, FAR).mtu == mtu;
}

static void await_mtu(struct fixture *f, uint32_t mtu)
{
	while (!has_mtu(f, mtu))
		ev_run(f->loop, EVRUN_ONCE);
}

/* Where a gateway will do, its link address is the one; it is kept while anybody is behind it. */
static void test_gateway(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct next_hop_wanted wanted[3] = {{.id = FAR}, {.id = B12}, {.id = B11, .on_link = true}};
	struct addr local;
	addr_parse("192.0.2.9", &wanted[0].address);
	addr_parse("192.0.2.10", &wanted[1].address);
	addr_parse("192.0.2.9", &wanted[2].address);
	addr_parse("10.0.0.1", &local);
	here(f, "ip route add default via 10.0.0.11");
	watch(f, wanted, 3);
	await(f, FAR, mac_b);
	await(f, B12, mac_b);
	struct next_hop hop = get(f, FAR);
	assert_int_equal(hop.mtu, 1500);
	assert_int_equal(hop.vlan, 0);
	assert_true(addr_equal(&hop.local, &local));
	assert_false(get(f, B11).known);
	assert_why(f, B11,
		   "the route to 192.0.2.9 goes through a gateway, 10.0.0.11: dsr needs the "
		   "backend on the link");

	unsigned int changes = f->changes;
	watch(f, wanted, 1);
	here(f, "ip route replace default via 10.0.0.11 mtu 1400");
	await_mtu(f, 1400);
	assert_memory_equal(get(f, FAR).mac, mac_b, ETH_ALEN);
	assert_int_equal(f->changes, changes + 1);
	here(f, "ip link set nh0 mtu 1300");
	here(f, "ip route replace default via 10.0.0.11");
	await_mtu(f, 1300);
	peer(f, "ip link set nh1 address 02:00:00:00:00:0c");
	here(f, "ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:0c dev nh0 nud reachable");
	await(f, FAR, mac_c);
	here(f, "ip route replace default via 10.0.0.12");
	await_words(f, FAR, "the gateway 10.0.0.12 does not answer ARP on nh0");
}

/* A VLAN sub-interface of a port is a way out by that port, with its tag. */
static void test_vlan(void **state)
{
	struct fixture *f = netns_or_skip(state);
	if (netns_run(f->net.here, "ip link add link nh0 name nh0.7 type vlan id 7 2>/dev/null")) {
		print_message("# skipped: this kernel has no VLAN devices\n");
		skip();
	}
	here(f, "ip link set nh0.7 address 02:00:00:00:00:0d mtu 1496 up && "
		"ip address add 10.7.0.1/24 dev nh0.7");
	peer(f, "ip link add link nh1 name nh1.7 type vlan id 7 && ip link set nh1.7 up && "
		"ip address add 10.7.0.11/24 dev nh1.7");
	watch_one(f, FAR, "10.7.0.11");
	await(f, FAR, mac_b);
	struct next_hop hop = get(f, FAR);
	assert_int_equal(hop.egress, 0);
	assert_int_equal(hop.vlan, 7);
	assert_int_equal(hop.mtu, 1496);
	assert_memory_equal(hop.source, "\2\0\0\0\0\15", ETH_ALEN);
	here(f, "ip link add link nh0 name nh0.8 type vlan proto 802.1ad id 8 && "
		"ip link set nh0.8 up && ip route replace 10.7.0.11 dev nh0.8");
	await_words(f, FAR, "the route to 10.7.0.11 leaves by nh0.8, which is not in interfaces");
}

/* Backends may share an address; a set that replaces another leaves nothing of it. */
static void test_sets(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct next_hop_wanted wanted[3] = {{.id = B11_TOO}, {.id = B11_V6}, {.id = B11}};
	char text[1024];
	addr_parse("10.0.0.11", &wanted[0].address);
	addr_parse("fd00::11", &wanted[1].address);
	addr_parse("10.0.0.11", &wanted[2].address);
	watch(f, wanted, 3);
	await(f, B11, mac_b);
	await(f, B11_TOO, mac_b);
	await(f, B11_V6, mac_b);
	watch(f, wanted, 1);
	assert_true(get(f, B11_TOO).known);
	assert_false(get(f, B11).known);
	assert_false(get(f, B11_V6).known);
	assert_why(f, B11, "nobody asked for it");
	assert_false(get(f, 70000).known);
	list_neighbors(f, text, sizeof(text));
	assert_non_null(strstr(text, "10.0.0.11"));
	assert_null(strstr(text, "fd00::11"));
	watch(f, NULL, 0);
	list_neighbors(f, text, sizeof(text));
	assert_string_equal(text, f->before);
}

/* Those behind one gateway share its entry, which goes with the last of them. */
static void test_one_gateway_of_two(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct next_hop_wanted wanted[2] = {{.id = FAR}, {.id = B11_TOO}};
	char text[1024];
	addr_parse("192.0.2.1", &wanted[0].address);
	addr_parse("192.0.2.2", &wanted[1].address);
	here(f, "ip route add 192.0.2.0/24 via 10.0.0.11");
	watch(f, wanted, 2);
	await(f, FAR, mac_b);
	await(f, B11_TOO, mac_b);
	here(f, "ip route add 192.0.2.1 via 10.0.0.12");
	peer(f, "ip link set nh1 address 02:00:00:00:00:0c");
	here(f, "ip neigh replace 10.0.0.12 lladdr 02:00:00:00:00:0c dev nh0 nud reachable");
	await(f, FAR, mac_c);
	list_neighbors(f, text, sizeof(text));
	assert_non_null(strstr(text, "10.0.0.11"));
	watch(f, wanted + 1, 1);
	list_neighbors(f, text, sizeof(text));
	assert_non_null(strstr(text, "10.0.0.11"));
	here(f, "ip neigh replace 10.0.0.11 lladdr 02:00:00:00:00:0c dev nh0 nud reachable");
	await(f, B11_TOO, mac_c);
	watch(f, NULL, 0);
	list_neighbors(f, text, sizeof(text));
	assert_null(strstr(text, "10.0.0.11"));
}

/* While watched, the kernel keeps an entry fresh; afterwards its tables are as before. */
static void test_leaves_nothing(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct next_hop_wanted wanted[4] = {{.id = 0}, {.id = 1}, {.id = 2}, {.id = 3}};
	char text[1024];
	here(f, "ip neigh add 10.0.0.11 lladdr 02:00:00:00:00:0b dev nh0 nud reachable");
	here(f, "ip neigh add 10.0.0.12 lladdr 02:00:00:00:00:0c dev nh0 nud permanent");
	here(f, "ip neigh add 10.0.0.13 lladdr 02:00:00:00:00:0b dev nh0 nud stale extern_learn");
	list_neighbors(f, f->before, sizeof(f->before));
	addr_parse("10.0.0.11", &wanted[0].address);
	addr_parse("10.0.0.12", &wanted[1].address);
	addr_parse("10.0.0.13", &wanted[2].address);
	addr_parse("fd00::11", &wanted[3].address);
	watch(f, wanted, 4);
	await(f, 0, mac_b);
	await(f, 1, mac_c);
	await(f, 2, mac_b);
	await(f, 3, mac_b);
	netns_read(f->net.here, "ip neigh | grep managed | grep -c '10.0.0.11\\|fd00::11'", text,
		   sizeof(text));
	assert_string_equal(text, "2\n");
	netns_read(f->net.here, "ip neigh | grep managed | grep -c '10.0.0.12\\|10.0.0.13'", text,
		   sizeof(text));
	assert_string_equal(text, "0\n");
	next_hops_close(f->hops, false);
	f->hops = NULL;
	list_neighbors(f, text, sizeof(text));
	assert_string_equal(text, f->before);
}

static void test_leaves_all_to_the_next(void **state)
{
	struct fixture *f = netns_or_skip(state);
	char text[1024];
	watch_one(f, B11, "10.0.0.11");
	await(f, B11, mac_b);
	next_hops_close(f->hops, true);
	f->hops = NULL;
	netns_read(f->net.here, "ip neigh | grep managed | grep -c 10.0.0.11", text, sizeof(text));
	assert_string_equal(text, "1\n");
}

/* A daemon that was killed leaves its entries; the next one knows them as its own. */
static void test_takes_over(void **state)
{
	struct fixture *f = netns_or_skip(state);
	char text[1024];
	here(f, "ip neigh add 10.0.0.11 dev nh0 managed protocol 87");
	watch_one(f, B11, "10.0.0.11");
	await(f, B11, mac_b);
	next_hops_close(f->hops, false);
	f->hops = NULL;
	list_neighbors(f, text, sizeof(text));
	assert_string_equal(text, f->before);
}

/*
 * More events than the kernel keeps: what is true in the end is known all the same. By the time
 * the second backend is known, the events of the first one's set-up have been seen.
 */
static void test_lost_events(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct next_hop_wanted wanted[2] = {{.id = FAR}, {.id = B11}};
	addr_parse("192.0.2.9", &wanted[0].address);
	addr_parse("10.0.0.11", &wanted[1].address);
	here(f, "ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:0c dev nh0 nud permanent");
	here(f, "ip route add 192.0.2.9 dev nh0");
	watch(f, wanted, 2);
	await(f, FAR, mac_c);
	await(f, B11, mac_b);
	here(f, "for i in $(seq 5000); do echo \"route add 198.18.$((i / 250)).$((i %% 250)) dev "
		"nh0\"; done | ip -batch -");
	here(f, "ip route del 192.0.2.9 dev nh0");
	await(f, FAR, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_resolves, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resolves_v6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gateway, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_known_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mac_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comes_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_goes_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_route_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routes_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routes_refused_v6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_gateway_of_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leaves_all_to_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(test_takes_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_events, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
