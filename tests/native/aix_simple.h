/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_SIMPLE_H
#define TESTS_NATIVE_AIX_SIMPLE_H

/* A simple lock, four puppets, and an interrupt. */

#include "aix_intr.h"

static struct puppet p[4];
static struct irq_call in_irq;
static Simple_lock lock;

static inline void setup(void)
{
    simple_lock_init(&lock);
    scene_start(p, 4, &in_irq);
}

static inline void teardown(void)
{
    scene_end(p, 4);
}

static inline void check_free(Simple_lock *l)
{
    ck_assert_int_eq(ask(&p[3], do_simple_try, l), TRUE);
    (void)ask(&p[3], do_simple_unlock, l);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

#endif
