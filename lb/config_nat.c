// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/config_nat.h"

#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_endpoint.h"
#include "lb/config_schema.h"
#include "lb/config_value.h"
#include "lb/prefix.h"

#define PATH_TEXT 64

/* --- addresses ------------------------------------------------------------------------------ */

static bool is_listed(const struct config_snat *list, const struct addr *a)
{
	for (unsigned int i = 0; i < list->count; i++)
		if (addr_equal(&list->addresses[i], a))
			return true;
	return false;
}

static void read_items(struct document *d, const struct place *at, const struct field *f,
		       struct config_snat *list)
{
	for (size_t i = 0; i < value_item_count(at->node); i++) {
		struct place here = value_item(at, i);
		const char *text = value_text(d, &here, f, ENDPOINT_ADDRESS);
		struct addr a;
		if (!text || !endpoint_address(d, &here, text, &a))
			continue;
		if (is_listed(list, &a))
			document_fault(d, &here, "%s for the second time; list each address once",
				       text);
		else
			list->addresses[list->count++] = a;
	}
}

#define ADDRESSES "none or a list of up to 64 addresses like [10.0.0.2]"

static void read_addresses(struct document *d, const struct place *at, const struct field *f,
			   void *base)
{
	struct config_snat *list = (void *)((char *)base + f->offset);
	if (!at->node || at->node->type != NODE_LIST) {
		const char *text = value_text(d, at, f, ADDRESSES);
		if (text && strcmp(text, "none"))
			value_unexpected(d, at, text, ADDRESSES);
		return;
	}
	size_t count = value_item_count(at->node);
	if (!count || count > CONFIG_SNAT_ADDRESSES) {
		document_fault(d, at, "found a list of %zu; expected %s", count, ADDRESSES);
		return;
	}
	list->addresses = calloc(count, sizeof(*list->addresses));
	if (list->addresses)
		read_items(d, at, f, list);
	else
		document_no_memory(d);
}
_Static_assert(CONFIG_SNAT_ADDRESSES == 64, "as read_addresses() says");

static void print_addresses(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	const struct config_snat *list = (const void *)((const char *)base + f->offset);
	char text[ADDR_TEXT];
	if (!list->count) {
		fputs(" none\n", out);
		return;
	}
	for (unsigned int i = 0; i < list->count; i++) {
		const char *quote = addr_is_v4(&list->addresses[i]) ? "" : "\"";
		fprintf(out, "%s%s%s%s", i ? ", " : " [", quote,
			addr_format(&list->addresses[i], text), quote);
	}
	fputs("]\n", out);
}

const struct kind kind_snat_addresses = {
	.read = read_addresses,
	.print = print_addresses,
	.schema = SCHEMA_WORDS(ADDRESSES) "," SCHEMA_EITHER(
		SCHEMA_WORD("none"), SCHEMA_LIST(SCHEMA_TEXT("^" PATTERN_ADDRESS "$"), 1, 64)),
};

/* --- ports ---------------------------------------------------------------------------------- */

static void read_ports(struct document *d, const struct place *at, const struct field *f,
		       void *base)
{
	const char *text = value_text(d, at, f, ENDPOINT_PORTS);
	struct config_port_range range = {0};
	if (text && endpoint_ports(d, at, text, &range))
		memcpy((char *)base + f->offset, &range, sizeof(range));
}

static void print_ports(const struct field *f, const void *base, unsigned int indent, FILE *out)
{
	struct config_port_range range;
	char text[PORTS_TEXT];
	memcpy(&range, (const char *)base + f->offset, sizeof(range));
	fprintf(out, " %s\n", ports_format(&range, text));
}

const struct kind kind_snat_ports = {
	.read = read_ports,
	.print = print_ports,
	.schema = SCHEMA_WORDS(ENDPOINT_PORTS) "," SCHEMA_PORTS,
};

/* --- checks --------------------------------------------------------------------------------- */

static bool has_family(const struct config_nat *nat, bool v4)
{
	for (unsigned int i = 0; i < nat->own.count; i++)
		if (addr_is_v4(&nat->own.addresses[i]) == v4)
			return true;
	return false;
}

