/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_WAIT_SPIN_H
#define KSI_WAIT_SPIN_H

#include "platform/testing.h"
#include "thread/thread.h"

/*
 * Bounded spinning that learns, for sleeping locks: each thread keeps a limit
 * that grows towards twice what lately sufficed and shrinks when spinning was
 * in vain, but not below what is cheap beside a sleep and a wake-up. Never on one
 * processor.
 */
enum { KSI_SPIN_MIN = 30, KSI_SPIN_MAX = 1000 };

unsigned ksi_spin_limit(const ksl_thread *t);

/*
 * After that, before it queues: how often it may offer its processor to others. With
 * more threads than processors the owner has often lost its own, and is back sooner
 * than a sleep and a wake-up take.
 */
enum { KSI_SPIN_YIELDS = 10 };

static inline unsigned ksi_spin_yields(unsigned limit)
{
    return limit > 0 ? KSI_SPIN_YIELDS : 0;
}

/* Spinning for `used` pauses was rewarded, or was not. */
void ksi_spin_learn(ksl_thread *t, unsigned used, bool rewarded);

/*
 * The same for events, which another thread may cause soon or never: after a few spins in
 * vain none at all, but for a long one now and then, further and further apart. So two
 * threads that hand over to each other find out that they run side by side, and
 * those on one processor that they do not. limit: what ksi_event_limit has returned.
 */
unsigned ksi_event_limit(ksl_thread *t);
void ksi_event_learn(ksl_thread *t, unsigned used, unsigned limit, bool rewarded);

/*
 * The wait w of t, the caller, has been ended. Whoever did that on t's own processor can
 * do nothing while t spins there: then the next limit is 0.
 */
void ksi_event_woken(ksl_thread *t, const struct ksi_waiter *w);

/*
 * For spinning locks, which must not queue: turn n of waiting for a holder that
 * may have lost its processor. Pauses, later yields, then naps.
 */
void ksi_spin_turn(unsigned n);

/*
 * The same for a lock (kind: enum ksi_kind) that t, the caller, may have to wait for
 * long: from the first nap on its descriptor says so. It ends with ksi_spin_end.
 */
void ksi_spin_for(ksl_thread *t, const volatile void *lock, unsigned kind, unsigned n);

static inline void ksi_spin_end(ksl_thread *t)
{
    if (!KSI_FAULT(SPIN_END_FORGOTTEN))
        ksi_store_rel(&t->spins_on, (const void *)NULL);
}

#endif
