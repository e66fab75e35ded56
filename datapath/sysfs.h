/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of interfaces under /sys/class/net, of the caller's own network namespace: /sys shows
 * that of whoever mounted it, which may be another one with interfaces of the same names.
 */
#ifndef WEIR_DATAPATH_SYSFS_H
#define WEIR_DATAPATH_SYSFS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Keeps the way to look: afterwards it takes no privilege to read, and to write what any file of
 * root's takes. Without it each call finds that way by itself.
 */
void sysfs_open(void);

/* From now on `fn` writes, for who is not root any more. Before any thread is started. */
typedef int sysfs_write_fn(void *context, const char *interface, const char *setting,
			   int64_t value);
void sysfs_hook(sysfs_write_fn *fn, void *context);

/* Settings that put off a NIC's interrupts (datapath/deferral.h). */
#define SYSFS_HARD_IRQS     "napi_defer_hard_irqs"
#define SYSFS_FLUSH_TIMEOUT "gro_flush_timeout"
/* No files, but for sysfs_hook(): where an interrupt of an interface is to go, a CPU; all of them
 * back to where they were. */
#define SYSFS_INTERRUPT              "interrupt"
#define SYSFS_INTERRUPT_AT(irq, cpu) ((int64_t)(irq) << 16 | (cpu))
#define SYSFS_INTERRUPTS_BACK        "interrupts-back"
bool sysfs_is_deferral(const char *setting);

/*
 * `setting` lies below the interface's folder: "device/numa_node". -ENOENT: it has none, or
 * it takes CAP_SYS_ADMIN to look; -EINVAL: it is no number.
 */
int sysfs_read(const char *interface, const char *setting, int64_t *out);
int sysfs_write(const char *interface, const char *setting, int64_t value);

#endif
