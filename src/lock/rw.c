/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared/exclusive locks: who wakes whom. The table is in rw.h. */

#include "lock/rw.h"

#include "diag/hooks.h"
#include "lock/named.h"
#include "lock/stax.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/upcalls.h"
#include "wait/lend.h"
#include "wait/wait.h"

uintptr_t ksi_rw_coming(uintptr_t w)
{
    return ksi_lot_forked ? 0 : w & KSI_COMING; /* that writer may not exist in a child */
}

uintptr_t ksi_rw_marks(ksi_word *word, const struct ksi_lot *lot, uintptr_t coming)
{
    const void *key = (const void *)(uintptr_t)word;
    if (KSI_FAULT(RW_MARK_LOST))
        return 0;
    return coming |
           (coming != 0 || ksi_lot_waits(lot, key, KSI_Q_WRITE) ? KSI_WRITERS : 0) |
           (ksi_lot_waits(lot, key, KSI_Q_READ) ? KSI_READERS : 0);
}

void ksi_rw_pop(ksi_word *word, struct ksi_lot *lot, struct ksi_wake_list *wake,
                uintptr_t w, uintptr_t *coming)
{
    const void *key = (const void *)(uintptr_t)word;
    if (ksi_rw_owner(w) != 0 || (w & KSI_SPIN) != 0)
        return; /* its release will */
    if (*coming == 0 && ksi_rw_unheld(w) &&
        ksi_lot_pop_next(lot, key, KSI_Q_WRITE, wake)) {
        wake->last->chosen = true;
        *coming = KSI_COMING;
    }
    if (*coming != 0 || ksi_lot_waits(lot, key, KSI_Q_WRITE))
        return;
    while (ksi_lot_pop(lot, key, KSI_Q_READ, wake)) {
        if (KSI_FAULT(RW_ONE_READER))
            break;
    }
}

void ksi_rw_settle(ksi_word *word, struct ksi_lot *lot, struct ksi_wake_list *wake,
                   uintptr_t off)
{
    uintptr_t w = ksi_load(word);
    uintptr_t sent = 0; /* COMING for a writer popped here, which is not awake yet */
    uintptr_t now;
    do {
        /* Who was COMING when the word was read before may be in now, or gone again. */
        uintptr_t there = ksi_rw_coming(w & ~off);
        uintptr_t coming = there | sent;
        now = w & ~off;
        ksi_rw_pop(word, lot, wake, now, &coming);
        sent |= KSI_FAULT(RW_SETTLE_STALE) ? coming : coming & ~there;
        KSI_POINT("rw: settle");
        now = (now & ~(uintptr_t)KSI_MARKS) | ksi_rw_marks(word, lot, coming);
    } while (now != w && !ksi_cas(word, &w, now));
}

void ksi_rw_lend_one(const struct ksi_rw_class *c, const ksi_word *word,
                     struct ksi_waiter *w, uintptr_t owner)
{
    ksi_store(&w->lock_kind, (uint32_t)c->kind);
    if (!c->lends)
        return;
    w->word = word;
    if (owner != 0 && ksi_lend_matters())
        ksi_lend(w, ksi_thread_of(owner));
}

bool ksi_rw_is_junk(uintptr_t w)
{
    uintptr_t owner = ksi_rw_owner(w);
    return owner != 0 && ksi_thread_at(owner) == NULL;
}

int ksi_rw_refuse_junk(const struct ksi_rw_class *c, const ksi_word *word,
                       const void *site)
{
    struct ksi_misuse m = {KSI_DESTROYED_RULE,
                           c->kind,
                           ksi_entry_lock((uintptr_t)word | c->tags),
                           site,
                           NULL,
                           false};
    ksi_violate(&m, "use of a lock; " KSI_NO_LOCK_WORD);
    return -EINVAL;
}

ksl_thread *ksi_up_word_owner(const ksi_word *word)
{
    uintptr_t owner = ksi_rw_owner(ksi_load_seq(word));
    return owner != 0 ? ksi_thread_at(owner) : NULL;
}

void ksi_rw_lend(ksi_word *word, struct ksi_lot *lot, ksl_thread *owner)
{
    const void *key = (const void *)(uintptr_t)word;
    ksi_lot_lend(lot, key, KSI_Q_WRITE, owner);
    ksi_lot_lend(lot, key, KSI_Q_READ, owner);
}

