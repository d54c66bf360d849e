/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_STATS_COUNT_H
#define KSI_DIAG_STATS_COUNT_H

#include "diag/stats.h"

/* Between the files of the sink. Who counts is the thread of the block, masked. */

static inline void ksi_count(struct ksi_stats_row *row, enum ksi_stat stat, uint64_t n)
{
    ksi_store_rel(&row->c[stat], ksi_load(&row->c[stat]) + n);
}

/* A maximum, of the row and of the thread. */
static inline void ksi_most(struct ksi_stats_block *b, struct ksi_stats_row *row,
                            enum ksi_stat stat, uint64_t n)
{
    if (KSI_UNLIKELY(n > ksi_load(&row->c[stat])))
        ksi_store_rel(&row->c[stat], n);
    if (KSI_UNLIKELY(n > ksi_load(&b->most[stat])))
        ksi_store_rel(&b->most[stat], n);
}

/* Counters of processors may differ by a little. */
static inline uint64_t ksi_since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static inline struct ksi_stats_attempt *ksi_stats_attempt_of(ksl_thread *t,
                                                             struct ksi_stats_block *b)
{
    uint32_t n = t->handlers;
    return &b->attempt[n <= KSL_IRQ_LEVELS ? n : KSL_IRQ_LEVELS];
}

/* --- rows --------------------------------------------------------------------------- */

static inline unsigned ksi_stats_cached_at(const void *lock, const void *site)
{
    uintptr_t a = (uintptr_t)lock;
    return (unsigned)(a >> 4 ^ a >> 9 ^ (uintptr_t)site >> 2) % KSI_STATS_CACHE;
}

KSI_COLD struct ksi_stats_row *ksi_stats_row_slow(struct ksi_stats_block *b,
                                                  enum ksi_kind kind, const void *lock,
                                                  const void *site);

/* NULL: to be looked up. */
static inline struct ksi_stats_row *ksi_stats_row_cached(const struct ksi_stats_block *b,
                                                         enum ksi_kind kind,
                                                         const void *lock,
                                                         const void *site)
{
    struct ksi_stats_row *row = b->cache[ksi_stats_cached_at(lock, site)];
    if (KSI_UNLIKELY(row == NULL || row->lock != lock || row->site != site ||
                     row->kind != (uint32_t)kind ||
                     b->epoch != ksi_load(&ksi_stats_epoch)))
        return NULL;
    return row;
}

/* For events whose lock exists. */
static inline struct ksi_stats_row *ksi_stats_row_of(struct ksi_stats_block *b,
                                                     enum ksi_kind kind, const void *lock,
                                                     const void *site)
{
    struct ksi_stats_row *row = ksi_stats_row_cached(b, kind, lock, site);
    if (KSI_UNLIKELY(row == NULL))
        row = ksi_stats_row_slow(b, kind, lock, site);
    b->last = row;
    return row;
}

static inline struct ksi_stats_row *ksi_stats_row_of_attempt(struct ksi_stats_block *b,
                                                             struct ksi_stats_attempt *a)
{
    if (a->row == NULL)
        a->row = ksi_stats_row_of(b, a->kind, a->lock, a->site);
    return a->row;
}

/* --- holds -------------------------------------------------------------------------- */

static inline const void *ksi_stats_lock_of(const struct ksi_stats_hold *h)
{
    return (const void *)(ksi_load(&h->what) & ~KSI_STATS_SHARE); // NOLINT: an address
}

/* The newest one, among the newest `depth`; NULL: none. */
static inline struct ksi_stats_hold *ksi_stats_held_find(struct ksi_stats_block *b,
                                                         const void *lock, uint32_t depth)
{
    uint32_t n = ksi_load(&b->nheld);
    for (uint32_t i = n; i > 0 && n - i < depth; i--) {
        if (ksi_stats_lock_of(&b->held[i - 1]) == lock)
            return &b->held[i - 1];
    }
    return NULL;
}

static inline void ksi_stats_held_drop(struct ksi_stats_block *b,
                                       struct ksi_stats_hold *h)
{
    uint32_t n = ksi_load(&b->nheld) - 1;
    for (uint32_t i = (uint32_t)(h - b->held); KSI_UNLIKELY(i < n); i++) {
        const struct ksi_stats_hold *next = &b->held[i + 1];
        b->held[i].weight = next->weight;
        b->held[i].since = next->since;
        ksi_store(&b->held[i].row, ksi_load(&next->row));
        ksi_store(&b->held[i].turn, ksi_load(&next->turn));
        ksi_store_rel(&b->held[i].what, ksi_load(&next->what));
    }
    ksi_store_rel(&b->held[n].what, (uintptr_t)0);
    ksi_store(&b->nheld, n);
}

/* stats_sample.c: the hold that is due is timed; how many it stands for. */
KSI_ASIDE uint32_t ksi_stats_due(struct ksi_stats_block *b, struct ksi_stats_row *row);

/* The row begins with its thread. */
static inline void ksi_stats_sample_begin(struct ksi_stats_row *row)
{
    row->left = 1;
    row->distance = 1;
    row->early = KSI_STATS_EARLY;
}

/* A hold that was free begins: how many it stands for; 0: it is not timed. */
static inline uint32_t ksi_stats_weight(struct ksi_stats_block *b,
                                        struct ksi_stats_row *row)
{
    return KSI_LIKELY(--row->left != 0) ? 0 : ksi_stats_due(b, row);
}

/* --- stats_wait.c ----------------------------------------------------------------------
 */

/* The attempt a turns out to have to wait; it ends with the lock. */
KSI_COLD void ksi_stats_contended(struct ksi_stats_block *b, struct ksi_stats_attempt *a);
KSI_COLD void ksi_stats_end_wait(struct ksi_stats_block *b, struct ksi_stats_attempt *a,
                                 uint64_t now);
KSI_COLD void ksi_stats_give_up(struct ksi_stats_block *b, struct ksi_stats_attempt *a,
                                uint64_t now);
/* The row that an event is about whose lock may be gone. */
KSI_COLD struct ksi_stats_row *
ksi_stats_row_about(ksl_thread *t, struct ksi_stats_block *b, const struct ksi_event *e);
/* A try, or an upgrade, has withdrawn a bias before it got the lock. */
KSI_COLD void ksi_stats_claim(struct ksi_stats_block *b, struct ksi_stats_row *row);
/* All events but BEFORE, TAKEN and GIVEN. */
KSI_COLD void ksi_stats_rare_event(ksl_thread *t, struct ksi_stats_block *b,
                                   const struct ksi_event *e);

static inline void ksi_stats_begin_attempt(struct ksi_stats_block *b,
                                           struct ksi_stats_attempt *a,
                                           enum ksi_kind kind, const void *lock,
                                           const void *site)
{
    if (KSI_UNLIKELY(a->contended))
        ksi_stats_give_up(b, a, a->last);
    a->lock = lock;
    a->site = site;
    a->kind = kind;
    a->row = NULL;
}

/* --- others ----------------------------------------------------------------------------
 */

/* stats_readers.c: b's thread has got a share, in a hold that says `what`. */
KSI_COLD void ksi_stats_count_readers(struct ksi_stats_block *b,
                                      struct ksi_stats_row *row, uintptr_t what);
/* stats_irq.c: interrupts; nothing for other events. */
KSI_COLD void ksi_stats_irq_event(struct ksi_stats_block *b, const struct ksi_event *e);

void ksi_stats_readers_before_fork(void);
void ksi_stats_readers_after_fork(bool child);

#endif
