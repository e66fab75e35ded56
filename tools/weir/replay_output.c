// SPDX-License-Identifier: BSD-2-Clause
/* Owns its streams, also where they lead to standard output. One thread. */
#include "tools/weir/replay_output.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tools/weir/offline.h"

/* --- files ---------------------------------------------------------------------------------- */

/* Truncating the capture while it is read would lose the user's packets. */
static bool is_capture(pcap_t *in, const char *path)
{
	struct stat a, b;
	return !fstat(fileno(pcap_file(in)), &a) && !stat(path, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino && S_ISREG(a.st_mode);
}

static FILE *open_stream(pcap_t *in, const char *path, struct err *err)
{
	FILE *out;
	if (!strcmp(path, "-")) {
		out = fdopen(dup(STDOUT_FILENO), "w");
	} else if (is_capture(in, path)) {
		err_set(err, EINVAL, "%s: is the capture that is read; name another file", path);
		return NULL;
	} else {
		out = fopen(path, "w");
	}
	if (!out)
		err_set(err, errno, "%s: can't be written: %s", path, strerror(errno));
	return out;
}

static int open_packets(struct replay_output *o, pcap_t *in, struct err *err)
{
	FILE *out = open_stream(in, o->packets_path, err);
	if (!out)
		return -EIO;
	o->shape = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, pcap_snapshot(in),
							PCAP_TSTAMP_PRECISION_NANO);
	o->packets = o->shape ? pcap_dump_fopen(o->shape, out) : NULL;
	if (o->packets)
		return 0;
	fclose(out);
	return err_set(err, EIO, "%s: can't be written", o->packets_path);
}

int replay_output_open(struct replay_output *o, pcap_t *in, const char *packets,
		       const char *verdicts, struct err *err)
{
	*o = (struct replay_output){.packets_path = packets, .verdicts_path = verdicts};
	if (verdicts) {
		o->verdicts = open_stream(in, verdicts, err);
		if (!o->verdicts)
			return -EIO;
	}
	return packets ? open_packets(o, in, err) : 0;
}

static int close_stream(FILE *file, const char *path, struct err *err)
{
	bool bad = ferror(file);
	if (fclose(file) || bad)
		return err_set(err, EIO, "%s: could not be written to its end: %s", path,
			       strerror(errno));
	return 0;
}

int replay_output_close(struct replay_output *o, struct err *err)
{
	int result = 0;
	/* pcap_dump_close() does the same, but says nothing of failures. */
	if (o->packets)
		result = close_stream(pcap_dump_file(o->packets), o->packets_path, err);
	if (o->verdicts && close_stream(o->verdicts, o->verdicts_path, err))
		result = -EIO;
	if (o->shape)
		pcap_close(o->shape);
	memset(o, 0, sizeof(*o));
	return result;
}

/* --- packets -------------------------------------------------------------------------------- */

/* Without its service: that has a key of its own. */
static const char *backend_name(const struct offline *balancer, uint32_t id)
{
	const char *name = registry_name(balancer->backends, id);
	return name ? strchr(name, '/') + 1 : NULL;
}

static json_t *verdict_line(const struct offline *balancer, const struct lb_packet *p,
			    uint64_t frame)
{
	static const char *const verdicts[] = {
		[LB_TRANSMIT] = "transmit",
		[LB_DROP] = "drop",
		[LB_PASS] = "pass",
	};
	const char *reason = p->verdict == LB_DROP ? reason_word(p->reason) : NULL;
	const char *egress = NULL;
	if (p->verdict == LB_TRANSMIT)
		egress = balancer->config->interfaces[p->egress].name;
	return json_pack("{s:I, s:s, s:s?, s:s?, s:s?, s:s?, s:s?}", "frame", (json_int_t)frame,
			 "verdict", verdicts[p->verdict], "reason", reason, "rule",
			 registry_name(balancer->rules, p->rule), "service",
			 registry_name(balancer->services, p->service), "backend",
			 backend_name(balancer, p->backend), "egress", egress);
}

static bool write_verdict(struct replay_output *o, const struct offline *balancer,
			  const struct lb_packet *p, uint64_t frame)
{
	json_t *line = verdict_line(balancer, p, frame);
	bool written = line && !json_dumpf(line, o->verdicts, JSON_COMPACT) &&
		       fputc('\n', o->verdicts) != EOF;
	json_decref(line);
	return written;
}

/* What the capture had not of a packet is still missing. */
static bool write_packet(struct replay_output *o, const struct lb_packet *p,
			 const struct pcap_pkthdr *header)
{
	struct pcap_pkthdr h = *header;
	uint32_t missing = h.len > h.caplen ? h.len - h.caplen : 0;
	h.caplen = p->length;
	h.len = p->length + missing;
	pcap_dump((u_char *)o->packets, &h, p->data);
	return !ferror(pcap_dump_file(o->packets));
}

/* There is always room: the balancer holds no more. */
static void keep(struct replay_output *o, uint64_t frame, const struct pcap_pkthdr *header)
{
	struct replay_held *h = o->held;
	while (h->frame)
		h++;
	*h = (struct replay_held){frame, *header};
}

static const struct pcap_pkthdr *take_back(struct replay_output *o, uint64_t frame)
{
	struct replay_held *h = o->held;
	while (h->frame != frame)
		h++;
	h->frame = 0;
	return &h->header;
}

int replay_output_write(struct replay_output *o, const struct offline *balancer,
			const struct lb_packet *p, const struct pcap_pkthdr *header,
			struct err *err)
{
	if (p->verdict == LB_HOLD) {
		keep(o, p->cookie, header);
		return 0;
	}
	if (!header)
		header = take_back(o, p->cookie);
	if (o->verdicts && !write_verdict(o, balancer, p, p->cookie))
		return err_set(err, EIO, "%s: can't be written: %m", o->verdicts_path);
	if (o->packets && p->verdict == LB_TRANSMIT && !write_packet(o, p, header))
		return err_set(err, EIO, "%s: can't be written: %m", o->packets_path);
	return 0;
}
