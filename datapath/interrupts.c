// SPDX-License-Identifier: BSD-2-Clause
/* Devices on PCI; /sys and /proc show all of them to everybody, whatever the network namespace. */
#include "datapath/interrupts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH 160
#define MOST 4096u

unsigned int interrupts_list(const char *device, uint32_t *out, unsigned int most)
{
	char path[PATH];
	unsigned int count = 0;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.31s/msi_irqs", device);
	DIR *folder = opendir(path);
	for (struct dirent *e; folder && (e = readdir(folder));) {
		if (e->d_name[0] == '.')
			continue;
		if (count < most)
			out[count] = strtoul(e->d_name, NULL, 10);
		count++;
	}
	if (folder)
		closedir(folder);
	return count;
}

/* --- CPUs ------------------------------------------------------------------------------------ */

/* "0-3,8" into a set. */
static void add_cpus(const char *list, cpu_set_t *set)
{
	char *end;
	for (const char *at = list; *at; at = *end ? end + 1 : end) {
		long first = strtol(at, &end, 10), last = first;
		if (end == at)
			return;
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		for (long cpu = first; cpu >= 0 && cpu <= last && cpu < CPU_SETSIZE; cpu++)
			CPU_SET(cpu, set);
	}
}

static int open_file(uint32_t irq, const char *file, int flags)
{
	char path[PATH];
	snprintf(path, sizeof(path), "/proc/irq/%" PRIu32 "/%s", irq, file);
	int fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_list(uint32_t irq, const char *file, char out[INTERRUPTS_LIST])
{
	int fd = open_file(irq, file, O_RDONLY);
	if (fd < 0)
		return fd;
	ssize_t n = read(fd, out, INTERRUPTS_LIST - 1);
	int r = n < 0 ? -errno : 0;
	close(fd);
	out[n < 0 ? 0 : n] = '\0';
	return r;
}

int interrupts_read(uint32_t irq, char out[INTERRUPTS_LIST])
{
	return read_list(irq, "smp_affinity_list", out);
}

int interrupts_write(uint32_t irq, const char *list)
{
	int fd = open_file(irq, "smp_affinity_list", O_WRONLY);
	if (fd < 0)
		return fd;
	int r = write(fd, list, strlen(list)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

bool interrupts_is_at(uint32_t irq, unsigned int cpu)
{
	char list[INTERRUPTS_LIST];
	cpu_set_t set;
	CPU_ZERO(&set);
	if (interrupts_read(irq, list))
		return false;
	add_cpus(list, &set);
	return CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set);
}

unsigned int interrupts_of(const char *device, cpu_set_t *cpus)
{
	uint32_t irqs[MOST];
	char list[INTERRUPTS_LIST];
	unsigned int count = interrupts_list(device, irqs, MOST);
	for (unsigned int i = 0; i < count && i < MOST; i++)
		if (!read_list(irqs[i], "effective_affinity_list", list))
			add_cpus(list, cpus);
	return count;
}

/* --- queues ---------------------------------------------------------------------------------- */

int interrupts_queue_named(const char *name)
{
	size_t end = strcspn(name, "@");
	while (end && !isdigit((unsigned char)name[end - 1]))
		end--;
	if (!end)
		return -1;
	while (end && isdigit((unsigned char)name[end - 1]))
		end--;
	unsigned long queue = strtoul(name + end, NULL, 10);
	return queue <= UINT16_MAX ? (int)queue : -1;
}

int interrupts_queue(uint32_t irq)
{
	char path[PATH];
	int queue = -1;
	snprintf(path, sizeof(path), "/proc/irq/%" PRIu32, irq);
	DIR *folder = opendir(path);
	/* The only folder in there has the name of who takes it. */
	for (struct dirent *e; folder && queue < 0 && (e = readdir(folder));)
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			queue = interrupts_queue_named(e->d_name);
	if (folder)
		closedir(folder);
	return queue;
}
