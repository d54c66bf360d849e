/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The newest Stanix: its sleeps that no signal ends, and those that it may, its dates and
 * its preemption counter. One worker makes a unit for each of the others, with one
 * wake-up each.
 */

#define KSL_STANIX_PROFILE 3

#include "torture.h"

#include "platform/park.h"

#include <errno.h>
#include <kernel/asm.h>
#include <kernel/sleep.h>

static struct {
    sleep_queue_t queue;
    unsigned units, made, used; /* atomic */
} un;

static void units_setup(void)
{
    STORE(&un.units, 0u);
    STORE(&un.made, 0u);
    STORE(&un.used, 0u);
}

static void make_unit(void)
{
    bool open = have_interrupt() != 0;
    int was = spinlock_acquire_irq(&un.queue.lock);
    if (have_interrupt() != 0)
        torture_fail("interrupts are open under a spinlock");
    spinlock_assert_acquired(&un.queue.lock);
    ADD(&un.made, 1u);
    ADD(&un.units, 1u);
    spinlock_release_irq(&un.queue.lock, was);
    if (open != (have_interrupt() != 0))
        torture_fail("interrupts are not as before a spinlock");
    wakeup_queue(&un.queue, 1);
}

static bool take_unit(void)
{
    unsigned units = LOAD(&un.units);
    while (units > 0) {
        if (__atomic_compare_exchange_n(&un.units, &units, units - 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            ADD(&un.used, 1u);
            return true;
        }
    }
    return false;
}

/* With the queue's spinlock; it is held, and interrupts are masked, when it is over. */
static int consume_locked(struct party *me, bool interruptible)
{
    int was = spinlock_acquire_irq(&un.queue.lock);
    int error =
        interruptible
            ? sleep_on_queue_lock_interruptible(&un.queue, &un.queue.lock, take_unit())
            : sleep_on_queue_lock(&un.queue, &un.queue.lock, take_unit());
    spinlock_assert_acquired(&un.queue.lock);
    if (have_interrupt() != 0)
        torture_fail("thread %u: a sleep has opened interrupts", me->index);
    spinlock_release_irq(&un.queue.lock, was);
    return error;
}

/* By hand: queued first, looked afterwards. */
static int consume_plainly(void)
{
    for (;;) {
        if (take_unit())
            return 0;
        block_prepare();
        sleep_add_to_queue(&un.queue);
        if (take_unit()) {
            sleep_remove_from_queue(&un.queue);
            block_cancel();
            wakeup_queue(&un.queue, 1); /* it may have been for the caller */
            return 0;
        }
        (void)block_task();
    }
}

static void consume(struct party *me)
{
    for (;;) {
        unsigned way = pick(me, 5);
        bool interruptible = way % 2 == 1;
        int error = way == 0 || way == 1 ? consume_locked(me, interruptible)
                    : way == 2 ? sleep_on_queue_condition(&un.queue, take_unit())
                    : way == 3
                        ? sleep_on_queue_condition_interruptible(&un.queue, take_unit())
                        : consume_plainly();
        if (error == 0)
            return;
        if (error != -EINTR || !interruptible)
            torture_fail("thread %u: sleep %u returned %d", me->index, way, error);
        torture_interrupted(me);
    }
}

/* Never early; a signal ends it. */
static void sleep_a_little(struct party *me)
{
    const uint64_t second = 1000000000u;
    uint64_t at = ksi_host_now() + pick(me, 200) * 1000u;
    struct timespec date = {(time_t)(at / second), (long)(at % second)};
    int error = sleep_until(&date);
    if (error == -EINTR)
        torture_interrupted(me);
    else if (error != 0 || ksi_host_now() < at)
        torture_fail("thread %u: sleep_until returned %d", me->index, error);
}

/* Handlers and other threads leave the counter of this one alone. */
static void count_preemption(struct party *me)
{
    unsigned depth = 1 + pick(me, 3);
    for (unsigned i = 0; i < depth; i++)
        preempt_disable();
    yield(0);
    torture_dally(me);
    if (ksl_preempt_count() != depth)
        torture_fail("thread %u: preemption disabled %u times, counted %u", me->index,
                     depth, ksl_preempt_count());
    for (unsigned i = 0; i < depth; i++)
        preempt_enable();
    if (ksl_preempt_count() != 0)
        torture_fail("thread %u: the preemption counter stays", me->index);
}

static void stanix3_op(struct party *me)
{
    if (pick(me, 4) == 0)
        sleep_a_little(me);
    if (pick(me, 4) == 0)
        count_preemption(me);
    if (role(me) == 0) {
        for (unsigned i = 1; i < torture.threads; i++) {
            torture_dally(me);
            make_unit();
        }
        return;
    }
    if (pick(me, 4) == 0)
        torture_shoot(me);
    consume(me);
    ADD(&me->operations, 1ul);
}

static void stanix3_interrupt(struct party *me, int irq)
{
    (void)me;
    preempt_disable();
    if (irq == TORTURE_IRQ_HIGH)
        make_unit();
    preempt_enable();
}

static void stanix3_check(void)
{
    if (un.made != un.used + un.units)
        torture_fail("%u units made, %u used, %u left", un.made, un.used, un.units);
    if (un.queue.waiters != 0 || LOAD(&un.queue.lock.word) != 0)
        torture_fail("the sleep queue is not as before");
}

const struct row torture_row_stanix3 = {
    .setup = units_setup,
    .op = stanix3_op,
    .interrupt = stanix3_interrupt,
    .check = stanix3_check,
    .words = &un.queue,
    .bytes = sizeof un.queue,
};
