/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as the user wrote it, checked: text in, struct out. Everything in it is
 * consistent with itself; whether the interfaces exist is for who uses it. Immutable once parsed.
 */
#ifndef WEIR_LB_CONFIG_H
#define WEIR_LB_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/abi.h"
#include "lb/config_policy.h"

struct err;

#define CONFIG_MAX_BYTES    (16u << 20) /* of text */
#define CONFIG_MAX_BACKENDS 65535u      /* of one service: less than a Maglev table has slots */

enum config_mode { MODE_AUTO, MODE_ZEROCOPY, MODE_COPY, MODE_GENERIC };
enum config_attach { ATTACH_LINK, ATTACH_DISPATCHER };
enum config_poll { POLL_ADAPTIVE, POLL_BUSY, POLL_INTERRUPT };
enum config_hugepages { HUGEPAGES_AUTO, HUGEPAGES_ON, HUGEPAGES_OFF, HUGEPAGES_GIGANTIC };
enum config_affinity { AFFINITY_FLOW, AFFINITY_SOURCE, AFFINITY_QUIC };
enum config_tracking { TRACKING_FLOW, TRACKING_NONE };
enum config_announce { ANNOUNCE_NONE, ANNOUNCE_NEIGHBOR, ANNOUNCE_ROUTE };
enum config_fast_path { FAST_PATH_AUTO, FAST_PATH_ON, FAST_PATH_OFF };
enum config_daemon_loss { DAEMON_LOSS_PASS, DAEMON_LOSS_DROP };
enum config_icmp_other { ICMP_OTHER_PASS, ICMP_OTHER_DROP };
enum config_state { STATE_UP, STATE_DRAIN, STATE_DOWN };

enum config_scheduler { SCHEDULER_MAGLEV, SCHEDULER_LEAST_CONNECTIONS };
enum config_syn_protection { SYN_PROTECTION_NONE, SYN_PROTECTION_COOKIES };
/* What becomes of packets for a service that has no backend for them. */
enum config_no_backend { NO_BACKEND_DROP, NO_BACKEND_PASS, NO_BACKEND_RESET };
/* To how much SYNs' maximum segment size is lowered; at most to what fits the way. */
#define MSS_CLAMP_NONE 0
#define MSS_CLAMP_PATH UINT16_MAX

enum config_probe {
	PROBE_NONE,
	PROBE_TCP,
	PROBE_HTTP,
	PROBE_HTTPS,
	PROBE_UDP,
	PROBE_COMMAND,
};
enum config_probe_target {
	PROBE_AT_BACKEND, /* its own address */
	PROBE_AT_VIP,     /* the VIP, by way of that backend */
};

/* A list of small numbers, or "auto"/"all": count 0. */
struct config_numbers {
	unsigned int count;
	uint16_t *values; /* ascending, no doubles */
};

struct config_interface {
	char *name;
	enum config_mode mode;
	enum config_attach attach;
	uint32_t priority;            /* in the dispatcher: smaller ones run before */
	struct config_numbers queues; /* count 0: all */
};

struct config_port_range {
	uint16_t first, last; /* host byte order; 0 to 0: any port */
};

/* The id a backend has in QUIC connection ids (lb/quic.h). */
struct config_server_id {
	uint64_t value;
	uint8_t length; /* bytes; 0: none */
};

struct config_backend {
	char *name; /* unique within its service */
	struct addr address;
	uint16_t port;   /* it serves at, host byte order; 0: the service's own. forward: nat */
	uint32_t weight; /* 0 to 65535; default 100; 0: no new flows */
	enum config_state state;
	bool backup; /* used while fewer than the service's `min_up` others are up */
	struct config_server_id server_id; /* of that length with affinity quic, else none */
};

#define STATUS_TEXT 16 /* "200-399" */

struct config_status {
	uint16_t first, last; /* HTTP statuses, 100 to 599 */
};
const char *config_status_format(const struct config_status *s, char text[STATUS_TEXT]);

struct config_bytes {
	uint8_t *bytes; /* length 0: none */
	uint32_t length;
};

/* How backends of a service are checked. Texts that are not given are "none". */
struct config_health {
	enum config_probe type;
	enum config_probe_target target;
	uint32_t port; /* host byte order; 0: the service's first */
	uint32_t interval_ms, fast_interval_ms, timeout_ms;
	uint32_t rise, fall;
	uint32_t jitter; /* percent */
	char *host;      /* http: the name that is asked for */
	char *path;
	struct config_status status;
	char *body;                       /* text that the answer must have */
	struct config_bytes send, expect; /* tcp, udp */
	char **command;                   /* ended by NULL; or NULL */
	bool verify;                      /* https: the certificate */
	char *ca;                         /* file of those that may have signed it */
};

struct config_service {
	char *name;          /* unique */
	struct addr address; /* of a prefix the first one */
	uint8_t prefix;      /* its length, see lb/prefix.h; 0: the address alone */
	uint8_t protocol;    /* IPPROTO_TCP or IPPROTO_UDP */
	unsigned int port_range_count;
	struct config_port_range *port_ranges; /* ascending, disjoint */
	enum forward forward;
	enum config_affinity affinity;
	struct {
		uint32_t config_id, server_id_length;
	} quic;                        /* for AFFINITY_QUIC */
	enum config_tracking tracking; /* NONE: UDP only */
	bool verify_checksums;
	enum config_announce announce;
	uint32_t announce_min_up; /* backends that its route needs */
	struct config_health health;
	enum config_scheduler scheduler;
	enum config_no_backend no_backend;
	uint16_t mss_clamp; /* of TCP: bytes, MSS_CLAMP_PATH or MSS_CLAMP_NONE */
	enum config_syn_protection syn_protection; /* of TCP */
	uint32_t half_open_limit;                  /* flows; beyond it SYNs are challenged */
	uint32_t slow_start_ms;                    /* 0: none */
	uint32_t min_up;                           /* at least 1 */
	unsigned int backend_count;
	struct config_backend *backends; /* in the order of the file */
};

