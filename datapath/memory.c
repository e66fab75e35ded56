// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet memory. The pages are made when the memory is opened, on the preferred node, so that no
 * worker ever waits for one.
 */
#include "datapath/memory.h"

#include <errno.h>
#include <numa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "lb/err.h"

#define HUGE_PAGE     (2ul << 20)
#define GIGANTIC_PAGE (1ul << 30)

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26)
#endif
#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB (30 << 26)
#endif

const char *memory_kind_name(enum memory_kind kind)
{
	static const char *const names[] = {"1 GiB hugepages", "2 MiB hugepages",
					    "transparent huge pages", "4 KiB pages"};
	return names[kind];
}

static void *map(size_t size, int flags)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags,
			  -1, 0);
	return base == MAP_FAILED ? NULL : base;
}

/* Whether the kernel did back the memory at `base` by huge pages: /proc/self/smaps says. */
static bool has_huge_pages(const void *base)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	unsigned long from, to, kib = 0;
	bool inside = false, found = false;
	while (f && !found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from <= (uintptr_t)base && (uintptr_t)base < to;
		else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			found = true;
	}
	if (f)
		fclose(f);
	return kib > 0;
}

/* Ordinary memory, aligned so that the kernel may use huge pages, and asked to. */
static int map_transparent(struct memory *m)
{
	uint8_t *base = map(m->size + HUGE_PAGE, 0);
	if (!base)
		return -ENOMEM;
	size_t lead = -(uintptr_t)base & (HUGE_PAGE - 1);
	if (lead)
		munmap(base, lead);
	munmap(base + lead + m->size, HUGE_PAGE - lead);
	m->base = base + lead;
	madvise(m->base, m->size, MADV_HUGEPAGE);
	memset(m->base, 0, m->size);
	m->kind = has_huge_pages(m->base) ? MEMORY_TRANSPARENT : MEMORY_SMALL;
	return 0;
}

static bool map_gigantic(struct memory *m)
{
	size_t size = (m->size + GIGANTIC_PAGE - 1) & ~(GIGANTIC_PAGE - 1);
	m->base = map(size, MAP_HUGETLB | MAP_HUGE_1GB | MAP_POPULATE);
	if (!m->base)
		return false;
	m->size = size;
	m->kind = MEMORY_GIGANTIC;
	return true;
}

static int map_any(struct memory *m, enum config_hugepages want, struct err *err)
{
	if (want == HUGEPAGES_GIGANTIC && map_gigantic(m))
		return 0;
	if (want != HUGEPAGES_OFF) {
		m->kind = MEMORY_HUGE;
		m->base = map(m->size, MAP_HUGETLB | MAP_HUGE_2MB | MAP_POPULATE);
		if (m->base)
			return 0;
	}
	if (want == HUGEPAGES_ON)
		return err_set(err, ENOMEM,
			       "memory.hugepages is on, but there are not %zu free hugepages of "
			       "2 MiB: make them by 'sysctl vm.nr_hugepages=%zu', or say auto",
			       m->size / HUGE_PAGE, m->size / HUGE_PAGE);
	if (map_transparent(m))
		return err_set(err, ENOMEM, "no %zu MiB of memory for packets", m->size >> 20);
	return 0;
}

int memory_open(struct memory *m, size_t size, int node, enum config_hugepages want,
		struct err *err)
{
	bool numa = node >= 0 && numa_available() >= 0 && node <= numa_max_node();
	*m = (struct memory){.size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), .node = node};
	if (numa)
		numa_set_preferred(node);
	int r = map_any(m, want, err);
	if (numa)
		numa_set_localalloc();
	return r;
}

void memory_close(struct memory *m)
{
	if (m->base)
		munmap(m->base, m->size);
	m->base = NULL;
}
