// SPDX-License-Identifier: BSD-2-Clause
/* Reads and prints the values of `api`. Pure; any thread. */
#include "lb/config_api.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/document.h"

#define PERMISSIONS_MAX 0777u
#define PERMISSIONS     "permissions in octal digits, like 0660"
#define LISTEN          "a loopback address and a port, like 127.0.0.1:9290 or [::1]:9290, or none"

/* --- permissions --------------------------------------------------------------------------- */

static bool parse_octal(const char *text, uint32_t *out)
{
	size_t digits = strspn(text, "01234567");
	if (digits < 3 || digits > 4 || text[digits])
		return false;
	*out = strtoul(text, NULL, 8);
	return *out <= PERMISSIONS_MAX;
}

static void read_permissions(struct document *d, const struct place *at, const struct field *f,
			     void *base)
{
	const char *text = value_text(d, at, f, PERMISSIONS);
	uint32_t mode;
	if (!text)
		return;
	if (!parse_octal(text, &mode))
		value_unexpected(d, at, text, PERMISSIONS);
	else
		memcpy((char *)base + f->offset, &mode, sizeof(mode));
}

static void print_permissions(const struct field *f, const void *base, unsigned int indent,
			      FILE *out)
{
	uint32_t mode;
	memcpy(&mode, (const char *)base + f->offset, sizeof(mode));
	fprintf(out, " \"%04o\"\n", mode);
}

/* Bare digits are a number to YAML, if of another base. */
const struct kind kind_permissions = {
	.read = read_permissions,
	.print = print_permissions,
	.schema = SCHEMA_WORDS(PERMISSIONS) "," SCHEMA_EITHER(SCHEMA_WHOLE(0, 777),
							      SCHEMA_TEXT("^0?[0-7]{3}$")),
};

/* --- where to listen ------------------------------------------------------------------------ */

static bool is_loopback(const struct addr *a)
{
	return addr_is_v4(a) ? ntohl(a->word[3]) >> 24 == IN_LOOPBACKNET
			     : IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)a);
}

/* "127.0.0.1:9290" or "[::1]:9290" */
static bool parse_listen(const char *text, struct config_listen *out)
{
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[';
	char address[ADDR_TEXT];
	uint32_t port;
	if (!colon || (bracket && colon[-1] != ']'))
		return false;
	const char *first = text + bracket, *end = colon - bracket;
	if (end <= first || (size_t)(end - first) >= sizeof(address))
		return false;
	memcpy(address, first, end - first);
	address[end - first] = '\0';
	if (addr_parse(address, &out->address) || addr_is_v4(&out->address) == bracket ||
	    !value_decimal(colon + 1, strlen(colon + 1), &port) || !port || port > UINT16_MAX)
		return false;
	out->port = port;
	return true;
}

static void read_listen(struct document *d, const struct place *at, const struct field *f,
			void *base)
{
	const char *text = value_text(d, at, f, LISTEN);
	struct config_listen listen = {0};
	if (!text)
		return;
	if (strcmp(text, "none") && !parse_listen(text, &listen))
		value_unexpected(d, at, text, LISTEN);
	else if (listen.port && !is_loopback(&listen.address))
		document_fault(
			d, at,
			"'%s' can be reached from other hosts, and the API has no encryption "
			"of its own; expected %s",
			text, LISTEN);
	else
		memcpy((char *)base + f->offset, &listen, sizeof(listen));
}

static void print_listen(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	struct config_listen listen;
	char text[ADDR_TEXT];
	memcpy(&listen, (const char *)base + f->offset, sizeof(listen));
	if (!listen.port)
		fputs(" none\n", out);
	else
		fprintf(out, addr_is_v4(&listen.address) ? " \"%s:%u\"\n" : " \"[%s]:%u\"\n",
			addr_format(&listen.address, text), listen.port);
}

const struct kind kind_listen = {
	.read = read_listen,
	.print = print_listen,
	.schema = SCHEMA_WORDS(LISTEN) "," SCHEMA_TEXT("^(none|127([.][0-9]{1,3}){3}:[1-9][0-9]{0,"
						       "4}|\\\\[[0:]*:0*1\\\\]:[1-9][0-9]{0,4})$"),
};
