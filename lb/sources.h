/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of source prefixes, made into what finds a packet's group: the longest prefix around its
 * source says its identity. Text and lists in, tables out (bpf/policy.h says what is in them).
 */
#ifndef WEIR_LB_SOURCES_H
#define WEIR_LB_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lb/prefix.h"

struct err;
struct source_family;
struct source_range;
struct source_slot;

#define SOURCES_MAX_PREFIXES (16u << 20) /* of all groups together */

struct source_prefix {
	struct addr address; /* no bits behind the length */
	uint32_t line;       /* of its file; 0: it is in the configuration */
	uint16_t identity;   /* of its group, from 1 */
	uint8_t length;      /* in the IPv6 form, lb/prefix.h; 0 is ::/0 here */
};

/* What is to become a table; zeroed at first. */
struct source_list {
	struct source_prefix *prefixes;
	size_t count, room;
};

int source_list_add(struct source_list *l, const struct source_prefix *p); /* -ENOMEM, -E2BIG */
void source_list_fini(struct source_list *l);

#define SOURCE_FAULTS 10 /* lines that are named */
#define SOURCE_FAULT  160

/* Lines that hold no prefix: the first ones in words ("12: found '10.0.0.300'; expected ..."). */
struct source_faults {
	uint64_t count;
	char text[SOURCE_FAULTS][SOURCE_FAULT];
};

/* Called now and then while a long text is read. */
typedef void source_progress_fn(void *context, uint64_t lines, size_t bytes);

struct source_reading {
	uint16_t identity;
	source_progress_fn *progress; /* or NULL */
	void *context;
	struct source_faults *faults;
};

/*
 * Adds the prefixes of a text: one a line, '#' and ';' begin comments. -EINVAL: there were faults,
 * and some of it may have been added. -ENOMEM, -E2BIG.
 */
int source_list_read(struct source_list *l, const char *text, size_t length,
		     const struct source_reading *reading);

/* "192.0.2.0/24", "::/0", or an address alone, in `text`, which it returns. */
const char *source_format(const struct addr *base, uint32_t length, char text[PREFIX_TEXT]);

/* Two entries of the list that say different things of the same prefix. */
struct source_clash {
	struct source_prefix a, b;
};

struct source_table {
	struct source_slot *slots;
	struct source_range *ranges;
	uint32_t slot_count, range_count; /* there is one of each at least */
	uint32_t prefix_count;
};

/*
 * Makes the table; sorts the list. The two families' heads go into `families` (bpf/policy.h).
 * -EEXIST: a prefix is in two groups, see *clash. -ENOMEM.
 */
int source_table_init(struct source_table *t, struct source_family *families, struct source_list *l,
		      struct source_clash *clash);
void source_table_fini(struct source_table *t);

#endif
