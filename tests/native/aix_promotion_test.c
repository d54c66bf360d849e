/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX priority promotion: one owner, one or more locks (T53 to T57, T62, C5). */
#include "aix_promotion.h"

#include <string.h>

enum { MANY = 6 };

static struct puppet p[MANY];
static struct owned x, y, z;

static void setup(void)
{
    puppets_start(p, MANY);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, MANY);
    recorder_stop();
}

static void urgencies(const int *base, int n)
{
    for (int i = 0; i < n; i++)
        set_urgency(&p[i], base[i]);
}

/* The puppet releases the lock, and the next one has it then. */
static void pass(struct puppet *from, struct owned *l, struct puppet *to)
{
    (void)ask(from, drop, l);
    assert_got(to);
}

START_TEST(aix_T53_the_owner_has_the_priority_of_its_waiter)
{
    owned_init(&x, _i);
    urgencies((const int[]){10, 50}, 2);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    ASSERT_URGENCY(&p[0], 10);
    tell_blocked(&p[1], take, &x);
    ASSERT_URGENCY(&p[0], 50);
    ck_assert_int_eq(ksl_thread_priority(p[0].actor.thread), 10);
    ASSERT_URGENCY(&p[1], 50);
    pass(&p[0], &x, &p[1]);
    ASSERT_URGENCY(&p[0], 10);
    ASSERT_URGENCY(&p[1], 50);
    (void)ask(&p[1], drop, &x);
    ASSERT_URGENCY(&p[1], 50);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_T53_the_extremes_of_the_scale)
{
    owned_init(&x, _i);
    urgencies((const int[]){0, 99}, 2);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    tell_blocked(&p[1], take, &x);
    ASSERT_URGENCY(&p[0], 99);
    pass(&p[0], &x, &p[1]);
    ASSERT_URGENCY(&p[0], 0);
    tell_blocked(&p[0], take, &x);
    ASSERT_URGENCY(&p[1], 99);
    pass(&p[1], &x, &p[0]);
    (void)ask(&p[0], drop, &x);
}
END_TEST

START_TEST(aix_T53_a_less_favoured_waiter_changes_nothing)
{
    owned_init(&x, _i);
    urgencies((const int[]){50, 10, 50}, 3);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    tell_blocked(&p[1], take, &x);
    ASSERT_URGENCY(&p[0], 50);
    tell_blocked(&p[2], take, &x);
    ASSERT_URGENCY(&p[0], 50);
    ASSERT_URGENCY(&p[1], 10); /* a waiter is not promoted by those beside it */
    pass(&p[0], &x, &p[2]);
    pass(&p[2], &x, &p[1]);
    ASSERT_URGENCY(&p[1], 10);
    (void)ask(&p[1], drop, &x);
}
END_TEST

START_TEST(aix_T53_an_owner_by_a_try_call_is_promoted_too)
{
    owned_init(&x, _i);
    urgencies((const int[]){10, 50}, 2);
    ck_assert_int_eq(ask(&p[0], try_take, &x), 1);
    tell_blocked(&p[1], take, &x);
    ASSERT_URGENCY(&p[0], 50);
    pass(&p[0], &x, &p[1]);
    ASSERT_URGENCY(&p[0], 10);
    (void)ask(&p[1], drop, &x);
}
END_TEST

START_TEST(aix_T53_a_failed_try_lends_nothing)
{
    owned_init(&x, _i);
    urgencies((const int[]){10, 50}, 2);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    ck_assert_int_eq(ask(&p[1], try_take, &x), 0);
    ASSERT_URGENCY(&p[0], 10);
    (void)ask(&p[0], drop, &x);
}
END_TEST

START_TEST(aix_T54_the_best_of_several_waiters_counts)
{
    static const int arriving[] = {20, 40, 30, 60, 5}, expected[] = {20, 40, 40, 60, 60};
    owned_init(&x, _i);
    set_urgency(&p[0], 10);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    for (int i = 0; i < 5; i++) {
        set_urgency(&p[i + 1], arriving[i]);
        tell_blocked(&p[i + 1], take, &x);
        ASSERT_URGENCY(&p[0], expected[i]);
    }
    static const int order[] = {0, 4, 2, 3, 1, 5}; /* by priority */
    for (int i = 0; i < 5; i++) {
        pass(&p[order[i]], &x, &p[order[i + 1]]);
        ASSERT_URGENCY(&p[order[i]], i == 0 ? 10 : arriving[order[i] - 1]);
    }
    (void)ask(&p[5], drop, &x);
}
END_TEST

START_TEST(aix_T54_the_next_owner_has_what_the_remaining_waiters_lend)
{
    owned_init(&x, _i);
    urgencies((const int[]){10, 60, 40, 20}, 4);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    for (int i = 1; i < 4; i++)
        tell_blocked(&p[i], take, &x);
    pass(&p[0], &x, &p[1]);
    set_urgency(&p[1], 5);
    ASSERT_URGENCY(&p[1], 40);
    still_asleep(&p[2]);
    pass(&p[1], &x, &p[2]);
    ASSERT_URGENCY(&p[1], 5);
    set_urgency(&p[2], 6);
    ASSERT_URGENCY(&p[2], 20);
    pass(&p[2], &x, &p[3]);
    ASSERT_URGENCY(&p[2], 6);
    ASSERT_URGENCY(&p[3], 20);
    (void)ask(&p[3], drop, &x);
}
END_TEST

