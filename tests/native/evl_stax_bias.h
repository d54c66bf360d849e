/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_EVL_STAX_BIAS_H
#define TESTS_NATIVE_EVL_STAX_BIAS_H

/* What the tests of a biased stax share: puppets of both stages, and the bias. */

#include "evl_test.h"

#include "platform/host.h"

enum { MANY = 4, PATIENCE = 20000 };

static struct puppet in[MANY], oob[MANY];
static struct evl_stax stax;
static struct irq_call inband_irq, oob_irq;

static inline void setup(void)
{
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    puppets_start(in, MANY, KSL_STAGE_INBAND);
    puppets_start(oob, MANY, KSL_STAGE_OOB);
    irq_setup(&inband_irq, &oob_irq);
    recorder_start();
}

static inline void teardown(void)
{
    puppets_end(in, MANY);
    puppets_end(oob, MANY);
    irq_teardown();
    recorder_stop();
}

static inline bool biased(const struct evl_stax *s)
{
    return (LOAD(&s->ksl_gate) & KSL_GATE_BIAS) != 0;
}

/* Locks and unlocks until there is a bias; 0 if it came. */
static inline int warm(void *object)
{
    struct evl_stax *s = object;
    for (int i = 0; i < PATIENCE && !biased(s); i++) {
        if (evl_lock_stax(s) != 0)
            return -1;
        evl_unlock_stax(s);
    }
    return biased(s) ? 0 : -1;
}

static inline void check_free(void)
{
    ck_assert_int_eq(ask(&in[MANY - 1], trylock, &stax), 0);
    (void)ask(&in[MANY - 1], unlock, &stax);
    ck_assert_int_eq(ask(&oob[MANY - 1], trylock, &stax), 0);
    (void)ask(&oob[MANY - 1], unlock, &stax);
}

/* The first n of them enter by their slots. */
static inline void enter_by_slots(struct puppet *mine, int n)
{
    ck_assert_int_eq(ask(&mine[0], warm, &stax), 0);
    uintptr_t gate = LOAD(&stax.ksl_gate);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(ask(&mine[i], lock, &stax), 0);
    ck_assert_uint_eq(LOAD(&stax.ksl_gate), gate);
}

static inline TCase *bias_case(void)
{
    TCase *tc = tcase_create("bias");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    return tc;
}

#endif
