/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stage exclusion lock (X1..X21).
 *
 *   gate            meaning                          leaves it by
 *   0               free                             lock: CAS -> 1 entry of a stage
 *   n               in-band has it, n entries        same stage: CAS n+1; unlock: CAS n-1
 *   n|OOB           out-of-band has it               likewise
 *   ...|WAITERS     and the other stage waits        likewise; the last unlock under the
 *                                                    bucket lock
 *   GONE            destroyed                        nothing; every call is a violation
 *
 * WAITERS is set by a waiter under the bucket lock, in the CAS in which it sees that the
 * other stage is inside. The last unlock pops all who wait, and the gate is theirs: n
 * entries of their stage in the store that follows, before one of them runs.
 *
 * Invariant, whenever the bucket lock is free: somebody is queued => WAITERS is set, the
 * gate is not free, and all who are queued are of the stage that is not inside. For a
 * waiter queues only behind the other stage, and when the stage inside changes,
 * the queue is emptied in the same step. So there is nothing to test again after
 * a wake-up, no claim that a leaving waiter could take off for others (E3, E4), no
 * mark of one owner that an other's unlock strips (E2), and who was woken is inside
 * whatever else ends its wait (E8). A waiter that gives up leaves the queue and maybe
 * a stale WAITERS, which costs an unlock a look into the lot.
 */

#include "lock/stax.h"

#include "platform/testing.h"
#include "wait/spin.h"
#include "wait/wait.h"

#include <kslock/stage.h>

static const uint64_t COUNT = 0x3fffffff;
static const uint64_t OOB = (uint64_t)1 << 30;
static const uint64_t WAITERS = (uint64_t)1 << 31;
static const uint64_t GONE = (uint64_t)1 << 32;

static uint64_t stage_of(const ksl_thread *t)
{
    return ksi_load(&t->stage) == KSL_STAGE_OOB ? OOB : 0;
}

static bool is_free(uint64_t gate)
{
    return (gate & COUNT) == 0;
}

static bool stage_may_enter(uint64_t gate, uint64_t stage)
{
    return (gate & GONE) == 0 && (is_free(gate) || (gate & OOB) == stage);
}

static void refuse(const uint64_t *gate, enum ksi_rule rule, const void *site,
                   const char *what)
{
    struct ksi_misuse m = {rule, KSI_STAX, gate, site, NULL, false};
    ksi_violate(&m, "%s", what);
}

static bool gone(const uint64_t *gate, const void *site, const char *what)
{
    if (KSI_LIKELY((ksi_load(gate) & GONE) == 0))
        return false;
    refuse(gate, KSI_DESTROYED_RULE, site, what);
    return true;
}

void ksi_stax_init(uint64_t *gate)
{
    ksi_store_rel(gate, (uint64_t)0);
}

static bool enter(uint64_t *gate, uint64_t stage)
{
    uint64_t w = ksi_load(gate);
    while (stage_may_enter(w, stage)) {
        /* Free with WAITERS: a stale mark. */
        uint64_t entered = is_free(w) ? (w & WAITERS) | stage | 1 : w + 1;
        if (ksi_cas_acq(gate, &w, entered))
            return true;
    }
    return false;
}

bool ksi_stax_try(uint64_t *gate, const void *site)
{
    return enter(gate, stage_of(ksi_self())) ||
           (gone(gate, site, "evl_trylock_stax of a destroyed stax") && false);
}

/* With the bucket lock: true if inside, else marked and queued. */
static bool enter_or_queue(uint64_t *gate, struct ksi_lot *lot, struct ksi_waiter *w,
                           uint64_t stage)
{
    for (;;) {
        uint64_t now = ksi_load(gate);
        if (enter(gate, stage))
            return true;
        if (stage_may_enter(now, stage))
            continue;
        if ((now & WAITERS) != 0 || ksi_cas(gate, &now, now | WAITERS)) {
            ksi_lot_enqueue(lot, w, gate, KSI_Q_STAX, KSI_FIFO, NULL);
            return false;
        }
    }
}

