/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All that workers need to decide, in one immutable piece: the control thread builds it, publishes
 * it with one store, and frees the old one after a grace period.
 *
 * Ids of services and backends are the registry's: stable over reloads. Arrays are indexed by id
 * and may have holes (`present` false). What a reload alone changes (targets, rosters, Maglev
 * tables) is shared between snapshots by reference count, so that a changed next hop or a health
 * flap copies small arrays only.
 */
#ifndef WEIR_LB_SNAPSHOT_H
#define WEIR_LB_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lb/config.h"

struct err;
struct maglev;
struct maglev_share;
struct policy_tables;
struct quic_servers;
struct registry;
struct roster;
struct snapshot_snat;
struct target_table;

/* The hot part of a backend: one look per packet. */
struct backend {
	struct way way;   /* next hop and method; remote is its address */
	uint32_t service; /* id */
	uint16_t weight;
	uint8_t state;         /* enum config_state: what came of all that has a say in it */
	uint8_t present : 1;   /* configured */
	uint8_t reachable : 1; /* the way's link and egress are known */
	uint8_t tracked : 1;   /* its flows are in the flow table */
	uint8_t repeated : 1;  /* XDP may repeat what the flow table says */
	uint8_t is_hop : 1;    /* no backend, but the next hop of a rule that redirects */
};
_Static_assert(sizeof(struct backend) == 64, "one cache line");

/* Whether flows may be in the flow table with it. */
static inline bool backend_keeps_flows(const struct backend *b)
{
	return b->present && b->tracked && b->state != STATE_DOWN;
}

/* Whether the XDP program may send it packets by what the flow table says. */
static inline bool backend_is_repeatable(const struct backend *b)
{
	return backend_keeps_flows(b) && b->repeated && b->reachable;
}

/* The way that the XDP program gets to see. */
static inline struct way backend_fast_way(const struct backend *b)
{
	struct way way = {0};
	if (backend_is_repeatable(b) || (b->is_hop && b->reachable)) {
		way = b->way;
		way.usable = 1;
	}
	return way;
}

/* A Maglev table, whose slots are positions in a roster. Shared by snapshots. */
struct maglev_share {
	uint32_t references; /* the control thread's */
	struct maglev *table;
	struct roster *roster;
};

struct service {
	const struct maglev *maglev;     /* NULL: no backend with a weight */
	struct maglev_share *share;      /* who else has it */
	struct roster *roster;           /* members and quic are its own */
	const struct quic_servers *quic; /* NULL: connection ids say nothing */
	uint64_t *up;                    /* bitmap by position: may take new flows */
	const uint32_t *members;         /* position -> backend id */
	uint32_t member_count;
	uint32_t up_count;
	/* The table before the last change of backends or weights, for connections that began by
	 * it, and until when; or NULL. */
	const struct maglev_share *before;
	uint64_t before_until_ns;
	uint64_t slow_start_ns;  /* 0: none */
	uint64_t half_open_cost; /* of a flow, to its guard (lb/policy_rule.h); 0: it has none */
	uint64_t ramp_until_ns;  /* until then a backend is in its slow start */
	uint32_t min_up;         /* with fewer up, backups are used */
	uint8_t present;
	uint8_t protocol;
	uint8_t announce; /* enum config_announce */
	uint8_t affinity; /* enum config_affinity */
	uint8_t tracked;  /* its flows are in the flow table */
	uint8_t verified; /* what has a wrong checksum is dropped */
	uint8_t least_connections;
	uint8_t no_backend; /* enum config_no_backend */
	uint16_t mss_clamp; /* as struct config_service has it */
	uint8_t passes;     /* all is the kernel's: nobody serves, and no_backend says so */
	uint64_t identity;  /* made of its name: alike on every node */
	uint8_t prefix;     /* length, see lb/prefix.h; 0: the address alone */
	struct addr address;
};

