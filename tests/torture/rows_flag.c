/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL: flags, timed sleeps, kernel threads. */

#include "rows_evl.h"

#include "platform/park.h"
#include "turns.h"

#include <evl/flag.h>

#include <string.h>

/*
 * One worker raises the flag, and raises it again when one of the others has taken it
 * down: as many raises as are wanted, so a raise that is lost is missed. Where the flag
 * is cleared as well, some raises come to nothing, but the last one of a burst does not.
 * In the other modes all who wait are let go in another way, once a turn.
 */
enum { TIMES = 3, POISON = 0x5a };
enum mode { RAISES, CLEARS, PULSES, TIMES_OUT, REMOVES, BREAKS, DESTROYS, MODES };

static struct {
    struct evl_flag flag;
    struct turns turns;
    unsigned raised, taken; /* atomic */
    enum mode mode;         /* of this round */
} fl;

static unsigned wanted(void)
{
    return (torture.threads - 1) * TIMES;
}

static void flag_setup(void)
{
    if (torture.round == 1)
        evl_init_flag(&fl.flag);
    evl_clear_flag(&fl.flag);
    turns_reset(&fl.turns);
    STORE(&fl.raised, 0u);
    STORE(&fl.taken, 0u);
    fl.mode = (enum mode)(torture.round % MODES);
}

