// SPDX-License-Identifier: BSD-2-Clause
/* See the header. Control thread. */
#include "tools/weir/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lb/config.h"
#include "lb/err.h"
#include "lb/similar.h"

static int unknown_service(const struct config *c, const char *name, struct err *err)
{
	char known[sizeof(((struct err *)0)->text) / 2] = "";
	size_t length = 0;
	struct similar s = similar_to(name);
	for (unsigned int i = 0; i < c->service_count; i++)
		similar_offer(&s, c->services[i].name);
	if (s.meant)
		return err_set(err, ENOENT, "there is no service \"%s\"; did you mean %s?", name,
			       s.meant);
	for (unsigned int i = 0; i < c->service_count && length < sizeof(known); i++)
		length += snprintf(known + length, sizeof(known) - length, " %s",
				   c->services[i].name);
	return err_set(err, ENOENT, "there is no service \"%s\"; known are:%s%s", name, known,
		       length < sizeof(known) ? "" : "...");
}

const struct config_service *names_service(const struct config *c, const char *name,
					   struct err *err)
{
	const struct config_service *s = config_find_service(c, name);
	if (!s)
		unknown_service(c, name, err);
	return s;
}

int names_check_backend(const struct config *c, const char *service, const char *backend,
			struct err *err)
{
	struct similar meant = similar_to(backend);
	if (*service && !names_service(c, service, err))
		return -ENOENT;
	for (unsigned int i = 0; i < c->service_count; i++) {
		const struct config_service *s = &c->services[i];
		if (*service && strcmp(service, s->name))
			continue;
		if (config_find_backend(s, backend))
			return 0;
		for (unsigned int j = 0; j < s->backend_count; j++)
			similar_offer(&meant, s->backends[j].name);
	}
	if (meant.meant)
		return err_set(err, ENOENT, "there is no backend \"%s%s%s\"; did you mean %s?",
			       service, *service ? "/" : "", backend, meant.meant);
	return err_set(err, ENOENT,
		       "there is no backend \"%s%s%s\"; 'weir show backends' lists them all",
		       service, *service ? "/" : "", backend);
}
