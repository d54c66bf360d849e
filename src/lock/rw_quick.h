/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_RW_QUICK_H
#define KSI_LOCK_RW_QUICK_H

#include "diag/hooks.h"
#include "lock/rw_shown.h"
#include "platform/testing.h"
#include "thread/irq.h"

/*
 * While threads are watched the inlined fast paths of <kslock/inline.h> do nothing, and
 * the functions behind them would go the long way for a lock that is free. These do what
 * the inlined paths do, with the same words, slots and claims, for the calling thread t,
 * and tell what `stats` needs; see ksi_quick_before. False: nothing has happened, and
 * nothing has been told. No use in handlers, or for locks that lend; quick_share: not
 * for those that only count.
 *
 *   quick_share    of a lock with bias, whose near slot is free
 *   quick_own      of a lock that nobody holds, without slots, whose near slot is free
 *   quick_unshare  of what quick_share, or an inlined path, has taken
 *   quick_disown   likewise; held once
 */

struct ksi_quick {
    const struct ksi_rw_class *class;
    ksi_word *word;
    const void *lock; /* as diagnostics name it */
    ksl_thread *t;
};

static inline bool ksi_quick_share(const struct ksi_quick *q, const void *site)
{
    struct ksl_slot *s = ksi_near_slot(q->t, q->word);
    if ((ksi_load(q->word) & KSI_BIAS) == 0 || ksi_load(&s->lock) != 0 ||
        !ksi_quick_before(q->t, q->class->kind, q->lock))
        return false;
    uintptr_t entry = (uintptr_t)q->word | q->class->tags;
    ksi_store(&s->place, ksi_flip_place(site));
    KSI_POINT("quick: slot");
    ksi_store_rel(&s->lock, entry);
    ksi_barrier();
    KSI_POINT("quick: shown");
    /* A writer that takes the bias off orders this load after the store (membarrier). */
    if (KSI_UNLIKELY((ksi_load_acq(q->word) & KSI_BIAS) == 0) &&
        !KSI_FAULT(QUICK_BIAS_UNCHECKED)) {
        ksi_rw_retract(q->word, q->t, s, entry);
        return false;
    }
    ksi_quick_taken(q->t, q->class->kind, q->lock, KSI_SHARED, site);
    return true;
}

/* A handler goes by the word: the slot is filled before that says who the owner is. */
static inline bool ksi_quick_own(const struct ksi_quick *q, const void *site)
{
    struct ksl_slot *s = ksi_near_slot(q->t, q->word);
    uintptr_t seen = q->class->base;
    if (ksi_load(q->word) != seen || ksi_load(&s->lock) != 0 ||
        !ksi_quick_before(q->t, q->class->kind, q->lock))
        return false;
    ksi_store(&s->place, ksi_flip_place(site));
    ksi_store(&s->lock, (uintptr_t)q->word | KSI_EXCLUSIVE_ENTRY | q->class->tags);
    ksi_barrier();
    if (KSI_UNLIKELY(!ksi_cas_acq(q->word, &seen, (uintptr_t)q->t | seen))) {
        ksi_store(&s->lock, (uintptr_t)0);
        return false;
    }
    ksi_quick_taken(q->t, q->class->kind, q->lock, KSI_EXCLUSIVE, site);
    return true;
}

static inline bool ksi_quick_unshare(const struct ksi_quick *q)
{
    struct ksl_slot *s = ksi_near_slot(q->t, q->word);
    if (ksi_load(&s->lock) != ((uintptr_t)q->word | q->class->tags) ||
        !ksi_quick_given(q->t, KSI_NO_KIND, q->lock))
        return false;
    ksi_rw_cancel(q->word, q->t, s);
    return true;
}

/* Masked: no handler comes between the look at the word and the store. */
static inline bool ksi_quick_disown(const struct ksi_quick *q)
{
    struct ksl_slot *s = ksi_near_slot(q->t, q->word);
    uintptr_t entry = (uintptr_t)q->word | KSI_EXCLUSIVE_ENTRY | q->class->tags;
    if (ksi_load(&s->lock) != entry)
        return false;
    uint32_t level = ksi_irq_mask(q->t);
    uintptr_t held = (uintptr_t)q->t | q->class->base;
    bool plain = ksi_load(&s->lock) == entry &&
                 (ksi_load(q->word) & ~(uintptr_t)KSI_SLOTS) == held &&
                 ksi_quick_given(q->t, KSI_NO_KIND, q->lock);
    if (KSI_LIKELY(plain)) {
        ksi_store_rel(&s->lock, (uintptr_t)0);
        uintptr_t w = ksi_load(q->word);
        if (KSI_UNLIKELY((w & KSI_MARKS) != 0)) {
            ksi_rw_disown(q->word, q->t); /* which finds no entry, and tells nothing */
        } else {
            KSI_POINT("quick: plain release");
            ksi_store_rel(q->word, w & KSI_FLAGS);
            ksi_barrier();
            if (KSI_UNLIKELY(ksi_load(&q->t->front.claims) != 0) &&
                !KSI_FAULT(QUICK_CLAIMS_UNSEEN))
                ksl_claims_answer(q->word);
        }
    }
    ksi_irq_unmask(q->t, level);
    return plain;
}

#endif
