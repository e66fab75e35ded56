// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/config_quic.h"

#include <inttypes.h>
#include <linux/in.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/quic.h"

#define PATH_TEXT 64

/* --- server ids ---------------------------------------------------------------------------- */

static bool parse_server_id(const char *text, struct config_server_id *out)
{
	size_t digits = strlen(text) - 2;
	if (strncmp(text, "0x", 2) || !digits || digits % 2 || digits > 2 * QUIC_ID_MAX ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != digits)
		return false;
	out->length = digits / 2;
	out->value = strtoull(text + 2, NULL, 16);
	return true;
}

#define SERVER_ID "0x and 1 to 8 bytes of two digits each, like 0x0001, or none"

static void read_server_id(struct document *d, const struct place *at, const struct field *f,
			   void *base)
{
	const char *text = value_text(d, at, f, SERVER_ID);
	struct config_server_id id = {0};
	if (!text)
		return;
	if (strcmp(text, "none") && (strlen(text) < 2 || !parse_server_id(text, &id)))
		value_unexpected(d, at, text, SERVER_ID);
	else
		memcpy((char *)base + f->offset, &id, sizeof(id));
}

static void print_server_id(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	struct config_server_id id;
	memcpy(&id, (const char *)base + f->offset, sizeof(id));
	if (id.length)
		fprintf(out, " 0x%0*" PRIx64 "\n", 2 * id.length, id.value);
	else
		fputs(" none\n", out);
}

const struct kind kind_server_id = {
	.read = read_server_id,
	.print = print_server_id,
	/* Bare hexadecimal digits are a number to YAML. */
	.schema = SCHEMA_WORDS(SERVER_ID) "," SCHEMA_EITHER(
		"\"type\":\"integer\",\"minimum\":0",
		SCHEMA_TEXT("^(none|0x([0-9A-Fa-f]{2}){1,8})$")),
};

/* --- checks -------------------------------------------------------------------------------- */

static void check_length(const struct config_service *s, const struct config_backend *b,
			 const char *path, struct document *d)
{
	if (s->affinity != AFFINITY_QUIC) {
		if (b->server_id.length)
			document_fault_path(d, path, "is for services with affinity quic");
	} else if (!b->server_id.length) {
		document_fault_path(d, path,
				    "'none', but affinity quic finds backends by their ids; "
				    "expected %u bytes",
				    s->quic.server_id_length);
	} else if (b->server_id.length != s->quic.server_id_length) {
		document_fault_path(d, path, "%u bytes; quic.server_id_length says %u",
				    b->server_id.length, s->quic.server_id_length);
	}
}

static int compare_ids(const void *a, const void *b)
{
	const struct config_backend *x = *(void *const *)a, *y = *(void *const *)b;
	uint64_t i = x->server_id.value, j = y->server_id.value;
	return i != j ? (i > j) - (i < j) : (x > y) - (x < y);
}

static void check_doubles(const struct config_service *s, unsigned int index, struct document *d)
{
	const struct config_backend **sorted = calloc(s->backend_count + 1, sizeof(*sorted));
	char path[PATH_TEXT];
	if (!sorted) {
		document_no_memory(d);
		return;
	}
	for (unsigned int i = 0; i < s->backend_count; i++)
		sorted[i] = &s->backends[i];
	qsort(sorted, s->backend_count, sizeof(*sorted), compare_ids);
	for (unsigned int i = 1; i < s->backend_count; i++) {
		if (sorted[i]->server_id.value != sorted[i - 1]->server_id.value)
			continue;
		snprintf(path, sizeof(path), "services[%u].backends[%u].server_id", index,
			 (unsigned int)(sorted[i] - s->backends));
		document_fault_path(d, path, "is that of backend '%s' too; each needs its own",
				    sorted[i - 1]->name);
	}
	free(sorted);
}

void config_check_quic(const struct config_service *s, unsigned int index, struct document *d)
{
	char path[PATH_TEXT];
	snprintf(path, sizeof(path), "services[%u].affinity", index);
	if (s->affinity == AFFINITY_QUIC && s->protocol != IPPROTO_UDP)
		document_fault_path(d, path, "'quic' is for udp; expected flow or source");
	for (unsigned int i = 0; i < s->backend_count; i++) {
		snprintf(path, sizeof(path), "services[%u].backends[%u].server_id", index, i);
		check_length(s, &s->backends[i], path, d);
	}
	if (s->affinity == AFFINITY_QUIC)
		check_doubles(s, index, d);
}
