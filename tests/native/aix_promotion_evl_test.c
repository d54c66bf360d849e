/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel mutexes of EVL: results, and the priority promotion of T53 to T61. */
#include "evl_test.h"

#include <evl/mutex.h>

enum { MANY = 6, DEPTH = 4 };

static struct puppet p[MANY], inband;
static struct evl_kmutex m[DEPTH];

static int mutex_lock(void *object)
{
    return evl_lock_kmutex((struct evl_kmutex *)object);
}

static int mutex_trylock(void *object)
{
    return evl_trylock_kmutex((struct evl_kmutex *)object);
}

static int mutex_unlock(void *object)
{
    evl_unlock_kmutex((struct evl_kmutex *)object);
    return 0;
}

static int mutex_destroy(void *object)
{
    evl_destroy_kmutex((struct evl_kmutex *)object);
    return 0;
}

static void setup(void)
{
    puppets_start_on(p, MANY, KSL_STAGE_OOB);
    puppet_start_on(&inband, KSL_STAGE_INBAND);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(ksl_thread_set_priority(p[i].actor.thread, 10 + i), 0);
    for (int i = 0; i < DEPTH; i++)
        evl_init_kmutex(&m[i]);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, MANY);
    puppet_end(&inband);
    recorder_stop();
}

static int urgency(const struct puppet *q)
{
    return ksl_thread_effective_priority(q->actor.thread);
}

static void set_urgency(struct puppet *q, int priority)
{
    ck_assert_int_eq(ksl_thread_set_priority(q->actor.thread, priority), 0);
}

static void check(const int *expected, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(urgency(&p[i]) == expected[i], "puppet %d has %d, expected %d", i,
                      urgency(&p[i]), expected[i]);
}

#define CHECK(...)                                                                       \
    check((const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

static void pass(struct puppet *from, struct evl_kmutex *mutex, struct puppet *to)
{
    (void)ask(from, mutex_unlock, mutex);
    ck_assert_int_eq(answer(to), 0);
}

START_TEST(evl_kmutex_results)
{
    ck_assert_int_eq(ask(&p[0], mutex_trylock, &m[0]), 0);
    ck_assert_int_eq(ask(&p[0], mutex_trylock, &m[0]), -EDEADLK);
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), -EDEADLK);
    ck_assert_int_eq(ask(&p[1], mutex_trylock, &m[0]), -EBUSY);
    tell_blocked(&p[1], mutex_lock, &m[0]);
    pass(&p[0], &m[0], &p[1]);
    ck_assert_int_eq(ask(&p[0], mutex_trylock, &m[0]), -EBUSY);
    (void)ask(&p[1], mutex_unlock, &m[0]);
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), 0);
    (void)ask(&p[0], mutex_unlock, &m[0]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_kmutex_is_the_owners)
{
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), 0);
    tell_blocked(&p[2], mutex_lock, &m[0]);
    (void)ask(&p[1], mutex_unlock, &m[0]);
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &m[0]);
    CHECK(12, 11, 12);
    still_asleep(&p[2]);
    recorder_start();
    pass(&p[0], &m[0], &p[2]);
    (void)ask(&p[2], mutex_unlock, &m[0]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    (void)ask(&p[2], mutex_unlock, &m[0]);
    ASSERT_VIOLATED("not-locked");
}
END_TEST

START_TEST(evl_kmutex_no_wait_ends_by_a_signal)
{
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), 0);
    tell_blocked(&p[1], mutex_lock, &m[0]);
    ck_assert_int_eq(ksl_signal_post(p[1].actor.thread, 10), 0);
    ck_assert_int_eq(ksl_thread_unblock(p[1].actor.thread), 0);
    still_asleep(&p[1]);
    pass(&p[0], &m[0], &p[1]);
    ck_assert_int_eq(ask(&p[1], take_signal, NULL), 10);
    (void)ask(&p[1], mutex_unlock, &m[0]);
}
END_TEST

/* Its owner must not unlock it any more. */
START_TEST(evl_kmutex_destroy_ends_the_waits_and_the_promotion)
{
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[1]), 0);
    tell_blocked(&p[1], mutex_lock, &m[1]);
    for (int turn = 0; turn < 20; turn++) {
        ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), 0);
        for (int i = 2; i < MANY; i++)
            tell_blocked(&p[i], mutex_lock, &m[0]);
        CHECK(10 + MANY - 1);
        (void)ask(&p[0], mutex_destroy, &m[0]);
        for (int i = 2; i < MANY; i++)
            ck_assert_int_eq(answer(&p[i]), -EIDRM);
        CHECK(11, 11, 12);
        evl_init_kmutex(&m[0]);
    }
    pass(&p[0], &m[1], &p[1]);
    CHECK(10, 11, 12);
    (void)ask(&p[1], mutex_unlock, &m[1]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_kmutex_T53_T54_T55_the_owner_has_the_best_waiters_priority)
{
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), 0);
    set_urgency(&p[1], 50);
    set_urgency(&p[2], 5);
    set_urgency(&p[3], 70);
    tell_blocked(&p[1], mutex_lock, &m[0]);
    CHECK(50, 50);
    tell_blocked(&p[2], mutex_lock, &m[0]);
    CHECK(50, 50, 5);
    tell_blocked(&p[3], mutex_lock, &m[0]);
    CHECK(70, 50, 5, 70);
    ck_assert_int_eq(ask(&p[4], mutex_trylock, &m[0]), -EBUSY);
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), -EDEADLK);
    CHECK(70, 50, 5, 70);
    pass(&p[0], &m[0], &p[3]);
    CHECK(10, 50, 5, 70);
    set_urgency(&p[3], 6);
    CHECK(10, 50, 5, 50);
    pass(&p[3], &m[0], &p[1]);
    CHECK(10, 50, 5, 6);
    pass(&p[1], &m[0], &p[2]);
    (void)ask(&p[2], mutex_unlock, &m[0]);
    CHECK(10, 50, 5, 6);
}
END_TEST

