// SPDX-License-Identifier: BSD-2-Clause
/*
 * Compares values with each other, those that are each right by itself. Sorts where it compares
 * many, as a service may have thousands of backends. Pure; any thread.
 */
#include "lb/config_check.h"

#include <linux/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/config_announce.h"
#include "lb/config_endpoint.h"
#include "lb/config_health.h"
#include "lb/config_mss.h"
#include "lb/config_nat.h"
#include "lb/config_quic.h"
#include "lb/document.h"
#include "lb/prefix.h"

#define PATH_TEXT 64

/* --- doubles ------------------------------------------------------------------------------- */

/* One member of all structs of an array. */
struct column {
	const char *path; /* of the array */
	const void *array;
	size_t count, size;
	const char *member;
	size_t offset;
	int (*compare)(const void *a, const void *b); /* of pointers to two members */
	const char *(*format)(const void *member, char text[DOCUMENT_QUOTE]);
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *format_name(const void *member, char text[DOCUMENT_QUOTE])
{
	return document_quote(*(char *const *)member, text);
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct addr));
}

/* Backends behind one address, told apart by their ports. */
static int compare_endpoints(const void *a, const void *b)
{
	const size_t offset = offsetof(struct config_backend, address);
	const struct config_backend *x = (const void *)((const char *)a - offset);
	const struct config_backend *y = (const void *)((const char *)b - offset);
	int order = compare_addresses(a, b);
	return order ? order : x->port - y->port;
}

_Static_assert(DOCUMENT_QUOTE >= ADDR_TEXT, "format_address");
static const char *format_address(const void *member, char text[DOCUMENT_QUOTE])
{
	return addr_format(member, text);
}

/* Orders equal members as they stand in the array. */
static int compare_pointers(const void *a, const void *b, void *column)
{
	const char *pa = *(char *const *)a, *pb = *(char *const *)b;
	int order = ((const struct column *)column)->compare(pa, pb);
	return order ? order : (pa > pb) - (pa < pb);
}

static void double_fault(struct document *d, const struct column *c, const char *first,
			 const char *second)
{
	const char *start = (const char *)c->array + c->offset;
	char path[PATH_TEXT], text[DOCUMENT_QUOTE];
	snprintf(path, sizeof(path), "%s[%zu].%s", c->path, (second - start) / c->size, c->member);
	document_fault_path(d, path, "%s is that of %s[%zu] too; each needs its own",
			    c->format(second, text), c->path, (first - start) / c->size);
}

static void check_doubles(struct document *d, struct column c)
{
	const char **members = calloc(c.count + 1, sizeof(*members));
	if (!members) {
		document_no_memory(d);
		return;
	}
	for (size_t i = 0; i < c.count; i++)
		members[i] = (const char *)c.array + i * c.size + c.offset;
	qsort_r(members, c.count, sizeof(*members), compare_pointers, &c);
	for (size_t i = 1; i < c.count; i++)
		if (!c.compare(members[i - 1], members[i]))
			double_fault(d, &c, members[i - 1], members[i]);
	free(members);
}

static void check_interfaces(const struct config *c, struct document *d)
{
	check_doubles(d, (struct column){
				 .path = "interfaces",
				 .array = c->interfaces,
				 .count = c->interface_count,
				 .size = sizeof(*c->interfaces),
				 .member = "name",
				 .offset = offsetof(struct config_interface, name),
				 .compare = compare_names,
				 .format = format_name,
			 });
}

static void check_service_names(const struct config *c, struct document *d)
{
	check_doubles(d, (struct column){
				 .path = "services",
				 .array = c->services,
				 .count = c->service_count,
				 .size = sizeof(*c->services),
				 .member = "name",
				 .offset = offsetof(struct config_service, name),
				 .compare = compare_names,
				 .format = format_name,
			 });
}

/* --- services ------------------------------------------------------------------------------ */

static void check_tracking(const struct config_service *s, unsigned int index, struct document *d)
{
	char path[PATH_TEXT];
	snprintf(path, sizeof(path), "services[%u].tracking", index);
	if (s->protocol == IPPROTO_TCP && s->tracking == TRACKING_NONE)
		document_fault_path(d, path,
				    "'none' is for udp: a TCP connection breaks where its backend "
				    "changes; expected flow");
}

static void check_scheduler(const struct config_service *s, unsigned int index, struct document *d)
{
	char path[PATH_TEXT];
	snprintf(path, sizeof(path), "services[%u].scheduler", index);
	if (s->scheduler == SCHEDULER_MAGLEV)
		return;
	if (s->tracking == TRACKING_NONE)
		document_fault_path(d, path,
				    "'least-connections' counts flows; expected maglev, or "
				    "tracking: flow");
	else if (s->affinity == AFFINITY_SOURCE)
		document_fault_path(d, path,
				    "'least-connections' does not keep a client's flows together; "
				    "expected maglev, or affinity: flow");
}

