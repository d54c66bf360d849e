/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared/exclusive locks: from shared to exclusive and back. The table is in rw.h. */

#include "lock/rw.h"

#include "diag/hooks.h"
#include "diag/named.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/lend.h"
#include "wait/spin.h"
#include "wait/wait.h"

void ksi_rw_adopt(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t)
{
    struct ksi_lot lot;
    if (!c->lends || (ksi_load(word) & KSI_QUEUED) == 0 || !ksi_lend_matters() ||
        KSI_FAULT(LEND_NOT_ADOPTED))
        return;
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    ksi_rw_lend(word, &lot, t);
    ksi_lot_unlock(&lot, NULL);
}

bool ksi_rw_own_past_slots(ksi_word *word, ksl_thread *t, uintptr_t seen,
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
    if ((ksi_load(note) & ~KSI_TAGS) != (uintptr_t)word)
        return;
    ksi_store(note, (uintptr_t)0);
    ksi_fetch_sub(&t->front.claims, 1u);
}

static void tell_turned(const struct ksl_slot *s, enum ksi_mode mode)
{
    if (ksi_telling())
        ksi_hook_turned(ksi_entry_lock(ksi_load(&s->lock)), mode);
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
    tell_turned(s, KSI_EXCLUSIVE);
}

static void turn_counted(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                         struct ksl_slot *s)
{
    if (s == ksi_near_slot(t, word))
        set_note(word, t, s, KSI_NOTE_COUNTED);
    ksi_store(&s->lock, (uintptr_t)word | KSI_COUNTED | c->tags);
    tell_turned(s, KSI_SHARED);
}

/*
 * The hold that becomes a share has no entry: true if that is because t, which a handler
 * has interrupted, has emptied the slot; it is about to give back what the note says.
 */
static bool turn_noted(const ksi_word *word, ksl_thread *t)
{
    struct ksl_slot *s = ksi_near_slot(t, word);
    uintptr_t *note = &t->converted[ksi_near_index(t, s)];
    if (ksi_load(note) != (uintptr_t)word + KSI_NOTE_OWNED || ksi_load(&s->lock) != 0 ||
        KSI_FAULT(RW_NOTE_OUTDATED))
        return false;
    ksi_store(note, (uintptr_t)word + KSI_NOTE_COUNTED);
    return true;
}

/*
 * Masked: t's one share; NULL if it has none or several by now, because a handler has
 * come after the caller's look. The near slot has one at most, and is what is found last.
 */
static struct ksl_slot *only_share(const ksl_thread *t, const ksi_word *word)
{
    struct ksl_slot *s = ksi_share_find(t, word);
    bool one = s == NULL || s == ksi_near_slot(t, word) || KSI_FAULT(RW_UPGRADE_OF_ONE) ||
               ksi_share_count(t, word) == 1;
    return one ? s : NULL;
}

