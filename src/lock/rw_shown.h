/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_RW_SHOWN_H
#define KSI_LOCK_RW_SHOWN_H

#include "lock/rw.h"
#include "platform/testing.h"

/*
 * A share that t shows in its near slot s, as `entry`, and that may not be granted. A
 * handler that comes meanwhile takes it for one: it may make an exclusive hold of it and
 * keep that; or give it back, which is reported if it turns out not to be granted.
 * (rw_counted.c)
 */

/*
 * It is not granted: the slot is empty again; but if t has the lock alone now, what the
 * slot shows of that, and a note about it, are the record of that hold, and stay.
 */
void ksi_rw_retract(ksi_word *word, ksl_thread *t, struct ksl_slot *s, uintptr_t entry);

/* All others see it: true if it is granted. */
static inline bool ksi_rw_granted(ksi_word *word, ksl_thread *t, unsigned how)
{
    KSI_POINT("rw: slot");
    uintptr_t w = ksi_load_seq(word);
    if (KSI_UNLIKELY((w & KSI_SLOTS) == 0 || ksi_rw_owner(w) != 0))
        return false;
    if (KSI_UNLIKELY(!ksi_rw_may_share(w, how)))
        return false;
    ksi_rw_tune_fenced(word, t);
    return true;
}

#endif
