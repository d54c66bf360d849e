/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage exclusion lock: who waits, and who lets them in. The table is in stax.c. */

#include "lock/stax.h"

#include "diag/hooks.h"
#include "lock/ksem.h"
#include "platform/testing.h"
#include "thread/signal.h"
#include "wait/spin.h"
#include "wait/wait.h"

enum {
    OOB = KSI_GATE_OOB,
    WAITERS = KSI_GATE_WAITERS,
    GONE = KSI_GATE_GONE,
    ONE = KSI_GATE_ONE
};

enum step { IN, QUEUED, SLOTS_UNKNOWN, DESTROYED };

/* With the bucket lock. */
static enum step enter_or_queue(struct ksi_stax *x, struct ksi_lot *lot,
                                struct ksi_waiter *w, uintptr_t stage)
{
    uintptr_t gate = ksi_load(&x->gate);
    for (;;) {
        if ((gate & GONE) != 0)
            return DESTROYED;
        if (ksi_gate_lets_in(gate, stage)) {
            if (ksi_cas_acq(&x->gate, &gate, ksi_gate_one_more(gate, stage)))
                return IN;
            continue;
        }
        if (ksi_gate_slots_unknown(gate))
            return SLOTS_UNKNOWN; /* G1 */
        KSI_POINT("stax: mark");
        if (KSI_FAULT(STAX_E3)) {
            ksi_fetch_or(&x->gate, (uintptr_t)WAITERS);
            gate |= WAITERS;
        }
        if ((gate & WAITERS) != 0 || ksi_cas(&x->gate, &gate, gate | WAITERS)) {
            ksi_lot_enqueue(lot, w, ksi_stax_key(x), KSI_Q_STAX, KSI_FIFO, NULL);
            return QUEUED;
        }
    }
}

/* The caller is queued; how its wait ended. */
static int await_gate(struct ksi_stax *x, struct ksi_waiter *w, bool parks)
{
    enum ksi_outcome outcome =
        parks ? ksi_wait(w, KSI_FOREVER) : (enum ksi_outcome)ksi_load(&w->outcome);
    if (KSI_FAULT(STAX_E4) && (outcome == KSI_SIGNALLED || outcome == KSI_UNBLOCKED))
        ksi_fetch_and(&x->gate, ~(uintptr_t)WAITERS);
    if (KSI_FAULT(STAX_E8) && outcome == KSI_WOKEN && ksi_signal_next(w->thread) != 0)
        outcome = KSI_SIGNALLED;
    return ksi_evl_error(w->thread, outcome);
}

int ksi_stax_wait(struct ksi_stax *x, ksl_thread *t, uintptr_t stage)
{
    unsigned limit = ksi_spin_limit(t);
    ksi_tell_about(t, KSI_EV_CONTENDED, 0, 0);
    for (unsigned i = 0; i < limit; i++) {
        if (ksi_stax_enter(x, t, stage)) {
            ksi_spin_learn(t, i, true);
            return 0;
        }
        ksi_pause();
    }
    ksi_spin_learn(t, limit, false);
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    for (;;) {
        struct ksi_lot lot;
        KSI_POINT("stax: queue");
        ksi_lot_lock(&lot, ksi_stax_key(x));
        enum step step = enter_or_queue(x, &lot, w, stage);
        bool parks = step == QUEUED && (stage == OOB ? ksi_evl_interruptible(w)
                                                     : ksi_wait_interruptible(w));
        if (parks && stage != OOB)
            w->signals_only = true; /* forced unblocks are for the out-of-band stage */
        ksi_lot_unlock(&lot, NULL);
        if (step == QUEUED)
            return await_gate(x, w, parks);
        if (step == DESTROYED)
            return -EIDRM;
        if (step == IN || ksi_stax_enter(x, t, stage))
            return 0;
    }
}

bool ksi_stax_hand_over(struct ksi_stax *x, uintptr_t *seen)
{
    uintptr_t stage = *seen & OOB;
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("stax: leave");
    ksi_lot_lock(&lot, ksi_stax_key(x));
    uintptr_t n = ksi_lot_count(&lot, ksi_stax_key(x), KSI_Q_STAX);
    uintptr_t gate = ksi_load(&x->gate);
    uintptr_t next;
    bool last;
    bool tuned = false;
    do {
        /* Others of our stage come and go without this lock. */
        if (!ksi_gate_counts(gate) || (gate & (OOB | GONE)) != stage) {
            ksi_lot_unlock(&lot, NULL);
            *seen = gate;
            return false;
        }
        if (!tuned)
            ksi_stax_tune_handed(x); /* before the step that lets others in */
        tuned = true;
        last = ksi_gate_is_last(gate);
        next = n > 0 ? ((gate & OOB) ^ OOB) | n * ONE : 0;
        if (KSI_FAULT(STAX_WAKES_WITHOUT_GATE) && last)
            next = 0;
    } while (!ksi_cas(&x->gate, &gate, last ? next : gate - ONE));
    while (last && ksi_lot_pop(&lot, ksi_stax_key(x), KSI_Q_STAX, &wake)) {
        if (KSI_FAULT(STAX_WAKES_ONE))
            break;
    }
    ksi_lot_unlock(&lot, &wake);
    return true;
}
