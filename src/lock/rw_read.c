/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared/exclusive locks: readers. The table is in rw.h. */

#include "lock/rw_shown.h"

#include "diag/events.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/lend.h"
#include "wait/spin.h"
#include "wait/wait.h"

/* Records a share that the word counts. */
static void record(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                   const void *site)
{
    if (!ksi_slot_push(t, word, KSI_COUNTED, c->tags, site))
        t->unshared++;
}

/* True if the slots are open and t's is free now and a share in it is granted. */
static bool share_in_slot(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                          unsigned how, const void *site)
{
    struct ksl_slot *s = ksi_near_slot(t, word);
    if ((ksi_load(word) & KSI_SLOTS) == 0 || t->handlers > 0 || ksi_load(&s->lock) != 0)
        return false;
    ksi_store(&s->place, ksi_flip_place(site));
    if (KSI_FAULT(RW_SLOT_UNORDERED)) {
        uintptr_t w = ksi_load(word);
        KSI_POINT("rw: slot");
        ksi_store_seq(&s->lock, (uintptr_t)word | c->tags);
        return (w & KSI_SLOTS) != 0 && ksi_rw_may_share(w, how);
    }
    uintptr_t entry = (uintptr_t)word | c->tags;
    ksi_xchg(&s->lock, entry);
    if (ksi_rw_granted(word, t, how))
        return true;
    ksi_rw_retract(word, t, s, entry);
    return false;
}

/* Takes a share if nothing stands against it. */
static bool grab(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                 unsigned how, const void *site)
{
    uintptr_t w = ksi_load(word);
    if (!ksi_rw_may_share(w, how))
        return false;
    if ((w & KSI_SLOTS) != 0 && share_in_slot(c, word, t, how, site))
        return true;
    uint32_t level = ksi_irq_mask(t); /* a handler finds the record as the word says */
    struct ksl_slot *s = ksi_near_slot(t, word);
    bool near = t->handlers == 0 && ksi_load(&s->lock) == 0, in = false;
    if (near)
        ksi_store(&s->place, ksi_flip_place(site));
    w = ksi_load(word);
    while (!in && ksi_rw_may_share(w, how))
        in = ksi_cas_acq(word, &w, ksi_rw_one_more(w));
    if (in && near)
        ksi_store_rel(&s->lock, (uintptr_t)word | KSI_COUNTED | c->tags);
    else if (in)
        record(c, word, t, site);
    ksi_irq_unmask(t, level);
    if (in && !c->counts && (w & (KSI_SLOTS | KSI_MARKS | KSI_SPIN)) == 0)
        ksi_rw_tune_counted(word, t);
    return in;
}

bool ksi_rw_try_share(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                      unsigned how, const void *site)
{
    return !ksi_rw_waits_for(word, t) && grab(c, word, t, how, site);
}

enum step { IN, QUEUED, HELD_BY_SELF, JUNK };

/* With the bucket lock. *owner: who holds it alone, if the caller is queued. */
static enum step share_or_queue(const struct ksi_rw_class *c, ksi_word *word,
                                struct ksi_lot *lot, struct ksi_waiter *w, unsigned how,
                                uintptr_t *owner)
{
    const void *key = (const void *)(uintptr_t)word;
    uintptr_t now = ksi_load(word);
    for (;;) {
        if ((now & KSI_BASE) != c->base)
            return JUNK;
        /*
         * The queue decides, not the mark, which may be stale: a writer that was
         * woken for a claim is on its way without COMING, and a child of fork may not
         * have the writer at all.
         */
        if ((now & KSI_WRITERS) != 0 && ksi_rw_coming(now) == 0 &&
            !ksi_lot_waits(lot, key, KSI_Q_WRITE)) {
            ksi_cas(word, &now, now & ~(uintptr_t)(KSI_WRITERS | KSI_COMING));
            now = ksi_load(word);
        }
        if (ksi_rw_owner(now) == (uintptr_t)w->thread)
            return HELD_BY_SELF; /* a handler has taken it and kept it */
        if (ksi_share_find(w->thread, word) != NULL && !KSI_FAULT(RW_KEPT_SHARE_WAITS) &&
            !KSI_FAULT(RW_NESTED_WAITS))
            how |= KSI_RW_PASS; /* or a share, for which the writers would wait */
        if (ksi_rw_may_share(now, how)) {
            if (ksi_cas_acq(word, &now, ksi_rw_one_more(now)))
                return IN;
        } else if (ksi_rw_is_junk(now)) {
            return JUNK;
        } else if ((now & KSI_READERS) != 0 || ksi_cas(word, &now, now | KSI_READERS)) {
            *owner = ksi_rw_owner(now);
            ksi_lot_enqueue(lot, w, key, KSI_Q_READ, KSI_FIFO, NULL);
            KSI_POINT("rw: claim");
            bool looks = c->looks && (now & KSI_LOOKS) != 0;
            if (*owner != 0 && !looks)
                ksi_lot_claim(w, ksi_thread_of(*owner));
            ksi_rw_lend_one(c, word, w, *owner);
            if (looks)
                *owner = 0; /* it sees the mark: no second look is needed */
            return QUEUED;
        }
    }
}

