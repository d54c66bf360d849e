/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL: flags, timed sleeps, kernel threads. */

#include "rows_evl.h"

#include "platform/park.h"

#include <evl/flag.h>

#include <limits.h>

/*
 * One worker raises the flag until each of the others has taken it down as often as it
 * wants; one raise lets one waiter go, or is there for the next one.
 */
enum { TIMES = 3 };

static struct {
    struct evl_flag flag;
    unsigned raised, taken, through; /* atomic */
    unsigned mode;                   /* of this round: raise, pulse, flush */
} fl;

enum { RAISES, PULSES, FLUSHES, MODES };

static void flag_setup(void)
{
    if (torture.round == 1)
        evl_init_flag(&fl.flag);
    evl_clear_flag(&fl.flag);
    STORE(&fl.raised, 0u);
    STORE(&fl.taken, 0u);
    STORE(&fl.through, 0u);
    fl.mode = (unsigned)(torture.round % MODES);
}

static void let_go(struct party *me)
{
    if (fl.mode == RAISES) {
        ADD(&fl.raised, 1u);
        evl_raise_flag(&fl.flag);
    } else if (fl.mode == PULSES) {
        evl_pulse_flag(&fl.flag);
    } else {
        evl_flush_flag(&fl.flag, pick(me, 2) == 0 ? EVL_T_BREAK : EVL_T_TIMEO);
    }
}

/* A kernel thread that sleeps until it is asked to stop. */
static void kthread_main(void *arg)
{
    torture_me = arg;
    while (!evl_kthread_should_stop())
        (void)evl_sleep(50000);
}

static void run_kthread(struct party *me)
{
    struct evl_kthread kthread;
    struct party guest = {.index = me->index};
    guest.rng = torture_next(&me->rng) | 1;
    guest.inject_rng = torture_next(&me->rng) | 1;
    if (evl_run_kthread(&kthread, kthread_main, &guest, (int)pick(me, 100), 0, "k%u",
                        me->index) != 0)
        return; /* the host has no room now */
    torture_dally(me);
    evl_stop_kthread(&kthread);
    ADD(&me->interrupts, guest.interrupts);
}

static void unblock_some(struct party *me)
{
    struct party *p = &torture.parties[pick(me, torture.threads)];
    ADD(&p->unblocks, 1ul);
    evl_unblock_thread((struct evl_thread *)(void *)p->thread, 0);
}

static void raiser(struct party *me)
{
    if (pick(me, 16) == 0)
        run_kthread(me);
    while (LOAD(&fl.through) != torture.threads - 1 && !torture_failed()) {
        let_go(me);
        if (pick(me, 8) == 0)
            unblock_some(me);
        torture_dally(me);
        torture_yield();
    }
}

/* One wait; true if it counts. */
static bool wait_once(struct party *me)
{
    ktime_t date = (ktime_t)ksi_host_now() + (ktime_t)pick(me, 300) * 1000;
    bool timed = pick(me, 3) == 0;
    int error =
        timed ? evl_wait_flag_timeout(&fl.flag, date, EVL_ABS) : evl_wait_flag(&fl.flag);
    ADD(&me->operations, 1ul);
    if (error == 0) {
        ADD(&fl.taken, 1u);
        return true;
    }
    if (error == -ETIMEDOUT && fl.mode != FLUSHES && !timed)
        torture_fail("thread %u: a wait without a date has timed out", me->index);
    if (error == -ETIMEDOUT && fl.mode != FLUSHES && (ktime_t)ksi_host_now() < date)
        torture_fail("thread %u: timed out early", me->index);
    if (error == -ERESTARTSYS || (error == -EINTR && fl.mode != FLUSHES))
        torture_interrupted(me);
    else if (error != -ETIMEDOUT && error != -EINTR)
        torture_fail("thread %u: evl_wait_flag: %d", me->index, error);
    return fl.mode == FLUSHES && (error == -EINTR || error == -ETIMEDOUT);
}

/* A nap of the library's; signals and forced unblocks may end it, nothing else. */
static void sleep_a_little(struct party *me)
{
    uint64_t date = ksi_host_now() + pick(me, 100) * 1000u;
    int error = evl_sleep_until((ktime_t)date);
    if (error == -ERESTARTSYS || error == -EINTR)
        torture_interrupted(me);
    else if (error != 0 || ksi_host_now() < date)
        torture_fail("thread %u: evl_sleep_until: %d", me->index, error);
}

static void flag_op(struct party *me)
{
    if (role(me) == 0) {
        raiser(me);
        return;
    }
    for (unsigned got = 0; got < TIMES && !torture_failed();) {
        go_oob(me);
        if (pick(me, 8) == 0)
            sleep_a_little(me);
        if (pick(me, 8) == 0)
            torture_shoot(me);
        if (wait_once(me))
            got++;
    }
    ADD(&fl.through, 1u);
    evl_switch_inband(0);
}

static void flag_interrupt(struct party *me, int irq)
{
    (void)me;
    if (torture.round != 0 && fl.mode == RAISES && irq == TORTURE_IRQ_OOB) {
        ADD(&fl.raised, 1u);
        evl_raise_flag(&fl.flag);
    }
}

static void flag_check(void)
{
    if (fl.mode == RAISES && LOAD(&fl.taken) > LOAD(&fl.raised))
        torture_fail("raised %u times, taken %u times", fl.raised, fl.taken);
    if ((LOAD(&fl.flag.ksl_word) & INT_MAX) > 1)
        torture_fail("the flag is up %d times", (int)LOAD(&fl.flag.ksl_word));
    if (torture.round % 16 != 0)
        return;
    evl_destroy_flag(&fl.flag);
    evl_init_flag(&fl.flag);
}

const struct row torture_row_flag = {
    .setup = flag_setup,
    .op = flag_op,
    .interrupt = flag_interrupt,
    .check = flag_check,
    .words = &fl.flag,
    .bytes = sizeof fl.flag,
};
