/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of EVL's stax and semaphore. */

#include "torture.h"

#include "platform/park.h"

#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>

/* More signals and unblocks than the driver's. */
static void shoot(struct party *me)
{
    struct party *p = &torture.parties[pick(me, torture.threads)];
    if (pick(me, 2) == 0) {
        ADD(&me->signals, 1ul);
        ksl_signal_post(p->thread, 1 + (int)pick(me, 64));
    } else if (ksl_thread_unblock(p->thread) == 1) {
        ADD(&p->unblocks, 1ul);
    }
}

static void go_oob(struct party *me)
{
    int error;
    while ((error = evl_switch_oob()) != 0) {
        if (error != -ERESTARTSYS) {
            torture_fail("thread %u: evl_switch_oob: %d", me->index, error);
            return;
        }
        torture_interrupted(me);
    }
}

static void go(struct party *me, bool oob)
{
    if (oob)
        go_oob(me);
    else
        evl_switch_inband(0);
}

/* Stax ----------------------------------------------------------------------- */

/* Who is inside, and plain words that the other stage reads when it is. */
static struct {
    struct evl_stax stax;
    unsigned inside[2]; /* atomic */
    unsigned long cells[2][TORTURE_MAX];
    unsigned arrived, left; /* atomic, of the row that meets */
} sx;

static void stax_setup(void)
{
    if (torture.round == 1)
        (void)evl_init_stax(&sx.stax);
    if (LOAD(&sx.inside[0]) != 0 || LOAD(&sx.inside[1]) != 0)
        torture_fail("somebody is left inside the stax");
}

static unsigned long sum(const unsigned long *cells)
{
    unsigned long total = 0;
    for (unsigned i = 0; i < TORTURE_MAX; i++)
        total += cells[i];
    return total;
}

/* A handler counts and reads only: it may have interrupted a write. */
static void stax_visit(struct party *me, bool oob, bool write)
{
    ADD(&sx.inside[oob], 1u);
    unsigned long before = sum(sx.cells[!oob]);
    if (LOAD(&sx.inside[!oob]) != 0)
        torture_fail("thread %u: both stages are inside", me->index);
    if (write)
        sx.cells[oob][me->index]++;
    torture_dally(me);
    if (LOAD(&sx.inside[!oob]) != 0 || sum(sx.cells[!oob]) != before)
        torture_fail("thread %u: the other stage came in", me->index);
    ADD(&sx.inside[oob], -1u);
    ADD(&me->operations, 1ul);
}

/* Locks; false if that was interrupted, as only some waits may be. */
static bool stax_enter(struct party *me, bool oob)
{
    if (pick(me, 4) == 0) {
        int error = evl_trylock_stax(&sx.stax);
        if (error != 0 && error != -EAGAIN)
            torture_fail("thread %u: evl_trylock_stax: %d", me->index, error);
        return error == 0;
    }
    int error = evl_lock_stax(&sx.stax);
    if (error == 0)
        return true;
    if (error != -ERESTARTSYS && (error != -EINTR || !oob))
        torture_fail("thread %u: evl_lock_stax: %d", me->index, error);
    torture_interrupted(me);
    return false;
}

static void stax_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        bool oob = pick(me, 2) == 0;
        go(me, oob);
        if (pick(me, 4) == 0)
            shoot(me);
        if (!stax_enter(me, oob))
            continue;
        stax_visit(me, oob, true);
        if (pick(me, 4) == 0) {
            /* A nested lock waits for nobody. */
            if (evl_lock_stax(&sx.stax) != 0 || evl_trylock_stax(&sx.stax) != 0)
                torture_fail("thread %u: a nested lock failed", me->index);
            evl_unlock_stax(&sx.stax);
            stax_visit(me, oob, true);
            evl_unlock_stax(&sx.stax);
        }
        evl_unlock_stax(&sx.stax);
    }
    evl_switch_inband(0);
}

