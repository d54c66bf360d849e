/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL semaphore: units, order of waiters, broadcast, destroy (K1 to K6, K9, K10, K15). */
#include "evl_test.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 5 };

static struct puppet p[MANY];
static struct evl_ksem ksem;

static void setup(void)
{
    evl_init_ksem(&ksem, 0);
    puppets_start_on(p, MANY, KSL_STAGE_OOB);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, MANY);
    recorder_stop();
}

START_TEST(evl_ksem_K1_the_initial_value)
{
    for (unsigned v = 0; v < 5; v++) {
        evl_init_ksem(&ksem, v);
        ck_assert_int_eq(drain(&ksem), (int)v);
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K1_a_value_that_is_too_large)
{
    evl_init_ksem(&ksem, 2);
    evl_init_ksem(&ksem, (unsigned)INT_MAX + 1);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_int_eq(drain(&ksem), 2); /* nothing changed */
    recorder_start();
    evl_init_ksem(&ksem, INT_MAX);
    ck_assert_int_eq(evl_trydown(&ksem), 0);
    evl_up(&ksem);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    evl_up(&ksem);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    recorder_start();
    ck_assert_int_eq(evl_trydown(&ksem), 0);
    evl_up(&ksem);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K2_K15_up_and_trydown)
{
    evl_up(&ksem);
    ck_assert_int_eq(evl_trydown(&ksem), 0);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    evl_up(&ksem);
    evl_up(&ksem);
    ck_assert_int_eq(ask(&p[0], trydown, &ksem), 0);
    ck_assert_int_eq(ask(&p[1], down, &ksem), 0);
    ck_assert_int_eq(ask(&p[0], trydown, &ksem), -EAGAIN);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K3_a_unit_that_is_there_is_taken_on_any_stage)
{
    evl_init_ksem(&ksem, 3);
    ck_assert_int_eq(evl_down(&ksem), 0);
    ck_assert_int_eq(evl_down_timeout(&ksem, in_ms(10000)), 0);
    ck_assert_int_eq(ask(&p[0], down, &ksem), 0);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* One post: exactly the puppet `next` comes out. */
static void post_wakes(int next, unsigned *left)
{
    evl_up(&ksem);
    ck_assert_int_eq(answer(&p[next]), 0);
    *left &= ~(1u << next);
    for (int i = 0; i < MANY; i++) {
        if ((*left & 1u << i) != 0)
            ck_assert_msg(!done(&p[i]) && ksl_thread_asleep(p[i].actor.thread),
                          "waiter %d left instead of %d", i, next);
    }
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
}

static void queue_up(const int *prio, int n)
{
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(ksl_thread_set_priority(p[i].actor.thread, prio[i]), 0);
        tell_blocked(&p[i], down, &ksem);
    }
}

START_TEST(evl_ksem_K4_the_most_urgent_first_then_the_first_come)
{
    static const int prio[MANY] = {10, 30, 20, 30, 10};
    unsigned left = 31;
    queue_up(prio, MANY);
    post_wakes(1, &left);
    post_wakes(3, &left);
    post_wakes(2, &left);
    post_wakes(0, &left);
    post_wakes(4, &left);
}
END_TEST

START_TEST(evl_ksem_K4_equals_in_order_of_arrival)
{
    static const int prio[MANY] = {0, 0, 0, 0, 0};
    unsigned left = 31;
    queue_up(prio, MANY);
    for (int i = 0; i < MANY; i++)
        post_wakes(i, &left);
}
END_TEST

START_TEST(evl_ksem_K5_a_raised_waiter_moves_ahead)
{
    static const int prio[MANY] = {10, 20, 30, 40, 50};
    unsigned left = 31;
    queue_up(prio, MANY);
    ck_assert_int_eq(ksl_thread_set_priority(p[0].actor.thread, 60), 0);
    ck_assert_int_eq(ksl_thread_set_priority(p[2].actor.thread, 45), 0);
    ck_assert_int_eq(ksl_thread_set_priority(p[4].actor.thread, 5), 0);
    post_wakes(0, &left);
    post_wakes(2, &left);
    post_wakes(3, &left);
    post_wakes(1, &left);
    post_wakes(4, &left);
}
END_TEST

START_TEST(evl_ksem_K5_a_raised_waiter_stands_behind_its_new_equals)
{
    static const int prio[3] = {10, 20, 20};
    unsigned left = 7;
    queue_up(prio, 3);
    ck_assert_int_eq(ksl_thread_set_priority(p[0].actor.thread, 20), 0);
    post_wakes(1, &left);
    post_wakes(2, &left);
    post_wakes(0, &left);
}
END_TEST

START_TEST(evl_ksem_K6_posts_in_advance_and_posts_to_waiters_add_up)
{
    evl_init_ksem(&ksem, 1);
    for (int i = 0; i < MANY; i++)
        tell(&p[i], down, &ksem);
    WAIT_UNTIL(puppets_done(p, MANY) == 1);
    for (int n = 2; n <= MANY; n++) {
        evl_up(&ksem);
        WAIT_UNTIL(puppets_done(p, MANY) == n);
    }
    evl_up(&ksem);
    evl_up(&ksem);
    ck_assert_int_eq(drain(&ksem), 2);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(p[i].result, 0);
}
END_TEST

static int down_in_60_s(void *object)
{
    return evl_down_timeout(object, in_ms(60000));
}

START_TEST(evl_ksem_K9_broadcast_lets_all_waiters_of_the_moment_go)
{
    for (int turn = 0; turn < 10; turn++) {
        for (int i = 0; i < MANY; i++)
            tell_blocked(&p[i], i % 2 == 0 ? down : down_in_60_s, &ksem);
        evl_broadcast(&ksem);
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(answer(&p[i]), 0);
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
    evl_broadcast(&ksem); /* nobody waits: no trace */
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    tell_blocked(&p[0], down, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&p[0]), 0);
    evl_init_ksem(&ksem, 3);
    evl_broadcast(&ksem);
    ck_assert_int_eq(drain(&ksem), 3);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K10_destroy_ends_all_waits_and_the_memory_may_go)
{
    for (int turn = 0; turn < 30; turn++) {
        struct evl_ksem *mine = malloc(sizeof *mine);
        ck_assert_ptr_nonnull(mine);
        evl_init_ksem(mine, 0);
        for (int i = 0; i < 3; i++)
            tell_blocked(&p[i], i == 1 ? down_in_60_s : down, mine);
        evl_destroy_ksem(mine);
        free(mine);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(answer(&p[i]), -EIDRM);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int use_and_free(void *object)
{
    int error = evl_down(object);
    evl_destroy_ksem(object);
    memset(object, 0xa5, sizeof(struct evl_ksem));
    free(object);
    return error;
}

START_TEST(evl_ksem_K10_whoever_gets_the_unit_may_free_the_memory)
{
    for (int turn = 0; turn < 300; turn++) {
        struct evl_ksem *mine = malloc(sizeof *mine);
        ck_assert_ptr_nonnull(mine);
        evl_init_ksem(mine, 0);
        if (turn % 2 == 0)
            tell_blocked(&p[0], use_and_free, mine);
        else
            tell(&p[0], use_and_free, mine);
        evl_up(mine);
        ck_assert_int_eq(answer(&p[0]), 0);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int destroy(void *object)
{
    evl_destroy_ksem(object);
    return 0;
}

START_TEST(evl_ksem_K10_a_destroyed_one_refuses_every_call)
{
    static const call_fn calls[] = {down, down_in_60_s, trydown, up, broadcast, destroy};
    static const int refused[] = {-EPERM, -EPERM, -EAGAIN, 0, 0, 0};
    for (unsigned value = 0; value < 2; value++) {
        evl_init_ksem(&ksem, value);
        evl_destroy_ksem(&ksem);
        for (int i = 0; i < 6; i++) {
            recorder_start();
            ck_assert_int_eq(ask(&p[0], calls[i], &ksem), refused[i]);
            ASSERT_VIOLATED("destroyed");
            ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
            ck_assert_ptr_eq(recorder_last().lock, &ksem);
        }
    }
    recorder_start();
    evl_init_ksem(&ksem, 1);
    ck_assert_int_eq(drain(&ksem), 1);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl ksem");
    TCase *tc = tcase_create("ksem");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_ksem_K1_the_initial_value);
    tcase_add_test(tc, evl_ksem_K1_a_value_that_is_too_large);
    tcase_add_test(tc, evl_ksem_K2_K15_up_and_trydown);
    tcase_add_test(tc, evl_ksem_K3_a_unit_that_is_there_is_taken_on_any_stage);
    tcase_add_test(tc, evl_ksem_K4_the_most_urgent_first_then_the_first_come);
    tcase_add_test(tc, evl_ksem_K4_equals_in_order_of_arrival);
    tcase_add_test(tc, evl_ksem_K5_a_raised_waiter_moves_ahead);
    tcase_add_test(tc, evl_ksem_K5_a_raised_waiter_stands_behind_its_new_equals);
    tcase_add_test(tc, evl_ksem_K6_posts_in_advance_and_posts_to_waiters_add_up);
    tcase_add_test(tc, evl_ksem_K9_broadcast_lets_all_waiters_of_the_moment_go);
    tcase_add_test(tc, evl_ksem_K10_destroy_ends_all_waits_and_the_memory_may_go);
    tcase_add_test(tc, evl_ksem_K10_whoever_gets_the_unit_may_free_the_memory);
    tcase_add_test(tc, evl_ksem_K10_a_destroyed_one_refuses_every_call);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
