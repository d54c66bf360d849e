/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX complex locks: recursion (T45 to T52). */
#include "aix_complex.h"

static void own_recursively(void)
{
    says(0, do_lock_write);
    says(0, do_set_recursive);
}

START_TEST(aix_T46_only_the_owner_may_nest)
{
    setup(3);
    own_recursively();
    says(0, do_lock_write);
    says(0, do_lock_read);
    ck_assert_int_eq(says(0, do_try_write), TRUE);
    ck_assert_int_eq(says(0, do_try_read), TRUE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    ck_assert_int_eq(room(1), 0);
    blocks(1, do_lock_write);
    blocks(2, do_lock_read);
    for (int i = 0; i < 4; i++) {
        says(0, do_lock_done);
        ck_assert(!done(&p[1]) && !done(&p[2]));
        ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    }
    says(0, do_clear_recursive);
    says(0, do_lock_done);
    passes(1);
    passes(2);
    finish();
}
END_TEST

START_TEST(aix_T46_the_owner_nests_past_those_who_wait)
{
    setup(3);
    own_recursively();
    blocks(1, do_lock_write);
    blocks(2, do_lock_read);
    says(0, do_lock_read);
    says(0, do_lock_write);
    says(0, do_lock_done);
    says(0, do_lock_done);
    ck_assert(!done(&p[1]) && !done(&p[2]));
    says(0, do_clear_recursive);
    says(0, do_lock_done);
    passes(1);
    passes(2);
    finish();
}
END_TEST

START_TEST(aix_T47_every_acquisition_needs_its_own_release)
{
    static const call_fn take[] = {do_lock_write, do_lock_read, do_try_write,
                                   do_try_read};
    enum { DEPTH = 100 };
    setup(2);
    own_recursively();
    for (int i = 0; i < DEPTH; i++)
        says(0, take[i % 4]);
    for (int i = 0; i < DEPTH; i++) {
        ck_assert_int_eq(room(1), 0);
        says(0, do_lock_done);
    }
    ck_assert_int_eq(room(1), 0); /* n + 1 acquisitions, n releases */
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_clear_recursive);
    says(0, do_lock_done);
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    ck_assert_int_eq(room(1), 2);
    finish();
}
END_TEST

START_TEST(aix_T48_a_nested_read_leaves_the_lock_exclusive)
{
    setup(2);
    own_recursively();
    says(0, do_lock_read);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    ck_assert_int_eq(room(1), 0);
    blocks(1, do_lock_read);
    says(0, do_lock_done);
    ck_assert(!done(&p[1]));
    wait_asleep(p[1].actor.thread);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_clear_recursive);
    says(0, do_lock_done);
    passes(1);
    finish();
}
END_TEST

static void check_recursion(void)
{
    ASSERT_VIOLATED("recursion");
    ck_assert_ptr_eq(recorder_last().lock, &l);
    recorder_start();
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
}

START_TEST(aix_T49_after_the_clear_nesting_is_over)
{
    setup(2);
    for (int round = 0; round < 3; round++) {
        own_recursively();
        says(0, do_lock_write);
        says(0, do_lock_done);
        says(0, do_clear_recursive);
        ck_assert_int_eq(says(0, do_try_write), FALSE);
        ck_assert_int_eq(says(0, do_try_read), FALSE);
        ck_assert_uint_eq(recorder_count(NULL), 0);
        says(0, do_lock_write);
        check_recursion();
        says(0, do_lock_read);
        check_recursion();
        says(0, do_lock_done); /* the refused calls did not count */
        ck_assert_int_eq(room(1), 2);
    }
    finish();
}
END_TEST

START_TEST(aix_T49_it_can_be_set_again_while_held)
{
    setup(2);
    own_recursively();
    says(0, do_clear_recursive);
    ck_assert_int_eq(says(0, do_try_write), FALSE);
    says(0, do_set_recursive);
    ck_assert_int_eq(says(0, do_try_write), TRUE);
    says(0, do_lock_done);
    says(0, do_clear_recursive);
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2);
    finish();
}
END_TEST

START_TEST(aix_T49_a_clear_without_a_set_is_reported)
{
    setup(2);
    says(0, do_lock_write);
    says(0, do_clear_recursive);
    ASSERT_VIOLATED("recursive-flag");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    ck_assert_ptr_eq(recorder_last().lock, &l);
    recorder_start();
    ck_assert_int_eq(says(0, do_try_write), FALSE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2);
    finish();
}
END_TEST

static void check_reported(void)
{
    ASSERT_VIOLATED("recursive-flag");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    ck_assert_ptr_eq(recorder_last().lock, &l);
    ck_assert_ptr_eq(recorder_last().thread, p[0].actor.thread);
    recorder_start();
}

/* Derived: the lock must not go on naming the thread, which Mach's does. */
START_TEST(aix_T50_the_last_release_without_clear_resets_and_reports)
{
    setup(3);
    own_recursively();
    says(0, do_lock_write);
    says(0, do_lock_done);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    says(0, do_lock_done);
    check_reported();
    ck_assert_int_eq(lock_islocked(&l), FALSE);
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    says(1, do_lock_write);
    ck_assert_int_eq(room(0), 0); /* not past another writer */
    ck_assert_int_eq(says(1, do_try_write), FALSE);
    says(1, do_lock_done);
    says(0, do_lock_write);
    ck_assert_int_eq(says(0, do_try_write), FALSE); /* recursive no longer */
    says(0, do_lock_done);
    finish();
}
END_TEST

/* Whether the flag is gone afterwards is left open: only the count is looked at. */
START_TEST(aix_T51_a_clear_with_nested_holds_is_reported)
{
    setup(2);
    own_recursively();
    says(0, do_lock_write);
    says(0, do_lock_read);
    says(0, do_clear_recursive);
    check_reported();
    for (int i = 0; i < 2; i++) {
        says(0, do_lock_done);
        ck_assert_int_eq(room(1), 0);
        ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    }
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2);
    recorder_start();
    finish();
}
END_TEST

/* The downgrade itself takes place. */
START_TEST(aix_T52_a_downgrade_of_a_recursive_lock_is_reported)
{
    setup(3);
    own_recursively();
    blocks(1, do_lock_read);
    says(0, do_downgrade);
    check_reported();
    answer(&p[1]);
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    ck_assert_int_eq(room(2), 1);
    says(1, do_lock_done);
    says(0, do_lock_done);
    recorder_start();
    ck_assert_int_eq(room(2), 2);
    says(2, do_lock_write);
    ck_assert_int_eq(room(0), 0); /* not past another writer */
    says(2, do_lock_done);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix recursive complex locks");
    TCase *tc = tcase_create("recursion");
    tcase_add_test(tc, aix_T46_only_the_owner_may_nest);
    tcase_add_test(tc, aix_T46_the_owner_nests_past_those_who_wait);
    tcase_add_test(tc, aix_T47_every_acquisition_needs_its_own_release);
    tcase_add_test(tc, aix_T48_a_nested_read_leaves_the_lock_exclusive);
    tcase_add_test(tc, aix_T49_after_the_clear_nesting_is_over);
    tcase_add_test(tc, aix_T49_it_can_be_set_again_while_held);
    tcase_add_test(tc, aix_T49_a_clear_without_a_set_is_reported);
    tcase_add_test(tc, aix_T50_the_last_release_without_clear_resets_and_reports);
    tcase_add_test(tc, aix_T51_a_clear_with_nested_holds_is_reported);
    tcase_add_test(tc, aix_T52_a_downgrade_of_a_recursive_lock_is_reported);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
