/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows by number, through the balancer of a small configuration. The ledger's equation is asserted
 * after each packet.
 */
#ifndef WEIR_TESTS_CLIENTS_H
#define WEIR_TESTS_CLIENTS_H

#include <stdint.h>

#include "lb/config.h"
#include "lb/process.h"
#include "tests/unit/packet_build.h"

struct offline;

/* Pieces of configurations: services web (TCP, port 80) and dns (UDP, port 53) of one VIP. */
#define CLIENT_HEAD "interfaces: [{name: eth0}, {name: eth1}]\nservices:\n"
#define CLIENT_WEB                                                      \
	"  - name: web\n    address: 203.0.113.10\n    protocol: tcp\n" \
	"    ports: 80\n    announce: neighbor\n    backends:\n"
#define CLIENT_DNS                                                                     \
	"  - name: dns\n    address: 203.0.113.10\n    protocol: udp\n    ports: 53\n" \
	"    backends:\n"
#define CLIENT_B1 "      - {name: b1, address: 10.0.0.1}\n"
#define CLIENT_B2 "      - {name: b2, address: 10.0.0.2}\n"
#define CLIENT_B3 "      - {name: b3, address: 10.0.0.3}\n"
#define CLIENT_B4 "      - {name: b4, address: 10.0.0.4}\n"
#define CLIENT_B5 "      - {name: b5, address: 10.0.0.5}\n"

/* Both services, with b1 to b3 each. */
extern const char client_world[];

/* Lists of clients; the same number of the same list is the same flow. */
enum clients { OLD = 51, NEW = 52, OTHER = 53 };

/* When packets are sent. */
extern uint64_t client_now_ns;

/* A balancer of that configuration, at a time to start from. */
void client_start(struct offline *o, const char *yaml);

void client_build(struct frame *f, enum clients list, uint32_t n, uint8_t protocol, uint8_t flags);
struct lb_packet client_send(struct offline *o, struct frame *f);
struct lb_packet client_tcp(struct offline *o, enum clients list, uint32_t n, uint8_t flags);
struct lb_packet client_udp(struct offline *o, enum clients list, uint32_t n);

/* The backend that the packet is forwarded to; the test fails if it is not. */
uint32_t client_tcp_backend(struct offline *o, enum clients list, uint32_t n, uint8_t flags);
uint32_t client_udp_backend(struct offline *o, enum clients list, uint32_t n);

/* Sets the state of all backends of that name. */
void client_set_state(struct offline *o, const char *name, enum config_state state);

/* What is in the flow table. */
struct flow_sweep client_flows(struct offline *o);
uint64_t client_flow_count(struct offline *o);

/* Opens connections from list OLD; `backends` says where each went. */
#define CLIENT_FLOWS 2000u
void client_connect_all(struct offline *o, uint32_t backends[CLIENT_FLOWS]);

/* Sends a packet of each; how many went to another backend. */
unsigned int client_count_moved(struct offline *o, const uint32_t backends[CLIENT_FLOWS]);

#endif
