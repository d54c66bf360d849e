/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sink of `stats`: what each event does to the counters of its thread.
 *
 * An attempt begins with BEFORE, for tries and free spinning locks with TAKEN. It costs
 * no look at the clock and counts nothing until it turns out to be contended; then it is
 * counted when it ends: with TAKEN or TURNED, or as given up when its wait has ended
 * otherwise or when the next attempt begins. Handlers have attempts of their own.
 */

#include "diag/stats_sink.h"
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
bool ksi_stats_raised_level(const ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                            const void *lock)
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

/*
 * Any thread may give back what one has of a rwlock, but takes it off that one's record:
 * which has the new share, and so is as long at least as there are holds, if all stand.
 */
KSI_COLD static bool all_stand(const struct ksi_stats_took *k)
{
    uint32_t holds = 0, recorded = 0;
    for (uint32_t i = 0; i < ksi_load(&k->b->nheld); i++)
        holds += ksi_stats_lock_of(&k->b->held[i]) == k->lock;
    for (uint32_t i = 0; i < ksi_load(&k->t->front.nholds); i++) {
        const struct ksl_hold *h = ksi_held_at(k->t, i);
        recorded += h != NULL && ksi_hold_is(h, k->lock, KSI_SHARED);
    }
    return recorded > holds;
}

/* It is one share more of a thread that has shares of it. */
static bool nests(const struct ksi_stats_took *k)
{
    if (k->mode != KSI_SHARED || k->kind == KSI_KSEM || k->kind == KSI_STAX)
        return false;
    return k->kind != KSI_RWLOCK || all_stand(k);
}

static struct ksi_stats_hold *held_push(struct ksi_stats_took k,
                                        struct ksi_stats_row *row)
{
    struct ksi_stats_block *b = k.b;
    struct ksi_stats_hold *old = ksi_stats_held_find(b, k.lock, KSI_STATS_LOOKED_AT);
    if (KSI_UNLIKELY(old != NULL) && !nests(&k))
        ksi_stats_held_drop(b, old); /* another thread has given it back */
    else if (KSI_UNLIKELY(ksi_load(&b->nheld) == KSI_STATS_HELD))
        ksi_stats_held_drop(b, &b->held[0]);
    return ksi_stats_held_add(b, ksi_load(&b->nheld), row,
                              ksi_stats_what_of(k.lock, k.mode),
                              (uint32_t)ksi_load(&row->c[KSI_STAT_TAKEN]));
}

/* now: when the wait for it ended; 0: it was free. */
static void begin_time(struct ksi_stats_took k, struct ksi_stats_row *row,
                       struct ksi_stats_hold *h, uint64_t now)
{
    uint32_t weight = now != 0 ? 1 : ksi_stats_weight(k.b, row);
    if (weight == 0)
        return;
    bool masks =
        KSI_UNLIKELY(k.level != 0) && ksi_stats_raised_level(k.t, k.kind, k.mode, k.lock);
    h->weight = weight | (masks ? KSI_STATS_MASKS : 0);
    h->since = now != 0 ? now : ksi_ticks();
}

/* --- events ------------------------------------------------------------------------- */

/* Taken without a BEFORE. */
static inline bool was_tried(struct ksi_stats_took k, enum ksi_stats_how how)
{
    if (k.kind == KSI_SIMPLE) /* disable_lock tells no BEFORE */
        return k.level == 0;
    return how == KSI_STATS_BY_TRY || !ksi_stats_before_means_contended(k.kind);
}

void ksi_stats_do_before(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind,
                         const void *lock, const void *site)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    ksi_stats_begin_attempt(b, a, kind, lock, site);
    if (KSI_UNLIKELY(ksi_stats_before_means_contended(kind)))
        ksi_stats_contended(b, a);
}

/*
 * The attempt that this ends, or the try that it was; when its wait has ended, 0: it has
 * not waited.
 */
