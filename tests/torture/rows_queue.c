/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of sleep queues and of task blocking. */

#include "torture.h"

#include "platform/park.h"

#include <errno.h>
#include <kernel/sleep.h>

/* Wake-ups given and received in this round, all atomic. */
static struct {
    ksl_sleep_queue_t queue;
    unsigned sleepers; /* that have not finished */
    unsigned given;
    unsigned received;
    unsigned cancelled; /* blocks that were cancelled: may have been woken */
} sq;

static void sq_setup(void)
{
    STORE(&sq.sleepers, torture.threads / 2);
    STORE(&sq.given, 0u);
    STORE(&sq.received, 0u);
    STORE(&sq.cancelled, 0u);
}

static void sq_wake(unsigned count)
{
    unsigned woken = (unsigned)ksl_sleepq_wake(&sq.queue, count);
    if (count != 0 && woken > count)
        torture_fail("%u woken, %u wanted", woken, count);
    ADD(&sq.given, woken);
}

static void sq_wake_task(unsigned target)
{
    ADD(&sq.given, (unsigned)ksl_block_wake(torture.parties[target].thread));
}

/* 0 is a wake-up received; anything else must have a reason. */
static int received(struct party *me, int error, bool interruptible)
{
    if (error == 0)
        ADD(&sq.received, 1u);
    else if (error == -EINTR && interruptible)
        torture_interrupted(me);
    else if (error != -ETIMEDOUT)
        torture_fail("thread %u: a sleep returned %d", me->index, error);
    ADD(&me->operations, 1ul);
    return error;
}

/* Half of the workers sleep, the others wake until the sleepers are through. */
static void sleepq_op(struct party *me)
{
    if (role(me) >= torture.threads / 2) {
        while (LOAD(&sq.sleepers) != 0 && !torture_failed()) {
            if (pick(me, 8) == 0)
                sq_wake_task(pick(me, torture.threads));
            else
                sq_wake(pick(me, 3));
            torture_dally(me);
            torture_yield();
        }
        return;
    }
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        bool interruptible = pick(me, 4) != 0;
        unsigned flags = interruptible ? KSL_BLOCK_INTERRUPTIBLE : 0;
        received(me, ksl_sleepq_sleep(&sq.queue, flags), interruptible);
        torture_dally(me);
    }
    ADD(&sq.sleepers, -1u);
}

static void sleepq_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_HIGH)
        sq_wake_task(pick(me, torture.threads));
    else
        sq_wake(1);
}

static void sq_check(void)
{
    unsigned given = LOAD(&sq.given), got = LOAD(&sq.received);
    if (given < got || given > got + LOAD(&sq.cancelled))
        torture_fail("%u wake-ups given, %u received, %u cancelled", given, got,
                     LOAD(&sq.cancelled));
    if (sq.queue.waiters != 0)
        torture_fail("the sleep queue counts %u waiters", sq.queue.waiters);
}

const struct row torture_row_sleepq = {
    .setup = sq_setup,
    .op = sleepq_op,
    .interrupt = sleepq_interrupt,
    .check = sq_check,
    .words = &sq.queue,
    .bytes = sizeof sq.queue,
};

/*
 * One worker makes one unit for each of the others. One wake-up a unit: a consumer
 * that is woken finds a unit or another one has taken it and gone on.
 */
static struct {
    ksl_sleep_queue_t queue;
    unsigned units; /* under queue.lock, or atomic */
    unsigned made;
    unsigned used;
} un;

static void units_setup(void)
{
    STORE(&un.units, 0u);
    STORE(&un.made, 0u);
    STORE(&un.used, 0u);
}

static void make_unit(void)
{
    ksl_spinlock_acquire(&un.queue.lock);
    un.units++;
    un.made++;
    ksl_spinlock_release(&un.queue.lock);
    wakeup_queue(&un.queue, 1);
}

static void sleepq_lock_op(struct party *me)
{
    if (role(me) == 0) {
        for (unsigned i = 1; i < torture.threads; i++) {
            torture_dally(me);
            make_unit();
        }
        return;
    }
    unsigned level = pick(me, 4) == 0 ? 11 : 0;
    ksl_irq_set_level(level);
    ksl_spinlock_acquire(&un.queue.lock);
    int error;
    while ((error = sleep_on_queue_lock(&un.queue, un.units > 0, &un.queue.lock)) != 0) {
        if (error != -EINTR)
            torture_fail("thread %u: sleep_on_queue_lock: %d", me->index, error);
        torture_interrupted(me);
        /* It may have been woken as well: the wake-up goes on to the next. */
        ksl_sleepq_wake(&un.queue, 1);
    }
    if (!ksl_spinlock_held(&un.queue.lock) || un.units == 0)
        torture_fail("thread %u: came back without lock or unit", me->index);
    un.units--;
    un.used++;
    ksl_spinlock_release(&un.queue.lock);
    torture_expect_level(me, level, "sleep_on_queue_lock");
    ADD(&me->operations, 1ul);
}

