/* SPDX-License-Identifier: BSD-2-Clause */
/* How requests are written and answers read: for rtnetlink*.c alone. */
#ifndef WEIR_TOOLS_RTNETLINK_REQUEST_H
#define WEIR_TOOLS_RTNETLINK_REQUEST_H

#include <libmnl/libmnl.h>

#include "tools/weir/rtnetlink.h"

#define RTNETLINK_BUFFER 32768 /* an interface may have many names (MNL_SOCKET_DUMP_SIZE) */

struct rtnetlink_request {
	union {
		struct nlmsghdr header;
		char bytes[256];
	};
};

/* Begins one; returns the `extra` bytes behind its header, zeroed. */
void *rtnetlink_request_init(struct rtnetlink_request *q, uint16_t type, uint16_t flags,
			     size_t extra);

/* Sends the request, calls `fn` for what comes back, and returns the kernel's verdict. */
int rtnetlink_request_run(struct rtnetlink *r, struct rtnetlink_request *q, mnl_cb_t fn,
			  void *data);

/* False for what is neither an IPv4 nor an IPv6 address. */
bool rtnetlink_read_addr(const struct nlattr *attr, struct addr *out);

/* What a message about a link says (RTM_NEWLINK); others are passed over. For mnl_cb_run(). */
int rtnetlink_read_link(const struct nlmsghdr *header, void *kernel_link);

#endif
