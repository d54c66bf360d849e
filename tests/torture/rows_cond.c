/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the cond; and of sleepers with interrupts masked. */

#include "torture.h"

#include <errno.h>
#include <kernel/cond.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { PHASES = 3 };

static struct {
    ksl_cond_t cond;
    int base;      /* values base + 1 ... base + PHASES come in this round */
    int now;       /* atomic: the value that is set */
    unsigned acks; /* atomic: how often a waiter has seen its value */
} cd;

static void cond_setup(void)
{
    if (torture.round % 2 == 0)
        cond_init(&cd.cond);
    else
        init_cond(&cd.cond);
    cd.base = (int)(torture.round % 1000) * 16;
    cd.now = cd.base;
    cd.acks = 0;
}

/* One worker sets a value, waits until all have seen it, sets the next one. */
static void cond_setter(struct party *me)
{
    for (int phase = 1; phase <= PHASES; phase++) {
        torture_dally(me);
        STORE(&cd.now, cd.base + phase);
        ksl_cond_set(&cd.cond, cd.base + phase);
        unsigned all = (torture.threads - 1) * (unsigned)phase;
        TORTURE_UNTIL(LOAD(&cd.acks) >= all);
        ADD(&me->operations, 1ul);
    }
    /* All have returned from their last wait. */
    if (pick(me, 2) == 0)
        cond_destroy(&cd.cond);
    else
        free_cond(&cd.cond);
    if (LOAD(&cd.cond.word) != 0)
        torture_fail("a cond has been destroyed, its word has not");
}

static void saw(struct party *me, int value)
{
    if ((int)(uint32_t)LOAD(&cd.cond.word) != value || LOAD(&cd.now) != value)
        torture_fail("thread %u: cond_wait returned without the value", me->index);
    ADD(&cd.acks, 1u);
    ADD(&me->operations, 1ul);
}

static void cond_op(struct party *me)
{
    if (role(me) == 0) {
        cond_setter(me);
        return;
    }
    for (int phase = 1; phase <= PHASES; phase++) {
        torture_dally(me);
        if (ksl_cond_wait(&cd.cond, cd.base + phase) != 0)
            torture_fail("thread %u: a signal ended cond_wait", me->index);
        saw(me, cd.base + phase);
    }
}

const struct row torture_row_cond = {
    .setup = cond_setup,
    .op = cond_op,
    .words = &cd.cond,
    .bytes = sizeof cd.cond,
};

/* A signal of the host is one of the library's from now on. */
static void attach_setup(void)
{
    cond_setup();
    if (torture.round == 1 && ksl_signal_attach(SIGUSR2) != 0)
        torture_fail("SIGUSR2 cannot be attached");
}

/* It is there when the call that sends it to the caller has returned. */
static void signal_oneself(struct party *me)
{
    ADD(&me->signals, 1ul);
    pthread_kill(pthread_self(), SIGUSR2);
    int signo;
    do
        signo = ksl_signal_take();
    while (signo != 0 && signo != SIGUSR2);
    if (signo == 0 && !TORTURE_TSAN) /* which delays it */
        torture_fail("thread %u: an attached signal was lost", me->index);
}

static void signal_other(struct party *me)
{
    ADD(&me->signals, 1ul);
    pthread_kill(torture.parties[pick(me, torture.threads)].pthread, SIGUSR2);
}

/* Signals that are masked end no wait, whatever is pending. */
static void wait_masked(struct party *me, int value)
{
    const uint64_t all = UINT64_MAX;
    uint64_t before = ksl_signal_mask(all);
    int error;
    while ((error = ksl_cond_wait_interruptible(&cd.cond, value)) != 0) {
        if (error != -EINTR || ksl_signal_pending())
            torture_fail("thread %u: %d with all signals masked", me->index, error);
        torture_interrupted(me); /* by an unblock, or the judgement finds it */
    }
    if (ksl_signal_mask(before) != all)
        torture_fail("thread %u: the mask has changed", me->index);
}

