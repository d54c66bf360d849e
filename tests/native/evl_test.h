/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_EVL_TEST_H
#define TESTS_NATIVE_EVL_TEST_H

/* What the tests of the EVL interface share: puppets of both stages, and interrupts. */

#include <evl/flag.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>

#include "support.h"

#include <kslock/signal.h>

#include <semaphore.h>

typedef int (*call_fn)(void *object);

/* A thread that makes the calls that it is told to make, one after the other. */
struct puppet {
    struct actor actor;
    sem_t order;
    ksl_stage stage;
    call_fn call;
    void *object;
    int done; /* atomic */
    int result;
    int after; /* result of the stage switch */
};

static inline void obey(void *arg)
{
    struct puppet *p = arg;
    p->after = ksl_stage_switch(p->stage);
    for (;;) {
        while (sem_wait(&p->order) != 0) {
        }
        if (p->call == NULL)
            return;
        p->result = p->call(p->object);
        STORE(&p->done, 1);
    }
}

static inline void puppet_start(struct puppet *p, ksl_stage stage)
{
    ck_assert_int_eq(sem_init(&p->order, 0, 0), 0);
    p->stage = stage;
    actor_start(&p->actor, obey, p);
}

static inline void tell(struct puppet *p, call_fn call, void *object)
{
    p->call = call;
    p->object = object;
    p->result = -1;
    STORE(&p->done, 0);
    ck_assert_int_eq(sem_post(&p->order), 0);
}

static inline bool done(const struct puppet *p)
{
    return LOAD(&p->done) != 0;
}

/* The result of the call that p was told to make last. */
static inline int answer(struct puppet *p)
{
    WAIT_UNTIL(done(p));
    return p->result;
}

static inline int ask(struct puppet *p, call_fn call, void *object)
{
    tell(p, call, object);
    return answer(p);
}

/* The call has to wait, and is seen asleep. */
static inline void tell_blocked(struct puppet *p, call_fn call, void *object)
{
    tell(p, call, object);
    wait_asleep(p->actor.thread);
}

static inline void puppet_end(struct puppet *p)
{
    tell(p, NULL, NULL);
    actor_join(&p->actor);
    (void)sem_destroy(&p->order);
}

static inline struct evl_thread *evl_of(const struct puppet *p)
{
    return (struct evl_thread *)(void *)p->actor.thread;
}

/* n puppets at once. */
static inline void puppets_start(struct puppet *p, int n, ksl_stage stage)
{
    for (int i = 0; i < n; i++)
        puppet_start(&p[i], stage);
}

static inline void puppets_end(struct puppet *p, int n)
{
    for (int i = 0; i < n; i++)
        puppet_end(&p[i]);
}

static inline int puppets_done(const struct puppet *p, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += done(&p[i]);
    return count;
}

/* Calls for them. */

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

/*
 * A call made in a handler: INBAND_IRQ and OOB_IRQ call what `in_irq` says, once for
 * each time that they are raised.
 */
enum { INBAND_IRQ = 3, OOB_IRQ = 4 };

struct irq_call {
    call_fn call;
    void *object;
    int result;
    int runs; /* atomic */
    bool in_handler, oob;
    ksl_thread *on;
};

static inline void irq_handler(int irq, void *arg)
{
    struct irq_call *c = arg;
    (void)irq;
    c->in_handler = evl_in_irq();
    c->oob = running_oob();
    c->on = ksl_thread_self();
    if (c->call != NULL)
        c->result = c->call(c->object);
    ADD(&c->runs, 1);
}

static inline void irq_setup(struct irq_call *inband, struct irq_call *oob)
{
    ck_assert_int_eq(
        ksl_irq_request(INBAND_IRQ, KSL_STAGE_INBAND, 5, irq_handler, inband), 0);
    ck_assert_int_eq(ksl_irq_request(OOB_IRQ, KSL_STAGE_OOB, 6, irq_handler, oob), 0);
}

static inline void irq_teardown(void)
{
    (void)ksl_irq_free(INBAND_IRQ);
    (void)ksl_irq_free(OOB_IRQ);
}

/* Makes the call in a handler of that interrupt on the calling thread. */
static inline int call_in_irq(struct irq_call *c, int irq, call_fn call, void *object)
{
    int runs = LOAD(&c->runs);
    c->call = call;
    c->object = object;
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), irq), 0);
    WAIT_UNTIL(LOAD(&c->runs) == runs + 1);
    return c->result;
}

#endif
