// SPDX-License-Identifier: BSD-2-Clause
/* What `weir backend up` was asked for, and what of it is there now: looked up, not remembered. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "datapath/decap.h"
#include "datapath/pins.h"
#include "datapath/port_ranges.h"
#include "lb/addr.h"
#include "tools/weir/backend.h"
#include "tools/weir/backend_journal.h"

static bool has_address(const struct ifaddrs *all, const struct addr *a)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		char text[ADDR_TEXT];
		struct addr is;
		if (!i->ifa_addr || strcmp(i->ifa_name, "lo"))
			continue;
		const struct sockaddr_in *v4 = (const void *)i->ifa_addr;
		const struct sockaddr_in6 *v6 = (const void *)i->ifa_addr;
		bool is_v4 = i->ifa_addr->sa_family == AF_INET;
		if (!is_v4 && i->ifa_addr->sa_family != AF_INET6)
			continue;
		const void *bytes = is_v4 ? (const void *)&v4->sin_addr : &v6->sin6_addr;
		if (inet_ntop(i->ifa_addr->sa_family, bytes, text, sizeof(text)) &&
		    !addr_parse(text, &is) && addr_equal(&is, a))
			return true;
	}
	return false;
}

static json_t *vips_json(const struct backend_options *o)
{
	struct ifaddrs *here = NULL;
	json_t *list = json_array();
	char text[ADDR_TEXT];
	if (getifaddrs(&here))
		here = NULL;
	for (uint32_t i = 0; i < o->vip_count; i++)
		json_array_append_new(list, json_pack("{s:s, s:b}", "address",
						      addr_format(&o->vips[i], text), "there",
						      has_address(here, &o->vips[i])));
	freeifaddrs(here);
	return list;
}

static json_t *tunnel_json(const struct backend_options *o, const struct pins *pins,
			   const json_t *options)
{
	struct decap_state state;
	if (o->tunnel == FORWARD_DSR)
		return json_null();
	decap_read(pins, &state);
	return json_pack("{s:O, s:O, s:O, s:b, s:s, s:I, s:I, s:I, s:I}", "kind",
			 json_object_get(options, "tunnel"), "interface",
			 json_object_get(options, "interface"), "from",
			 json_object_get(options, "from"), "attached", state.attached, "mode",
			 state.generic ? "generic" : "native", "decapsulated",
			 (json_int_t)state.counters.decapsulated, "refused",
			 (json_int_t)state.counters.refused, "malformed",
			 (json_int_t)state.counters.malformed, "congested",
			 (json_int_t)state.counters.congested);
}

static json_t *ports_json(const struct backend_options *o, const struct pins *pins,
			  const json_t *options)
{
	json_t *list = json_array(), *words = json_object_get(options, "ports");
	for (uint32_t i = 0; i < o->port_count; i++)
		json_array_append_new(
			list, json_pack("{s:O, s:b, s:b}", "range", json_array_get(words, i),
					"socket4", port_ranges_has_socket(pins, i, false),
					"socket6", port_ranges_has_socket(pins, i, true)));
	return list;
}

json_t *backend_state(const struct backend_journal *j)
{
	struct backend_options o;
	struct pins pins = {};
	if (!j->text || !j->is_for_us)
		return json_pack("{s:b}", "up", false);
	const json_t *options = json_object_get(j->text, "options");
	backend_options_read(options, &o);
	snprintf(pins.folder, sizeof(pins.folder), "%s/%s", PINS_ROOT, j->pins);
	return json_pack("{s:b, s:o, s:o, s:o}", "up", true, "vips", vips_json(&o), "tunnel",
			 tunnel_json(&o, &pins, options), "ports", ports_json(&o, &pins, options));
}
