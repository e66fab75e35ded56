/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine's sockets, packet memory and what its workers keep, handed over to an engine of another
 * process while packets flow. The order of things:
 *
 *   the old one                         the new one
 *   handover_offer()
 *                     descriptors ->
 *                                       engine_adopt(): all that can fail, and touches nothing
 *                         <- go
 *   handover_stop()
 *                        yours ->
 *                                       handover_take(), and its workers go on
 *   handover_take_back()
 *
 * Which of the last two comes first is decided by one word that both see, so that never both or
 * neither of them has workers, whatever became of the messages. A frame has one owner all the
 * while: workers stop between two turns, when each frame is in a ring or in the pool, and both are
 * handed over. So are fragments that wait. Captures end. Control thread.
 */
#ifndef WEIR_DATAPATH_HANDOVER_H
#define WEIR_DATAPATH_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct engine;
struct err;
struct instance_names;

/* Changes with anything that is handed over and whose size does not change. */
#define HANDOVER_VERSION 1u

/* One number for all that both must have alike: versions and sizes. */
uint64_t handover_layout(void);

struct handover {
	struct handover_record *record; /* memory that both have */
	uint32_t count;
	int *fds; /* its own copies; of what: engine_handover.c */
};

/*
 * What there is to hand over; the engine goes on as before. Interfaces must not change until it is
 * freed. -EAGAIN: not all of them are there. -EOPNOTSUPP: its packet memory is not to be had by
 * others.
 */
int handover_offer(struct engine *e, struct handover *out, struct err *err);

/* What was offered, from `count` descriptors, which it takes over, even where it fails. */
int handover_receive(struct handover *out, int *fds, uint32_t count, struct err *err);

/* Zeroed too. Stops nothing. */
void handover_free(struct handover *h);

/* Has the workers stop between two turns. */
void handover_stop(struct engine *e, struct handover *h);

/* Has them go on, unless the other has taken them: false. */
bool handover_take_back(struct engine *e, struct handover *h);

/*
 * An engine in the place of that which was offered, as engine_open() opens one. It does nothing
 * until the first engine_publish(), which calls `take`: that has the other one stop and calls
 * handover_take(). On failure, before or in `take`, the other goes on as if nothing had been.
 */
typedef int handover_fn(void *context, struct err *err);
int engine_adopt(struct engine **out, const struct config *config,
		 const struct instance_names *names, struct handover *h, handover_fn *take,
		 void *context, struct err *err);

/* -ESTALE: the other has taken it back. */
int handover_take(struct handover *h, struct err *err);

/* For how long no worker ran, in ns. Once engine_publish() has returned. */
uint64_t handover_pause_ns(const struct handover *h);

#endif
