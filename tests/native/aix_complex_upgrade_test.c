/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX complex locks: upgrade and downgrade (T36 to T40, T42, T44). */
#include "aix_complex.h"

START_TEST(aix_T36_a_sole_reader_becomes_the_owner)
{
    setup(2);
    says(0, do_lock_read);
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    ck_assert_int_eq(says(0, do_upgrade), FALSE); /* FALSE: upgraded */
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    ck_assert_int_eq(room(1), 0);
    blocks(1, do_lock_read);
    says(0, do_lock_done);
    passes(1);
    finish();
}
END_TEST

START_TEST(aix_T36_the_try_call_answers_in_the_opposite_sense)
{
    setup(2);
    says(0, do_lock_read);
    ck_assert_int_eq(says(0, do_try_upgrade), TRUE); /* TRUE: upgraded */
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    ck_assert_int_eq(room(1), 0);
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2);
    finish();
}
END_TEST

START_TEST(aix_T37_the_second_upgrader_fails_at_once_and_holds_nothing)
{
    setup(3);
    says(0, do_lock_read);
    says(1, do_lock_read);
    blocks(0, do_upgrade);
    ck_assert_int_eq(says(1, do_upgrade), TRUE); /* TRUE: failed, lock gone */
    ck_assert_int_eq(answer(&p[0]), FALSE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    ck_assert_int_eq(room(2), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    says(1, do_lock_done); /* must not be called: nothing is held */
    ASSERT_VIOLATED("not-owner");
    ck_assert_ptr_eq(recorder_last().lock, &l);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    recorder_start();
    says(0, do_lock_done);
    ck_assert_int_eq(room(2), 2);
    finish();
}
END_TEST

/* Both must come through, however often. */
START_TEST(aix_T37_two_upgraders_never_deadlock)
{
    setup(4);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 4; i++)
            says(i, do_lock_read);
        for (int i = 0; i < 4; i++)
            tell(&p[i], do_upgrade, &l);
        int upgraded = 0;
        for (int i = 0; i < 4; i++) {
            if (answer(&p[i]) == FALSE) {
                upgraded++;
                ck_assert_int_eq(says(i, do_lock_mine), TRUE);
                says(i, do_lock_done);
            }
        }
        ck_assert_int_eq(upgraded, 1); /* it needed the failure of all others */
        ck_assert_int_eq(lock_islocked(&l), FALSE);
    }
    finish();
}
END_TEST

