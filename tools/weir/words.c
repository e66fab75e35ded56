// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Each list is a function that yields its words by index, and NULL behind them. */
#include "tools/weir/words.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lb/err.h"
#include "lb/reason.h"
#include "tools/weir/client.h"
#include "tools/weir/command.h"
#include "tools/weir/override.h"
#include "tools/weir/subject.h"
#include "tools/weir/top_view.h"

typedef const char *word_fn(size_t index);

static const char *pick(const char *const words[], size_t count, size_t index)
{
	return index < count ? words[index] : NULL;
}

#define LIST(name, ...)                                                      \
	static const char *name(size_t index)                                \
	{                                                                    \
		static const char *const words[] = {__VA_ARGS__};            \
		return pick(words, sizeof(words) / sizeof(words[0]), index); \
	}

LIST(backend_verb, "up", "down", "show")
LIST(set_verb, "backend")
LIST(set_key, "state=", "weight=")
LIST(tunnel, "ipip", "gue")
LIST(file_format, "pcapng", "pcap")
LIST(protocol, "tcp", "udp")

static const char *view(size_t index)
{
	return index < TOP_VIEWS ? top_view_name(index) : NULL;
}

static const char *reason(size_t index)
{
	return REASON_NONE + 1 + index < REASON_COUNT ? reason_word(REASON_NONE + 1 + index) : NULL;
}

static const struct list {
	const char *command, *before; /* NULL: an operand */
	word_fn *word;                /* these, */
	const char *subject;          /* or what the daemon has of `weir show SUBJECT --names` */
} lists[] = {
	{"show", NULL, .word = subject_name},
	{"show", "--service", .subject = "services"},
	{"show", "--backend", .subject = "backends"},
	{"top", "--view", .word = view},
	{"set", NULL, .word = set_verb},
	{"set", "backend", .subject = "backends"},
	{"set", "BACKEND", .word = set_key},
	{"set", "state=", .word = override_word},
	{"backend", NULL, .word = backend_verb},
	{"backend", "--tunnel", .word = tunnel},
	{"capture", "--reason", .word = reason},
	{"capture", "--services", .subject = "services"},
	{"capture", "--interface", .subject = "interfaces"},
	{"capture", "--format", .word = file_format},
	{"explain", "--protocol", .word = protocol},
	{"explain", "--backend", .subject = "backends"},
};

/* A daemon that does not answer is no fault: nothing is completed then. */
static void print_names(const char *subject, const char *socket)
{
	char path[64];
	struct err err;
	json_t *document;
	snprintf(path, sizeof(path), "/v1/%s", subject);
	if (client_get(socket, path, &document, &err))
		return;
	subject_print_names(subject_find(subject), document);
	json_decref(document);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int words_print(const char *command, const char *before, const char *socket)
{
	const char *word;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct list *l = &lists[i];
		if (strcmp(l->command, command) || !is_same(l->before, before))
			continue;
		if (l->subject)
			print_names(l->subject, socket);
		for (size_t n = 0; l->word && (word = l->word(n)); n++)
			puts(word);
	}
	return EXIT_DONE;
}