struct config_timeouts { /* seconds, 1 to FLOW_TIMEOUT_MAX_S */
	uint32_t tcp_handshake, tcp_established, tcp_closing, udp;
};

/* The last drops are kept, for who asks later. */
struct config_blackbox {
	uint32_t seconds;
	uint32_t packets; /* 0: none */
};

/* For VIPs. ICMP errors about a flow go to its backend, whatever stands here. */
struct config_icmp {
	bool echo;                    /* echo requests are answered */
	enum config_icmp_other other; /* what becomes of all other ICMP */
	uint32_t echo_limit;          /* requests a second that each worker answers */
	uint32_t too_big_limit;       /* packets a second that each worker refuses by ICMP */
};

/* Where connections to `nat` backends come from. */
struct config_snat {
	unsigned int count;
	struct addr *addresses; /* in the order of the file, none twice */
};
struct config_nat {
	struct config_snat own;         /* none: there is no nat */
	struct config_snat peers;       /* those of other nodes that flows are shared with */
	struct config_port_range ports; /* of each own one */
	enum config_announce announce;
};

/* IPv4 addresses that ipip's outer headers come from, so that flows differ in them. */
struct config_ipip {
	struct addr source; /* the first one */
	uint8_t prefix;     /* see lb/prefix.h; 0: none, the host's own address */
};

/* Nodes that share flows. */
struct config_sync {
	char *group;   /* of corosync; NULL: this one shares none */
	uint32_t rate; /* flows a second that are told in the background */
};

/* How VIPs of `announce: route` are told to routing daemons. */
struct config_announcing {
	uint32_t table;      /* of the kernel; 0: none */
	uint32_t damping_ms; /* see lb/damping.h */
};

struct config_listen { /* loopback only */
	struct addr address;
	uint16_t port; /* host byte order; 0: not at all */
};

struct config_api {
	char *socket;              /* path */
	uint32_t mode;             /* the socket's permissions */
	char *group;               /* whose it is; NULL: the daemon's own */
	struct config_listen http; /* TCP too */
	char *token_file; /* who has its token may change things by TCP; NULL: nobody may */
};

struct config {
	char *file;     /* where it was read from, as config_parse() was told */
	char *instance; /* [a-z0-9-]{1,32}; names what the daemon leaves in the kernel */
	char *user;     /* whom the daemon runs as: "auto", NAME, UID, either with :GROUP */
	unsigned int interface_count;
	struct config_interface *interfaces;
	/* Where a datapath that runs has other numbers for them than their places (config_port()).
	 */
	bool renumbered;
	uint16_t ports[ABI_MAX_PORTS];
	struct config_numbers cpus; /* workers.cpus; count 0: auto */
	enum config_poll poll;
	bool pin_interrupts; /* else they go where they go */
	enum config_hugepages hugepages;
	uint32_t frames_per_queue; /* a power of two, 1024 to 262144 */
	uint32_t flow_entries;     /* 1024 to 268435456 */
	enum config_fast_path fast_path;
	uint32_t flow_insert_limit; /* new flows a second that each worker remembers */
	struct config_timeouts timeouts;
	enum config_daemon_loss on_daemon_loss;
	uint32_t drain_ms; /* how long SIGTERM waits at most for the flows there are */
	bool captures;     /* false: nobody may see packets, and the XDP programs have no taps */
	struct config_blackbox blackbox;
	struct config_icmp icmp;
	struct config_nat nat;
	struct config_ipip ipip;
	struct config_announcing announcing;
	struct config_policy policy;
	struct config_sync sync;
	unsigned int service_count;
	struct config_service *services;
	struct config_api api;
};

/*
 * Parses `length` bytes of YAML. `file` names them in messages. On success leaves in *out what
 * config_free() frees. -EINVAL with "FILE:LINE: FIELD: what is wrong; what would be right".
 */
int config_parse(const char *file, const char *text, size_t length, struct config **out,
		 struct err *err);

/*
 * The same, and calls `fn` for each fault that can be told at once, in the order they were found:
 * values are compared with each other only where each is right by itself.
 */
typedef void config_fault_fn(void *context, unsigned int line, const char *words);
int config_parse_all(const char *file, const char *text, size_t length, struct config **out,
		     config_fault_fn *fn, void *context, struct err *err);

/* The canonical form: every key with its value, which config_parse() reads back to the same. */
void config_print(const struct config *c, FILE *out);

void config_free(struct config *c); /* NULL too */

/* The number by which packets, rules and captures know an interface. */
static inline uint16_t config_port(const struct config *c, unsigned int interface)
{
	return c->renumbered ? c->ports[interface] : interface;
}

/* "up", "drain" or "down". */
const char *config_state_word(enum config_state state);

/* As the configuration has it: "dsr". */
const char *config_forward_word(enum forward forward);

/* The service of that name, or NULL. */
const struct config_service *config_find_service(const struct config *c, const char *name);

/* The backend of that name of a service, or NULL. */
const struct config_backend *config_find_backend(const struct config_service *s, const char *name);

#endif
