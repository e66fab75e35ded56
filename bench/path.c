// SPDX-License-Identifier: BSD-2-Clause
#include "bench/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/receiver.h"
#include "bench/report.h"
#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/command.h"

#define ANY_CPU UINT32_MAX

void path_settings_init(struct path_settings *p)
{
	*p = (struct path_settings){.queues = 1, .cpu = ANY_CPU};
	stream_settings_init(&p->stream);
}

static int open_places(struct path *p, const char *list, struct err *err)
{
	char text[96];
	for (const char *at = list; at && *at;) {
		size_t length = strcspn(at, ",");
		snprintf(text, sizeof(text), "%.*s", (int)length, at);
		if (p->to_count == PLACES_MAX)
			return err_set(err, EINVAL, "--to: at most %u interfaces", PLACES_MAX);
		int r = place_open(&p->to[p->to_count], text, err);
		if (r)
			return r;
		p->to_count++;
		at += length + (at[length] == ',');
	}
	return 0;
}

static int open_receiver(struct path *p, const struct path_settings *s, struct err *err)
{
	const struct receiver_wanted wanted = {
		.places = p->to,
		.place_count = p->to_count,
		.flows = p->stream.flow_count ? p->stream.flow_count : 1,
		.generic = s->generic,
	};
	return p->to_count ? receiver_open(&p->receiver, &wanted, err) : 0;
}

static int open_packets(struct path *p, struct path_settings *s, struct err *err)
{
	int r;
	if (s->replay) {
		r = replay_open(&p->replay, s->replay, err);
		p->mean_length = p->replay.mean_length;
		return r;
	}
	r = stream_settings_finish(&s->stream, &p->from, err);
	r = r ? r : stream_open(&p->stream, &s->stream.wanted, err);
	p->mean_length = p->stream.mean_length;
	return r;
}

static int open_sender(struct path *p, const struct path_settings *s, struct err *err)
{
	const struct sender_wanted wanted = {
		.from = &p->from,
		.stream = s->replay ? NULL : &p->stream,
		.replay = s->replay ? &p->replay : NULL,
		.engine = s->engine,
		.queues = s->queues,
		.first_queue = s->queue,
		.first_cpu = s->cpu == ANY_CPU ? -1 : (int)s->cpu,
	};
	return sender_open(&p->sender, &wanted, err);
}

int path_open(struct path *p, struct path_settings *s, struct err *err)
{
	*p = (struct path){.from.ns = -1};
	if (!s->from)
		return err_set(err, EINVAL, "from where? --from INTERFACE");
	int r = place_open(&p->from, s->from, err);
	r = r ? r : open_places(p, s->to, err);
	r = r ? r : open_packets(p, s, err);
	/* A veth takes frames of XDP once there is a program at its other end. */
	r = r ? r : open_receiver(p, s, err);
	return r ? r : open_sender(p, s, err);
}

void path_close(struct path *p)
{
	sender_close(p->sender);
	receiver_close(p->receiver);
	stream_close(&p->stream);
	replay_close(&p->replay);
	for (unsigned int i = 0; i < p->to_count; i++)
		place_close(&p->to[i]);
	place_close(&p->from);
}

void path_describe(const struct path *p, json_t *report)
{
	json_t *interfaces = json_object_get(json_object_get(report, "machine"), "interfaces");
	json_array_append_new(interfaces, place_json(&p->from));
	report_fact(report, "from %s by %s", p->from.label, sender_describe(p->sender));
	for (unsigned int i = 0; i < p->to_count; i++) {
		report_fact(report, "to %s, counted by XDP", p->to[i].label);
		json_array_append_new(interfaces, place_json(&p->to[i]));
	}
	if (p->replay.count)
		report_fact(report, "packets: %u of a capture, %.0f bytes on average",
			    p->replay.count, p->mean_length);
	else
		report_fact(report, "packets: %s over %s%s, %.0f bytes on average%s; %u flows",
			    p->stream.shape.tcp ? "TCP" : "UDP",
			    p->stream.shape.ipv6 ? "IPv6" : "IPv4",
			    p->stream.shape.vlan ? " with a VLAN tag" : "", p->mean_length,
			    p->stream.shape.stamps ? "" : ", without stamps", p->stream.flow_count);
}

int path_is_silent(struct path *p, uint64_t sent, struct err *err)
{
	place_explain_silence(&p->from, &p->to[0], p->trap, sizeof(p->trap));
	return err_set(err, ENODATA, "%" PRIu64 " packets were sent, and none arrived: %s", sent,
		       p->trap);
}
