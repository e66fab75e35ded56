/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's books, also beyond one daemon: engine_ledger(), engine_drops() and all counters. */
#ifndef WEIR_DATAPATH_LEDGER_H
#define WEIR_DATAPATH_LEDGER_H

struct engine;
struct snapshot;

/*
 * Books as daemon-lost what was steered to a daemon that was killed and is in nobody's books: it
 * was in its rings and hands. To be called while there are no sockets, so that nothing moves.
 */
void ledger_settle(struct engine *e);

/*
 * Keeps the sockets' counters, which end with them, and books what they have not sent. To be called
 * before they are closed, when no worker runs.
 */
void ledger_keep(struct engine *e);

/*
 * Puts the counters of workers that an earlier daemon had and this one does not to those of the
 * first. To be called before the workers start.
 */
void ledger_fold(struct engine *e);

/*
 * Sets the counters of services and backends to zero that were in force by `before` and are not by
 * `now`, because their ids will be given out again. What a service's backends did stays with it. To
 * be called when nobody decides by `before` any more.
 */
void ledger_retire(struct engine *e, const struct snapshot *before, const struct snapshot *now);

#endif
