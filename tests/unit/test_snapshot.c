// SPDX-License-Identifier: BSD-2-Clause
/*
 * Snapshots over a life of reloads: ids, what is shared and what is not, targets. That shared
 * tables are freed once and by the last is the address sanitizer's to see.
 * long file: all of it starts from the same few helpers.
 */
#include "lb/snapshot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "lb/maglev.h"
#include "lb/registry.h"
#include "lb/target_table.h"
#include "tests/unit/fixture.h"

static const uint8_t macs[2][ETH_ALEN] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

/* What the control thread holds. */
struct control {
	struct config *config;
	struct registry *services, *backends;
	struct snapshot *snapshot;
};

static struct snapshot *build(const struct control *c, const struct config *config,
			      const struct next_hop *hops)
{
	struct snapshot_input in = {
		.config = config,
		.services = c->services,
		.backends = c->backends,
		.next_hops = hops,
		.port_macs = macs,
		.port_count = 2,
		.generation = c->snapshot ? c->snapshot->generation + 1 : 1,
	};
	struct snapshot *s;
	struct err err;
	if (snapshot_new(&in, c->snapshot, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

/* As a reload goes: ids first, those no longer needed are released once the new one is in force. */
static void load(struct control *c, const char *services)
{
	char yaml[16384];
	struct err err;
	snprintf(yaml, sizeof(yaml), "interfaces: [{name: a}, {name: b}]\nservices:\n%s", services);
	struct config *config = fixture_config(yaml);
	if (!c->services) {
		c->services = registry_new(ABI_MAX_SERVICES);
		c->backends = registry_new(ABI_MAX_BACKENDS);
	}
	if (snapshot_assign_ids(config, c->services, c->backends, &err))
		fail_msg("%s", err.text);
	struct snapshot *s = build(c, config, NULL);
	snapshot_free(c->snapshot);
	c->snapshot = s;
	config_free(c->config);
	c->config = config;
	snapshot_release_ids(config, c->services, c->backends);
}

static void unload(struct control *c)
{
	snapshot_free(c->snapshot);
	config_free(c->config);
	registry_free(c->services);
	registry_free(c->backends);
}

static const struct service *service(const struct control *c, const char *name)
{
	int64_t id = registry_find(c->services, name);
	assert_true(id >= 0);
	return &c->snapshot->services[id];
}

static const struct backend *backend(const struct control *c, const char *name)
{
	int64_t id = registry_find(c->backends, name);
	assert_true(id >= 0);
	return &c->snapshot->backends[id];
}

static const struct target *target(const struct control *c, const char *address, uint8_t protocol,
				   uint16_t port)
{
	struct target_key key = {.protocol = protocol, .port = htons(port)};
	assert_int_equal(addr_parse(address, &key.address), 0);
	return target_table_find(c->snapshot->targets, &key);
}

/* --- members --------------------------------------------------------------------------------- */

#define WEB                                                                                       \
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80, announce: neighbor,\n"  \
	"     backends: [{name: zoe, address: 10.0.0.3}, {name: bob, address: 10.0.0.1, weight: " \
	"7},\n"                                                                                   \
	"                {name: lea, address: 10.0.0.2, state: drain}]}\n"
#define DNS                                                                  \
	"  - {name: dns, address: 203.0.113.10, protocol: udp, ports: 53,\n" \
	"     backends: [{name: bob, address: 10.0.0.53}]}\n"

static void test_what_is_configured_is_there(void **state)
{
	struct control c = {0};
	load(&c, WEB DNS);
	const struct service *s = service(&c, "web");
	assert_true(s->present);
	assert_int_equal(s->protocol, IPPROTO_TCP);
	assert_int_equal(s->announce, ANNOUNCE_NEIGHBOR);
	assert_int_equal(s->member_count, 3);
	assert_int_equal(s->up_count, 2);
	/* By name, whatever the order of the file. */
	assert_int_equal(s->members[0], registry_find(c.backends, "web/bob"));
	assert_int_equal(s->members[1], registry_find(c.backends, "web/lea"));
	assert_int_equal(s->members[2], registry_find(c.backends, "web/zoe"));
	assert_int_equal(s->up[0], 5);
	const struct backend *b = backend(&c, "web/bob");
	assert_true(b->present);
	assert_int_equal(b->weight, 7);
	assert_int_equal(b->service, registry_find(c.services, "web"));
	assert_int_equal(backend(&c, "web/lea")->state, STATE_DRAIN);
	assert_ptr_not_equal(b, backend(&c, "dns/bob"));
	unload(&c);
}

static void test_order_of_the_file_does_not_matter(void **state)
{
	struct control a = {0}, b = {0};
	load(&a, WEB);
	load(&b, "  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
		 "     backends: [{name: lea, address: 10.0.0.2},\n"
		 "                {name: bob, address: 10.0.0.1, weight: 7},\n"
		 "                {name: zoe, address: 10.0.0.3}]}\n");
	const struct maglev *ma = service(&a, "web")->maglev, *mb = service(&b, "web")->maglev;
	assert_int_equal(ma->size, mb->size);
	assert_memory_equal(ma->slots, mb->slots, ma->size * sizeof(ma->slots[0]));
	unload(&a);
	unload(&b);
}

static void test_no_weight_no_table(void **state)
{
	struct control c = {0};
	load(&c, "  - {name: none, address: 203.0.113.1, protocol: tcp, ports: 80, backends: []}\n"
		 "  - {name: zero, address: 203.0.113.2, protocol: tcp, ports: 80,\n"
		 "     backends: [{name: b, address: 10.0.0.1, weight: 0}]}\n");
	for (int i = 0; i < 2; i++) {
		const struct service *s = service(&c, i ? "zero" : "none");
		assert_true(s->present);
		assert_null(s->maglev);
		assert_int_equal(s->up_count, 0);
	}
	/* Once more, with a previous one that has none either. */
	load(&c, "  - {name: zero, address: 203.0.113.2, protocol: tcp, ports: 80,\n"
		 "     backends: [{name: b, address: 10.0.0.1, weight: 0}]}\n");
	assert_null(service(&c, "zero")->maglev);
	unload(&c);
}

/* The bitmap has more than one word. */
static void test_more_backends_than_bits_in_a_word(void **state)
{
	enum { COUNT = 130 };
	char text[12288] = "  - name: web\n    address: 203.0.113.1\n    protocol: tcp\n"
			   "    ports: 80\n    backends:\n";
	size_t n = strlen(text);
	struct control c = {0};
	for (int i = 0; i < COUNT; i++)
		n += snprintf(text + n, sizeof(text) - n,
			      "      - {name: b%03d, address: 10.0.1.%d, state: %s}\n", i, i + 1,
			      i % 3 ? "up" : "down");
	load(&c, text);
	const struct service *s = service(&c, "web");
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(maglev_is_up(s->up, i), i % 3 != 0);
	assert_int_equal(s->up_count, COUNT - (COUNT + 2) / 3);
	unload(&c);
}

/* --- ids -------------------------------------------------------------------------------------- */

static void test_ids_stay_over_reloads(void **state)
{
	struct control c = {0};
	load(&c, WEB DNS);
	int64_t web = registry_find(c.services, "web"), dns = registry_find(c.services, "dns");
	int64_t bob = registry_find(c.backends, "web/bob"),
		zoe = registry_find(c.backends, "web/zoe");
	/* Another order, one service less, one more, a backend less, one more. */
	load(&c, "  - {name: new, address: 203.0.113.77, protocol: tcp, ports: 80,\n"
		 "     backends: [{name: bob, address: 10.0.0.7}]}\n"
		 "  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
		 "     backends: [{name: ann, address: 10.0.0.9}, {name: zoe, address: 10.0.0.3},\n"
		 "                {name: bob, address: 10.0.0.1}]}\n");
	assert_int_equal(registry_find(c.services, "web"), web);
	assert_int_equal(registry_find(c.backends, "web/bob"), bob);
	assert_int_equal(registry_find(c.backends, "web/zoe"), zoe);
	/* Gone, and their places are holes that nobody got. */
	assert_int_equal(registry_find(c.services, "dns"), -1);
	assert_int_equal(registry_find(c.backends, "web/lea"), -1);
	assert_int_equal(registry_find(c.backends, "dns/bob"), -1);
	assert_false(c.snapshot->services[dns].present);
	assert_int_not_equal(registry_find(c.services, "new"), dns);
	uint32_t present = 0;
	for (uint32_t id = 0; id < c.snapshot->backend_end; id++)
		present += c.snapshot->backends[id].present;
	assert_int_equal(present, 4);
	assert_int_equal(c.snapshot->generation, 2);
	unload(&c);
}

static void test_failed_reload_gives_its_ids_back(void **state)
{
	struct control c = {0};
	struct err err = {.text = ""};
	load(&c, DNS);
	struct registry *narrow = registry_new(2);
	assert_true(registry_assign(narrow, "dns/bob") == 0);
	struct config *config = fixture_config("interfaces: [{name: a}]\nservices:\n" WEB DNS);
	assert_int_equal(snapshot_assign_ids(config, c.services, narrow, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "no ids left"));
	snapshot_release_ids(c.config, c.services, narrow);
	assert_int_equal(registry_find(c.services, "web"), -1);
	assert_int_equal(registry_find(narrow, "dns/bob"), 0);
	assert_int_equal(registry_find(narrow, "web/zoe"), -1);
	config_free(config);
	registry_free(narrow);
	unload(&c);
}

/* --- sharing -----------------------------------------------------------------------------------
 */

static void test_table_is_shared_while_members_stay(void **state)
{
	struct control c = {0};
	load(&c, WEB DNS);
	const struct maglev *web = service(&c, "web")->maglev, *dns = service(&c, "dns")->maglev;
	/* Other states, addresses, ports, order: the table does not depend on them. */
	load(&c, DNS
	     "  - {name: web, address: 203.0.113.11, protocol: tcp, ports: [80, 443],\n"
	     "     backends: [{name: lea, address: 10.0.0.2}, {name: zoe, address: 10.0.0.33},\n"
	     "                {name: bob, address: 10.0.0.1, weight: 7, state: down}]}\n");
	assert_ptr_equal(service(&c, "web")->maglev, web);
	assert_ptr_equal(service(&c, "dns")->maglev, dns);
	assert_int_equal(service(&c, "web")->up_count, 2);
	unload(&c);
}

static void test_table_is_built_anew_when_members_change(void **state)
{
	static const char *const others[] = {
		/* a weight */
		"backends: [{name: zoe, address: 10.0.0.3}, {name: bob, address: 10.0.0.1, weight: "
		"8},"
		" {name: lea, address: 10.0.0.2}]}\n",
		/* a member less */
		"backends: [{name: zoe, address: 10.0.0.3}, {name: bob, address: 10.0.0.1, weight: "
		"7}]}\n",
		/* another name */
		"backends: [{name: zoo, address: 10.0.0.3}, {name: bob, address: 10.0.0.1, weight: "
		"7},"
		" {name: lea, address: 10.0.0.2}]}\n",
		/* a member more */
		"backends: [{name: zoe, address: 10.0.0.3}, {name: bob, address: 10.0.0.1, weight: "
		"7},"
		" {name: lea, address: 10.0.0.2}, {name: ann, address: 10.0.0.4}]}\n",
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct control c = {0};
		char text[1024];
		load(&c, WEB);
		const struct maglev *table = service(&c, "web")->maglev;
		size_t size = sizeof(*table) + table->size * sizeof(table->slots[0]);
		struct maglev *old = malloc(size);
		memcpy(old, table, size);
		snprintf(text, sizeof(text),
			 "  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80, %s",
			 others[i]);
		load(&c, text);
		table = service(&c, "web")->maglev;
		assert_int_equal(table->size, old->size);
		assert_memory_not_equal(table->slots, old->slots, size - sizeof(*table));
		free(old);
		unload(&c);
	}
}

/* Any of those that share it may be the last. */
static void test_snapshots_may_be_freed_in_any_order(void **state)
{
	for (int order = 0; order < 2; order++) {
		struct control c = {0};
		load(&c, WEB DNS);
		struct snapshot *next = build(&c, c.config, NULL);
		assert_ptr_equal(next->services[0].maglev, c.snapshot->services[0].maglev);
		snapshot_free(order ? next : c.snapshot);
		c.snapshot = order ? c.snapshot : next;
		assert_in_range(service(&c, "web")->maglev->slots[65536], 0, 2);
		unload(&c);
	}
	snapshot_free(NULL);
}

/* A service that went and came back has no previous table; one in another's place neither. */
static void test_service_comes_back(void **state)
{
	struct control c = {0};
	load(&c, WEB);
	load(&c, DNS);
	load(&c, WEB DNS);
	assert_int_equal(service(&c, "web")->member_count, 3);
	assert_non_null(service(&c, "web")->maglev);
	unload(&c);
}

/* --- targets ------------------------------------------------------------------------------------
 */

static void test_ports(void **state)
{
	struct control c = {0};
	load(&c, "  - {name: web, address: 203.0.113.10, protocol: tcp, backends: [],\n"
		 "     ports: [80, 8000-8099, 65535]}\n"
		 "  - {name: any, address: \"2001:db8::1\", protocol: udp, ports: any, backends: "
		 "[]}\n");
	uint32_t id = registry_find(c.services, "web"), any = registry_find(c.services, "any");
	uint32_t found = 0;
	for (uint32_t port = 1; port <= 65535; port++) {
		const struct target *t = target(&c, "203.0.113.10", IPPROTO_TCP, port);
		bool want = port == 80 || (port >= 8000 && port <= 8099) || port == 65535;
		assert_int_equal(t != NULL, want);
		if (t)
			assert_int_equal(t->service, id);
		found += want;
		assert_null(target(&c, "203.0.113.10", IPPROTO_UDP, port));
	}
	/* One for any port, and one for each VIP. */
	assert_int_equal(target(&c, "2001:db8::1", IPPROTO_UDP, 0)->service, any);
	assert_null(target(&c, "2001:db8::1", IPPROTO_UDP, 53));
	assert_int_equal(target(&c, "203.0.113.10", 0, 0)->service, ABI_NO_SERVICE);
	assert_int_equal(target(&c, "2001:db8::1", 0, 0)->service, ABI_NO_SERVICE);
	assert_null(target(&c, "203.0.113.11", 0, 0));
	assert_int_equal(c.snapshot->targets->count, found + 3);
	unload(&c);
}

static void test_all_ports_of_many_services(void **state)
{
	struct control c = {0};
	load(&c,
	     "  - {name: a, address: 203.0.113.1, protocol: tcp, ports: 1-65535, backends: []}\n"
	     "  - {name: b, address: 203.0.113.1, protocol: udp, ports: 1-65535, backends: []}\n"
	     "  - {name: c, address: 203.0.113.2, protocol: tcp, ports: 2-65534, backends: []}\n");
	assert_int_equal(c.snapshot->targets->count, 65535 + 65535 + 65533 + 2);
	assert_non_null(target(&c, "203.0.113.1", IPPROTO_TCP, 65535));
	assert_null(target(&c, "203.0.113.2", IPPROTO_TCP, 65535));
	assert_null(target(&c, "203.0.113.2", IPPROTO_TCP, 1));
	unload(&c);
}

/* A VIP of two services is announced if one of them says so, in whichever order they stand. */
static void test_one_service_announces_for_all(void **state)
{
	struct control c = {0};
	load(&c, WEB DNS);
	assert_true(target(&c, "203.0.113.10", 0, 0)->flags & TARGET_ANNOUNCE);
	load(&c, DNS WEB);
	assert_true(target(&c, "203.0.113.10", 0, 0)->flags & TARGET_ANNOUNCE);
	load(&c, DNS);
	assert_false(target(&c, "203.0.113.10", 0, 0)->flags & TARGET_ANNOUNCE);
	unload(&c);
}

static void expect_flags(const char *icmp, uint32_t flags)
{
	struct control c = {0};
	char text[1024];
	snprintf(text, sizeof(text), DNS "icmp: {%s}\n", icmp);
	load(&c, text);
	assert_int_equal(target(&c, "203.0.113.10", 0, 0)->flags, flags);
	assert_int_equal(target(&c, "203.0.113.10", IPPROTO_UDP, 53)->flags, 0);
	unload(&c);
}

static void test_icmp_of_vips(void **state)
{
	expect_flags("", TARGET_ECHO);
	expect_flags("other: drop", TARGET_ECHO | TARGET_REFUSE_ICMP);
	expect_flags("echo: false", 0);
	expect_flags("echo: false, other: drop", TARGET_REFUSE_ICMP);
}

/* --- ways out -----------------------------------------------------------------------------------
 */

static void test_next_hops(void **state)
{
	struct control c = {0};
	struct next_hop hops[8] = {{0}};
	load(&c, WEB);
	/* Without a list all are known, by the first port. */
	assert_true(backend(&c, "web/bob")->reachable);
	assert_int_equal(backend(&c, "web/bob")->way.egress, 0);
	hops[registry_find(c.backends, "web/bob")] =
		(struct next_hop){.known = true, .egress = 1, .mac = {6, 5, 4, 3, 2, 1}};
	hops[registry_find(c.backends, "web/zoe")] = (struct next_hop){.known = true, .egress = 2};
	struct snapshot *next = build(&c, c.config, hops);
	snapshot_free(c.snapshot);
	c.snapshot = next;
	const struct backend *bob = backend(&c, "web/bob");
	assert_true(bob->reachable);
	assert_int_equal(bob->way.egress, 1);
	assert_memory_equal(bob->way.link.destination, "\6\5\4\3\2\1", ETH_ALEN);
	assert_memory_equal(bob->way.link.source, macs[1], ETH_ALEN);
	assert_false(backend(&c, "web/lea")->reachable);
	/* By an interface that is not Weir's. */
	assert_false(backend(&c, "web/zoe")->reachable);
	/* Who may take flows is not the next hop's to say. */
	assert_int_equal(service(&c, "web")->up_count, 2);
	unload(&c);
}

/* --- what changes without a reload -------------------------------------------------------------
 */

static struct snapshot_input input(const struct control *c, const struct backend_control *controls,
				   const struct next_hop *hops)
{
	return (struct snapshot_input){
		.config = c->config,
		.services = c->services,
		.backends = c->backends,
		.controls = controls,
		.next_hops = hops,
		.port_macs = macs,
		.port_count = 2,
		.generation = c->snapshot->generation,
	};
}

static void expect_same(const struct snapshot *a, const struct snapshot *b)
{
	assert_int_equal(a->service_end, b->service_end);
	assert_int_equal(a->backend_end, b->backend_end);
	assert_memory_equal(a->backends, b->backends, a->backend_end * sizeof(*a->backends));
	assert_true(target_table_equal(a->targets, b->targets));
	assert_int_equal(a->echo_limit, b->echo_limit);
	for (uint32_t id = 0; id < a->service_end; id++) {
		const struct service *x = &a->services[id], *y = &b->services[id];
		assert_int_equal(x->present, y->present);
		assert_int_equal(x->up_count, y->up_count);
		assert_int_equal(x->member_count, y->member_count);
		assert_int_equal(!x->maglev, !y->maglev);
		if (!x->present)
			continue;
		assert_memory_equal(x->members, y->members, x->member_count * sizeof(uint32_t));
		assert_memory_equal(x->up, y->up, (x->member_count / 64 + 1) * sizeof(*x->up));
		if (x->maglev)
			assert_memory_equal(x->maglev->slots, y->maglev->slots,
					    x->maglev->size * sizeof(x->maglev->slots[0]));
	}
}

static void random_control(struct backend_control *c, uint64_t *random)
{
	c->force = fixture_random(random) % (FORCE_ALIVE + 1);
	c->failed = fixture_random(random) % 3 == 0;
	if (fixture_random(random) % 8 == 0) {
		c->has_weight = !c->has_weight;
		c->weight = fixture_random(random) % 4;
	}
}

/* The same as if it were built from the configuration, whatever was in force before. */
static void test_refresh_is_what_a_new_one_would_be(void **state)
{
	enum { IDS = 16 };
	struct backend_control controls[IDS] = {{0}};
	struct next_hop hops[IDS] = {{0}};
	uint64_t random = 0x9e3779b97f4a7c15;
	struct control c = {0};
	struct err err;
	load(&c, DNS);
	load(&c, WEB "  - {name: empty, address: 203.0.113.11, protocol: tcp, ports: 80, "
		     "backends: []}\n");
	for (int round = 0; round < 200; round++) {
		struct snapshot *fresh, *next;
		for (uint32_t id = 0; id < IDS; id++) {
			random_control(&controls[id], &random);
			hops[id] = (struct next_hop){.known = fixture_random(&random) % 4,
						     .egress = fixture_random(&random) % 2,
						     .mac = {2, fixture_random(&random), id}};
		}
		struct snapshot_input in = input(&c, controls, hops);
		if (snapshot_new(&in, NULL, &fresh, &err) ||
		    snapshot_refresh(&in, c.snapshot, &next, &err))
			fail_msg("%s", err.text);
		expect_same(next, fresh);
		snapshot_free(fresh);
		snapshot_free(c.snapshot);
		c.snapshot = next;
	}
	unload(&c);
}

static void test_flap_rebuilds_no_table(void **state)
{
	struct backend_control controls[8] = {{0}};
	struct control c = {0};
	struct snapshot *next;
	struct err err;
	load(&c, WEB DNS);
	const struct maglev *web = service(&c, "web")->maglev, *dns = service(&c, "dns")->maglev;
	const struct target_table *targets = c.snapshot->targets;
	int64_t bob = registry_find(c.backends, "web/bob");
	for (int flap = 0; flap < 4; flap++) {
		controls[bob].failed = !controls[bob].failed;
		struct snapshot_input in = input(&c, controls, NULL);
		if (snapshot_refresh(&in, c.snapshot, &next, &err))
			fail_msg("%s", err.text);
		snapshot_free(c.snapshot);
		c.snapshot = next;
		assert_int_equal(backend(&c, "web/bob")->state,
				 controls[bob].failed ? STATE_DOWN : STATE_UP);
		assert_ptr_equal(service(&c, "web")->maglev, web);
		assert_ptr_equal(c.snapshot->targets, targets);
	}
	/* Another weight is another table, of that service alone. */
	controls[bob] = (struct backend_control){.has_weight = 1, .weight = 8};
	struct snapshot_input in = input(&c, controls, NULL);
	if (snapshot_refresh(&in, c.snapshot, &next, &err))
		fail_msg("%s", err.text);
	snapshot_free(c.snapshot);
	c.snapshot = next;
	assert_ptr_not_equal(service(&c, "web")->maglev, web);
	assert_ptr_equal(service(&c, "dns")->maglev, dns);
	unload(&c);
}

static void test_who_has_a_say_in_a_state(void **state)
{
	static const struct {
		uint8_t force, failed;
		enum config_state bob, lea; /* configured up, configured drain */
	} rows[] = {
		{FORCE_NONE, 0, STATE_UP, STATE_DRAIN},
		{FORCE_NONE, 1, STATE_DOWN, STATE_DOWN},
		{FORCE_UP, 0, STATE_UP, STATE_UP},
		{FORCE_UP, 1, STATE_DOWN, STATE_DOWN},
		{FORCE_DRAIN, 0, STATE_DRAIN, STATE_DRAIN},
		{FORCE_DRAIN, 1, STATE_DOWN, STATE_DOWN},
		{FORCE_DOWN, 0, STATE_DOWN, STATE_DOWN},
		{FORCE_DOWN, 1, STATE_DOWN, STATE_DOWN},
		{FORCE_ALIVE, 0, STATE_UP, STATE_UP},
		{FORCE_ALIVE, 1, STATE_UP, STATE_UP},
	};
	struct control c = {0};
	load(&c, WEB);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct backend_control controls[8];
		struct snapshot *next;
		for (int id = 0; id < 8; id++)
			controls[id] = (struct backend_control){.force = rows[i].force,
								.failed = rows[i].failed};
		struct snapshot_input in = input(&c, controls, NULL);
		assert_int_equal(snapshot_refresh(&in, c.snapshot, &next, NULL), 0);
		snapshot_free(c.snapshot);
		c.snapshot = next;
		assert_int_equal(backend(&c, "web/bob")->state, rows[i].bob);
		assert_int_equal(backend(&c, "web/lea")->state, rows[i].lea);
	}
	unload(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_configured_is_there),
		cmocka_unit_test(test_order_of_the_file_does_not_matter),
		cmocka_unit_test(test_no_weight_no_table),
		cmocka_unit_test(test_more_backends_than_bits_in_a_word),
		cmocka_unit_test(test_ids_stay_over_reloads),
		cmocka_unit_test(test_failed_reload_gives_its_ids_back),
		cmocka_unit_test(test_table_is_shared_while_members_stay),
		cmocka_unit_test(test_table_is_built_anew_when_members_change),
		cmocka_unit_test(test_snapshots_may_be_freed_in_any_order),
		cmocka_unit_test(test_service_comes_back),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_all_ports_of_many_services),
		cmocka_unit_test(test_one_service_announces_for_all),
		cmocka_unit_test(test_icmp_of_vips),
		cmocka_unit_test(test_next_hops),
		cmocka_unit_test(test_refresh_is_what_a_new_one_would_be),
		cmocka_unit_test(test_flap_rebuilds_no_table),
		cmocka_unit_test(test_who_has_a_say_in_a_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
