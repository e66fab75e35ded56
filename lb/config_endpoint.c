// SPDX-License-Identifier: BSD-2-Clause
/* Reads and prints addresses and ports. Pure; any thread. */
#include "lb/config_endpoint.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_choice.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/document.h"
#include "lb/prefix.h"

/* --- addresses ----------------------------------------------------------------------------- */

/* What keeps a host from having this address, or NULL. */
static const char *address_fault(const struct addr *a)
{
	const struct in6_addr *v6 = (const void *)a;
	uint32_t v4 = ntohl(a->word[3]);
	if (!addr_is_v4(a)) {
		if (IN6_IS_ADDR_UNSPECIFIED(v6))
			return "the unspecified address";
		if (IN6_IS_ADDR_LOOPBACK(v6))
			return "a loopback address";
		return IN6_IS_ADDR_MULTICAST(v6) ? "a multicast address" : NULL;
	}
	if (v4 == INADDR_ANY)
		return "the unspecified address";
	if (v4 == INADDR_BROADCAST)
		return "the broadcast address";
	if (v4 >> 24 == IN_LOOPBACKNET)
		return "a loopback address";
	return IN_MULTICAST(v4) ? "a multicast address" : NULL;
}

static const char single_host[] = "%s is %s; expected one that a single host can have";

bool endpoint_address(struct document *d, const struct place *at, const char *text,
		      struct addr *out)
{
	if (addr_parse(text, out)) {
		value_unexpected(d, at, text, ENDPOINT_ADDRESS);
		return false;
	}
	if (address_fault(out))
		document_fault(d, at, single_host, text, address_fault(out));
	return !address_fault(out);
}

static void read_address(struct document *d, const struct place *at, const struct field *f,
			 void *base)
{
	const char *text = value_text(d, at, f, ENDPOINT_ADDRESS);
	struct addr a;
	if (text && endpoint_address(d, at, text, &a))
		memcpy((char *)base + f->offset, &a, sizeof(a));
}

static void print_address(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	struct addr a;
	char text[ADDR_TEXT];
	memcpy(&a, (const char *)base + f->offset, sizeof(a));
	const char *quote = addr_is_v4(&a) ? "" : "\"";
	fprintf(out, " %s%s%s\n", quote, addr_format(&a, text), quote);
}

const struct kind kind_address = {
	.read = read_address,
	.print = print_address,
	.schema = SCHEMA_WORDS(ENDPOINT_ADDRESS) "," SCHEMA_TEXT("^" PATTERN_ADDRESS "$"),
};

/* --- VIPs ---------------------------------------------------------------------------------- */

/*
 * Shorter ones nobody has to give away. From these lengths on, whether hosts can have an address is
 * the same for all of a prefix, but for IPv6's first /16.
 */
#define V4_SHORTEST 8u
#define V6_SHORTEST 16u

/* IPv4 addresses are held in IPv6's form: a prefix that has all of those has none of its own. */
static bool holds_ipv4(const struct addr *base, uint32_t length)
{
	const struct addr first = {{0, 0, htonl(0xffff), 0}};
	return !addr_is_v4(base) && prefix_holds(base, length, &first);
}

/* What keeps a service from having a prefix; NULL: nothing. */
static const char *prefix_fault(const struct addr *base, uint32_t length)
{
	if (length < (addr_is_v4(base) ? PREFIX_FULL - 32 + V4_SHORTEST : V6_SHORTEST))
		return addr_is_v4(base) ? "a prefix shorter than 8 bits"
					: "a prefix shorter than 16 bits";
	return holds_ipv4(base, length) ? "a prefix around IPv4-mapped addresses"
					: address_fault(base);
}

static void check_vip(struct document *d, const struct place *at, const char *text,
		      struct config_service *s, const struct addr *base, uint32_t length)
{
	char right[PREFIX_TEXT];
	struct addr first = prefix_mask(base, length);
	if (prefix_fault(base, length)) {
		document_fault(d, at, single_host, text, prefix_fault(base, length));
		return;
	}
	if (!addr_equal(&first, base)) {
		document_fault(d, at, "%s has bits behind its length; expected %s", text,
			       prefix_format(&first, length, right));
		return;
	}
	s->address = *base;
	s->prefix = length < PREFIX_FULL ? length : 0;
}

#define VIP "an IPv4 or IPv6 address or prefix"

static void read_vip(struct document *d, const struct place *at, const struct field *f, void *base)
{
	const char *text = value_text(d, at, f, VIP);
	struct addr address;
	uint32_t length;
	if (!text)
		return;
	if (!prefix_parse(text, &address, &length))
		check_vip(d, at, text, base, &address, length);
	else
		value_unexpected(d, at, text, VIP);
}

static void print_vip(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_service *s = base;
	char text[PREFIX_TEXT];
	const char *quote = addr_is_v4(&s->address) ? "" : "\"";
	fprintf(out, " %s%s%s\n", quote, prefix_format(&s->address, s->prefix, text), quote);
}

const struct kind kind_vip = {
	.read = read_vip,
	.print = print_vip,
	.schema = SCHEMA_WORDS(VIP) "," SCHEMA_TEXT("^" PATTERN_ADDRESS "(/[0-9]{1,3})?$"),
};

/* --- tunnels ------------------------------------------------------------------------------- */

#define IPIP_SHORTEST (PREFIX_FULL - 32 + V4_SHORTEST)
#define IPIP_LONGEST  (PREFIX_FULL - 1)

#define IPIP_SOURCE "none or an IPv4 prefix of 8 to 31 bits"

