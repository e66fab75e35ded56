// SPDX-License-Identifier: BSD-2-Clause
#include "bench/lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bench/machine.h"
#include "lb/err.h"

#define BPFFS       "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11

int lab_need(struct err *err)
{
	struct statfs fs;
	if (geteuid())
		return err_set(err, EPERM, "this makes network namespaces: run it as root");
	if (!statfs(BPFFS, &fs) && (uint32_t)fs.f_type == BPFFS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, NULL))
		return err_set(err, errno, "can't mount the BPF file system on %s: %m", BPFFS);
	return 0;
}

int lab_find_weir(const char **weir, char path[PATH_MAX], struct err *err)
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof("weir"));
	if (!*weir && length > 0) {
		path[length] = 0;
		strcpy(strrchr(path, '/') + 1, "weir");
		*weir = path;
	}
	if (!*weir || access(*weir, X_OK))
		return err_set(err, ENOENT,
			       "no program to measure at %s: build it, or name it by --weir",
			       *weir ? *weir : "?");
	return 0;
}

int lab_choose_cpus(int *generator, int *worker, struct err *err)
{
	cpu_set_t set;
	*generator = *worker = -1;
	if (sched_getaffinity(0, sizeof(set), &set))
		return err_set(err, errno, "which CPUs? %m");
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (*generator < 0)
			*generator = i;
		*worker = i;
	}
	if (*generator == *worker)
		return err_set(err, ENODEV, "this takes two CPUs, and there is one");
	int r = machine_pin(*generator);
	return r < 0 ? err_set(err, -r, "can't run on CPU %d", *generator) : 0;
}

void lab_remove_folder(const char *folder)
{
	DIR *d = folder ? opendir(folder) : NULL;
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(folder);
}
