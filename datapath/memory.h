/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for packets: hugepages of 1 GiB if that is wanted, or of 2 MiB, on the NIC's NUMA node
 * where there are any, else transparent huge pages, else ordinary pages. What it became is in
 * `kind`, for the log.
 *
 * It is a file that has no name, so that another process can be handed its descriptor and have the
 * same memory; where the kernel grants huge pages to memory of this process only (no tmpfs of our
 * own can be had, for want of CAP_SYS_ADMIN), it has none.
 */
#ifndef WEIR_DATAPATH_MEMORY_H
#define WEIR_DATAPATH_MEMORY_H

#include <stddef.h>

#include "lb/config.h"

struct err;

enum memory_kind { MEMORY_GIGANTIC, MEMORY_HUGE, MEMORY_TRANSPARENT, MEMORY_SMALL };

struct memory {
	void *base; /* zeroed, page aligned */
	size_t size;
	enum memory_kind kind;
	int node; /* NUMA node, -1: any */
	int fd;   /* of the file; -1: it can't be handed over */
};

/*
 * Makes what takes privileges (CAP_SYS_ADMIN) to have huge pages in memory that can be handed over,
 * for who gives them up. Without it memory_open() does so by itself.
 */
void memory_prepare(void);

/* `size` is rounded up to whole pages of the kind. -ENOMEM; with HUGEPAGES_ON also for want of
 * hugepages, with the command that makes them. */
int memory_open(struct memory *m, size_t size, int node, enum config_hugepages want,
		struct err *err);

/* Of ordinary pages, for what is small; always a file. */
int memory_open_small(struct memory *m, size_t size, struct err *err);

/* Memory that another process has handed over: as it is there, but for its base. Takes over `fd`
 * on success. */
int memory_adopt(struct memory *m, const struct memory *theirs, int fd, struct err *err);

void memory_close(struct memory *m); /* a zeroed one too */

/* Leaves the whole pages of some memory out of core dumps: packets are in it, or who talks to whom.
 */
void memory_hide(void *at, size_t size);

const char *memory_kind_name(enum memory_kind kind);

#endif
