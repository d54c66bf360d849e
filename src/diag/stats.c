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
#include "thread/irq.h"

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
KSI_COLD static bool raised_level(const ksl_thread *t, enum ksi_kind kind,
                                  enum ksi_mode mode, const void *lock)
{
    const struct ksl_hold *h;
    switch (kind) {
    case KSI_MTX_SPIN:
        if (t->spin_mutexes > 1)
            return false;
        __attribute__((fallthrough));
    case KSI_SPINLOCK:
    case KSI_RWLOCK:
        h = ksi_held_find(t, lock, mode);
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

/* What has been taken. Never in memory: fields are what registers are for. */
struct took {
    ksl_thread *t;
    struct ksi_stats_block *b;
    enum ksi_kind kind;
    enum ksi_mode mode;
    const void *lock;
    const void *site;
    uint32_t level; /* the thread's interrupt level */
};

static inline __attribute__((always_inline)) struct ksi_stats_hold *
held_push(struct took k, struct ksi_stats_row *row, uint64_t now)
{
    enum { LOOKED_AT = 64 };
    struct ksi_stats_block *b = k.b;
    struct ksi_stats_hold *old = ksi_stats_held_find(b, k.lock, LOOKED_AT);
    if (KSI_UNLIKELY(old != NULL) && !nests(k.kind, k.mode))
        ksi_stats_held_drop(b, old); /* another thread has given it back */
    else if (KSI_UNLIKELY(ksi_load(&b->nheld) == KSI_STATS_HELD))
        ksi_stats_held_drop(b, &b->held[0]);
    uint32_t n = ksi_load(&b->nheld);
    struct ksi_stats_hold *h = &b->held[n];
    h->masks = KSI_UNLIKELY(k.level != 0) && raised_level(k.t, k.kind, k.mode, k.lock);
    ksi_store(&h->row, row);
    ksi_store(&h->since, now);
    ksi_store_rel(&h->what,
                  (uintptr_t)k.lock | (k.mode == KSI_SHARED ? KSI_STATS_SHARE : 0));
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
static inline bool was_tried(struct took k, enum ksi_stats_how how)
{
    if (k.kind == KSI_SIMPLE) /* disable_lock tells no BEFORE */
        return k.level == 0;
    return how == KSI_STATS_BY_TRY || !before_means_contended(k.kind);
}

static inline void before(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind,
                          const void *lock, const void *site)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    ksi_stats_begin_attempt(b, a, kind, lock, site);
    if (KSI_UNLIKELY(before_means_contended(kind)))
        ksi_stats_contended(b, a);
}

static inline bool time_to_count(uint64_t shares)
{
    enum { EVERY = 256 };
    return (shares & (shares - 1)) == 0 || shares % EVERY == 0;
}

/* The attempt that this ends, or the try that it was. */
static inline __attribute__((always_inline)) void end_attempt(struct took k,
                                                              struct ksi_stats_row *row,
                                                              enum ksi_stats_how how,
                                                              uint64_t now)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(k.t, k.b);
    if (how == KSI_STATS_AT_ONCE) {
        if (KSI_UNLIKELY(a->contended))
            ksi_stats_give_up(k.b, a, a->last);
        a->lock = NULL;
    } else if (KSI_LIKELY(a->lock == k.lock)) {
        if (KSI_UNLIKELY(a->contended)) {
            a->row = row;
            ksi_stats_end_wait(k.b, a, now);
        }
        a->lock = NULL;
    } else if (was_tried(k, how)) {
        ksi_count(row, KSI_STAT_TRIED, 1);
        ksi_stats_claim(k.b, row);
    }
}

static inline __attribute__((always_inline)) void taken(struct took k,
                                                        enum ksi_stats_how how)
{
    struct ksi_stats_row *row = ksi_stats_row_of(k.b, k.kind, k.lock, k.site);
    uint64_t now = ksi_ticks();
    ksi_count(row, KSI_STAT_TAKEN, 1);
    if (k.mode == KSI_SHARED)
        ksi_count(row, KSI_STAT_SHARED, 1);
    if (KSI_UNLIKELY(row == &k.b->nowhere))
        ksi_store(&k.b->unrecorded, ksi_load(&k.b->unrecorded) + 1);
    end_attempt(k, row, how, now);
    const struct ksi_stats_hold *h = held_push(k, row, now);
    if (k.mode != KSI_SHARED)
        return;
    if (KSI_UNLIKELY(time_to_count(ksi_load(&row->c[KSI_STAT_SHARED]))))
        ksi_stats_count_readers(k.b, row, ksi_load(&h->what));
}

KSI_COLD static void given_elsewhere(ksl_thread *t, struct ksi_stats_block *b,
                                     enum ksi_kind kind, const void *lock)
{
    const struct ksi_event e = {.type = KSI_EV_GIVEN, .kind = kind, .lock = lock};
    ksi_count(ksi_stats_row_about(t, b, &e), KSI_STAT_FOREIGN, 1);
}

static inline __attribute__((always_inline)) void
given(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind, const void *lock)
{
    struct ksi_stats_hold *h = ksi_stats_held_find(b, lock, KSI_STATS_HELD);
    if (KSI_UNLIKELY(h == NULL)) {
        given_elsewhere(t, b, kind, lock);
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

/* The block of the caller t; NULL: no room. Masked. */
static inline struct ksi_stats_block *block_of(ksl_thread *t)
{
    struct ksi_stats_block *b = t->stats;
    if (KSI_UNLIKELY(b == NULL || ksi_load(&b->tid) != ksi_load(&t->tid)))
        return ksi_stats_block_of(t);
    return b;
}

static void no_block(void)
{
    ksi_fetch_add(&ksi_stats_unrecorded, (uint64_t)1);
}

void ksi_stats_event(ksl_thread *t, const struct ksi_event *e)
{
    struct ksi_stats_block *b = block_of(t);
    if (b == NULL) {
        if (e->type == KSI_EV_TAKEN || e->type == KSI_EV_AGAIN || e->type == KSI_EV_BUSY)
            no_block();
        return;
    }
    switch (e->type) {
    case KSI_EV_BEFORE:
        before(t, b, e->kind, e->lock, e->site);
        break;
    case KSI_EV_TAKEN:
        taken((struct took){t, b, e->kind, e->mode, e->lock, e->site, e->level},
              e->arg != 0 ? KSI_STATS_BY_TRY : KSI_STATS_BY_CALL);
        break;
    case KSI_EV_GIVEN:
        given(t, b, e->kind, e->lock);
        break;
    default:
        ksi_stats_rare_event(t, b, e);
    }
}

/* --- the same without an event ------------------------------------------------------ */

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
    ksi_irq_unmask(t, level);
}

void ksi_stats_before(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site)
{
    uint32_t level;
    if (!enter(t, &level))
        return;
    struct ksi_stats_block *b = block_of(t);
    if (KSI_LIKELY(b != NULL))
        before(t, b, kind, lock, site);
    leave(t, level);
}

static inline __attribute__((always_inline)) void
tell_taken(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode, const void *lock,
           const void *site, enum ksi_stats_how how)
{
    uint32_t level;
    if (!enter(t, &level))
        return;
    struct ksi_stats_block *b = block_of(t);
    if (KSI_LIKELY(b != NULL))
        taken((struct took){t, b, kind, mode, lock, site, level}, how);
    else
        no_block();
    leave(t, level);
}

void ksi_stats_taken(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                     const void *lock, const void *site, enum ksi_stats_how how)
{
    tell_taken(t, kind, mode, lock, site, how);
}

void ksi_stats_taken_at_once(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                             const void *lock, const void *site)
{
    tell_taken(t, kind, mode, lock, site, KSI_STATS_AT_ONCE);
}

void ksi_stats_given(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    uint32_t level;
    if (!enter(t, &level))
        return;
    struct ksi_stats_block *b = block_of(t);
    if (KSI_LIKELY(b != NULL))
        given(t, b, kind, lock);
    leave(t, level);
}
