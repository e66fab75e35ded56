/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A YAML document in memory, and the first fault found in it. A reader names faults as it meets
 * them and goes on; of all that it names, the one nearest to the start of the file is kept.
 */
#ifndef WEIR_LB_DOCUMENT_H
#define WEIR_LB_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct node_block;

#define DOCUMENT_QUOTE 48
#define DOCUMENT_PATH  256

enum node_type { NODE_TEXT, NODE_LIST, NODE_MAPPING };

struct node {
	enum node_type type;
	uint32_t line;
	uint32_t length; /* of the text, or how many items; a mapping has two a key */
	union {
		char *text;          /* NUL-terminated, but may have more of them */
		struct node **items; /* of a mapping: key, value, key, value, ... */
	};
	struct node *next; /* for document_read.c */
};

struct document {
	const char *file;          /* its name in messages */
	const struct node *root;   /* NULL: there is nothing in it */
	struct node_block *blocks; /* of all nodes */
	struct err *err;           /* the words of the fault */
	size_t fault_line;         /* 0: none yet */
	int code;                  /* 0 or the fault's -errno */
	/* Is told of every fault, if it is set once the document is open. */
	void (*on_fault)(void *context, unsigned int line, const char *words);
	void *context;
};

/* Where a value is: a chain from the value up to the root, on the reader's stack. */
struct place {
	const struct place *up;
	const char *key;         /* in a mapping; NULL: an item of a list, or the root */
	unsigned int index;      /* in a list */
	const struct node *node; /* NULL: not in the file */
};

/*
 * Reads text that is one YAML document without anchors, aliases and tags. -EINVAL, -ENOMEM.
 * `file` and `err` must outlive the document.
 */
int document_open(struct document *d, const char *file, const char *text, size_t length,
		  struct err *err);
void document_close(struct document *d); /* one that did not open too */

/* "a list", "a mapping", "nothing" or the value in quotes, as text for "found ...". */
const char *document_found(const struct node *node, char text[DOCUMENT_QUOTE]);

/* `value` in quotes, cut when it is long, with what is not printable ASCII as '?'. */
const char *document_quote(const char *value, char text[DOCUMENT_QUOTE]);

/* A fault of the value at a place, on that value's line. */
__attribute__((format(printf, 3, 4))) void document_fault(struct document *d,
							  const struct place *at,
							  const char *format, ...);

/* The same with the line of a node of choice, that of a key say. */
__attribute__((format(printf, 4, 5))) void document_fault_on(struct document *d,
							     const struct place *at,
							     const struct node *node,
							     const char *format, ...);

/* The same with the place as text, "services[0].address"; for checks of the finished struct. */
__attribute__((format(printf, 3, 4))) void document_fault_path(struct document *d, const char *path,
							       const char *format, ...);

/* The same of no value, but of a line. */
__attribute__((format(printf, 3, 4))) void document_fault_line(struct document *d, size_t line,
							       const char *format, ...);

void document_no_memory(struct document *d);

#endif
