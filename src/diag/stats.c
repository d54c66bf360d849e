/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sink of `stats`: what each event does to the counters of its thread.
 *
 * An attempt begins with BEFORE, for tries and free spinning locks with TAKEN. It costs
 * no look at the clock and counts nothing until it turns out to be contended; then it is
 * counted when it ends: with TAKEN or TURNED, or as given up when its wait has ended
 * otherwise or when the next attempt begins. Handlers have attempts of their own.
 */

#include "diag/stats_count.h"
#include "platform/ticks.h"

/* --- rows --------------------------------------------------------------------------- */

struct ksi_stats_row *ksi_stats_row_slow(struct ksi_stats_block *b, enum ksi_kind kind,
                                         const void *lock, const void *site)
{
    uint32_t epoch = ksi_load_acq(&ksi_stats_epoch);
    if (b->epoch != epoch) {
        b->epoch = epoch;
        for (unsigned i = 0; i < KSI_STATS_CACHE; i++)
            b->cache[i] = NULL;
    }
    struct ksi_stats_row *row = ksi_stats_row_make(b, kind, lock, site, true);
    b->cache[ksi_stats_cached_at(lock, site)] = row != &b->nowhere ? row : NULL;
    return row;
}

/* --- holds -------------------------------------------------------------------------- */

/* The lock, and no call before it, has masked interrupts. */
KSI_COLD static bool raised_level(const ksl_thread *t, const struct ksi_event *e)
{
    const struct ksl_hold *h;
    switch (e->kind) {
    case KSI_MTX_SPIN:
        if (t->spin_mutexes > 1)
            return false;
        __attribute__((fallthrough));
    case KSI_SPINLOCK:
    case KSI_RWLOCK:
        h = ksi_held_find(t, e->lock, e->mode);
        return h != NULL && ksi_hold_level(h) == 0;
    case KSI_SIMPLE: /* disable_lock: i_disable and the lock in one */
        return t->handlers == 0;
    default:
        return false;
    }
}

/* One thread may have several shares of it, and gives all of them back itself. */
static bool nests(enum ksi_kind kind, enum ksi_mode mode)
{
    return mode == KSI_SHARED && kind != KSI_RWLOCK && kind != KSI_KSEM &&
           kind != KSI_STAX;
}

static struct ksi_stats_hold *held_push(ksl_thread *t, struct ksi_stats_block *b,
                                        const struct ksi_event *e,
                                        struct ksi_stats_row *row, uint64_t now)
{
    enum { LOOKED_AT = 64 };
    struct ksi_stats_hold *old = ksi_stats_held_find(b, e->lock, LOOKED_AT);
    if (KSI_UNLIKELY(old != NULL) && !nests(e->kind, e->mode))
        ksi_stats_held_drop(b, old); /* another thread has given it back */
    else if (KSI_UNLIKELY(ksi_load(&b->nheld) == KSI_STATS_HELD))
        ksi_stats_held_drop(b, &b->held[0]);
    uint32_t n = ksi_load(&b->nheld);
    struct ksi_stats_hold *h = &b->held[n];
    h->masks = KSI_UNLIKELY(e->level != 0) && raised_level(t, e);
    ksi_store(&h->row, row);
    ksi_store(&h->since, now);
    ksi_store_rel(&h->what,
                  (uintptr_t)e->lock | (e->mode == KSI_SHARED ? KSI_STATS_SHARE : 0));
    ksi_store_rel(&b->nheld, n + 1);
    return h;
}

/* --- events ------------------------------------------------------------------------- */

/* Their BEFORE says that they are not free. */
static bool before_means_contended(enum ksi_kind kind)
{
    return kind == KSI_SPINLOCK || kind == KSI_RWLOCK || kind == KSI_MTX_SPIN ||
           kind == KSI_KSEM;
}