/* How many lengths the prefixes have that a prefix is in, its own too. */
static unsigned int prefix_depth(const struct config *c, const struct config_service *of)
{
	bool seen[PREFIX_FULL] = {false};
	unsigned int depth = 0;
	for (unsigned int i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		if (!s->prefix || s->prefix > of->prefix || seen[s->prefix] ||
		    !prefix_holds(&s->address, s->prefix, &of->address))
			continue;
		seen[s->prefix] = true;
		depth++;
	}
	return depth;
}

/* The XDP program goes from prefix to wider prefix in a bounded loop. */
static void check_nesting(const struct config *c, unsigned int index, struct document *d)
{
	const struct config_service *s = &c->services[index];
	char path[PATH_TEXT], text[PREFIX_TEXT];
	snprintf(path, sizeof(path), "services[%u].address", index);
	if (s->prefix && prefix_depth(c, s) > ABI_PREFIX_DEPTH)
		document_fault_path(
			d, path, "%s is in more than %u other prefixes; make fewer of them",
			prefix_format(&s->address, s->prefix, text), ABI_PREFIX_DEPTH - 1);
}

/* What is half open is known by the flow's next packet. */
static void check_syn_protection(const struct config_service *s, unsigned int index,
				 struct document *d)
{
	char path[PATH_TEXT];
	if (s->syn_protection == SYN_PROTECTION_NONE || s->protocol == IPPROTO_TCP)
		return;
	snprintf(path, sizeof(path), "services[%u].syn_protection", index);
	document_fault_path(d, path, "is for tcp: no other protocol opens connections by a SYN");
}

static void check_services(const struct config *c, struct document *d)
{
	check_service_names(c, d);
	for (unsigned int i = 0; i < c->service_count; i++) {
		check_tracking(&c->services[i], i, d);
		check_scheduler(&c->services[i], i, d);
		check_nesting(c, i, d);
		config_check_quic(&c->services[i], i, d);
		config_check_mss_clamp(&c->services[i], i, d);
		check_syn_protection(&c->services[i], i, d);
		config_check_health(&c->services[i], i, d);
	}
}

/* --- backends ------------------------------------------------------------------------------ */

static void check_backend_doubles(const struct config_service *s, unsigned int index,
				  struct document *d)
{
	char path[PATH_TEXT];
	struct column column = {
		.path = path,
		.array = s->backends,
		.count = s->backend_count,
		.size = sizeof(*s->backends),
		.member = "name",
		.offset = offsetof(struct config_backend, name),
		.compare = compare_names,
		.format = format_name,
	};
	snprintf(path, sizeof(path), "services[%u].backends", index);
	check_doubles(d, column);
	column.member = "address";
	column.offset = offsetof(struct config_backend, address);
	column.compare = s->forward == FORWARD_NAT ? compare_endpoints : compare_addresses;
	column.format = format_address;
	check_doubles(d, column);
}

/* Where a backend is; its path is made where there is a fault to name. */
struct backend_place {
	unsigned int service, backend;
};

static const char *backend_path(const struct backend_place *at, const char *key,
				char path[PATH_TEXT])
{
	snprintf(path, PATH_TEXT, "services[%u].backends[%u].%s", at->service, at->backend, key);
	return path;
}

/* What a backend gets by each method is why it can or can't have a port or family of its own. */
static void check_backend_port(const struct config_service *s, const struct config_backend *b,
			       const struct backend_place *at, struct document *d)
{
	char path[PATH_TEXT];
	if (b->port && s->forward != FORWARD_NAT)
		document_fault_path(
			d, backend_path(at, "port", path),
			"%u, but with forward: %s a backend gets the client's packet as it is, to "
			"the service's own port; expected same, or forward: nat",
			b->port, config_forward_word(s->forward));
}

/* What goes to a VIP through a tunnel comes back, and goes there again. */
static void check_loop(const struct config *c, const struct config_service *s,
		       const struct config_backend *b, const struct backend_place *at,
		       struct document *d)
{
	char text[ADDR_TEXT], path[PATH_TEXT];
	if (s->forward != FORWARD_IPIP && s->forward != FORWARD_GUE)
		return;
	for (unsigned int i = 0; i < c->service_count; i++) {
		const struct config_service *other = &c->services[i];
		if (other == s || !prefix_holds(&other->address, other->prefix, &b->address))
			continue;
		document_fault_path(d, backend_path(at, "address", path),
				    "%s is a VIP, that of service '%s': packets would come back; "
				    "expected the backend's",
				    addr_format(&b->address, text), other->name);
		return;
	}
}

static void check_backend_address(const struct config_service *s, const struct config_backend *b,
				  const struct backend_place *at, struct document *d)
{
	char text[ADDR_TEXT], path[PATH_TEXT];
	if (prefix_holds(&s->address, s->prefix, &b->address))
		document_fault_path(
			d, backend_path(at, "address", path), "%s is %s; expected the backend's",
			addr_format(&b->address, text),
			s->prefix ? "in the service's own prefix" : "the service's own address");
	else if (s->forward == FORWARD_DSR && addr_is_v4(&s->address) != addr_is_v4(&b->address))
		document_fault_path(d, backend_path(at, "address", path),
				    "%s is not of the service's family; dsr needs an %s address",
				    addr_format(&b->address, text),
				    addr_is_v4(&s->address) ? "IPv4" : "IPv6");
}

