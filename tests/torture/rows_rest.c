/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stanix: what the other rows leave out. One worker ends the block of each of the others,
 * once a turn, with a reason that is compared with what the block returned; or wakes the
 * queues, as many as are on them. Prepared tasks that change their queue, one-shot
 * events, tasks, system calls.
 */

#define KSL_STANIX_PROFILE 3

#include "torture.h"

#include "turns.h"

#include <errno.h>
#include <kernel/oneshot.h>
#include <kernel/sleep.h>
#include <string.h>

enum { TURNS = 3, CANCELLED = 1 };

/* What ends a block in this turn: a reason for each, or a wake-up of the queues. */
enum way { BY_REASON, BY_COUNT, ALL_OF_QUEUE, WAYS };

static struct {
    sleep_queue_t queues[2];
    oneshot_t oneshot;
    struct turns turns;
    enum way way; /* constant in a turn */
    /* What each block of a turn has returned, and the reason given to it, or -1. */
    int results[TURNS + 1][TORTURE_MAX];
    int reasons[TURNS + 1][TORTURE_MAX];
    unsigned judged; /* atomic: the last turn that the waker has judged */
    unsigned woken, received, cancelled; /* atomic, without a reason */
    unsigned fired;                      /* atomic */
    unsigned tasks;                      /* atomic: that have not ended */
} rest;

static void rest_setup(void)
{
    turns_reset(&rest.turns);
    memset(rest.results, 0, sizeof rest.results);
    memset(rest.reasons, -1, sizeof rest.reasons);
    STORE(&rest.judged, 0u);
    STORE(&rest.woken, 0u);
    STORE(&rest.received, 0u);
    STORE(&rest.cancelled, 0u);
    STORE(&rest.fired, 0u);
    oneshot_init(&rest.oneshot);
}

/* Sleepers ------------------------------------------------------------------------- */

/* Without a date, or with one that is far enough: no block of this row times out by
 * itself. */
static int block_somehow(struct party *me)
{
    struct timespec far = {.tv_sec = INT32_MAX};
    unsigned way = pick(me, 3);
    return way == 0 ? block_task() : block_task_timeout(way == 1 ? NULL : &far);
}

