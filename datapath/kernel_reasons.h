/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The running kernel's names of the reasons for which its stack drops packets (enum
 * skb_drop_reason), by its BTF: numbers differ from one version to the next. Control thread.
 */
#ifndef WEIR_DATAPATH_KERNEL_REASONS_H
#define WEIR_DATAPATH_KERNEL_REASONS_H

#include <stdint.h>

struct kernel_reasons;

struct kernel_reasons *kernel_reasons_new(void);    /* NULL: there is no BTF, or no memory */
void kernel_reasons_free(struct kernel_reasons *k); /* NULL too */

/* Without the prefix SKB_DROP_REASON_; NULL: not known. `k` may be NULL. */
const char *kernel_reasons_name(const struct kernel_reasons *k, uint32_t reason);

#endif