struct snapshot {
	uint64_t generation;
	uint32_t service_end, backend_end;          /* array lengths */
	struct service *services;                   /* by id */
	struct backend *backends;                   /* by id */
	struct target_table *targets;               /* (address, protocol, port) -> struct target */
	struct policy_tables *policy;               /* NULL: everything is allowed */
	struct link_addresses ports[ABI_MAX_PORTS]; /* source: the port's own; by port index */
	uint16_t port_mtus[ABI_MAX_PORTS];          /* in bytes of IP packet */
	struct snapshot_snat *snat;
	uint32_t port_count;
	uint32_t echo_limit;    /* echo requests that each worker answers a second */
	uint32_t too_big_limit; /* packets that are too big, the same */
	struct config_ipip ipip;
	bool counts;        /* some service needs connections counted */
	uint64_t idle_ns;   /* how long connections are remembered */
	uint64_t stale_ns;  /* a refresh is due then: something in here ends; UINT64_MAX: nothing */
	uint64_t *since_ns; /* by backend id: when it began to serve; NULL: no service cares */
};

/* What the kernel knows of a backend's way out. */
struct next_hop {
	bool known;
	uint16_t egress; /* port index */
	uint8_t mac[ETH_ALEN];
	uint8_t source[ETH_ALEN]; /* the own link address; zeroes: the port's */
	uint16_t vlan;            /* tag to send with, 0: none */
	uint16_t mtu;             /* of the way, 0: not known */
	struct addr local;        /* the host's own address on that way */
};

/* What an operator says about a backend, over its configuration and its checks. */
enum backend_force {
	FORCE_NONE,
	FORCE_UP, /* as if it were configured so: its checks still have a say */
	FORCE_DRAIN,
	FORCE_DOWN,
	FORCE_ALIVE, /* up, whatever its checks say */
};

/* What has a say in a backend's state and weight beside its configuration. */
struct backend_control {
	uint8_t force;      /* enum backend_force */
	uint8_t has_weight; /* `weight` counts, not the configured one */
	uint8_t failed;     /* its health check says that it does not serve */
	uint32_t weight;
};

struct snapshot_input {
	const struct config *config;
	const struct registry *services, *backends; /* backends by "service/backend" */
	const struct next_hop *next_hops;           /* by backend id, or NULL: all known, port 0 */
	const struct backend_control *controls;     /* by backend id, or NULL: as configured */
	const uint8_t (*port_macs)[ETH_ALEN];       /* by port index */
	const uint32_t *port_mtus;                  /* the same, or NULL: any packet fits */
	uint32_t port_count;
	uint64_t generation;
	uint64_t now_ns;              /* CLOCK_MONOTONIC */
	struct policy_tables *policy; /* of the same configuration; the snapshot keeps it */
};

/*
 * Builds a snapshot; Maglev tables of services whose members and weights are those of `previous`
 * (or NULL) are taken from there. -ENOMEM.
 */
int snapshot_new(const struct snapshot_input *in, const struct snapshot *previous,
		 struct snapshot **out, struct err *err);
void snapshot_free(struct snapshot *s); /* NULL too */

/*
 * The same for the configuration that `previous` was built of, with other next hops or controls:
 * does not look at in->config, and builds the tables of services whose weights have changed only.
 */
int snapshot_refresh(const struct snapshot_input *in, const struct snapshot *previous,
		     struct snapshot **out, struct err *err);

#define SNAPSHOT_BACKEND_KEY 160 /* two names of up to 63 bytes */

/* The name a backend has in the registry, "service/backend", in `key`, which it returns. */
const char *snapshot_backend_key(const struct config_service *s, const struct config_backend *b,
				 char *key, size_t size);

/*
 * Gives every service and backend of `config` an id. -ENOSPC when there are more than the abi has
 * room for; ids given out by then are taken back by snapshot_release_ids().
 */
int snapshot_assign_ids(const struct config *config, struct registry *services,
			struct registry *backends, struct err *err);

/* Takes back the ids of services and backends that are not in `config`. */
void snapshot_release_ids(const struct config *config, struct registry *services,
			  struct registry *backends);

#endif
