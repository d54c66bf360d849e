/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX complex locks: acquisition and release in both modes (T29 to T35). */
#include "aix_complex.h"

#include <string.h>

START_TEST(aix_T29_readers_share_the_lock_and_own_nothing)
{
    setup(4);
    ck_assert_int_eq(lock_islocked(&l), FALSE);
    for (int i = 0; i < 3; i++) {
        says(i, i == 1 ? do_try_read : do_lock_read);
        ck_assert_int_eq(lock_islocked(&l), TRUE);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(says(i, do_lock_mine), FALSE);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(says(i, do_try_write), FALSE);
    ck_assert_int_eq(says(3, do_try_read), TRUE);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(lock_islocked(&l), TRUE);
        says(i, do_lock_done);
    }
    finish();
}
END_TEST

START_TEST(aix_T29_a_sole_reader_does_not_get_it_by_try_write)
{
    setup(2);
    says(0, do_lock_read);
    ck_assert_int_eq(says(0, do_try_write), FALSE);
    ck_assert_int_eq(room(1), 1); /* still shared, not owned */
    ck_assert_int_eq(lock_islocked(&l), TRUE);
    says(0, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T30_a_writer_excludes_all_others)
{
    setup(4);
    says(0, do_lock_write);
    ck_assert_int_eq(lock_islocked(&l), TRUE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    for (int i = 1; i < 4; i++) {
        ck_assert_int_eq(says(i, do_try_read), FALSE);
        ck_assert_int_eq(says(i, do_try_write), FALSE);
        ck_assert_int_eq(says(i, do_lock_mine), FALSE);
    }
    blocks(1, do_lock_read);
    blocks(2, do_lock_write);
    ck_assert_int_eq(says(3, do_try_read), FALSE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    answer(&p[2]);
    ck_assert_int_eq(says(2, do_lock_mine), TRUE);
    ck_assert(!done(&p[1]));
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    says(2, do_lock_done);
    passes(1);
    finish();
}
END_TEST

START_TEST(aix_T30_a_reader_makes_a_writer_wait)
{
    setup(3);
    says(0, do_lock_read);
    says(1, do_lock_read);
    blocks(2, do_lock_write);
    says(0, do_lock_done);
    wait_asleep(p[2].actor.thread); /* one reader is left */
    ck_assert(!done(&p[2]));
    says(1, do_lock_done);
    answer(&p[2]);
    ck_assert_int_eq(says(2, do_lock_mine), TRUE);
    says(2, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T31_lock_done_releases_either_mode)
{
    static const call_fn take[] = {do_lock_read, do_lock_write, do_try_read,
                                   do_try_write};
    setup(2);
    for (int i = 0; i < 4; i++) {
        says(0, take[i]);
        ck_assert_int_eq(lock_islocked(&l), TRUE);
        ck_assert_int_eq(says(0, do_lock_mine), i % 2);
        ck_assert_int_eq(room(1), 1 - i % 2);
        says(0, do_lock_done);
        ck_assert_int_eq(lock_islocked(&l), FALSE);
        ck_assert_int_eq(says(0, do_lock_mine), FALSE);
        ck_assert_int_eq(room(1), 2);
    }
    finish();
}
END_TEST

/* Readers 1 and 2 (one of them more urgent than any writer), writers 3 and 4. */
START_TEST(aix_T32_waiters_of_both_kinds_one_writer_is_let_in)
{
    static const int urgency[5] = {0, 30, 1, 10, 20};
    setup(5);
    for (int i = 0; i < 5; i++)
        set_urgency(&p[i], urgency[i]);
    for (int round = 0; round < 30; round++) {
        says(0, do_lock_write);
        for (int k = 0; k < 4; k++) {
            int i = 1 + (round + k) % 4;
            blocks(i, i < 3 ? do_lock_read : do_lock_write);
        }
        says(0, do_lock_done);
        answer(&p[4]); /* the most favoured of the writers */
        for (int i = 1; i < 4; i++) {
            ck_assert(!done(&p[i]));
            wait_asleep(p[i].actor.thread);
        }
        says(4, do_lock_done);
        answer(&p[3]);
        ck_assert(!done(&p[1]) && !done(&p[2]));
        says(3, do_lock_done);
        for (int i = 1; i < 3; i++) {
            answer(&p[i]);
            says(i, do_lock_done);
        }
    }
    finish();
}
END_TEST

START_TEST(aix_T32_all_readers_are_let_in_where_only_readers_wait)
{
    setup(6);
    says(0, do_lock_write);
    for (int i = 1; i < 6; i++) {
        set_urgency(&p[i], i);
        blocks(i, do_lock_read);
    }
    says(0, do_lock_done);
    for (int i = 1; i < 6; i++)
        answer(&p[i]); /* none has left yet */
    ck_assert_int_eq(room(0), 1);
    for (int i = 1; i < 6; i++)
        says(i, do_lock_done);
    finish();
}
END_TEST

/* By the letter only an exclusive hold refuses a reader; a policy of DESIGN. */
START_TEST(aix_T33_a_reader_is_let_in_past_a_waiting_writer)
{
    setup(3);
    says(0, do_lock_read);
    blocks(1, do_lock_write);
    ck_assert_int_eq(says(2, do_try_read), TRUE);
    says(2, do_lock_done);
    says(2, do_lock_read);
    ck_assert(!done(&p[1]));
    wait_asleep(p[1].actor.thread);
    says(0, do_lock_done);
    wait_asleep(p[1].actor.thread);
    says(2, do_lock_done);
    passes(1);
    finish();
}
END_TEST

/*
 * lock_read waits for an exclusive hold only, lock_done prefers waiting writers: both
 * are true at once. Reader 2 waits because of the owner, writer 1 is let in before it,
 * and reader 0 passes a writer that waits for a share.
 */
START_TEST(aix_C11_arrivals_pass_a_waiting_writer_a_release_prefers_it)
{
    setup(4);
    says(0, do_lock_write);
    blocks(2, do_lock_read);
    blocks(1, do_lock_write);
    says(0, do_lock_done);
    answer(&p[1]);
    ck_assert(!done(&p[2]));
    says(1, do_lock_done);
    answer(&p[2]);
    blocks(1, do_lock_write);
    says(0, do_lock_read);
    ck_assert_int_eq(says(3, do_try_read), TRUE);
    ck_assert(!done(&p[1]));
    for (int i = 0; i < 4; i++) {
        if (i != 1)
            says(i, do_lock_done);
    }
    passes(1);
    finish();
}
END_TEST

/* A try never waits and is never misuse: the owner is refused like everybody. */
START_TEST(aix_T34_the_owner_is_refused_by_both_try_calls)
{
    setup(2);
    says(0, do_lock_write);
    ck_assert_int_eq(says(0, do_try_read), FALSE);
    ck_assert_int_eq(says(0, do_try_write), FALSE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2); /* the refused calls did not count */
    finish();
}
END_TEST

enum { ANSWERS = 20 };

static void exercise(boolean_t can_sleep, int *got)
{
    lock_init(&l, can_sleep);
    int n = 0;
    says(0, do_lock_read);
    got[n++] = room(1);
    got[n++] = says(0, do_upgrade);
    got[n++] = says(0, do_lock_mine);
    got[n++] = room(1);
    says(0, do_downgrade);
    got[n++] = says(0, do_lock_mine);
    got[n++] = room(1);
    got[n++] = says(0, do_try_upgrade);
    blocks(1, do_lock_read);
    blocks(2, do_lock_write);
    says(0, do_set_recursive);
    got[n++] = says(0, do_try_write);
    says(0, do_lock_done);
    says(0, do_clear_recursive);
    got[n++] = says(0, do_try_write);
    got[n++] = lock_islocked(&l);
    says(0, do_lock_done);
    answer(&p[2]);
    got[n++] = says(2, do_lock_mine);
    says(2, do_lock_done);
    passes(1);
    got[n++] = lock_islocked(&l);
    got[n++] = room(0);
}

START_TEST(aix_T35_can_sleep_is_ignored)
{
    int with[ANSWERS] = {0}, without[ANSWERS] = {0};
    setup(3);
    exercise(TRUE, with);
    exercise(FALSE, without);
    ck_assert_mem_eq(with, without, sizeof with);
    ck_assert_int_eq(with[0], 1);
    ck_assert_int_eq(with[12], 2);
    finish();
}
END_TEST

/*
 * "Restored to normal" and "recomputed": over what is still owed, and it is the
 * normal priority when that is nothing.
 */
START_TEST(aix_C5_the_priority_is_recomputed_over_the_locks_left)
{
    static Complex_lock other;
    setup(3);
    lock_init(&other, TRUE);
    for (int i = 0; i < 3; i++)
        set_urgency(&p[i], 5 + 20 * i);
    says(0, do_lock_write);
    ask(&p[0], do_lock_write, &other);
    blocks(1, do_lock_write);
    ck_assert_int_eq(ksl_thread_effective_priority(p[0].actor.thread), 25);
    tell_blocked(&p[2], do_lock_write, &other);
    ck_assert_int_eq(ksl_thread_effective_priority(p[0].actor.thread), 45);
    ask(&p[0], do_lock_done, &other);
    ck_assert_int_eq(ksl_thread_effective_priority(p[0].actor.thread), 25);
    says(0, do_lock_done);
    ck_assert_int_eq(ksl_thread_effective_priority(p[0].actor.thread), 5);
    answer(&p[1]);
    answer(&p[2]);
    says(1, do_lock_done);
    ask(&p[2], do_lock_done, &other);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix complex locks");
    TCase *tc = tcase_create("modes");
    tcase_add_test(tc, aix_T29_readers_share_the_lock_and_own_nothing);
    tcase_add_test(tc, aix_T29_a_sole_reader_does_not_get_it_by_try_write);
    tcase_add_test(tc, aix_T30_a_writer_excludes_all_others);
    tcase_add_test(tc, aix_T30_a_reader_makes_a_writer_wait);
    tcase_add_test(tc, aix_T31_lock_done_releases_either_mode);
    tcase_add_test(tc, aix_T32_waiters_of_both_kinds_one_writer_is_let_in);
    tcase_add_test(tc, aix_T32_all_readers_are_let_in_where_only_readers_wait);
    tcase_add_test(tc, aix_T33_a_reader_is_let_in_past_a_waiting_writer);
    tcase_add_test(tc, aix_C11_arrivals_pass_a_waiting_writer_a_release_prefers_it);
    tcase_add_test(tc, aix_T34_the_owner_is_refused_by_both_try_calls);
    tcase_add_test(tc, aix_T35_can_sleep_is_ignored);
    tcase_add_test(tc, aix_C5_the_priority_is_recomputed_over_the_locks_left);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
