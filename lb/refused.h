/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which sources are dropped whatever they send, in the shape in which the XDP program finds that
 * out fastest (bpf/policy.h). Made from the table of sources and, by identity, the rule + 1 that
 * drops it, or 0.
 */
#ifndef WEIR_LB_REFUSED_H
#define WEIR_LB_REFUSED_H

#include <stdint.h>

struct refused_block;
struct refused_line;
struct source_family;
struct source_table;

struct refused_table {
	struct refused_block *blocks; /* REFUSED_BLOCKS of them; NULL: nobody is refused */
	struct refused_line *lines;
	uint32_t line_count; /* one at least */
};

/* Of IPv4, whose family is `f`. -ENOMEM. */
int refused_table_init(struct refused_table *t, const struct source_table *sources,
		       const struct source_family *f, const uint16_t *early);
void refused_table_fini(struct refused_table *t); /* a zeroed one too */

/* Of IPv6: sets the bits of all upper 16 bits of addresses of which any is refused. */
void refused_note_near(uint32_t *near, const struct source_table *sources,
		       const struct source_family *f, const uint16_t *early);

#endif
