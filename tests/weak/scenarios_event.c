/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of AIX: a sleeper queues itself while it has the program's lock, gives that back
 * and waits; and events that are posted to one thread.
 */

#include "scenarios.h"

#include "lock/event.h"

#include <kslock/mutex.h>

static ksl_mutex_t mutex;
static int word;
static bool there;     /* under the mutex */
static uint32_t state; /* atomic, relaxed */

enum { RESULT = 7 };

void event_setup(void)
{
    ksl_mutex_init(&mutex);
    word = 0;
    there = false;
    state = 0;
    weak_shared = 0;
}

static int sleep_once(void)
{
    int result = 0;
    ksi_event_queue(&word, false);
    ksl_mutex_release(&mutex);
    WEAK_CHECK(ksi_event_wait(&result));
    ksl_mutex_acquire(&mutex);
    return result;
}

void event_sleep(void)
{
    ksl_mutex_acquire(&mutex);
    while (!there)
        WEAK_CHECK(sleep_once() == RESULT);
    ksl_mutex_release(&mutex);
    WEAK_CHECK(weak_shared == 1);
}

static void make_true(void)
{
    ksl_mutex_acquire(&mutex);
    weak_shared = 1;
    there = true;
    ksl_mutex_release(&mutex);
}

void event_wake(void)
{
    make_true();
    ksi_event_wakeup(&word, RESULT, KSI_EVENT_ALL);
}

void event_wake_one(void)
{
    make_true();
    ksi_event_wakeup(&word, RESULT, KSI_EVENT_ONE);
}

/* Ends the wait of the first thread, wherever it is in it. */
void event_clear(void)
{
    make_true();
    ksi_event_clear(&weak_threads[0], RESULT);
}

/* The same with a state that orders nothing, and no mutex. */
void event_sleep_bare(void)
{
    int result = 0;
    ksi_event_queue(&word, false);
    if (ksi_load(&state) != 0)
        ksi_event_clear(ksi_self(), RESULT);
    WEAK_CHECK(ksi_event_wait(&result) && result == RESULT);
}

void event_clear_bare(void)
{
    ksi_store(&state, 1u);
    ksi_event_clear(&weak_threads[0], RESULT);
}

void event_finish(void)
{
    WEAK_CHECK(word == 0);
}

static uint64_t wait_for(uint64_t wanted)
{
    const struct ksi_events_wait s = {wanted, wanted, false, false};
    return ksi_events_wait(&s);
}

/* Two events, in the order in which they are posted; each hands something over. */
void events_wait(void)
{
    WEAK_CHECK(wait_for(1) == 1);
    WEAK_CHECK(weak_shared == 1);
    WEAK_CHECK(wait_for(2) == 2);
}

void events_post(void)
{
    weak_shared = 1;
    ksi_events_post(&weak_threads[0], 1);
}

void events_post_last(void)
{
    ksi_events_post(&weak_threads[0], 2);
}

void events_finish(void)
{
    WEAK_CHECK(weak_threads[0].events == 0);
}
