/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes this host, or this network namespace, a backend: the VIPs on its loopback interface, quiet
 * about them, with tunnels' outer headers taken off and ranges of ports given to one socket. All of
 * it can be undone (tools/weir/backend_journal.h).
 */
#ifndef WEIR_TOOLS_BACKEND_H
#define WEIR_TOOLS_BACKEND_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/port_range.h"

struct backend_journal;
struct err;

#define BACKEND_LIST_MAX 64u /* VIPs, balancers */

struct backend_ports {
	struct port_range range;
	uint16_t socket_port; /* of the server that gets them all */
};

struct backend_options {
	struct addr vips[BACKEND_LIST_MAX];
	uint32_t vip_count;
	char interface[IF_NAMESIZE]; /* where tunnel packets come in */
	enum forward tunnel;         /* FORWARD_DSR: none */
	struct prefix_key balancers[BACKEND_LIST_MAX];
	uint32_t balancer_count;
	struct backend_ports ports[PORT_RANGE_MAX];
	uint32_t port_count;
};

/* The same as a document, and back. What was written by the first is read without a fault. */
json_t *backend_options_json(const struct backend_options *o);
void backend_options_read(const json_t *text, struct backend_options *o);

/* One of the words of the command line; -EINVAL says what was expected. */
int backend_parse_vips(struct backend_options *o, char *text, struct err *err);
int backend_parse_balancers(struct backend_options *o, char *text, struct err *err);
int backend_parse_ports(struct backend_options *o, const char *text, struct err *err);

/*
 * All or nothing. With what is up already, puts back what is missing of it, and takes the servers'
 * sockets anew. `note` is called with what is no fault but has to be known.
 */
int backend_up(struct backend_journal *j, const struct backend_options *o,
	       void (*note)(const char *text), struct err *err);

/* Undoes what backend_up() did. Says of what it can't, and goes on; then it returns -errno. */
int backend_down(struct backend_journal *j, void (*note)(const char *text), struct err *err);

/* What was asked for, and whether it is in place: a document. NULL without memory. */
json_t *backend_state(const struct backend_journal *j);

#endif
