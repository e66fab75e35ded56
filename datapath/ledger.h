/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's books beyond one daemon: see engine_ledger() and engine_drops(). */
#ifndef WEIR_DATAPATH_LEDGER_H
#define WEIR_DATAPATH_LEDGER_H

struct engine;

/*
 * Books as daemon-lost what was steered to a daemon that was killed and is in nobody's books: it
 * was in its rings and hands. To be called while there are no sockets, so that nothing moves.
 */
void ledger_settle(struct engine *e);

/* Keeps the sockets' counters, which end with them. To be called before they are closed. */
void ledger_keep(struct engine *e);

#endif
