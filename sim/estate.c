// SPDX-License-Identifier: BSD-2-Clause
/*
 * The configuration is parsed from YAML once; a change edits the parsed struct and notes how to
 * undo that, as parsing 100,000 backends again would take longer than all the rest.
 */
#include "sim/estate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "sim/chance.h"

#define BACKENDS_IPV4 0x0a000000u /* 10.0.0.0 and up */

struct estate_edit {
	struct config_service *service; /* NULL: the check of backend `index` fails */
	uint32_t index;                 /* where it was; of one that came: the last */
	bool came;
	struct config_backend gone;
};

/* --- the configuration ------------------------------------------------------------------------ */

static void write_address(FILE *out, const char *key, uint32_t a)
{
	fprintf(out, "%s: %u.%u.%u.%u", key, a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void write_config(const struct estate *e, FILE *out)
{
	uint32_t backend = 0;
	fputs("interfaces: [{name: eth0}]\nservices:\n", out);
	for (uint32_t i = 0; i < e->service_count; i++) {
		fprintf(out, "  - name: s%u\n    ", i);
		write_address(out, "address", ESTATE_VIPS + i);
		fprintf(out, "\n    protocol: tcp\n    ports: %d\n    backends:\n", ESTATE_PORT);
		uint32_t end = (uint64_t)(i + 1) * e->backend_count / e->service_count;
		for (; backend < end; backend++) {
			fprintf(out, "      - {name: b%u, ", backend);
			write_address(out, "address", BACKENDS_IPV4 + backend);
			fputs("}\n", out);
		}
	}
}

static int read_config(struct estate *e, struct err *err)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	if (!out)
		return err_set(err, ENOMEM, "no memory for a configuration");
	write_config(e, out);
	if (fclose(out))
		return err_set(err, ENOMEM, "no memory for a configuration");
	int r = config_parse("weir-sim", text, length, &e->config, err);
	free(text);
	return r;
}

int estate_open(struct estate *e, uint32_t services, uint32_t backends, struct err *err)
{
	*e = (struct estate){
		.services = registry_new(ABI_MAX_SERVICES),
		.backends = registry_new(ABI_MAX_BACKENDS),
		.controls = calloc(ABI_MAX_BACKENDS, sizeof(*e->controls)),
		.service_count = services,
		.backend_count = backends,
		.next = backends,
	};
	int r = !e->services || !e->backends || !e->controls
			? err_set(err, ENOMEM, "no memory for names")
			: read_config(e, err);
	if (!r)
		r = snapshot_assign_ids(e->config, e->services, e->backends, err);
	if (r)
		estate_close(e);
	return r;
}

void estate_close(struct estate *e)
{
	estate_restore(e);
	config_free(e->config);
	registry_free(e->services);
	registry_free(e->backends);
	free(e->controls);
	free(e->edits);
	*e = (struct estate){};
}

/* --- changes ---------------------------------------------------------------------------------- */

/* NULL without memory. */
static struct estate_edit *note(struct estate *e)
{
	struct estate_edit *edits = realloc(e->edits, (e->edit_count + 1) * sizeof(*edits));
	if (!edits)
		return NULL;
	e->edits = edits;
	edits[e->edit_count] = (struct estate_edit){};
	return &edits[e->edit_count++];
}

static struct config_service *any_service(const struct estate *e, struct chance *c)
{
	return &e->config->services[chance_below(c, e->service_count)];
}

static int no_memory(struct err *err)
{
	return err_set(err, ENOMEM, "no memory for a change of backends");
}

int estate_add(struct estate *e, struct chance *c, struct err *err)
{
	struct config_service *s = any_service(e, c);
	struct config_backend *b = realloc(s->backends, (s->backend_count + 1) * sizeof(*b));
	char name[16], key[SNAPSHOT_BACKEND_KEY];
	if (!b)
		return no_memory(err);
	s->backends = b;
	b += s->backend_count;
	*b = s->backends[0]; /* alike but for its name and address */
	snprintf(name, sizeof(name), "b%u", e->next);
	b->address.word[3] = htonl(BACKENDS_IPV4 + e->next);
	b->name = strdup(name);
	struct estate_edit *edit = b->name ? note(e) : NULL;
	if (!edit) {
		free(b->name);
		return no_memory(err);
	}
	e->next++;
	*edit = (struct estate_edit){.service = s, .index = s->backend_count++, .came = true};
	snapshot_backend_key(s, b, key, sizeof(key));
	if (registry_assign(e->backends, key) < 0)
		return err_set(err, ENOSPC, "no ids left for new backends");
	return 0;
}

int estate_remove(struct estate *e, struct chance *c, struct err *err)
{
	struct config_service *s = any_service(e, c);
	for (uint32_t tries = 0; s->backend_count < 2 && tries < 64; tries++)
		s = any_service(e, c);
	if (s->backend_count < 2)
		return err_set(err, EINVAL, "no service has a backend that it can do without");
	struct estate_edit *edit = note(e);
	if (!edit)
		return no_memory(err);
	uint32_t index = chance_below(c, s->backend_count);
	*edit = (struct estate_edit){.service = s, .index = index, .gone = s->backends[index]};
	s->backends[index] = s->backends[--s->backend_count];
	return 0;
}

static uint32_t id_of(const struct estate *e, const struct config_service *s, uint32_t index)
{
	char key[SNAPSHOT_BACKEND_KEY];
	snapshot_backend_key(s, &s->backends[index], key, sizeof(key));
	return registry_find(e->backends, key);
}

void estate_fail(struct estate *e, struct chance *c)
{
	const struct config_service *s = any_service(e, c);
	uint32_t id = id_of(e, s, chance_below(c, s->backend_count));
	struct estate_edit *edit = note(e);
	if (!edit)
		return; /* it stays well */
	edit->index = id;
	e->controls[id].failed = true;
}

static void undo(struct estate *e, const struct estate_edit *edit)
{
	struct config_service *s = edit->service;
	if (!s) {
		e->controls[edit->index].failed = false;
	} else if (edit->came) {
		free(s->backends[--s->backend_count].name);
		e->next--;
	} else {
		s->backends[s->backend_count++] = s->backends[edit->index];
		s->backends[edit->index] = edit->gone;
	}
}

void estate_restore(struct estate *e)
{
	while (e->edit_count)
		undo(e, &e->edits[--e->edit_count]);
}

/* --- snapshots -------------------------------------------------------------------------------- */

int estate_snapshot(const struct estate *e, const struct snapshot *previous, bool refresh,
		    uint64_t now_ns, struct snapshot **out, struct err *err)
{
	static const uint8_t mac[][ETH_ALEN] = {{0x02, 0, 0, 0, 0, 0x01}};
	const struct snapshot_input in = {
		.config = e->config,
		.services = e->services,
		.backends = e->backends,
		.controls = e->controls,
		.port_macs = mac,
		.port_count = 1,
		.generation = previous ? previous->generation + 1 : 1,
		.now_ns = now_ns,
	};
	return refresh ? snapshot_refresh(&in, previous, out, err)
		       : snapshot_new(&in, previous, out, err);
}

int estate_forget(const struct estate *e, const struct snapshot *previous, struct snapshot **out,
		  struct err *err)
{
	return estate_snapshot(e, previous, true, UINT64_MAX, out, err);
}