/*
 * The near slot that t has just emptied was for this word: takes a note on it, and the
 * claim behind that, off. True if there was one.
 */
static bool take_note(const ksi_word *word, ksl_thread *t, uintptr_t kind)
{
    struct ksl_slot *s = ksi_near_slot(t, word);
    unsigned i = ksi_near_index(t, s);
    if (ksi_load(&t->converted[i]) != (uintptr_t)word + kind || ksi_load(&s->lock) != 0)
        return false;
    ksi_store(&t->converted[i], (uintptr_t)0);
    ksi_fetch_sub(&t->front.claims, 1u);
    return true;
}

void ksi_rw_drop_notes(const ksi_word *word, ksl_thread *t)
{
    (void)take_note(word, t, KSI_NOTE_COUNTED);
    (void)take_note(word, t, KSI_NOTE_OWNED);
}

/* What a real signal wanted during an inlined release. */
static void play_put_off(ksl_thread *t)
{
    if (ksi_load(&t->put_off) == 0)
        return;
    ksi_store(&t->put_off, 0u);
    ksi_fetch_sub(&t->front.claims, 1u);
    if (KSI_FAULT(IRQ_PUT_OFF_FORGOTTEN))
        return;
    if (ksi_load(&t->front.attention) != 0)
        ksi_irq_play(t);
    if (ksi_irq_floating()) /* it was meant for t, which may have masked it meanwhile */
        ksi_irq_offer_floating();
}

void ksl_put_off_answer(void)
{
    play_put_off(ksi_self());
}

/*
 * Masked: t has given back a share that a handler has made an exclusive hold, so it is an
 * sx. If a handler has recursed on that, too, one level goes, and the slot shows the
 * rest.
 */
static void give_owned(ksi_word *word, ksl_thread *t)
{
    struct ksi_named *sx = (struct ksi_named *)(uintptr_t)ksi_entry_lock((uintptr_t)word);
    if (KSI_FAULT(RW_NOTE_OF_LEVELS) || !ksi_named_unrecurse(sx))
        ksi_rw_disown(word, t);
    else
        ksi_store_rel(&ksi_near_slot(t, word)->lock,
                      (uintptr_t)word | KSI_EXCLUSIVE_ENTRY);
}

/*
 * What is pending is played when the bucket's lock is given back; but for the mask, a
 * handler would find there without a note what t is about to give back, and give it back
 * as well, or make something else of it.
 */
static void answer_claims(ksi_word *word, ksl_thread *t)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    const void *key = (const void *)(uintptr_t)word;
    uint32_t level = ksi_load(&t->front.level);
    if (!KSI_FAULT(RW_ANSWERS_OPEN))
        (void)ksi_irq_mask(t);
    ksi_lot_lock(&lot, key);
    bool counted = take_note(word, t, KSI_NOTE_COUNTED);
    bool owned = take_note(word, t, KSI_NOTE_OWNED);
    bool inside = take_note(word, t, KSI_NOTE_STAX);
    ksi_lot_pop_claims(&lot, key, KSI_Q_WRITE, &wake);
    ksi_lot_pop_claims(&lot, key, KSI_Q_READ, &wake);
    ksi_lot_unlock(&lot, &wake);
    KSI_POINT("rw: answer");
    if (counted)
        ksi_rw_uncount(word);
    else if (owned)
        give_owned(word, t);
    else if (inside)
        ksi_stax_uncount(word);
    ksi_irq_unmask(t, level);
}

/*
 * After the store that gave the lock back. The word is a mere key, unless a note says
 * that it is ours still: a share that a writer counts, or an exclusive hold that a
 * handler has made of a share while the thread was giving that back.
 */
KSI_COLD void ksl_claims_answer(const ksi_word *fast)
{
    ksl_thread *t = ksi_self();
    ksi_word *word = (ksi_word *)(uintptr_t)fast;
    /* Also the barrier, where the host has none for us, between that store and this look.
     */
    uint32_t claims = ksi_fetch_add(&t->front.claims, 0u) & ~KSI_CLAIM_ALWAYS;
    if (claims > ksi_load(&t->put_off)) {
        KSI_POINT("rw: claims");
        answer_claims(word, t);
    }
    play_put_off(t);
}