static int drop_and_try(void *object)
{
    (void)drop(object);
    return try_take(object);
}

/* A woken waiter competes (T9, T16). Whoever wins, the other one has lent to it. */
START_TEST(aix_T54_an_owner_that_passed_the_woken_waiter_is_promoted)
{
    owned_init(&x, _i);
    urgencies((const int[]){10, 50, 40}, 3);
    for (int turn = 0; turn < 300; turn++) {
        ck_assert_int_eq(ask(&p[0], take, &x), 0);
        tell_blocked(&p[2], take, &x);
        tell_blocked(&p[1], take, &x);
        ASSERT_URGENCY(&p[0], 50);
        if (ask(&p[0], drop_and_try, &x) == 1) {
            still_asleep(&p[1]);
            ASSERT_URGENCY(&p[0], 50);
            (void)ask(&p[0], drop, &x);
        }
        assert_got(&p[1]);
        ASSERT_URGENCY(&p[0], 10);
        still_asleep(&p[2]);
        pass(&p[1], &x, &p[2]);
        (void)ask(&p[2], drop, &x);
    }
}
END_TEST

START_TEST(aix_T55_release_restores_the_base_priority)
{
    static const int base[] = {10, 50, 40, 30};
    owned_init(&x, _i);
    urgencies(base, 4);
    for (int turn = 0; turn < 20; turn++) {
        ck_assert_int_eq(ask(&p[0], take, &x), 0);
        for (int i = 1; i < 4; i++)
            tell_blocked(&p[i], take, &x);
        ASSERT_URGENCY(&p[0], 50);
        pass(&p[0], &x, &p[1]);
        ASSERT_URGENCY(&p[0], 10);
        pass(&p[1], &x, &p[2]);
        pass(&p[2], &x, &p[3]);
        (void)ask(&p[3], drop, &x);
        for (int i = 0; i < 4; i++)
            ASSERT_URGENCY(&p[i], base[i]);
    }
}
END_TEST

START_TEST(aix_T55_a_refused_release_changes_no_priority)
{
    owned_init(&x, _i);
    urgencies((const int[]){10, 50, 70}, 3);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    tell_blocked(&p[1], take, &x);
    recorder_start();
    (void)ask(&p[2], drop, &x);
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, lock_of(&x));
    ck_assert_ptr_eq(recorder_last().thread, p[2].actor.thread);
    ASSERT_URGENCY(&p[0], 50);
    ASSERT_URGENCY(&p[2], 70);
    still_asleep(&p[1]);
    recorder_start();
    pass(&p[0], &x, &p[1]);
    ASSERT_URGENCY(&p[0], 10);
    (void)ask(&p[1], drop, &x);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Loops over all pairs of kinds. */
START_TEST(aix_T56_another_lock_keeps_its_promotion)
{
    owned_init(&x, _i / KINDS);
    owned_init(&y, _i % KINDS);
    urgencies((const int[]){10, 60, 40, 20}, 4);
    for (int first = 0; first < 2; first++) {
        ck_assert_int_eq(ask(&p[0], take, &x), 0);
        ck_assert_int_eq(ask(&p[0], take, &y), 0);
        tell_blocked(&p[1], take, &x);
        tell_blocked(&p[2], take, &y);
        tell_blocked(&p[3], take, &y);
        ASSERT_URGENCY(&p[0], 60);
        if (first == 0) {
            pass(&p[0], &x, &p[1]);
            ASSERT_URGENCY(&p[0], 40);
            pass(&p[0], &y, &p[2]);
        } else {
            pass(&p[0], &y, &p[2]);
            ASSERT_URGENCY(&p[0], 60);
            pass(&p[0], &x, &p[1]);
        }
        ASSERT_URGENCY(&p[0], 10);
        (void)ask(&p[1], drop, &x);
        pass(&p[2], &y, &p[3]);
        (void)ask(&p[3], drop, &y);
    }
}
END_TEST

