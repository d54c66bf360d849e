/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of EVL's semaphore, and what all rows of EVL's locks share. */

#include "rows_evl.h"

#include "platform/park.h"
#include "turns.h"

#include <evl/sem.h>

void go_oob(struct party *me)
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

void go(struct party *me, bool oob)
{
    if (oob)
        go_oob(me);
    else
        evl_switch_inband(0);
    if (running_oob() != oob || running_inband() == oob || evl_cannot_block() == oob)
        torture_fail("thread %u: not on the stage that it has gone to", me->index);
}

enum { UNITS = 3 }; /* that each consumer wants */

static struct {
    struct evl_ksem ksem;
    unsigned given, taken; /* atomic */
    struct turns turns;
} sem;

static void ksem_setup(void)
{
    if (torture.round == 1)
        evl_init_ksem(&sem.ksem, 0);
    STORE(&sem.given, 0u);
    STORE(&sem.taken, 0u);
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
        evl_schedule();
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
            if (pick(me, 2) == 0)
                torture_shoot(me);
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

/* One worker broadcasts once a turn, when all the others wait; no unit is made. */
enum { TURNS = 3 };

static void broadcast_setup(void)
{
    ksem_setup();
    turns_reset(&sem.turns);
}

static void await_broadcast(struct party *me)
{
    bool timed = pick(me, 4) == 0;
    ktime_t date = (ktime_t)ksi_host_now() + (ktime_t)pick(me, 300) * 1000;
    turns_ready(&sem.turns, me);
    int error = timed ? evl_down_timeout(&sem.ksem, date) : evl_down(&sem.ksem);
    if (error == -EINTR || error == -ERESTARTSYS)
        torture_interrupted(me);
    else if (error == -ETIMEDOUT && timed && (ktime_t)ksi_host_now() < date)
        torture_fail("thread %u: timed out early", me->index);
    else if (error != 0 && (error != -ETIMEDOUT || !timed))
        torture_fail("thread %u: evl_down: %d", me->index, error);
    turns_gone(&sem.turns, me);
    ADD(&me->operations, 1ul);
}

static void ksem_broadcast_op(struct party *me)
{
    for (unsigned turn = 1; turn <= TURNS && !torture_failed(); turn++) {
        if (role(me) == 0) {
            turns_next(&sem.turns);
            turns_await_waiting(&sem.turns, me);
            torture_dally(me);
            evl_broadcast(&sem.ksem);
            turns_await_gone(&sem.turns, me);
        } else {
            turns_join(&sem.turns, turn);
            go_oob(me);
            await_broadcast(me);
        }
    }
    evl_switch_inband(0);
}

static void ksem_broadcast_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_HIGH)
        evl_broadcast(&sem.ksem);
    else if (evl_trydown(&sem.ksem) != -EAGAIN)
        torture_fail("thread %u: a broadcast made a unit", me->index);
}

const struct row torture_row_ksem_broadcast = {
    .setup = broadcast_setup,
    .op = ksem_broadcast_op,
    .interrupt = ksem_broadcast_interrupt,
    .check = ksem_check,
    .words = &sem.ksem,
    .bytes = sizeof sem.ksem,
};
