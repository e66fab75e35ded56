// SPDX-License-Identifier: BSD-2-Clause
#include "bench/machine.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/weir/nic_facts.h"
#include "tools/weir/rtnetlink.h"

#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"
#define GOVERNOR        "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"

/* Given by the Makefile. */
#ifndef WEIR_CFLAGS
#define WEIR_CFLAGS "unknown flags"
#endif

/* The first line of a file, without its end. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool read = f && fgets(line, size, f);
	if (f)
		fclose(f);
	if (read)
		line[strcspn(line, "\n")] = 0;
	return read;
}

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
	snprintf(cpu + strlen(cpu), size - strlen(cpu), ", %ld CPUs",
		 sysconf(_SC_NPROCESSORS_ONLN));
	if (read_cpuinfo("flags", flags, sizeof(flags)) && strstr(flags, " hypervisor"))
		snprintf(cpu + strlen(cpu), size - strlen(cpu), ", virtual machine");
}

/* What the kernel does about each flaw of the CPU that it has. */
static json_t *mitigations_json(void)
{
	json_t *all = json_object();
	DIR *folder = opendir(VULNERABILITIES);
	for (struct dirent *e; folder && (e = readdir(folder));) {
		char path[512], line[256];
		snprintf(path, sizeof(path), VULNERABILITIES "/%s", e->d_name);
		if (e->d_name[0] != '.' && read_line(path, line, sizeof(line)) &&
		    strcmp(line, "Not affected"))
			json_object_set_new(all, e->d_name, json_string(line));
	}
	if (folder)
		closedir(folder);
	return all;
}

json_t *machine_json(void)
{
	char cpu[256], governor[64] = "not told";
	struct utsname name;
	struct sysinfo info = {};
	double load = 0;
	read_cpu(cpu, sizeof(cpu));
	uname(&name);
	sysinfo(&info);
	getloadavg(&load, 1);
	read_line(GOVERNOR, governor, sizeof(governor));
	return json_pack("{s:s, s:s++, s:s, s:f, s:I, s:s, s:o, s:[]}", "cpu", cpu, "kernel",
			 name.release, " ", name.machine, "compiler",
			 "gcc " __VERSION__ " " WEIR_CFLAGS, "load", load, "memory_mib",
			 (json_int_t)((uint64_t)info.totalram * info.mem_unit >> 20), "governor",
			 governor, "mitigations", mitigations_json(), "interfaces");
}

static const char *fact_text(enum fact f)
{
	return f == FACT_YES ? "on" : f == FACT_NO ? "off" : "unknown";
}

json_t *machine_interface_json(const char *label, const char *name)
{
	struct nic_facts n = {};
	struct rtnetlink r = {};
	if (rtnetlink_open(&r, 0, NULL))
		return json_pack("{s:s}", "name", label);
	nic_facts_look(&n, name, &r);
	rtnetlink_close(&r);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s}", "name",
			 label, "driver", n.driver, "firmware", n.firmware, "bus", n.bus, "mtu",
			 (int)n.mtu, "rx_queues", (int)n.rx_queues, "tx_queues", (int)n.tx_queues,
			 "rx_ring", (int)n.rx_ring, "rx_checksum", fact_text(n.rx_checksum), "gro",
			 fact_text(n.gro), "lro", fact_text(n.lro), "zerocopy",
			 fact_text(n.zerocopy));
}

int machine_pin(int cpu)
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