START_TEST(aix_T38_a_try_beside_an_upgrader_fails_and_keeps_its_share)
{
    setup(3);
    says(0, do_lock_read);
    says(1, do_lock_read);
    blocks(0, do_upgrade);
    ck_assert_int_eq(says(1, do_try_upgrade), FALSE);
    ck_assert(!done(&p[0]));
    wait_asleep(p[0].actor.thread); /* for that share */
    ck_assert_int_eq(says(2, do_try_write), FALSE);
    says(1, do_lock_done);
    ck_assert_int_eq(answer(&p[0]), FALSE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    finish();
}
END_TEST

/* By the letter of AIX, a policy of DESIGN; Mach prefers the upgrader. */
START_TEST(aix_T39_a_pending_write_request_makes_an_upgrade_fail)
{
    setup(2);
    says(0, do_lock_read);
    blocks(1, do_lock_write);
    ck_assert_int_eq(says(0, do_upgrade), TRUE);
    answer(&p[1]); /* the share was dropped */
    ck_assert_int_eq(says(1, do_lock_mine), TRUE);
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    says(1, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T39_the_failed_upgrade_drops_its_own_share_only)
{
    setup(3);
    says(0, do_lock_read);
    says(2, do_lock_read);
    blocks(1, do_lock_write);
    ck_assert_int_eq(says(0, do_upgrade), TRUE);
    ck_assert(!done(&p[1]));
    wait_asleep(p[1].actor.thread);
    says(2, do_lock_done);
    passes(1);
    finish();
}
END_TEST

/* "Already requested": what is asked for after the upgrade does not matter to it. */
START_TEST(aix_T39_a_later_write_request_does_not_end_the_upgrade)
{
    setup(3);
    says(0, do_lock_read);
    says(1, do_lock_read);
    set_urgency(&p[2], 50);
    blocks(0, do_upgrade);
    blocks(2, do_lock_write);
    says(1, do_lock_done);
    ck_assert_int_eq(answer(&p[0]), FALSE);
    ck_assert(!done(&p[2]));
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    passes(2);
    finish();
}
END_TEST

/* A policy of DESIGN: the text of this try call does not say "without blocking". */
START_TEST(aix_T40_the_try_call_waits_for_other_readers)
{
    setup(3);
    for (int i = 0; i < 3; i++)
        says(i, do_lock_read);
    blocks(0, do_try_upgrade);
    says(1, do_lock_done);
    ck_assert(!done(&p[0]));
    wait_asleep(p[0].actor.thread);
    says(2, do_lock_done);
    ck_assert_int_eq(answer(&p[0]), TRUE);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T40_the_try_call_fails_on_a_pending_write_request)
{
    setup(3);
    says(0, do_lock_read);
    blocks(1, do_lock_write);
    ck_assert_int_eq(says(0, do_try_upgrade), FALSE);
    ck_assert(!done(&p[1]));
    wait_asleep(p[1].actor.thread); /* the share is still held */
    says(0, do_lock_done);
    passes(1);
    finish();
}
END_TEST

START_TEST(aix_T40_two_waiting_tries_do_not_deadlock)
{
    setup(3);
    says(0, do_lock_read);
    says(1, do_lock_read);
    blocks(0, do_try_upgrade);
    ck_assert_int_eq(says(1, do_try_upgrade), FALSE);
    ck_assert_int_eq(says(1, do_upgrade), TRUE); /* fails too, and drops */
    ck_assert_int_eq(answer(&p[0]), TRUE);
    says(0, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T42_a_downgrade_lets_readers_in_and_no_writer)
{
    setup(4);
    set_urgency(&p[3], 50);
    says(0, do_lock_write);
    blocks(1, do_lock_read);
    blocks(3, do_lock_write);
    blocks(2, do_lock_read);
    says(0, do_downgrade);
    answer(&p[1]);
    answer(&p[2]);
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    ck_assert_int_eq(lock_islocked(&l), TRUE);
    ck_assert(!done(&p[3]));
    for (int i = 0; i < 3; i++) {
        wait_asleep(p[3].actor.thread);
        says(i, do_lock_done);
    }
    answer(&p[3]);
    ck_assert_int_eq(says(3, do_lock_mine), TRUE);
    says(3, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T42_a_downgrade_keeps_the_share_against_waiting_writers)
{
    setup(3);
    for (int round = 0; round < 30; round++) {
        says(0, do_lock_write);
        blocks(1, do_lock_write);
        blocks(2, do_lock_write);
        says(0, do_downgrade);
        ck_assert(!done(&p[1]) && !done(&p[2]));
        wait_asleep(p[1].actor.thread);
        wait_asleep(p[2].actor.thread);
        says(0, do_lock_done);
        WAIT_UNTIL(done(&p[1]) || done(&p[2]));
        int first = done(&p[1]) ? 1 : 2;
        ck_assert(!done(&p[3 - first]));
        says(first, do_lock_done);
        answer(&p[3 - first]);
        says(3 - first, do_lock_done);
    }
    finish();
}
END_TEST

START_TEST(aix_T42_a_downgraded_lock_can_be_upgraded_again)
{
    setup(2);
    says(0, do_lock_write);
    for (int i = 0; i < 5; i++) {
        says(0, do_downgrade);
        ck_assert_int_eq(room(1), 1);
        ck_assert_int_eq(i % 2 ? says(0, do_try_upgrade) : !says(0, do_upgrade), TRUE);
        ck_assert_int_eq(room(1), 0);
    }
    says(0, do_lock_done);
    finish();
}
END_TEST

static int value; /* guarded by the lock */

static int write_value(void *lock)
{
    lock_write((complex_lock_t)lock);
    value++;
    lock_done((complex_lock_t)lock);
    return 0;
}

static int read_value(void *unused)
{
    (void)unused;
    return value;
}

START_TEST(aix_T44_what_was_read_is_stale_after_a_failed_upgrade)
{
    setup(2);
    value = 7;
    says(0, do_lock_read);
    int seen = says(0, read_value);
    blocks(1, write_value);
    ck_assert_int_eq(says(0, read_value), seen);
    ck_assert_int_eq(says(0, do_upgrade), TRUE);
    answer(&p[1]); /* the writer was here in between */
    says(0, do_lock_write);
    ck_assert_int_eq(says(0, read_value), seen + 1);
    says(0, do_lock_done);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix complex lock conversions");
    TCase *tc = tcase_create("upgrade and downgrade");
    tcase_add_test(tc, aix_T36_a_sole_reader_becomes_the_owner);
    tcase_add_test(tc, aix_T36_the_try_call_answers_in_the_opposite_sense);
    tcase_add_test(tc, aix_T37_the_second_upgrader_fails_at_once_and_holds_nothing);
    tcase_add_test(tc, aix_T37_two_upgraders_never_deadlock);
    tcase_add_test(tc, aix_T38_a_try_beside_an_upgrader_fails_and_keeps_its_share);
    tcase_add_test(tc, aix_T39_a_pending_write_request_makes_an_upgrade_fail);
    tcase_add_test(tc, aix_T39_the_failed_upgrade_drops_its_own_share_only);
    tcase_add_test(tc, aix_T39_a_later_write_request_does_not_end_the_upgrade);
    tcase_add_test(tc, aix_T40_the_try_call_waits_for_other_readers);
    tcase_add_test(tc, aix_T40_the_try_call_fails_on_a_pending_write_request);
    tcase_add_test(tc, aix_T40_two_waiting_tries_do_not_deadlock);
    tcase_add_test(tc, aix_T42_a_downgrade_lets_readers_in_and_no_writer);
    tcase_add_test(tc, aix_T42_a_downgrade_keeps_the_share_against_waiting_writers);
    tcase_add_test(tc, aix_T42_a_downgraded_lock_can_be_upgraded_again);
    tcase_add_test(tc, aix_T44_what_was_read_is_stale_after_a_failed_upgrade);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
