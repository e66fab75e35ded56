// SPDX-License-Identifier: BSD-2-Clause
/* The Makefile has this file depend on the page. */
#include "tools/weir/page.h"

__asm__(".section .rodata\n"
	".global page_begin, page_end\n"
	"page_begin:\n"
	".incbin \"tools/weir/page.html\"\n"
	"page_end:\n"
	".byte 0\n"
	".previous\n");
