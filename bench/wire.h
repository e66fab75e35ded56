/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pair of virtual Ethernet interfaces between the generator's namespace (the one this thread is
 * in) and one of its own, where what is measured sits and sends everything back:
 *
 *     near: generator, sink --------- far: eth0 10.9.0.2/24
 *     02:00:00:00:00:02               02:00:00:00:00:01    neighbours 10.9.0.11 and up
 *
 * No IPv6, so that nothing else is on the wire.
 */
#ifndef WEIR_BENCH_WIRE_H
#define WEIR_BENCH_WIRE_H

struct err;

#define WIRE_FAR_NAME      "eth0"
#define WIRE_BACKENDS      16
#define WIRE_FIRST_BACKEND 11 /* 10.9.0.11 is 02:00:00:00:0b:0b */

struct wire {
	int far; /* the namespace; -1: closed */
	int near_ifindex;
	char near_name[16];
};

/* `near` is the near namespace, `name` the near interface's name; so many queues each way. */
int wire_open(struct wire *w, int near, const char *name, unsigned int queues, struct err *err);
void wire_close(struct wire *w);

#endif