KSI_COLD static int lock_slow(uint64_t *gate, ksl_thread *t, uint64_t stage)
{
    unsigned limit = ksi_spin_limit(t);
    for (unsigned i = 0; i < limit; i++) {
        if (enter(gate, stage)) {
            ksi_spin_learn(t, i, true);
            return 0;
        }
        ksi_pause();
    }
    ksi_spin_learn(t, limit, false);
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    struct ksi_lot lot;
    KSI_POINT("stax: queue");
    ksi_lot_lock(&lot, gate);
    bool in = enter_or_queue(gate, &lot, w, stage);
    bool parks = !in && ksi_wait_interruptible(w);
    if (parks && stage != OOB)
        w->signals_only = true; /* forced unblocks are for the out-of-band stage */
    ksi_lot_unlock(&lot, NULL);
    if (in)
        return 0;
    enum ksi_outcome outcome =
        parks ? ksi_wait(w, KSI_FOREVER) : (enum ksi_outcome)ksi_load(&w->outcome);
    return outcome == KSI_SIGNALLED ? -ERESTARTSYS : ksi_outcome_error(outcome);
}

int ksi_stax_lock(uint64_t *gate, const void *site)
{
    ksl_thread *t = ksi_self();
    uint64_t stage = stage_of(t);
    if (gone(gate, site, "evl_lock_stax of a destroyed stax") ||
        ksi_refuse_in_handler(t, "evl_lock_stax", KSI_STAX, gate, site))
        return -EPERM;
    return KSI_LIKELY(enter(gate, stage)) ? 0 : lock_slow(gate, t, stage);
}

/* The caller has the last entry, as far as it knows, and somebody waits. */
KSI_COLD static void leave_slow(uint64_t *gate)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("stax: leave");
    ksi_lot_lock(&lot, gate);
    uint64_t n = ksi_lot_count(&lot, gate, KSI_Q_STAX);
    uint64_t w = ksi_load(gate);
    uint64_t next;
    bool last;
    do {
        /* Others of our stage come and go without this lock. */
        last = (w & COUNT) == 1;
        next = n > 0 ? ((w & OOB) ^ OOB) | n : 0;
        if (KSI_FAULT(STAX_WAKES_WITHOUT_GATE) && last)
            next = 0;
    } while (!ksi_cas(gate, &w, last ? next : w - 1));
    while (last && ksi_lot_pop(&lot, gate, KSI_Q_STAX, &wake)) {
        if (KSI_FAULT(STAX_WAKES_ONE))
            break;
    }
    ksi_lot_unlock(&lot, &wake);
}

void ksi_stax_unlock(uint64_t *gate, const void *site)
{
    uint64_t stage = stage_of(ksi_self());
    uint64_t w = ksi_load(gate);
    for (;;) {
        if (KSI_UNLIKELY((w & GONE) != 0)) {
            (void)gone(gate, site, "evl_unlock_stax of a destroyed stax");
            return;
        }
        if (KSI_UNLIKELY(is_free(w) || (w & OOB) != stage)) {
            if (is_free(w))
                refuse(gate, KSI_NOT_LOCKED_RULE, site, "evl_unlock_stax of a free stax");
            else
                refuse(gate, KSI_NOT_OWNER_RULE, site,
                       "evl_unlock_stax from the stage that does not have it");
            return;
        }
        bool last = (w & COUNT) == 1;
        if (KSI_UNLIKELY(last && (w & WAITERS) != 0)) {
            if (KSI_FAULT(STAX_MARK_STRIPPED)) {
                ksi_store_rel(gate, (uint64_t)0);
                return;
            }
            leave_slow(gate);
            return;
        }
        if (ksi_cas_rel(gate, &w, last ? 0 : w - 1))
            return;
    }
}

void ksi_stax_destroy(uint64_t *gate, const void *site)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, KSI_DESTROYED};
    if (gone(gate, site, "evl_destroy_stax of a destroyed stax"))
        return;
    ksi_lot_lock(&lot, gate);
    ksi_xchg(gate, GONE);
    while (ksi_lot_pop(&lot, gate, KSI_Q_STAX, &wake))
        ;
    ksi_lot_unlock(&lot, &wake);
}
