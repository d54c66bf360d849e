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

/* The newest of the record, not timed. */
static inline struct ksi_stats_hold *held_add(struct ksi_stats_block *b, uint32_t n,
                                              struct ksi_stats_row *row, uintptr_t what,
                                              uint32_t turn)
{
    struct ksi_stats_hold *h = &b->held[n];
    h->weight = 0;
    ksi_store(&h->row, row);
    ksi_store(&h->turn, turn);
    ksi_store_rel(&h->what, what);
    ksi_store_rel(&b->nheld, n + 1);
    return h;
}

static inline uintptr_t what_of(const void *lock, enum ksi_mode mode)
{
    return (uintptr_t)lock | (mode == KSI_SHARED ? KSI_STATS_SHARE : 0);
}

enum { LOOKED_AT = 64 }; /* for the lock that is taken, if it is not given back */

static struct ksi_stats_hold *held_push(struct took k, struct ksi_stats_row *row)
{
    struct ksi_stats_block *b = k.b;
    struct ksi_stats_hold *old = ksi_stats_held_find(b, k.lock, LOOKED_AT);
    if (KSI_UNLIKELY(old != NULL) && !nests(k.kind, k.mode))
        ksi_stats_held_drop(b, old); /* another thread has given it back */
    else if (KSI_UNLIKELY(ksi_load(&b->nheld) == KSI_STATS_HELD))
        ksi_stats_held_drop(b, &b->held[0]);
    return held_add(b, ksi_load(&b->nheld), row, what_of(k.lock, k.mode),
                    (uint32_t)ksi_load(&row->c[KSI_STAT_TAKEN]));
}

/* now: when the wait for it ended; 0: it was free. */
static void begin_time(struct took k, struct ksi_stats_row *row, struct ksi_stats_hold *h,
                       uint64_t now)
{
    uint32_t weight = now != 0 ? 1 : ksi_stats_weight(k.b, row);
    if (weight == 0)
        return;
    bool masks = KSI_UNLIKELY(k.level != 0) && raised_level(k.t, k.kind, k.mode, k.lock);
    h->weight = weight | (masks ? KSI_STATS_MASKS : 0);
    h->since = now != 0 ? now : ksi_ticks();
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

/*
 * The attempt that this ends, or the try that it was; when its wait has ended, 0: it has
 * not waited.
 */
static inline uint64_t end_attempt(struct took k, struct ksi_stats_row *row,
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

static void taken(struct took k, enum ksi_stats_how how)
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
    if (KSI_UNLIKELY(time_to_count(ksi_load(&row->c[KSI_STAT_SHARED]))))
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

static void given(ksl_thread *t, struct ksi_stats_block *b, enum ksi_kind kind,
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
    struct ksi_stats_block *b = block_of(t);
    if (KSI_LIKELY(b != NULL))
        before(t, b, kind, lock, site);
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
    struct ksi_stats_block *b = block_of(t);
    if (KSI_LIKELY(b != NULL))
        taken((struct took){t, b, kind, mode, lock, site, level}, how);
    else
        no_block();
    leave(t, level);
}

/* h is due to be timed, or the readers of its lock to be counted, or both. */
KSI_ASIDE static void finish_taken(ksl_thread *t, struct ksi_stats_block *b,
                                   struct ksi_stats_hold *h, uint32_t level)
{
    struct ksi_stats_row *row = ksi_load(&h->row);
    uintptr_t what = ksi_load(&h->what);
    enum ksi_mode mode = (what & KSI_STATS_SHARE) != 0 ? KSI_SHARED : KSI_EXCLUSIVE;
    if (mode == KSI_SHARED && time_to_count(ksi_load(&row->c[KSI_STAT_SHARED])))
        ksi_stats_count_readers(b, row, what);
    if (row->left == 0) {
        bool masks = KSI_UNLIKELY(level != 0) &&
                     raised_level(t, (enum ksi_kind)row->kind, mode, row->lock);
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
    return n >= LOOKED_AT;
}

/* It was free, and no try; begun: a BEFORE was about it. */
static inline bool is_as_at_once(bool begun, enum ksi_kind kind, enum ksi_stats_how how)
{
    if (how == KSI_STATS_AT_ONCE)
        return true;
    return how == KSI_STATS_BY_CALL && begun == !before_means_contended(kind);
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
        look = time_to_count(shares);
    }
    struct ksi_stats_hold *h = held_add(b, n, row, what_of(lock, mode), (uint32_t)turn);
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
    struct ksi_stats_block *b = block_of(t);
    if (KSI_LIKELY(b != NULL))
        given(t, b, kind, lock);
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
