// SPDX-License-Identifier: BSD-2-Clause
/* Devices on PCI; /sys shows all of them to everybody, whatever the network namespace. */
#include "datapath/interrupts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH 160

/* "0-3,8" into a set. */
static void add_cpus(const char *path, cpu_set_t *set)
{
	char text[256] = "";
	FILE *f = fopen(path, "re");
	if (!f)
		return;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	for (char *at = text, *end; *at; at = *end ? end + 1 : end) {
		long first = strtol(at, &end, 10), last = first;
		if (end == at)
			return;
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (long cpu = first; cpu >= 0 && cpu <= last && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, set);
	}
}

unsigned int interrupts_of(const char *device, cpu_set_t *cpus)
{
	char path[PATH];
	unsigned int count = 0;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.31s/msi_irqs", device);
	DIR *folder = opendir(path);
	for (struct dirent *e; folder && (e = readdir(folder));) {
		if (e->d_name[0] == '.')
			continue;
		count++;
		snprintf(path, sizeof(path), "/proc/irq/%.16s/effective_affinity_list", e->d_name);
		add_cpus(path, cpus);
	}
	if (folder)
		closedir(folder);
	return count;
}
