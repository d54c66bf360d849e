/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of FreeBSD for the row of all families: a condition variable, a channel. */

#include "freebsd.h"
#include "mixed_events.h"

static struct {
    struct mtx mtx;
    struct cv cv;
    unsigned units; /* under the mutex */
} by_cv, by_channel;

static void cv_setup(void)
{
    if (mtx_initialized(&by_cv.mtx))
        return;
    mtx_init(&by_cv.mtx, "cv", NULL, MTX_DEF);
    cv_init(&by_cv.cv, "unit");
}

static bool cv_give(void)
{
    mtx_lock(&by_cv.mtx);
    by_cv.units++;
    cv_signal(&by_cv.cv);
    mtx_unlock(&by_cv.mtx);
    return true;
}

static void cv_await(struct party *me)
{
    (void)me;
    mtx_lock(&by_cv.mtx);
    while (by_cv.units == 0)
        cv_wait(&by_cv.cv, &by_cv.mtx);
    by_cv.units--;
    mtx_unlock(&by_cv.mtx);
}

static unsigned cv_left(void)
{
    return by_cv.units;
}

static void channel_setup(void)
{
    if (!mtx_initialized(&by_channel.mtx))
        mtx_init(&by_channel.mtx, "channel", NULL, MTX_DEF);
}

static bool channel_give(void)
{
    mtx_lock(&by_channel.mtx);
    by_channel.units++;
    mtx_unlock(&by_channel.mtx);
    wakeup_one(&by_channel);
    return true;
}

static void channel_await(struct party *me)
{
    mtx_lock(&by_channel.mtx);
    while (by_channel.units == 0) {
        int error = msleep(&by_channel, &by_channel.mtx, PRIBIO, "unit", 0);
        if (error != 0)
            torture_fail("thread %u: msleep returned %d", me->index, error);
    }
    by_channel.units--;
    mtx_unlock(&by_channel.mtx);
}

static unsigned channel_left(void)
{
    return by_channel.units;
}

const struct event_kind freebsd_events[] = {
    {"cv", cv_setup, cv_give, cv_await, cv_left, false},
    {"channel", channel_setup, channel_give, channel_await, channel_left, false},
    {.name = NULL},
};
