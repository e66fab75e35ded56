/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libxdp before 1.5.5 has a dispatcher that new kernels let no program into that may change a
 * packet (bpf/dispatcher.bpf.c). It looks for its dispatcher in a file, so it can be given another
 * one. Control thread: it is offered by an environment variable.
 */
#ifndef WEIR_DATAPATH_DISPATCHER_H
#define WEIR_DATAPATH_DISPATCHER_H

struct dispatcher {
	char folder[64]; /* "": nothing is offered */
};

/* Until dispatcher_withdraw() libxdp takes ours. -EEXIST: the user has named one. -errno. */
int dispatcher_offer(struct dispatcher *d);
void dispatcher_withdraw(struct dispatcher *d);

#endif