static inline uint64_t end_attempt(struct ksi_stats_took k, struct ksi_stats_row *row,
                                   enum ksi_stats_how how)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(k.t, k.b);
    uint64_t now = 0;
    if (how == KSI_STATS_AT_ONCE) {
        if (KSI_UNLIKELY(a->contended))
            ksi_stats_give_up(k.b, a, a->last);
        a->lock = NULL;
    } else if (KSI_LIKELY(a->lock == k.lock)) {
        if (KSI_UNLIKELY(a->contended)) {
            a->row = row;
            now = ksi_ticks();
            ksi_stats_end_wait(k.b, a, now);
        }
        a->lock = NULL;
    } else if (was_tried(k, how)) {
        ksi_count(row, KSI_STAT_TRIED, 1);
        ksi_stats_claim(k.b, row);
    }
    return now;
}

void ksi_stats_do_taken(struct ksi_stats_took k, enum ksi_stats_how how)
{
    struct ksi_stats_row *row = ksi_stats_row_of(k.b, k.kind, k.lock, k.site);
    ksi_count(row, KSI_STAT_TAKEN, 1);
    if (k.mode == KSI_SHARED)
        ksi_count(row, KSI_STAT_SHARED, 1);
    if (KSI_UNLIKELY(row == &k.b->nowhere))
        ksi_store(&k.b->unrecorded, ksi_load(&k.b->unrecorded) + 1);
    uint64_t now = end_attempt(k, row, how);
    struct ksi_stats_hold *h = held_push(k, row);
    begin_time(k, row, h, now);
    if (k.mode != KSI_SHARED)
        return;
    if (KSI_UNLIKELY(ksi_stats_time_to_count(ksi_load(&row->c[KSI_STAT_SHARED]))))
        ksi_stats_count_readers(k.b, row, ksi_load(&h->what));
}

KSI_COLD static void given_elsewhere(ksl_thread *t, struct ksi_stats_block *b,
                                     enum ksi_kind kind, const void *lock)
{
    const struct ksi_event e = {.type = KSI_EV_GIVEN, .kind = kind, .lock = lock};
    ksi_count(ksi_stats_row_about(t, b, &e), KSI_STAT_FOREIGN, 1);
}

/* A hold that was timed ends. */
static void end_time(struct ksi_stats_block *b, struct ksi_stats_row *row,
                     const struct ksi_stats_hold *h)
{
    uint64_t held = ksi_since(ksi_ticks(), h->since);
    ksi_count(row, KSI_STAT_TIMED, 1);
    ksi_count(row, KSI_STAT_HOLD, held * (h->weight & ~KSI_STATS_MASKS));
    ksi_most(b, row, KSI_STAT_HOLD_MAX, held);
    if (KSI_UNLIKELY((h->weight & KSI_STATS_MASKS) != 0))
        ksi_most(b, row, KSI_STAT_MASKED_MAX, held);
}

void ksi_stats_do_given(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind,
                        const void *lock)
{
    struct ksi_stats_hold *h = ksi_stats_held_find(b, lock, KSI_STATS_HELD);
    if (KSI_UNLIKELY(h == NULL)) {
        given_elsewhere(t, b, kind, lock);
        return;
    }
    struct ksi_stats_row *row = ksi_load(&h->row);
    b->last = row; /* whom it wakes is told next */
    ksi_count(row, KSI_STAT_HELD, 1);
    if (h->weight != 0)
        end_time(b, row, h);
    ksi_stats_held_drop(b, h);
}

void ksi_stats_no_block(void)
{
    ksi_fetch_add(&ksi_stats_unrecorded, (uint64_t)1);
}

void ksi_stats_event(ksl_thread *t, const struct ksi_event *e)
{
    struct ksi_stats_block *b = ksi_stats_block_at(t);
    if (b == NULL) {
        if (e->type == KSI_EV_TAKEN || e->type == KSI_EV_AGAIN || e->type == KSI_EV_BUSY)
            ksi_stats_no_block();
        return;
    }
    switch (e->type) {
    case KSI_EV_BEFORE:
        ksi_stats_do_before(t, b, e->kind, e->lock, e->site);
        break;
    case KSI_EV_TAKEN:
        ksi_stats_do_taken(
            (struct ksi_stats_took){t, b, e->kind, e->mode, e->lock, e->site, e->level},
            e->arg != 0 ? KSI_STATS_BY_TRY : KSI_STATS_BY_CALL);
        break;
    case KSI_EV_GIVEN:
        ksi_stats_do_given(t, b, e->kind, e->lock);
        break;
    default:
        ksi_stats_rare_event(t, b, e);
    }
}
