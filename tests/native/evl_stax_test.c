/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL stax: who gets in, who waits, nesting and misuse (X1 to X8, X12 to X16, X19, X21).
 */
enum { MANY = 8 };

#include "evl_stax_scene.h"

#include <string.h>

START_TEST(evl_stax_X1_a_fresh_one_lets_either_stage_in)
{
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), 0);
    (void)ask(&oob[0], unlock, &stax);
    ck_assert_int_eq(ask(&in[0], trylock, &stax), 0);
    (void)ask(&in[0], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void many_of_one_stage(struct puppet *mine, struct puppet *others)
{
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(ask(&mine[i], lock, &stax), 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
        (void)ask(&mine[i], unlock, &stax);
    }
    check_free();
}

START_TEST(evl_stax_X2_many_threads_of_one_stage)
{
    many_of_one_stage(in, oob);
    many_of_one_stage(oob, in);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void nest(struct puppet *me, struct puppet *other)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(me, lock, &stax), 0);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ask(other, trylock, &stax), -EAGAIN);
        (void)ask(me, unlock, &stax);
    }
    ck_assert_int_eq(ask(other, trylock, &stax), 0);
    (void)ask(other, unlock, &stax);
}

START_TEST(evl_stax_X3_one_thread_nests)
{
    nest(&in[0], &oob[0]);
    nest(&oob[0], &in[0]);
    nest(&in[1], &oob[1]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void try_beside_waiter(struct puppet *mine, struct puppet *others)
{
    ck_assert_int_eq(ask(&mine[0], lock, &stax), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    tell_blocked(&others[1], lock, &stax);
    ck_assert_int_eq(ask(&mine[1], trylock, &stax), 0);
    ck_assert_int_eq(ask(&mine[0], trylock, &stax), 0);
    ck_assert_int_eq(ask(&mine[2], lock, &stax), 0); /* X20: no fairness */
    ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    (void)ask(&mine[0], unlock, &stax);
    (void)ask(&mine[0], unlock, &stax);
    (void)ask(&mine[2], unlock, &stax);
    ck_assert(!done(&others[1]));
    ck_assert(ksl_thread_asleep(others[1].actor.thread));
    (void)ask(&mine[1], unlock, &stax);
    ck_assert_int_eq(answer(&others[1]), 0);
    (void)ask(&others[1], unlock, &stax);
    check_free();
}

START_TEST(evl_stax_X5_try_never_waits)
{
    try_beside_waiter(in, oob);
    try_beside_waiter(oob, in);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_stax_X6_inband_waits_for_the_last_oob_one)
{
    ck_assert_int_eq(ask(&oob[0], lock, &stax), 0);
    ck_assert_int_eq(ask(&oob[1], lock, &stax), 0);
    tell_blocked(&in[0], lock, &stax);
    (void)ask(&oob[0], unlock, &stax);
    ck_assert(!done(&in[0]));
    ck_assert(ksl_thread_asleep(in[0].actor.thread));
    (void)ask(&oob[1], unlock, &stax);
    ck_assert_int_eq(answer(&in[0]), 0);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    (void)ask(&in[0], unlock, &stax);
    check_free();
}
END_TEST

/* All who wait get in when the last one of the other stage leaves, together. */
static void all_enter(struct puppet *mine, struct puppet *others, int n)
{
    ck_assert_int_eq(ask(&mine[0], lock, &stax), 0);
    ck_assert_int_eq(ask(&mine[1], lock, &stax), 0);
    for (int i = 0; i < n; i++)
        tell_blocked(&others[i], lock, &stax);
    (void)ask(&mine[0], unlock, &stax);
    ck_assert_int_eq(puppets_done(others, n), 0);
    (void)ask(&mine[1], unlock, &stax);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(answer(&others[i]), 0);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(ask(&mine[0], trylock, &stax), -EAGAIN);
        (void)ask(&others[i], unlock, &stax);
    }
    check_free();
}

START_TEST(evl_stax_X7_X8_all_waiters_enter_together)
{
    for (int turn = 0; turn < 20; turn++) {
        all_enter(in, oob, 3);
        all_enter(oob, in, MANY);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_stax_X12_unlock_of_a_free_one)
{
    (void)ask(&in[0], unlock, &stax);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &stax);
    ck_assert_ptr_eq(recorder_last().thread, in[0].actor.thread);
    recorder_start();
    (void)ask(&oob[0], unlock, &stax);
    ASSERT_VIOLATED("not-locked");
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

static void wrong_stage(struct puppet *mine, struct puppet *others)
{
    recorder_start();
    ck_assert_int_eq(ask(&mine[0], lock, &stax), 0);
    (void)ask(&others[0], unlock, &stax);
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &stax);
    ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    tell_blocked(&others[1], lock, &stax);
    (void)ask(&others[0], unlock, &stax); /* the same with a waiter */
    ck_assert_uint_eq(recorder_count("not-owner"), 2);
    ck_assert(!done(&others[1]));
    (void)ask(&mine[0], unlock, &stax);
    ck_assert_int_eq(answer(&others[1]), 0);
    (void)ask(&others[1], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 2);
}

START_TEST(evl_stax_X13_unlock_from_the_other_stage)
{
    wrong_stage(in, oob);
    wrong_stage(oob, in);
}
END_TEST

START_TEST(evl_stax_X15_another_thread_may_unlock)
{
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    (void)ask(&in[1], unlock, &stax);
    check_free();
    ck_assert_int_eq(ask(&oob[0], lock, &stax), 0);
    tell_blocked(&in[0], lock, &stax);
    (void)ask(&oob[1], unlock, &stax);
    ck_assert_int_eq(answer(&in[0]), 0);
    (void)ask(&in[2], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int lock_and_exit(void *arg)
{
    (void)arg;
    return evl_lock_stax(&stax);
}

static void lock_once(void *arg)
{
    *(int *)arg = lock_and_exit(NULL);
}

START_TEST(evl_stax_X15_it_outlives_the_thread_that_took_it)
{
    struct actor a;
    int result = -1;
    actor_start(&a, lock_once, &result);
    actor_join(&a);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    (void)ask(&in[0], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count("not-owner") + recorder_count("not-locked"), 0);
}
END_TEST

START_TEST(evl_stax_X16_a_thread_that_changes_its_stage)
{
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    ck_assert_int_eq(ask(&in[0], to_oob, NULL), 0);
    ck_assert_int_eq(ask(&in[0], trylock, &stax), -EAGAIN);
    (void)ask(&in[0], unlock, &stax);
    ASSERT_VIOLATED("not-owner");
    tell_blocked(&in[0], lock, &stax);
    evl_unblock_thread(evl_of(&in[0]), EVL_T_BREAK);
    ck_assert_int_eq(answer(&in[0]), -EINTR);
    (void)ask(&in[0], to_inband, NULL);
    (void)ask(&in[0], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(evl_stax_X19_held_over_a_sleep)
{
    struct evl_ksem ksem = EVL_KSEM_INITIALIZER(ksem);
    struct evl_stax second;
    (void)evl_init_stax(&second, 0);
    ck_assert_int_eq(ask(&oob[0], lock, &stax), 0);
    tell_blocked(&oob[0], down, &ksem);
    ck_assert_int_eq(ask(&in[0], trylock, &stax), -EAGAIN);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&oob[0]), 0);
    (void)ask(&oob[0], unlock, &stax);
    ck_assert_int_eq(ask(&oob[0], lock, &second), 0);
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    tell_blocked(&in[0], lock, &second);
    ck_assert_int_eq(ask(&oob[1], trylock, &stax), -EAGAIN);
    (void)ask(&oob[0], unlock, &second);
    ck_assert_int_eq(answer(&in[0]), 0);
    (void)ask(&in[0], unlock, &second);
    (void)ask(&in[0], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int plain; /* not atomic: the stax orders it */

static int write_and_leave(void *arg)
{
    plain++;
    evl_unlock_stax(arg);
    return 0;
}

static int lock_and_read(void *arg)
{
    int error = evl_lock_stax(arg);
    return error != 0 ? error : plain;
}

START_TEST(evl_stax_X21_what_was_written_before_the_last_unlock_is_seen)
{
    plain = 0;
    for (int turn = 1; turn < 100; turn += 2) {
        ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
        tell_blocked(&oob[0], lock_and_read, &stax);
        tell(&in[0], write_and_leave, &stax);
        ck_assert_int_eq(answer(&oob[0]), turn);
        (void)answer(&in[0]);
        tell_blocked(&in[0], lock_and_read, &stax);
        tell(&oob[0], write_and_leave, &stax);
        ck_assert_int_eq(answer(&in[0]), turn + 1);
        (void)answer(&oob[0]);
        (void)ask(&in[0], unlock, &stax);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl stax");
    TCase *tc = tcase_create("stax");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_stax_X1_a_fresh_one_lets_either_stage_in);
    tcase_add_test(tc, evl_stax_X2_many_threads_of_one_stage);
    tcase_add_test(tc, evl_stax_X3_one_thread_nests);
    tcase_add_test(tc, evl_stax_X5_try_never_waits);
    tcase_add_test(tc, evl_stax_X6_inband_waits_for_the_last_oob_one);
    tcase_add_test(tc, evl_stax_X7_X8_all_waiters_enter_together);
    tcase_add_test(tc, evl_stax_X12_unlock_of_a_free_one);
    tcase_add_test(tc, evl_stax_X13_unlock_from_the_other_stage);
    tcase_add_test(tc, evl_stax_X15_another_thread_may_unlock);
    tcase_add_test(tc, evl_stax_X15_it_outlives_the_thread_that_took_it);
    tcase_add_test(tc, evl_stax_X16_a_thread_that_changes_its_stage);
    tcase_add_test(tc, evl_stax_X19_held_over_a_sleep);
    tcase_add_test(tc, evl_stax_X21_what_was_written_before_the_last_unlock_is_seen);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
