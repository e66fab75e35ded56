/* SPDX-License-Identifier: BSD-2-Clause */
/* Another process's socket: that of the server which listens at a port of this network namespace.
 */
#ifndef WEIR_TOOLS_LISTENER_H
#define WEIR_TOOLS_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * A descriptor of the TCP socket that listens at a port, or of the UDP socket that is bound to it;
 * for IPv4 one of IPv6 will do that takes both. -ENOENT: there is none, without words. -EPERM.
 */
int listener_find(uint8_t protocol, uint16_t port, bool v6, struct err *err);

#endif
