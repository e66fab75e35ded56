// SPDX-License-Identifier: BSD-2-Clause
#include "bench/host.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* Given by the Makefile. */
#ifndef WEIR_CFLAGS
#define WEIR_CFLAGS "unknown flags"
#endif

/* Copies the value of the first line "key : value" of /proc/cpuinfo. False without one. */
static bool read_cpuinfo(const char *key, char *value, size_t size)
{
	char line[4096];
	bool found = false;
	FILE *f = fopen("/proc/cpuinfo", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');
		found = colon && !strncmp(line, key, strlen(key));
		if (found)
			snprintf(value, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
	}
	if (f)
		fclose(f);
	return found;
}

static void read_cpu(char *cpu, size_t size)
{
	char flags[4096], family[32];
	if (!read_cpuinfo("model name", cpu, size))
		snprintf(cpu, size, "unknown CPU");
	if (read_cpuinfo("cpu family", family, sizeof(family)))
		snprintf(cpu + strlen(cpu), size - strlen(cpu), ", family %s", family);
	if (read_cpuinfo("flags", flags, sizeof(flags)) && strstr(flags, " hypervisor"))
		snprintf(cpu + strlen(cpu), size - strlen(cpu), ", virtual machine");
}

void host_read(struct host *h)
{
	struct utsname name;
	*h = (struct host){.pinned = sched_getcpu()};
	read_cpu(h->cpu, sizeof(h->cpu));
	uname(&name);
	snprintf(h->kernel, sizeof(h->kernel), "%s %s", name.release, name.machine);
	snprintf(h->compiler, sizeof(h->compiler), "gcc %s %s", __VERSION__, WEIR_CFLAGS);
	getloadavg(&h->load, 1);
}

int host_pin(int cpu)
{
	cpu_set_t set;
	if (cpu < 0 && !sched_getaffinity(0, sizeof(set), &set)) {
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				cpu = i;
	}
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -EINVAL;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : cpu;
}
