/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows by number, over the balancer of a small configuration. The ledger's equation is asserted
 * after each packet.
 */
#ifndef WEIR_TESTS_CLIENTS_H
#define WEIR_TESTS_CLIENTS_H

#include <stdint.h>

#include "lb/config.h"
#include "lb/process.h"
#include "tests/unit/packet_build.h"

struct offline;

#define CLIENTS_START_NS (1000 * 1000000000ull)

/* Pieces of configurations: services web (TCP, port 80) and dns (UDP, port 53) of one VIP. */
#define CLIENTS_HEAD "interfaces: [{name: eth0}, {name: eth1}]\nservices:\n"
#define CLIENTS_WEB                                                    \
	"  - name: web\n    address: 203.0.113.10\n    protocol: tcp\n" \
	"    ports: 80\n    announce: neighbor\n    backends:\n"
#define CLIENTS_DNS                                                                 \
	"  - name: dns\n    address: 203.0.113.10\n    protocol: udp\n    ports: 53\n" \
	"    backends:\n"
#define CLIENTS_B1 "      - {name: b1, address: 10.0.0.1}\n"
#define CLIENTS_B2 "      - {name: b2, address: 10.0.0.2}\n"
#define CLIENTS_B3 "      - {name: b3, address: 10.0.0.3}\n"
#define CLIENTS_B4 "      - {name: b4, address: 10.0.0.4}\n"
#define CLIENTS_B5 "      - {name: b5, address: 10.0.0.5}\n"

/* Both services with three backends each. */
extern const char clients_world[];

/* The lists of clients, one of which each flow has; the same number again is the same flow. */
enum clients { OLD = 51, NEW = 52, OTHER = 53 };

void clients_build(struct frame *f, enum clients list, uint32_t n, uint8_t protocol, uint8_t flags);

struct lb_packet clients_send(struct offline *o, struct frame *f, uint64_t time_ns);
struct lb_packet clients_tcp(struct offline *o, enum clients list, uint32_t n, uint8_t flags);
struct lb_packet clients_udp(struct offline *o, enum clients list, uint32_t n, uint64_t time_ns);

/* The backend that a packet is forwarded to. */
uint32_t clients_tcp_backend(struct offline *o, enum clients list, uint32_t n, uint8_t flags);
uint32_t clients_udp_backend(struct offline *o, enum clients list, uint32_t n);

/* The state of all backends of that name. */
void clients_set_state(struct offline *o, const char *name, enum config_state state);

/* The flows in the table. */
struct flow_sweep clients_flows(struct offline *o);
uint64_t clients_flow_count(struct offline *o);

#endif
