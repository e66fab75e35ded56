// SPDX-License-Identifier: BSD-2-Clause
#include "bench/wire.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/netns.h"
#include "lb/err.h"

static int make_pair(const struct wire *w, int near, unsigned int queues, struct err *err)
{
	return netns_run(near, err,
			 "ip link add %s address 02:00:00:00:00:02 numtxqueues %u numrxqueues %u "
			 "type veth peer name " WIRE_FAR_NAME " address 02:00:00:00:00:01 "
			 "netns /proc/%d/fd/%d numtxqueues %u numrxqueues %u && "
			 "ip link set %s addrgenmode none && ip link set %s up",
			 w->near_name, queues, queues, getpid(), w->far, queues, queues,
			 w->near_name, w->near_name);
}

static int set_up_far(const struct wire *w, struct err *err)
{
	int r = netns_run(w->far, err,
			  "ip link set " WIRE_FAR_NAME " addrgenmode none && "
			  "ip link set " WIRE_FAR_NAME " up && "
			  "ip address add 10.9.0.2/24 dev " WIRE_FAR_NAME);
	for (int i = WIRE_FIRST_BACKEND; i < WIRE_FIRST_BACKEND + WIRE_BACKENDS && !r; i++)
		r = netns_run(w->far, err,
			      "ip neighbour add 10.9.0.%d lladdr 02:00:00:00:0b:%02x nud permanent "
			      "dev " WIRE_FAR_NAME,
			      i, i);
	return r;
}

int wire_open(struct wire *w, int near, const char *name, unsigned int queues, struct err *err)
{
	*w = (struct wire){.far = netns_new(err)};
	if (w->far < 0)
		return w->far;
	snprintf(w->near_name, sizeof(w->near_name), "%s", name);
	int r = netns_enter(near, err);
	if (!r)
		r = make_pair(w, near, queues, err);
	if (!r)
		r = set_up_far(w, err);
	w->near_ifindex = r ? 0 : if_nametoindex(name);
	if (r)
		wire_close(w);
	return r;
}

void wire_close(struct wire *w)
{
	if (w->far >= 0)
		close(w->far);
	w->far = -1;
}