START_TEST(evl_kmutex_T56_another_one_keeps_its_promotion)
{
    for (int first = 0; first < 2; first++) {
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(ask(&p[0], mutex_lock, &m[i]), 0);
            set_urgency(&p[i + 1], 60 - 20 * i);
            tell_blocked(&p[i + 1], mutex_lock, &m[i]);
        }
        CHECK(60, 60, 40);
        pass(&p[0], &m[first], &p[first + 1]);
        CHECK(first == 0 ? 40 : 60);
        pass(&p[0], &m[!first], &p[!first + 1]);
        CHECK(10);
        (void)ask(&p[1], mutex_unlock, &m[0]);
        (void)ask(&p[2], mutex_unlock, &m[1]);
    }
}
END_TEST

/* Puppet i owns mutex i and waits for mutex i - 1. */
START_TEST(evl_kmutex_T59_T61_chains)
{
    for (int i = 0; i < DEPTH; i++)
        ck_assert_int_eq(ask(&p[i], mutex_lock, &m[i]), 0);
    for (int i = 1; i < DEPTH; i++)
        tell_blocked(&p[i], mutex_lock, &m[i - 1]);
    CHECK(13, 13, 13, 13);
    set_urgency(&p[4], 60);
    tell_blocked(&p[4], mutex_lock, &m[3]);
    CHECK(60, 60, 60, 60, 60);
    set_urgency(&p[5], 80);
    tell_blocked(&p[5], mutex_lock, &m[1]);
    CHECK(80, 80, 60, 60, 60, 80);
    set_urgency(&p[5], 0);
    set_urgency(&p[4], 30);
    CHECK(30, 30, 30, 30, 30, 0);
    for (int i = 0; i < DEPTH; i++) {
        if (i > 0)
            (void)ask(&p[i], mutex_unlock, &m[i - 1]);
        if (i == 2) { /* the one that joined in the middle got it */
            ck_assert_int_eq(answer(&p[5]), 0);
            (void)ask(&p[5], mutex_unlock, &m[1]);
        }
        CHECK(i == 0 ? 30 : 10);
        pass(&p[i], &m[i], &p[i + 1]);
        ck_assert_int_eq(urgency(&p[i]), 10 + i);
        ck_assert_int_eq(urgency(&p[i + 1]), 30);
    }
    (void)ask(&p[4], mutex_unlock, &m[3]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Destroying one of the two mutexes ends the cycle. */
START_TEST(evl_kmutex_T59_a_cycle_ends_the_lending)
{
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ask(&p[i], mutex_lock, &m[i]), 0);
    tell_blocked(&p[0], mutex_lock, &m[1]);
    tell_blocked(&p[1], mutex_lock, &m[0]);
    CHECK(11, 11);
    set_urgency(&p[2], 60);
    tell_blocked(&p[2], mutex_lock, &m[0]);
    CHECK(60, 60, 60);
    ck_assert_int_eq(ask(&p[3], mutex_destroy, &m[1]), 0);
    ck_assert_int_eq(answer(&p[0]), -EIDRM);
    CHECK(60, 11, 60);
    pass(&p[0], &m[0], &p[2]);
    CHECK(10, 11, 60);
    pass(&p[2], &m[0], &p[1]);
    (void)ask(&p[1], mutex_unlock, &m[0]);
    CHECK(10, 11, 60);
}
END_TEST

/* Its threads are out-of-band ones. */
START_TEST(evl_kmutex_a_wait_in_band_is_refused)
{
    ck_assert_int_eq(ask(&p[0], mutex_lock, &m[0]), 0);
    set_urgency(&inband, 90);
    ck_assert_int_eq(ask(&inband, mutex_lock, &m[0]), -EPERM);
    ASSERT_VIOLATED("stage");
    CHECK(10);
    (void)ask(&p[0], mutex_unlock, &m[0]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aix_promotion_evl");
    TCase *tc = tcase_create("kmutex");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_kmutex_results);
    tcase_add_test(tc, evl_kmutex_is_the_owners);
    tcase_add_test(tc, evl_kmutex_no_wait_ends_by_a_signal);
    tcase_add_test(tc, evl_kmutex_destroy_ends_the_waits_and_the_promotion);
    tcase_add_test(tc, evl_kmutex_T53_T54_T55_the_owner_has_the_best_waiters_priority);
    tcase_add_test(tc, evl_kmutex_T56_another_one_keeps_its_promotion);
    tcase_add_test(tc, evl_kmutex_T59_T61_chains);
    tcase_add_test(tc, evl_kmutex_T59_a_cycle_ends_the_lending);
    tcase_add_test(tc, evl_kmutex_a_wait_in_band_is_refused);
    suite_add_tcase(s, tc);
    return support_run(s);
}
