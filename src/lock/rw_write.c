/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared/exclusive locks: writers. The table is in rw.h. */

#include "lock/rw.h"

#include "diag/events.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/lend.h"
#include "wait/spin.h"
#include "wait/wait.h"

/*
 * A writer on its way in. Interrupts are masked while it has SPIN, and from the moment
 * when it is the owner until that is recorded, if it was not recorded before.
 */
struct taking {
    const struct ksi_rw_class *class;
    ksi_word *word;
    ksl_thread *t;
    const void *site;
    uintptr_t mine; /* SPIN, COMING: bits of the word that speak of this writer */
    uintptr_t tier; /* of the slots that it closed */
    uint64_t since;
    uint32_t level; /* of the caller */
};

static void mask(struct taking *k)
{
    ksi_irq_set(k->t, KSI_MASK_ALL);
}

/* SPIN is no longer this writer's. */
static void drop_spin(struct taking *k)
{
    if ((k->mine & KSI_SPIN) != 0)
        ksi_rw_closed(k->t);
    k->mine = 0;
}

static void unmask(struct taking *k)
{
    if ((k->mine & KSI_SPIN) == 0)
        ksi_irq_unmask(k->t, k->level);
}

/* If the slots are open: closes and empties them. Masked. */
static void close_slots(struct taking *k)
{
    uintptr_t seen = ksi_load(k->word);
    if (!ksi_rw_slots_open(seen))
        return;
    uint64_t since = ksi_rw_tune_closing(seen);
    if (!ksi_rw_close(k->word, seen, k->t))
        return;
    k->mine |= KSI_SPIN;
    k->tier = seen & KSI_TIER;
    k->since = since;
    ksi_rw_empty(k->word);
}

/* Nobody holds it and no other writer empties the slots. */
static bool may_own(const struct taking *k, uintptr_t w)
{
    return ksi_rw_unheld(w) && (w & KSI_BASE) == k->class->base &&
           ((w & KSI_SPIN) == 0 || (k->mine & KSI_SPIN) != 0);
}

/* The word with this writer as owner. */
static uintptr_t owned(const struct taking *k, uintptr_t w)
{
    uintptr_t off = KSI_FAULT(RW_COMING_STAYS) ? k->mine & KSI_SPIN : k->mine;
    uintptr_t now = (w & KSI_FLAGS & ~off) | (uintptr_t)k->t;
    if ((k->mine & KSI_SPIN) != 0 && (now & KSI_MARKS) == 0)
        now |= ksi_rw_tune_closed(k->word, k->tier, k->since);
    if (k->class->looks && (w & KSI_QUEUED) != 0)
        now |= KSI_LOOKS;
    return now;
}

static void record(const struct taking *k)
{
    (void)ksi_slot_push(k->t, k->word, KSI_EXCLUSIVE_ENTRY, k->class->tags, k->site);
}

/*
 * As the inlined paths do it: the slot is filled first, so that a handler, which goes by
 * the word, finds it filled. Little is left to do between the exchange and the return.
 */
static bool grab_plain(const struct taking *k, uintptr_t w, struct ksl_slot *s)
{
    ksi_store(&s->place, ksi_flip_place(k->site));
    ksi_store(&s->lock, (uintptr_t)k->word | KSI_EXCLUSIVE_ENTRY | k->class->tags);
    ksi_barrier();
    if (KSI_LIKELY(ksi_cas_acq(k->word, &w, owned(k, w)))) {
        ksi_rw_adopt(k->class, k->word, k->t);
        return true;
    }
    if (!KSI_FAULT(RW_ENTRY_STAYS))
        ksi_store(&s->lock, (uintptr_t)0);
    return false;
}

/* Takes it if it is free. */
static bool grab(struct taking *k)
{
    bool in = false;
    uintptr_t w = ksi_load(k->word);
    if (!may_own(k, w) && !ksi_rw_slots_open(w))
        return false;
    struct ksl_slot *s = ksi_near_slot(k->t, k->word);
    if (KSI_LIKELY((k->mine & KSI_SPIN) == 0 && !ksi_rw_slots_open(w) &&
                   k->t->handlers == 0 && ksi_load(&s->lock) == 0 &&
                   !(k->class->lends && ksi_lend_matters())))
        return grab_plain(k, w, s);
    mask(k);
    for (;;) {
        if (ksi_rw_slots_open(w)) {
            close_slots(k);
            w = ksi_load(k->word);
        } else if (!may_own(k, w)) {
            break;
        } else if (ksi_cas(k->word, &w, owned(k, w))) {
            in = true;
            record(k);
            drop_spin(k);
            ksi_rw_adopt(k->class, k->word, k->t);
            break;
        }
    }
    unmask(k);
    return in;
}

enum step { IN, QUEUED, SLOTS_OPEN, HELD_BY_SELF, GONE, JUNK };

