/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of interfaces under /sys/class/net, of the caller's own network namespace: /sys shows
 * that of whoever mounted it, which may be another one with interfaces of the same names.
 */
#ifndef WEIR_DATAPATH_SYSFS_H
#define WEIR_DATAPATH_SYSFS_H

#include <stdint.h>

/*
 * `setting` lies below the interface's folder: "device/numa_node". -EPERM: it takes CAP_SYS_ADMIN
 * to look; -ENOENT: it has none; -EINVAL: it is no number.
 */
int sysfs_read(const char *interface, const char *setting, int64_t *out);
int sysfs_write(const char *interface, const char *setting, int64_t value);

#endif