static void sleepq_lock_interrupt(struct party *me, int irq)
{
    (void)me;
    if (irq == TORTURE_IRQ_HIGH || irq == TORTURE_IRQ_OOB)
        make_unit();
}

static void units_check(void)
{
    if (un.made != un.used + un.units)
        torture_fail("%u units made, %u used, %u left", un.made, un.used, un.units);
    if (un.queue.waiters != 0 || LOAD(&un.queue.lock.word) != 0)
        torture_fail("the sleep queue is not as before");
}

const struct row torture_row_sleepq_lock = {
    .setup = units_setup,
    .op = sleepq_lock_op,
    .interrupt = sleepq_lock_interrupt,
    .check = units_check,
    .words = &un.queue,
    .bytes = sizeof un.queue,
};

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

static void make_unit_atomically(void)
{
    ADD(&un.made, 1u);
    ADD(&un.units, 1u);
    wakeup_queue(&un.queue, 0);
}

static void sleepq_condition_op(struct party *me)
{
    if (role(me) == 0) {
        for (unsigned i = 1; i < torture.threads; i++) {
            torture_dally(me);
            make_unit_atomically();
        }
        return;
    }
    while (sleep_on_queue_condition(&un.queue, take_unit()) != 0)
        torture_interrupted(me);
    ADD(&me->operations, 1ul);
}

static void sleepq_condition_interrupt(struct party *me, int irq)
{
    (void)me;
    if (irq == TORTURE_IRQ_HIGH)
        make_unit_atomically();
}

const struct row torture_row_sleepq_condition = {
    .setup = units_setup,
    .op = sleepq_condition_op,
    .interrupt = sleepq_condition_interrupt,
    .check = units_check,
    .words = &un.queue,
    .bytes = sizeof un.queue,
};

/* One worker wakes each of the others once, after it has set that one's flag. */
static unsigned flags[TORTURE_MAX];

static void block_setup(void)
{
    sq_setup();
    for (unsigned i = 0; i < TORTURE_MAX; i++)
        STORE(&flags[i], 0u);
}

static void block_waker(struct party *me)
{
    unsigned first = pick(me, torture.threads);
    for (unsigned i = 0; i < torture.threads; i++) {
        unsigned target = (first + i) % torture.threads;
        torture_dally(me);
        STORE(&flags[target], 1u);
        sq_wake_task(target);
    }
}

static void block_op(struct party *me)
{
    if (role(me) == 0) {
        block_waker(me);
        return;
    }
    for (;;) {
        bool interruptible = pick(me, 2) == 0;
        ksl_block_prepare(interruptible ? KSL_BLOCK_INTERRUPTIBLE
                                        : KSL_BLOCK_UNINTERRUPTIBLE);
        if (pick(me, 2) == 0)
            ksl_block_queue(&sq.queue);
        if (LOAD(&flags[me->index]) != 0) {
            ADD(&sq.cancelled, 1u);
            ksl_block_cancel();
            return;
        }
        torture_dally(me);
        received(me, ksl_block(), interruptible);
    }
}

static void block_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_HIGH)
        sq_wake_task(pick(me, torture.threads));
    else if (irq == TORTURE_IRQ_LOW)
        sq_wake(1);
}

const struct row torture_row_block = {
    .setup = block_setup,
    .op = block_op,
    .interrupt = block_interrupt,
    .check = sq_check,
    .words = &sq.queue,
    .bytes = sizeof sq.queue,
};

static void block_timeout_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        bool interruptible = pick(me, 2) == 0;
        uint64_t date = ksi_host_now() + pick(me, 300) * 1000u;
        struct timespec ts = {(time_t)(date / 1000000000u), (long)(date % 1000000000u)};
        ksl_block_prepare(interruptible ? KSL_BLOCK_INTERRUPTIBLE
                                        : KSL_BLOCK_UNINTERRUPTIBLE);
        if (pick(me, 2) == 0)
            ksl_block_queue(&sq.queue);
        torture_dally(me);
        int error = received(me, ksl_block_until(&ts), interruptible);
        if (error == -ETIMEDOUT && ksi_host_now() < date)
            torture_fail("thread %u: timed out early", me->index);
        sq_wake_task(pick(me, torture.threads));
        sq_wake(pick(me, 3));
    }
}

const struct row torture_row_block_timeout = {
    .setup = block_setup,
    .op = block_timeout_op,
    .interrupt = block_interrupt,
    .check = sq_check,
    .words = &sq.queue,
    .bytes = sizeof sq.queue,
};
