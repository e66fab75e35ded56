/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow table as JSON, written a part at a time:
 *
 *   GET /v1/flows?service=NAME&backend=NAME&limit=COUNT
 *
 *   {"flows":[
 *   {"client":"192.0.2.1","client_port":40000,"vip":"203.0.113.10","vip_port":443,
 *    "protocol":"tcp","state":"established","service":"web","backend":"b1","idle_s":3},
 *   ...
 *   ],"truncated":false}
 *
 * one flow a line. A flow by nat has "nat":{"snat":"10.0.0.200","snat_port":1024,
 * "backend":"10.0.0.11","backend_port":8443} too: what its backend sees, and answers to. `state` is
 * handshake, established, closing or udp. `backend` is "NAME", of any service, or "SERVICE/NAME".
 * Without `limit` all flows are written; `truncated` says whether there are more than `limit`.
 * Service and backend are null for a flow that will be swept away because nobody has their names
 * any more. Control thread.
 */
#ifndef WEIR_TOOLS_STATE_FLOWS_H
#define WEIR_TOOLS_STATE_FLOWS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct MHD_Connection;
struct daemon;
struct err;
struct state_flows;

/* Reads a request's arguments. -EINVAL, -ENOENT (no such service or backend), -ENOMEM. */
int state_flows_new(struct state_flows **out, const struct daemon *d,
		    struct MHD_Connection *connection, struct err *err);
void state_flows_free(void *flows);

/*
 * The next part, for MHD_create_response_from_callback(): looks at a bounded number of flows and
 * returns how many bytes it wrote, at least 1; at the end an MHD_CONTENT_READER_END_*.
 */
ssize_t state_flows_read(void *flows, uint64_t position, char *out, size_t max);

#endif
