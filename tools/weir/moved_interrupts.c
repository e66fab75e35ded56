// SPDX-License-Identifier: BSD-2-Clause
/* In the helper's memory: it sees the daemon's end, also one by SIGKILL, and gives them back. */
#include "tools/weir/moved_interrupts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "datapath/interrupts.h"
#include "datapath/sysfs.h"

struct moved {
	uint32_t irq;
	char was[INTERRUPTS_LIST];
};

static struct moved *moved;
static unsigned int moved_count;

/* A file of that name is below the device, or, for virtio, below the one that this is on. */
static bool belongs_to(const char *interface, uint32_t irq)
{
	static const char *const folders[] = {"device/msi_irqs", "device/../msi_irqs"};
	char path[64];
	int64_t value;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%" PRIu32, folders[i], irq);
		int r = sysfs_read(interface, path, &value);
		if (!r || r == -EINVAL) /* "msix" is no number */
			return true;
	}
	return false;
}

static int remember(uint32_t irq)
{
	for (unsigned int i = 0; i < moved_count; i++)
		if (moved[i].irq == irq)
			return 0;
	struct moved *more = realloc(moved, (moved_count + 1) * sizeof(*moved));
	if (!more)
		return -ENOMEM;
	moved = more;
	moved[moved_count].irq = irq;
	int r = interrupts_read(irq, moved[moved_count].was);
	moved_count += !r;
	return r;
}

int moved_interrupts_add(const char *interface, uint32_t irq, unsigned int cpu)
{
	char list[16];
	if (!belongs_to(interface, irq))
		return -ENOENT;
	int r = remember(irq);
	if (r)
		return r;
	snprintf(list, sizeof(list), "%u", cpu);
	return interrupts_write(irq, list);
}

void moved_interrupts_restore(void)
{
	for (unsigned int i = 0; i < moved_count; i++)
		interrupts_write(moved[i].irq, moved[i].was);
	free(moved);
	moved = NULL;
	moved_count = 0;
}
