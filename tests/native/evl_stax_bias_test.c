/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVL stax under bias: threads of one stage enter by their slots, and the gate does not
 * change; all else is as it is without (X2, X3, X5 to X7, X14).
 */
#include "evl_stax_bias.h"

static void gate_stays(struct puppet *mine, struct puppet *others)
{
    enter_by_slots(mine, MANY);
    uintptr_t gate = LOAD(&stax.ksl_gate);
    for (int i = 0; i < MANY; i++)
        (void)ask(&mine[i], unlock, &stax);
    ck_assert_int_eq(ask(&mine[1], trylock, &stax), 0);
    (void)ask(&mine[1], unlock, &stax);
    ck_assert_uint_eq(LOAD(&stax.ksl_gate), gate);
    ck_assert_int_eq(ask(&others[0], trylock, &stax), 0);
    ck_assert(!biased(&stax));
    ck_assert_int_eq(ask(&mine[0], trylock, &stax), -EAGAIN);
    (void)ask(&others[0], unlock, &stax);
    check_free();
}

START_TEST(evl_stax_X2_the_gate_of_a_biased_one_does_not_change)
{
    gate_stays(in, oob);
    gate_stays(oob, in);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* It comes back, however often the other stage has taken it off. */
START_TEST(evl_stax_X2_the_bias_comes_back)
{
    for (int i = 0; i < 20; i++) {
        struct puppet *mine = i % 3 == 0 ? in : oob;
        struct puppet *other = i % 3 == 0 ? oob : in;
        ck_assert_int_eq(ask(&mine[0], warm, &stax), 0);
        ck_assert_int_eq(ask(&other[0], lock, &stax), 0);
        ck_assert(!biased(&stax));
        (void)ask(&other[0], unlock, &stax);
    }
}
END_TEST

static void nest(struct puppet *mine, struct puppet *others)
{
    ck_assert_int_eq(ask(&mine[0], warm, &stax), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&mine[0], lock, &stax), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
        (void)ask(&mine[0], unlock, &stax);
    }
    ck_assert_int_eq(ask(&mine[0], warm, &stax), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&mine[0], lock, &stax), 0);
    for (int i = 0; i < 3; i++)
        (void)ask(&mine[0], unlock, &stax);
    check_free();
}

