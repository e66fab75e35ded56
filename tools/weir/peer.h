/* SPDX-License-Identifier: BSD-2-Clause */
/* The other end of a veth, in whichever network namespace it is. */
#ifndef WEIR_TOOLS_PEER_H
#define WEIR_TOOLS_PEER_H

#include "tools/weir/facts.h"

struct rtnetlink;

/*
 * Looks at the interface `ifindex` of the namespace that the kernel calls `nsid` here; -1: of this
 * one. Only namespaces with a name ('ip netns') and that of process 1 can be looked into; the
 * caller's thread is in its own again when it returns.
 */
void peer_look(struct rtnetlink *r, int ifindex, int nsid, struct peer_facts *out);

#endif
