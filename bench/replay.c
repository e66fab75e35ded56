// SPDX-License-Identifier: BSD-2-Clause
#include "bench/replay.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/stream.h"
#include "lb/err.h"

/* Shorter ones are padded, as the card would do it. */
static int take(struct replay *r, const struct pcap_pkthdr *h, const uint8_t *bytes,
		const char *path, struct err *err)
{
	struct replay_packet *p = &r->packets[r->count];
	uint64_t at_ns = h->ts.tv_sec * 1000000000ull + h->ts.tv_usec;
	if (h->caplen < h->len || h->len > STREAM_MAX)
		return err_set(
			err, EINVAL,
			"%s: packet %u has %u of %u bytes: only whole packets of up to %u can "
			"be sent",
			path, r->count + 1, h->caplen, h->len, STREAM_MAX);
	p->length = h->len < STREAM_MIN ? STREAM_MIN : h->len;
	p->bytes = calloc(1, p->length);
	if (!p->bytes)
		return err_set(err, ENOMEM, "no memory for the packets of %s", path);
	memcpy(p->bytes, bytes, h->len);
	p->at_ns = at_ns;
	if (r->count) /* what goes back in time is sent at once */
		p->at_ns = at_ns > r->packets[0].at_ns ? at_ns - r->packets[0].at_ns : 0;
	r->mean_length += p->length;
	r->longest = p->length > r->longest ? p->length : r->longest;
	r->count++;
	return 0;
}

static int read_all(struct replay *r, pcap_t *pcap, const char *path, struct err *err)
{
	struct pcap_pkthdr *h;
	const uint8_t *bytes;
	uint32_t room = 0;
	int more, code = 0;
	while (!code && (more = pcap_next_ex(pcap, &h, &bytes)) == 1) {
		if (r->count == room) {
			room = room ? 2 * room : 1024;
			void *grown = realloc(r->packets, room * sizeof(*r->packets));
			if (!grown)
				return err_set(err, ENOMEM, "no memory for the packets of %s",
					       path);
			r->packets = grown;
		}
		code = take(r, h, bytes, path, err);
	}
	if (code)
		return code;
	if (more == PCAP_ERROR)
		return err_set(err, EINVAL, "%s: %s", path, pcap_geterr(pcap));
	if (!r->count)
		return err_set(err, EINVAL, "%s: there is no packet in it", path);
	r->packets[0].at_ns = 0;
	r->mean_length /= r->count;
	return 0;
}

int replay_open(struct replay *r, const char *path, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE];
	*r = (struct replay){};
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!pcap)
		return err_set(err, EINVAL, "%s", why);
	int code = pcap_datalink(pcap) == DLT_EN10MB
			   ? read_all(r, pcap, path, err)
			   : err_set(err, EINVAL, "%s: not a capture of Ethernet", path);
	pcap_close(pcap);
	if (code)
		replay_close(r);
	return code;
}

void replay_close(struct replay *r)
{
	for (uint32_t i = 0; i < r->count; i++)
		free(r->packets[i].bytes);
	free(r->packets);
	*r = (struct replay){};
}