/* The word is not one of the class; that of an EVL mutex is 0 when it was destroyed. */
static enum step judge_base(const struct ksi_rw_class *c, uintptr_t w)
{
    return c->kind == KSI_EVL_MUTEX && ksi_rw_unheld(w) ? GONE : JUNK;
}

/* With the bucket lock. *owner: who holds it alone, if the caller is queued. */
static enum step own_or_queue(struct taking *k, struct ksi_lot *lot, struct ksi_waiter *w,
                              uintptr_t *owner)
{
    const void *key = (const void *)(uintptr_t)k->word;
    uintptr_t now = ksi_load(k->word);
    if (KSI_FAULT(RW_QUEUES_BLIND)) {
        ksi_fetch_or(k->word, (uintptr_t)KSI_WRITERS);
        ksi_lot_enqueue(lot, w, key, KSI_Q_WRITE, KSI_FIFO, NULL);
        return QUEUED;
    }
    for (;;) {
        uintptr_t coming = (k->mine & KSI_COMING) != 0 && !KSI_FAULT(RW_COMING_STAYS)
                               ? 0
                               : ksi_rw_coming(now);
        uintptr_t off = KSI_FAULT(RW_SPIN_STAYS) ? 0 : k->mine;
        uintptr_t waiting = (now & ~(off | KSI_COMING)) | coming | KSI_WRITERS;
        if ((now & KSI_BASE) != k->class->base)
            return judge_base(k->class, now);
        if (ksi_rw_slots_open(now))
            return SLOTS_OPEN; /* I1 */
        if (ksi_rw_owner(now) == (uintptr_t)k->t || ksi_share_find(k->t, k->word) != NULL)
            return HELD_BY_SELF; /* a handler has taken it and kept it */
        if (may_own(k, now)) {
            uintptr_t marks = ksi_rw_marks(k->word, lot, coming);
            if (ksi_cas_acq(k->word, &now,
                            (owned(k, now) & ~(uintptr_t)KSI_MARKS) | marks)) {
                if (k->class->lends && ksi_lend_matters())
                    ksi_rw_lend(k->word, lot, k->t);
                return IN;
            }
        } else if (ksi_rw_is_junk(now)) {
            return JUNK;
        } else if (now == waiting || ksi_cas(k->word, &now, waiting)) {
            *owner = ksi_rw_owner(now);
            ksi_lot_enqueue(lot, w, key, KSI_Q_WRITE,
                            k->class->lends ? KSI_PRIORITY : KSI_FIFO, NULL);
            KSI_POINT("rw: claim");
            bool looks = (k->class->looks && (now & KSI_LOOKS) != 0) ||
                         KSI_FAULT(RW_CLAIM_FORGOTTEN);
            if (*owner != 0 && !looks)
                ksi_lot_claim(w, ksi_thread_of(*owner));
            ksi_rw_lend_one(k->class, k->word, w, *owner);
            if (looks)
                *owner = 0; /* it sees the mark: no second look is needed */
            return QUEUED;
        }
    }
}

/* The wait has been ended by a signal or the like; a wake-up meant for it goes on. */
static int give_up(struct taking *k, enum ksi_outcome outcome)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    int error = outcome == KSI_SIGNALLED ? -ERESTART : -EINTR;
    if (KSI_FAULT(RW_GIVE_UP_FORGETS))
        return error;
    KSI_POINT("rw: give up");
    ksi_lot_lock(&lot, (const void *)(uintptr_t)k->word);
    ksi_rw_settle(k->word, &lot, &wake, k->mine);
    drop_spin(k);
    ksi_lot_unlock(&lot, &wake);
    return error;
}

/* Woken: whoever came in between may soon be gone. */
static bool spin_again(struct taking *k)
{
    unsigned limit = ksi_spin_limit(k->t);
    for (unsigned i = 0; i < limit && (k->mine & KSI_SPIN) == 0; i++) {
        if (grab(k))
            return true;
        ksi_pause();
    }
    for (unsigned i = ksi_spin_yields(limit); i > 0 && (k->mine & KSI_SPIN) == 0; i--) {
        ksi_yield();
        if (grab(k))
            return true;
    }
    return false;
}