/* One raise more if the one before was taken and another one is wanted. Any context. */
static bool raise_next(void)
{
    unsigned taken = LOAD(&fl.taken);
    unsigned raised = taken;
    if (taken == wanted() ||
        !__atomic_compare_exchange_n(&fl.raised, &raised, taken + 1, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return false;
    evl_raise_flag(&fl.flag);
    return true;
}

static void raise_once_more(void)
{
    ADD(&fl.raised, 1u);
    evl_raise_flag(&fl.flag);
}

/* Lets all go who wait now, as the mode says. */
static void let_go(void)
{
    if (fl.mode == PULSES)
        evl_pulse_flag(&fl.flag);
    else
        evl_flush_flag(&fl.flag, fl.mode == TIMES_OUT ? EVL_T_TIMEO
                                 : fl.mode == REMOVES ? EVL_T_RMID
                                                      : EVL_T_BREAK);
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

static void raise_all(struct party *me)
{
    while (LOAD(&fl.taken) != wanted() && !torture_failed()) {
        if (raise_next() && pick(me, 8) == 0)
            unblock_some(me);
        torture_dally(me);
        torture_yield();
    }
}

/* Raises that meet each other, and are cleared; one of each burst is taken. */
static void raise_and_clear(struct party *me)
{
    while (LOAD(&fl.taken) != wanted() && !torture_failed()) {
        unsigned seen = LOAD(&fl.taken);
        for (unsigned n = pick(me, 4); n > 0; n--) {
            if (pick(me, 2) == 0)
                evl_clear_flag(&fl.flag);
            else
                raise_once_more();
            torture_dally(me);
        }
        raise_once_more();
        TORTURE_UNTIL(LOAD(&fl.taken) > seen || LOAD(&fl.taken) == wanted());
    }
}

/* Nobody who waited touches it afterwards. */
static void destroy(struct party *me)
{
    struct evl_flag poison;
    evl_destroy_flag(&fl.flag);
    memset(&poison, POISON, sizeof poison);
    memcpy(&fl.flag, &poison, sizeof poison);
    turns_await_gone(&fl.turns, me);
    if (memcmp(&fl.flag, &poison, sizeof poison) != 0)
        torture_fail("a destroyed flag was written");
    evl_init_flag(&fl.flag);
}

static void raiser(struct party *me)
{
    if (pick(me, 16) == 0)
        run_kthread(me);
    if (fl.mode == RAISES)
        raise_all(me);
    else if (fl.mode == CLEARS)
        raise_and_clear(me);
    for (unsigned n = fl.mode <= CLEARS ? 0 : TIMES; n > 0 && !torture_failed(); n--) {
        turns_next(&fl.turns);
        if (pick(me, 2) == 0)
            unblock_some(me);
        turns_await_waiting(&fl.turns, me);
        torture_dally(me);
        if (fl.mode == DESTROYS)
            destroy(me);
        else
            let_go();
        turns_await_gone(&fl.turns, me);
    }
}

/* The wait has ended with `error`; it could end at that date, or has none. */
static void judge_wait(struct party *me, int error, bool timed, uint64_t date)
{
    static const int given[] = {
        [PULSES] = 0,      [TIMES_OUT] = -ETIMEDOUT, [REMOVES] = -EIDRM,
        [BREAKS] = -EINTR, [DESTROYS] = -EIDRM,
    };
    ADD(&me->operations, 1ul);
    if (error == given[fl.mode])
        return;
    if (error == -ETIMEDOUT && timed) {
        if (ksi_host_now() < date)
            torture_fail("thread %u: timed out early", me->index);
    } else if (error == -ERESTARTSYS || error == -EINTR) {
        torture_interrupted(me);
    } else {
        torture_fail("thread %u: a %s wait for a flag returned %d in mode %d", me->index,
                     timed ? "timed" : "long", error, (int)fl.mode);
    }
}

/* In the modes where nobody raises it. */
static void expect_down(struct party *me)
{
    enum evl_tmode mode = pick(me, 2) == 0 ? EVL_ABS : EVL_REL;
    int error = evl_wait_flag_timeout(&fl.flag, EVL_NONBLOCK, mode);
    if (error != -EAGAIN)
        torture_fail("thread %u: a wait with EVL_NONBLOCK returned %d", me->index, error);
}

static int wait_once(struct party *me)
{
    ktime_t delay = 1 + (ktime_t)pick(me, 300) * 1000;
    uint64_t date = ksi_host_now() + (uint64_t)delay;
    unsigned way = pick(me, 6);
    int error = way == 0   ? evl_wait_flag_timeout(&fl.flag, (ktime_t)date, EVL_ABS)
                : way == 1 ? evl_wait_flag_timeout(&fl.flag, delay, EVL_REL)
                : way == 2 ? evl_wait_flag_timeout(&fl.flag, EVL_INFINITE, EVL_REL)
                           : evl_wait_flag(&fl.flag);
    judge_wait(me, error, way < 2, date);
    return error;
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

static void before_wait(struct party *me)
{
    go_oob(me);
    if (pick(me, 8) == 0)
        sleep_a_little(me);
    if (pick(me, 8) == 0)
        torture_shoot(me);
}

static void flag_op(struct party *me)
{
    if (role(me) == 0) {
        raiser(me);
        return;
    }
    for (unsigned got = 0; fl.mode <= CLEARS && got < TIMES && !torture_failed();) {
        before_wait(me);
        if (wait_once(me) != 0)
            continue;
        ADD(&fl.taken, 1u);
        got++;
    }
    for (unsigned turn = 1; fl.mode > CLEARS && turn <= TIMES; turn++) {
        turns_join(&fl.turns, turn);
        before_wait(me);
        if (pick(me, 4) == 0)
            expect_down(me);
        turns_ready(&fl.turns, me);
        (void)wait_once(me);
        turns_gone(&fl.turns, me);
    }
    evl_switch_inband(0);
}

static void flag_interrupt(struct party *me, int irq)
{
    (void)me;
    if (torture.round == 0 || fl.mode == DESTROYS)
        return;
    if (irq == TORTURE_IRQ_OOB && fl.mode == RAISES)
        (void)raise_next();
    else if (irq == TORTURE_IRQ_OOB && fl.mode == CLEARS)
        raise_once_more();
    else if (irq == TORTURE_IRQ_HIGH && fl.mode > CLEARS)
        let_go();
    else if (fl.mode > CLEARS)
        evl_clear_flag(&fl.flag); /* it is down, and others wait */
}

static void flag_check(void)
{
    unsigned raised = LOAD(&fl.raised), taken = LOAD(&fl.taken);
    bool up = evl_wait_flag_timeout(&fl.flag, EVL_NONBLOCK, EVL_ABS) == 0;
    if (fl.mode == RAISES && (raised != taken || up))
        torture_fail("raised %u times, taken %u times, up %d", raised, taken, up);
    if (fl.mode == CLEARS && taken + up > raised)
        torture_fail("raised %u times, taken %u times", raised, taken);
    if (fl.mode > CLEARS && up)
        torture_fail("the flag is up, but nobody has raised it");
    if (evl_wait_flag_timeout(&fl.flag, EVL_NONBLOCK, EVL_ABS) != -EAGAIN)
        torture_fail("the flag is up twice");
}

const struct row torture_row_flag = {
    .setup = flag_setup,
    .op = flag_op,
    .interrupt = flag_interrupt,
    .check = flag_check,
    .words = &fl.flag,
    .bytes = sizeof fl.flag,
};
