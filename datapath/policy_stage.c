// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "datapath/policy_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "bpf/abi.h"
#include "bpf/policy.h"
#include "lb/err.h"
#include "lb/policy.h"

#define MAPS (sizeof(struct policy_slots) / sizeof(int))

/* The descriptors, which are all there is in it, as an array. */
static int *fds_of(struct policy_slots *all)
{
	_Static_assert(MAPS == 6, "nothing but descriptors");
	return &all->policy;
}

static void close_fds(struct policy_slots *all)
{
	for (size_t i = 0; i < MAPS; i++)
		if (fds_of(all)[i] > 0)
			close(fds_of(all)[i]);
}

int policy_stage_open(struct policy_stage *s, const struct policy_slots *all, uint32_t slot,
		      uint32_t meters_there, struct err *err)
{
	struct policy_stage made = {
		.all = *all, .slot = slot, .meters_there = meters_there, .meters = -1};
	for (size_t i = 0; i < MAPS; i++) {
		int fd = fcntl(fds_of(&made.all)[i], F_DUPFD_CLOEXEC, 3);
		fds_of(&made.all)[i] = fd;
		if (fd >= 0)
			continue;
		int r = err_set(err, errno, "no descriptor for a policy's table: %m");
		memset(fds_of(&made.all) + i, 0, (MAPS - i) * sizeof(int));
		close_fds(&made.all);
		return r;
	}
	*s = made;
	return 0;
}

/* As many meters as the policy takes, if there are as many not yet. */
static int make_meters(struct policy_stage *s, const struct policy_tables *p, struct err *err)
{
	s->meter_entries = p ? p->head->meter_mask + 1 : 0;
	if (!p || s->meter_entries == s->meters_there)
		return 0;
	int fd = policy_meters_make(s->meter_entries, err);
	if (fd < 0)
		return fd;
	s->meters = fd;
	return 0;
}

int policy_stage_fill(struct policy_stage *s, const struct policy_tables *p, struct err *err)
{
	struct policy_maps maps;
	int r = make_meters(s, p, err);
	r = r ? r : policy_maps_open(&maps, p, err);
	if (r)
		return r;
	r = policy_maps_put(&maps, &s->all, s->slot, err);
	policy_maps_close(&maps);
	if (r) {
		policy_maps_put(&POLICY_MAPS_NONE, &s->all, s->slot, NULL);
		return r;
	}
	s->filled = true;
	s->of = p;
	s->bits = s->slot << TABLES_POLICY | (p ? policy_bits(p->head->flags) : 0);
	return 0;
}

void policy_stage_commit(struct policy_stage *s)
{
	s->slot ^= 1;
	s->of = NULL;
}

void policy_stage_close(struct policy_stage *s)
{
	if (s->filled)
		policy_maps_put(&POLICY_MAPS_NONE, &s->all, s->slot, NULL);
	close_fds(&s->all);
	if (s->meters > 0)
		close(s->meters);
	*s = (struct policy_stage){};
}
