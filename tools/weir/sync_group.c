// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "tools/weir/sync_group.h"

#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb/err.h"

#define MEMBERS_MAX 128 /* CPG_MEMBERS_MAX */

struct sync_group {
	cpg_handle_t handle;
	int fd;
	struct sync_member self;
	struct sync_group_events events;
	void *context;
};

static int gone(struct err *err, const char *what, cs_error_t e)
{
	return err_set(err, ENOTCONN, "%s: %s", what, cs_strerror(e));
}

/* --- what corosync calls ---------------------------------------------------------------------- */

static struct sync_group *group_of(cpg_handle_t handle)
{
	void *context = NULL;
	return cpg_context_get(handle, &context) == CS_OK ? context : NULL;
}

static void on_message(cpg_handle_t handle, const struct cpg_name *name, uint32_t node,
		       uint32_t pid, void *bytes, size_t length)
{
	struct sync_group *g = group_of(handle);
	if (g)
		g->events.deliver(g->context, (struct sync_member){node, pid}, bytes, length);
}

static void on_members(cpg_handle_t handle, const struct cpg_name *name,
		       const struct cpg_address *all, size_t count, const struct cpg_address *left,
		       size_t left_count, const struct cpg_address *joined, size_t joined_count)
{
	struct sync_group *g = group_of(handle);
	struct sync_member members[MEMBERS_MAX];
	if (count > MEMBERS_MAX)
		count = MEMBERS_MAX;
	for (size_t i = 0; i < count; i++)
		members[i] = (struct sync_member){all[i].nodeid, all[i].pid};
	if (g)
		g->events.members(g->context, members, count, g->self);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static int join(struct sync_group *g, const char *name, struct err *err)
{
	struct cpg_name group = {.length = strlen(name)};
	unsigned int node;
	memcpy(group.value, name, group.length);
	cs_error_t e = cpg_local_get(g->handle, &node);
	if (e == CS_OK)
		e = cpg_fd_get(g->handle, &g->fd);
	g->self = (struct sync_member){node, getpid()};
	if (e == CS_OK)
		e = cpg_join(g->handle, &group);
	return e == CS_OK ? 0 : gone(err, "can't join the group", e);
}

int sync_group_open(struct sync_group **out, const char *name,
		    const struct sync_group_events *events, void *context, struct err *err)
{
	cpg_model_v1_data_t model = {
		// cppcheck-suppress legacyUninitvar ; a member, not the variable
		.model = CPG_MODEL_V1,
		.cpg_deliver_fn = on_message,
		.cpg_confchg_fn = on_members,
	};
	struct sync_group *g = calloc(1, sizeof(*g));
	if (!g)
		return err_set(err, ENOMEM, "not enough memory");
	g->events = *events;
	g->context = context;
	cs_error_t e =
		cpg_model_initialize(&g->handle, CPG_MODEL_V1, (cpg_model_data_t *)&model, g);
	if (e != CS_OK) {
		free(g);
		return gone(err, "no corosync on this host", e);
	}
	int r = join(g, name, err);
	if (r)
		sync_group_close(g);
	else
		*out = g;
	return r;
}

void sync_group_close(struct sync_group *g)
{
	if (g)
		cpg_finalize(g->handle);
	free(g);
}

/* --- talking ---------------------------------------------------------------------------------- */

int sync_group_fd(const struct sync_group *g)
{
	return g->fd;
}

int sync_group_dispatch(struct sync_group *g, struct err *err)
{
	cs_error_t e = cpg_dispatch(g->handle, CS_DISPATCH_ALL);
	return e == CS_OK || e == CS_ERR_TRY_AGAIN ? 0 : gone(err, "corosync is gone", e);
}

int sync_group_send(struct sync_group *g, const void *bytes, size_t length, struct err *err)
{
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = length};
	cs_error_t e = cpg_mcast_joined(g->handle, CPG_TYPE_AGREED, &iov, 1);
	if (e == CS_ERR_TRY_AGAIN)
		return -EAGAIN;
	return e == CS_OK ? 0 : gone(err, "corosync is gone", e);
}
