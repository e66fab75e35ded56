// SPDX-License-Identifier: BSD-2-Clause
/* libmicrohttpd has taken the request's line apart already. */
#include "tools/weir/argument.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>

#include "lb/err.h"

/* What MHD_get_connection_values() carries from one argument to the next. */
struct reading {
	argument_fn *fn;
	void *context;
	struct err *err;
	int failure;
};

static enum MHD_Result take_pair(void *context, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct reading *r = context;
	r->failure = r->fn(r->context, key, value ? value : "", r->err);
	return r->failure ? MHD_NO : MHD_YES;
}

int arguments_read(struct MHD_Connection *connection, argument_fn *fn, void *context,
		   struct err *err)
{
	struct reading r = {.fn = fn, .context = context, .err = err};
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_pair, &r);
	return r.failure;
}

int argument_number(const char *key, const char *text, uint64_t max, uint64_t *out, struct err *err)
{
	char *end;
	errno = 0;
	uint64_t n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n < 1 || n > max)
		return err_set(err, EINVAL, "%s \"%.64s\" is not a number from 1 to %llu", key,
			       text, (unsigned long long)max);
	*out = n;
	return 0;
}
