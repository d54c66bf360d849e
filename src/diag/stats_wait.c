/* SPDX-License-Identifier: BSD-2-Clause */
/* The sink of `stats`: waits, and what happens seldom. */

#include "diag/stats_count.h"

#include "platform/ticks.h"

static void count_wait(struct ksi_stats_block *b, struct ksi_stats_row *row,
                       uint64_t ticks)
{
    uint64_t ns = ksi_ticks_ns(ticks);
    unsigned bucket = ns > 1 ? 63u - (unsigned)__builtin_clzll(ns) : 0;
    uint64_t *waits = ksi_stats_waits_of(b, row);
    ksi_count(row, KSI_STAT_WAIT, ticks);
    ksi_most(b, row, KSI_STAT_WAIT_MAX, ticks);
    if (bucket >= KSI_STATS_BUCKETS)
        bucket = KSI_STATS_BUCKETS - 1;
    if (waits != NULL)
        ksi_store_rel(&waits[bucket], ksi_load(&waits[bucket]) + 1);
}

void ksi_stats_contended(struct ksi_stats_block *b, struct ksi_stats_attempt *a)
{
    if (a->contended)
        return;
    a->contended = true;
    a->spun = false;
    a->stack = 0;
    a->since = ksi_ticks();
    a->last = a->since;
    if (a->site != NULL) /* else its site comes with TAKEN */
        ksi_store_rel(&a->waiting, ksi_stats_row_of_attempt(b, a));
}

void ksi_stats_end_wait(struct ksi_stats_block *b, struct ksi_stats_attempt *a,
                        uint64_t now)
{
    struct ksi_stats_row *row = ksi_stats_row_of_attempt(b, a);
    uint64_t waited = ksi_since(now, a->since);
    a->contended = false;
    ksi_store_rel(&a->waiting, (const struct ksi_stats_row *)NULL);
    ksi_count(row, KSI_STAT_CONTENDED, 1);
    if (a->spun)
        ksi_count(row, KSI_STAT_SPUN, 1);
    count_wait(b, row, waited);
    if (a->stack != 0)
        ksi_stats_stack_waited(a->stack, waited);
}

void ksi_stats_give_up(struct ksi_stats_block *b, struct ksi_stats_attempt *a,
                       uint64_t now)
{
    a->spun = false;
    ksi_count(ksi_stats_row_of_attempt(b, a), KSI_STAT_GAVE_UP, 1);
    ksi_stats_end_wait(b, a, now);
}

/* CONTENDED, SPUN and the like say nothing if they are about the last BEFORE. */
static bool is_about(const struct ksi_stats_attempt *a, const struct ksi_event *e)
{
    return a->lock != NULL && (e->lock == NULL || e->lock == a->lock);
}

/* The row that an event is about whose lock may be gone. */
struct ksi_stats_row *ksi_stats_row_about(ksl_thread *t, struct ksi_stats_block *b,
                                          const struct ksi_event *e)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    const struct ksi_stats_hold *h;
    if (is_about(a, e))
        return ksi_stats_row_of_attempt(b, a);
    if (e->lock == NULL)
        return &b->nowhere;
    if ((h = ksi_stats_held_find(b, e->lock, KSI_STATS_HELD)) != NULL)
        return ksi_load(&h->row);
    if (b->last != NULL && b->last->lock == e->lock)
        return b->last;
    return ksi_stats_row_make(b, e->kind, e->lock, e->site, false);
}

/* What a try has withdrawn before it got it. */
void ksi_stats_claim(struct ksi_stats_block *b, struct ksi_stats_row *row)
{
    uint64_t *own = b->nowhere.c;
    if (KSI_LIKELY(ksi_load(&own[KSI_STAT_WITHDRAWN]) == 0))
        return;
    ksi_count(row, KSI_STAT_WITHDRAWN, ksi_load(&own[KSI_STAT_WITHDRAWN]));
    ksi_count(row, KSI_STAT_WITHDRAWAL, ksi_load(&own[KSI_STAT_WITHDRAWAL]));
    ksi_store(&own[KSI_STAT_WITHDRAWN], (uint64_t)0);
    ksi_store(&own[KSI_STAT_WITHDRAWAL], (uint64_t)0);
}

/* Had already, or not to be had. */
static void on_again_or_busy(ksl_thread *t, struct ksi_stats_block *b,
                             const struct ksi_event *e, enum ksi_stat stat)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    const struct ksi_stats_hold *h =
        e->site == NULL ? ksi_stats_held_find(b, e->lock, KSI_STATS_HELD) : NULL;
    struct ksi_stats_row *row =
        h != NULL ? ksi_load(&h->row) : ksi_stats_row_of(b, e->kind, e->lock, e->site);
    ksi_stats_claim(b, row);
    if (row == &b->nowhere)
        ksi_store(&b->unrecorded, ksi_load(&b->unrecorded) + 1);
    ksi_count(row, stat, 1);
    if (a->lock != e->lock)
        return;
    if (a->contended)
        ksi_stats_give_up(b, a, ksi_ticks());
    a->lock = NULL;
}