static void stax_interrupt(struct party *me, int irq)
{
    (void)irq;
    int error = evl_trylock_stax(&sx.stax);
    if (error == 0) {
        stax_visit(me, running_oob(), false);
        evl_unlock_stax(&sx.stax);
    } else if (error != -EAGAIN) {
        torture_fail("thread %u: evl_trylock_stax in a handler: %d", me->index, error);
    }
}

static void stax_check(void)
{
    if (evl_trylock_stax(&sx.stax) != 0)
        torture_fail("the stax is not free after the round");
    evl_unlock_stax(&sx.stax);
    if (torture.round % 16 == 0) {
        (void)evl_destroy_stax(&sx.stax);
        (void)evl_init_stax(&sx.stax);
    }
}

const struct row torture_row_stax = {
    .setup = stax_setup,
    .op = stax_op,
    .interrupt = stax_interrupt,
    .check = stax_check,
    .words = &sx.stax,
    .bytes = sizeof sx.stax,
};

/*
 * A holder of one stage leaves when all the others have arrived: all of them get in
 * before any of them leaves.
 */
static void meet_setup(void)
{
    stax_setup();
    STORE(&sx.arrived, 0u);
    STORE(&sx.left, 0u);
}

static void meet_hold(struct party *me)
{
    while (evl_lock_stax(&sx.stax) != 0)
        torture_interrupted(me);
    ADD(&sx.left, 1u);
    while (LOAD(&sx.arrived) != torture.threads - 1 && !torture_failed())
        torture_yield();
    torture_dally(me);
    stax_visit(me, running_oob(), true);
    evl_unlock_stax(&sx.stax);
}

static void meet_op(struct party *me)
{
    bool oob = (torture.round + (role(me) == 0)) % 2 == 0;
    go(me, oob);
    if (role(me) == 0) {
        meet_hold(me);
    } else {
        TORTURE_UNTIL(LOAD(&sx.left) != 0);
        torture_dally(me);
        ADD(&sx.arrived, 1u);
        while (evl_lock_stax(&sx.stax) != 0)
            torture_interrupted(me);
        stax_visit(me, oob, true);
        ADD(&sx.left, 1u);
        TORTURE_UNTIL(LOAD(&sx.left) == torture.threads);
        evl_unlock_stax(&sx.stax);
    }
    evl_switch_inband(0);
}

const struct row torture_row_stax_meet = {
    .setup = meet_setup,
    .op = meet_op,
    .check = stax_check,
    .words = &sx.stax,
    .bytes = sizeof sx.stax,
};

/* Semaphore -------------------------------------------------------------------- */

enum { UNITS = 3 }; /* that each consumer wants */

static struct {
    struct evl_ksem ksem;
    unsigned given, taken, through; /* atomic */
} sem;

static void ksem_setup(void)
{
    if (torture.round == 1)
        evl_init_ksem(&sem.ksem, 0);
    STORE(&sem.given, 0u);
    STORE(&sem.taken, 0u);
    STORE(&sem.through, 0u);
}

static void give_unit(void)
{
    ADD(&sem.given, 1u);
    evl_up(&sem.ksem);
}

/* Its post is the first call that the thread makes. */
static void *stranger(void *arg)
{
    torture_me = arg;
    give_unit();
    return NULL;
}

static void give_by_stranger(struct party *me)
{
    struct party guest = {.index = me->index};
    guest.rng = torture_next(&me->rng) | 1;
    guest.inject_rng = torture_next(&me->rng) | 1;
    if (pthread_create(&guest.pthread, NULL, stranger, &guest) != 0) {
        torture_fail("thread %u: no stranger", me->index);
        return;
    }
    pthread_join(guest.pthread, NULL);
    ADD(&me->interrupts, guest.interrupts);
}

static void producer(struct party *me, unsigned producers)
{
    unsigned total = (torture.threads - producers) * UNITS;
    for (unsigned n = role(me); n < total; n += producers) {
        go(me, pick(me, 2) == 0);
        torture_dally(me);
        if (pick(me, 32) == 0)
            give_by_stranger(me);
        else
            give_unit();
        ADD(&me->operations, 1ul);
        if (pick(me, 8) != 0)
            continue;
        struct party *p = &torture.parties[pick(me, torture.threads)];
        ADD(&p->unblocks, 1ul);
        evl_kick_thread((struct evl_thread *)(void *)p->thread, 0);
    }
}

