/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVL: one worker destroys a stax or a semaphore on which the others sleep, and
 * reuses the memory at once.
 */

#include "rows_evl.h"

#include "platform/park.h"

#include <evl/sem.h>

#include <string.h>

static union {
    struct evl_stax stax;
    struct evl_ksem ksem;
    unsigned char bytes[16];
} object;

static unsigned holding;           /* atomic: the stax is held */
static unsigned gone[TORTURE_MAX]; /* atomic: its wait has ended */

static bool is_stax(void)
{
    return torture.round % 2 == 0;
}

static void destroy_setup(void)
{
    if (is_stax())
        (void)evl_init_stax(&object.stax);
    else
        evl_init_ksem(&object.ksem, 0);
    STORE(&holding, 0u);
    for (unsigned i = 0; i < TORTURE_MAX; i++)
        STORE(&gone[i], 0u);
}

/* In every other round it gets its bias before. */
static void hold_stax(struct party *me)
{
    enum { BURST = 12 };
    for (unsigned n = torture.round % 8 < 4 ? BURST : 0; n > 0; n--) {
        if (evl_trylock_stax(&object.stax) != 0)
            torture_fail("thread %u: a free stax is not free", me->index);
        evl_unlock_stax(&object.stax);
    }
    while (evl_lock_stax(&object.stax) != 0)
        torture_interrupted(me);
}

static void destroyer(struct party *me)
{
    if (is_stax())
        hold_stax(me);
    STORE(&holding, 1u);
    for (unsigned i = 0; i < torture.threads; i++) {
        if (i != me->index)
            TORTURE_UNTIL(LOAD(&gone[i]) || ksl_thread_asleep(torture.parties[i].thread));
    }
    torture_dally(me);
    if (is_stax())
        (void)evl_destroy_stax(&object.stax);
    else
        evl_destroy_ksem(&object.ksem);
    memset(&object, 0xa5, sizeof object);
    ADD(&me->operations, 1ul);
}

static void waiter(struct party *me, bool oob)
{
    TORTURE_UNTIL(LOAD(&holding));
    torture_dally(me);
    bool timed = !is_stax() && pick(me, 3) == 0;
    ktime_t date = (ktime_t)ksi_host_now() + (ktime_t)pick(me, 1000) * 1000;
    int error = is_stax() ? evl_lock_stax(&object.stax)
                : timed   ? evl_down_timeout(&object.ksem, date)
                          : evl_down(&object.ksem);
    if (error == -ERESTARTSYS || (error == -EINTR && oob))
        torture_interrupted(me);
    else if (error != -EIDRM && (error != -ETIMEDOUT || !timed))
        torture_fail("thread %u: a wait ended with %d", me->index, error);
    STORE(&gone[me->index], 1u);
    ADD(&me->operations, 1ul);
}

static void destroy_op(struct party *me)
{
    bool oob = !is_stax() || torture.round % 4 == 0;
    go(me, role(me) == 0 ? !oob : oob);
    if (role(me) == 0)
        destroyer(me);
    else
        waiter(me, oob);
    evl_switch_inband(0);
}

static void destroy_check(void)
{
    for (unsigned i = 0; i < sizeof object.bytes; i++) {
        if (object.bytes[i] != 0xa5)
            torture_fail("a destroyed %s was written", is_stax() ? "stax" : "ksem");
    }
}

const struct row torture_row_evl_destroy = {
    .setup = destroy_setup,
    .op = destroy_op,
    .check = destroy_check,
    .words = &object,
    .bytes = sizeof object,
};
