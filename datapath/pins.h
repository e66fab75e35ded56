/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an instance keeps in the kernel beyond its daemon: maps and links, pinned by name in a
 * folder of its own on the BPF file system, /sys/fs/bpf/weir/INSTANCE. Control thread.
 */
#ifndef WEIR_DATAPATH_PINS_H
#define WEIR_DATAPATH_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define PINS_ROOT "/sys/fs/bpf/weir"

struct pins {
	char folder[96]; /* "": nothing is pinned, everything ends with the process */
	bool held;       /* it is the one that was prepared */
};

/*
 * For who will be that user, and not root: makes the folder of an instance, gives it with all that
 * is in it to the user, and holds it open, as the way to it may be root's alone. pins_open() of
 * that instance takes it then. Once in a process.
 */
int pins_prepare(const char *instance, uid_t user, struct err *err);

/*
 * The folder of an instance, made if it is not there. -ENODEV: no BPF file system, with the
 * command that mounts it.
 */
int pins_open(struct pins *p, const char *instance, struct err *err);

/* A descriptor of what is pinned by that name, or -errno (-ENOENT: nothing). */
int pins_get(const struct pins *p, const char *name);

/* Pins `fd` by a name that is free. */
int pins_put(const struct pins *p, const char *name, int fd, struct err *err);

/* Takes the pin of that name away. */
void pins_drop(const struct pins *p, const char *name);

/* Takes away all pins whose names begin with `prefix` and for which `keep` (or NULL) is false. */
void pins_drop_all(const struct pins *p, const char *prefix,
		   bool (*keep)(void *context, const char *name), void *context);

/* Takes everything away, and the folder, where that is ours to do. */
void pins_remove(struct pins *p);

/* Takes the folder of an instance away, if nothing is in it. For who is root, behind who was not.
 */
void pins_tidy(const char *instance);

/*
 * An array in the kernel that this process has as plain memory: a pinned one, or a new one that
 * is pinned now.
 */
struct shared_array {
	int fd;
	void *base; /* zeroed when new */
	size_t size;
	bool inherited; /* it was there */
};

/*
 * `value_size` a multiple of 8. -ENOMEM: too large. -EEXIST: what is pinned by that name is of
 * another shape.
 */
int shared_array_open(struct shared_array *a, const struct pins *p, const char *name,
		      uint32_t value_size, uint32_t entries, struct err *err);

/* The same of one that a map in a map takes, whatever its number of entries. */
int shared_array_open_inner(struct shared_array *a, const struct pins *p, const char *name,
			    uint32_t value_size, uint32_t entries, struct err *err);

void shared_array_close(struct shared_array *a); /* the pin stays; a zeroed one too */

#endif
