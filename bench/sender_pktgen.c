// SPDX-License-Identifier: BSD-2-Clause
/*
 * The engine `pktgen`: the kernel's packet generator (Documentation/networking/pktgen.rst), told by
 * files below /proc/net/pktgen of the interface's namespace. Its packets bear no stamps of ours.
 * The first thread commands it for all queues, and waits in the kernel while it sends; a signal
 * ends that.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/sender_engine.h"
#include "lb/addr.h"

#define FOLDER "/proc/thread-self/net/pktgen"

/* Numbers of the last flow's fields come from the stream's flows; 0 of `count` is without end. */
__attribute__((format(printf, 3, 4))) static int tell(const char *file, struct err *err,
						      const char *format, ...)
{
	char path[128], command[256];
	va_list ap;
	va_start(ap, format);
	int length = vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	snprintf(path, sizeof(path), FOLDER "/%s", file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t wrote = fd < 0 ? -1 : write(fd, command, length);
	int code = wrote < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return code ? err_set(err, code, "pktgen does not take '%s' (%s): %s", command, file,
			      strerror(code))
		    : 0;
}

static void name_device(const struct sender_thread *t, uint32_t queue, char name[64])
{
	if (t->wanted->queues == 1 && !queue)
		snprintf(name, 64, "%s", t->wanted->from->name);
	else
		snprintf(name, 64, "%s@%u", t->wanted->from->name, queue);
}

static bool is_first(const struct sender_thread *t)
{
	return t->queue == t->wanted->first_queue;
}

/* --- what it sends ---------------------------------------------------------------------------- */

static const char *address_of(const uint32_t words[4], bool ipv6, char text[ADDR_TEXT])
{
	struct addr a = {};
	if (ipv6) {
		memcpy(a.word, words, sizeof(a.word));
	} else {
		a.word[2] = htonl(0xffff);
		a.word[3] = words[0];
	}
	return addr_format(&a, text);
}

static int tell_addresses(const struct stream *s, const char *device, struct err *err)
{
	const struct stream_flow *first = &s->flows[0], *last = &s->flows[s->flow_count - 1];
	char text[ADDR_TEXT];
	bool v6 = s->shape.ipv6;
	int r = tell(device, err, "%s %s", v6 ? "dst6" : "dst_min",
		     address_of(first->destination, v6, text));
	r = r ? r
	      : tell(device, err, "%s %s", v6 ? "src6" : "src_min",
		     address_of(first->source, v6, text));
	if (!r && !v6)
		r = tell(device, err, "src_max %s", address_of(last->source, v6, text));
	r = r ? r : tell(device, err, "udp_dst_min %u", ntohs(first->destination_port));
	r = r ? r : tell(device, err, "udp_dst_max %u", ntohs(first->destination_port));
	r = r ? r : tell(device, err, "udp_src_min %u", ntohs(first->source_port));
	/* Its upper end is not one of the ports that it takes. */
	return r ? r
		 : tell(device, err, "udp_src_max %u",
			ntohs(first->source_port) +
				(s->flow_count > 1
					 ? ntohs(last->source_port) - ntohs(first->source_port) + 1
					 : 0));
}

static int tell_sizes(const struct stream *s, const char *device, struct err *err)
{
	char list[200] = "";
	uint32_t count[STREAM_SIZES] = {};
	if (s->size_count == 1)
		return tell(device, err, "pkt_size %u", s->sizes[0].length);
	for (uint32_t i = 0; i < s->order_count; i++)
		count[s->order[i] >> STREAM_FLOW_BITS]++;
	for (unsigned int i = 0; i < s->size_count; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u,%u", i ? " " : "",
			 s->sizes[i].length, count[i] * 100 / s->order_count + 1);
	return tell(device, err, "imix_weights %s", list);
}

static int tell_stream(const struct sender_thread *t, const char *device, struct err *err)
{
	const struct stream *s = t->wanted->stream;
	const uint8_t *mac = (const uint8_t *)s->sizes[0].header;
	int r = tell(device, err, "dst_mac %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		     mac[3], mac[4], mac[5]);
	r = r ? r : tell_addresses(s, device, err);
	r = r ? r : tell_sizes(s, device, err);
	r = r ? r : tell(device, err, "flag UDPCSUM");
	if (!r && s->shape.vlan)
		r = tell(device, err, "vlan_id %u", (mac[14] << 8 | mac[15]) & 0xfff);
	return r;
}

static int set_up(struct sender_thread *t, struct err *err)
{
	char thread[32], device[64];
	int r = 0;
	for (uint32_t i = 0; i < t->wanted->queues && !r; i++) {
		name_device(t, t->wanted->first_queue + i, device);
		snprintf(thread, sizeof(thread), "kpktgend_%u", (t->cpu < 0 ? 0 : t->cpu) + i);
		r = tell(thread, err, "rem_device_all");
		r = r ? r : tell(thread, err, "add_device %s", device);
		r = r ? r : tell_stream(t, device, err);
		if (!r && t->wanted->queues > 1) {
			r = tell(device, err, "queue_map_min %u", t->wanted->first_queue + i);
			r = r ? r
			      : tell(device, err, "queue_map_max %u", t->wanted->first_queue + i);
		}
	}
	return r;
}

static int open_engine(struct sender_thread *t, struct err *err)
{
	struct stat there;
	if (stat(FOLDER, &there))
		return err_set(err, EOPNOTSUPP,
			       "this kernel has no pktgen here: modprobe pktgen, or --engine live");
	if (!t->wanted->stream || t->wanted->stream->shape.tcp)
		return err_set(err, EINVAL, "pktgen sends UDP only");
	return is_first(t) ? set_up(t, err) : 0;
}

/* --- a run ------------------------------------------------------------------------------------ */

static void take_counts(struct sender_thread *t, const char *device)
{
	char path[128], line[512];
	snprintf(path, sizeof(path), FOLDER "/%s", device);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		uint64_t packets, errors;
		if (sscanf(line, " pkts-sofar: %" SCNu64 " errors: %" SCNu64, &packets, &errors) !=
		    2)
			continue;
		__atomic_store_n(&t->packets, t->packets + packets, __ATOMIC_RELAXED);
		__atomic_store_n(&t->failed, t->failed + errors, __ATOMIC_RELAXED);
		t->bytes = t->packets * t->wanted->stream->mean_length;
	}
	if (f)
		fclose(f);
}

static int order(struct sender_thread *t, uint32_t queue, struct err *err)
{
	char device[64];
	uint64_t all = t->count == UINT64_MAX ? 0 : t->count;
	name_device(t, queue, device);
	int r = tell(device, err, "count %" PRIu64, all);
	if (!r && t->pps > 0)
		r = tell(device, err, "ratep %.0f", t->pps);
	else if (!r)
		r = tell(device, err, "delay 0");
	return r;
}

static int run_engine(struct sender_thread *t, struct err *err)
{
	const struct sender_wanted *w = t->wanted;
	char device[64];
	int r = 0;
	if (!is_first(t))
		return 0;
	for (uint32_t i = 0; i < w->queues && !r; i++)
		r = order(t, w->first_queue + i, err);
	if (r)
		return r;
	/* It waits until all are sent, or a signal comes, which stops them. */
	r = tell("pgctrl", err, "start");
	t->last_ns = ticks_clock_ns();
	for (uint32_t i = 0; i < w->queues; i++) {
		name_device(t, w->first_queue + i, device);
		take_counts(t, device);
	}
	return r == -EINTR ? 0 : r;
}

static void close_engine(struct sender_thread *t)
{
	char thread[32];
	int back;
	if (!is_first(t) || !t->wanted || place_enter(t->wanted->from, &back, NULL))
		return;
	for (uint32_t i = 0; i < t->wanted->queues; i++) {
		snprintf(thread, sizeof(thread), "kpktgend_%u", (t->cpu < 0 ? 0 : t->cpu) + i);
		tell(thread, NULL, "rem_device_all");
	}
	place_leave(back);
}

static void describe(const struct sender_thread *t, char *text, size_t size)
{
	snprintf(text, size, "the kernel's pktgen, %u thread%s, without stamps", t->wanted->queues,
		 t->wanted->queues > 1 ? "s" : "");
}

const struct sender_ways sender_pktgen = {
	.name = "pktgen",
	.open = open_engine,
	.run = run_engine,
	.close = close_engine,
	.describe = describe,
};