bool ksi_rw_interruptible(struct ksi_waiter *w, unsigned how)
{
    if ((how & KSI_RW_SIGNALS) == 0)
        return false;
    w->signals_only = (how & KSI_RW_STAY) != 0;
    return !ksi_wait_interruptible(w);
}

bool ksi_rw_may_sleep(ksi_word *word, struct ksi_waiter *w, uintptr_t owner,
                      uintptr_t mark)
{
    struct ksi_lot lot;
    KSI_POINT("rw: queued");
    ksi_rw_barrier();
    if (KSI_FAULT(RW_NO_SECOND_LOOK) || !ksi_lot_find(&lot, w))
        return true; /* popped: the wait ends at once, and the word may be gone */
    uintptr_t now = ksi_load_seq(word);
    bool stays = ksi_rw_owner(now) == owner && (now & mark) != 0;
    if (!stays) {
        ksi_lot_remove(w);
        ksi_store(&w->outcome, (uint32_t)KSI_WOKEN);
    }
    ksi_lot_unlock(&lot, NULL);
    return stays;
}

bool ksi_rw_waits_for(const ksi_word *word, const ksl_thread *t)
{
    if (KSI_LIKELY(t->handlers == 0))
        return false;
    const struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    return ksi_load_acq(&w->queue) != NULL && w->address == (const void *)(uintptr_t)word;
}

bool ksi_rw_stop_waiting(const ksi_word *word, ksl_thread *t)
{
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    if (!ksi_rw_waits_for(word, t) || !ksi_lot_find(&lot, w))
        return false;
    bool off = ksi_rw_unheld(ksi_load_seq(word));
    if (off) {
        ksi_lot_remove(w);
        if (KSI_FAULT(RW_STOPS_IN_SILENCE))
            ksi_store(&w->outcome, (uint32_t)KSI_WOKEN);
        else
            ksi_wake_add(&wake, w); /* with a token: the thread may be parked */
    }
    ksi_lot_unlock(&lot, &wake);
    return off;
}

/* What an entry names is given back. */
static void tell_given(const struct ksl_slot *s, const ksi_word *word, enum ksi_mode mode)
{
    uintptr_t entry = s != NULL ? ksi_load(&s->lock) : 0;
    if (ksi_slot_names(entry, word))
        ksi_watch_given(KSI_NO_KIND, ksi_entry_lock(entry), mode);
}

void ksi_rw_unshare(ksi_word *word, ksl_thread *t, struct ksl_slot *s)
{
    if (ksi_telling())
        tell_given(s, word, KSI_SHARED);
    if (s == NULL) {
        t->unshared--;
        ksi_rw_uncount(word);
        return;
    }
    uint32_t level = ksi_irq_mask(t); /* a handler finds the record as the word says */
    uintptr_t entry = ksi_load_acq(&s->lock);
    if (ksi_entry_of(entry) == KSI_IN_SLOT) {
        ksi_rw_cancel(word, t, s);
        ksi_irq_unmask(t, level);
        return;
    }
    bool converted = s == ksi_near_slot(t, word);
    ksi_slot_clear(t, s);
    if (converted)
        (void)take_note(word, t, KSI_NOTE_COUNTED);
    ksi_rw_uncount(word);
    ksi_irq_unmask(t, level);
}

/* A claim on who has the lock no more would wake its waiter for nothing, some time. */
void ksi_rw_unclaim(ksi_word *word, struct ksi_lot *lot, ksl_thread *t)
{
    const void *key = (const void *)(uintptr_t)word;
    if ((ksi_load(&t->front.claims) & ~KSI_CLAIM_ALWAYS) == 0)
        return;
    ksi_lot_unclaim(lot, key, KSI_Q_WRITE, t);
    ksi_lot_unclaim(lot, key, KSI_Q_READ, t);
}

