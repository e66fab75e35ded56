// SPDX-License-Identifier: BSD-2-Clause
/*
 * Announcements as the other end of a link sees them (see netns.h). Skipped where namespaces are
 * not allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "lb/addr.h"
#include "lb/announcement.h"
#include "tests/unit/netns.h"
#include "tools/weir/announcer.h"

#define WAIT_S 20. /* nothing takes that long; a test that waits for it has failed */

static const uint8_t mac[ETH_ALEN] = {2, 0, 0, 0, 0, 0xa};
struct fixture {
	struct netns net;
	struct ev_loop *loop;
	struct announcer *announcer;
	int tap; /* socket in the peer's namespace that sees all that comes over the link */
	struct addr vip4, vip6;
	unsigned int seen4, seen6; /* announcements of them */
	double last4;              /* when */
};

static int open_tap(struct fixture *f)
{
	struct sockaddr_ll bound = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	assert_int_equal(setns(f->net.peer, CLONE_NEWNET), 0);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	bound.sll_ifindex = if_nametoindex("nh1");
	assert_int_equal(bind(fd, (struct sockaddr *)&bound, sizeof(bound)), 0);
	assert_int_equal(setns(f->net.here, CLONE_NEWNET), 0);
	return fd;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct announcer_port port = {0};
	*state = f;
	if (!netns_allowed())
		return 0;
	assert_int_equal(netns_open(&f->net), 0);
	f->loop = ev_loop_new(0);
	f->tap = open_tap(f);
	addr_parse("10.0.0.100", &f->vip4);
	addr_parse("fd00::12:3456", &f->vip6);
	port.ifindex = if_nametoindex("nh0");
	memcpy(port.mac, mac, ETH_ALEN);
	return announcer_open(&f->announcer, f->loop, &port, 1, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (netns_allowed()) {
		announcer_close(f->announcer);
		close(f->tap);
		ev_loop_destroy(f->loop);
		netns_close(&f->net);
	}
	free(f);
	return 0;
}

static bool is_announcement(const uint8_t *frame, ssize_t length, const struct addr *vip)
{
	uint8_t wanted[ANNOUNCEMENT_MAX];
	return length == announcement_build(vip, mac, wanted) && !memcmp(frame, wanted, length);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	fail_msg("waited for %g s", WAIT_S);
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
}

static void look(struct fixture *f)
{
	uint8_t frame[2048];
	ssize_t n;
	while ((n = recv(f->tap, frame, sizeof(frame), 0)) >= 0 || errno == ENETDOWN) {
		if (is_announcement(frame, n, &f->vip4)) {
			f->seen4++;
			f->last4 = ev_time();
		}
		f->seen6 += is_announcement(frame, n, &f->vip6);
	}
}

/* Runs the loop until so many announcements have been seen. */
static void await(struct fixture *f, unsigned int seen4, unsigned int seen6)
{
	ev_timer late, poll;
	ev_timer_init(&late, on_late, WAIT_S, 0.);
	ev_timer_init(&poll, on_poll, 0.02, 0.02);
	ev_now_update(f->loop);
	ev_timer_start(f->loop, &late);
	ev_timer_start(f->loop, &poll);
	for (look(f); f->seen4 < seen4 || f->seen6 < seen6; look(f))
		ev_run(f->loop, EVRUN_ONCE);
	ev_timer_stop(f->loop, &late);
	ev_timer_stop(f->loop, &poll);
	assert_int_equal(f->seen4, seen4);
	assert_int_equal(f->seen6, seen6);
}

/* Each three times, with time between, also one that is there twice; then silence. */
static void test_new_vips(void **state)
{
	struct fixture *f = netns_or_skip(state);
	const struct addr vips[] = {f->vip4, f->vip6, f->vip4};
	announcer_set(f->announcer, vips, 3);
	await(f, 1, 1);
	double first = f->last4;
	await(f, 3, 3);
	assert_true(f->last4 - first >= 1.9 * ANNOUNCER_INTERVAL_S);
	while (ev_pending_count(f->loop))
		ev_run(f->loop, EVRUN_NOWAIT);
	announcer_set(f->announcer, vips, 2);
	await(f, 3, 3);
}

static void test_only_new_ones(void **state)
{
	struct fixture *f = netns_or_skip(state);
	const struct addr vips[] = {f->vip4, f->vip6};
	announcer_set(f->announcer, vips, 1);
	await(f, 3, 0);
	announcer_set(f->announcer, vips, 2);
	await(f, 3, 3);
	announcer_set(f->announcer, &f->vip6, 1);
	announcer_set(f->announcer, vips, 2);
	await(f, 6, 3);
}

static void test_port_comes_back(void **state)
{
	struct fixture *f = netns_or_skip(state);
	announcer_set(f->announcer, &f->vip4, 1);
	await(f, 3, 0);
	assert_int_equal(netns_run(f->net.here, "ip link set nh0 down"), 0);
	assert_int_equal(netns_run(f->net.here, "ip link set nh0 up"), 0);
	await(f, 6, 0);
}

/* So short that the kernel tells of its end only, or of both. */
static void test_carrier_blinks(void **state)
{
	struct fixture *f = netns_or_skip(state);
	announcer_set(f->announcer, &f->vip4, 1);
	await(f, 3, 0);
	assert_int_equal(netns_run(f->net.peer,
				   "printf 'link set nh1 down\nlink set nh1 up\n' | ip -batch -"),
			 0);
	await(f, 6, 0);
}

static bool has_group(struct fixture *f)
{
	char text[4096];
	netns_read(f->net.here, "ip maddress show dev nh0", text, sizeof(text));
	return strstr(text, "ff02::1:ff12:3456") && strstr(text, "33:33:ff:12:34:56");
}

/* While a VIP is there, solicitations for it are heard. */
static void test_groups(void **state)
{
	struct fixture *f = netns_or_skip(state);
	assert_false(has_group(f));
	announcer_set(f->announcer, &f->vip6, 1);
	assert_true(has_group(f));
	announcer_set(f->announcer, &f->vip4, 1);
	assert_false(has_group(f));
	announcer_set(f->announcer, &f->vip6, 1);
	announcer_close(f->announcer);
	f->announcer = NULL;
	assert_false(has_group(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_vips, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_new_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carrier_blinks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
