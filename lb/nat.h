/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections by `forward: nat`. Each is two flows in the flow table, that know each other: the
 * client's, to the VIP, and the answers', from the backend to the SNAT address and port that stand
 * for the client. They are made, touched and forgotten together, so each is only good as long as
 * the other is there.
 *
 * Answers go back the way the client's packets come: to the link address that the last of them came
 * from, out of the port it came in on. So no route to clients is needed on Weir's host, and with
 * several routers each connection keeps to its own. Called from lb_process(), on a worker's thread.
 */
#ifndef WEIR_LB_NAT_H
#define WEIR_LB_NAT_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct flow_hit;
struct fragment_decision;
struct lb;
struct snapshot;
struct way;
struct work;

/*
 * Whether the flow that was found for a client's packet is of a connection that is whole, with the
 * backend as it is configured now. Then it is touched, and w->translation set. Errors touch
 * nothing. With w->busy that could not be found out.
 */
bool nat_find(struct lb *lb, const struct snapshot *s, struct work *w, const struct flow_hit *hit,
	      uint64_t now_ns);

/* Opens a connection to a backend for a client's packet, and sets w->translation. */
enum reason nat_open(struct lb *lb, const struct snapshot *s, struct work *w, uint32_t backend,
		     uint64_t now_ns);

/*
 * Whether a packet to a SNAT address answers a connection that is whole. Then that is touched,
 * w->translation and the packet's service and backend are set.
 */
bool nat_find_answer(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns);

/* Sets w->translation for a later fragment, of either direction, after its first one. */
bool nat_find_fragment(struct lb *lb, struct work *w, const struct fragment_decision *d,
		       uint64_t now_ns);

/* Translates a packet whose w->translation is set; to a client sets its egress. */
enum reason nat_to_backend(struct work *w, const struct way *way);
enum reason nat_to_client(struct lb *lb, const struct snapshot *s, struct work *w);

/*
 * The largest segments that fit a connection's way in both families, from the client's port and to
 * the backend.
 */
uint32_t nat_mss(const struct snapshot *s, const struct work *w, uint16_t client_port,
		 const struct way *way);

/* How long packets may be as their sender sends them, on a way with that MTU. */
uint32_t nat_senders_mtu(const struct work *w, uint32_t mtu);

#endif
