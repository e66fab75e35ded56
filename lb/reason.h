/* SPDX-License-Identifier: BSD-2-Clause */
/* Drop reasons (bpf/abi.h) by word. */
#ifndef WEIR_LB_REASON_H
#define WEIR_LB_REASON_H

#include "bpf/abi.h"

const char *reason_word(enum reason r); /* "no-backend"; "unknown" for what is none */
const char *reason_text(enum reason r); /* a sentence without its full stop */
int reason_find(const char *word);      /* the reason, or -1; "none" is not found */

#endif