static void on_turned(ksl_thread *t, struct ksi_stats_block *b, const struct ksi_event *e)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    struct ksi_stats_hold *h = ksi_stats_held_find(b, e->lock, KSI_STATS_HELD);
    struct ksi_stats_row *row =
        h != NULL ? ksi_load(&h->row) : ksi_stats_row_about(t, b, e);
    bool shared = e->mode == KSI_SHARED;
    ksi_stats_claim(b, row);
    if (a->lock == e->lock && a->contended && !shared) {
        ksi_count(ksi_stats_row_of_attempt(b, a), KSI_STAT_UP, 1);
        ksi_stats_end_wait(b, a, ksi_ticks());
    } else {
        ksi_count(row, shared ? KSI_STAT_DOWN : KSI_STAT_UP, 1);
    }
    if (a->lock == e->lock)
        a->lock = NULL;
    if (h != NULL)
        ksi_store_rel(&h->what, (uintptr_t)e->lock | (shared ? KSI_STATS_SHARE : 0));
}

static void on_sleeps(ksl_thread *t, struct ksi_stats_block *b, const struct ksi_event *e)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    const struct ksi_stats_hold *h = ksi_stats_held_find(b, e->lock, KSI_STATS_HELD);
    bool for_lock = is_about(a, e) || h != NULL;
    if (!is_about(a, e) && h != NULL) { /* to have it alone instead of sharing it */
        ksi_stats_begin_attempt(b, a, e->kind, e->lock, e->site);
        a->row = ksi_load(&h->row);
        a->kind = (enum ksi_kind)a->row->kind;
        a->site = a->row->site;
    }
    if (for_lock)
        ksi_stats_contended(b, a);
    b->asleep = for_lock ? ksi_stats_row_of_attempt(b, a) : ksi_stats_row_about(t, b, e);
    b->asleep_since = ksi_ticks();
    ksi_count(b->asleep, KSI_STAT_SLEEPS, 1);
    if (for_lock && a->stack == 0)
        a->stack = ksi_stats_stack_here(a->row->class, a->site);
}

static void on_resumes(ksl_thread *t, struct ksi_stats_block *b,
                       const struct ksi_event *e)
{
    static const enum ksi_stat how[] = {
        [KSI_WAITING] = KSI_STAT_ENDED,   [KSI_WOKEN] = KSI_STAT_WOKEN,
        [KSI_TIMED_OUT] = KSI_STAT_LATE,  [KSI_SIGNALLED] = KSI_STAT_ENDED,
        [KSI_UNBLOCKED] = KSI_STAT_ENDED, [KSI_DESTROYED] = KSI_STAT_DESTROYED,
    };
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    struct ksi_stats_row *row = b->asleep;
    uint64_t now = ksi_ticks();
    uint64_t slept = ksi_since(now, b->asleep_since);
    if (row == NULL || e->arg > KSI_DESTROYED)
        return;
    b->asleep = NULL;
    ksi_count(row, how[e->arg], 1);
    ksi_count(row, KSI_STAT_SLEEP, slept);
    ksi_most(b, row, KSI_STAT_SLEEP_MAX, slept);
    if (!a->contended || a->row != row)
        return;
    a->last = now;
    if (e->arg != KSI_WOKEN)
        ksi_stats_give_up(b, a, now);
}

static void on_other(ksl_thread *t, struct ksi_stats_block *b, const struct ksi_event *e)
{
    struct ksi_stats_attempt *a = ksi_stats_attempt_of(t, b);
    switch (e->type) {
    case KSI_EV_CONTENDED:
        if (!is_about(a, e) && e->lock != NULL)
            ksi_stats_begin_attempt(b, a, e->kind, e->lock, e->site);
        if (is_about(a, e))
            ksi_stats_contended(b, a);
        break;
    case KSI_EV_SPUN:
        ksi_count(ksi_stats_row_about(t, b, e), KSI_STAT_SPINS, e->arg);
        if (is_about(a, e) && a->contended) {
            a->spun = e->more != 0;
            a->last = ksi_ticks();
        }
        break;
    case KSI_EV_WAKES:
        ksi_count(ksi_stats_row_about(t, b, e), KSI_STAT_WAKES, 1);
        break;
    case KSI_EV_WITHDRAWN:
        ksi_count(ksi_stats_row_about(t, b, e), KSI_STAT_WITHDRAWN, 1);
        ksi_count(ksi_stats_row_about(t, b, e), KSI_STAT_WITHDRAWAL, e->arg);
        break;
    case KSI_EV_LENT:
        ksi_count(ksi_stats_row_about(t, b, e), KSI_STAT_LENT, 1);
        break;
    case KSI_EV_BEGINS:
    case KSI_EV_ENDS:
        ksi_fetch_add(&ksi_stats_epoch, 1u);
        break;
    default:
        ksi_stats_irq_event(b, e);
    }
}

void ksi_stats_rare_event(ksl_thread *t, struct ksi_stats_block *b,
                          const struct ksi_event *e)
{
    switch (e->type) {
    case KSI_EV_AGAIN:
        on_again_or_busy(t, b, e, KSI_STAT_AGAIN);
        break;
    case KSI_EV_BUSY:
        on_again_or_busy(t, b, e, KSI_STAT_BUSY);
        break;
    case KSI_EV_TURNED:
        on_turned(t, b, e);
        break;
    case KSI_EV_SLEEPS:
        on_sleeps(t, b, e);
        break;
    case KSI_EV_RESUMES:
        on_resumes(t, b, e);
        break;
    default:
        on_other(t, b, e);
    }
}
