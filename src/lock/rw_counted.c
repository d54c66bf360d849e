/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared/exclusive locks: shares that the word counts. The table is in rw.h.
 *
 * Where writers come often the slots are closed most of the time, and inlined paths end
 * here: share_shown turns the entry that one has shown in vain into a counted share, and
 * unshare_near gives that back. Both leave everything but the plain case to the long way.
 */

#include "lock/rw_shown.h"

#include "diag/hooks.h"
#include "diag/named.h"
#include "diag/violation.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/wait.h"

/* A sharer leaves, and who waits for its upgrade is the last one then. */
static bool lets_upgrade(uintptr_t left)
{
    return (left & (KSI_READ | KSI_UPGRADING)) == (KSI_READ | KSI_UPGRADING) &&
           ksi_rw_count(left) == 1;
}

/*
 * With the bucket lock: the last share of the word *w is that of u, who becomes the
 * owner; false: the word has changed.
 */
static bool hand_over(ksi_word *word, struct ksi_lot *lot, struct ksi_wake_list *wake,
                      uintptr_t *w, ksl_thread *u)
{
    uintptr_t flags = *w & KSI_FLAGS & ~(uintptr_t)(KSI_READ | KSI_UPGRADING);
    if (!ksi_cas(word, w, flags | (uintptr_t)u)) /* after all that the sharers did */
        return false;
    ksi_lot_pop(lot, (const void *)(uintptr_t)word, KSI_Q_UPGRADE, wake);
    ksi_rw_lend(word, lot, u);
    return true;
}

/* The last sharer leaves and somebody waits. */
KSI_COLD static void uncount_slow(ksi_word *word)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("rw: last share");
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    uintptr_t w = ksi_load(word);
    uintptr_t coming = ksi_rw_coming(w);
    /* Nobody, with the mark: it was somebody of the parent of this child of fork. */
    ksl_thread *u = ksi_lot_first(&lot, (const void *)(uintptr_t)word, KSI_Q_UPGRADE);
    for (bool gone = false; !gone;) {
        /* Others may have come meanwhile; then one of them is the last one. */
        uintptr_t left = ksi_rw_one_less(w);
        if (lets_upgrade(left) && u != NULL) {
            gone = hand_over(word, &lot, &wake, &w, u);
            continue;
        }
        if (!KSI_FAULT(RW_LAST_SHARE_FORGETS))
            ksi_rw_pop(word, &lot, &wake, left, &coming);
        left = (left & ~(uintptr_t)KSI_MARKS) | ksi_rw_marks(word, &lot, coming);
        gone = ksi_cas_rel(word, &w, left);
    }
    ksi_lot_unlock(&lot, &wake);
}

void ksi_rw_uncount(ksi_word *word)
{
    uintptr_t w = ksi_load(word);
    for (;;) {
        uintptr_t left = ksi_rw_one_less(w);
        bool wakes = ksi_rw_unheld(left)
                         ? (w & KSI_QUEUED) != 0
                         : lets_upgrade(left) && !KSI_FAULT(RW_UPGRADER_LEFT);
        if (wakes && (w & KSI_SPIN) == 0) {
            uncount_slow(word);
            return;
        }
        if (ksi_cas_rel(word, &w, left))
            return;
    }
}

/* Nobody has it alone, waits, or has the slots open. */
static bool plainly_counted(uintptr_t w, uintptr_t base)
{
    return (w & KSI_FLAGS & ~(uintptr_t)KSI_READ) == base && ksi_rw_owner(w) == 0;
}

/*
 * Masked. If t has the lock alone nobody else looks at that slot, and claims are for the
 * real release; only the share is taken away that a handler has left as it was.
 */
static inline void retract(ksi_word *word, ksl_thread *t, struct ksl_slot *s,
                           uintptr_t entry)
{
    if (KSI_UNLIKELY(ksi_rw_owner(ksi_load(word)) == (uintptr_t)t))
        ksi_cas_rel(&s->lock, &entry, (uintptr_t)0);
    else
        ksi_rw_cancel(word, t, s); /* a writer may have seen and counted it */
}

/*
 * The slot is empty although the share was not granted. Nobody but a handler can have
 * done that, of a lock that it may release: an sx; unless another handler's share is not
 * recorded, and may be the one that was given back. It was told nothing, because it saw
 * a share; the thread, which goes on asking for it, is told now.
 */
