/* SPDX-License-Identifier: BSD-2-Clause */
/* The status page (tools/weir/page.html), as it is in the binary. */
#ifndef WEIR_TOOLS_PAGE_H
#define WEIR_TOOLS_PAGE_H

extern const char page_begin[], page_end[];

#endif
