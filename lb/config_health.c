// SPDX-License-Identifier: BSD-2-Clause
/* What `health` of a service may say. Pure; any thread. */
#include "lb/config_health.h"

#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/config_choice.h"
#include "lb/config_schema.h"
#include "lb/config_text.h"
#include "lb/config_value.h"
#include "lb/document.h"

#define PATH_TEXT 64
#define BYTES_MAX 1024u
#define WORDS_MAX 64u
#define NONE      "none"

/* --- text ---------------------------------------------------------------------------------- */

static const struct text_rule host_rule = {
	.expects = "a host name, or none",
	.max = 253,
	.only = TEXT_LETTERS TEXT_DIGITS ".-_",
};
static const struct text_rule path_rule = {
	.expects = "a path that begins with '/', without spaces and '#', like /healthz",
	.max = 1024,
	.but = " #",
	.first = '/',
};
static const struct text_rule body_rule = {
	.expects = "1 to 256 printable ASCII characters that the answer must have, or none",
	.max = 256,
};
static const struct text_rule file_rule = {
	.expects = "the absolute path of a file, or none",
	.max = 1024,
	.first = '/',
	.none = true,
};
static const struct text_rule word_rule = {
	.expects = "1 to 1024 printable ASCII characters",
	.max = 1024,
};

/* --- ports --------------------------------------------------------------------------------- */

#define PORT "a port from 1 to 65535, or service: the service's first one"

static void read_port(struct document *d, const struct place *at, const struct field *f, void *base)
{
	struct config_service *s = base;
	const char *text = value_text(d, at, f, PORT);
	uint32_t port = 0;
	if (!text)
		return;
	if (strcmp(text, "service") &&
	    (!value_decimal(text, strlen(text), &port) || !port || port > UINT16_MAX))
		value_unexpected(d, at, text, PORT);
	else
		s->health.port = port;
}

static void print_port(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_service *s = base;
	if (s->health.port)
		fprintf(out, " %u\n", s->health.port);
	else
		fputs(" service\n", out);
}

static const struct kind kind_port = {
	.read = read_port,
	.print = print_port,
	.schema = SCHEMA_WORDS(PORT) "," SCHEMA_EITHER(SCHEMA_WORD("service"),
						       SCHEMA_WHOLE(1, 65535)),
};

unsigned int config_health_port(const struct config_service *s)
{
	return s->health.port ? s->health.port : s->port_ranges[0].first;
}

/* --- HTTP statuses --------------------------------------------------------------------------- */

static bool parse_status(const char *text, struct config_status *out)
{
	uint32_t first, last;
	size_t length = strcspn(text, "-");
	if (!value_decimal(text, length, &first))
		return false;
	last = first;
	if (text[length] && !value_decimal(text + length + 1, strlen(text + length + 1), &last))
		return false;
	*out = (struct config_status){first, last};
	return first >= 100 && first <= last && last <= 599;
}

#define STATUS "an HTTP status or a range of them, like 200 or 200-399"

static void read_status(struct document *d, const struct place *at, const struct field *f,
			void *base)
{
	struct config_service *s = base;
	const char *text = value_text(d, at, f, STATUS);
	if (text && !parse_status(text, &s->health.status))
		value_unexpected(d, at, text, STATUS);
}

const char *config_status_format(const struct config_status *s, char text[STATUS_TEXT])
{
	if (s->first == s->last)
		snprintf(text, STATUS_TEXT, "%u", s->first);
	else
		snprintf(text, STATUS_TEXT, "%u-%u", s->first, s->last);
	return text;
}

static void print_status(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_service *s = base;
	char text[STATUS_TEXT];
	fprintf(out, " %s\n", config_status_format(&s->health.status, text));
}

static const struct kind kind_status = {
	.read = read_status,
	.print = print_status,
	.schema = SCHEMA_WORDS(STATUS) "," SCHEMA_EITHER(
		SCHEMA_WHOLE(100, 599), SCHEMA_TEXT("^[1-5][0-9]{2}-[1-5][0-9]{2}$")),
};

/* --- bytes ----------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | ('A' <= c && c <= 'F' ? 0x20 : 0)) : NULL;
	return at ? (int)(at - digits) : -1;
}

static bool parse_hex(const char *text, struct config_bytes *out)
{
	size_t digits = strlen(text);
	if (!digits || digits % 2 || digits > 2 * BYTES_MAX)
		return false;
	for (size_t i = 0; i < digits; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out->bytes[out->length++] = high << 4 | low;
	}
	return true;
}

#define BYTES "text, 0x and two hexadecimal digits a byte, or none; up to 1024 bytes"

static void read_bytes(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	struct config_bytes *b = (void *)((char *)base + f->offset);
	const char *text = value_text(d, at, f, BYTES);
	if (!text || !strcmp(text, NONE))
		return;
	b->bytes = calloc(1, strlen(text) + 1);
	if (!b->bytes) {
		document_no_memory(d);
		return;
	}
	if (!strncmp(text, "0x", 2) ? parse_hex(text + 2, b) : strlen(text) <= BYTES_MAX) {
		if (strncmp(text, "0x", 2)) {
			b->length = strlen(text);
			memcpy(b->bytes, text, b->length);
		}
		return;
	}
	value_unexpected(d, at, text, BYTES);
}

static void print_bytes(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_bytes *b = (const void *)((const char *)base + f->offset);
	if (!b->length) {
		fputs(" none\n", out);
		return;
	}
	/* In one form, whatever the bytes are. */
	fputs(" 0x", out);
	for (uint32_t i = 0; i < b->length; i++)
		fprintf(out, "%02x", b->bytes[i]);
	fputc('\n', out);
}