static void read_ipip_source(struct document *d, const struct place *at, const struct field *f,
			     void *base)
{
	const char *text = value_text(d, at, f, IPIP_SOURCE);
	struct config_ipip ipip = {0};
	char right[PREFIX_TEXT];
	uint32_t length;
	if (!text || !strcmp(text, "none"))
		return;
	if (prefix_parse(text, &ipip.source, &length) || !addr_is_v4(&ipip.source) ||
	    length < IPIP_SHORTEST || length > IPIP_LONGEST) {
		value_unexpected(d, at, text, IPIP_SOURCE);
		return;
	}
	struct addr first = prefix_mask(&ipip.source, length);
	if (!addr_equal(&first, &ipip.source)) {
		document_fault(d, at, "%s has bits behind its length; expected %s", text,
			       prefix_format(&first, length, right));
		return;
	}
	ipip.prefix = length;
	memcpy((char *)base + f->offset, &ipip, sizeof(ipip));
}

static void print_ipip_source(const struct field *f, const void *base, unsigned int indent,
			      FILE *out)
{
	struct config_ipip ipip;
	char text[PREFIX_TEXT];
	memcpy(&ipip, (const char *)base + f->offset, sizeof(ipip));
	fprintf(out, " %s\n",
		ipip.prefix ? prefix_format(&ipip.source, ipip.prefix, text) : "none");
}

const struct kind kind_ipip_source = {
	.read = read_ipip_source,
	.print = print_ipip_source,
	.schema = SCHEMA_WORDS(IPIP_SOURCE) "," SCHEMA_TEXT("^(none|" PATTERN_IPV4
							    "/([89]|[12][0-9]|3[01]))$"),
};

/* --- ports --------------------------------------------------------------------------------- */

static bool parse_port(const char *text, size_t length, uint16_t *out)
{
	uint32_t n;
	if (!value_decimal(text, length, &n) || n < 1 || n > UINT16_MAX)
		return false;
	*out = n;
	return true;
}

bool endpoint_ports(struct document *d, const struct place *at, const char *text,
		    struct config_port_range *range)
{
	size_t first = strcspn(text, "-");
	const char *last = text[first] ? text + first + 1 : text;
	if (!parse_port(text, first, &range->first) ||
	    !parse_port(last, strlen(last), &range->last)) {
		value_unexpected(d, at, text, ENDPOINT_PORTS);
		return false;
	}
	if (range->first > range->last) {
		document_fault(d, at, "the range %s ends before it begins; expected %u-%u", text,
			       range->last, range->first);
		return false;
	}
	return true;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct config_port_range *ra = a, *rb = b;
	return ra->first != rb->first ? ra->first - rb->first : ra->last - rb->last;
}

/* The two members that have the ranges. */
static struct config_port_range **ports_list(const struct field *f, const void *base)
{
	return (struct config_port_range **)((char *)base + f->offset);
}

static unsigned int *ports_count(const struct field *f, const void *base)
{
	const struct ports_rule *rule = f->rule;
	return (unsigned int *)((char *)base + rule->count_offset);
}

static void read_port_items(struct document *d, const struct place *at, const struct field *f,
			    struct config_port_range *ranges, unsigned int *count)
{
	for (size_t i = 0; i < value_item_count(at->node); i++) {
		struct place here = value_item(at, i);
		const char *text = value_text(d, &here, f, ENDPOINT_PORTS);
		if (text && endpoint_ports(d, &here, text, &ranges[*count]))
			(*count)++;
	}
	qsort(ranges, *count, sizeof(*ranges), compare_ranges);
}

#define PORTS "a port, a range like 8000-8099, a list of those, or any"

static void read_ports(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	unsigned int *count = ports_count(f, base);
	bool is_list = at->node && at->node->type == NODE_LIST;
	const char *text = NULL;
	if (is_list && !value_item_count(at->node))
		document_fault(d, at, "found an empty list; expected %s", PORTS);
	else if (!is_list)
		text = value_text(d, at, f, PORTS);
	struct config_port_range *ranges =
		calloc(is_list ? value_item_count(at->node) + 1 : 1, sizeof(*ranges));
	*ports_list(f, base) = ranges;
	if (!ranges)
		document_no_memory(d);
	else if (is_list)
		read_port_items(d, at, f, ranges, count);
	else if (text && (!strcmp(text, "any") || endpoint_ports(d, at, text, ranges)))
		*count = 1;
}

const struct word_or_number_rule endpoint_backend_port_rule = {
	.expects = "same or a port from 1 to 65535",
	.words = (const struct choice[]){{"same", 0}, {NULL, 0}},
	.first = 1,
	.last = UINT16_MAX,
};

const char *ports_format(const struct config_port_range *range, char text[PORTS_TEXT])
{
	if (range->first == 0)
		return "any";
	if (range->first == range->last)
		snprintf(text, PORTS_TEXT, "%u", range->first);
	else
		snprintf(text, PORTS_TEXT, "%u-%u", range->first, range->last);
	return text;
}

static void print_ports(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_port_range *ranges = *ports_list(f, base);
	char text[PORTS_TEXT];
	if (*ports_count(f, base) == 1) {
		fprintf(out, " %s\n", ports_format(ranges, text));
		return;
	}
	for (unsigned int i = 0; i < *ports_count(f, base); i++)
		fprintf(out, "%s%s", i ? ", " : " [", ports_format(&ranges[i], text));
	fputs("]\n", out);
}

#define SCHEMA_ANY_PORTS SCHEMA_EITHER(SCHEMA_WORD("any"), SCHEMA_PORTS)

const struct kind kind_ports = {
	.read = read_ports,
	.print = print_ports,
	.schema = SCHEMA_WORDS(PORTS) "," SCHEMA_EITHER(
		SCHEMA_ANY_PORTS, "\"type\":\"array\",\"minItems\":1,\"items\":{" SCHEMA_PORTS "}"),
};
