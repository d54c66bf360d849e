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
#include "lock/ksem.h"
#include "platform/testing.h"
#include "thread/signal.h"
#include "wait/spin.h"
#include "wait/wait.h"

#include <kslock/stage.h>

enum {
    BIAS = KSI_GATE_BIAS,
    CLOSING = KSI_GATE_CLOSING,
    OOB = KSI_GATE_OOB,
    WAITERS = KSI_GATE_WAITERS,
    GONE = KSI_GATE_GONE,
    ONE = KSI_GATE_ONE
};

static uintptr_t stage_of(const ksl_thread *t)
{
    return ksi_load(&t->stage) == KSL_STAGE_OOB ? OOB : 0;
}

static const void *key_of(const struct ksi_stax *x)
{
    return (const void *)(uintptr_t)&x->gate;
}

static bool is_free(uintptr_t gate)
{
    return (gate & ~(uintptr_t)WAITERS) == 0;
}

static bool is_last(uintptr_t gate)
{
    return gate / ONE == 1;
}

/* Slots may show entries that the gate does not count. */
static bool slots_unknown(uintptr_t gate)
{
    return (gate & (BIAS | CLOSING)) != 0;
}

static bool stage_may_enter(uintptr_t gate, uintptr_t stage)
{
    return (gate & GONE) == 0 && (is_free(gate) || (gate & OOB) == stage);
}

static uintptr_t one_more(uintptr_t gate, uintptr_t stage)
{
    return (is_free(gate) ? (gate & WAITERS) | stage : gate) + ONE;
}

/* The last entry takes the stage along, if no slots have to be looked at. */
static uintptr_t one_less(uintptr_t gate)
{
    return is_last(gate) && !slots_unknown(gate) ? 0 : gate - ONE;
}

