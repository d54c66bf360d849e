/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage exclusion lock (X1..X21).
 *
 *   gate             meaning                         leaves it by
 *   0                free                            lock: CAS -> 1 entry of a stage
 *   n                in-band has it, n counted       same stage: CAS n+1; unlock: CAS n-1
 *                    entries
 *   n|OOB            out-of-band has it              likewise
 *   n|...|WAITERS    and the other stage waits       likewise; the last unlock under the
 *                                                    bucket lock
 *   n|...|BIAS       its stage has it, n counted     likewise, n may be 0; same stage: by
 *                    entries, and any in slots       slots; other stage: CAS -> CLOSING
 *   n|...|CLOSING    entries in slots are being      same stage: likewise, but not by
 *                    counted; n may be 0             slots; the one that closes: CAS -> n
 *   GONE             destroyed                       nothing; every call is a violation
 *
 *   bit      set                                   cleared
 *   WAITERS  by a waiter, under the bucket lock,   by the last unlock, under the bucket
 *            in the CAS in which it sees that the  lock; stale if the waiter gave up
 *            other stage is inside
 *   BIAS     by a thread inside, CAS, if neither   by a thread of the other stage, or one
 *            WAITERS nor CLOSING nor GONE is set   that unlocks for another, CAS, setting
 *                                                  CLOSING
 *   CLOSING  with BIAS's end; interrupts masked    by who set it
 *
 * Entries have no owner: any thread of the stage may take one off (X15). An entry in a
 * slot is taken off by its thread, or counted first (stax_slots.c). A thread that leaves
 * its stage or exits counts the entries in its slots itself.
 *
 * Invariants, whenever the bucket lock is free:
 *   G1  somebody is queued => WAITERS is set, n > 0, no BIAS, no CLOSING, and all who are
 *       queued are of the stage that is not inside.
 *   G2  neither BIAS nor CLOSING => every entry is counted: a thread whose slot shows one
 *       is on its way to look at the gate, and will take it back.
 * For a waiter queues only behind counted entries of the other stage, and when the stage
 * inside changes, the queue is emptied in the same step.
 *
 * Who is responsible for the next wake-up:
 *   - nobody, under BIAS: nobody is queued, so who leaves by its slot looks at its own
 *     claims only, never at the gate;
 *   - who set CLOSING, while it is set: all of the other stage spin until it has counted
 *     what the slots showed. It then finds the gate free, or counted entries;
 *   - who leaves by its slot while that is counted: finds the claim, and the note that
 *     says that it is one of the counted ones, and takes one off as in the next line;
 *   - the last counted entry, with WAITERS: takes the bucket lock, pops all who wait, and
 *     the gate is theirs: n entries of their stage in the store that follows, before one
 *     of them runs.
 *
 * So there is nothing to test again after a wake-up. A mark is set only by the CAS that
 * sees the other stage's entries (E3), it goes with the last of these entries and nowhere
 * else (E2), so not with a waiter that leaves (E4), and who was woken is inside whatever
 * else ends its wait (E8). A waiter that gives up leaves the queue and maybe a stale
 * WAITERS, which costs an unlock a look into the lot. It does not touch the gate, which
 * may be gone.
 */

#include "lock/stax.h"

#include "diag/entered.h"
#include "diag/hooks.h"
#include "platform/testing.h"
#include "wait/spin.h"
#include "wait/wait.h"

enum {
    BIAS = KSI_GATE_BIAS,
    OOB = KSI_GATE_OOB,
    WAITERS = KSI_GATE_WAITERS,
    GONE = KSI_GATE_GONE,
    ONE = KSI_GATE_ONE
};

/* The last entry takes the stage along, if no slots have to be looked at. */
static uintptr_t one_less(uintptr_t gate)
{
    return ksi_gate_is_last(gate) && !ksi_gate_slots_unknown(gate) ? 0 : gate - ONE;
}

static void refuse(const struct ksi_stax *x, enum ksi_rule rule, const void *site,
                   const char *what)
{
    struct ksi_misuse m = {rule, KSI_STAX, ksi_stax_key(x), site, NULL, false};
    ksi_violate(&m, "%s", what);
}

static bool gone(const struct ksi_stax *x, const void *site, const char *what)
{
    if (KSI_LIKELY((ksi_load(&x->gate) & GONE) == 0))
        return false;
    refuse(x, KSI_DESTROYED_RULE, site, what);
    return true;
}

void ksi_stax_init(struct ksi_stax *x)
{
    ksi_stax_forget(&x->gate);
    ksi_watch_begin(KSI_STAX, &x->gate, NULL);
    ksi_store(&x->tune, (uint64_t)0);
    ksi_store_rel(&x->gate, (uintptr_t)0);
}

/* Returns when the slots say no more than the gate, or did for a moment. */
static void settle_slots(struct ksi_stax *x, uintptr_t gate, ksl_thread *t, unsigned turn)
{
    if ((gate & BIAS) != 0)
        ksi_stax_withdraw(x, gate, t);
    else
        ksi_spin_turn(turn);
}

bool ksi_stax_enter(struct ksi_stax *x, ksl_thread *t, uintptr_t stage)
{
    uintptr_t gate = ksi_load(&x->gate);
    unsigned turn = 0;
    while ((gate & GONE) == 0) {
        if (ksi_gate_lets_in(gate, stage)) {
            KSI_POINT("stax: enter");
            if (!ksi_cas_acq(&x->gate, &gate, ksi_gate_one_more(gate, stage)))
                continue;
            if (!ksi_gate_slots_unknown(gate))
                ksi_stax_tune_entered(x, stage);
            return true;
        }
        if (!ksi_gate_slots_unknown(gate))
            return false;
        settle_slots(x, gate, t, turn++);
        gate = ksi_load(&x->gate);
    }
    return false;
}