/* One attempt to take a unit, and whether its result has a reason. */
static bool take_unit(struct party *me)
{
    ktime_t date = (ktime_t)ksi_host_now() + (ktime_t)pick(me, 200) * 1000;
    unsigned way = pick(me, 4);
    int error = way == 0   ? evl_trydown(&sem.ksem)
                : way == 1 ? evl_down(&sem.ksem)
                           : evl_down_timeout(&sem.ksem, date);
    if (error == 0) {
        ADD(&sem.taken, 1u);
        ADD(&me->operations, 1ul);
    } else if (way != 0 && (error == -EINTR || error == -ERESTARTSYS)) {
        torture_interrupted(me);
    } else if (way > 1 && error == -ETIMEDOUT) {
        if ((ktime_t)ksi_host_now() < date)
            torture_fail("thread %u: timed out early", me->index);
    } else if (way != 0 || error != -EAGAIN) {
        torture_fail("thread %u: a way %u down returned %d", me->index, way, error);
    }
    return error == 0;
}

static void ksem_op(struct party *me)
{
    unsigned producers = torture.threads / 2;
    if (role(me) < producers) {
        producer(me, producers);
    } else {
        for (unsigned got = 0; got < UNITS && !torture_failed();) {
            go_oob(me);
            if (pick(me, 8) == 0)
                shoot(me);
            if (take_unit(me))
                got++;
            torture_dally(me);
        }
    }
    evl_switch_inband(0);
}

static void ksem_interrupt(struct party *me, int irq)
{
    (void)me;
    if (irq == TORTURE_IRQ_HIGH || irq == TORTURE_IRQ_OOB)
        give_unit();
    else if (evl_trydown(&sem.ksem) == 0)
        evl_up(&sem.ksem); /* somebody may be waiting for it */
}

static void ksem_check(void)
{
    unsigned left = 0;
    while (evl_trydown(&sem.ksem) == 0)
        left++;
    if (sem.given != sem.taken + left)
        torture_fail("%u units given, %u taken, %u left", sem.given, sem.taken, left);
    if (torture.round % 16 == 0) {
        evl_destroy_ksem(&sem.ksem);
        evl_init_ksem(&sem.ksem, 0);
    }
}

const struct row torture_row_ksem = {
    .setup = ksem_setup,
    .op = ksem_op,
    .interrupt = ksem_interrupt,
    .check = ksem_check,
    .words = &sem.ksem,
    .bytes = sizeof sem.ksem,
};

/* One worker broadcasts until all the others have come through; no unit is made. */
static void ksem_broadcast_op(struct party *me)
{
    if (role(me) == 0) {
        while (LOAD(&sem.through) != torture.threads - 1 && !torture_failed()) {
            evl_broadcast(&sem.ksem);
            torture_dally(me);
            torture_yield();
        }
        return;
    }
    for (unsigned n = 1 + pick(me, 3); n > 0;) {
        go_oob(me);
        int error = evl_down(&sem.ksem);
        if (error == 0)
            n--;
        else if (error == -EINTR || error == -ERESTARTSYS)
            torture_interrupted(me);
        else
            torture_fail("thread %u: evl_down: %d", me->index, error);
        ADD(&me->operations, 1ul);
    }
    ADD(&sem.through, 1u);
    evl_switch_inband(0);
}

static void ksem_broadcast_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_HIGH || irq == TORTURE_IRQ_OOB)
        evl_broadcast(&sem.ksem);
    else if (evl_trydown(&sem.ksem) != -EAGAIN)
        torture_fail("thread %u: a broadcast made a unit", me->index);
}

const struct row torture_row_ksem_broadcast = {
    .setup = ksem_setup,
    .op = ksem_broadcast_op,
    .interrupt = ksem_broadcast_interrupt,
    .check = ksem_check,
    .words = &sem.ksem,
    .bytes = sizeof sem.ksem,
};
