/* SPDX-License-Identifier: BSD-2-Clause */
/* The sink of `stats` without an event: what hot paths call while only it watches. */

#include "diag/stats_sink.h"
#include "platform/ticks.h"
#include "thread/irq.h"

/* As ksi_tell_event does; false: the caller has interrupted the sink. */
static inline bool enter(ksl_thread *t, uint32_t *level)
{
    if (KSI_UNLIKELY(t->telling != 0))
        return false;
    *level = ksi_irq_mask(t);
    t->telling = 1;
    ksi_barrier();
    return true;
}

static inline void leave(ksl_thread *t, uint32_t level)
{
    ksi_barrier();
    t->telling = 0;
    ksi_irq_set(t, level);
    if (KSI_UNLIKELY(ksi_load(&t->front.attention) != 0))
        ksi_irq_unmask(t, level); /* which looks at it itself */
}

void ksi_stats_before(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site)
{
    uint32_t level;
    if (!enter(t, &level))
        return;
    struct ksi_stats_block *b = ksi_stats_block_at(t);
    if (KSI_LIKELY(b != NULL))
        ksi_stats_do_before(t, b, kind, lock, site);
    leave(t, level);
}

/* The block of t if no more has to be done for it than to read it; else NULL. */
static inline struct ksi_stats_block *block_at_hand(const ksl_thread *t)
{
    struct ksi_stats_block *b = t->stats;
    if (KSI_UNLIKELY(b == NULL || ksi_load(&b->tid) != ksi_load(&t->tid)))
        return NULL;
    return b;
}

/*
 * What follows comes in two: the frequent case, which calls nobody but at its end, and
 * the rest, which does all of it.
 */
KSI_ASIDE static void tell_taken(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                                 const void *lock, const void *site,
                                 enum ksi_stats_how how)
{
    uint32_t level;
    if (!enter(t, &level))
        return;
    struct ksi_stats_block *b = ksi_stats_block_at(t);
    if (KSI_LIKELY(b != NULL))
        ksi_stats_do_taken((struct ksi_stats_took){t, b, kind, mode, lock, site, level},
                           how);
    else
        ksi_stats_no_block();
    leave(t, level);
}

/* h is due to be timed, or the readers of its lock to be counted, or both. */
KSI_ASIDE static void finish_taken(ksl_thread *t, struct ksi_stats_block *b,
                                   struct ksi_stats_hold *h, uint32_t level)
{
    struct ksi_stats_row *row = ksi_load(&h->row);
    uintptr_t what = ksi_load(&h->what);
    enum ksi_mode mode = (what & KSI_STATS_SHARE) != 0 ? KSI_SHARED : KSI_EXCLUSIVE;
    if (mode == KSI_SHARED && ksi_stats_time_to_count(ksi_load(&row->c[KSI_STAT_SHARED])))
        ksi_stats_count_readers(b, row, what);
    if (row->left == 0) {
        bool masks = KSI_UNLIKELY(level != 0) &&
                     ksi_stats_raised_level(t, (enum ksi_kind)row->kind, mode, row->lock);
        h->weight = ksi_stats_due(b, row) | (masks ? KSI_STATS_MASKS : 0);
        h->since = ksi_ticks();
    }
    leave(t, level);
}

/* The caller may have the lock by what is recorded. */
static inline bool may_hold(const struct ksi_stats_block *b, uint32_t n, const void *lock)
{
    for (uint32_t i = n; KSI_UNLIKELY(i > 0); i--) {
        if (ksi_stats_lock_of(&b->held[i - 1]) == lock)
            return true;
    }
    return n >= KSI_STATS_LOOKED_AT;
}

/* It was free, and no try; begun: a BEFORE was about it. */
static inline bool is_as_at_once(bool begun, enum ksi_kind kind, enum ksi_stats_how how)
{
    if (how == KSI_STATS_AT_ONCE)
        return true;
    return how == KSI_STATS_BY_CALL && begun == !ksi_stats_before_means_contended(kind);
}

