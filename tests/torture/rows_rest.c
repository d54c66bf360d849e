/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stanix: what the other rows leave out. Wake-ups with a reason, a prepared task that
 * changes its queue, one-shot events.
 */

#include "torture.h"

#include <errno.h>
#include <kernel/oneshot.h>
#include <kslock/sleepq.h>

static struct {
    ksl_sleep_queue_t queues[2];
    oneshot_t oneshot;
    unsigned sleepers; /* atomic: that have not finished */
    unsigned fired;    /* atomic */
    unsigned tasks;    /* atomic: that have not ended */
} rest;

static void rest_setup(void)
{
    STORE(&rest.sleepers, torture.threads - 1);
    STORE(&rest.fired, 0u);
    oneshot_init(&rest.oneshot);
}

/* Its result must be one that some waker gives. */
static void judge(struct party *me, int error)
{
    if (error == -EINTR)
        (void)ksl_signal_take(); /* or a waker has said so */
    else if (error != 0 && error != -ETIMEDOUT)
        torture_fail("thread %u: a block returned %d", me->index, error);
    ADD(&me->operations, 1ul);
}

static void sleep_somewhere(struct party *me)
{
    unsigned first = pick(me, 2);
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
    ksl_block_queue(&rest.queues[first]);
    torture_dally(me);
    if (pick(me, 2) == 0) {
        ksl_block_unqueue(&rest.queues[first]);
        torture_dally(me);
        ksl_block_queue(&rest.queues[1 - first]);
    }
    if (pick(me, 8) == 0)
        ksl_block_cancel();
    else
        judge(me, ksl_block());
}

static void wake_somehow(struct party *me)
{
    struct party *p = &torture.parties[pick(me, torture.threads)];
    unsigned way = pick(me, 6);
    if (way == 0)
        (void)ksl_block_wake_reason(p->thread, KSL_WAKE_TIMEOUT);
    else if (way == 1)
        (void)ksl_block_wake_reason(p->thread, KSL_WAKE_SIGNAL);
    else if (way == 2)
        (void)ksl_block_wake_reason(p->thread, KSL_WAKE_OTHER);
    else
        (void)ksl_sleepq_wake(&rest.queues[way % 2], pick(me, 3));
}

static void task_main(void *arg)
{
    (void)arg;
    (void)ksl_sleepq_wake(&rest.queues[0], 1);
    if (LOAD(&rest.fired) != 0)
        (void)oneshot_wait(&rest.oneshot);
    ADD(&rest.tasks, -1u);
}

static void start_task(void)
{
    ADD(&rest.tasks, 1u);
    if (ksl_task_new(task_main, NULL) == NULL)
        ADD(&rest.tasks, -1u); /* the host has no room now */
}

/* A simulated system call that ends with a signal, or without. */
static void call_system(struct party *me)
{
    ksl_syscall_enter();
    torture_dally(me);
    int signo = ksl_syscall_exit();
    if (signo < 0 || signo > 64)
        torture_fail("thread %u: a system call delivered signal %d", me->index, signo);
}

static void wakers_op(struct party *me)
{
    while (LOAD(&rest.sleepers) != 0 && !torture_failed()) {
        wake_somehow(me);
        if (pick(me, 64) == 0)
            start_task();
        if (LOAD(&rest.fired) == 0 && pick(me, 8) == 0) {
            STORE(&rest.fired, 1u);
            oneshot_signal(&rest.oneshot);
        }
        torture_dally(me);
        torture_yield();
    }
    if (LOAD(&rest.fired) == 0)
        oneshot_signal(&rest.oneshot);
    TORTURE_UNTIL(LOAD(&rest.tasks) == 0);
}

static void rest_op(struct party *me)
{
    if (role(me) == 0) {
        wakers_op(me);
        return;
    }
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        sleep_somewhere(me);
        if (pick(me, 4) == 0)
            call_system(me);
    }
    ADD(&rest.sleepers, -1u);
    if (oneshot_wait(&rest.oneshot) == 0)
        ADD(&me->operations, 1ul);
}

static void rest_interrupt(struct party *me, int irq)
{
    (void)me;
    (void)ksl_sleepq_wake(&rest.queues[(unsigned)irq % 2], 1);
}

static void rest_check(void)
{
    if (rest.queues[0].waiters != 0 || rest.queues[1].waiters != 0)
        torture_fail("the queues count %u and %u waiters", rest.queues[0].waiters,
                     rest.queues[1].waiters);
}

const struct row torture_row_rest = {
    .setup = rest_setup,
    .op = rest_op,
    .interrupt = rest_interrupt,
    .check = rest_check,
    .words = rest.queues,
    .bytes = sizeof rest.queues,
};
