// SPDX-License-Identifier: BSD-2-Clause
/*
 * The HTTP daemon asks for a part when its client has taken the one before, and the event loop
 * turns between two of them: a table of millions of flows delays nothing else.
 *
 * The table and the names change meanwhile. Each bucket is read once, so no flow is written twice;
 * and a filter holds names, not ids, because a reload may give an id to somebody else.
 */
#include "tools/weir/state_flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "datapath/engine.h"
#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "tools/weir/argument.h"
#include "tools/weir/daemon.h"
#include "tools/weir/names.h"

#define PART_BUCKETS 1024u /* looked at for one part */
#define PART_MIN     2048u /* bytes: what begins the document, one flow, and what ends it */
#define TAIL_MAX     32u   /* bytes */
#define NAME_TEXT    64    /* a name of at most 63 characters */

struct state_flows {
	const struct daemon *daemon;
	char service[NAME_TEXT], backend[NAME_TEXT]; /* "": all */
	uint64_t limit, written;                     /* flows */
	uint64_t bucket;                             /* the next to read */
	struct flow_info flows[FLOW_BUCKET_ENTRIES]; /* of the last one */
	unsigned int count, next;                    /* of those, the first that is not written */
	bool truncated, ended;
};

/* What a part is written into. */
struct part {
	char *out;
	size_t max, length;
};

static int part_add(struct part *p, const char *text)
{
	size_t length = strlen(text);
	if (length > p->max - p->length)
		return -ENOSPC;
	memcpy(p->out + p->length, text, length);
	p->length += length;
	return 0;
}

/* --- the question ---------------------------------------------------------------------------- */

static int take_name(const char *key, const char *value, size_t length, char out[NAME_TEXT],
		     struct err *err)
{
	if (*out)
		return err_set(err, EINVAL, "%s is given twice", key);
	if (!length || length >= NAME_TEXT)
		return err_set(err, EINVAL, "%s \"%.64s\" is no name", key, value);
	memcpy(out, value, length);
	out[length] = 0;
	return 0;
}

static int take_argument(void *context, const char *key, const char *value, struct err *err)
{
	struct state_flows *f = context;
	if (!strcmp(key, "limit"))
		return argument_number(key, value, UINT64_MAX, &f->limit, err);
	if (!strcmp(key, "service"))
		return take_name(key, value, strlen(value), f->service, err);
	if (strcmp(key, "backend"))
		return err_set(err, EINVAL,
			       "unknown argument \"%.64s\"; known are: service backend limit", key);
	const char *slash = strchr(value, '/');
	int failure = take_name(key, slash ? slash + 1 : value, strlen(slash ? slash + 1 : value),
				f->backend, err);
	if (!failure && slash)
		failure = take_name("service", value, slash - value, f->service, err);
	return failure;
}

/* Whether the configuration in force has what is asked for. */
static int check_names(const struct state_flows *f, struct err *err)
{
	const struct config *c = f->daemon->config;
	if (*f->backend)
		return names_check_backend(c, f->service, f->backend, err);
	return !*f->service || names_service(c, f->service, err) ? 0 : -ENOENT;
}

int state_flows_new(struct state_flows **out, const struct daemon *d,
		    struct MHD_Connection *connection, struct err *err)
{
	struct state_flows *f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(err, ENOMEM, "out of memory");
	f->daemon = d;
	f->limit = UINT64_MAX;
	int failure = arguments_read(connection, take_argument, f, err);
	failure = failure ? failure : check_names(f, err);
	if (failure)
		state_flows_free(f);
	else
		*out = f;
	return failure;
}

void state_flows_free(void *flows)
{
	free(flows);
}

/* --- one flow -------------------------------------------------------------------------------- */

/* `key`: the backend's "service/backend", or NULL. */
static bool is_wanted(const struct state_flows *f, const char *key)
{
	const char *slash = key ? strchr(key, '/') : NULL;
	if (!*f->service && !*f->backend)
		return true;
	if (!slash)
		return false;
	size_t length = slash - key;
	if (*f->service && (strlen(f->service) != length || memcmp(f->service, key, length)))
		return false;
	return !*f->backend || !strcmp(f->backend, slash + 1);
}

static json_t *name_json(const char *name, size_t length)
{
	json_t *text = name ? json_stringn(name, length) : NULL;
	return text ? text : json_null();
}

static const char *state_word(enum flow_state state)
{
	static const char *const words[FLOW_STATES] = {
		[FLOW_FREE] = "free",
		[FLOW_HANDSHAKE] = "handshake",
		[FLOW_ESTABLISHED] = "established",
		[FLOW_CLOSING] = "closing",
		[FLOW_UDP] = "udp",
	};
	return words[state];
}

