/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of AIX for the row of all families. */

#include "aix.h"
#include "mixed_events.h"

static struct {
    Simple_lock lock;
    tid_t event;
    unsigned units; /* under the lock */
} ev;

static void event_setup(void)
{
    ev.event = EVENT_NULL;
}

static bool event_give(void)
{
    simple_lock(&ev.lock);
    ev.units++;
    simple_unlock(&ev.lock);
    e_wakeup_one(&ev.event);
    return true;
}

static void event_await(struct party *me)
{
    simple_lock(&ev.lock);
    while (ev.units == 0) {
        int result = e_sleep_thread(&ev.event, &ev.lock, LOCK_SIMPLE);
        if (result != THREAD_AWAKENED)
            torture_fail("thread %u: e_sleep_thread returned %d", me->index, result);
    }
    ev.units--;
    simple_unlock(&ev.lock);
}

static unsigned event_left(void)
{
    return ev.units + (unsigned)ev.event;
}

const struct event_kind aix_events[] = {
    {"event", event_setup, event_give, event_await, event_left, false},
    {.name = NULL},
};