static const struct kind kind_bytes = {
	.read = read_bytes,
	.print = print_bytes,
	/* Bare digits, hexadecimal ones too, are a number to YAML. */
	.schema = SCHEMA_WORDS(BYTES) "," SCHEMA_EITHER("\"type\":\"number\"",
							"\"type\":\"string\",\"minLength\":1"),
};

/* --- commands -------------------------------------------------------------------------------- */

static void read_words(struct document *d, const struct place *at, const struct field *f,
		       char **words)
{
	for (size_t i = 0; i < value_item_count(at->node); i++) {
		struct place here = value_item(at, i);
		const char *text = value_text(d, &here, f, "a word of the command");
		if (text && !text_fits(&word_rule, text))
			value_unexpected(d, &here, text, word_rule.expects);
		else if (text && i == 0 && text[0] != '/')
			value_unexpected(d, &here, text, "the absolute path of a program");
		else if (text && !(words[i] = strdup(text)))
			document_no_memory(d);
		if (!words[i])
			return;
	}
}

#define COMMAND "a list of 1 to 64 words, the path of a program first, or none"

static void read_command(struct document *d, const struct place *at, const struct field *f,
			 void *base)
{
	struct config_service *s = base;
	char text[DOCUMENT_QUOTE];
	if (!at->node || (at->node->type == NODE_TEXT && !strcmp(at->node->text, NONE)))
		return;
	if (at->node->type != NODE_LIST || !value_item_count(at->node) ||
	    value_item_count(at->node) > WORDS_MAX) {
		document_fault(d, at, "found %s; expected %s", document_found(at->node, text),
			       COMMAND);
		return;
	}
	s->health.command = calloc(value_item_count(at->node) + 1, sizeof(char *));
	if (s->health.command)
		read_words(d, at, f, s->health.command);
	else
		document_no_memory(d);
}