/* The wait has been ended by a signal or the like; others may go on for that. */
static int give_up(ksi_word *word, enum ksi_outcome outcome)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    ksi_rw_settle(word, &lot, &wake, 0);
    ksi_lot_unlock(&lot, &wake);
    return outcome == KSI_SIGNALLED ? -ERESTART : -EINTR;
}

KSI_COLD static int wait_for_share(const struct ksi_rw_class *c, ksi_word *word,
                                   ksl_thread *t, unsigned how, const void *site)
{
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    for (;;) {
        struct ksi_lot lot;
        uintptr_t owner = 0;
        ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
        enum step step = share_or_queue(c, word, &lot, w, how, &owner);
        bool ended = step == QUEUED && ksi_rw_interruptible(w, how);
        if (step == IN)
            record(c, word, t, site);
        ksi_lot_unlock(&lot, NULL);
        if (step == IN)
            return 0;
        if (step == HELD_BY_SELF)
            return -EDEADLK;
        if (step == JUNK)
            return ksi_rw_refuse_junk(c, word, site);
        if (ended)
            return give_up(word, KSI_SIGNALLED);
        if (owner != 0 && !ksi_rw_may_sleep(word, w, owner, KSI_READERS))
            continue;
        enum ksi_outcome outcome = ksi_wait(w, KSI_FOREVER);
        if (outcome == KSI_DESTROYED)
            return -EIDRM; /* the word may be gone */
        if (outcome != KSI_WOKEN)
            return give_up(word, outcome);
        if ((ksi_load(word) & KSI_BASE) != c->base)
            return ksi_rw_refuse_junk(c, word, site); /* destroyed meanwhile */
        if (grab(c, word, t, how, site))
            return 0;
    }
}

/*
 * A writer, maybe one that only tries, empties the slots, and that is all that stands
 * against a share: it runs masked and is soon done. True if it is.
 */
static bool outlast_spin(ksi_word *word, unsigned how)
{
    uintptr_t w = ksi_load(word);
    enum { TURNS = 5000 }; /* soon naps: some seconds */
    for (unsigned turn = 0;
         (w & KSI_SPIN) != 0 && (w & (KSI_WRITERS | KSI_COMING)) == 0 && turn < TURNS;
         turn++) {
        ksi_spin_turn(turn);
        w = ksi_load(word);
    }
    return ksi_rw_may_share(w, how);
}

int ksi_rw_share(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                 unsigned how, const void *site)
{
    if (ksi_share_find(t, word) != NULL && !KSI_FAULT(RW_NESTED_WAITS))
        how |= KSI_RW_PASS; /* nobody could come in before it gives that one back */
    unsigned limit = ksi_spin_limit(t);
    for (unsigned i = 0; i <= limit; i++) {
        KSI_POINT("rw: share");
        if (grab(c, word, t, how, site)) {
            if (i > 0)
                ksi_spin_learn(t, i, true);
            return 0;
        }
        if (i == 0)
            ksi_tell_about(t, KSI_EV_CONTENDED, 0, 0);
        ksi_pause();
    }
    ksi_spin_learn(t, limit, false);
    for (unsigned i = ksi_spin_yields(limit); i > 0; i--) {
        ksi_yield();
        if (grab(c, word, t, how, site))
            return 0;
    }
    while (outlast_spin(word, how)) {
        if (grab(c, word, t, how, site))
            return 0;
    }
    if ((how & KSI_RW_OPEN) != 0 && ksi_load(&t->front.level) != 0)
        return -EPERM;
    return wait_for_share(c, word, t, how, site);
}