/* Three locks of different kinds, released in every order; one has no waiter. */
START_TEST(aix_C5_recomputed_over_what_is_left_and_normal_when_nothing_is)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const int lent[3] = {60, 40, 0};
    struct owned *locks[3] = {&x, &y, &z};
    for (int i = 0; i < 3; i++)
        owned_init(locks[i], (_i + i) % KINDS);
    urgencies((const int[]){10, 60, 40}, 3);
    for (int turn = 0; turn < 6; turn++) {
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(ask(&p[0], take, locks[i]), 0);
        tell_blocked(&p[1], take, &x);
        tell_blocked(&p[2], take, &y);
        for (int i = 0; i < 3; i++) {
            (void)ask(&p[0], drop, locks[orders[turn][i]]);
            int expected = 10;
            for (int j = i + 1; j < 3; j++) {
                int other = lent[orders[turn][j]];
                expected = other > expected ? other : expected;
            }
            ASSERT_URGENCY(&p[0], expected);
        }
        assert_got(&p[1]);
        assert_got(&p[2]);
        (void)ask(&p[1], drop, &x);
        (void)ask(&p[2], drop, &y);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* The nested acquisition of x, and its release where it has one. */
static int nest(void *object)
{
    struct owned *l = object;
    if (l->kind == LOCKL)
        return lockl(&l->u.word, LOCK_SHORT) == LOCK_NEST ? 0 : -1;
    lock_set_recursive(&l->u.complex);
    lock_write(&l->u.complex);
    lock_read(&l->u.complex);
    return 0;
}

static int unnest(void *object)
{
    struct owned *l = object;
    if (l->kind == LOCKL)
        return 0;
    lock_done(&l->u.complex);
    lock_done(&l->u.complex);
    lock_clear_recursive(&l->u.complex);
    return 0;
}

static void nested(int kind)
{
    owned_init(&x, kind);
    urgencies((const int[]){10, 50, 60}, 3);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    ck_assert_int_eq(ask(&p[0], nest, &x), 0);
    ASSERT_URGENCY(&p[0], 10); /* nesting alone promotes nobody */
    tell_blocked(&p[1], take, &x);
    ASSERT_URGENCY(&p[0], 50);
    ck_assert_int_eq(ask(&p[0], unnest, &x), 0);
    ASSERT_URGENCY(&p[0], 50); /* an inner release ends nothing */
    still_asleep(&p[1]);
    ck_assert_int_eq(ask(&p[0], nest, &x), 0); /* again, with a waiter there */
    ASSERT_URGENCY(&p[0], 50);
    tell_blocked(&p[2], take, &x);
    ASSERT_URGENCY(&p[0], 60);
    ck_assert_int_eq(ask(&p[0], unnest, &x), 0);
    ASSERT_URGENCY(&p[0], 60);
    pass(&p[0], &x, &p[2]);
    ASSERT_URGENCY(&p[0], 10);
    pass(&p[2], &x, &p[1]);
    (void)ask(&p[1], drop, &x);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(aix_T62_nested_lockl_adds_and_ends_no_promotion)
{
    nested(LOCKL);
}
END_TEST

START_TEST(aix_T62_recursive_complex_lock_adds_and_ends_no_promotion)
{
    nested(WRITE);
}
END_TEST

/* A self-deadlock is refused: the promotion stays as it was. */
START_TEST(aix_T62_a_refused_recursion_changes_no_priority)
{
    int kind = _i == 0 ? SIMPLE : WRITE;
    owned_init(&x, kind);
    urgencies((const int[]){10, 50}, 2);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    tell_blocked(&p[1], take, &x);
    (void)ask(&p[0], take, &x);
    ASSERT_VIOLATED("recursion");
    ck_assert_ptr_eq(recorder_last().lock, lock_of(&x));
    ASSERT_URGENCY(&p[0], 50);
    still_asleep(&p[1]);
    pass(&p[0], &x, &p[1]);
    ASSERT_URGENCY(&p[0], 10);
    (void)ask(&p[1], drop, &x);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aix_promotion");
    TCase *tc = tcase_create("one owner");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, aix_T53_the_owner_has_the_priority_of_its_waiter, 0, KINDS);
    tcase_add_loop_test(tc, aix_T53_the_extremes_of_the_scale, 0, KINDS);
    tcase_add_loop_test(tc, aix_T53_a_less_favoured_waiter_changes_nothing, 0, KINDS);
    tcase_add_loop_test(tc, aix_T53_an_owner_by_a_try_call_is_promoted_too, 0, KINDS);
    tcase_add_loop_test(tc, aix_T53_a_failed_try_lends_nothing, 0, KINDS);
    tcase_add_loop_test(tc, aix_T54_the_best_of_several_waiters_counts, 0, KINDS);
    tcase_add_loop_test(tc, aix_T54_the_next_owner_has_what_the_remaining_waiters_lend, 0,
                        KINDS);
    tcase_add_loop_test(tc, aix_T54_an_owner_that_passed_the_woken_waiter_is_promoted, 0,
                        KINDS);
    tcase_add_loop_test(tc, aix_T55_release_restores_the_base_priority, 0, KINDS);
    tcase_add_loop_test(tc, aix_T55_a_refused_release_changes_no_priority, 0, KINDS);
    tcase_add_loop_test(tc, aix_T56_another_lock_keeps_its_promotion, 0, KINDS * KINDS);
    tcase_add_loop_test(
        tc, aix_C5_recomputed_over_what_is_left_and_normal_when_nothing_is, 0, KINDS);
    tcase_add_test(tc, aix_T62_nested_lockl_adds_and_ends_no_promotion);
    tcase_add_test(tc, aix_T62_recursive_complex_lock_adds_and_ends_no_promotion);
    tcase_add_loop_test(tc, aix_T62_a_refused_recursion_changes_no_priority, 0, 2);
    suite_add_tcase(s, tc);
    return support_run(s);
}