/* What is looked at before interrupts are masked, no handler changes. */
static inline __attribute__((always_inline)) void
taken_free(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode, const void *lock,
           const void *site, enum ksi_stats_how how)
{
    uint32_t handlers = t->handlers;
    struct ksi_stats_block *b = block_at_hand(t);
    struct ksi_stats_row *row;
    if (KSI_UNLIKELY(b == NULL || t->telling != 0 || handlers != 0 ||
                     b->attempt[0].contended ||
                     !is_as_at_once(b->attempt[0].lock == lock, kind, how) ||
                     (row = ksi_stats_row_cached(b, kind, lock, site)) == NULL)) {
        tell_taken(t, kind, mode, lock, site, how);
        return;
    }
    uint32_t level = ksi_load(&t->front.level);
    ksi_irq_set(t, KSI_MASK_ALL);
    uint32_t n = ksi_load(&b->nheld);
    if (KSI_UNLIKELY(n != 0) && KSI_UNLIKELY(may_hold(b, n, lock))) {
        ksi_irq_set(t, level);
        tell_taken(t, kind, mode, lock, site, how);
        return;
    }
    t->telling = 1;
    ksi_barrier();
    b->last = row;
    b->attempt[0].lock = NULL;
    uint64_t turn = ksi_load(&row->c[KSI_STAT_TAKEN]) + 1;
    ksi_store_rel(&row->c[KSI_STAT_TAKEN], turn);
    bool look = false;
    if (mode == KSI_SHARED) {
        uint64_t shares = ksi_load(&row->c[KSI_STAT_SHARED]) + 1;
        ksi_store_rel(&row->c[KSI_STAT_SHARED], shares);
        look = ksi_stats_time_to_count(shares);
    }
    struct ksi_stats_hold *h =
        ksi_stats_held_add(b, n, row, ksi_stats_what_of(lock, mode), (uint32_t)turn);
    if (KSI_UNLIKELY(--row->left == 0) || KSI_UNLIKELY(look))
        finish_taken(t, b, h, level);
    else
        leave(t, level);
}

void ksi_stats_taken(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                     const void *lock, const void *site, enum ksi_stats_how how)
{
    taken_free(t, kind, mode, lock, site, how);
}

void ksi_stats_pushed(ksl_thread *t, uint32_t what, const void *lock, const void *site,
                      bool tried)
{
    taken_free(t, (enum ksi_kind)(what & 0xff), (enum ksi_mode)(what >> 8 & 0xff), lock,
               site, tried ? KSI_STATS_BY_TRY : KSI_STATS_BY_CALL);
}

void ksi_stats_taken_at_once(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                             const void *lock, const void *site)
{
    taken_free(t, kind, mode, lock, site, KSI_STATS_AT_ONCE);
}

KSI_ASIDE static void tell_given(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    uint32_t level;
    if (!enter(t, &level))
        return;
    struct ksi_stats_block *b = ksi_stats_block_at(t);
    if (KSI_LIKELY(b != NULL))
        ksi_stats_do_given(t, b, kind, lock);
    leave(t, level);
}

/* Of the newest hold, if it is not timed. */
void ksi_stats_given(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    struct ksi_stats_block *b = block_at_hand(t);
    if (KSI_UNLIKELY(b == NULL || t->telling != 0)) {
        tell_given(t, kind, lock);
        return;
    }
    uint32_t level = ksi_load(&t->front.level);
    ksi_irq_set(t, KSI_MASK_ALL);
    uint32_t n = ksi_load(&b->nheld);
    struct ksi_stats_hold *h = n > 0 ? &b->held[n - 1] : NULL;
    if (KSI_UNLIKELY(h == NULL || ksi_stats_lock_of(h) != lock || h->weight != 0)) {
        ksi_irq_set(t, level);
        tell_given(t, kind, lock);
        return;
    }
    t->telling = 1;
    ksi_barrier();
    struct ksi_stats_row *row = ksi_load(&h->row);
    b->last = row;
    ksi_count(row, KSI_STAT_HELD, 1);
    ksi_store_rel(&h->what, (uintptr_t)0);
    ksi_store_rel(&b->nheld, n - 1);
    leave(t, level);
}