/* What the backend sees of a translated flow. */
static json_t *nat_json(const struct translation *x)
{
	char snat[ADDR_TEXT], backend[ADDR_TEXT];
	return json_pack("{s:s, s:i, s:s, s:i}", "snat", addr_format(&x->source, snat), "snat_port",
			 (int)ntohs(x->source_port), "backend",
			 addr_format(&x->destination, backend), "backend_port",
			 (int)ntohs(x->destination_port));
}

static json_t *flow_json(const struct flow_info *flow, const char *key)
{
	const char *slash = key ? strchr(key, '/') : NULL;
	const char *backend = slash ? slash + 1 : NULL;
	char client[ADDR_TEXT], vip[ADDR_TEXT];
	/* Without memory, or for flows of other methods, nat is NULL and the key left out. */
	json_t *nat = flow->translated ? nat_json(&flow->translation) : NULL;
	return json_pack(
		"{s:s, s:i, s:s, s:i, s:s, s:s, s:o, s:o, s:I, s:o*}", "client",
		addr_format(&flow->key.source, client), "client_port",
		(int)ntohs(flow->key.source_port), "vip", addr_format(&flow->key.destination, vip),
		"vip_port", (int)ntohs(flow->key.destination_port), "protocol",
		flow->key.protocol == IPPROTO_TCP ? "tcp" : "udp", "state", state_word(flow->state),
		"service", name_json(slash ? key : NULL, slash ? slash - key : 0), "backend",
		name_json(backend, backend ? strlen(backend) : 0), "idle_s",
		(json_int_t)flow->idle_s, "nat", nat);
}

/* Takes over `row`. -ENOSPC: the part is full; -ENOMEM. Then nothing was added. */
static int add_row(struct state_flows *f, struct part *p, json_t *row)
{
	size_t before = p->length, length = 0;
	const char *separator = f->written ? ",\n" : "\n";
	int failure = part_add(p, separator);
	size_t room = p->max - p->length;
	if (row && !failure)
		length = json_dumpb(row, p->out + p->length, room, JSON_COMPACT);
	json_decref(row);
	if (failure || length > room) {
		p->length = before;
		return -ENOSPC;
	}
	if (!length)
		return -ENOMEM;
	p->length += length;
	f->written++;
	return 0;
}

/* --- a part ----------------------------------------------------------------------------------- */

static int add_flow(struct state_flows *f, struct part *p)
{
	const struct flow_info *flow = &f->flows[f->next];
	const char *key = registry_name(f->daemon->backends, flow->backend);
	int failure = 0;
	/* The backend's side of a translated connection is told of with the client's. */
	bool wanted = !flow->answers && is_wanted(f, key);
	if (wanted && f->written == f->limit)
		f->truncated = true;
	else if (wanted)
		failure = add_row(f, p, flow_json(flow, key));
	if (!failure)
		f->next++;
	return failure;
}

static uint64_t clock_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

/* 1: that was all. 0: there is more. -ENOMEM. */
static int add_flows(struct state_flows *f, struct part *p)
{
	const struct flow_table *t = engine_flow_table(f->daemon->engine);
	uint64_t now_ns = clock_now_ns(), end = f->bucket + PART_BUCKETS;
	int failure = 0;
	if (end > t->mask + 1)
		end = t->mask + 1;
	while (!failure && !f->truncated) {
		if (f->next < f->count) {
			failure = add_flow(f, p);
		} else if (f->bucket < end) {
			f->count = flow_table_read(t, f->bucket++, now_ns, f->flows);
			f->next = 0;
		} else {
			break;
		}
	}
	if (failure)
		return failure == -ENOSPC ? 0 : failure;
	return f->truncated || f->bucket > t->mask;
}

ssize_t state_flows_read(void *flows, uint64_t position, char *out, size_t max)
{
	struct state_flows *f = flows;
	struct part p = {.out = out, .max = max - TAIL_MAX};
	if (f->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (max < PART_MIN)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!position)
		part_add(&p, "{\"flows\":[");
	int result = add_flows(f, &p);
	if (result < 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	f->ended = result;
	p.max = max;
	if (f->ended)
		part_add(&p,
			 f->truncated ? "\n],\"truncated\":true}\n" : "\n],\"truncated\":false}\n");
	/* 0 bytes would mean that there is nothing to send as yet. */
	if (!p.length)
		part_add(&p, "\n");
	return p.length;
}
