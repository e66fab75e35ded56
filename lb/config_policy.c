// SPDX-License-Identifier: BSD-2-Clause
/*
 * The tables of the keys of rules, and the kinds of values that only rules have. Sources:
 * lb/config_source.c; what rules say together: lb/config_policy_check.c. Pure; any thread.
 */
#include "lb/config_policy.h"

#include <linux/in.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/policy.h"
#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_choice.h"
#include "lb/config_endpoint.h"
#include "lb/config_limit.h"
#include "lb/config_schema.h"
#include "lb/config_text.h"
#include "lb/config_value.h"

static void *member(const struct field *f, const void *base)
{
	return (char *)base + f->offset;
}

/* --- lists of words -------------------------------------------------------------------------- */

static void add_word(struct document *d, struct config_words *w, const char *text)
{
	w->words[w->count] = strdup(text);
	if (w->words[w->count])
		w->count++;
	else
		document_no_memory(d);
}

/* The words of a list, or the one that stands alone, unless it is `none`. */
#define WORDS "a name, or a list of them"

static void read_words(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	struct config_words *w = member(f, base);
	const char *none = f->rule, *text;
	bool is_list = at->node && at->node->type == NODE_LIST;
	size_t count = is_list ? value_item_count(at->node) : 1;
	if (!count) {
		document_fault(d, at, "found an empty list; expected %s", WORDS);
		return;
	}
	w->words = calloc(count, sizeof(*w->words));
	if (!w->words) {
		document_no_memory(d);
		return;
	}
	for (size_t i = 0; is_list && i < count; i++) {
		struct place here = value_item(at, i);
		text = value_text(d, &here, f, WORDS);
		if (text)
			add_word(d, w, text);
	}
	text = is_list ? NULL : value_text(d, at, f, WORDS);
	if (text && strcmp(text, none))
		add_word(d, w, text);
}

/* As text that any YAML reader takes for text. */
static void print_words(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_words *w = member(f, base);
	if (!w->count) {
		fprintf(out, " %s\n", (const char *)f->rule);
		return;
	}
	for (unsigned int i = 0; i < w->count; i++) {
		fputs(i ? ", " : " [", out);
		value_print_text(w->words[i], out);
	}
	fputs("]\n", out);
}

static const struct kind kind_words = {
	.read = read_words,
	.print = print_words,
	.schema =
		SCHEMA_WORDS(WORDS) "," SCHEMA_EITHER("\"type\":\"string\",\"minLength\":1",
						      "\"type\":\"array\",\"minItems\":1,\"items\":"
						      "{\"type\":\"string\",\"minLength\":1}"),
}; /* rule: the word for none */

/* --- protocols ------------------------------------------------------------------------------- */

static const struct choice protocols[] = {
	{"any", PROTOCOL_ANY},   {"tcp", IPPROTO_TCP},        {"udp", IPPROTO_UDP},
	{"icmp", PROTOCOL_ICMP}, {"not-ip", PROTOCOL_NOT_IP}, {NULL, 0},
};

#define PROTOCOL "tcp, udp, icmp, not-ip, any, or a number from 0 to 255"

static void read_protocol(struct document *d, const struct place *at, const struct field *f,
			  void *base)
{
	const char *text = value_text(d, at, f, PROTOCOL);
	const struct choice *c = protocols;
	uint32_t n;
	if (!text)
		return;
	while (c->word && strcmp(c->word, text))
		c++;
	if (c->word)
		n = c->value;
	else if (!value_decimal(text, strlen(text), &n) || n > 255)
		value_unexpected(d, at, text, PROTOCOL);
	memcpy(member(f, base), &n, sizeof(n));
}

static void print_protocol(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct choice *c = protocols;
	uint32_t n;
	memcpy(&n, member(f, base), sizeof(n));
	while (c->word && c->value != n)
		c++;
	if (c->word)
		fprintf(out, " %s\n", c->word);
	else
		fprintf(out, " %u\n", n);
}

static const struct kind kind_protocol = {
	.read = read_protocol,
	.print = print_protocol,
	.schema = SCHEMA_WORDS(PROTOCOL) "," SCHEMA_EITHER(
		SCHEMA_TEXT("^(tcp|udp|icmp|not-ip|any)$"), SCHEMA_WHOLE(0, 255)),
};

/* --- match ----------------------------------------------------------------------------------- */

static const struct choice match_flags[] = {
	{"tcp-syn", POLICY_SYN},
	{"tcp-syn-data", POLICY_SYN_DATA},
	{"tcp-invalid-flags", POLICY_INVALID},
	{"fragment", POLICY_FRAGMENT},
	{"ip-options", POLICY_OPTIONS},
	{"icmp-error", POLICY_ICMP_ERROR},
	{NULL, 0},
};
static const struct choice families[] = {
	{"ipv4", FAMILY_IPV4},
	{"ipv6", FAMILY_IPV6},
	{NULL, 0},
};
static const char match_expects[] =
	"any, tcp-syn, tcp-syn-data, tcp-invalid-flags, fragment, ip-options, icmp-error, "
	"ipv4, ipv6, vlan N (1 to 4094), length A-B (of the frame), or a list of those";

