/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_EVL_TEST_H
#define TESTS_NATIVE_EVL_TEST_H

/* What the tests of the EVL interface share: puppets of both stages, and interrupts. */

#include <evl/flag.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>

#include "irq_call.h"

#include <kslock/signal.h>

static inline struct evl_thread *evl_of(const struct puppet *p)
{
    return (struct evl_thread *)(void *)p->actor.thread;
}

/* Calls for puppets. */

static inline int lock(void *stax)
{
    return evl_lock_stax((struct evl_stax *)stax);
}

static inline int trylock(void *stax)
{
    return evl_trylock_stax((struct evl_stax *)stax);
}

static inline int unlock(void *stax)
{
    evl_unlock_stax((struct evl_stax *)stax);
    return 0;
}

static inline int down(void *ksem)
{
    return evl_down((struct evl_ksem *)ksem);
}

static inline int trydown(void *ksem)
{
    return evl_trydown((struct evl_ksem *)ksem);
}

static inline int up(void *ksem)
{
    evl_up((struct evl_ksem *)ksem);
    return 0;
}

static inline int broadcast(void *ksem)
{
    evl_broadcast((struct evl_ksem *)ksem);
    return 0;
}

static inline int to_oob(void *object)
{
    (void)object;
    return evl_switch_oob();
}

static inline int to_inband(void *object)
{
    (void)object;
    evl_switch_inband(0);
    return 0;
}

static inline int post_signal_to_self(void *object)
{
    (void)object;
    return ksl_signal_post(ksl_thread_self(), 10);
}

static inline int take_signal(void *object)
{
    (void)object;
    return ksl_signal_take();
}

/* A date of CLOCK_MONOTONIC, that many milliseconds from now. */
static inline ktime_t in_ms(int ms)
{
    return (ktime_t)support_now_ns() + (ktime_t)ms * 1000000;
}

/* Units left in ksem: takes them all. */
static inline int drain(struct evl_ksem *ksem)
{
    int units = 0;
    while (evl_trydown(ksem) == 0)
        units++;
    return units;
}

/* Calls made in handlers, which see where they run. */
enum { INBAND_IRQ = 3, OOB_IRQ = 4 };
enum { SAW_IRQ = 1, SAW_OOB = 2 };

static inline int look_around(void)
{
    return (evl_in_irq() ? SAW_IRQ : 0) | (running_oob() ? SAW_OOB : 0);
}

static inline void irq_setup(struct irq_call *inband, struct irq_call *oob)
{
    irq_call_setup(inband, INBAND_IRQ, KSL_STAGE_INBAND, 5, look_around);
    irq_call_setup(oob, OOB_IRQ, KSL_STAGE_OOB, 6, look_around);
}

static inline void irq_teardown(void)
{
    (void)ksl_irq_free(INBAND_IRQ);
    (void)ksl_irq_free(OOB_IRQ);
}

#endif