bool ksi_rw_upgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t)
{
    bool in = false;
    unsigned turn = 0;
    for (unsigned tries = 0; tries < KSI_RW_PATIENCE;) {
        uint32_t level = ksi_irq_mask(t);
        struct ksl_slot *s = only_share(t, word);
        if (s == NULL) {
            ksi_irq_unmask(t, level);
            break;
        }
        uintptr_t w = ksi_load_acq(word);
        uintptr_t mine = ksi_entry_of(ksi_load_acq(&s->lock)) == KSI_COUNTED ? 1 : 0;
        uintptr_t first = w;
        bool spin = (w & KSI_SPIN) != 0;
        KSI_POINT("rw: upgrade");
        if (!spin && ksi_rw_owner(w) == 0 && ksi_rw_count(w) == mine &&
            !(KSI_FAULT(RW_UPGRADE_SHY) && (w & KSI_QUEUED) != 0)) {
            if ((w & KSI_TIER) != 0)
                in = ksi_rw_own_past_slots(word, t, w, mine);
            else if (mine == 1)
                in = ksi_cas_acq(word, &w,
                                 (w & KSI_FLAGS & ~(uintptr_t)KSI_READ) | (uintptr_t)t);
        }
        if (in) {
            turn_exclusive(c, word, t, s);
            ksi_rw_adopt(c, word, t);
        }
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

/* For who waits for its upgrade: its share, if only a slot shows it, is counted. */
static void count_own_share(const struct ksi_rw_class *c, ksi_word *word,
                            struct ksl_slot *s)
{
    uintptr_t w = ksi_load(word);
    if (ksi_entry_of(ksi_load_acq(&s->lock)) == KSI_COUNTED)
        return;
    while (!ksi_cas(word, &w, ksi_rw_one_more(w)))
        ;
    uintptr_t entry = (uintptr_t)word | c->tags;
    if (!ksi_cas(&s->lock, &entry, entry | KSI_COUNTED)) /* a writer was faster */
        ksi_rw_uncount(word);
}

enum upgrade { UPGRADED, WAITS, REFUSED, MASKED, NESTED, AGAIN };

/* Slots that the upgrader has closed: spin is SPIN, else 0. */
struct closed {
    uintptr_t spin;
    uintptr_t tier;
    uint64_t since;
    bool waits; /* the caller may */
};

/*
 * With the bucket lock; t's share is counted, and all others if t closed the slots.
 */
static enum upgrade upgrade_or_queue(ksi_word *word, struct ksi_lot *lot, ksl_thread *t,
                                     const struct closed *k)
{
    const void *key = (const void *)(uintptr_t)word;
    uintptr_t w = ksi_load(word);
    for (;;) {
        if (ksi_rw_coming(w) != 0 || ksi_lot_waits(lot, key, KSI_Q_WRITE) ||
            (ksi_lot_waits(lot, key, KSI_Q_UPGRADE) && !KSI_FAULT(RW_TWO_UPGRADERS)))
            return REFUSED;
        if ((w & KSI_SPIN) != k->spin || (w & KSI_TIER) != 0)
            return AGAIN;
        bool alone = ksi_rw_count(w) == 1;
        if (!alone && !k->waits)
            return MASKED;
        uintptr_t now = (w & ~k->spin) | KSI_UPGRADING;
        if (alone) {
            now = (w & KSI_FLAGS & ~k->spin & ~(uintptr_t)KSI_READ) | (uintptr_t)t;
            if (k->spin != 0 && (now & KSI_MARKS) == 0)
                now |= ksi_rw_tune_closed(word, k->tier, k->since);
        }
        if (!ksi_cas_acq(word, &w, now))
            continue;
        if (alone)
            return UPGRADED;
        ksi_lot_enqueue(lot, &t->waiters[KSI_WAITER_LOCK], key, KSI_Q_UPGRADE, KSI_FIFO,
                        NULL);
        return WAITS;
    }
}

/* One try, masked. */
static enum upgrade try_to_upgrade(ksi_word *word, ksl_thread *t, bool waits)
{
    struct ksi_lot lot;
    uintptr_t seen = ksi_load(word);
    struct closed k = {0, seen & KSI_TIER, ksi_rw_tune_closing(seen & KSI_TIER), waits};
    KSI_POINT("rw: await upgrade");
    if (ksi_rw_slots_open(seen)) {
        if (!ksi_rw_close(word, seen, t))
            return AGAIN;
        k.spin = KSI_SPIN;
        ksi_rw_empty(word);
    }
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    enum upgrade step = upgrade_or_queue(word, &lot, t, &k);
    bool opens = k.spin != 0 && (step == REFUSED || step == MASKED);
    if (k.spin != 0 && !opens)
        ksi_rw_closed(t);
    ksi_lot_unlock(&lot, NULL);
    if (k.spin != 0 && step == WAITS)
        (void)ksi_rw_tune_closed(word, k.tier, k.since);
    if (opens)
        ksi_rw_open(word, t, k.tier);
    return step;
}

int ksi_rw_await_upgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                         unsigned how)
{
    enum upgrade step = AGAIN;
    uint32_t level = ksi_load(&t->front.level);
    bool waits = level == 0 || (how & KSI_RW_OPEN) == 0;
    struct ksl_slot *s = NULL;
    for (unsigned turn = 0; step == AGAIN; turn++) {
        if (turn > 0)
            ksi_spin_turn(turn); /* a writer empties the slots; soon done */
        (void)ksi_irq_mask(t);
        s = ksi_share_find(t, word);
        if (s == NULL) { /* a handler has given it back */
            step = REFUSED;
        } else if (ksi_share_count(t, word) > 1) {
            step = NESTED;
        } else {
            count_own_share(c, word, s);
            step = try_to_upgrade(word, t, waits);
        }
        if (step != UPGRADED)
            ksi_irq_unmask(t, level);
    }
    if (step == NESTED)
        return -EDEADLK;
    if (step == REFUSED || step == MASKED)
        return step == REFUSED ? -EAGAIN : -EPERM;
    if (step == WAITS) {
        (void)ksi_wait(&t->waiters[KSI_WAITER_LOCK], KSI_FOREVER);
        (void)ksi_irq_mask(t);
    }
    turn_exclusive(c, word, t, s);
    ksi_irq_unmask(t, level);
    return 0;
}

void ksi_rw_downgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    struct ksl_slot *s = ksi_exclusive_find(t, word);
    const void *key = (const void *)(uintptr_t)word;
    KSI_POINT("rw: downgrade");
    ksi_lot_lock(&lot, key);
    if (s != NULL)
        turn_counted(c, word, t, s);
    else if (!turn_noted(word, t))
        t->unshared++;
    uintptr_t w = ksi_load(word); /* ours: only marks change, under this lock */
    while (!KSI_FAULT(RW_DOWNGRADE_SILENT) && ksi_lot_pop(&lot, key, KSI_Q_READ, &wake))
        ;
    uintptr_t flags = w & KSI_FLAGS & ~(uintptr_t)(KSI_MARKS | KSI_LOOKS);
    uintptr_t left = ksi_rw_one_more(flags) | ksi_rw_marks(word, &lot, ksi_rw_coming(w));
    if (KSI_FAULT(RW_DOWNGRADE_FREES))
        left = ksi_rw_one_less(left);
    if (ksi_load(&t->lenders) != NULL)
        ksi_rw_lend(word, &lot, NULL); /* sharers are not promoted */
    ksi_rw_unclaim(word, &lot, t);
    if ((left & KSI_QUEUED) != 0)
        left &= ~(uintptr_t)KSI_SLOTS; /* I1 */
    ksi_store_rel(word, left);
    ksi_lot_unlock(&lot, &wake);
}
