/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeps of FreeBSD without a lock, and pauses. */

#include "freebsd.h"

#include "platform/park.h"

enum { TIMES = 3 };

static int channel;
static unsigned through; /* atomic: workers that have slept as often as they want */

static void tsleep_setup(void)
{
    STORE(&through, 0u);
}

static void sleep_once(struct party *me)
{
    bool pauses = pick(me, 4) == 0;
    bool catch = pauses || pick(me, 2) == 0;
    int timo = 1 + (int)pick(me, 3);
    uint64_t begin = ksi_host_now();
    int error = pauses ? pause_sig("torture", timo)
                       : tsleep(&channel, PRIBIO | (catch ? PCATCH : 0), "torture", timo);
    ADD(&me->operations, 1ul);
    sx_judge_sleep(me, error, catch, timo, ksi_host_now() - begin);
}

static void tsleep_op(struct party *me)
{
    if (role(me) != 0) {
        for (unsigned n = 0; n < TIMES; n++)
            sleep_once(me);
        ADD(&through, 1u);
        return;
    }
    while (LOAD(&through) != torture.threads - 1 && !torture_failed()) {
        switch (pick(me, 3)) {
        case 0:
            wakeup(&channel);
            break;
        case 1:
            wakeup_one(&channel);
            break;
        default:
            wakeup_any(&channel);
            break;
        }
        torture_dally(me);
        torture_yield();
    }
}

static void tsleep_interrupt(struct party *me, int irq)
{
    (void)me;
    (void)irq;
    wakeup_one(&channel);
}

const struct row torture_row_tsleep = {
    .setup = tsleep_setup,
    .op = tsleep_op,
    .interrupt = tsleep_interrupt,
    .words = &channel,
    .bytes = sizeof channel,
};
