/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_TEST_H
#define TESTS_NATIVE_AIX_TEST_H

/* What the tests of the AIX interface share: puppets, and calls made in handlers. */

#include <sys/errno.h>
#include <sys/types.h>

#include <sys/intr.h>
#include <sys/lock.h>
#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>

#include "support.h"

#include <kslock/irq.h>
#include <kslock/signal.h>

#include <semaphore.h>

typedef int (*call_fn)(void *object);

/* A thread that makes the calls that it is told to make, one after the other. */
struct puppet {
    struct actor actor;
    sem_t order;
    call_fn call;
    void *object;
    int done; /* atomic */
    int result;
};

static inline void obey(void *arg)
{
    struct puppet *p = arg;
    for (;;) {
        while (sem_wait(&p->order) != 0) {
        }
        if (p->call == NULL)
            return;
        p->result = p->call(p->object);
        STORE(&p->done, 1);
    }
}

static inline void puppet_start(struct puppet *p)
{
    ck_assert_int_eq(sem_init(&p->order, 0, 0), 0);
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

static inline void puppets_start(struct puppet *p, int n)
{
    for (int i = 0; i < n; i++)
        puppet_start(&p[i]);
}

static inline void puppets_end(struct puppet *p, int n)
{
    for (int i = 0; i < n; i++)
        puppet_end(&p[i]);
}

/* Kernel thread id, and neutral priority: larger is more urgent. */
static inline tid_t tid_of(const struct puppet *p)
{
    return (tid_t)ksl_thread_id(p->actor.thread);
}

static inline void set_urgency(struct puppet *p, int urgency)
{
    ck_assert_int_eq(ksl_thread_set_priority(p->actor.thread, urgency), 0);
}

/* Interrupt priority of the caller. */
static inline int priority_now(void)
{
    int now = i_disable(INTMAX);
    i_enable(now);
    return now;
}

/* Calls for puppets. */

static inline int do_lockl(void *w)
{
    return lockl((lock_t *)w, LOCK_SHORT);
}

static inline int do_lockl_ndelay(void *w)
{
    return lockl((lock_t *)w, LOCK_NDELAY);
}

static inline int do_lockl_sigret(void *w)
{
    return lockl((lock_t *)w, LOCK_SIGRET);
}

static inline int do_unlockl(void *w)
{
    unlockl((lock_t *)w);
    return 0;
}

static inline int do_simple_lock(void *l)
{
    simple_lock((simple_lock_t)l);
    return 0;
}

static inline int do_simple_try(void *l)
{
    return simple_lock_try((simple_lock_t)l);
}

static inline int do_simple_unlock(void *l)
{
    simple_unlock((simple_lock_t)l);
    return 0;
}

static inline int do_lock_read(void *l)
{
    lock_read((complex_lock_t)l);
    return 0;
}

static inline int do_lock_write(void *l)
{
    lock_write((complex_lock_t)l);
    return 0;
}

static inline int do_lock_done(void *l)
{
    lock_done((complex_lock_t)l);
    return 0;
}

static inline int do_lock_mine(void *l)
{
    return lock_mine(l);
}

static inline int do_try_read(void *l)
{
    return lock_try_read((complex_lock_t)l);
}

static inline int do_try_write(void *l)
{
    return lock_try_write((complex_lock_t)l);
}

static inline int do_upgrade(void *l)
{
    return lock_read_to_write((complex_lock_t)l);
}

static inline int do_try_upgrade(void *l)
{
    return lock_try_read_to_write((complex_lock_t)l);
}

static inline int do_downgrade(void *l)
{
    lock_write_to_read((complex_lock_t)l);
    return 0;
}

static inline int do_set_recursive(void *l)
{
    lock_set_recursive((complex_lock_t)l);
    return 0;
}

static inline int do_clear_recursive(void *l)
{
    lock_clear_recursive((complex_lock_t)l);
    return 0;
}

static inline int signal_pending(void *object)
{
    (void)object;
    return ksl_signal_pending();
}

static inline int take_signal(void *object)
{
    (void)object;
    return ksl_signal_take();
}

static inline void post_signal(struct puppet *p, int signo)
{
    ck_assert_int_eq(ksl_signal_post(p->actor.thread, signo), 0);
}

/*
 * A call made in a handler, once each time that the interrupt is raised. Level 5 is
 * the priority INTCLASS3.
 */
enum { TEST_IRQ = 3, TEST_IRQ_LEVEL = 5, TEST_IRQ_PRIORITY = 11 - TEST_IRQ_LEVEL };

struct irq_call {
    call_fn call;
    void *object;
    int result;
    int entered, runs; /* atomic */
    int priority;      /* on entry */
    ksl_thread *on;
};

static inline void irq_handler(int irq, void *arg)
{
    struct irq_call *c = arg;
    (void)irq;
    ADD(&c->entered, 1);
    c->priority = priority_now();
    c->on = ksl_thread_self();
    if (c->call != NULL)
        c->result = c->call(c->object);
    ADD(&c->runs, 1);
}

static inline void irq_setup(struct irq_call *c)
{
    *c = (struct irq_call){.call = NULL};
    ck_assert_int_eq(
        ksl_irq_request(TEST_IRQ, KSL_STAGE_INBAND, TEST_IRQ_LEVEL, irq_handler, c), 0);
}

static inline void irq_teardown(void)
{
    (void)ksl_irq_free(TEST_IRQ);
}

/* Makes the call in a handler on the calling thread. */
static inline int call_in_irq(struct irq_call *c, call_fn call, void *object)
{
    int runs = LOAD(&c->runs);
    c->call = call;
    c->object = object;
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&c->runs) == runs + 1);
    return c->result;
}

#endif
