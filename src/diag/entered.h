/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_ENTERED_H
#define KSI_DIAG_ENTERED_H

#include "diag/held.h"
#include "diag/switch.h"

/*
 * The record of what has no owner: entries of a stax, units of a semaphore that is used
 * as a lock. Kept while `order` or `hang` is on, for calls outside of handlers; 16 a
 * thread, more are not recorded. The thread itself adds; anybody may strike out, because
 * anybody may leave, or give a unit, for another thread. An entry never moves.
 */

static inline bool ksi_entered_on(void)
{
    /* Acquire: whoever sees the bit of `order` sees its tables. */
    return KSI_UNLIKELY((ksi_load_acq(&ksi_diag) & (KSI_DIAG_ORDER | KSI_DIAG_HANG)) !=
                        0);
}

struct ksi_entered {
    enum ksi_kind kind;
    const void *lock; /* NULL: struck out */
    const void *site;
    unsigned stage; /* of the thread when it entered */
    bool unsure;    /* a semaphore of which nobody knows yet whether it is a lock */
};

/* Entry i of t; false: there are no more. */
bool ksi_entered_at(const ksl_thread *t, uint32_t i, struct ksi_entered *e);
bool ksi_entered_has(const ksl_thread *t, const void *lock);
/* The newest one of t for that lock; false: none. */
bool ksi_entered_find(const ksl_thread *t, const void *lock, struct ksi_entered *e);

/* The calling thread t has entered. */
void ksi_entered_push(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site, bool unsure);
/* Strikes one entry of t out; false: there is none. */
bool ksi_entered_strike(ksl_thread *t, const void *lock);
/* The same for some thread but t. */
void ksi_entered_strike_other(const ksl_thread *t, const void *lock);
/* Strikes all of them out: the lock is gone, or is no lock. */
void ksi_entered_end(const void *lock);
/* The same, and the order checker forgets what it has learned with it. */
void ksi_entered_no_lock(const void *lock);

#endif
