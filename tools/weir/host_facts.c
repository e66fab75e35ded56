// SPDX-License-Identifier: BSD-2-Clause
/* Reads /proc and /sys, and asks the kernel by system calls. */
#include "tools/weir/host_facts.h"

#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "datapath/probe.h"

#define BPFFS_MAGIC 0xcafe4a11

long host_setting(const char *path, long missing)
{
	long value;
	FILE *f = fopen(path, "re");
	if (!f)
		return missing;
	if (fscanf(f, "%ld", &value) != 1)
		value = missing;
	fclose(f);
	return value;
}

static enum fact fact_of(long value, long missing)
{
	return value == missing ? FACT_UNKNOWN : value ? FACT_YES : FACT_NO;
}

static bool may_lock_memory(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_IPC_LOCK / 32].effective & 1u << (CAP_IPC_LOCK % 32);
}

static void look_at_memory(struct host_facts *h)
{
	struct rlimit limit = {0};
	char line[128];
	unsigned long value;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	h->memlock = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
	h->may_lock_memory = may_lock_memory();
	FILE *f = fopen("/proc/meminfo", "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "HugePages_Total: %lu", &value) == 1)
			h->hugepages = value;
		else if (sscanf(line, "HugePages_Free: %lu", &value) == 1)
			h->hugepages_free = value;
		else if (sscanf(line, "Hugepagesize: %lu", &value) == 1)
			h->hugepage_kib = value;
	}
	fclose(f);
}

static unsigned int count_nodes(void)
{
	char path[64];
	unsigned int count = 0;
	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", i);
		count += !access(path, F_OK);
	}
	return count ? count : 1;
}

void host_facts_look(struct host_facts *h)
{
	struct utsname name;
	struct statfs bpffs;
	bool trampolines;
	*h = (struct host_facts){0};
	uname(&name);
	snprintf(h->release, sizeof(h->release), "%s", name.release);
	sscanf(name.release, "%u.%u", &h->major, &h->minor);
	h->btf = access("/sys/kernel/btf/vmlinux", R_OK) ? FACT_NO : FACT_YES;
	/* Where it can't be switched off, it is not even shown. */
	h->jit = fact_of(host_setting("/proc/sys/net/core/bpf_jit_enable", -1), -1);
	h->bpffs =
		!statfs("/sys/fs/bpf", &bpffs) && bpffs.f_type == BPFFS_MAGIC ? FACT_YES : FACT_NO;
	if (!probe_trampolines(&trampolines))
		h->trampolines = trampolines ? FACT_YES : FACT_NO;
	look_at_memory(h);
	h->nodes = count_nodes();
	h->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	h->forwards4 = fact_of(host_setting("/proc/sys/net/ipv4/ip_forward", -1), -1);
	h->forwards6 = fact_of(host_setting("/proc/sys/net/ipv6/conf/all/forwarding", -1), -1);
	h->rp_filter_all = host_setting("/proc/sys/net/ipv4/conf/all/rp_filter", -1);
}