/* Taken without a BEFORE. */
static bool was_tried(const struct ksi_event *e)
{
    if (e->kind == KSI_SIMPLE) /* disable_lock tells no BEFORE */
        return e->level == 0;
    return e->arg != 0 || !before_means_contended(e->kind);
}

static inline void on_before(ksl_thread *t, struct ksi_stats_block *b,
                             const struct ksi_event *e)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    ksi_stats_begin_attempt(b, a, e);
    if (KSI_UNLIKELY(before_means_contended(e->kind)))
        ksi_stats_contended(b, a);
}

static inline bool time_to_count(uint64_t shares)
{
    enum { EVERY = 256 };
    return (shares & (shares - 1)) == 0 || shares % EVERY == 0;
}

static inline void on_taken(ksl_thread *t, struct ksi_stats_block *b,
                            const struct ksi_event *e)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    struct ksi_stats_row *row = ksi_stats_row_of(b, e->kind, e->lock, e->site);
    uint64_t now = ksi_ticks();
    ksi_count(row, KSI_STAT_TAKEN, 1);
    if (e->mode == KSI_SHARED)
        ksi_count(row, KSI_STAT_SHARED, 1);
    if (KSI_UNLIKELY(row == &b->nowhere))
        ksi_store(&b->unrecorded, ksi_load(&b->unrecorded) + 1);
    if (KSI_LIKELY(a->lock == e->lock)) {
        if (KSI_UNLIKELY(a->contended)) {
            a->row = row;
            ksi_stats_end_wait(b, a, now);
        }
        a->lock = NULL;
    } else if (was_tried(e)) {
        ksi_count(row, KSI_STAT_TRIED, 1);
        ksi_stats_claim(b, row);
    }
    const struct ksi_stats_hold *h = held_push(t, b, e, row, now);
    if (e->mode != KSI_SHARED)
        return;
    if (KSI_UNLIKELY(time_to_count(ksi_load(&row->c[KSI_STAT_SHARED]))))
        ksi_stats_count_readers(b, row, ksi_load(&h->what));
}

static inline void on_given(ksl_thread *t, struct ksi_stats_block *b,
                            const struct ksi_event *e)
{
    struct ksi_stats_hold *h = ksi_stats_held_find(b, e->lock, KSI_STATS_HELD);
    if (KSI_UNLIKELY(h == NULL)) {
        ksi_count(ksi_stats_row_about(t, b, e), KSI_STAT_FOREIGN, 1);
        return;
    }
    struct ksi_stats_row *row = ksi_load(&h->row);
    uint64_t held = ksi_since(ksi_ticks(), ksi_load(&h->since));
    bool masks = h->masks != 0;
    ksi_stats_held_drop(b, h);
    b->last = row; /* whom it wakes is told next */
    ksi_count(row, KSI_STAT_HELD, 1);
    ksi_count(row, KSI_STAT_HOLD, held);
    ksi_most(b, row, KSI_STAT_HOLD_MAX, held);
    if (KSI_UNLIKELY(masks))
        ksi_most(b, row, KSI_STAT_MASKED_MAX, held);
}

void ksi_stats_event(ksl_thread *t, const struct ksi_event *e)
{
    struct ksi_stats_block *b = t->stats;
    if (KSI_UNLIKELY(b == NULL || ksi_load(&b->tid) != ksi_load(&t->tid)) &&
        (b = ksi_stats_block_of(t)) == NULL) {
        if (e->type == KSI_EV_TAKEN || e->type == KSI_EV_AGAIN || e->type == KSI_EV_BUSY)
            ksi_fetch_add(&ksi_stats_unrecorded, (uint64_t)1);
        return;
    }
    switch (e->type) {
    case KSI_EV_BEFORE:
        on_before(t, b, e);
        break;
    case KSI_EV_TAKEN:
        on_taken(t, b, e);
        break;
    case KSI_EV_GIVEN:
        on_given(t, b, e);
        break;
    default:
        ksi_stats_rare_event(t, b, e);
    }
}
