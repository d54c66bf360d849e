/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All families in one row: each kind of lock once, taken inside of each other in the
 * order of the table, those that spin last, and sometimes all of them inside of a stax.
 * Bursts of shares bring the bias of readers, tries of writers take it off again.
 * Handlers try the locks that handlers may try. Each worker but one waits once a round
 * for an event of some family, mostly with locks that others wait for; the one, which
 * takes no locks of the table meanwhile, makes as many units as are wanted, each with one
 * wake-up.
 */

#include "torture.h"

#include "../bugs/locks.h"
#include "mixed_events.h"

#include <kslock/stage.h>

enum { DEPTH = 4, BURST = 24, EVENTS = 4 };

static struct {
    struct lock_memory locks[LOCK_KINDS];
    struct section sections[LOCK_KINDS];
} mixed;

/* One hold of a worker. */
struct hold {
    unsigned i;
    bool shared;
};

static const struct event_kind *event_kind(unsigned i)
{
    return i == 0 ? &evl_events[0] : i == 1 ? &aix_events[0] : &freebsd_events[i - 2];
}

/* What the worker with that role waits for in this round. */
static unsigned event_of(unsigned of_role)
{
    return (of_role + (unsigned)torture.round) % EVENTS;
}

static void mixed_setup(void)
{
    mixed_stax_setup();
    for (unsigned i = 0; i < EVENTS; i++)
        event_kind(i)->setup();
    if (torture.round != 1)
        return;
    for (unsigned i = 0; i < LOCK_KINDS; i++)
        lock_kind(i)->begin(&mixed.locks[i]);
}

/* Waits only where it may: for EVL's locks out-of-band. */
static bool take(struct party *me, const struct hold *h, bool oob)
{
    const struct lock_kind *k = lock_kind(h->i);
    void *lock = &mixed.locks[h->i];
    bool tries = (k->oob && !oob) || pick(me, 4) == 0;
    if (h->shared && tries && k->try_share != NULL)
        return k->try_share(lock) == 1;
    if (h->shared)
        return k->share(lock) == 0;
    if (tries && k->try_take != NULL)
        return k->try_take(lock) == 1;
    int error = k->take(lock);
    if (error != 0)
        torture_fail("thread %u: %s: %d", me->index, k->name, error);
    return error == 0;
}

static void give(const struct hold *h)
{
    const struct lock_kind *k = lock_kind(h->i);
    if (h->shared)
        k->unshare(&mixed.locks[h->i]);
    else
        k->give(&mixed.locks[h->i]);
}

static void visit(struct party *me, struct hold *h)
{
    const struct lock_kind *k = lock_kind(h->i);
    void *lock = &mixed.locks[h->i];
    struct section *s = &mixed.sections[h->i];
    if (!h->shared) {
        section_write(s, me);
        if (k->downgrade == NULL || pick(me, 4) != 0)
            return;
        k->downgrade(lock);
        h->shared = true;
    }
    section_read(s, me);
    if (k->upgrade != NULL && pick(me, 4) == 0 && k->upgrade(lock) == 1) {
        h->shared = false;
        section_write(s, me);
    }
}

/*
 * Some locks, each inside of the one before; a lock that spins is the last one. With an
 * event: none spins, and the wait for it is inside of all of them.
 */
static void nest(struct party *me, bool oob, const struct event_kind *event)
{
    struct hold holds[DEPTH];
    unsigned depth = 0;
    unsigned wanted = 1 + pick(me, DEPTH);
    bool spins = false;
    for (unsigned i = pick(me, LOCK_KINDS); i < LOCK_KINDS && depth < wanted && !spins;
         i += 1 + pick(me, 4)) {
        const struct lock_kind *k = lock_kind(i);
        if (k->spins && event != NULL)
            continue;
        if (k->spins && depth + 1 < wanted && pick(me, 4) != 0)
            continue;
        struct hold *h = &holds[depth];
        *h = (struct hold){i, k->share != NULL && pick(me, 3) != 0};
        if (!take(me, h, oob))
            continue;
        spins = k->spins;
        visit(me, h);
        depth++;
    }
    if (event != NULL)
        event->await(me);
    while (depth > 0)
        give(&holds[--depth]);
}

/* The same inside of a stax. */
static void nest_in_stax(struct party *me, bool oob, const struct event_kind *event)
{
    bool inside = pick(me, 3) == 0 && mixed_stax_enter(me, pick(me, 2) == 0);
    nest(me, oob, event);
    if (inside)
        mixed_stax_leave();
}

/* As many units of each kind as there are who want one. */
static void make_units(struct party *me)
{
    unsigned wanted[EVENTS] = {0};
    unsigned left = torture.threads - 1;
    for (unsigned i = 1; i < torture.threads; i++)
        wanted[event_of(i)]++;
    while (left > 0 && !torture_failed()) {
        unsigned i = pick(me, EVENTS);
        torture_dally(me);
        if (wanted[i] == 0 || !event_kind(i)->give())
            continue;
        wanted[i]--;
        left--;
    }
}

/* Shares without a writer in between open the slots, and then set the bias. */
static void burst(struct party *me)
{
    unsigned i = pick(me, LOCK_KINDS);
    const struct lock_kind *k = lock_kind(i);
    if (k->share == NULL || k->spins)
        return;
    for (unsigned n = 0; n < BURST; n++) {
        if (k->share(&mixed.locks[i]) != 0)
            torture_fail("thread %u: a share of %s failed", me->index, k->name);
        k->unshare(&mixed.locks[i]);
    }
    ADD(&me->operations, (unsigned long)BURST);
}

static void mixed_op(struct party *me)
{
    const struct event_kind *event = NULL;
    if (role(me) == 0)
        make_units(me);
    else
        event = event_kind(event_of(role(me)));
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        bool oob = pick(me, 2) == 0 || (n == 1 && event != NULL && event->oob);
        lock_stage(oob);
        if (pick(me, 8) == 0)
            burst(me);
        nest_in_stax(me, oob, n == 1 ? event : NULL);
    }
    lock_stage(false);
}

static void mixed_interrupt(struct party *me, int irq)
{
    unsigned i = (me->index + (unsigned)irq + (unsigned)torture.round) % LOCK_KINDS;
    const struct lock_kind *k = lock_kind(i);
    if (torture.round != 0 && irq != TORTURE_IRQ_LOW && mixed_stax_enter(me, true))
        mixed_stax_leave();
    if (torture.round == 0 || !k->handlers || k->try_take(&mixed.locks[i]) != 1)
        return;
    section_write(&mixed.sections[i], me);
    k->give(&mixed.locks[i]);
}

static void mixed_check(void)
{
    bool anew = torture.round % 16 == 0;
    mixed_stax_check();
    for (unsigned i = 0; i < EVENTS; i++) {
        const struct event_kind *e = event_kind(i);
        if (e->left() != 0)
            torture_fail("%s: %u units are left", e->name, e->left());
    }
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        section_check(&mixed.sections[i], k->name);
        if (k->try_take != NULL) {
            if (k->try_take(&mixed.locks[i]) != 1) {
                torture_fail("%s is not free after the round", k->name);
                return;
            }
            k->give(&mixed.locks[i]);
        }
        if (anew)
            k->end(&mixed.locks[i]);
        if (anew)
            k->begin(&mixed.locks[i]);
    }
}

const struct row torture_row_mixed = {
    .setup = mixed_setup,
    .op = mixed_op,
    .interrupt = mixed_interrupt,
    .check = mixed_check,
    .words = mixed.locks,
    .bytes = sizeof mixed.locks,
};
