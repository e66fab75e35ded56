// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packet memory. The pages are made when the memory is opened, on the preferred node, so that no
 * worker ever waits for one.
 */
#include "datapath/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <numa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lb/err.h"

#define HUGE_PAGE     (2ul << 20)
#define GIGANTIC_PAGE (1ul << 30)

#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21u << 26)
#endif
#ifndef MFD_HUGE_1GB
#define MFD_HUGE_1GB (30u << 26)
#endif

const char *memory_kind_name(enum memory_kind kind)
{
	static const char *const names[] = {"1 GiB hugepages", "2 MiB hugepages",
					    "transparent huge pages", "4 KiB pages"};
	return names[kind];
}

static void *map_at(void *where, size_t size, int flags, int fd)
{
	void *base =
		mmap(where, size, PROT_READ | PROT_WRITE, flags | (where ? MAP_FIXED : 0), fd, 0);
	return base == MAP_FAILED ? NULL : base;
}

static void *map(size_t size, int flags, int fd)
{
	return map_at(NULL, size, flags, fd);
}

/* Whether the kernel did back the memory at `base` by huge pages: /proc/self/smaps says. */
static bool has_huge_pages(const void *base)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	char line[512];
	unsigned long from, to, kib = 0;
	bool inside = false;
	while (f && !kib && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from <= (uintptr_t)base && (uintptr_t)base < to;
		else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kib) != 1)
			sscanf(line, "ShmemPmdMapped: %lu kB", &kib);
	}
	if (f)
		fclose(f);
	return kib > 0;
}

/* --- files without a name -------------------------------------------------------------------- */

static int sized(int fd, size_t size)
{
	if (fd >= 0 && !ftruncate(fd, size))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int kept = -1; /* a mount that was made beforehand */
static bool prepared;

/*
 * A tmpfs of our own that nobody else can see: what the system's setting for shared memory
 * (transparent_hugepage/shmem_enabled, which is `never`) forbids a memfd, a mount may allow.
 */
static int make_mount(void)
{
	int context = syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), mount = -1;
	if (context >= 0 &&
	    !syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "huge", "always", 0) &&
	    !syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "1777", 0) &&
	    !syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mount = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	if (context >= 0)
		close(context);
	return mount;
}

void memory_prepare(void)
{
	if (!prepared)
		kept = make_mount();
	prepared = true;
}

static int transparent_file(size_t size)
{
	int mount = prepared ? kept : make_mount(), fd = -1;
	if (mount >= 0)
		fd = openat(mount, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (mount >= 0 && mount != kept)
		close(mount);
	return sized(fd, size);
}

/* --- kinds ------------------------------------------------------------------------------------ */

static int map_huge(struct memory *m, enum memory_kind kind)
{
	bool gigantic = kind == MEMORY_GIGANTIC;
	size_t page = gigantic ? GIGANTIC_PAGE : HUGE_PAGE,
	       size = (m->size + page - 1) & ~(page - 1);
	int fd = sized(
		memfd_create("weir-packets",
			     MFD_CLOEXEC | MFD_HUGETLB | (gigantic ? MFD_HUGE_1GB : MFD_HUGE_2MB)),
		size);
	void *base = fd < 0 ? NULL : map(size, MAP_SHARED | MAP_POPULATE, fd);
	if (!base) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	m->size = size;
	m->kind = kind;
	m->base = base;
	m->fd = fd;
	return 0;
}

/* At an address where the kernel can use huge pages for it; NULL without memory. */
static void *map_aligned(size_t size, int flags, int fd)
{
	uint8_t *base = map(size + HUGE_PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	if (!base)
		return NULL;
	size_t lead = -(uintptr_t)base & (HUGE_PAGE - 1);
	if (lead)
		munmap(base, lead);
	munmap(base + lead + size, HUGE_PAGE - lead);
	return map_at(base + lead, size, flags, fd);
}

/* Ordinary memory, which the kernel is asked to back by huge pages. */
static int map_transparent(struct memory *m)
{
	m->fd = transparent_file(m->size);
	m->base = map_aligned(m->size, m->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, m->fd);
	if (!m->base) {
		if (m->fd >= 0)
			close(m->fd);
		m->fd = -1;
		return -ENOMEM;
	}
	madvise(m->base, m->size, MADV_HUGEPAGE);
	memset(m->base, 0, m->size);
	m->kind = has_huge_pages(m->base) ? MEMORY_TRANSPARENT : MEMORY_SMALL;
	return 0;
}

static int map_any(struct memory *m, enum config_hugepages want, struct err *err)
{
	if (want == HUGEPAGES_GIGANTIC && !map_huge(m, MEMORY_GIGANTIC))
		return 0;
	if (want != HUGEPAGES_OFF && !map_huge(m, MEMORY_HUGE))
		return 0;
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
	*m = (struct memory){
		.size = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), .node = node, .fd = -1};
	if (numa)
		numa_set_preferred(node);
	int r = map_any(m, want, err);
	if (!r)
		memory_hide(m->base, m->size);
	if (numa)
		numa_set_localalloc();
	return r;
}

void memory_hide(void *at, size_t size)
{
	uintptr_t page = getpagesize(), first = ((uintptr_t)at + page - 1) & -page;
	uintptr_t end = ((uintptr_t)at + size) & -page;
	if (first < end)
		madvise((void *)first, end - first, MADV_DONTDUMP);
}

int memory_open_small(struct memory *m, size_t size, struct err *err)
{
	*m = (struct memory){.size = size, .kind = MEMORY_SMALL, .node = -1};
	m->fd = sized(memfd_create("weir-state", MFD_CLOEXEC), size);
	m->base = m->fd < 0 ? NULL : map(size, MAP_SHARED, m->fd);
	if (m->base) {
		memory_hide(m->base, size);
		return 0;
	}
	int r = err_set(err, ENOMEM, "no %zu KiB of memory: %m", size >> 10);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct memory){};
	return r;
}

int memory_adopt(struct memory *m, const struct memory *theirs, int fd, struct err *err)
{
	struct memory adopted = *theirs;
	adopted.fd = fd;
	adopted.base = adopted.kind == MEMORY_TRANSPARENT
			       ? map_aligned(adopted.size, MAP_SHARED, fd)
			       : map(adopted.size, MAP_SHARED | MAP_POPULATE, fd);
	if (!adopted.base)
		return err_set(err, errno, "can't have %zu KiB of memory that was handed over: %m",
			       adopted.size >> 10);
	memory_hide(adopted.base, adopted.size);
	*m = adopted;
	return 0;
}

void memory_close(struct memory *m)
{
	if (!m->base)
		return;
	munmap(m->base, m->size);
	if (m->fd >= 0)
		close(m->fd);
	*m = (struct memory){};
}