static void disown_queued(ksi_word *word, ksl_thread *t)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("rw: disown");
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    uintptr_t w = ksi_load(word); /* ours: only marks change, under this lock */
    uintptr_t left = w & KSI_FLAGS & ~(uintptr_t)KSI_LOOKS;
    uintptr_t coming = ksi_rw_coming(w);
    if (!KSI_FAULT(RW_NO_WAKE))
        ksi_rw_pop(word, &lot, &wake, left, &coming);
    left = (left & ~(uintptr_t)KSI_MARKS) | ksi_rw_marks(word, &lot, coming);
    if ((left & KSI_QUEUED) != 0)
        left &= ~(uintptr_t)KSI_SLOTS; /* I1 */
    if (ksi_load(&t->lenders) != NULL)
        ksi_rw_lend(word, &lot, NULL); /* who is left lends to nobody for now */
    ksi_rw_unclaim(word, &lot, t);
    ksi_store_rel(word, left);
    ksi_lot_unlock(&lot, &wake);
    if (KSI_FAULT(RW_TOUCHED_LATE))
        (void)ksi_load(word);
    if (KSI_FAULT(RW_WRITTEN_LATE))
        ksi_fetch_and(word, ~(uintptr_t)KSI_SPIN);
}

/* Lending began while t gave the lock back; the word is a mere key. */
KSI_COLD static void end_loans(const ksi_word *word, const ksl_thread *t)
{
    struct ksi_lot lot;
    const void *key = (const void *)(uintptr_t)word;
    ksi_lot_lock(&lot, key);
    ksi_lot_end_loans(&lot, key, KSI_Q_WRITE, t);
    ksi_lot_end_loans(&lot, key, KSI_Q_READ, t);
    ksi_lot_unlock(&lot, NULL);
}

/*
 * The word has marks, or the owner looks. If a writer is on its way, that one sees to the
 * others: there is nobody to wake.
 */
KSI_COLD static void disown_slow(ksi_word *word, ksl_thread *t)
{
    uintptr_t w = ksi_load(word);
    while (((w & KSI_QUEUED) == 0 || ksi_rw_coming(w) != 0) && !ksi_lend_matters()) {
        uintptr_t left =
            w & KSI_FLAGS & ~(uintptr_t)(KSI_FAULT(RW_LOOKS_STAYS) ? 0 : KSI_LOOKS);
        if ((left & KSI_QUEUED) != 0)
            left &= ~(uintptr_t)KSI_SLOTS; /* I1 */
        if (ksi_cas(word, &w, left)) {
            if (KSI_UNLIKELY(ksi_lend_matters()) && ksi_load_seq(&t->lenders) != NULL)
                end_loans(word, t);
            return;
        }
    }
    disown_queued(word, t);
}

/* No entry: a handler's thread has just emptied the slot, and looks at its notes next. */
static void drop_exclusive(const ksi_word *word, ksl_thread *t)
{
    struct ksl_slot *s = ksi_exclusive_find(t, word);
    if (s != NULL)
        ksi_slot_clear(t, s);
    if ((s == NULL && !KSI_FAULT(RW_NOTE_STAYS)) || s == ksi_near_slot(t, word))
        (void)take_note(word, t, KSI_NOTE_OWNED);
}

void ksi_rw_disown(ksi_word *word, ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t); /* a handler finds the record as the word says */
    if (ksi_telling())
        tell_given(ksi_exclusive_find(t, word), word, KSI_EXCLUSIVE);
    struct ksl_slot *s = ksi_near_slot(t, word);
    uintptr_t entry = ksi_load(&s->lock);
    if (t->handlers == 0 && ksi_slot_names(entry, word) &&
        (entry & KSI_ENTRY_MASK) == KSI_EXCLUSIVE_ENTRY)
        ksi_store_rel(&s->lock, (uintptr_t)0); /* no handler has made it of a share */
    else
        drop_exclusive(word, t);
    uintptr_t w = ksi_load(word);
    if ((w & (KSI_MARKS | (KSI_FAULT(RW_LOOKS_UNSEEN) ? 0 : KSI_LOOKS))) != 0) {
        disown_slow(word, t);
        ksi_irq_unmask(t, level);
        return;
    }
    bool early = KSI_FAULT(RW_CLAIMS_EARLY) && ksi_load(&t->front.claims) == 0;
    KSI_POINT("rw: plain release");
    if (KSI_FAULT(RW_RELAXED))
        ksi_store(word, w & KSI_FLAGS);
    else
        ksi_store_rel(word, w & KSI_FLAGS);
    ksi_barrier();
    if (ksi_load(&t->front.claims) != 0 && !early)
        ksl_claims_answer(word);
    ksi_irq_unmask(t, level);
}
