/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Translates a packet of a `nat` flow in a worker: TCP and UDP by the same code as the XDP program
 * (bpf/translate.h), and what that leaves to workers. Any thread.
 */
#ifndef WEIR_LB_TRANSLATE_H
#define WEIR_LB_TRANSLATE_H

#include <stdint.h>

#include "bpf/abi.h"

struct flow_key;
struct lb_packet;
struct packet;
struct translation;

/* Fills in by how much the checksums of a flow's packets change. */
void translation_prepare(struct translation *x, const struct flow_key *from);

/*
 * Translates a packet in which parse_packet() found no fault; `x` has the way out. `mtu` is that of
 * the way. On success data and length are the new frame's. Else: why not, and nothing was changed,
 * but maybe a checksum that was left out.
 */
enum reason translate_packet(struct lb_packet *p, const struct packet *parsed,
			     const struct translation *x, uint32_t mtu);

#endif