static void print_command(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_service *s = base;
	if (!s->health.command) {
		fputs(" none\n", out);
		return;
	}
	for (char **word = s->health.command; *word; word++) {
		fputs(word == s->health.command ? " [\"" : ", \"", out);
		for (const char *c = *word; *c; c++)
			fprintf(out, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
		fputc('"', out);
	}
	fputs("]\n", out);
}

static const struct kind kind_command = {
	.read = read_command,
	.print = print_command,
	.schema = SCHEMA_WORDS(COMMAND) "," SCHEMA_EITHER(
		SCHEMA_WORD("none"), SCHEMA_LIST("\"type\":[\"string\",\"number\"]", 1, 64)),
};

/* --- the keys -------------------------------------------------------------------------------- */

static const struct choice probes[] = {
	{NONE, PROBE_NONE},
	{"tcp", PROBE_TCP},
	{"http", PROBE_HTTP},
	{"https", PROBE_HTTPS},
	{"udp", PROBE_UDP},
	{"command", PROBE_COMMAND},
	{NULL, 0},
};
static const struct choice targets[] = {
	{"backend", PROBE_AT_BACKEND},
	{"vip", PROBE_AT_VIP},
	{NULL, 0},
};
static const struct choice truths[] = {
	{"true", true},
	{"false", false},
	{NULL, 0},
};

const char *config_probe_word(const struct config_health *h)
{
	return probes[h->type].word;
}

static const struct milliseconds_rule interval_rule = {
	50, 3600000, "a duration from 50ms to 60m, written like 500ms, 2s or 1m"};
static const struct milliseconds_rule timeout_rule = {
	10, 60000, "a duration from 10ms to 60s, written like 500ms or 1s"};
static const struct number_rule row_rule = {1, 100, false};
static const struct number_rule percent_rule = {0, 50, false};

#define HEALTH(member) FIELD_MEMBER(struct config_service, health.member)
static const struct field health_fields[] = {
	{"type", &kind_choice, HEALTH(type), probes, NONE},
	{"target", &kind_choice, HEALTH(target), targets, "backend"},
	{"port", &kind_port, HEALTH(port), NULL, "service"},
	{"interval", &kind_milliseconds, HEALTH(interval_ms), &interval_rule, "2s"},
	{"fast_interval", &kind_milliseconds, HEALTH(fast_interval_ms), &interval_rule, "1s"},
	{"timeout", &kind_milliseconds, HEALTH(timeout_ms), &timeout_rule, "1s"},
	{"rise", &kind_number, HEALTH(rise), &row_rule, "2"},
	{"fall", &kind_number, HEALTH(fall), &row_rule, "3"},
	{"jitter", &kind_number, HEALTH(jitter), &percent_rule, "10"},
	{"host", &kind_text, HEALTH(host), &host_rule, NONE},
	{"path", &kind_text, HEALTH(path), &path_rule, "/"},
	{"status", &kind_status, HEALTH(status), NULL, "200-399"},
	{"body", &kind_text, HEALTH(body), &body_rule, NONE},
	{"send", &kind_bytes, HEALTH(send), NULL, NONE},
	{"expect", &kind_bytes, HEALTH(expect), NULL, NONE},
	{"command", &kind_command, HEALTH(command), NULL, NONE},
	{"verify", &kind_choice, HEALTH(verify), truths, "true"},
	{"ca", &kind_text, HEALTH(ca), &file_rule, NONE},
};
const struct mapping config_health = {health_fields,
				      sizeof(health_fields) / sizeof(health_fields[0])};
_Static_assert(sizeof(health_fields) / sizeof(health_fields[0]) <= FIELD_MAX, "FIELD_MAX");

void config_health_fini(struct config_health *h)
{
	for (char **word = h->command; word && *word; word++)
		free(*word);
	free(h->command);
	free(h->host);
	free(h->path);
	free(h->body);
	free(h->ca);
	free(h->send.bytes);
	free(h->expect.bytes);
}

/* --- what goes together ------------------------------------------------------------------------
 */

#define OF(type) (1u << PROBE_##type)

/* The fault that a key is given for a type of check that does not have it. */
static void check_key(struct document *d, unsigned int index, const struct config_health *h,
		      const char *key, bool given, unsigned int types, const char *words)
{
	char path[PATH_TEXT];
	if (!given || types >> h->type & 1)
		return;
	snprintf(path, sizeof(path), "services[%u].health.%s", index, key);
	if (h->type == PROBE_NONE)
		document_fault_path(d, path,
				    "but no type; add type: tcp, http, https, udp or "
				    "command");
	else
		document_fault_path(d, path, "is for checks of type %s, not %s", words,
				    config_probe_word(h));
}

static bool is_given(const char *text)
{
	return text && strcmp(text, NONE);
}

static void check_keys(struct document *d, unsigned int index, const struct config_health *h)
{
	static const char web[] = "http and https", raw[] = "tcp and udp";
	const unsigned int webs = OF(HTTP) | OF(HTTPS), raws = OF(TCP) | OF(UDP);
	check_key(d, index, h, "target", h->target != PROBE_AT_BACKEND, webs | raws,
		  "tcp, http, https and udp");
	check_key(d, index, h, "port", h->port, webs | raws | OF(COMMAND), "any");
	check_key(d, index, h, "host", is_given(h->host), webs, web);
	check_key(d, index, h, "path", h->path && strcmp(h->path, "/"), webs, web);
	check_key(d, index, h, "status", h->status.first != 200 || h->status.last != 399, webs,
		  web);
	check_key(d, index, h, "body", is_given(h->body), webs, web);
	check_key(d, index, h, "send", h->send.length, raws, raw);
	check_key(d, index, h, "expect", h->expect.length, raws, raw);
	check_key(d, index, h, "command", h->command, OF(COMMAND), "command");
	check_key(d, index, h, "verify", !h->verify, OF(HTTPS), "https");
	check_key(d, index, h, "ca", is_given(h->ca), OF(HTTPS), "https");
}

static void missing(struct document *d, unsigned int index, const char *key, const char *why)
{
	char path[PATH_TEXT];
	snprintf(path, sizeof(path), "services[%u].health.%s", index, key);
	document_fault_path(d, path, "missing; %s", why);
}

static void check_needs(struct document *d, unsigned int index, const struct config_service *s)
{
	const struct config_health *h = &s->health;
	bool any_port = s->port_range_count && !s->port_ranges[0].first;
	char path[PATH_TEXT];
	if (h->type == PROBE_UDP && !h->send.length)
		missing(d, index, "send", "a udp check sends something and waits for an answer");
	if (h->type == PROBE_COMMAND && !h->command)
		missing(d, index, "command",
			"expected like command: [/usr/local/bin/check, --fast]");
	if (h->type != PROBE_NONE && h->type != PROBE_COMMAND && !h->port && any_port)
		missing(d, index, "port", "a service of any port does not say which one to check");
	snprintf(path, sizeof(path), "services[%u].health.timeout", index);
	if (h->timeout_ms > h->interval_ms)
		document_fault_path(d, path,
				    "longer than the interval; a check has to end before the next "
				    "one begins");
}

void config_check_health(const struct config_service *s, unsigned int index, struct document *d)
{
	check_keys(d, index, &s->health);
	check_needs(d, index, s);
}