static void refuse(const struct ksi_stax *x, enum ksi_rule rule, const void *site,
                   const char *what)
{
    struct ksi_misuse m = {rule, KSI_STAX, key_of(x), site, NULL, false};
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

/* True if t is inside, by a counted entry; false: the other stage is. */
static bool enter(struct ksi_stax *x, ksl_thread *t, uintptr_t stage)
{
    uintptr_t gate = ksi_load(&x->gate);
    unsigned turn = 0;
    while ((gate & GONE) == 0) {
        if (stage_may_enter(gate, stage)) {
            if (!ksi_cas_acq(&x->gate, &gate, one_more(gate, stage)))
                continue;
            if (!slots_unknown(gate))
                ksi_stax_tune_entered(x, stage);
            return true;
        }
        if (!slots_unknown(gate))
            return false;
        settle_slots(x, gate, t, turn++);
        gate = ksi_load(&x->gate);
    }
    return false;
}

static void entered(const struct ksi_stax *x, ksl_thread *t, const void *site)
{
    if (ksi_entered_on())
        ksi_entered_push(t, KSI_STAX, key_of(x), site, false);
    if (ksi_telling())
        ksi_hook_told(KSI_EV_TAKEN, KSI_STAX, key_of(x), site);
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
    if (!enter(x, t, stage_of(t))) {
        if (!gone(x, site, "evl_trylock_stax of a destroyed stax"))
            (void)ksi_watch_tried(false, KSI_STAX, key_of(x), KSI_SHARED, site);
        return false;
    }
    entered(x, t, site);
    return true;
}

enum step { IN, QUEUED, SLOTS_UNKNOWN, DESTROYED };

/* With the bucket lock. */
static enum step enter_or_queue(struct ksi_stax *x, struct ksi_lot *lot,
                                struct ksi_waiter *w, uintptr_t stage)
{
    uintptr_t gate = ksi_load(&x->gate);
    for (;;) {
        if ((gate & GONE) != 0)
            return DESTROYED;
        if (stage_may_enter(gate, stage)) {
            if (ksi_cas_acq(&x->gate, &gate, one_more(gate, stage)))
                return IN;
            continue;
        }
        if (slots_unknown(gate))
            return SLOTS_UNKNOWN; /* G1 */
        if (KSI_FAULT(STAX_E3)) {
            KSI_POINT("stax: mark");
            ksi_fetch_or(&x->gate, (uintptr_t)WAITERS);
            gate |= WAITERS;
        }
        if ((gate & WAITERS) != 0 || ksi_cas(&x->gate, &gate, gate | WAITERS)) {
            ksi_lot_enqueue(lot, w, key_of(x), KSI_Q_STAX, KSI_FIFO, NULL);
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

KSI_COLD static int lock_slow(struct ksi_stax *x, ksl_thread *t, uintptr_t stage)
{
    unsigned limit = ksi_spin_limit(t);
    ksi_tell_about(t, KSI_EV_CONTENDED, 0, 0);
    for (unsigned i = 0; i < limit; i++) {
        if (enter(x, t, stage)) {
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
        ksi_lot_lock(&lot, key_of(x));
        enum step step = enter_or_queue(x, &lot, w, stage);
        bool parks = step == QUEUED && ksi_wait_interruptible(w);
        if (parks && stage != OOB) {
            w->signals_only = true; /* forced unblocks are for the out-of-band stage */
        } else if (parks && ksi_evl_kicked(t)) {
            ksi_lot_remove(w);
            ksi_store(&w->outcome, (uint32_t)KSI_UNBLOCKED);
            parks = false;
        }
        ksi_lot_unlock(&lot, NULL);
        if (step == QUEUED)
            return await_gate(x, w, parks);
        if (step == DESTROYED)
            return -EIDRM;
        if (step == IN || enter(x, t, stage))
            return 0;
    }
}

int ksi_stax_lock(struct ksi_stax *x, const void *site)
{
    if (ksl_gate_enter_fast(&x->gate))
        return 0;
    ksl_thread *t = ksi_self();
    uintptr_t stage = stage_of(t);
    if (gone(x, site, "evl_lock_stax of a destroyed stax") ||
        ksi_refuse_in_handler(t, "evl_lock_stax", KSI_STAX, key_of(x), site))
        return -EPERM;
    (void)ksi_watch_before(KSI_STAX, &x->gate, KSI_SHARED, site);
    ksi_stax_clear_way(&x->gate, t);
    int error = KSI_LIKELY(enter(x, t, stage)) ? 0 : lock_slow(x, t, stage);
    if (error == 0)
        entered(x, t, site);
    return error;
}

/* The caller has the last entry, as far as it knows, and somebody waits. */
KSI_COLD static bool leave_slow(struct ksi_stax *x, uintptr_t *seen)
{
    uintptr_t stage = *seen & OOB;
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("stax: leave");
    ksi_lot_lock(&lot, key_of(x));
    uintptr_t n = ksi_lot_count(&lot, key_of(x), KSI_Q_STAX);
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
        last = is_last(gate);
        next = n > 0 ? ((gate & OOB) ^ OOB) | n * ONE : 0;
        if (KSI_FAULT(STAX_WAKES_WITHOUT_GATE) && last)
            next = 0;
    } while (!ksi_cas(&x->gate, &gate, last ? next : gate - ONE));
    while (last && ksi_lot_pop(&lot, key_of(x), KSI_Q_STAX, &wake)) {
        if (KSI_FAULT(STAX_WAKES_ONE))
            break;
    }
    ksi_lot_unlock(&lot, &wake);
    return true;
}

/* Takes a counted entry off: true, or the gate is not *gate any more. */
static bool leave(struct ksi_stax *x, uintptr_t *gate)
{
    uintptr_t next = one_less(*gate);
    if (is_last(*gate) && (*gate & WAITERS) != 0) {
        if (!KSI_FAULT(STAX_MARK_STRIPPED)) {
            return leave_slow(x, gate);
        }
        next = 0;
    }
    if (KSI_FAULT(STAX_E2) && !is_last(*gate))
        next = 0;
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
        } else if (slots_unknown(gate)) {
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
    uintptr_t stage = stage_of(t);
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
                ksi_watch_given(KSI_STAX, key_of(x), KSI_SHARED);
            told = true; /* others come and go, so that leaving may take several tries */
            if (!leave(x, &gate))
                continue;
            left(key_of(x), t);
            return;
        } else if (!ksi_gate_counts(gate) && slots_unknown(gate)) {
            settle_slots(x, gate, t, turn++); /* an entry of another thread */
            gate = ksi_load(&x->gate);
        } else if (is_free(gate)) {
            refuse(x, KSI_NOT_LOCKED_RULE, site, "evl_unlock_stax of a free stax");
            return;
        } else {
            refuse(x, KSI_NOT_OWNER_RULE, site,
                   "evl_unlock_stax from the stage that does not have it");
            return;
        }
    }
}

void ksi_stax_destroy(struct ksi_stax *x, const void *site)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, KSI_DESTROYED};
    if (gone(x, site, "evl_destroy_stax of a destroyed stax"))
        return;
    ksi_watch_end(&x->gate);
    if (ksi_entered_on())
        ksi_entered_end(key_of(x));
    ksi_lot_lock(&lot, key_of(x));
    ksi_xchg(&x->gate, (uintptr_t)GONE);
    ksi_stax_forget(&x->gate);
    while (ksi_lot_pop(&lot, key_of(x), KSI_Q_STAX, &wake))
        ;
    ksi_lot_unlock(&lot, &wake);
}
