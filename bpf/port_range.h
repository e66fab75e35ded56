/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What bpf/port_range.bpf.c and user space say to each other. */
#ifndef WEIR_BPF_PORT_RANGE_H
#define WEIR_BPF_PORT_RANGE_H

#include <linux/types.h>

#define PORT_RANGE_MAX 16

/* Where the socket of a range is: one for each family. */
#define PORT_RANGE_SLOT(range, v6) (2 * (range) + ((v6) != 0))

struct port_range {
	__u16 first, last; /* host byte order */
	__u8 protocol;     /* IPPROTO_TCP or IPPROTO_UDP; 0: no more */
	__u8 zero[3];
};
_Static_assert(sizeof(struct port_range) == 8, "struct port_range is a map value");

#endif
