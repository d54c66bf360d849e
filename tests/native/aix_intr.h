/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_INTR_H
#define TESTS_NATIVE_AIX_INTR_H

/* Calls that spin: they never sleep, so what they saw when they came back is judged. */

#include "aix_test.h"

#include <sched.h>

struct spinner {
    struct puppet *puppet;
    call_fn call;
    void *object;
    int entered; /* atomic */
    int opened;  /* atomic: set before what it waits for becomes true */
    int result;
    int too_early; /* the call came back before that */
};

static inline int spin_in_call(void *arg)
{
    struct spinner *s = arg;
    STORE(&s->entered, 1);
    s->result = s->call(s->object);
    s->too_early = !LOAD(&s->opened);
    return s->result;
}

/* The puppet makes a call that has to wait; it is about to make it or in it on return. */
static inline void tell_spinning(struct spinner *s, struct puppet *p, call_fn call,
                                 void *object)
{
    *s = (struct spinner){.puppet = p, .call = call, .object = object};
    tell(p, spin_in_call, s);
    WAIT_UNTIL(LOAD(&s->entered));
    for (int i = 0; i < 100; i++) {
        sched_yield();
        ck_assert(!done(p));
        ck_assert(!ksl_thread_asleep(p->actor.thread));
    }
}

/* To be called before the call may come back. */
static inline void open_for(struct spinner *s)
{
    STORE(&s->opened, 1);
}

static inline int spinner_answer(struct spinner *s)
{
    int result = answer(s->puppet);
    ck_assert_int_eq(s->too_early, 0);
    return result;
}

/* Calls for puppets: they leave the puppet with the priority that they set. */

static inline int do_disable(void *object)
{
    (void)object;
    return i_disable(INTMAX);
}

static inline int do_enable(void *object)
{
    (void)object;
    i_enable(INTBASE);
    return 0;
}

static inline int do_disable_lock(void *l)
{
    return disable_lock(INTMAX, (simple_lock_t)l);
}

static inline int do_unlock_enable(void *l)
{
    unlock_enable(INTBASE, (simple_lock_t)l);
    return 0;
}

static inline int ask_priority(void *object)
{
    (void)object;
    return priority_now();
}

/* Takes and gives back; returns the priority that disable_lock found. */
static inline int disable_and_enable(void *l)
{
    int old = disable_lock(INTMAX, (simple_lock_t)l);
    if (!lock_mine(l))
        return -1;
    unlock_enable(old, (simple_lock_t)l);
    return old;
}

/* Polls with interrupts open, on behalf of interrupts raised on the puppet. */
static inline int poll_until_set(void *flag)
{
    uint64_t state = 0;
    while (!LOAD((int *)flag) && support_keep_waiting(&state))
        i_enable(i_disable(INTMAX));
    return 0;
}

#endif
