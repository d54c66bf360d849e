/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order checker: whether there is nothing to check.
 *
 * Most calls take a lock as they did before: with the same locks held, and the same
 * interrupts open. Each thread remembers classes and pairs of late; what is found there
 * has been through order.c, as long as no class has ended since (ksi_class_epoch). That
 * is asked before anything is looked up, and gives no more than "look" or "do not": all
 * else, locks that are held already, handlers, and the out-of-band stage among it, is
 * answered by "look".
 *
 * t->openness is what was open when all that t holds had been judged by it; if t holds
 * nothing, or less is open now, what is open now will do, too.
 */

#include "diag/order.h"

#include "diag/classes.h"
#include "diag/named.h"

#include <kslock/stage.h>

/*
 * Kinds of which nothing but class, rank and level matters; not those of which a rule
 * keeps more (simple locks, the kernel lock), and which have no record of their own.
 */
static inline bool may_be_quiet(enum ksi_kind kind)
{
    enum {
        KINDS = 1u << KSI_SPINLOCK | 1u << KSI_MUTEX | 1u << KSI_RWLOCK |
                1u << KSI_RWSEM | 1u << KSI_SX | 1u << KSI_MTX | 1u << KSI_MTX_SPIN |
                1u << KSI_EVL_MUTEX
    };
    return ((unsigned)KINDS >> kind & 1) != 0;
}

void ksi_quiet_learn(ksl_thread *t, enum ksi_kind kind, const void *lock, uint32_t epoch)
{
    struct ksi_classed *c = ksi_classed_place(t, lock);
    if (may_be_quiet(kind) && t->handlers == 0 && ksi_load(&t->stage) != KSL_STAGE_OOB &&
        ksi_classed_is(c, kind, lock, epoch))
        c->openness = ksi_openness(t);
}

/* Its class is known, and that it is held with what is open now. */
static inline bool is_known(ksl_thread *t, enum ksi_kind kind, const void *lock,
                            uint32_t epoch, uint32_t open)
{
    const struct ksi_classed *c = ksi_classed_place(t, lock);
    return ksi_classed_is(c, kind, lock, epoch) && c->openness == open &&
           t->handlers == 0;
}

static inline bool less_is_open(uint32_t now, uint32_t before)
{
    return before != 0 && now > before && ((now - before) & 3) == 0;
}

/* To take one of that kind breaks no rule: SIMPLE may be one that must not sleep. */
static bool may_take_under(enum ksi_kind kind, const struct ksi_held_lock *h)
{
    const struct ksi_held_lock wanted = {.kind = kind};
    return h->kind != KSI_SIMPLE && ksi_rank_of(h) >= ksi_rank_of(&wanted);
}

struct asked {
    ksl_thread *t;
    const void *lock;
    enum ksi_kind kind;
    uint32_t epoch;
    bool pushed;
    bool others; /* are held */
};

KSI_ASIDE static bool allows_other(struct asked *q, const struct ksi_held_lock *h)
{
    struct ksi_pair p = ksi_pair_of(h->kind, h->key, q->kind, q->lock, q->epoch);
    q->others = true;
    return ksi_pair_is(ksi_pair_place(q->t, &p), &p) && may_take_under(q->kind, h);
}

static inline bool allows(struct asked *q, const struct ksi_held_lock *h)
{
    if (h->lock == q->lock)
        return q->pushed && h->kind == q->kind;
    return allows_other(q, h);
}

static inline bool holds_allow(struct asked *q)
{
    for (uint32_t i = 0; i < q->t->front.nholds; i++) {
        const struct ksl_hold *hold = &q->t->front.holds[i];
        struct ksi_held_lock h = {.lock = ksi_load(&hold->lock)};
        h.key = h.lock;
        h.kind = ksi_hold_kind(hold);
        if (h.lock != NULL && !allows(q, &h))
            return false;
    }
    return true;
}

KSI_ASIDE static bool slots_allow(struct asked *q)
{
    struct ksi_held_lock h;
    if (ksi_load(&q->t->far_used) != 0)
        return false;
    for (uint32_t i = 0; i < KSL_SLOTS; i++) {
        if (ksi_load(&q->t->front.slots[i].lock) != 0 && ksi_held_near(q->t, i, &h) &&
            !allows(q, &h))
            return false;
    }
    return true;
}

/* Something is held, but it is not for the lock that any of that is. */
KSI_ASIDE static bool all_allow(struct asked q, uint32_t open)
{
    const ksl_thread *t = q.t;
    if (ksi_load(&t->nentered) != 0 || t->front.nholds > KSI_HOLDS_INLINE ||
        !holds_allow(&q) || (!ksi_held_no_slot(t) && !slots_allow(&q)))
        return false;
    return !q.others || (!ksi_classes_used() &&
                         (t->openness == open || less_is_open(open, t->openness)));
}

/* Of the holds, the one that has just been pushed does not count. */
static inline __attribute__((always_inline)) bool
is_quiet(ksl_thread *t, enum ksi_kind kind, const void *lock, bool pushed)
{
    uint32_t epoch = ksi_load_acq(&ksi_class_epoch);
    uint32_t open = ksi_openness(t);
    uint32_t holds = pushed ? 1 : 0;
    if (KSI_UNLIKELY(!is_known(t, kind, lock, epoch, open)))
        return false;
    if (KSI_UNLIKELY((ksi_load(&t->front.nholds) ^ holds) != 0 ||
                     ksi_load(&t->nentered) != 0 || !ksi_held_no_slot(t)) &&
        !all_allow((struct asked){t, lock, kind, epoch, pushed, false}, open))
        return false;
    t->openness = open;
    t->retaken = NULL;
    return true;
}

bool ksi_order_quiet(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    if (!is_quiet(t, kind, lock, false))
        return false;
    if (ksi_order_is_pushed(kind))
        t->announced = lock;
    return true;
}

bool ksi_quiet_pushed(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    return is_quiet(t, kind, lock, true);
}

bool ksi_quiet_taken(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    uint32_t open = ksi_openness(t);
    return t->openness == open &&
           is_known(t, kind, lock, ksi_load_acq(&ksi_class_epoch), open);
}
