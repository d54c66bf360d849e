/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_EVL_STAX_BIAS_H
#define TESTS_NATIVE_EVL_STAX_BIAS_H

/* What the tests of a biased stax share: puppets of both stages, and the bias. */

enum { MANY = 4, PATIENCE = 20000 };

#include "evl_stax_scene.h"

#include "platform/host.h"

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

static inline int bias_run(const char *name, void (*add_tests)(TCase *tc))
{
    if (!ksi_heavy_works())
        return 77; /* no bias without it */
    Suite *s = suite_create(name);
    TCase *tc = bias_case();
    add_tests(tc);
    suite_add_tcase(s, tc);
    return support_run(s);
}

#endif
