/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_IRQ_CALL_H
#define TESTS_SUPPORT_IRQ_CALL_H

/* A call made in a handler, once each time that its interrupt is raised. */

#include "puppet.h"

#include <kslock/irq.h>

struct irq_call {
    int irq;
    call_fn call; /* may be NULL */
    void *object;
    int result;
    int entered, runs; /* atomic */
    ksl_thread *on;
    int (*look)(void); /* called on entry: what the interface tells of the context */
    int saw;           /* what it returned */
};

static inline void irq_handler(int irq, void *arg)
{
    struct irq_call *c = arg;
    (void)irq;
    ADD(&c->entered, 1);
    c->saw = c->look();
    c->on = ksl_thread_self();
    if (c->call != NULL)
        c->result = c->call(c->object);
    ADD(&c->runs, 1);
}

static inline void irq_call_setup(struct irq_call *c, int irq, ksl_stage stage, int level,
                                  int (*look)(void))
{
    *c = (struct irq_call){.irq = irq, .look = look};
    ck_assert_int_eq(ksl_irq_request(irq, stage, level, irq_handler, c), 0);
}

/* Makes the call in a handler on the calling thread. */
static inline int call_in_irq(struct irq_call *c, call_fn call, void *object)
{
    int runs = LOAD(&c->runs);
    c->call = call;
    c->object = object;
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), c->irq), 0);
    WAIT_UNTIL(LOAD(&c->runs) == runs + 1);
    return c->result;
}

#endif