static void check_backend(const struct config *c, unsigned int index, unsigned int backend,
			  struct document *d)
{
	const struct config_service *s = &c->services[index];
	const struct addr *a = &s->backends[backend].address;
	char path[PATH_TEXT], text[ADDR_TEXT];
	snprintf(path, sizeof(path), "services[%u].backends[%u].address", index, backend);
	if (s->forward == FORWARD_NAT && !has_family(&c->nat, addr_is_v4(a)))
		document_fault_path(d, path,
				    "%s is reached by nat, and nat.addresses has no %s address to "
				    "come from; add one",
				    addr_format(a, text), addr_is_v4(a) ? "IPv4" : "IPv6");
	if (is_listed(&c->nat.own, a) || is_listed(&c->nat.peers, a))
		document_fault_path(d, path, "%s is one of nat.%s; expected the backend's",
				    addr_format(a, text),
				    is_listed(&c->nat.own, a) ? "addresses" : "peers");
}

static void check_service(const struct config *c, unsigned int index, struct document *d)
{
	const struct config_service *s = &c->services[index];
	char path[PATH_TEXT];
	if (!c->nat.own.count) {
		snprintf(path, sizeof(path), "services[%u].forward", index);
		document_fault_path(d, path,
				    "nat needs addresses that connections to the backends come "
				    "from; add nat: {addresses: [ADDRESS]}");
	}
	if (s->tracking == TRACKING_NONE) {
		snprintf(path, sizeof(path), "services[%u].tracking", index);
		document_fault_path(d, path,
				    "none, but nat has to remember each flow to translate "
				    "its answers; expected flow");
	}
	if (s->health.target == PROBE_AT_VIP) {
		snprintf(path, sizeof(path), "services[%u].health.target", index);
		document_fault_path(d, path,
				    "vip, but with nat backends are sent to their own address and "
				    "don't have the VIP; expected backend");
	}
}

static void check_services(const struct config *c, struct document *d)
{
	for (unsigned int i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		if (s->forward == FORWARD_NAT)
			check_service(c, i, d);
		for (unsigned int j = 0; c->nat.own.count && j < s->backend_count; j++)
			check_backend(c, i, j, d);
	}
}

/* What comes to a SNAT address is for clients; what comes to a VIP is for backends. */
static void check_address(const struct config *c, const struct addr *a, const char *path,
			  struct document *d)
{
	char text[ADDR_TEXT];
	for (unsigned int i = 0; i < c->service_count; i++)
		if (prefix_holds(&c->services[i].address, c->services[i].prefix, a))
			document_fault_path(d, path,
					    "%s is an address of service '%s'; expected one that "
					    "nobody else has",
					    addr_format(a, text), c->services[i].name);
}

static void check_peer(const struct config *c, unsigned int index, struct document *d)
{
	const struct addr *a = &c->nat.peers.addresses[index];
	char path[PATH_TEXT], text[ADDR_TEXT];
	snprintf(path, sizeof(path), "nat.peers[%u]", index);
	check_address(c, a, path, d);
	if (is_listed(&c->nat.own, a))
		document_fault_path(d, path,
				    "%s is one of nat.addresses, from which this node opens "
				    "connections; expected those of other nodes",
				    addr_format(a, text));
}

static void check_peers(const struct config *c, struct document *d)
{
	if (c->nat.peers.count && !c->sync.group)
		document_fault_path(d, "nat.peers",
				    "without sync nothing is known of their connections; add "
				    "sync: {group: NAME}, or leave peers out");
	for (unsigned int i = 0; i < c->nat.peers.count; i++)
		check_peer(c, i, d);
}

void config_check_nat(const struct config *c, struct document *d)
{
	char path[PATH_TEXT];
	for (unsigned int i = 0; i < c->nat.own.count; i++) {
		snprintf(path, sizeof(path), "nat.addresses[%u]", i);
		check_address(c, &c->nat.own.addresses[i], path, d);
	}
	check_peers(c, d);
	check_services(c, d);
}
