// SPDX-License-Identifier: BSD-2-Clause
/* Questions to the kernel whose answers are long, as `ip` makes them (see netns.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/if_ether.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "lb/err.h"
#include "tests/unit/netns.h"
#include "tools/weir/rtnetlink_request.h"

#define NAMES 120 /* of 127 bytes each: more than a page of the kernel's */

struct fixture {
	struct netns net;
	struct rtnetlink requests;
};

static int setup(void **state)
{
	static struct fixture f;
	struct err err;
	*state = &f;
	if (!netns_allowed())
		return 0;
	assert_int_equal(netns_open(&f.net), 0);
	assert_int_equal(rtnetlink_open(&f.requests, 0, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (netns_allowed()) {
		rtnetlink_close(&f->requests);
		netns_close(&f->net);
	}
	return 0;
}

/* An interface may have many names; its answer is read, and so are those of others after it. */
static void test_long_answers(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct kernel_link link;
	if (netns_run(f->net.here,
		      "for n in $(seq %d); do "
		      "printf 'link property add dev nh0 altname n%%0126d\\n' $n; "
		      "done | ip -batch - 2>/dev/null",
		      NAMES)) {
		print_message("# skipped: interfaces have one name here\n");
		skip();
	}
	assert_int_equal(rtnetlink_get_link(&f->requests, if_nametoindex("nh0"), &link), 0);
	assert_int_equal(rtnetlink_get_link(&f->requests, if_nametoindex("lo"), &link), 0);
}

/* What was left of an answer (there was no room for it, say) is not taken for the next one. */
static void test_what_was_left(void **state)
{
	struct fixture *f = netns_or_skip(state);
	struct rtnetlink_request q;
	struct kernel_link link;
	struct ifinfomsg *info = rtnetlink_request_init(&q, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = if_nametoindex("lo");
	for (q.header.nlmsg_seq = 1000; q.header.nlmsg_seq < 1003; q.header.nlmsg_seq++)
		assert_true(mnl_socket_sendto(f->requests.socket, &q, q.header.nlmsg_len) > 0);
	assert_int_equal(rtnetlink_get_link(&f->requests, if_nametoindex("nh0"), &link), 0);
	assert_memory_equal(link.mac, "\2\0\0\0\0\12", ETH_ALEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_was_left, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
