// SPDX-License-Identifier: BSD-2-Clause
/* A rule's limit: the kinds of its values. Pure; any thread. */
#include "lb/config_limit.h"

#include <string.h>

#include "bpf/policy.h"
#include "lb/config_choice.h"
#include "lb/config_policy.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"

#define EXPECTS_TEXT 96

static void *member(const struct field *f, const void *base)
{
	return (char *)base + f->offset;
}

/* --- amounts --------------------------------------------------------------------------------- */

static const struct choice units[] = {
	{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {NULL, 0}};

/* "1000", "10k", and with `bytes` "10MB". */
static bool parse_amount(const char *text, size_t length, uint64_t *out, bool *bytes)
{
	char unit[4] = "";
	uint32_t n;
	size_t digits = strspn(text, "0123456789");
	if (digits > length || length - digits >= sizeof(unit) ||
	    !value_decimal(text, digits, &n) || !n)
		return false;
	memcpy(unit, text + digits, length - digits);
	size_t letters = strlen(unit);
	*bytes = letters && unit[letters - 1] == 'B';
	if (*bytes)
		unit[letters - 1] = 0;
	const struct choice *c = units;
	while (c->word && strcmp(c->word, unit))
		c++;
	*out = (uint64_t)n * c->value;
	return c->word;
}

#define RATE "packets or bytes a second, up to 100G: 1000/s, 50k/s, 10MB/s"

static void read_rate(struct document *d, const struct place *at, const struct field *f, void *base)
{
	struct config_limit *l = member(f, base);
	const char *text = value_text(d, at, f, RATE);
	if (!text)
		return;
	size_t amount = strcspn(text, "/");
	if (strcmp(text + amount, "/s") || !parse_amount(text, amount, &l->rate, &l->bytes) ||
	    l->rate > 100000000000ull)
		value_unexpected(d, at, text, RATE);
	l->given = true;
}

static void print_amount(uint64_t n, bool bytes, FILE *out)
{
	const struct choice *c = &units[3];
	while (n % c->value)
		c--;
	fprintf(out, " %lu%s%s", (unsigned long)(n / c->value), c->word, bytes ? "B" : "");
}

static void print_rate(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_limit *l = member(f, base);
	print_amount(l->rate, l->bytes, out);
	fputs("/s\n", out);
}

static const struct kind kind_rate = {
	.read = read_rate,
	.print = print_rate,
	.schema = SCHEMA_WORDS(RATE) "," SCHEMA_TEXT("^[1-9][0-9]{0,9}[kMG]?B?/s$"),
};

#define BURST "auto, packets or bytes: 2000, 64k, 1MB"

static void read_burst(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	struct config_limit *l = member(f, base);
	const char *text = value_text(d, at, f, BURST);
	bool bytes;
	if (!text || !strcmp(text, "auto"))
		return;
	if (!parse_amount(text, strlen(text), &l->burst, &bytes))
		value_unexpected(d, at, text, BURST);
	else if (l->given && bytes != l->bytes)
		document_fault(d, at, "found %s; expected %s, as the rate counts those", text,
			       l->bytes ? "bytes" : "packets");
}

static void print_burst(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_limit *l = member(f, base);
	if (l->burst)
		print_amount(l->burst, l->bytes, out);
	else
		fputs(" auto", out);
	fputc('\n', out);
}

static const struct kind kind_burst = {
	.read = read_burst,
	.print = print_burst,
	.schema = SCHEMA_WORDS(BURST) "," SCHEMA_EITHER(
		SCHEMA_WHOLE(1, 4294967295), SCHEMA_TEXT("^(auto|[1-9][0-9]{0,9}[kMG]?B?)$")),
};

static const struct choice pers[] = {
	{"source", POLICY_PER_SOURCE},
	{"service", POLICY_PER_SERVICE},
	{"rule", POLICY_PER_RULE},
	{NULL, 0},
};

static const struct choice beyonds[] = {{"drop", false}, {"challenge", true}, {NULL, 0}};

static void read_bits(struct document *d, const struct place *at, const struct field *f, void *base)
{
	const struct number_rule *rule = f->rule;
	char expects[EXPECTS_TEXT];
	uint32_t n;
	snprintf(expects, sizeof(expects), "a prefix length from %u to %u", rule->first,
		 rule->last);
	const char *text = value_text(d, at, f, expects);
	if (!text)
		return;
	if (!value_decimal(text, strlen(text), &n) || n < rule->first || n > rule->last)
		value_unexpected(d, at, text, expects);
	else
		*(uint8_t *)member(f, base) = n;
}

static void print_bits(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	fprintf(out, " %u\n", *(const uint8_t *)member(f, base));
}

static void print_bits_schema(const struct field *f, FILE *out)
{
	const struct number_rule *rule = f->rule;
	fprintf(out, "\"type\":\"integer\",\"minimum\":%u,\"maximum\":%u", rule->first, rule->last);
}

static const struct kind kind_bits = {
	.read = read_bits,
	.print = print_bits,
	.print_schema = print_bits_schema,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAPPING(fields)               \
	{                             \
		fields, COUNT(fields) \
	}

/* `rate` first: `burst` has to be of its unit. */
#define LIMIT(member) FIELD_MEMBER(struct config_limit, member)
static const struct field limit_fields[] = {
	{"rate", &kind_rate, 0, 0, NULL, NULL},
	{"per", &kind_choice, LIMIT(per), pers, NULL},
	{"burst", &kind_burst, 0, 0, NULL, "auto"},
	{"beyond", &kind_choice, LIMIT(challenge), beyonds, "drop"},
	{"ipv4_prefix", &kind_bits, LIMIT(prefix4), &(const struct number_rule){1, 32, false},
	 "32"},
	{"ipv6_prefix", &kind_bits, LIMIT(prefix6), &(const struct number_rule){1, 128, false},
	 "128"},
};
static const struct mapping limit_mapping = MAPPING(limit_fields);

static void read_limit(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	if (!config_is_none(at))
		mapping_read(d, at, &limit_mapping, member(f, base));
}

static void print_limit(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_limit *l = member(f, base);
	if (!l->given) {
		fputs(" none\n", out);
		return;
	}
	fputc('\n', out);
	mapping_print(&limit_mapping, l, indent + 2, false, out);
}

static void print_limit_schema(const struct field *f, FILE *out)
{
	schema_or_none(&limit_mapping, out);
}

const struct kind kind_limit = {
	.read = read_limit,
	.print = print_limit,
	.print_schema = print_limit_schema,
};

/* A mapping, or `none`. */
bool config_is_none(const struct place *at)
{
	return !at->node || (at->node->type == NODE_TEXT && !strcmp(at->node->text, "none"));
}