/* Returns whether signals may end it. */
static bool sleep_somewhere(struct party *me, int *result)
{
    unsigned first = pick(me, 2);
    bool interruptible = pick(me, 2) == 0;
    if (interruptible)
        block_prepare_interruptible();
    else
        block_prepare();
    sleep_add_to_queue(&rest.queues[first]);
    torture_dally(me);
    if (pick(me, 2) == 0) {
        sleep_remove_from_queue(&rest.queues[first]);
        torture_dally(me);
        sleep_add_to_queue(&rest.queues[1 - first]);
    }
    turns_queued(&rest.turns, me);
    if (pick(me, 8) == 0) {
        block_cancel();
        *result = CANCELLED;
    } else {
        *result = block_somehow(me);
    }
    return interruptible;
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

static void sleeper(struct party *me, unsigned turn)
{
    turns_join(&rest.turns, turn);
    if (pick(me, 8) == 0)
        torture_shoot(me);
    int *result = &rest.results[turn][me->index];
    bool interruptible = sleep_somewhere(me, result);
    turns_gone(&rest.turns, me);
    ADD(&me->operations, 1ul);
    TORTURE_UNTIL(LOAD(&rest.judged) >= turn);
    if (*result == -EINTR && rest.reasons[turn][me->index] != WAKEUP_SIGNAL) {
        if (!interruptible)
            torture_fail("thread %u: a signal has ended its block", me->index);
        torture_interrupted(me);
    }
    if (pick(me, 4) == 0)
        call_system(me);
}

/* The waker ------------------------------------------------------------------------ */

static void wake_queue(unsigned i, unsigned count)
{
    ADD(&rest.woken, (unsigned)ksl_sleepq_wake(&rest.queues[i], count));
}

static void wake_by_reason(struct party *me, int *given)
{
    static const int reasons[] = {WAKEUP_TIMEOUT, WAKEUP_SIGNAL, WAKEUP_OTHER};
    unsigned first = pick(me, torture.threads);
    for (unsigned n = 0; n < torture.threads; n++) {
        unsigned i = (first + n) % torture.threads;
        int reason = reasons[pick(me, 3)];
        if (i == me->index)
            continue;
        if (pick(me, 4) == 0)
            torture_dally(me);
        if (unblock_task_reason(torture.parties[i].thread, reason) != 1)
            continue; /* its wait has ended otherwise */
        if (reason == WAKEUP_OTHER)
            ADD(&rest.woken, 1u);
        given[i] = reason;
    }
}

/* What a block has returned against what this turn has given it. */
static void judge_block(unsigned turn, unsigned i)
{
    int result = rest.results[turn][i];
    int reason = rest.reasons[turn][i];
    int expected = reason == WAKEUP_TIMEOUT  ? -ETIMEDOUT
                   : reason == WAKEUP_SIGNAL ? -EINTR
                                             : 0;
    if (result == CANCELLED)
        ADD(&rest.cancelled, 1u);
    else if (reason >= 0 && result != expected)
        torture_fail("thread %u: woken with reason %d, but its block returned %d", i,
                     reason, result);
    else if (reason < 0 && result != 0 && result != -EINTR)
        torture_fail("thread %u: nobody gave it a reason, its block returned %d", i,
                     result);
    else if (result == 0)
        ADD(&rest.received, 1u);
}

static void waker_turn(struct party *me, unsigned turn)
{
    rest.way = (enum way)pick(me, WAYS);
    turns_next(&rest.turns);
    turns_await_waiting(&rest.turns, me);
    if (rest.way == BY_REASON)
        wake_by_reason(me, rest.reasons[turn]);
    for (unsigned n = rest.way == BY_COUNT ? torture.threads - 1 : 0; n > 0; n--) {
        wake_queue(0, 1);
        wake_queue(1, 1);
    }
    for (unsigned i = 0; rest.way == ALL_OF_QUEUE && i < 2; i++)
        wake_queue(i, 0);
    turns_await_gone(&rest.turns, me);
    for (unsigned i = 0; i < torture.threads; i++) {
        if (i != me->index)
            judge_block(turn, i);
    }
    STORE(&rest.judged, turn);
}

/* One-shot events, tasks ------------------------------------------------------------ */

static void task_main(void *arg)
{
    (void)arg;
    wake_queue(0, 1);
    yield(0);
    if (oneshot_wait(&rest.oneshot) != 0 || LOAD(&rest.fired) == 0)
        torture_fail("a task came through a one-shot event too early");
    if (get_current_task() != ksl_thread_self())
        torture_fail("a task is not its thread");
    ADD(&rest.tasks, -1u);
}

static void start_task(void)
{
    ADD(&rest.tasks, 1u);
    if (new_kernel_task(task_main, NULL) == NULL)
        ADD(&rest.tasks, -1u); /* the host has no room now */
}

/* All of this round come through, whenever they come. */
static void pass(struct party *me)
{
    bool interruptible = pick(me, 2) == 0;
    int error;
    while ((error = interruptible ? oneshot_wait_interruptible(&rest.oneshot)
                                  : oneshot_wait(&rest.oneshot)) != 0) {
        if (error != -EINTR || !interruptible)
            torture_fail("thread %u: oneshot_wait: %d", me->index, error);
        torture_interrupted(me);
    }
    if (LOAD(&rest.fired) == 0)
        torture_fail("thread %u: through a one-shot event too early", me->index);
    ADD(&me->operations, 1ul);
}

static void fire(void)
{
    STORE(&rest.fired, 1u);
    oneshot_signal(&rest.oneshot);
}

static void rest_op(struct party *me)
{
    unsigned early = pick(me, 2 * TURNS);
    for (unsigned turn = 1; turn <= TURNS && !torture_failed(); turn++) {
        if (role(me) != 0) {
            sleeper(me, turn);
            continue;
        }
        if (pick(me, 8) == 0)
            start_task();
        if (turn == early)
            fire();
        waker_turn(me, turn);
    }
    if (role(me) != 0) {
        pass(me);
        return;
    }
    torture_dally(me);
    fire();
    TORTURE_UNTIL(LOAD(&rest.tasks) == 0);
}

static void rest_interrupt(struct party *me, int irq)
{
    (void)me;
    if (irq == TORTURE_IRQ_HIGH)
        wake_queue(pick(me, 2), 1);
}

static void rest_check(void)
{
    unsigned woken = LOAD(&rest.woken), received = LOAD(&rest.received);
    if (woken < received || woken > received + LOAD(&rest.cancelled))
        torture_fail("%u wake-ups given, %u received, %u blocks cancelled", woken,
                     received, rest.cancelled);
    if (rest.queues[0].waiters != 0 || rest.queues[1].waiters != 0)
        torture_fail("the queues count %u and %u waiters", rest.queues[0].waiters,
                     rest.queues[1].waiters);
    oneshot_destroy(&rest.oneshot);
    if (LOAD(&rest.oneshot.cond.word) != 0)
        torture_fail("a one-shot event has been destroyed, its word has not");
}

const struct row torture_row_rest = {
    .setup = rest_setup,
    .op = rest_op,
    .interrupt = rest_interrupt,
    .check = rest_check,
    .words = rest.queues,
    .bytes = sizeof rest.queues,
};
