/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How what the control thread makes comes to workers, who take no lock: it publishes a pointer, and
 * frees what was there before after a grace period, when no worker holds it any more (liburcu,
 * QSBR). A worker is one from grace_begin() to grace_end(). What it has read is its own until its
 * next grace_turn() or grace_offline(); while it is offline it reads nothing and nobody waits for
 * it.
 */
#ifndef WEIR_DATAPATH_GRACE_H
#define WEIR_DATAPATH_GRACE_H

#include <urcu-qsbr.h>

#define grace_publish(slot, value) __atomic_store_n(slot, value, __ATOMIC_RELEASE)
#define grace_read(slot)           __atomic_load_n(slot, __ATOMIC_ACQUIRE)

/* ThreadSanitizer does not see into liburcu, so it is told what a grace period orders. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
__attribute__((weak)) char grace_order;
#define grace_let_go()   __tsan_release(&grace_order)
#define grace_have_all() __tsan_acquire(&grace_order)
#else
#define grace_let_go()   ((void)0)
#define grace_have_all() ((void)0)
#endif

static inline void grace_begin(void)
{
	urcu_qsbr_register_thread();
}

static inline void grace_end(void)
{
	grace_let_go();
	urcu_qsbr_unregister_thread();
}

/* Between two turns: nothing that was read is held any more. */
static inline void grace_turn(void)
{
	grace_let_go();
	urcu_qsbr_quiescent_state();
}

static inline void grace_offline(void)
{
	grace_let_go();
	urcu_qsbr_thread_offline();
}

static inline void grace_online(void)
{
	urcu_qsbr_thread_online();
}

/* Until no worker holds what was there before the last grace_publish(). No worker's. */
static inline void grace_wait(void)
{
	urcu_qsbr_synchronize_rcu();
	grace_have_all();
}

#endif
