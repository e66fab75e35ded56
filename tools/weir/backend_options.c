// SPDX-License-Identifier: BSD-2-Clause
/* The options of `weir backend up`: from words, to a document, and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/prefix.h"
#include "tools/weir/backend.h"

#define PORTS_TEXT 48

/* --- words ----------------------------------------------------------------------------------- */

int backend_parse_vips(struct backend_options *o, char *text, struct err *err)
{
	for (char *rest, *word = strtok_r(text, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (o->vip_count == BACKEND_LIST_MAX)
			return err_set(err, EINVAL, "more than %u VIPs", BACKEND_LIST_MAX);
		if (addr_parse(word, &o->vips[o->vip_count++]))
			return err_set(err, EINVAL,
				       "--vip: found '%s'; expected an IPv4 or IPv6 address", word);
	}
	return 0;
}

static int add_balancer(struct backend_options *o, const char *word, struct err *err)
{
	struct prefix_key *key = &o->balancers[o->balancer_count];
	char right[PREFIX_TEXT];
	if (o->balancer_count == BACKEND_LIST_MAX)
		return err_set(err, EINVAL, "more than %u balancers", BACKEND_LIST_MAX);
	if (prefix_parse(word, &key->address, &key->length))
		return err_set(err, EINVAL,
			       "--from: found '%s'; expected an address or a prefix, or any", word);
	struct addr first = prefix_mask(&key->address, key->length);
	if (!addr_equal(&first, &key->address))
		return err_set(err, EINVAL, "--from: %s has bits behind its length; expected %s",
			       word, prefix_format(&first, key->length, right));
	o->balancer_count++;
	return 0;
}

/* "any" is a prefix of length 0, which has IPv4's addresses too. */
int backend_parse_balancers(struct backend_options *o, char *text, struct err *err)
{
	int r = 0;
	for (char *rest, *word = strtok_r(text, ",", &rest); word && !r;
	     word = strtok_r(NULL, ",", &rest))
		r = add_balancer(o, strcmp(word, "any") ? word : "::/0", err);
	return r;
}

int backend_parse_ports(struct backend_options *o, const char *text, struct err *err)
{
	struct backend_ports *p = &o->ports[o->port_count];
	char protocol[4];
	unsigned int first, last, to;
	int end = 0;
	if (o->port_count == PORT_RANGE_MAX)
		return err_set(err, EINVAL, "more than %u ranges of ports", PORT_RANGE_MAX);
	if (sscanf(text, "%3[a-z]:%5u-%5u=%5u%n", protocol, &first, &last, &to, &end) != 4 ||
	    text[end] || (strcmp(protocol, "tcp") && strcmp(protocol, "udp")) || !first ||
	    last < first || last > UINT16_MAX || !to || to > UINT16_MAX)
		return err_set(err, EINVAL,
			       "--ports: found '%s'; expected tcp or udp, a range and the port of "
			       "the server's socket, like tcp:8000-8999=9000",
			       text);
	for (uint32_t i = 0; i < o->port_count; i++) {
		const struct port_range *other = &o->ports[i].range;
		if ((other->protocol == IPPROTO_TCP) == !strcmp(protocol, "tcp") &&
		    first <= other->last && last >= other->first)
			return err_set(err, EINVAL,
				       "--ports: %s overlaps %u-%u; a port has one socket", text,
				       other->first, other->last);
	}
	*p = (struct backend_ports){
		.range = {.first = first,
			  .last = last,
			  .protocol = strcmp(protocol, "tcp") ? IPPROTO_UDP : IPPROTO_TCP},
		.socket_port = to,
	};
	o->port_count++;
	return 0;
}

/* --- documents ------------------------------------------------------------------------------- */

static json_t *vips_json(const struct backend_options *o)
{
	json_t *all = json_array();
	char text[ADDR_TEXT];
	for (uint32_t i = 0; i < o->vip_count; i++)
		json_array_append_new(all, json_string(addr_format(&o->vips[i], text)));
	return all;
}

static json_t *balancers_json(const struct backend_options *o)
{
	json_t *all = json_array();
	char text[PREFIX_TEXT];
	for (uint32_t i = 0; i < o->balancer_count; i++) {
		const struct prefix_key *key = &o->balancers[i];
		bool alone = key->length == PREFIX_FULL;
		const char *word = prefix_format(&key->address, alone ? 0 : key->length, text);
		json_array_append_new(all, json_string(key->length ? word : "any"));
	}
	return all;
}

static json_t *ports_json(const struct backend_options *o)
{
	json_t *all = json_array();
	char text[PORTS_TEXT];
	for (uint32_t i = 0; i < o->port_count; i++) {
		const struct port_range *r = &o->ports[i].range;
		snprintf(text, sizeof(text), "%s:%u-%u=%u",
			 r->protocol == IPPROTO_TCP ? "tcp" : "udp", r->first, r->last,
			 o->ports[i].socket_port);
		json_array_append_new(all, json_string(text));
	}
	return all;
}

json_t *backend_options_json(const struct backend_options *o)
{
	return json_pack("{s:o, s:s, s:s, s:o, s:o}", "vips", vips_json(o), "interface",
			 o->interface, "tunnel",
			 o->tunnel == FORWARD_DSR ? "none" : config_forward_word(o->tunnel), "from",
			 balancers_json(o), "ports", ports_json(o));
}

void backend_options_read(const json_t *text, struct backend_options *o)
{
	const char *interface = "", *tunnel = "none";
	json_t *vips, *from, *ports, *item;
	char word[128];
	size_t i;
	*o = (struct backend_options){0};
	if (json_unpack((json_t *)text, "{s:o, s:s, s:s, s:o, s:o}", "vips", &vips, "interface",
			&interface, "tunnel", &tunnel, "from", &from, "ports", &ports))
		return;
	snprintf(o->interface, sizeof(o->interface), "%s", interface);
	o->tunnel = !strcmp(tunnel, "gue")    ? FORWARD_GUE
		    : !strcmp(tunnel, "ipip") ? FORWARD_IPIP
					      : FORWARD_DSR;
	json_array_foreach(vips, i, item)
	{
		snprintf(word, sizeof(word), "%s", json_string_value(item));
		backend_parse_vips(o, word, NULL);
	}
	json_array_foreach(from, i, item)
	{
		snprintf(word, sizeof(word), "%s", json_string_value(item));
		backend_parse_balancers(o, word, NULL);
	}
	json_array_foreach(ports, i, item) backend_parse_ports(o, json_string_value(item), NULL);
}
