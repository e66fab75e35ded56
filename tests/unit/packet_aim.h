/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes packets of captures ones for the services of tests/unit/packet_table.h, as if their clients
 * had sent them there: destination address, TCP port and checksums.
 */
#ifndef WEIR_TESTS_PACKET_AIM_H
#define WEIR_TESTS_PACKET_AIM_H

#include <stdbool.h>

struct frame;

/*
 * False, and nothing changed, for what holds no whole IP header behind up to two tags. A checksum
 * that was wrong stays wrong.
 */
bool packet_aim(struct frame *f);

#endif