static void check_backends(const struct config *c, struct document *d)
{
	size_t total = 0;
	char path[PATH_TEXT];
	for (unsigned int i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		check_backend_doubles(s, i, d);
		for (unsigned int j = 0; j < s->backend_count; j++) {
			const struct backend_place at = {i, j};
			check_backend_address(s, &s->backends[j], &at, d);
			check_loop(c, s, &s->backends[j], &at, d);
			check_backend_port(s, &s->backends[j], &at, d);
		}
		total += s->backend_count;
		snprintf(path, sizeof(path), "services[%u].backends", i);
		if (total > ABI_MAX_BACKENDS - 1)
			document_fault_path(d, path, "%zu backends up to here; at most %u in all",
					    total, ABI_MAX_BACKENDS - 1);
	}
}

/* --- ports --------------------------------------------------------------------------------- */

/* A port range of a service. */
struct claim {
	struct addr address;
	uint8_t prefix, protocol;
	struct config_port_range range;
	unsigned int service;
};

static bool same_target(const struct claim *a, const struct claim *b)
{
	return addr_equal(&a->address, &b->address) && a->prefix == b->prefix &&
	       a->protocol == b->protocol;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *ca = a, *cb = b;
	int order = compare_addresses(&ca->address, &cb->address);
	if (!order)
		order = ca->prefix - cb->prefix;
	if (!order)
		order = ca->protocol - cb->protocol;
	if (!order)
		order = ca->range.first - cb->range.first;
	if (!order)
		order = ca->range.last - cb->range.last;
	return order ? order : (ca->service > cb->service) - (ca->service < cb->service);
}

static unsigned int claim_end(const struct claim *c)
{
	return c->range.first ? c->range.last : UINT16_MAX;
}

/* Names the one further down in the file as the one at fault. */
static void overlap_fault(const struct config *config, const struct claim *a, const struct claim *b,
			  struct document *d)
{
	const struct claim *earlier = a->service <= b->service ? a : b;
	const struct claim *later = earlier == a ? b : a;
	char path[PATH_TEXT], these[PORTS_TEXT], those[PORTS_TEXT];
	const char *later_text = ports_format(&later->range, these);
	const char *earlier_text = ports_format(&earlier->range, those);
	snprintf(path, sizeof(path), "services[%u].ports", later->service);
	if (earlier->service == later->service)
		document_fault_path(d, path, "%s and %s overlap; list each port once", earlier_text,
				    later_text);
	else
		document_fault_path(
			d, path,
			"%s overlaps %s of service '%s' at the same address and protocol; "
			"a port belongs to one service",
			later_text, earlier_text, config->services[earlier->service].name);
}

static struct claim *claims_new(const struct config *c, size_t *count)
{
	*count = 0;
	for (unsigned int i = 0; i < c->service_count; i++)
		*count += c->services[i].port_range_count;
	struct claim *claims = calloc(*count + 1, sizeof(*claims));
	struct claim *next = claims;
	for (unsigned int i = 0; claims && i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		for (unsigned int j = 0; j < s->port_range_count; j++)
			*next++ = (struct claim){s->address, s->prefix, s->protocol,
						 s->port_ranges[j], i};
	}
	return claims;
}

static void check_ports(const struct config *c, struct document *d)
{
	size_t count;
	struct claim *claims = claims_new(c, &count);
	if (!claims) {
		document_no_memory(d);
		return;
	}
	qsort(claims, count, sizeof(*claims), compare_claims);
	const struct claim *widest = claims; /* of those so far, the one that ends last */
	for (size_t i = 1; i < count; i++) {
		if (same_target(widest, &claims[i]) && claims[i].range.first <= claim_end(widest))
			overlap_fault(c, widest, &claims[i], d);
		if (!same_target(widest, &claims[i]) || claim_end(&claims[i]) > claim_end(widest))
			widest = &claims[i];
	}
	free(claims);
}

static void check_rule_names(const struct config *c, struct document *d)
{
	check_doubles(d, (struct column){
				 .path = "policy.rules",
				 .array = c->policy.rules,
				 .count = c->policy.rule_count,
				 .size = sizeof(*c->policy.rules),
				 .member = "name",
				 .offset = offsetof(struct config_rule, name),
				 .compare = compare_names,
				 .format = format_name,
			 });
}

static void check_blackbox(const struct config *c, struct document *d)
{
	if (c->blackbox.packets && !c->captures)
		document_fault_path(d, "blackbox.packets",
				    "it keeps packets, and 'captures: false' forbids that");
}

void config_check(const struct config *c, struct document *d)
{
	check_blackbox(c, d);
	check_rule_names(c, d);
	config_check_policy(c, d);
	check_interfaces(c, d);
	check_services(c, d);
	check_backends(c, d);
	check_ports(c, d);
	config_check_nat(c, d);
	config_check_announce(c, d);
}
