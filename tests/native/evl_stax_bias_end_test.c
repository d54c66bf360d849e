/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EVL stax under bias: entries in slots that end in another way than by their thread's
 * unlock (X11 to X13, X15, X16).
 */
#include "evl_stax_bias.h"

#include <stdlib.h>
#include <string.h>

static void unlock_free(struct puppet *mine, struct puppet *by)
{
    ck_assert_int_eq(ask(&mine[0], warm, &stax), 0);
    recorder_start();
    (void)ask(by, unlock, &stax);
    ASSERT_VIOLATED("not-locked");
    check_free();
}

START_TEST(evl_stax_X12_unlock_of_a_free_biased_one)
{
    unlock_free(in, &in[0]);
    unlock_free(in, &in[1]);
    unlock_free(in, &oob[1]);
    unlock_free(oob, &in[1]);
}
END_TEST

static void wrong_stage(struct puppet *mine, struct puppet *others)
{
    enter_by_slots(mine, 1);
    recorder_start();
    (void)ask(&others[0], unlock, &stax);
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    (void)ask(&mine[0], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 1);
}

START_TEST(evl_stax_X13_unlock_from_the_other_stage)
{
    wrong_stage(in, oob);
    wrong_stage(oob, in);
}
END_TEST

static void another_unlocks(struct puppet *mine, struct puppet *others)
{
    enter_by_slots(mine, 2);
    (void)ask(&mine[2], unlock, &stax);
    ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    (void)ask(&mine[2], unlock, &stax);
    check_free();
    /* Those whose entries were taken off come and go as ever. */
    ck_assert_int_eq(ask(&mine[1], trylock, &stax), 0);
    (void)ask(&mine[1], unlock, &stax);
    enter_by_slots(mine, 2);
    (void)ask(&mine[0], unlock, &stax);
    ck_assert_int_eq(ask(&others[0], trylock, &stax), -EAGAIN);
    (void)ask(&mine[1], unlock, &stax);
    check_free();
}

START_TEST(evl_stax_X15_another_thread_unlocks_what_a_slot_shows)
{
    another_unlocks(in, oob);
    another_unlocks(oob, in);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void lock_and_exit(void *arg)
{
    *(int *)arg = evl_lock_stax(&stax);
}

START_TEST(evl_stax_X15_a_thread_exits_inside)
{
    struct actor a;
    int result = -1;
    ck_assert_int_eq(ask(&in[0], warm, &stax), 0);
    actor_start(&a, lock_and_exit, &result);
    actor_join(&a);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    (void)ask(&in[1], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_stax_X16_a_thread_changes_its_stage_inside)
{
    enter_by_slots(in, 1);
    ck_assert_int_eq(ask(&in[0], to_oob, NULL), 0);
    ck_assert_int_eq(ask(&in[0], trylock, &stax), -EAGAIN);
    ck_assert_int_eq(ask(&in[1], trylock, &stax), 0);
    (void)ask(&in[1], unlock, &stax);
    (void)ask(&in[0], unlock, &stax);
    ASSERT_VIOLATED("not-owner");
    (void)ask(&in[0], to_inband, NULL);
    (void)ask(&in[0], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

/* Those inside go on when the memory is gone. */
START_TEST(evl_stax_X11_destroy_of_one_that_slots_show)
{
    for (int turn = 0; turn < 20; turn++) {
        struct actor a;
        int result = -1;
        struct evl_stax *s = malloc(sizeof *s);
        (void)evl_init_stax(s, 0);
        ck_assert_int_eq(ask(&in[0], warm, s), 0);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(ask(&in[i], lock, s), 0);
        if (turn % 2 == 0) { /* counted by now */
            tell_blocked(&oob[0], lock, s);
            ck_assert_int_eq(evl_destroy_stax(s), 0);
            ck_assert_int_eq(answer(&oob[0]), -EIDRM);
        } else {
            ck_assert_int_eq(evl_destroy_stax(s), 0);
        }
        free(s);
        ck_assert_int_eq(ask(&in[0], to_oob, NULL), 0);
        ck_assert_int_eq(ask(&in[0], to_inband, NULL), 0);
        ck_assert_int_eq(ask(&in[1], warm, &stax), 0);
        actor_start(&a, lock_and_exit, &result);
        actor_join(&a);
        ck_assert_int_eq(result, 0);
        (void)ask(&in[2], unlock, &stax);
        check_free();
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_stax_X11_init_of_memory_that_slots_still_name)
{
    enter_by_slots(in, 2);
    memset(&stax, 0, sizeof stax);
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    check_free();
    ck_assert_int_eq(ask(&oob[0], lock, &stax), 0);
    ck_assert_int_eq(ask(&in[0], trylock, &stax), -EAGAIN);
    (void)ask(&oob[0], unlock, &stax);
    enter_by_slots(in, 2);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    (void)ask(&in[0], unlock, &stax);
    (void)ask(&in[1], unlock, &stax);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static struct evl_stax *reused;
static int turns_done; /* atomic */

/* Gets in when the other one is out, and ends the stax at once. */
static int try_until_in(void *arg)
{
    uint64_t state = 0;
    (void)arg;
    while (evl_trylock_stax(reused) != 0) {
        if (!support_keep_waiting(&state))
            return -1;
    }
    (void)evl_destroy_stax(reused);
    memset((void *)reused, 0xff, sizeof *reused);
    free(reused);
    return 0;
}

START_TEST(evl_stax_X11_the_memory_goes_when_the_last_one_is_in)
{
    for (int turn = 0; turn < 300; turn++) {
        reused = malloc(sizeof *reused);
        (void)evl_init_stax(reused);
        ck_assert_int_eq(warm(reused), 0);
        ck_assert_int_eq(evl_lock_stax(reused), 0);
        tell(&oob[0], try_until_in, NULL);
        for (int i = 0; i < turn; i++)
            STORE(&turns_done, i);
        evl_unlock_stax(reused);
        ck_assert_int_eq(answer(&oob[0]), 0);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
    tcase_add_test(tc, evl_stax_X11_destroy_of_one_that_slots_show);
    tcase_add_test(tc, evl_stax_X11_init_of_memory_that_slots_still_name);
    tcase_add_test(tc, evl_stax_X11_the_memory_goes_when_the_last_one_is_in);
    tcase_add_test(tc, evl_stax_X12_unlock_of_a_free_biased_one);
    tcase_add_test(tc, evl_stax_X13_unlock_from_the_other_stage);
    tcase_add_test(tc, evl_stax_X15_another_thread_unlocks_what_a_slot_shows);
    tcase_add_test(tc, evl_stax_X15_a_thread_exits_inside);
    tcase_add_test(tc, evl_stax_X16_a_thread_changes_its_stage_inside);
}

int main(void)
{
    return bias_run("evl stax bias ends", add_tests);
}