START_TEST(evl_stax_X3_nested_under_bias)
{
    nest(in, oob);
    nest(oob, in);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void try_beside_slots(struct puppet *mine, struct puppet *others)
{
    enter_by_slots(mine, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    ck_assert_int_eq(ask(&mine[2], trylock, &stax), 0);
    (void)ask(&mine[0], unlock, &stax);
    (void)ask(&mine[1], unlock, &stax);
    ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    (void)ask(&mine[2], unlock, &stax);
    check_free();
}

START_TEST(evl_stax_X5_try_sees_those_in_slots)
{
    try_beside_slots(in, oob);
    try_beside_slots(oob, in);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void wait_for_slots(struct puppet *mine, struct puppet *others)
{
    enter_by_slots(mine, MANY);
    for (int i = 0; i < MANY; i++)
        tell_blocked(&others[i], lock, &stax);
    for (int i = 1; i < MANY; i++)
        (void)ask(&mine[i], unlock, &stax);
    ck_assert_int_eq(puppets_done(others, MANY), 0);
    (void)ask(&mine[0], unlock, &stax);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(answer(&others[i]), 0);
    ck_assert_int_eq(ask(&mine[0], trylock, &stax), -EAGAIN);
    for (int i = 0; i < MANY; i++)
        (void)ask(&others[i], unlock, &stax);
    check_free();
}

START_TEST(evl_stax_X6_X7_the_other_stage_waits_for_those_in_slots)
{
    for (int turn = 0; turn < 10; turn++) {
        wait_for_slots(in, oob);
        wait_for_slots(oob, in);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Handlers. The main thread is in-band. */

START_TEST(evl_stax_X14_handlers_of_a_thread_that_is_inside)
{
    ck_assert_int_eq(warm(&stax), 0);
    ck_assert_int_eq(evl_lock_stax(&stax), 0);
    ck_assert_int_eq(call_in_irq(&inband_irq, trylock, &stax), 0);
    (void)call_in_irq(&inband_irq, unlock, &stax);
    ck_assert_int_eq(call_in_irq(&oob_irq, trylock, &stax), -EAGAIN);
    evl_unlock_stax(&stax);
    check_free();
    /* One that takes off what the slot of its thread shows. */
    ck_assert_int_eq(warm(&stax), 0);
    ck_assert_int_eq(evl_lock_stax(&stax), 0);
    (void)call_in_irq(&inband_irq, unlock, &stax);
    check_free();
    ck_assert_int_eq(warm(&stax), 0);
    ck_assert_int_eq(evl_lock_stax(&stax), 0);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    evl_unlock_stax(&stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_stax_X14_handlers_take_the_bias_off)
{
    ck_assert_int_eq(warm(&stax), 0);
    ck_assert_int_eq(call_in_irq(&oob_irq, trylock, &stax), 0);
    ck_assert_int_eq(evl_trylock_stax(&stax), -EAGAIN);
    (void)call_in_irq(&oob_irq, unlock, &stax);
    ck_assert_int_eq(ask(&oob[0], warm, &stax), 0);
    ck_assert_int_eq(call_in_irq(&inband_irq, trylock, &stax), 0);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    (void)call_in_irq(&inband_irq, unlock, &stax);
    (void)call_in_irq(&inband_irq, unlock, &stax);
    ASSERT_VIOLATED("not-locked");
    check_free();
}
END_TEST

/* Two in one slot: the second is counted. */
START_TEST(evl_stax_X3_two_that_meet_in_a_slot)
{
    static struct evl_stax pair[2] __attribute__((aligned(32)));
    for (int i = 0; i < 2; i++) {
        (void)evl_init_stax(&pair[i]);
        ck_assert_int_eq(ask(&in[0], warm, &pair[i]), 0);
    }
    ck_assert_int_eq(ask(&in[0], lock, &pair[0]), 0);
    ck_assert_int_eq(ask(&in[0], lock, &pair[1]), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&oob[0], trylock, &pair[i]), -EAGAIN);
        (void)ask(&in[0], unlock, &pair[i]);
        ck_assert_int_eq(ask(&oob[0], trylock, &pair[i]), 0);
        (void)ask(&oob[0], unlock, &pair[i]);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* The calls by their symbols, without the inlined paths. */
START_TEST(evl_stax_X2_calls_by_address)
{
    int (*enter)(struct evl_stax *) = evl_lock_stax;
    int (*try)(struct evl_stax *) = evl_trylock_stax;
    void (*leave)(struct evl_stax *) = evl_unlock_stax;
    ck_assert_int_eq(warm(&stax), 0);
    ck_assert_int_eq(enter(&stax), 0);
    ck_assert_int_eq(try(&stax), 0);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    leave(&stax);
    leave(&stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, evl_stax_X2_the_gate_of_a_biased_one_does_not_change);
    tcase_add_test(tc, evl_stax_X2_the_bias_comes_back);
    tcase_add_test(tc, evl_stax_X2_calls_by_address);
    tcase_add_test(tc, evl_stax_X3_nested_under_bias);
    tcase_add_test(tc, evl_stax_X3_two_that_meet_in_a_slot);
    tcase_add_test(tc, evl_stax_X5_try_sees_those_in_slots);
    tcase_add_test(tc, evl_stax_X6_X7_the_other_stage_waits_for_those_in_slots);
    tcase_add_test(tc, evl_stax_X14_handlers_of_a_thread_that_is_inside);
    tcase_add_test(tc, evl_stax_X14_handlers_take_the_bias_off);
}

int main(void)
{
    return bias_run("evl stax bias", add_tests);
}
