/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: e_sleep, and locks that are named, used, and forgotten while others come. */

#include "aix.h"

#include <sys/lock_alloc.h>

enum { TIMES = 3, OCCURRENCES = 4 };

static struct {
    tid_t event;
    Simple_lock lock;
    unsigned through; /* atomic */
    unsigned long plain;
    unsigned long writes; /* atomic */
} es;

static void esleep_setup(void)
{
    STORE(&es.through, 0u);
}

static void sleep_once(struct party *me)
{
    bool catch = pick(me, 2) == 0;
    int result = e_sleep(&es.event, catch ? EVENT_SIGRET : EVENT_SHORT);
    ADD(&me->operations, 1ul);
    if (result == EVENT_SIG && catch)
        torture_interrupted(me);
    else if (result != EVENT_SUCC)
        torture_fail("thread %u: e_sleep returned %d", me->index, result);
}

/* Names of locks come and go; the lock does not mind. */
static void use_named(struct party *me)
{
    if (pick(me, 4) == 0)
        lock_alloc(&es.lock, 0, 7, (short)pick(me, OCCURRENCES));
    simple_lock(&es.lock);
    es.plain++;
    torture_dally(me);
    simple_unlock(&es.lock);
    ADD(&es.writes, 1ul);
    if (pick(me, 4) == 0)
        lock_free(&es.lock);
}

static void esleep_op(struct party *me)
{
    if (role(me) != 0) {
        for (unsigned n = 0; n < TIMES; n++) {
            sleep_once(me);
            use_named(me);
        }
        ADD(&es.through, 1u);
        return;
    }
    while (LOAD(&es.through) != torture.threads - 1 && !torture_failed()) {
        if (pick(me, 2) == 0)
            e_wakeup(&es.event);
        else
            e_wakeup_one(&es.event);
        if (pick(me, 8) == 0)
            use_named(me);
        torture_dally(me);
        torture_yield();
    }
}

static void esleep_interrupt(struct party *me, int irq)
{
    (void)me;
    (void)irq;
    e_wakeup_one(&es.event);
}

static void esleep_check(void)
{
    aix_check_unblocks();
    if (es.plain != LOAD(&es.writes))
        torture_fail("named lock: %lu of %lu writes are there", es.plain, es.writes);
    if (es.event != EVENT_NULL)
        torture_fail("%d threads wait for the event after the round", (int)es.event);
}

const struct row torture_row_esleep = {
    .setup = esleep_setup,
    .op = esleep_op,
    .interrupt = esleep_interrupt,
    .check = esleep_check,
    .words = &es.event,
    .bytes = sizeof es.event,
};
