/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_EVL_STAX_SCENE_H
#define TESTS_NATIVE_EVL_STAX_SCENE_H

/*
 * A stax, and MANY puppets of either stage. A test says how many that are before it
 * includes this file.
 */

#include "evl_test.h"

static struct puppet in[MANY], oob[MANY];
static struct evl_stax stax;
static struct irq_call inband_irq, oob_irq;

static inline void setup(void)
{
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    puppets_start_on(in, MANY, KSL_STAGE_INBAND);
    puppets_start_on(oob, MANY, KSL_STAGE_OOB);
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

/* Neither stage has it. */
static inline void check_free(void)
{
    ck_assert_int_eq(ask(&in[MANY - 1], trylock, &stax), 0);
    (void)ask(&in[MANY - 1], unlock, &stax);
    ck_assert_int_eq(ask(&oob[MANY - 1], trylock, &stax), 0);
    (void)ask(&oob[MANY - 1], unlock, &stax);
}

#endif
