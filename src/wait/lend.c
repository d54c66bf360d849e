/* SPDX-License-Identifier: BSD-2-Clause */
#include "wait/lend.h"

#include "diag/events.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/rt.h"
#include "wait/wait.h"

uint32_t ksi_lending;
static struct ksi_rawlock lock;
static uint32_t walks; /* each walk along a chain has its number */

static ksl_thread *lends_to(const ksl_thread *t)
{
    return t->waiters[KSI_WAITER_LOCK].lends_to;
}

/* What the lenders of t lend, without those that have the mark `except`, if not 0. */
static int most_urgent(const ksl_thread *t, uint32_t except)
{
    int best = -1;
    for (const struct ksi_waiter *w = t->lenders; w != NULL; w = w->next_lender) {
        int urgency = ksi_thread_urgency(w->thread);
        if ((except == 0 || w->thread->walk != except) && urgency > best)
            best = urgency;
    }
    return best;
}

/* t is in a circle. All in it get what anybody of it has or is lent from outside. */
static void settle_circle(ksl_thread *t)
{
    uint32_t mark = ++walks;
    int best = -1;
    ksl_thread *u = t;
    do {
        u->walk = mark;
        u = lends_to(u);
    } while (u != t);
    do {
        int lent = most_urgent(u, mark);
        int base = ksi_load(&u->prio);
        best = lent > best ? lent : best;
        best = base > best ? base : best;
        u = lends_to(u);
    } while (u != t);
    do {
        KSI_POINT("lend: circle");
        ksi_store(&u->lent, best);
        u = lends_to(u);
    } while (u != t);
}

/* A thread of the circle that t's chain ends in, t included; NULL: it ends. */
static ksl_thread *find_circle(ksl_thread *t)
{
    uint32_t mark = ++walks;
    for (; t != NULL; t = lends_to(t)) {
        if (t->walk == mark)
            return t;
        t->walk = mark;
    }
    return NULL;
}

/* What is lent to t may have changed. */
static void follow(ksl_thread *t)
{
    ksl_thread *circle = find_circle(t);
    for (; t != NULL && t != circle; t = lends_to(t)) {
        int before = ksi_thread_urgency(t);
        KSI_POINT("lend: step");
        ksi_store(&t->lent, most_urgent(t, 0));
        if (ksi_thread_urgency(t) == before && circle == NULL)
            return;
        if (KSI_FAULT(LEND_ONE_LEVEL))
            return;
    }
    if (circle != NULL)
        settle_circle(circle);
}

static void unlink_lender(struct ksi_waiter *w)
{
    ksl_thread *t = w->lends_to;
    KSI_POINT("lend: unlink");
    if (w->prev_lender != NULL)
        w->prev_lender->next_lender = w->next_lender;
    else
        ksi_store_seq(&t->lenders, w->next_lender);
    if (w->next_lender != NULL)
        w->next_lender->prev_lender = w->prev_lender;
    w->lends_to = NULL;
}

static void link_lender(struct ksi_waiter *w, ksl_thread *t)
{
    w->prev_lender = NULL;
    w->next_lender = t->lenders;
    if (t->lenders != NULL)
        t->lenders->prev_lender = w;
    KSI_POINT("lend: link");
    ksi_store_seq(&t->lenders, w);
    w->lends_to = t;
}

/*
 * The caller comes back to these chains when it has dropped its locks. One step
 * concerns one lock: its owner, the one before, and one whose answer to a claim is late.
 */
static void remember(ksl_thread *changed)
{
    ksl_thread *self = ksi_self();
    for (unsigned i = 0; i < KSI_CHANGED; i++) {
        if (self->changed[i] == NULL || self->changed[i] == changed) {
            self->changed[i] = changed;
            return;
        }
    }
}

void ksi_lend(struct ksi_waiter *w, ksl_thread *owner)
{
    ksl_thread *before = w->lends_to;
    if (before == owner)
        return;
    ksi_raw_lock(&lock);
    if (before != NULL) {
        unlink_lender(w);
        if (KSI_FAULT(LEND_ENDS_ALL))
            ksi_store(&before->lent, -1);
        else if (!KSI_FAULT(LEND_KEPT))
            follow(before);
    }
    if (owner != NULL) {
        link_lender(w, owner);
        follow(owner);
    }
    ksi_raw_unlock(&lock);
    if (before != NULL)
        remember(before);
    if (owner != NULL)
        remember(owner);
}

void ksi_lend_changed(ksl_thread *t)
{
    ksl_thread *self = ksi_self();
    uint32_t level = ksi_irq_mask(self);
    KSI_POINT("lend: changed");
    ksi_raw_lock(&lock);
    ksl_thread *owner = lends_to(t);
    if (owner != NULL && !KSI_FAULT(LEND_STALE))
        follow(owner);
    ksi_raw_unlock(&lock);
    if (owner != NULL)
        remember(owner);
    ksi_lend_settle(self);
    ksi_irq_unmask(self, level);
}

static ksl_thread *next_of(const ksl_thread *t)
{
    ksi_raw_lock(&lock);
    ksl_thread *next = lends_to(t);
    ksi_raw_unlock(&lock);
    return next;
}

static void settle_chain(ksl_thread *t)
{
    enum { FAR = 64 }; /* it may be a circle */
    for (unsigned i = 0; t != NULL && i < FAR; i++) {
        ksl_thread *next = next_of(t);
        KSI_POINT("lend: settle");
        ksi_rt_mirror(t);
        if (!KSI_FAULT(LEND_KEEPS_PLACE))
            ksi_wait_reorder(t);
        t = next;
    }
}

void ksi_lend_settle(ksl_thread *self)
{
    for (unsigned i = 0; i < KSI_CHANGED; i++) {
        ksl_thread *t = self->changed[i];
        if (t == NULL)
            return;
        self->changed[i] = NULL;
        if (ksi_telling())
            ksi_tell_about(self, KSI_EV_LENT, (uint64_t)ksi_load(&t->tid),
                           (uint64_t)ksi_thread_urgency(t));
        settle_chain(t);
    }
}

void ksi_lend_before_fork(void)
{
    ksi_raw_lock(&lock);
}

void ksi_lend_after_fork(bool child)
{
    if (child)
        ksi_raw_reset(&lock);
    else
        ksi_raw_unlock(&lock);
}
