// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/genetlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

void genetlink_request(struct genetlink_request *q, uint16_t family, uint8_t command)
{
	memset(q, 0, sizeof(*q));
	mnl_nlmsg_put_header(q);
	q->header.nlmsg_type = family;
	q->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(&q->header, sizeof(*g));
	g->cmd = command;
	g->version = 1;
}

int genetlink_run(struct mnl_socket *s, struct genetlink_request *q, mnl_cb_t fn, void *data)
{
	char buffer[16384];
	int more = MNL_CB_OK;
	if (mnl_socket_sendto(s, q, q->header.nlmsg_len) < 0)
		return -errno;
	while (more == MNL_CB_OK) {
		ssize_t n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		more = mnl_cb_run(buffer, n, 0, mnl_socket_get_portid(s), fn, data);
	}
	return more < 0 ? -errno : 0;
}

static void read_group(const struct nlattr *group, struct genetlink_family *f)
{
	const struct nlattr *attr;
	uint32_t id = 0;
	bool wanted = false;
	mnl_attr_for_each_nested(attr, group)
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME)
			wanted = f->group_name && !strcmp(mnl_attr_get_str(attr), f->group_name);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
			id = mnl_attr_get_u32(attr);
	}
	if (wanted)
		f->group = id;
}

static int read_family(const struct nlmsghdr *header, void *data)
{
	struct genetlink_family *f = data;
	const struct nlattr *attr, *group;
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			f->id = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS)
			mnl_attr_for_each_nested(group, attr) read_group(group, f);
	}
	return MNL_CB_OK;
}

static int ask_family(struct mnl_socket *s, const char *name, struct genetlink_family *f)
{
	const struct timeval timeout = {.tv_sec = 1};
	struct genetlink_request q;
	setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	genetlink_request(&q, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(&q.header, CTRL_ATTR_FAMILY_NAME, name);
	return genetlink_run(s, &q, read_family, f);
}

int genetlink_open(struct mnl_socket **out, const char *name, struct genetlink_family *f)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!s)
		return -errno;
	int r = ask_family(s, name, f);
	if (r)
		mnl_socket_close(s);
	else
		*out = s;
	return r;
}