static const struct choice *find_choice(const struct choice *c, const char *word)
{
	while (c->word && strcmp(c->word, word))
		c++;
	return c->word ? c : NULL;
}

/* "vlan 10" or "length 60-100". */
static bool read_number_match(const char *text, struct config_match *m)
{
	uint32_t first, last;
	if (!strncmp(text, "vlan ", 5)) {
		if (!value_decimal(text + 5, strlen(text + 5), &first) || first < 1 || first > 4094)
			return false;
		m->vlan = first;
		return true;
	}
	if (strncmp(text, "length ", 7))
		return false;
	size_t dash = strcspn(text + 7, "-");
	const char *second = text[7 + dash] ? text + 8 + dash : text + 7;
	if (!value_decimal(text + 7, dash, &first) ||
	    !value_decimal(second, strlen(second), &last) || first > last || last > UINT16_MAX)
		return false;
	m->length_first = first;
	m->length_last = last;
	return true;
}

static void read_match_word(struct document *d, const struct place *at, const char *text,
			    struct config_match *m)
{
	const struct choice *flag = find_choice(match_flags, text);
	const struct choice *family = find_choice(families, text);
	if (flag)
		m->flags |= flag->value;
	else if (family && m->family && m->family != family->value)
		document_fault(d, at, "no packet is both ipv4 and ipv6; name one of them");
	else if (family)
		m->family = family->value;
	else if (strcmp(text, "any") && !read_number_match(text, m))
		value_unexpected(d, at, text, match_expects);
}

static void read_match(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	struct config_match *m = member(f, base);
	bool is_list = at->node && at->node->type == NODE_LIST;
	const char *text;
	*m = (struct config_match){.length_last = UINT16_MAX};
	for (size_t i = 0; is_list && i < value_item_count(at->node); i++) {
		struct place here = value_item(at, i);
		text = value_text(d, &here, f, match_expects);
		if (text)
			read_match_word(d, &here, text, m);
	}
	text = is_list ? NULL : value_text(d, at, f, match_expects);
	if (text)
		read_match_word(d, at, text, m);
}

static void print_match(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_match *m = member(f, base);
	const char *before = " [";
	for (const struct choice *c = match_flags; c->word; c++)
		if (m->flags & c->value) {
			fprintf(out, "%s%s", before, c->word);
			before = ", ";
		}
	for (const struct choice *c = families; c->word; c++)
		if (m->family == c->value) {
			fprintf(out, "%s%s", before, c->word);
			before = ", ";
		}
	if (m->vlan) {
		fprintf(out, "%svlan %u", before, m->vlan);
		before = ", ";
	}
	if (m->length_first || m->length_last != UINT16_MAX) {
		fprintf(out, "%slength %u-%u", before, m->length_first, m->length_last);
		before = ", ";
	}
	fputs(*before == ',' ? "]\n" : " any\n", out);
}

/* The words are those of the tables above. */
static void print_match_word(FILE *out)
{
	fputs("\"type\":\"string\",\"pattern\":\"^(any", out);
	for (const struct choice *c = match_flags; c->word; c++)
		fprintf(out, "|%s", c->word);
	for (const struct choice *c = families; c->word; c++)
		fprintf(out, "|%s", c->word);
	fputs("|vlan [1-9][0-9]{0,3}|length [0-9]{1,5}(-[0-9]{1,5})?)$\"", out);
}

static void print_match_schema(const struct field *f, FILE *out)
{
	fprintf(out, "\"description\":\"%s\",\"anyOf\":[{", match_expects);
	print_match_word(out);
	fputs("},{\"type\":\"array\",\"items\":{", out);
	print_match_word(out);
	fputs("}}]", out);
}

static const struct kind kind_match = {
	.read = read_match,
	.print = print_match,
	.print_schema = print_match_schema,
};

/* --- redirect -------------------------------------------------------------------------------- */

static void read_next_hop(struct document *d, const struct place *at, const struct field *f,
			  void *base)
{
	struct config_redirect *r = base;
	if (config_is_none(at))
		return;
	kind_address.read(d, at, f, base);
	r->has_next_hop = true;
}

static void print_next_hop(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_redirect *r = base;
	if (r->has_next_hop)
		kind_address.print(f, base, indent, out);
	else
		fputs(" none\n", out);
}

static const struct kind kind_next_hop = {
	.read = read_next_hop,
	.print = print_next_hop,
	.schema = SCHEMA_WORDS(ENDPOINT_ADDRESS
			       ", or none") "," SCHEMA_TEXT("^(none|" PATTERN_ADDRESS ")$"),
};

