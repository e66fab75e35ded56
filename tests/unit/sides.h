/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both sides, for test programs that ask them about the same packets: lb_process() as a balancer
 * with the services of tests/unit/packet_table.h, and the XDP program beside it. One of each a
 * program; what is expected of them fails the test by the case's name.
 */
#ifndef WEIR_TESTS_SIDES_H
#define WEIR_TESTS_SIDES_H

#include <stdint.h>

#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

extern struct offline balancer;
extern struct xdp_run xdp;
extern const char *no_xdp;    /* why the XDP program can't be run here, or NULL */
extern const char *case_name; /* for messages */

/* Set-up and tear-down of a group of tests. */
int sides_open(void **state);
int sides_close(void **state);

/* Skips the test, and says why, where the XDP program can't be run. */
void sides_need_xdp(void);

void expect_number(const char *what, uint32_t got, uint32_t want);
void expect_reason(enum reason got, enum reason want);
void expect_name(const char *what, const char *got, const char *want); /* NULL: none */
void expect_bytes(const struct frame *got, const struct frame *want);

#endif
