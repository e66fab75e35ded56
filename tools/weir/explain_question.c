// SPDX-License-Identifier: BSD-2-Clause
/* One thread: the control thread, or a command's. */
#include "tools/weir/explain_question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/explain_report.h"
#include "tools/weir/explain_tuple.h"

#define EXAMPLES 10u /* clients that are named, of each backend */

/* --- the question ---------------------------------------------------------------------------- */

static int set_word(char to[EXPLAIN_WORD], const char *key, const char *value, struct err *err)
{
	if (strlen(value) >= EXPLAIN_WORD)
		return err_set(err, EINVAL, "%s: longer than %u bytes", key, EXPLAIN_WORD - 1);
	strcpy(to, value);
	return 0;
}

static int set_frame(struct explain_question *q, const char *hex, struct err *err)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	size_t length = strlen(hex);
	if (!length || length % 2 || length / 2 > EXPLAIN_FRAME || strspn(hex, digits) != length)
		return err_set(err, EINVAL,
			       "frame: expected an even number of hexadecimal digits, of at most "
			       "%u bytes",
			       EXPLAIN_FRAME);
	for (size_t i = 0; i < length / 2; i++) {
		uint8_t high = (strchr(digits, hex[2 * i]) - digits) % 16;
		q->frame[i] = high << 4 | (strchr(digits, hex[2 * i + 1]) - digits) % 16;
	}
	q->length = length / 2;
	return 0;
}

static int set_sample(struct explain_question *q, const char *value, struct err *err)
{
	char *end;
	q->sample = strtoull(value, &end, 10);
	if (*value < '0' || *value > '9' || *end || !q->sample || q->sample > EXPLAIN_SAMPLE_MAX)
		return err_set(err, EINVAL, "sample \"%.32s\" is not a number from 1 to %u", value,
			       EXPLAIN_SAMPLE_MAX);
	return 0;
}

int explain_question_set(struct explain_question *q, const char *key, const char *value,
			 struct err *err)
{
	struct {
		const char *key;
		char *word;
	} words[] = {{"from", q->from},           {"to", q->to},
		     {"protocol", q->protocol},   {"flags", q->flags},
		     {"interface", q->interface}, {"backend", q->backend}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(key, words[i].key))
			return set_word(words[i].word, key, value, err);
	if (!strcmp(key, "frame"))
		return set_frame(q, value, err);
	if (!strcmp(key, "sample"))
		return set_sample(q, value, err);
	return err_set(err, EINVAL,
		       "unknown argument \"%.64s\"; known are: from to protocol flags frame "
		       "interface sample backend",
		       key);
}

/* --- one packet ------------------------------------------------------------------------------ */

struct asking {
	const struct explain_question *question;
	const struct explain_view *view;
	struct explain *explain;
	struct explanation *x;
	uint16_t ingress;
	uint64_t now_ns;
};

static int find_interface(struct asking *a, struct err *err)
{
	const struct config *c = a->view->config;
	const char *name = a->question->interface;
	if (!*name)
		return 0;
	for (unsigned int i = 0; i < c->interface_count; i++)
		if (!strcmp(c->interfaces[i].name, name)) {
			a->ingress = config_port(c, i);
			return 0;
		}
	return err_set(err, EINVAL, "\"%s\" is no interface of Weir", name);
}

static int parse_tuple(const struct explain_question *q, const char *from, struct explain_tuple *t,
		       struct err *err)
{
	if (!*from || !*q->to || !*q->protocol)
		return err_set(err, EINVAL,
			       "from, to and protocol are needed, or a frame: who sends what to "
			       "whom?");
	return explain_tuple_parse(t, from, q->to, q->protocol, *q->flags ? q->flags : NULL, err);
}

static void explain_frame(struct asking *a, const uint8_t *frame, uint32_t length)
{
	const struct explain_basis basis = {a->view->snapshot, a->view->flows, a->view->meters};
	explain_packet(a->explain, &basis, frame, length, a->ingress, a->now_ns, a->x);
}

static void explain_tuple(struct asking *a, const struct explain_tuple *t)
{
	uint8_t frame[EXPLAIN_TUPLE_FRAME];
	explain_frame(a, frame, explain_tuple_frame(t, frame));
}

static int answer_one(struct asking *a, json_t **out, struct err *err)
{
	const struct explain_question *q = a->question;
	struct explain_tuple t;
	if (q->length) {
		explain_frame(a, q->frame, q->length);
	} else {
		int r = parse_tuple(q, q->from, &t, err);
		if (r)
			return r;
		explain_tuple(a, &t);
	}
	*out = explain_report(a->view, a->x);
	return *out ? 0 : err_set(err, ENOMEM, "not enough memory");
}

