// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "tools/weir/override.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/engine.h"
#include "lb/config.h"
#include "lb/err.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tools/weir/daemon.h"
#include "tools/weir/log.h"

#define WEIGHT_MAX 65535

static const char *const words[] = {
	[FORCE_UP] = "up",
	[FORCE_DRAIN] = "drain",
	[FORCE_DOWN] = "down",
	[FORCE_ALIVE] = "alive",
};

const char *override_state_word(const struct backend_control *c)
{
	return words[c->force];
}

const char *override_word(size_t index)
{
	return FORCE_UP + index <= FORCE_ALIVE ? words[FORCE_UP + index] : NULL;
}

static int set_state(struct backend_control *c, const json_t *value, struct err *err)
{
	const char *word = json_string_value(value);
	for (unsigned int force = FORCE_UP; word && force <= FORCE_ALIVE; force++) {
		if (strcmp(words[force], word))
			continue;
		c->force = force;
		return 0;
	}
	return err_set(err, EINVAL, "state: expected up, drain, down or alive, found '%.40s'",
		       word ? word : "what is no text");
}

static int set_weight(struct backend_control *c, const json_t *value, struct err *err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > WEIGHT_MAX)
		return err_set(err, EINVAL, "weight: expected a whole number from 0 to %d",
			       WEIGHT_MAX);
	c->has_weight = 1;
	c->weight = json_integer_value(value);
	return 0;
}

static int set_all(struct backend_control *c, json_t *object, struct err *err)
{
	const char *key;
	json_t *value;
	if (!json_is_object(object) || !json_object_size(object))
		return err_set(err, EINVAL, "expected an object with state, weight or both");
	json_object_foreach(object, key, value)
	{
		int r = err_set(NULL, EINVAL, "unknown");
		if (!strcmp(key, "state"))
			r = set_state(c, value, err);
		else if (!strcmp(key, "weight"))
			r = set_weight(c, value, err);
		else
			err_set(err, EINVAL, "%.40s: unknown key; the keys are state and weight",
				key);
		if (r) {
			err_place(err, key, 0);
			return r;
		}
	}
	return 0;
}

static int find_backend(const struct daemon *d, const char *service, const char *backend,
			int64_t *id, struct err *err)
{
	char key[SNAPSHOT_BACKEND_KEY];
	const struct config_service *s = config_find_service(d->config, service);
	if (!s)
		return err_set(err, ENOENT, "there is no service '%.64s'", service);
	const struct config_backend *b = config_find_backend(s, backend);
	if (!b)
		return err_set(err, ENOENT, "service '%.64s' has no backend '%.64s'", service,
			       backend);
	*id = registry_find(d->backends, snapshot_backend_key(s, b, key, sizeof(key)));
	return 0;
}

static int put_in_force(struct daemon *d, int64_t id, const struct backend_control *now,
			struct err *err)
{
	struct backend_control before = d->controls[id];
	d->controls[id] = *now;
	int r = daemon_publish(d, err);
	if (r)
		d->controls[id] = before;
	return r;
}

int override_set(struct daemon *d, const char *service, const char *backend, const char *body,
		 size_t length, struct err *err)
{
	int64_t id;
	json_error_t fault;
	int r = find_backend(d, service, backend, &id, err);
	if (r)
		return r;
	json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, &fault);
	if (!object)
		return err_set(err, EINVAL, "not valid JSON at byte %d: %s", fault.position,
			       fault.text);
	struct backend_control now = d->controls[id];
	r = set_all(&now, object, err);
	json_decref(object);
	r = r ? r : put_in_force(d, id, &now, err);
	if (!r)
		log_info("a backend was set by hand",
			 "event=backend-set service=%s backend=%s state=%s weight=%" PRIu32,
			 service, backend, now.force ? words[now.force] : "as-configured",
			 engine_snapshot(d->engine)->backends[id].weight);
	return r;
}

json_t *override_json(const struct daemon *d, const char *service, const char *backend)
{
	int64_t id;
	if (find_backend(d, service, backend, &id, NULL))
		return NULL;
	const struct backend *b = &engine_snapshot(d->engine)->backends[id];
	return json_pack("{s:s, s:s, s:s, s:I, s:s?}", "service", service, "name", backend, "state",
			 config_state_word(b->state), "weight", (json_int_t)b->weight, "set",
			 override_state_word(&d->controls[id]));
}

struct backend_control *overrides_ended(const struct daemon *d)
{
	struct backend_control *c = calloc(ABI_MAX_BACKENDS, sizeof(*c));
	for (uint32_t id = 0; c && id < registry_end(d->backends); id++) {
		const struct backend_control *was = &d->controls[id];
		c[id].failed = was->failed;
		if (was->force || was->has_weight)
			log_info("what was set by hand ends with the reload",
				 "event=backend-set-ended backend=%s",
				 registry_name(d->backends, id));
	}
	return c;
}
