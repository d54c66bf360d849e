/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX priority promotion: chains of owners (T57, T59). */
#include "aix_promotion_chain.h"

START_TEST(aix_T57_one_owner_of_all_three_kinds)
{
    for (int i = 0; i < KINDS; i++) {
        owned_init(&lock[i], i);
        ck_assert_int_eq(ask(&p[0], take, &lock[i]), 0);
    }
    for (int i = 0; i < KINDS; i++) {
        set_urgency(&p[i + 1], 20 + 10 * i);
        tell_blocked(&p[i + 1], take, &lock[i]);
        ASSERT_URGENCY(&p[0], 20 + 10 * i);
    }
    for (int i = KINDS - 1; i >= 0; i--) {
        pass(&p[0], &lock[i], &p[i + 1]);
        ASSERT_URGENCY(&p[0], i == 0 ? 0 : 10 + 10 * i);
        (void)ask(&p[i + 1], drop, &lock[i]);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* H waits for X of M, M waits for Y of L. */
START_TEST(aix_T59_a_chain_of_two)
{
    kinds_of(_i);
    link_chain(2);
    CHECK(11, 11);
    set_urgency(&p[2], 60);
    tell_blocked(&p[2], take, &lock[1]);
    CHECK(60, 60, 60);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(10, 60, 60);
    (void)ask(&p[1], drop, &lock[0]);
    CHECK(10, 60, 60); /* not yet: H waits for the other one */
    pass(&p[1], &lock[1], &p[2]);
    CHECK(10, 11, 60);
    (void)ask(&p[2], drop, &lock[1]);
}
END_TEST

START_TEST(aix_T59_a_chain_of_four_gets_a_late_arrival_at_its_end)
{
    kinds_of(_i);
    link_chain(DEPTH);
    CHECK(13, 13, 13, 13);
    set_urgency(&p[DEPTH], 70);
    tell_blocked(&p[DEPTH], take, &lock[DEPTH - 1]);
    CHECK(70, 70, 70, 70, 70);
    for (int i = 0; i < DEPTH; i++) {
        if (i > 0)
            (void)ask(&p[i], drop, &lock[i - 1]);
        ASSERT_URGENCY(&p[i], 70);
        pass(&p[i], &lock[i], &p[i + 1]);
        ASSERT_URGENCY(&p[i], 10 + i);
        ASSERT_URGENCY(&p[i + 1], 70);
    }
    (void)ask(&p[DEPTH], drop, &lock[DEPTH - 1]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Only those below the place of the arrival are promoted. */
START_TEST(aix_T59_a_chain_joined_in_the_middle)
{
    kinds_of(_i);
    link_chain(DEPTH);
    set_urgency(&p[4], 40);
    tell_blocked(&p[4], take, &lock[3]);
    CHECK(40, 40, 40, 40);
    set_urgency(&p[5], 60);
    tell_blocked(&p[5], take, &lock[1]);
    CHECK(60, 60, 40, 40);
    set_urgency(&p[6], 80);
    tell_blocked(&p[6], take, &lock[0]);
    CHECK(80, 60, 40, 40);
    pass(&p[0], &lock[0], &p[6]);
    CHECK(10, 60, 40, 40, 40, 60, 80);
    pass(&p[6], &lock[0], &p[1]);
    (void)ask(&p[1], drop, &lock[0]);
    CHECK(10, 60, 40, 40);
    pass(&p[1], &lock[1], &p[5]);
    CHECK(10, 11, 40, 40, 40, 60);
    pass(&p[5], &lock[1], &p[2]);
    (void)ask(&p[2], drop, &lock[1]);
    CHECK(10, 11, 40, 40);
    pass(&p[2], &lock[2], &p[3]);
    (void)ask(&p[3], drop, &lock[2]);
    CHECK(10, 11, 12, 40);
    pass(&p[3], &lock[3], &p[4]);
    CHECK(10, 11, 12, 13);
    (void)ask(&p[4], drop, &lock[3]);
}
END_TEST

/* A tree: two waiters of one owner are themselves owners with waiters. */
START_TEST(aix_T59_two_chains_meet_in_one_owner)
{
    kinds_of(_i);
    CHECK(0, 0, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&p[i], take, &lock[i]), 0);
    tell_blocked(&p[1], take, &lock[0]);
    tell_blocked(&p[2], take, &lock[0]);
    set_urgency(&p[3], 30);
    tell_blocked(&p[3], take, &lock[1]);
    CHECK(30, 30, 0);
    set_urgency(&p[4], 50);
    tell_blocked(&p[4], take, &lock[2]);
    CHECK(50, 30, 50);
    pass(&p[0], &lock[0], &p[2]); /* the most favoured is so by promotion */
    CHECK(0, 30, 50);
    still_asleep(&p[1]);
    pass(&p[2], &lock[2], &p[4]);
    CHECK(0, 30, 30, 30, 50); /* lock 0 has a waiter that is promoted */
    pass(&p[2], &lock[0], &p[1]);
    CHECK(0, 30, 0);
    (void)ask(&p[1], drop, &lock[0]);
    pass(&p[1], &lock[1], &p[3]);
    CHECK(0, 0, 0);
    (void)ask(&p[3], drop, &lock[1]);
    (void)ask(&p[4], drop, &lock[2]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aix_promotion_chain");
    TCase *tc = tcase_create("chains");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_T57_one_owner_of_all_three_kinds);
    tcase_add_loop_test(tc, aix_T59_a_chain_of_two, 0, KINDS * KINDS);
    tcase_add_loop_test(tc, aix_T59_a_chain_of_four_gets_a_late_arrival_at_its_end, 0,
                        TRIPLES);
    tcase_add_loop_test(tc, aix_T59_a_chain_joined_in_the_middle, 0, TRIPLES);
    tcase_add_loop_test(tc, aix_T59_two_chains_meet_in_one_owner, 0, TRIPLES);
    suite_add_tcase(s, tc);
    return support_run(s);
}
