/* SPDX-License-Identifier: BSD-2-Clause */
/* Families of generic netlink: whom to ask by which number, and what they tell everybody. */
#ifndef WEIR_TOOLS_GENETLINK_H
#define WEIR_TOOLS_GENETLINK_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

struct genetlink_request {
	union {
		struct nlmsghdr header;
		char bytes[256];
	};
};

struct genetlink_family {
	const char *group_name; /* in: the multicast group that is wanted; NULL: none */
	uint16_t id;
	uint32_t group; /* 0: it has none of that name */
};

/* A socket to ask the family of that name by. -ENOENT: the kernel has no such family. */
int genetlink_open(struct mnl_socket **out, const char *name, struct genetlink_family *f);

void genetlink_request(struct genetlink_request *q, uint16_t family, uint8_t command);

/* Sends it, and calls `fn` for each answer (libmnl's way). -errno, the kernel's word included. */
int genetlink_run(struct mnl_socket *s, struct genetlink_request *q, mnl_cb_t fn, void *data);

#endif
