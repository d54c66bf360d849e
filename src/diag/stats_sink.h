/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_STATS_SINK_H
#define KSI_DIAG_STATS_SINK_H

#include "diag/stats_count.h"

/* Between the two halves of the sink: stats.c, and stats_direct.c without events. */

/* What has been taken. Never in memory: fields are what registers are for. */
struct ksi_stats_took {
    ksl_thread *t;
    struct ksi_stats_block *b;
    enum ksi_kind kind;
    enum ksi_mode mode;
    const void *lock;
    const void *site;
    uint32_t level; /* the thread's interrupt level */
};

enum {
    KSI_STATS_LOOKED_AT = 64
}; /* for the lock that is taken, if it is not given back */

/* Their BEFORE says that they are not free. */
static inline bool ksi_stats_before_means_contended(enum ksi_kind kind)
{
    return kind == KSI_SPINLOCK || kind == KSI_RWLOCK || kind == KSI_MTX_SPIN ||
           kind == KSI_KSEM;
}

static inline bool ksi_stats_time_to_count(uint64_t shares)
{
    enum { EVERY = 256 };
    return (shares & (shares - 1)) == 0 || shares % EVERY == 0;
}

static inline uintptr_t ksi_stats_what_of(const void *lock, enum ksi_mode mode)
{
    return (uintptr_t)lock | (mode == KSI_SHARED ? KSI_STATS_SHARE : 0);
}

/* The newest of the record, not timed. */
static inline struct ksi_stats_hold *ksi_stats_held_add(struct ksi_stats_block *b,
                                                        uint32_t n,
                                                        struct ksi_stats_row *row,
                                                        uintptr_t what, uint32_t turn)
{
    struct ksi_stats_hold *h = &b->held[n];
    h->weight = 0;
    ksi_store(&h->row, row);
    ksi_store(&h->turn, turn);
    ksi_store_rel(&h->what, what);
    ksi_store_rel(&b->nheld, n + 1);
    return h;
}

/* The block of the caller t; NULL: no room. Masked. */
static inline struct ksi_stats_block *ksi_stats_block_at(ksl_thread *t)
{
    struct ksi_stats_block *b = t->stats;
    if (KSI_UNLIKELY(b == NULL || ksi_load(&b->tid) != ksi_load(&t->tid)))
        return ksi_stats_block_of(t);
    return b;
}

/* Counts what could not be, without a block. */
void ksi_stats_no_block(void);
/* The lock, and no call before it, has masked interrupts. */
KSI_COLD bool ksi_stats_raised_level(const ksl_thread *t, enum ksi_kind kind,
                                     enum ksi_mode mode, const void *lock);
/* What the events BEFORE, TAKEN and GIVEN do. */
void ksi_stats_do_before(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind,
                         const void *lock, const void *site);
void ksi_stats_do_taken(struct ksi_stats_took k, enum ksi_stats_how how);
void ksi_stats_do_given(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind,
                        const void *lock);

#endif
