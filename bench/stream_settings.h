/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of all commands that send: what packets, and how many. */
#ifndef WEIR_BENCH_STREAM_SETTINGS_H
#define WEIR_BENCH_STREAM_SETTINGS_H

#include "bench/rate.h"
#include "bench/setting.h"
#include "bench/stream.h"

struct place;

struct stream_settings {
	struct stream_wanted wanted;
	bool has_destination, has_sources, has_to_mac;
};

setting_fn stream_read_destination, stream_read_sources, stream_read_ports, stream_read_pick,
	stream_read_protocol, stream_read_sizes, stream_read_mac, stream_read_vlan;

#define STREAM_SETTINGS(s)                                                                       \
	{"destination", stream_read_destination, s, .wanted = "ADDRESS[:PORT]"},                 \
		{"source", stream_read_sources, s, .wanted = "ADDRESS or FIRST-LAST"},           \
		{"source-ports", stream_read_ports, s, .wanted = "FIRST-LAST, like 1024-65535"}, \
		{"flows", setting_whole, &(s)->wanted.flows, .min = 1, .max = STREAM_FLOWS},     \
		{"flow-list", setting_text, .out = &(s)->wanted.flow_list},                      \
		{"pick", stream_read_pick, s, .wanted = "in-turn, random or zipf[:EXPONENT]"},   \
		{"protocol", stream_read_protocol, s, .wanted = "udp, tcp or tcp-syn"},          \
		{"size", stream_read_sizes, s,                                                   \
		 .wanted = "imix, or bytes without the check sequence, 60 to 9018, like 60 or "  \
			   "60:28,566:16,1514:4"},                                               \
		{"vlan", stream_read_vlan, s, .wanted = "a VLAN id from 1 to 4094"},             \
		{"destination-mac", stream_read_mac, s, .wanted = "a link address"},             \
		{"no-stamps", setting_flag, .out = &(s)->wanted.no_stamps},                      \
	{                                                                                        \
		"seed", setting_whole, &(s)->wanted.seed, .min = 0, .max = UINT32_MAX            \
	}

#define STREAM_USAGE                                                                           \
	"  --destination ADDRESS[:PORT]  where packets go (port 9)\n"                          \
	"  --source ADDRESS[-LAST]       where they come from (the interface's own address)\n" \
	"  --source-ports FIRST-LAST     and from which ports (1024-65535)\n"                  \
	"  --flows N                     so many of them (1)\n"                                \
	"  --flow-list FILE              SOURCE:PORT DESTINATION:PORT a line, instead\n"       \
	"  --pick in-turn|random|zipf[:EXPONENT]  which flow is next (in-turn)\n"              \
	"  --protocol udp|tcp|tcp-syn    (udp)\n"                                              \
	"  --size BYTES[:WEIGHT],...|imix  frames without their check sequence (60)\n"         \
	"  --vlan ID                     with a tag\n"                                         \
	"  --destination-mac MAC         instead of asking for it\n"                           \
	"  --no-stamps                   packets bear no number and no time\n"                 \
	"  --seed N                      of all that is random (0)\n"

/* What holds where no option says otherwise. */
void stream_settings_init(struct stream_settings *s);

/*
 * Fills in what is to be found out: the interface's addresses, the next hop's link address. Checks
 * sizes against its MTU.
 */
int stream_settings_finish(struct stream_settings *s, const struct place *from, struct err *err);

#endif
