/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that no other test makes: a kernel mutex that is not there. */
#include <evl/mutex.h>

#include "support.h"

#include <errno.h>

static struct evl_kmutex never, ended;

START_TEST(kmutex_before_init_and_after_destroy)
{
    recorder_start();
    evl_init_kmutex(&ended);
    evl_destroy_kmutex(&ended);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    struct evl_kmutex *both[] = {&never, &ended};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(evl_lock_kmutex(both[i]), -EPERM);
        ck_assert_int_eq(evl_trylock_kmutex(both[i]), -EBUSY); /* not acquired */
        evl_unlock_kmutex(both[i]);
        evl_destroy_kmutex(both[i]);
    }
    ck_assert_uint_eq(recorder_count("destroyed"), 8);
    ck_assert_uint_eq(recorder_count(NULL), 8);
    evl_init_kmutex(&ended);
    ck_assert_int_eq(evl_lock_kmutex(&ended), 0);
    evl_unlock_kmutex(&ended);
    ck_assert_uint_eq(recorder_count(NULL), 8);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rare evl");
    TCase *tc = tcase_create("rare");
    tcase_add_test(tc, kmutex_before_init_and_after_destroy);
    suite_add_tcase(s, tc);
    return support_run(s);
}
