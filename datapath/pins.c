// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "datapath/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "datapath/memory.h"
#include "lb/err.h"

#define PIN_PATH 384
#define PAGE     4096ul

#define PREPARE_TRIES 10

/* What pins_prepare() holds, by descriptors that only say where (O_PATH); -1: nothing. */
static struct {
	int root, folder;
	char instance[64];
} held = {.root = -1, .folder = -1};

/* --- preparing ------------------------------------------------------------------------------ */

#define WAY (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Never where a link leads: the user may have put one there. */
static int own(int folder, const char *name, uid_t user)
{
	return fchownat(folder, name, user, -1, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ? -errno : 0;
}

static bool is_of(int folder, uid_t user)
{
	struct stat st;
	return !fstat(folder, &st) && st.st_uid == user;
}

static int own_entries(int folder, uid_t user)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *all = fd < 0 ? NULL : fdopendir(fd);
	if (!all)
		return -errno;
	for (struct dirent *entry; !r && (entry = readdir(all));)
		if (entry->d_name[0] != '.')
			r = own(folder, entry->d_name, user);
	closedir(all);
	return r;
}

/* Ours for a moment: root may not look into another's folder, without a capability. */
static int hand_over(int folder, uid_t user)
{
	if (is_of(folder, user))
		return 0;
	int r = own(folder, "", geteuid());
	r = r ? r : own_entries(folder, user);
	return r ? r : own(folder, "", user);
}

/* The folder above is root's, whatever it was. */
static int prepare_folder(const char *instance, uid_t user)
{
	if (mkdir(PINS_ROOT, 0711) && errno != EEXIST)
		return -errno;
	held.root = open(PINS_ROOT, WAY);
	int r = held.root < 0 ? -errno : 0;
	if (!r && !is_of(held.root, geteuid()))
		r = own(held.root, "", geteuid());
	if (!r && mkdirat(held.root, instance, 0700) && errno != EEXIST)
		r = -errno;
	if (r)
		return r;
	held.folder = openat(held.root, instance, WAY);
	return held.folder < 0 ? -errno : hand_over(held.folder, user);
}

static void let_go(void)
{
	if (held.folder >= 0)
		close(held.folder);
	if (held.root >= 0)
		close(held.root);
	held.folder = held.root = -1;
}

static int check_file_system(struct err *err)
{
	struct statfs fs;
	if (!statfs("/sys/fs/bpf", &fs) && fs.f_type == BPF_FS_MAGIC)
		return 0;
	return err_set(err, ENODEV,
		       "no BPF file system at /sys/fs/bpf, where flows outlive the daemon: "
		       "'mount -t bpf bpf /sys/fs/bpf'");
}

int pins_prepare(const char *instance, uid_t user, struct err *err)
{
	int r = check_file_system(err);
	if (r)
		return r;
	/* Another daemon that ends may take the folder above away, if it is empty. */
	for (int tries = 0; tries < PREPARE_TRIES; tries++) {
		r = prepare_folder(instance, user);
		if (!r)
			break;
		let_go();
		if (r != -ENOENT)
			break;
	}
	if (r)
		return err_set(err, -r, "can't make %s/%s for user %u: %s%s", PINS_ROOT, instance,
			       user, strerror(-r),
			       r == -EACCES || r == -EPERM ? "; run as root" : "");
	snprintf(held.instance, sizeof(held.instance), "%s", instance);
	return 0;
}

/* --- the folder ----------------------------------------------------------------------------- */

int pins_open(struct pins *p, const char *instance, struct err *err)
{
	int r = check_file_system(err);
	if (r)
		return r;
	snprintf(p->folder, sizeof(p->folder), "%s/%s", PINS_ROOT, instance);
	p->held = held.folder >= 0 && !strcmp(instance, held.instance);
	if (p->held)
		return 0;
	if ((mkdir(PINS_ROOT, 0700) && errno != EEXIST) ||
	    (mkdir(p->folder, 0700) && errno != EEXIST)) {
		int code = errno;
		err_set(err, code, "can't make %s: %s%s", p->folder, strerror(code),
			code == EACCES || code == EPERM ? "; run as root" : "");
		p->folder[0] = 0;
		return -code;
	}
	return 0;
}

/* The kernel has pins by path alone; that of a descriptor needs no right to what lies above. */
static const char *path_of(const struct pins *p, const char *name, char path[PIN_PATH])
{
	if (p->held)
		snprintf(path, PIN_PATH, "/proc/self/fd/%d/%s", held.folder, name);
	else
		snprintf(path, PIN_PATH, "%s/%s", p->folder, name);
	return path;
}

