/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that no other test makes: a kernel mutex that is not there, a kernel thread for
 * which the host has no memory.
 */
#define _GNU_SOURCE 1

#include <evl/mutex.h>
#include <evl/thread.h>

#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>

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

static void nothing(void *arg)
{
    (void)arg;
}

START_TEST(kthread_without_memory_leaves_errno_alone)
{
    struct evl_kthread kthread;
    pthread_attr_t before, huge;
    ck_assert_int_eq(pthread_getattr_default_np(&before), 0);
    ck_assert_int_eq(pthread_attr_init(&huge), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&huge, SIZE_MAX / 4 & ~(size_t)0xffff), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
    errno = EXDEV;
    int error = evl_run_kthread(&kthread, nothing, NULL, 0, 0, "k");
    int after = errno;
    ck_assert_int_eq(pthread_setattr_default_np(&before), 0);
    ck_assert_int_eq(error, -EAGAIN);
    ck_assert_int_eq(after, EXDEV);
    (void)pthread_attr_destroy(&huge);
    (void)pthread_attr_destroy(&before);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rare evl");
    TCase *tc = tcase_create("rare");
    tcase_add_test(tc, kmutex_before_init_and_after_destroy);
    tcase_add_test(tc, kthread_without_memory_leaves_errno_alone);
    suite_add_tcase(s, tc);
    return support_run(s);
}