KSI_COLD static void tell_given_early(const ksi_word *word, const ksl_thread *t,
                                      const struct ksl_slot *s)
{
    struct ksi_misuse m = {KSI_NOT_OWNER_RULE,
                           KSI_SX,
                           ksi_entry_lock((uintptr_t)word),
                           ksi_flip_place(ksi_load(&s->place)),
                           NULL,
                           false};
    if (t->unshared == 0)
        ksi_violate(&m,
                    "released by an interrupt handler before its thread had the share "
                    "that it asks for here");
}

void ksi_rw_retract(ksi_word *word, ksl_thread *t, struct ksl_slot *s, uintptr_t entry)
{
    uint32_t level = ksi_irq_mask(t);
    bool given = ksi_load(&s->lock) == 0;
    retract(word, t, s, entry);
    ksi_irq_unmask(t, level);
    if (KSI_UNLIKELY(given) && ksi_family_of(entry) == KSI_FAMILY_NAMED)
        tell_given_early(word, t, s);
}

/*
 * An inlined path has shown an entry in t's near slot s while slots are closed: true if
 * the share is counted now; else the slot is empty again, or t has the lock alone. Of an
 * entry that a handler has given back, 0, nothing is made.
 */
KSI_ASIDE static bool share_shown(ksi_word *word, ksl_thread *t, struct ksl_slot *s)
{
    bool in = false;
    KSI_POINT("rw: shown in vain");
    uint32_t level = ksi_irq_mask(t); /* a handler finds the record as the word says */
    uintptr_t entry = ksi_load(&s->lock) & ~(uintptr_t)KSI_ENTRY_MASK;
    uintptr_t base = ksi_family_of(entry) == KSI_FAMILY_NAMED ? KSI_BASE : 0;
    if (!KSI_FAULT(RW_SHOWN_TWICE))
        retract(word, t, s, entry);
    uintptr_t w = ksi_load(word);
    if (!ksi_telling() && t->handlers == 0 && ksi_slot_names(entry, word)) {
        KSI_POINT("rw: counted");
        while (!in && plainly_counted(w, base))
            in = ksi_cas_acq(word, &w, ksi_rw_one_more(w));
        if (in)
            ksi_store_rel(&s->lock, entry | KSI_COUNTED); /* the place is there already */
    }
    ksi_irq_unmask(t, level);
    if (in)
        ksi_rw_tune_counted(word, t);
    else if (entry == 0)
        tell_given_early(word, t, s);
    return in;
}

/*
 * The slot is filled already, without a barrier. Not over the COUNTED of a writer: that
 * one counts once.
 */
bool ksl_share_fenced(const ksi_word *fast)
{
    ksi_word *word = (ksi_word *)(uintptr_t)fast;
    ksl_thread *t = ksl_tls.self;
    struct ksl_slot *s = ksi_near_slot(t, word);
    uintptr_t w = ksi_load(word);
    if (KSI_UNLIKELY((w & KSI_SLOTS) == 0 || ksi_rw_owner(w) != 0))
        return share_shown(word, t, s);
    uintptr_t entry = ksi_load(&s->lock) & ~(uintptr_t)KSI_ENTRY_MASK;
    if (KSI_LIKELY(ksi_cas(&s->lock, &entry, entry) && ksi_rw_granted(word, t, 0)))
        return true;
    ksi_rw_retract(word, t, s, entry & ~(uintptr_t)KSI_ENTRY_MASK);
    return false;
}

bool ksi_rw_unshare_near(ksi_word *word, ksl_thread *t, uintptr_t tags)
{
    struct ksl_slot *s = ksi_near_slot(t, word);
    uintptr_t entry = (uintptr_t)word | KSI_COUNTED | tags;
    if (ksi_load(&s->lock) != entry || ksi_telling() || t->handlers > 0 ||
        ksi_load(&t->far_used) != 0 ||     /* maybe another share, which goes first */
        ksi_rw_count(ksi_load(word)) == 0) /* memory that has been overwritten */
        return false;
    uint32_t level = ksi_irq_mask(t);
    /* No handler has changed it; a writer that has left a note behind COUNTED. */
    bool there = ksi_load_acq(&s->lock) == entry;
    if (there) {
        KSI_POINT("rw: near share");
        ksi_store_rel(&s->lock, (uintptr_t)0);
        if (KSI_UNLIKELY(ksi_load(&t->converted[ksi_near_index(t, s)]) != 0))
            ksi_rw_drop_notes(word, t);
        if (KSI_FAULT(RW_NEAR_SHARE_FORGETS))
            ksi_fetch_sub(word, (uintptr_t)KSI_ONE);
        else
            ksi_rw_uncount(word);
    }
    ksi_irq_unmask(t, level);
    return there;
}
