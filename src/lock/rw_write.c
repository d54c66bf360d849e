/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared/exclusive locks: writers. The table is in rw.h. */

#include "lock/rw.h"

#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/spin.h"
#include "wait/wait.h"

/*
 * A writer on its way in. Interrupts are masked while it has SPIN, and from the moment
 * when it is the owner until that is recorded.
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

/* Slots are open, and no owner or other writer keeps readers from them. */
static bool slots_open(uintptr_t w)
{
    return (w & KSI_TIER) != 0 && (w & KSI_SPIN) == 0 && ksi_rw_owner(w) == 0;
}

/* If the slots are open: closes and empties them. Masked. */
static void close_slots(struct taking *k)
{
    uintptr_t seen = ksi_load(k->word);
    if (!slots_open(seen))
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
    return ksi_rw_unheld(w) && ((w & KSI_SPIN) == 0 || (k->mine & KSI_SPIN) != 0);
}

/* The word with this writer as owner. */
static uintptr_t owned(const struct taking *k, uintptr_t w)
{
    uintptr_t now = (w & KSI_FLAGS & ~k->mine) | (uintptr_t)k->t;
    if ((k->mine & KSI_SPIN) != 0 && (now & KSI_MARKS) == 0)
        now |= ksi_rw_tune_closed(k->word, k->tier, k->since);
    return now;
}

static void record(const struct taking *k)
{
    (void)ksi_slot_push(k->t, k->word, KSI_EXCLUSIVE_ENTRY, k->class->tags, k->site);
}

/* Takes it if it is free. */
static bool grab(struct taking *k)
{
    bool in = false;
    mask(k);
    uintptr_t w = ksi_load(k->word);
    for (;;) {
        if (slots_open(w)) {
            close_slots(k);
            w = ksi_load(k->word);
        } else if (!may_own(k, w)) {
            break;
        } else if (ksi_cas_acq(k->word, &w, owned(k, w))) {
            in = true;
            record(k);
            drop_spin(k);
            break;
        }
    }
    unmask(k);
    return in;
}

enum step { IN, QUEUED, SLOTS_OPEN, HELD_BY_SELF };

