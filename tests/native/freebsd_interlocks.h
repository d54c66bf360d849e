/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_INTERLOCKS_H
#define TESTS_NATIVE_FREEBSD_INTERLOCKS_H

/* Interlocks that cannot be slept with: held by another thread, used in a handler. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

#include <kslock/irq.h>

#include "support.h"

enum { IRQ = 7, IRQ_LEVEL = 5, SHORT = 3 };

static struct sx sx;
static struct mtx mtx, spin;

/* A thread that holds sx and mtx. */
struct holder {
    struct actor actor;
    bool shared;
    int holding;
    int release;
};

static inline void hold(void *arg)
{
    struct holder *h = arg;
    uint64_t state = 0;
    if (h->shared)
        sx_slock(&sx);
    else
        sx_xlock(&sx);
    mtx_lock(&mtx);
    STORE(&h->holding, 1);
    while (!LOAD(&h->release) && support_keep_waiting(&state))
        ;
    mtx_unlock(&mtx);
    sx_unlock(&sx);
}

static inline void start_holder(struct holder *h)
{
    actor_start(&h->actor, hold, h);
    WAIT_UNTIL(LOAD(&h->holding));
}

static inline void end_holder(struct holder *h)
{
    recorder_start();
    STORE(&h->release, 1);
    actor_join(&h->actor);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

/* The handler makes so many calls, all refused, on a thread that holds sx and mtx. */
static inline void refuse_in_handler(ksl_irq_handler handler, unsigned calls)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, handler, NULL), 0);
    sx_xlock(&sx);
    mtx_lock(&mtx);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_uint_eq(recorder_count("irq-sleep"), calls);
    ck_assert_uint_eq(recorder_count(NULL), calls);
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    ck_assert_int_ne(mtx_owned(&mtx), 0);
    mtx_unlock(&mtx);
    sx_xunlock(&sx);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

#endif
