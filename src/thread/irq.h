/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_IRQ_H
#define KSI_THREAD_IRQ_H

#include "thread/thread.h"

/*
 * Soft interrupt masking. The mask is the thread's level; the dispatcher, the
 * handler of one real signal, plays what the level lets through and leaves
 * the rest in the log. Between threads of the protocol:
 *
 *   raiser    sets the bit in t->pending, then t->front.attention, then kicks t with a
 *             real signal, unless one is on its way (t->kicked)
 *   t masks   one store; t unmasks: store, compiler barrier, look at attention;
 *             both are inlined into programs too (<kslock/irq.h>)
 *   player    clears attention, then looks at the log; sets attention again
 *             if something stays; after it restored the level it looks again
 *
 * A raise that came before the unmasking store has been seen when unmasking
 * returns, because attention is memory, not a signal in flight.
 */

static inline void ksi_irq_set(ksl_thread *t, uint32_t level)
{
    ksi_barrier();
    ksi_store(&t->front.level, level);
    ksi_barrier();
}

/* Masks everything; returns the level before. */
static inline uint32_t ksi_irq_mask(ksl_thread *t)
{
    uint32_t level = ksi_load(&t->front.level);
    ksi_irq_set(t, KSI_MASK_ALL);
    return level;
}

/* Runs what is pending and allowed now. errno is kept. */
KSI_COLD void ksi_irq_play(ksl_thread *t);

/* A real signal has come: true if t will play later, by itself. */
bool ksi_irq_put_off(ksl_thread *t);

/* Back to a level that ksi_irq_mask returned; plays what became open. */
void ksi_irq_unmask(ksl_thread *t, uint32_t level);

/* Offers undirected interrupts that t could not take to other threads. */
void ksi_irq_offer_floating(void);

/* True if undirected interrupts wait for a thread. */
bool ksi_irq_floating(void);

/* Undirected raise; self is NULL on a thread that must not be registered. */
int ksi_irq_raise_any(ksl_thread *self, int irq);

/* The dispatcher's real signal; installed on first use. */
int ksi_irq_signal(void);

/* Stops the timer of irq. */
void ksi_irq_timer_stop(int irq);

void ksi_irq_table_before_fork(void);
void ksi_irq_table_after_fork(bool child);
void ksi_irq_timer_before_fork(void);
void ksi_irq_timer_after_fork(bool child);
void ksi_irq_after_fork_child(ksl_thread *self);

#endif