static void cond_interruptible_op(struct party *me)
{
    if (role(me) == 0) {
        cond_setter(me);
        return;
    }
    for (int phase = 1; phase <= PHASES; phase++) {
        torture_dally(me);
        if (pick(me, 16) == 0)
            signal_oneself(me);
        if (pick(me, 8) == 0)
            signal_other(me);
        if (pick(me, 4) == 0)
            wait_masked(me, cd.base + phase);
        int error;
        while ((error = ksl_cond_wait_interruptible(&cd.cond, cd.base + phase)) != 0) {
            if (error != -EINTR)
                torture_fail("thread %u: cond_wait_interruptible: %d", me->index, error);
            torture_interrupted(me);
        }
        saw(me, cd.base + phase);
    }
}

const struct row torture_row_cond_interruptible = {
    .setup = attach_setup,
    .op = cond_interruptible_op,
    .words = &cd.cond,
    .bytes = sizeof cd.cond,
};

/* Each worker waits on its own cond and reuses its memory at once (C7). */
enum { POISON = 0x5a };
static ksl_cond_t own_conds[TORTURE_MAX];

static void cond_reuse_setup(void)
{
    memset(own_conds, 0, sizeof own_conds);
}

static void cond_reuse_op(struct party *me)
{
    unsigned next = (me->index + 1) % torture.threads;
    torture_dally(me);
    ksl_cond_set(&own_conds[next], 7);
    torture_dally(me);
    ksl_cond_wait(&own_conds[me->index], 7);
    memset(&own_conds[me->index], POISON, sizeof own_conds[0]);
    ADD(&me->operations, 1ul);
}

static void cond_reuse_check(void)
{
    const unsigned char *bytes = (const unsigned char *)own_conds;
    for (size_t i = 0; i < torture.threads * sizeof own_conds[0]; i++) {
        if (bytes[i] != POISON) {
            torture_fail("byte %zu of a cond was touched after its end", i);
            return;
        }
    }
}

const struct row torture_row_cond_reuse = {
    .setup = cond_reuse_setup,
    .op = cond_reuse_op,
    .check = cond_reuse_check,
};

/*
 * Each worker sleeps with interrupts masked; only the handler of an interrupt
 * raised on that very thread wakes it.
 */
static struct {
    ksl_cond_t cond;
    ksl_sleep_queue_t queue;
    unsigned go; /* atomic */
} berths[TORTURE_MAX];

static void masked_sleep_setup(void)
{
    memset(berths, 0, sizeof berths);
}

static void sleep_masked(struct party *me)
{
    unsigned i = me->index;
    switch (pick(me, 3)) {
    case 0:
        ksl_cond_wait(&berths[i].cond, 1);
        return;
    case 1:
        while (LOAD(&berths[i].go) == 0) {
            ksl_sleepq_prepare(&berths[i].queue, KSL_BLOCK_UNINTERRUPTIBLE);
            if (LOAD(&berths[i].go) == 0)
                ksl_block();
            else
                ksl_block_cancel();
        }
        return;
    default:
        ksl_spinlock_acquire(&berths[i].queue.lock);
        while (LOAD(&berths[i].go) == 0) {
            ksl_sleepq_prepare(&berths[i].queue, KSL_BLOCK_UNINTERRUPTIBLE);
            ksl_block_unlock(&berths[i].queue.lock);
        }
        ksl_spinlock_release(&berths[i].queue.lock);
        return;
    }
}

static void masked_sleep_op(struct party *me)
{
    static const unsigned levels[] = {11, 5, 2};
    unsigned level = levels[pick(me, 3)];
    torture_dally(me);
    torture_raise((me->index + 1) % torture.threads, TORTURE_IRQ_ROW);
    torture_dally(me);
    ksl_irq_set_level(level);
    unsigned stalled = pick(me, 2) == 0 ? ksl_irq_stall_inband() : 0;
    sleep_masked(me);
    ksl_irq_restore_inband(stalled);
    torture_expect_level(me, level, "a sleep");
    ADD(&me->operations, 1ul);
}

static void masked_sleep_interrupt(struct party *me, int irq)
{
    unsigned i = me->index;
    if (irq != TORTURE_IRQ_ROW)
        return;
    STORE(&berths[i].go, 1u);
    ksl_cond_set(&berths[i].cond, 1);
    ksl_sleepq_wake(&berths[i].queue, 0);
}

const struct row torture_row_masked_sleep = {
    .setup = masked_sleep_setup,
    .op = masked_sleep_op,
    .interrupt = masked_sleep_interrupt,
    .words = berths,
    .bytes = sizeof berths,
};
