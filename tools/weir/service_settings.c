// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "tools/weir/service_settings.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "lb/config.h"
#include "lb/config_announce.h"
#include "lb/prefix.h"

static void ports_write(const struct config_service *s, FILE *out)
{
	for (unsigned int i = 0; i < s->port_range_count; i++) {
		const struct config_port_range *r = &s->port_ranges[i];
		fputs(i ? "," : "", out);
		if (!r->last)
			fputs("any", out);
		else if (r->first == r->last)
			fprintf(out, "%u", r->first);
		else
			fprintf(out, "%u-%u", r->first, r->last);
	}
}

/* As the configuration has them: "443,8000-8099" or "any". */
static json_t *ports_json(const struct config_service *s)
{
	char *text = NULL;
	size_t size;
	json_t *ports = NULL;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	ports_write(s, out);
	if (!fclose(out))
		ports = json_string(text);
	free(text);
	return ports;
}

static const char *affinity_word(enum config_affinity affinity)
{
	if (affinity == AFFINITY_QUIC)
		return "quic";
	return affinity == AFFINITY_SOURCE ? "source" : "flow";
}

json_t *service_settings(const struct config_service *s)
{
	char address[PREFIX_TEXT];
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:b, s:s}", "name", s->name,
			 "address", prefix_format(&s->address, s->prefix, address), "protocol",
			 s->protocol == IPPROTO_TCP ? "tcp" : "udp", "ports", ports_json(s),
			 "forward", config_forward_word(s->forward), "scheduler",
			 s->scheduler == SCHEDULER_LEAST_CONNECTIONS ? "least-connections"
								     : "maglev",
			 "affinity", affinity_word(s->affinity), "tracking",
			 s->tracking == TRACKING_NONE ? "none" : "flow", "verify_checksums",
			 s->verify_checksums, "announce", config_announce_word(s->announce));
}
