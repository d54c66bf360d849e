/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeps of FreeBSD without a lock, and pauses. One worker wakes the others, once a turn:
 * all at once, or one by one and no more than there are.
 */

#include "freebsd.h"

#include "platform/park.h"
#include "turns.h"

enum { TIMES = 3 };

static int channel;
static struct turns turns;

static void tsleep_setup(void)
{
    turns_reset(&turns);
}

/* The end of its time ends a pause, and a signal some; no wake-up does. */
static void pause_once(struct party *me, bool catch, int timo)
{
    uint64_t begin = ksi_host_now();
    int error = catch ? pause_sig("torture", timo) : ksl_freebsd_pause("torture", timo);
    if (error == 0)
        torture_fail("thread %u: a pause was woken", me->index);
    sx_judge_sleep(me, error, catch, timo > 0 ? timo : 1, ksi_host_now() - begin);
}

static void sleep_once(struct party *me)
{
    bool catch = pick(me, 2) == 0;
    int timo = (int)pick(me, 4);
    int priority = PRIBIO | (catch ? PCATCH : 0) | (timo == 0 ? PNOLOCK : 0);
    uint64_t begin = ksi_host_now();
    int error = tsleep(&channel, priority, "torture", timo);
    sx_judge_sleep(me, error, catch, timo, ksi_host_now() - begin);
}

static void wake_all(struct party *me)
{
    unsigned way = pick(me, 3);
    if (way == 0)
        wakeup(&channel);
    for (unsigned n = way == 0 ? 0 : torture.threads - 1; n > 0; n--) {
        if (way == 1)
            wakeup_one(&channel);
        else
            wakeup_any(&channel);
    }
}

static void tsleep_op(struct party *me)
{
    for (unsigned turn = 1; turn <= TIMES && !torture_failed(); turn++) {
        if (role(me) == 0) {
            turns_next(&turns);
            turns_await_waiting(&turns, me);
            torture_dally(me);
            wake_all(me);
            turns_await_gone(&turns, me);
            continue;
        }
        turns_join(&turns, turn);
        if (pick(me, 4) == 0)
            pause_once(me, pick(me, 2) == 0, (int)pick(me, 3));
        if (pick(me, 8) == 0)
            torture_shoot(me);
        turns_ready(&turns, me);
        sleep_once(me);
        turns_gone(&turns, me);
        ADD(&me->operations, 1ul);
    }
}

static void tsleep_interrupt(struct party *me, int irq)
{
    (void)me;
    if (irq == TORTURE_IRQ_HIGH)
        wakeup_one(&channel);
}

const struct row torture_row_tsleep = {
    .setup = tsleep_setup,
    .op = tsleep_op,
    .interrupt = tsleep_interrupt,
    .words = &channel,
    .bytes = sizeof channel,
};