int pins_get(const struct pins *p, const char *name)
{
	char path[PIN_PATH];
	if (!p->folder[0])
		return -ENOENT;
	int fd = bpf_obj_get(path_of(p, name, path));
	return fd < 0 ? -errno : fd;
}

int pins_put(const struct pins *p, const char *name, int fd, struct err *err)
{
	char path[PIN_PATH];
	if (!p->folder[0] || !bpf_obj_pin(fd, path_of(p, name, path)))
		return 0;
	return err_set(err, errno, "can't pin %s/%s: %m", p->folder, name);
}

void pins_drop(const struct pins *p, const char *name)
{
	char path[PIN_PATH];
	if (p->folder[0])
		unlink(path_of(p, name, path));
}

void pins_drop_all(const struct pins *p, const char *prefix,
		   bool (*keep)(void *context, const char *name), void *context)
{
	char path[PIN_PATH];
	DIR *folder = p->folder[0] ? opendir(path_of(p, "", path)) : NULL;
	if (!folder)
		return;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)))
			continue;
		if (!keep || !keep(context, entry->d_name))
			pins_drop(p, entry->d_name);
	}
	closedir(folder);
}

/* What is not empty stays: so do other instances. */
static void remove_folder(const char *path)
{
	rmdir(path);
	rmdir(PINS_ROOT);
}

void pins_remove(struct pins *p)
{
	if (!p->folder[0])
		return;
	pins_drop_all(p, "", NULL, NULL);
	remove_folder(p->folder);
	p->folder[0] = 0;
}

void pins_tidy(const char *instance)
{
	char path[PIN_PATH];
	snprintf(path, sizeof(path), "%s/%s", PINS_ROOT, instance);
	remove_folder(path);
}

/* --- shared arrays ------------------------------------------------------------------------- */

static int create(const struct pins *p, const char *name, uint32_t value_size, uint32_t entries,
		  uint32_t flags, struct err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE | flags);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t), value_size, entries,
				&opts);
	if (fd < 0) {
		int code = errno;
		const char *hint = "";
		if (code == EPERM)
			hint = "; run as root, or with CAP_BPF and CAP_NET_ADMIN";
		if (code == ENOMEM || code == E2BIG)
			hint = "; make flow_table.entries smaller, or give the machine more memory";
		return err_set(err, code, "the kernel has no %lu MiB for the map %s: %s%s",
			       ((unsigned long)value_size * entries >> 20) + 1, name,
			       strerror(code), hint);
	}
	int r = pins_put(p, name, fd, err);
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

static bool has_shape(int fd, uint32_t value_size, uint32_t entries)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	return !bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == BPF_MAP_TYPE_ARRAY &&
	       info.value_size == value_size && info.max_entries == entries;
}

static int open_array(struct shared_array *a, const struct pins *p, const char *name,
		      uint32_t value_size, uint32_t entries, uint32_t flags, struct err *err)
{
	*a = (struct shared_array){.fd = pins_get(p, name)};
	a->inherited = a->fd >= 0;
	if (a->inherited && !has_shape(a->fd, value_size, entries)) {
		shared_array_close(a);
		return err_set(err, EEXIST, "%s/%s is of another shape", p->folder, name);
	}
	if (!a->inherited)
		a->fd = create(p, name, value_size, entries, flags, err);
	if (a->fd < 0)
		return a->fd;
	a->size = ((size_t)value_size * entries + PAGE - 1) & ~(PAGE - 1);
	a->base = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, a->fd, 0);
	if (a->base != MAP_FAILED) {
		memory_hide(a->base, a->size);
		return 0;
	}
	int code = errno;
	a->base = NULL;
	shared_array_close(a);
	return err_set(err, code, "can't map %s: %s", name, strerror(code));
}

int shared_array_open(struct shared_array *a, const struct pins *p, const char *name,
		      uint32_t value_size, uint32_t entries, struct err *err)
{
	return open_array(a, p, name, value_size, entries, 0, err);
}

int shared_array_open_inner(struct shared_array *a, const struct pins *p, const char *name,
			    uint32_t value_size, uint32_t entries, struct err *err)
{
	return open_array(a, p, name, value_size, entries, BPF_F_INNER_MAP, err);
}

void shared_array_close(struct shared_array *a)
{
	if (a->base)
		munmap(a->base, a->size);
	if (a->fd > 0)
		close(a->fd);
	*a = (struct shared_array){};
}
