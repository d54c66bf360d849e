/* SPDX-License-Identifier: BSD-2-Clause */
/* A flag of EVL and a stax for the row of all families. */

#include "mixed_events.h"
#include "rows_evl.h"

#include <evl/flag.h>

static struct {
    struct evl_flag flag;
    unsigned raised, taken; /* atomic */
    struct evl_stax stax;
    unsigned inside[2]; /* atomic, by stage */
} mx;

static void flag_setup(void)
{
    if (torture.round == 1)
        evl_init_flag(&mx.flag);
}

/* Two raises would be one: not before the last one has been taken. */
static bool flag_give(void)
{
    if (LOAD(&mx.raised) != LOAD(&mx.taken))
        return false;
    ADD(&mx.raised, 1u);
    evl_raise_flag(&mx.flag);
    return true;
}

static void flag_await(struct party *me)
{
    int error;
    while ((error = evl_wait_flag(&mx.flag)) != 0 && !torture_failed()) {
        if (error != -EINTR && error != -ERESTARTSYS)
            torture_fail("thread %u: evl_wait_flag: %d", me->index, error);
        torture_interrupted(me);
    }
    ADD(&mx.taken, 1u);
}

static unsigned flag_left(void)
{
    bool up = evl_wait_flag_timeout(&mx.flag, EVL_NONBLOCK, EVL_ABS) == 0;
    return LOAD(&mx.raised) - LOAD(&mx.taken) + up;
}

const struct event_kind evl_events[] = {
    {"flag", flag_setup, flag_give, flag_await, flag_left, true},
    {.name = NULL},
};

void mixed_stax_setup(void)
{
    if (torture.round == 1)
        (void)evl_init_stax(&mx.stax);
}

bool mixed_stax_enter(struct party *me, bool tries)
{
    bool oob = running_oob();
    int error = tries ? evl_trylock_stax(&mx.stax) : evl_lock_stax(&mx.stax);
    if (tries ? error == -EAGAIN : error == -ERESTARTSYS || (error == -EINTR && oob)) {
        if (!tries)
            torture_interrupted(me);
        return false;
    }
    if (error != 0)
        torture_fail("thread %u: stax: %d", me->index, error);
    ADD(&mx.inside[oob], 1u);
    if (LOAD(&mx.inside[!oob]) != 0)
        torture_fail("thread %u: both stages are in the stax", me->index);
    return true;
}

void mixed_stax_leave(void)
{
    bool oob = running_oob();
    if (LOAD(&mx.inside[!oob]) != 0)
        torture_fail("the other stage has come into the stax");
    ADD(&mx.inside[oob], -1u);
    evl_unlock_stax(&mx.stax);
}

void mixed_stax_check(void)
{
    if (LOAD(&mx.inside[0]) != 0 || LOAD(&mx.inside[1]) != 0 ||
        evl_trylock_stax(&mx.stax) != 0) {
        torture_fail("the stax is not free after the round");
        return;
    }
    evl_unlock_stax(&mx.stax);
    if (torture.round % 16 == 0) {
        (void)evl_destroy_stax(&mx.stax);
        (void)evl_init_stax(&mx.stax);
    }
}