/* --- a sample -------------------------------------------------------------------------------- */

/* What a backend would get. */
struct share {
	uint64_t clients;
	json_t *examples;
};

/* Made up, but always alike: addresses of the whole Internet, or of 2001:db8::/32. */
static void make_client(struct explain_tuple *t, uint64_t *random)
{
	bool v4 = addr_is_v4(&t->to);
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	t->from = t->to;
	t->from.word[3] = (__be32)*random;
	if (v4)
		*(uint8_t *)&t->from.word[3] = 1 + *random % 223;
	else
		t->from.word[2] = (__be32)(*random >> 32);
	t->from_port = 1024 + *random % 64512;
}

static void count_client(struct share *shares, const struct asking *a,
			 const struct explain_tuple *t)
{
	char from[ADDR_TEXT];
	uint32_t id = a->x->packet.backend;
	if (id == ABI_NO_BACKEND)
		return;
	struct share *s = &shares[id];
	s->clients++;
	if (!s->examples)
		s->examples = json_array();
	if (json_array_size(s->examples) < EXAMPLES)
		json_array_append_new(s->examples,
				      json_sprintf(addr_is_v4(&t->from) ? "%s:%u" : "[%s]:%u",
						   addr_format(&t->from, from), t->from_port));
}

static json_t *share_json(const struct asking *a, uint32_t id, struct share *s)
{
	const char *name = registry_name(a->view->backends, id);
	const char *slash = name ? strchr(name, '/') : NULL;
	const char *wanted = a->question->backend;
	if (!name || (*wanted && strcmp(wanted, name) && strcmp(wanted, slash ? slash + 1 : "")))
		return NULL;
	return json_pack("{s:s, s:I, s:f, s:O}", "backend", name, "clients", (json_int_t)s->clients,
			 "share", (double)s->clients / a->question->sample, "examples",
			 s->examples);
}

static json_t *shares_json(const struct asking *a, struct share *shares)
{
	json_t *list = json_array();
	for (uint32_t id = 0; id < a->view->snapshot->backend_end; id++) {
		if (!shares[id].examples)
			continue;
		json_t *row = share_json(a, id, &shares[id]);
		if (row)
			json_array_append_new(list, row);
		json_decref(shares[id].examples);
	}
	return json_pack("{s:I, s:o}", "sample", (json_int_t)a->question->sample, "backends", list);
}

static int answer_sample(struct asking *a, json_t **out, struct err *err)
{
	struct explain_tuple t;
	uint64_t random = 0x77656972;
	/* Of the client only the family counts. */
	const char *from = strchr(a->question->to, '[') ? "2001:db8::1" : "192.0.2.1";
	int r = parse_tuple(a->question, from, &t, err);
	if (r)
		return r;
	struct share *shares = calloc(a->view->snapshot->backend_end + 1, sizeof(*shares));
	if (!shares)
		return err_set(err, ENOMEM, "not enough memory");
	for (uint64_t i = 0; i < a->question->sample; i++) {
		make_client(&t, &random);
		explain_tuple(a, &t);
		count_client(shares, a, &t);
	}
	*out = shares_json(a, shares);
	free(shares);
	return *out ? 0 : err_set(err, ENOMEM, "not enough memory");
}

/* --- the answer ------------------------------------------------------------------------------ */

int explain_question_answer(const struct explain_question *q, const struct explain_view *v,
			    uint64_t now_ns, json_t **out, struct err *err)
{
	struct asking a = {
		.question = q,
		.view = v,
		.explain = explain_new(),
		.x = malloc(sizeof(*a.x)),
		.now_ns = now_ns,
	};
	int r = a.explain && a.x ? find_interface(&a, err)
				 : err_set(err, ENOMEM, "not enough memory");
	if (!r)
		r = q->sample ? answer_sample(&a, out, err) : answer_one(&a, out, err);
	explain_free(a.explain);
	free(a.x);
	return r;
}

static void print_sample(json_t *answer)
{
	size_t i, j;
	json_t *row, *client;
	json_array_foreach(json_object_get(answer, "backends"), i, row)
	{
		printf("%-24s %5.1f%%  clients like",
		       json_string_value(json_object_get(row, "backend")),
		       100 * json_real_value(json_object_get(row, "share")));
		json_array_foreach(json_object_get(row, "examples"), j, client)
			printf(" %s", json_string_value(client));
		putchar('\n');
	}
}

void explain_print(json_t *answer)
{
	if (json_object_get(answer, "backends"))
		print_sample(answer);
	else
		explain_report_print(answer);
}
