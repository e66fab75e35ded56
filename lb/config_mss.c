// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/config_mss.h"

#include <netinet/in.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/document.h"

#define PATH_TEXT 64
#define LEAST     536u   /* RFC 9293, 3.7.1: what hosts send that were told nothing */
#define MOST      65495u /* of the longest IPv4 packet */

#define CLAMP "none, path, or bytes from 536 to 65495"

static void read_clamp(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	const char *text = value_text(d, at, f, CLAMP);
	uint32_t bytes = MSS_CLAMP_NONE;
	if (!text)
		return;
	if (!strcmp(text, "path"))
		bytes = MSS_CLAMP_PATH;
	else if (strcmp(text, "none") &&
		 (!value_decimal(text, strlen(text), &bytes) || bytes < LEAST || bytes > MOST))
		value_unexpected(d, at, text, CLAMP);
	*(uint16_t *)((char *)base + f->offset) = bytes;
}

const char *config_mss_clamp_format(uint16_t clamp, char text[MSS_CLAMP_TEXT])
{
	if (clamp == MSS_CLAMP_NONE)
		return "none";
	if (clamp == MSS_CLAMP_PATH)
		return "path";
	snprintf(text, MSS_CLAMP_TEXT, "%u", clamp);
	return text;
}

static void print_clamp(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	char text[MSS_CLAMP_TEXT];
	uint16_t clamp = *(const uint16_t *)((const char *)base + f->offset);
	fprintf(out, " %s\n", config_mss_clamp_format(clamp, text));
}

const struct kind kind_mss_clamp = {
	.read = read_clamp,
	.print = print_clamp,
	.schema = SCHEMA_WORDS(CLAMP) "," SCHEMA_EITHER(SCHEMA_TEXT("^(none|path)$"),
							SCHEMA_WHOLE(536, 65495)),
};

void config_check_mss_clamp(const struct config_service *s, unsigned int index, struct document *d)
{
	char path[PATH_TEXT];
	snprintf(path, sizeof(path), "services[%u].mss_clamp", index);
	if (s->mss_clamp == MSS_CLAMP_NONE)
		return;
	if (s->protocol != IPPROTO_TCP)
		document_fault_path(d, path,
				    "is for tcp: no other protocol tells the size of its segments; "
				    "expected none");
	else if (s->forward == FORWARD_DSR)
		document_fault_path(
			d, path,
			"is for nat, ipip and gue: dsr leaves all but link addresses as "
			"it is; expected none");
}
