// SPDX-License-Identifier: BSD-2-Clause
/* A rule and a route, by rtnetlink (libmnl). */
#include "tools/weir/detour_route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lb/err.h"
#include "tools/weir/rtnetlink.h"

#define PRIORITY 87 /* before the tables of routing daemons, behind the local one */
#define BYTES    16384

/* Sends a request and waits for what the kernel says of it: 0 or -errno. */
static int ask(struct nlmsghdr *h, mnl_cb_t fn, void *context)
{
	char answer[BYTES];
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r = -1;
	if (!s)
		return -errno;
	h->nlmsg_seq = 1;
	if (!mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(s, h, h->nlmsg_len) >= 0)
		do {
			ssize_t n = mnl_socket_recvfrom(s, answer, sizeof(answer));
			r = n < 0 ? -1
				  : mnl_cb_run(answer, n, 1, mnl_socket_get_portid(s), fn, context);
		} while (r > 0);
	r = r < 0 ? -errno : 0;
	mnl_socket_close(s);
	return r;
}

static int change_rule(int family, uint32_t table, bool add)
{
	char bytes[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);
	h->nlmsg_type = add ? RTM_NEWRULE : RTM_DELRULE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(h, sizeof(*rule));
	rule->family = family;
	rule->action = FR_ACT_TO_TBL;
	rule->table = RT_TABLE_UNSPEC;
	mnl_attr_put_u32(h, FRA_PRIORITY, PRIORITY);
	mnl_attr_put_u32(h, FRA_TABLE, table);
	mnl_attr_put_u32(h, FRA_FWMARK, table);
	mnl_attr_put_u8(h, FRA_PROTOCOL, RTNETLINK_PROTOCOL);
	return ask(h, NULL, NULL);
}

/* The default route of the table; it goes with its device. */
static int add_route(int family, uint32_t table, int ifindex)
{
	char bytes[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);
	h->nlmsg_type = RTM_NEWROUTE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
	struct rtmsg *route = mnl_nlmsg_put_extra_header(h, sizeof(*route));
	route->rtm_family = family;
	route->rtm_table = RT_TABLE_UNSPEC;
	route->rtm_protocol = RTNETLINK_PROTOCOL;
	route->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(h, RTA_TABLE, table);
	mnl_attr_put_u32(h, RTA_OIF, ifindex);
	return ask(h, NULL, NULL);
}

/* --- what killed daemons left ------------------------------------------------------------------
 */

#define LEFT_MAX 16

struct left {
	uint32_t tables[LEFT_MAX];
	unsigned int count;
};

static int on_attribute(const struct nlattr *a, void *context)
{
	const struct nlattr **attributes = context;
	if (mnl_attr_get_type(a) <= FRA_MAX)
		attributes[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *h, void *context)
{
	const struct nlattr *a[FRA_MAX + 1] = {NULL};
	struct left *left = context;
	char name[IF_NAMESIZE];
	mnl_attr_parse(h, sizeof(struct fib_rule_hdr), on_attribute, a);
	if (!a[FRA_PROTOCOL] || !a[FRA_TABLE] ||
	    mnl_attr_get_u8(a[FRA_PROTOCOL]) != RTNETLINK_PROTOCOL)
		return MNL_CB_OK;
	uint32_t table = mnl_attr_get_u32(a[FRA_TABLE]);
	if (table == detour_mark(table) && !if_indextoname(table & 0xffff, name) &&
	    left->count < LEFT_MAX)
		left->tables[left->count++] = table;
	return MNL_CB_OK;
}

static void remove_left(int family)
{
	char bytes[512];
	struct left left = {.count = 0};
	struct nlmsghdr *h = mnl_nlmsg_put_header(bytes);
	h->nlmsg_type = RTM_GETRULE;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(h, sizeof(*rule));
	rule->family = family;
	ask(h, on_rule, &left);
	for (unsigned int i = 0; i < left.count; i++)
		change_rule(family, left.tables[i], false);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

int detour_route_add(int family, int ifindex, struct err *err)
{
	uint32_t table = detour_mark(ifindex);
	remove_left(family);
	int r = add_route(family, table, ifindex);
	if (r)
		return err_set(err, -r, "no route by the tun device: %s", strerror(-r));
	r = change_rule(family, table, true);
	return r && r != -EEXIST ? err_set(err, -r, "no rule for marked packets: %s", strerror(-r))
				 : 0;
}

void detour_route_remove(int family, int ifindex)
{
	change_rule(family, detour_mark(ifindex), false);
}
