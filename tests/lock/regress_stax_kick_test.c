/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: a kick did not end the next wait if that was for a stax,
 * and one that had ended a wait for a stax ended the next wait, too (X10, K13).
 */
#include "../native/evl_test.h"

static struct puppet in, oob;
static struct evl_stax stax;
static struct evl_ksem ksem;

static void setup(void)
{
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    evl_init_ksem(&ksem, 0);
    puppet_start_on(&in, KSL_STAGE_INBAND);
    puppet_start_on(&oob, KSL_STAGE_OOB);
    recorder_start();
    ck_assert_int_eq(ask(&in, lock, &stax), 0);
}

static void teardown(void)
{
    puppet_end(&in);
    puppet_end(&oob);
    recorder_stop();
}

static void check_waits(void)
{
    tell(&oob, down, &ksem);
    WAIT_UNTIL(done(&oob) || ksl_thread_asleep(oob.actor.thread));
    ck_assert(!done(&oob));
    evl_up(&ksem);
    ck_assert_int_eq(answer(&oob), 0);
    tell_blocked(&oob, lock, &stax);
    (void)ask(&in, unlock, &stax);
    ck_assert_int_eq(answer(&oob), 0);
    (void)ask(&oob, unlock, &stax);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(stax_X10_a_kick_is_used_up_by_the_wait_that_it_ends)
{
    tell_blocked(&oob, lock, &stax);
    evl_kick_thread(evl_of(&oob), 0);
    ck_assert_int_eq(answer(&oob), -EINTR);
    check_waits();
}
END_TEST

START_TEST(stax_X10_a_kick_in_advance_ends_the_next_wait)
{
    evl_kick_thread(evl_of(&oob), 0);
    tell(&oob, lock, &stax);
    WAIT_UNTIL(done(&oob) || ksl_thread_asleep(oob.actor.thread));
    ck_assert(done(&oob));
    ck_assert_int_eq(answer(&oob), -EINTR);
    check_waits();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_stax_kick");
    TCase *tc = tcase_create("kick");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, stax_X10_a_kick_is_used_up_by_the_wait_that_it_ends);
    tcase_add_test(tc, stax_X10_a_kick_in_advance_ends_the_next_wait);
    suite_add_tcase(s, tc);
    return support_run(s);
}