KSI_COLD static int wait_to_own(struct taking *k, unsigned how)
{
    struct ksi_waiter *w = &k->t->waiters[KSI_WAITER_LOCK];
    for (;;) {
        struct ksi_lot lot;
        uintptr_t owner = 0;
        mask(k);
        ksi_lot_lock(&lot, (const void *)(uintptr_t)k->word);
        enum step step = own_or_queue(k, &lot, w, &owner);
        bool ended = step == QUEUED && ksi_rw_interruptible(w, how);
        ksi_lot_unlock(&lot, NULL);
        if (step == SLOTS_OPEN) {
            close_slots(k);
            unmask(k);
            continue;
        }
        if (step == HELD_BY_SELF) {
            (void)give_up(k, KSI_WOKEN);
            unmask(k);
            return -EDEADLK;
        }
        if (step == IN)
            record(k);
        else if ((k->mine & KSI_SPIN) != 0)
            (void)ksi_rw_tune_closed(k->word, k->tier, k->since);
        drop_spin(k);
        unmask(k);
        if (step == GONE)
            return -EIDRM;
        if (step == JUNK)
            return ksi_rw_refuse_junk(k->class, k->word, k->site);
        if (step == IN)
            return 0;
        if (ended)
            return give_up(k, KSI_SIGNALLED);
        if (owner != 0 && !ksi_rw_may_sleep(k->word, w, owner, KSI_WRITERS))
            continue;
        enum ksi_outcome outcome = ksi_wait(w, KSI_FOREVER);
        if (outcome == KSI_DESTROYED)
            return -EIDRM; /* the word may be gone */
        if (outcome != KSI_WOKEN)
            return give_up(k, outcome);
        k->mine = w->chosen ? KSI_COMING : 0;
        KSI_POINT("rw: woken");
        if (spin_again(k) || KSI_FAULT(RW_WOKEN_BELIEVES))
            return 0;
    }
}

int ksi_rw_own(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t, unsigned how,
               const void *site)
{
    enum { GAP_MAX = 128 };
    struct taking k = {.class = c,
                       .word = word,
                       .t = t,
                       .site = site,
                       .level = ksi_load(&t->front.level)};
    unsigned limit = ksi_spin_limit(t);
    unsigned patience = KSI_RW_PATIENCE; /* others wait for who has SPIN */
    for (unsigned i = 0, gap = 1; i <= limit && patience > 0; i++) {
        KSI_POINT("rw: own");
        if (grab(&k)) {
            if (i > 0)
                ksi_spin_learn(t, i, true);
            return 0;
        }
        if (i == 0)
            ksi_tell_about(t, KSI_EV_CONTENDED, 0, 0);
        if ((k.mine & KSI_SPIN) != 0)
            patience--;
        ksi_pause();
        /* Looking at the word takes it from the owner, so less and less often. */
        for (unsigned j = 1; j < gap && i < limit; j++, i++)
            ksi_pause();
        gap = gap < GAP_MAX ? 2 * gap : gap;
        i -= KSI_FAULT(RW_SPINS_ON) ? 1 : 0;
    }
    ksi_spin_learn(t, limit, false);
    for (unsigned i = ksi_spin_yields(limit); i > 0 && (k.mine & KSI_SPIN) == 0; i--) {
        ksi_yield();
        if (grab(&k))
            return 0;
    }
    if ((how & KSI_RW_OPEN) == 0 || k.level == 0)
        return wait_to_own(&k, how);
    if ((k.mine & KSI_SPIN) != 0)
        ksi_rw_open(word, t, k.tier);
    k.mine = 0;
    unmask(&k);
    return -EPERM;
}

bool ksi_rw_try_own(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                    const void *site)
{
    uint32_t level = ksi_irq_mask(t);
    uintptr_t w = ksi_load(word);
    bool in = false;
    while (!in && ksi_rw_unheld(w) && (w & (KSI_SPIN | KSI_BASE)) == c->base &&
           !ksi_rw_waits_for(word, t)) {
        if ((w & KSI_TIER) == 0) {
            bool looks = c->looks && (w & KSI_QUEUED) != 0;
            in = ksi_cas(word, &w,
                         (w & KSI_FLAGS) | (uintptr_t)t | (looks ? KSI_LOOKS : 0));
            continue;
        }
        /* The own slot may show a share that an interrupted fast path is taking. */
        if (ksi_share_find(t, word) != NULL || ksi_rw_seen_in_slots(word, t))
            break;
        in = ksi_rw_own_past_slots(word, t, w, 0);
        w = ksi_load(word);
    }
    if (in) {
        (void)ksi_slot_push(t, word, KSI_EXCLUSIVE_ENTRY, c->tags, site);
        ksi_rw_adopt(c, word, t);
    }
    ksi_irq_unmask(t, level);
    return in;
}

bool ksi_rw_busy(ksi_word *word, ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    bool busy = ksi_share_find(t, word) != NULL;
    uintptr_t w = ksi_load(word);
    while (!busy && (w & KSI_TIER) != 0 && ksi_rw_owner(w) == 0) {
        if (!ksi_rw_close(word, w, t)) {
            w = ksi_load(word);
            continue;
        }
        busy = ksi_rw_seen_in_slots(word, t);
        ksi_rw_open(word, t, busy ? w & KSI_TIER : 0);
        w = ksi_load(word);
    }
    busy = busy || !ksi_rw_unheld(w) || (w & (KSI_MARKS | KSI_SPIN)) != 0;
    ksi_irq_unmask(t, level);
    return busy;
}
