/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that no other test makes: events that are not there, holds that may not go. */
#include <sys/types.h>

#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/sleep.h>

#include "support.h"

static tid_t event = EVENT_NULL;
static Complex_lock lock;

START_TEST(aix_T78_null_event)
{
    recorder_start();
    e_wakeup(NULL);
    e_wakeup_one(NULL);
    e_assert_wait(NULL, FALSE);
    ck_assert_uint_eq(recorder_count("bad-argument"), 3);
    ck_assert_uint_eq(recorder_count(NULL), 3);
}
END_TEST

/* A lock that is held more than once is not dropped for a sleep, so nobody sleeps. */
START_TEST(aix_T81_nested_holds_are_not_dropped)
{
    recorder_start();
    lock_init(&lock, TRUE);
    lock_read(&lock);
    lock_read(&lock);
    (void)e_sleep_thread(&event, &lock, LOCK_READ);
    ck_assert_uint_eq(recorder_count("recursion"), 1);
    lock_done(&lock);
    lock_done(&lock);
    lock_write(&lock);
    lock_set_recursive(&lock);
    lock_write(&lock);
    (void)e_sleep_thread(&event, &lock, LOCK_WRITE);
    ck_assert_uint_eq(recorder_count("recursion"), 2);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    lock_done(&lock);
    lock_clear_recursive(&lock);
    lock_done(&lock);
    ck_assert_int_eq(lock_islocked(&lock), FALSE);
    ck_assert_uint_eq(recorder_count(NULL), 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rare aix");
    TCase *tc = tcase_create("rare");
    tcase_add_test(tc, aix_T78_null_event);
    tcase_add_test(tc, aix_T81_nested_holds_are_not_dropped);
    suite_add_tcase(s, tc);
    return support_run(s);
}