static void read_interface(struct document *d, const struct place *at, const struct field *f,
			   void *base)
{
	const char *text = value_text(d, at, f, "one of Weir's interfaces");
	struct config_redirect *r = base;
	if (!text || !strcmp(text, "none"))
		return;
	r->interface = strdup(text);
	if (!r->interface)
		document_no_memory(d);
}

static void print_interface(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_redirect *r = base;
	fputc(' ', out);
	value_print_text(r->interface ? r->interface : "none", out);
	fputc('\n', out);
}

static const struct kind kind_interface = {
	.read = read_interface,
	.print = print_interface,
	.schema = SCHEMA_WORDS(
		"one of Weir's interfaces, or none") ",\"type\":\"string\",\"minLength\":1",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MAPPING(fields)               \
	{                             \
		fields, COUNT(fields) \
	}

static const struct field redirect_fields[] = {
	{"next_hop", &kind_next_hop, FIELD_MEMBER(struct config_redirect, next_hop), NULL, "none"},
	{"interface", &kind_interface, FIELD_NOWHERE, NULL, "none"},
};
static const struct mapping redirect_mapping = MAPPING(redirect_fields);

static void read_redirect(struct document *d, const struct place *at, const struct field *f,
			  void *base)
{
	if (!config_is_none(at))
		mapping_read(d, at, &redirect_mapping, member(f, base));
}

static void print_redirect(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_redirect *r = member(f, base);
	if (!r->interface && !r->has_next_hop) {
		fputs(" none\n", out);
		return;
	}
	fputc('\n', out);
	mapping_print(&redirect_mapping, r, indent + 2, false, out);
}

static void print_redirect_schema(const struct field *f, FILE *out)
{
	schema_or_none(&redirect_mapping, out);
}

static const struct kind kind_redirect = {
	.read = read_redirect,
	.print = print_redirect,
	.print_schema = print_redirect_schema,
};

/* --- the keys -------------------------------------------------------------------------------- */

static const struct choice actions[] = {
	{"limit", POLICY_LIMIT},
	{"allow", POLICY_ALLOW},
	{"drop", POLICY_DROP},
	{"pass", POLICY_PASS},
	{"count", POLICY_COUNT},
	{"redirect", POLICY_REDIRECT},
	{NULL, 0},
};
static const struct choice defaults[] = {
	{"allow", POLICY_ALLOW},
	{"drop", POLICY_DROP},
	{NULL, 0},
};
static const struct choice truths[] = {
	{"true", true},
	{"false", false},
	{NULL, 0},
};

#define RULE(member) FIELD_MEMBER(struct config_rule, member)
static const struct field rule_fields[] = {
	{"name", &kind_text, RULE(name), &config_name_rule, NULL},
	{"from", &kind_words, RULE(from), "any", "any"},
	{"to", &kind_words, RULE(to), TO_VIPS, TO_VIPS},
	{"protocol", &kind_protocol, RULE(protocol), NULL, "any"},
	{"ports", &kind_ports, RULE(port_ranges),
	 &(const struct ports_rule){offsetof(struct config_rule, port_range_count)}, "any"},
	{"match", &kind_match, RULE(match), NULL, "any"},
	/* So that a rule with a limit needs no more words than that. */
	{"action", &kind_choice, RULE(action), actions, "limit"},
	{"dry_run", &kind_choice, RULE(dry_run), truths, "false"},
	{"limit", &kind_limit, RULE(limit), NULL, "none"},
	{"redirect", &kind_redirect, RULE(redirect), NULL, "none"},
};

static const struct list rule_list = {
	.item = MAPPING(rule_fields),
	.item_size = sizeof(struct config_rule),
	.count_offset = offsetof(struct config, policy.rule_count),
	.max = ABI_MAX_RULES - 2,
};

#define POLICY(member) FIELD_MEMBER(struct config, policy.member)
static const struct field policy_fields[] = {
	{"default", &kind_choice, POLICY(otherwise), defaults, "allow"},
	{"tracked_sources", &kind_number, POLICY(tracked_sources),
	 &(const struct number_rule){1024, 67108864, false}, "1048576"},
	{"rules", &kind_list, POLICY(rules), &rule_list, ""},
};
const struct mapping config_policy_mapping = MAPPING(policy_fields);

/* --- giving back ----------------------------------------------------------------------------- */

static void words_fini(struct config_words *w)
{
	for (unsigned int i = 0; i < w->count; i++)
		free(w->words[i]);
	free(w->words);
}

void config_policy_fini(struct config_policy *p)
{
	for (unsigned int i = 0; i < p->source_count; i++) {
		free(p->sources[i].name);
		free(p->sources[i].file);
		free(p->sources[i].prefixes);
	}
	for (unsigned int i = 0; i < p->rule_count; i++) {
		free(p->rules[i].name);
		words_fini(&p->rules[i].from);
		words_fini(&p->rules[i].to);
		free(p->rules[i].port_ranges);
		free(p->rules[i].redirect.interface);
	}
	free(p->sources);
	free(p->rules);
}
