/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets by chance, made as packets are made: from recipes, most of them whole and for the
 * services of tests/unit/packet_table.h, and then changed where it hurts.
 */
#ifndef WEIR_TESTS_PACKET_RANDOM_H
#define WEIR_TESTS_PACKET_RANDOM_H

struct dice;
struct frame;

/* A packet that is right in itself. */
void packet_random(struct dice *d, struct frame *out);

/* Changes a frame in one to four places: a bit, a byte, a length field, the frame's length. */
void packet_mutate(struct dice *d, struct frame *f);

#endif