/* With the bucket lock. *owner: who holds it alone, if the caller is queued. */
static enum step own_or_queue(struct taking *k, struct ksi_lot *lot, struct ksi_waiter *w,
                              uintptr_t *owner)
{
    const void *key = (const void *)(uintptr_t)k->word;
    uintptr_t now = ksi_load(k->word);
    for (;;) {
        uintptr_t coming = (k->mine & KSI_COMING) != 0 ? 0 : ksi_rw_coming(now);
        uintptr_t waiting = (now & ~(k->mine | KSI_COMING)) | coming | KSI_WRITERS;
        if (slots_open(now))
            return SLOTS_OPEN; /* I1 */
        if (ksi_rw_owner(now) == (uintptr_t)k->t || ksi_share_find(k->t, k->word) != NULL)
            return HELD_BY_SELF; /* a handler has taken it and kept it */
        if (may_own(k, now)) {
            uintptr_t marks = ksi_rw_marks(k->word, lot, coming);
            if (ksi_cas_acq(k->word, &now,
                            (owned(k, now) & ~(uintptr_t)KSI_MARKS) | marks))
                return IN;
        } else if (now == waiting || ksi_cas(k->word, &now, waiting)) {
            *owner = ksi_rw_owner(now);
            ksi_lot_enqueue(lot, w, key, KSI_Q_WRITE, KSI_FIFO, NULL);
            KSI_POINT("rw: claim");
            if (*owner != 0)
                ksi_lot_claim(w, ksi_thread_of(*owner));
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

KSI_COLD static int wait_to_own(struct taking *k, unsigned how)
{
    struct ksi_waiter *w = &k->t->waiters[KSI_WAITER_LOCK];
    for (;;) {
        struct ksi_lot lot;
        uintptr_t owner = 0;
        mask(k);
        ksi_lot_lock(&lot, (const void *)(uintptr_t)k->word);
        enum step step = own_or_queue(k, &lot, w, &owner);
        bool ended =
            step == QUEUED && (how & KSI_RW_SIGNALS) != 0 && !ksi_wait_interruptible(w);
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
        if (step == IN)
            return 0;
        if (ended)
            return give_up(k, KSI_SIGNALLED);
        if (owner != 0 && !ksi_rw_may_sleep(k->word, w, owner, KSI_WRITERS))
            continue;
        enum ksi_outcome outcome = ksi_wait(w, KSI_FOREVER);
        if (outcome != KSI_WOKEN)
            return give_up(k, outcome);
        k->mine = w->chosen ? KSI_COMING : 0;
    }
}

int ksi_rw_own(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t, unsigned how,
               const void *site)
{
    struct taking k = {
        .class = c, .word = word, .t = t, .site = site, .level = ksi_load(&t->level)};
    unsigned limit = ksi_spin_limit(t);
    unsigned patience = KSI_RW_PATIENCE; /* others wait for who has SPIN */
    for (unsigned i = 0; i <= limit && patience > 0; i++) {
        KSI_POINT("rw: own");
        if (grab(&k)) {
            if (i > 0)
                ksi_spin_learn(t, i, true);
            return 0;
        }
        if ((k.mine & KSI_SPIN) != 0)
            patience--;
        ksi_pause();
    }
    ksi_spin_learn(t, limit, false);
    if ((how & KSI_RW_OPEN) == 0 || k.level == 0)
        return wait_to_own(&k, how);
    if ((k.mine & KSI_SPIN) != 0)
        ksi_rw_open(word, t, k.tier);
    k.mine = 0;
    unmask(&k);
    return -EPERM;
}

/* Closes the slots if t alone has shares in them; `shares` of it are counted. */
static bool own_past_slots(ksi_word *word, ksl_thread *t, uintptr_t seen,
                           uintptr_t shares)
{
    uint64_t since = ksi_rw_tune_closing(seen);
    if (!ksi_rw_close(word, seen, t))
        return false;
    uintptr_t tier = seen & KSI_TIER;
    if (!ksi_rw_seen_in_slots(word, t) || KSI_FAULT(RW_UPGRADE_UNCHECKED)) {
        uintptr_t w = ksi_load(word);
        while (ksi_rw_count(w) == shares) {
            uintptr_t now =
                (w & KSI_FLAGS & ~(uintptr_t)(KSI_SPIN | KSI_READ)) | (uintptr_t)t;
            if ((now & KSI_MARKS) == 0)
                now |= ksi_rw_tune_closed(word, tier, since);
            if (ksi_cas_acq(word, &w, now)) {
                ksi_rw_closed(t);
                return true;
            }
        }
    }
    ksi_rw_open(word, t, tier);
    return false;
}

bool ksi_rw_try_own(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                    const void *site)
{
    uint32_t level = ksi_irq_mask(t);
    uintptr_t w = ksi_load(word);
    bool in = false;
    while (!in && ksi_rw_unheld(w) && (w & KSI_SPIN) == 0 && !ksi_rw_waits_for(word, t)) {
        if ((w & KSI_TIER) == 0) {
            in = ksi_cas_acq(word, &w, (w & KSI_FLAGS) | (uintptr_t)t);
            continue;
        }
        /* The own slot may show a share that an interrupted fast path is taking. */
        if (ksi_share_find(t, word) != NULL || ksi_rw_seen_in_slots(word, t))
            break;
        in = own_past_slots(word, t, w, 0);
        w = ksi_load(word);
    }
    if (in)
        (void)ksi_slot_push(t, word, KSI_EXCLUSIVE_ENTRY, c->tags, site);
    ksi_irq_unmask(t, level);
    return in;
}

static void set_note(ksi_word *word, ksl_thread *t, struct ksl_slot *s, uintptr_t kind)
{
    uintptr_t *note = &t->converted[ksi_near_index(t, s)];
    if (ksi_load(note) == 0)
        ksi_fetch_add(&t->front.claims, 1u);
    ksi_store(note, (uintptr_t)word + kind);
}

static void drop_note(ksi_word *word, ksl_thread *t, struct ksl_slot *s)
{
    uintptr_t *note = &t->converted[ksi_near_index(t, s)];
    if ((ksi_load(note) & ~(uintptr_t)KSI_TAGS) != (uintptr_t)word)
        return;
    ksi_store(note, (uintptr_t)0);
    ksi_fetch_sub(&t->front.claims, 1u);
}

/*
 * s is the entry of a share that has become an exclusive hold, or the reverse. A handler
 * may do that while the inlined fast path of its thread is about to empty the slot by a
 * plain store: then the note tells what that store has not given back.
 */
static void turn_exclusive(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                           struct ksl_slot *s)
{
    uintptr_t kind = KSI_EXCLUSIVE_ENTRY;
    if (s == ksi_near_slot(t, word) && t->handlers > 0) {
        set_note(word, t, s, KSI_NOTE_OWNED);
        kind = KSI_ENTRY_MASK;
    } else if (s == ksi_near_slot(t, word)) {
        drop_note(word, t, s);
    }
    ksi_store(&s->lock, (uintptr_t)word | kind | c->tags);
}

static void turn_counted(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                         struct ksl_slot *s)
{
    if (s == ksi_near_slot(t, word))
        set_note(word, t, s, KSI_NOTE_COUNTED);
    ksi_store(&s->lock, (uintptr_t)word | KSI_COUNTED | c->tags);
}

bool ksi_rw_upgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t)
{
    bool in = false;
    unsigned turn = 0;
    for (unsigned tries = 0; tries < KSI_RW_PATIENCE;) {
        uint32_t level = ksi_irq_mask(t);
        struct ksl_slot *s = ksi_share_find(t, word);
        if (s == NULL) { /* a handler has given it back */
            ksi_irq_unmask(t, level);
            break;
        }
        uintptr_t w = ksi_load_acq(word);
        uintptr_t mine = ksi_entry_of(ksi_load_acq(&s->lock)) == KSI_COUNTED ? 1 : 0;
        uintptr_t first = w;
        bool spin = (w & KSI_SPIN) != 0;
        KSI_POINT("rw: upgrade");
        if (!spin && ksi_rw_owner(w) == 0 && ksi_rw_count(w) == mine) {
            if ((w & KSI_TIER) != 0)
                in = own_past_slots(word, t, w, mine);
            else if (mine == 1)
                in = ksi_cas_acq(word, &w,
                                 (w & KSI_FLAGS & ~(uintptr_t)KSI_READ) | (uintptr_t)t);
        }
        if (in)
            turn_exclusive(c, word, t, s);
        bool again = !in && (spin || w != first || ksi_load(word) != first);
        ksi_irq_unmask(t, level);
        if (!again || t->handlers > 0)
            break;
        if (spin)
            ksi_spin_turn(
                turn++); /* a writer may be about to count our share; soon done */
        else
            tries++;
    }
    return in;
}

void ksi_rw_downgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    struct ksl_slot *s = ksi_exclusive_find(t, word);
    const void *key = (const void *)(uintptr_t)word;
    KSI_POINT("rw: downgrade");
    ksi_lot_lock(&lot, key);
    if (s == NULL)
        t->unshared++;
    else
        turn_counted(c, word, t, s);
    uintptr_t w = ksi_load(word); /* ours: only marks change, under this lock */
    while (ksi_lot_pop(&lot, key, KSI_Q_READ, &wake))
        ;
    uintptr_t left = ksi_rw_one_more(w & KSI_FLAGS & ~(uintptr_t)KSI_MARKS) |
                     ksi_rw_marks(word, &lot, ksi_rw_coming(w));
    if (KSI_FAULT(RW_DOWNGRADE_FREES))
        left = ksi_rw_one_less(left);
    if ((left & KSI_QUEUED) != 0)
        left &= ~(uintptr_t)KSI_SLOTS; /* I1 */
    ksi_store_rel(word, left);
    ksi_lot_unlock(&lot, &wake);
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