static void entered(const struct ksi_stax *x, ksl_thread *t, const void *site)
{
    if (ksi_entered_on())
        ksi_entered_push(t, KSI_STAX, ksi_stax_key(x), site, false);
    if (ksi_telling())
        ksi_hook_told(KSI_EV_TAKEN, KSI_STAX, ksi_stax_key(x), site);
}

/* A mere key: the gate may be gone. Anybody of the stage leaves for anybody (X15). */
static void left(const void *key, ksl_thread *t)
{
    if (ksi_entered_on() && !ksi_entered_strike(t, key))
        ksi_entered_strike_other(t, key);
}

bool ksi_stax_try(struct ksi_stax *x, const void *site)
{
    if (ksl_gate_enter_fast(&x->gate))
        return true;
    ksl_thread *t = ksi_self();
    ksi_stax_clear_way(&x->gate, t);
    if (!ksi_stax_enter(x, t, ksi_gate_stage_of(t))) {
        if (!gone(x, site, "evl_trylock_stax of a destroyed stax"))
            (void)ksi_watch_tried(false, KSI_STAX, ksi_stax_key(x), KSI_SHARED, site);
        return false;
    }
    entered(x, t, site);
    return true;
}

int ksi_stax_lock(struct ksi_stax *x, const void *site)
{
    if (ksl_gate_enter_fast(&x->gate))
        return 0;
    ksl_thread *t = ksi_self();
    uintptr_t stage = ksi_gate_stage_of(t);
    if (gone(x, site, "evl_lock_stax of a destroyed stax") ||
        ksi_refuse_in_handler(t, "evl_lock_stax", KSI_STAX, ksi_stax_key(x), site))
        return -EPERM;
    (void)ksi_watch_before(KSI_STAX, &x->gate, KSI_SHARED, site);
    ksi_stax_clear_way(&x->gate, t);
    int error = KSI_LIKELY(ksi_stax_enter(x, t, stage)) ? 0 : ksi_stax_wait(x, t, stage);
    if (error == 0)
        entered(x, t, site);
    return error;
}

/* Takes a counted entry off: true, or the gate is not *gate any more. */
static bool leave(struct ksi_stax *x, uintptr_t *gate)
{
    uintptr_t next = one_less(*gate);
    if (ksi_gate_is_last(*gate) && (*gate & WAITERS) != 0) {
        if (!KSI_FAULT(STAX_MARK_STRIPPED)) {
            return ksi_stax_hand_over(x, gate);
        }
        next = 0;
    }
    if (KSI_FAULT(STAX_E2) && !ksi_gate_is_last(*gate))
        next = 0;
    KSI_POINT("stax: one less");
    return ksi_cas_rel(&x->gate, gate, next);
}

void ksi_stax_uncount(ksi_word *word)
{
    struct ksi_stax *x = (struct ksi_stax *)(uintptr_t)word;
    uintptr_t gate = ksi_load(&x->gate);
    for (unsigned turn = 0;;) {
        if (ksi_gate_counts(gate)) {
            if (leave(x, &gate))
                return;
        } else if (ksi_gate_slots_unknown(gate)) {
            settle_slots(x, gate, ksi_self(), turn++);
            gate = ksi_load(&x->gate);
        } else {
            return; /* it was unlocked twice */
        }
    }
}

void ksi_stax_unlock(struct ksi_stax *x, const void *site)
{
    ksl_thread *t = ksi_self();
    uintptr_t stage = ksi_gate_stage_of(t);
    if (t->handlers == 0 && ksl_gate_leave_of((uintptr_t)t, &x->gate))
        return;
    ksi_stax_clear_way(&x->gate, t);
    uintptr_t gate = ksi_load(&x->gate);
    bool told = false;
    for (unsigned turn = 0;;) {
        if (KSI_UNLIKELY((gate & GONE) != 0)) {
            (void)gone(x, site, "evl_unlock_stax of a destroyed stax");
            return;
        }
        if (ksi_gate_counts(gate) && (gate & OOB) == stage) {
            if (!told)
                ksi_watch_given(KSI_STAX, ksi_stax_key(x), KSI_SHARED);
            told = true; /* others come and go, so that leaving may take several tries */
            if (!leave(x, &gate))
                continue;
            left(ksi_stax_key(x), t);
            return;
        } else if (!ksi_gate_counts(gate) && ksi_gate_slots_unknown(gate)) {
            settle_slots(x, gate, t, turn++); /* an entry of another thread */
            gate = ksi_load(&x->gate);
        } else if (ksi_gate_is_free(gate)) {
            refuse(x, KSI_NOT_LOCKED_RULE, site, "evl_unlock_stax of a free stax");
            return;
        } else {
            refuse(x, KSI_NOT_OWNER_RULE, site,
                   "evl_unlock_stax from the stage that does not have it");
            return;
        }
    }
}

bool ksi_stax_destroy(struct ksi_stax *x, const void *site)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, KSI_DESTROYED};
    if (gone(x, site, "evl_destroy_stax of a destroyed stax"))
        return false;
    ksi_watch_end(&x->gate);
    if (ksi_entered_on())
        ksi_entered_end(ksi_stax_key(x));
    ksi_lot_lock(&lot, ksi_stax_key(x));
    ksi_xchg(&x->gate, (uintptr_t)GONE);
    KSI_POINT("stax: gone");
    ksi_stax_forget(&x->gate);
    while (ksi_lot_pop(&lot, ksi_stax_key(x), KSI_Q_STAX, &wake))
        ;
    ksi_lot_unlock(&lot, &wake);
    return true;
}
