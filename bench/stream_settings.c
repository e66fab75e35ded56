// SPDX-License-Identifier: BSD-2-Clause
#include "bench/stream_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/flow_list.h"
#include "bench/place.h"
#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"

#define DISCARD 9 /* RFC 863 */

/* RFC 6985's short form of the simple IMIX, without check sequences. */
static const struct stream_sizes imix = {{60, 566, 1514}, {28, 16, 4}, 3};

void stream_settings_init(struct stream_settings *s)
{
	*s = (struct stream_settings){.wanted = {.destination_port = DISCARD,
						 .first_port = 1024,
						 .last_port = 65535,
						 .flows = 1,
						 .zipf = 1,
						 .tcp_flags = PACKET_TCP_ACK,
						 .sizes = {{STREAM_MIN}, {1}, 1}}};
}

bool stream_read_destination(const struct setting *o, const char *text)
{
	struct stream_settings *s = o->out;
	s->has_destination =
		flow_list_end(text, &s->wanted.destination, &s->wanted.destination_port, false);
	return s->has_destination;
}

bool stream_read_sources(const struct setting *o, const char *text)
{
	struct stream_settings *s = o->out;
	char first[ADDR_TEXT];
	const char *dash = strchr(text, '-');
	s->has_sources = true;
	if (!dash)
		dash = text + strlen(text);
	if (dash - text >= ADDR_TEXT)
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	return !addr_parse(first, &s->wanted.sources.first) &&
	       !addr_parse(*dash ? dash + 1 : first, &s->wanted.sources.last);
}

bool stream_read_ports(const struct setting *o, const char *text)
{
	struct stream_settings *s = o->out;
	uint32_t first, last;
	if (!setting_take_whole(&text, 1, 65535, &first))
		return false;
	last = first;
	if (*text == '-' && (text++, !setting_take_whole(&text, first, 65535, &last)))
		return false;
	s->wanted.first_port = first;
	s->wanted.last_port = last;
	return !*text;
}

bool stream_read_pick(const struct setting *o, const char *text)
{
	struct stream_settings *s = o->out;
	char *stop;
	if (!strcmp(text, "in-turn"))
		s->wanted.pick = STREAM_IN_TURN;
	else if (!strcmp(text, "random"))
		s->wanted.pick = STREAM_RANDOM;
	else if (!strncmp(text, "zipf", 4) && (!text[4] || text[4] == ':'))
		s->wanted.pick = STREAM_ZIPF;
	else
		return false;
	if (s->wanted.pick != STREAM_ZIPF || !text[4])
		return true;
	s->wanted.zipf = strtod(text + 5, &stop);
	return stop != text + 5 && !*stop && s->wanted.zipf > 0 && s->wanted.zipf <= 10;
}

bool stream_read_protocol(const struct setting *o, const char *text)
{
	struct stream_settings *s = o->out;
	bool syn = !strcmp(text, "tcp-syn");
	s->wanted.tcp = syn || !strcmp(text, "tcp");
	s->wanted.tcp_flags = syn ? PACKET_TCP_SYN : PACKET_TCP_ACK;
	return s->wanted.tcp || !strcmp(text, "udp");
}

bool stream_read_sizes(const struct setting *o, const char *text)
{
	struct stream_sizes *sizes = &((struct stream_settings *)o->out)->wanted.sizes;
	if (!strcmp(text, "imix")) {
		*sizes = imix;
		return true;
	}
	for (sizes->count = 0; sizes->count < STREAM_SIZES; text++) {
		unsigned int i = sizes->count++;
		sizes->weight[i] = 1;
		if (!setting_take_whole(&text, STREAM_MIN, STREAM_MAX, &sizes->length[i]))
			return false;
		if (*text == ':' &&
		    (text++, !setting_take_whole(&text, 1, 10000, &sizes->weight[i])))
			return false;
		if (*text != ',')
			return !*text;
	}
	return false;
}

bool stream_read_vlan(const struct setting *o, const char *text)
{
	uint32_t id;
	if (!setting_take_whole(&text, 1, 4094, &id) || *text)
		return false;
	((struct stream_settings *)o->out)->wanted.vlan = id;
	return true;
}

bool stream_read_mac(const struct setting *o, const char *text)
{
	struct stream_settings *s = o->out;
	uint8_t *m = s->wanted.to_mac;
	int length = 0;
	s->has_to_mac = true;
	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1], &m[2], &m[3],
		      &m[4], &m[5], &length) == 6 &&
	       !text[length];
}

/* --- what is to be found out ------------------------------------------------------------------ */

static int check_sizes(const struct stream_settings *s, const struct place *from, struct err *err)
{
	uint32_t most = from->mtu + ETH_HLEN + (s->wanted.vlan ? 4 : 0);
	for (unsigned int i = 0; i < s->wanted.sizes.count; i++)
		if (s->wanted.sizes.length[i] > most)
			return err_set(
				err, EMSGSIZE,
				"frames of %u bytes do not fit: the MTU of %s is %u, so %u is "
				"the most (ip link set %s mtu ...)",
				s->wanted.sizes.length[i], from->label, from->mtu, most,
				from->name);
	return 0;
}

int stream_settings_finish(struct stream_settings *s, const struct place *from, struct err *err)
{
	struct stream_wanted *w = &s->wanted;
	int r = check_sizes(s, from, err);
	if (r)
		return r;
	if (!s->has_destination && !w->flow_list)
		return err_set(err, EINVAL, "where to? --destination ADDRESS[:PORT]");
	if (w->flow_list) {
		struct flow_ends *ends;
		uint32_t count;
		r = flow_list_read(w->flow_list, STREAM_FLOWS, &ends, &count, err);
		if (r)
			return r;
		w->destination = ends[0].destination;
		free(ends);
	} else if (!s->has_sources) {
		r = place_address(from, !addr_is_v4(&w->destination), &w->sources.first, err);
		w->sources.last = w->sources.first;
	}
	if (!r && !s->has_to_mac)
		r = place_next_hop(from, &w->destination, w->to_mac, err);
	memcpy(w->from_mac, from->mac, sizeof(w->from_mac));
	return r;
}
