/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as tables: a mapping is a list of fields, a field says where in a struct its
 * value goes and of which kind it is, and a kind reads and prints values. Reading and printing go
 * by the same tables, so every key that is read is printed too.
 */
#ifndef WEIR_LB_CONFIG_FIELD_H
#define WEIR_LB_CONFIG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct document;
struct field;
struct place;

struct kind {
	/*
	 * Reads the value at a place, or the field's default where the place has no node, into
	 * the struct at `base`. A fault goes into the document; what `base` holds then can be
	 * freed.
	 */
	void (*read)(struct document *d, const struct place *at, const struct field *f, void *base);
	/* Prints the value with what stands between it and its key's colon, and ends the line. */
	void (*print)(const struct field *f, const void *base, unsigned int indent, FILE *out);
	/*
	 * What a value looks like, in members of a JSON schema (lb/config_schema.h): the same for
	 * all fields of the kind, or printed by the field's rule.
	 */
	const char *schema;
	void (*print_schema)(const struct field *f, FILE *out);
};

struct field {
	const char *key;
	const struct kind *kind;
	size_t offset, size;  /* of the member in the mapping's struct */
	const void *rule;     /* what the kind wants to know */
	const char *fallback; /* the default as text; NULL: the key is required */
};

/* The `offset, size` of a field. */
#define FIELD_MEMBER(type, member) offsetof(type, member), sizeof(((type *)0)->member)
/* Those of a field that has no member. */
#define FIELD_NOWHERE 0, 0

#define FIELD_MAX 32 /* fields of a mapping */

struct mapping {
	const struct field *fields;
	unsigned int count; /* at most FIELD_MAX */
};

/* A list of mappings (none, where the key may be absent): an array on the heap, its length in an
 * unsigned int. */
struct list {
	struct mapping item;
	size_t item_size;
	size_t count_offset; /* of the length in the struct that also has the array */
	unsigned int min, max;
};

extern const struct kind kind_mapping; /* rule: struct mapping; its members are those of `base` */
extern const struct kind kind_list;    /* rule: struct list */

/* All keys of a configuration: a mapping of struct config (lb/config.c). */
const struct mapping *config_keys(void);

void mapping_read(struct document *d, const struct place *at, const struct mapping *m, void *base);

/* `item`: the mapping is an item of a list, whose dash stands two columns before `indent`. */
void mapping_print(const struct mapping *m, const void *base, unsigned int indent, bool item,
		   FILE *out);

#endif
