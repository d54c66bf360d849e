/* SPDX-License-Identifier: BSD-2-Clause */
/* A lock that may sleep, or a sleep, while a lock is held under which that is wrong. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/cond.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include "order_test.h"

static struct sx sx;
static struct mtx mtx, spin, other;
static ksl_spinlock_t spinlock;
static ksl_rwlock_t rwlock;
static ksl_mutex_t mutex;
static ksl_rwsem_t rwsem;
static ksl_cond_t cond;

static void make(void)
{
    sx_init(&sx, "sleeper");
    mtx_init(&mtx, "bounded", NULL, MTX_DEF);
    mtx_init(&other, "other", NULL, MTX_DEF);
    mtx_init(&spin, "spinner", NULL, MTX_SPIN);
}

START_TEST(rule66_sx_under_a_mutex)
{
    make();
    mtx_lock(&mtx);
    sx_slock(&sx);
    ASSERT_VIOLATED("sleepable");
    ck_assert_ptr_eq(recorder_last().lock, &sx);
    ASSERT_SAYS("(sleeper)");
    ASSERT_SAYS("(bounded)");
    sx_sunlock(&sx);
    mtx_unlock(&mtx);
}
END_TEST

START_TEST(rule66_mutex_under_an_sx_and_tries)
{
    make();
    sx_slock(&sx);
    mtx_lock(&mtx);
    mtx_unlock(&mtx);
    sx_sunlock(&sx);
    mtx_lock(&mtx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
    mtx_unlock(&mtx);
    ASSERT_SILENT();
}
END_TEST

START_TEST(rule68_under_a_spin_mutex)
{
    make();
    mtx_lock_spin(&spin);
    sx_xlock(&sx);
    ASSERT_VIOLATED("sleepable");
    sx_xunlock(&sx);
    mtx_lock(&mtx);
    ck_assert_uint_eq(recorder_count("sleepable"), 2);
    mtx_unlock(&mtx);
    mtx_unlock_spin(&spin);
}
END_TEST

START_TEST(rule68_after_the_spin_mutex)
{
    make();
    mtx_lock_spin(&spin);
    mtx_unlock_spin(&spin);
    sx_xlock(&sx);
    mtx_lock_spin(&spin);
    mtx_unlock_spin(&spin);
    sx_xunlock(&sx);
    ASSERT_SILENT();
}
END_TEST

START_TEST(w11_sleep_with_another_mutex)
{
    make();
    mtx_lock(&other);
    mtx_lock(&mtx);
    ck_assert_int_eq(msleep(&sx, &mtx, 0, "test", 1), EWOULDBLOCK);
    ASSERT_VIOLATED("sleepable");
    ASSERT_SAYS("(other)");
    ck_assert_ptr_eq(recorder_last().lock, &other);
    mtx_unlock(&mtx);
    mtx_unlock(&other);
}
END_TEST

/* Rule 51: what it sleeps on, and the lock that it may not hold. */
START_TEST(rule51_sleep_says_its_message)
{
    make();
    mtx_lock(&other);
    ck_assert_int_eq(tsleep(&sx, 0, "quiet", 1), EWOULDBLOCK);
    ASSERT_VIOLATED("sleepable");
    ASSERT_SAYS("tsleep(quiet) while");
    ASSERT_SAYS("(other)");
    mtx_unlock(&other);
}
END_TEST

START_TEST(w11_sleep_with_its_interlock_and_an_sx)
{
    make();
    sx_xlock(&sx);
    mtx_lock(&mtx);
    ck_assert_int_eq(msleep(&sx, &mtx, 0, "test", 1), EWOULDBLOCK);
    mtx_unlock(&mtx);
    sx_xunlock(&sx);
    ASSERT_SILENT();
}
END_TEST

START_TEST(stanix_mutex_and_rwsem_under_a_spinlock)
{
    ksl_spinlock_acquire(&spinlock);
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
    ASSERT_VIOLATED("sleepable");
    ck_assert_ptr_eq(recorder_last().lock, &mutex);
    ksl_mutex_release(&mutex);
    ck_assert_int_eq(ksl_rwsem_acquire_read(&rwsem), 0);
    ck_assert_uint_eq(recorder_count("sleepable"), 2);
    ksl_rwsem_release_read(&rwsem);
    ksl_spinlock_release(&spinlock);
    ksl_rwlock_acquire_read(&rwlock, NULL);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&rwsem), 0);
    ck_assert_uint_eq(recorder_count("sleepable"), 3);
    ksl_rwsem_release_write(&rwsem);
    ksl_rwlock_release_read(&rwlock, NULL);
}
END_TEST

START_TEST(stanix_spinlock_under_sleepers)
{
    int saved;
    ck_assert_int_eq(ksl_rwsem_acquire_read(&rwsem), 0);
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
    ksl_rwlock_acquire_write(&rwlock, &saved);
    ksl_spinlock_acquire(&spinlock);
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0); /* its own again */
    ksl_mutex_release(&mutex);
    ksl_spinlock_release(&spinlock);
    ksl_rwlock_release_write(&rwlock, &saved);
    ksl_mutex_release(&mutex);
    ksl_rwsem_release_read(&rwsem);
    ASSERT_SILENT();
}
END_TEST

static void wait_spinning(void *arg)
{
    (void)arg;
    ksl_spinlock_raw_acquire(&spinlock);
    (void)ksl_cond_wait(&cond, 1);
    ksl_spinlock_raw_release(&spinlock);
}

static void wait_plainly(void *arg)
{
    (void)arg;
    (void)ksl_cond_wait(&cond, 2);
}

static void run_waiter(void (*fn)(void *arg), int value)
{
    struct actor waiter;
    actor_start(&waiter, fn, NULL);
    wait_asleep(waiter.thread);
    ksl_cond_set(&cond, value);
    actor_join(&waiter);
}

START_TEST(stanix_cond_wait_under_a_spinlock)
{
    run_waiter(wait_spinning, 1);
    ASSERT_VIOLATED("sleepable");
}
END_TEST

START_TEST(stanix_cond_wait_without)
{
    run_waiter(wait_plainly, 2);
    ASSERT_SILENT();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_sleepable");
    TCase *t = order_case(s, "sleepable");
    tcase_add_test(t, rule66_sx_under_a_mutex);
    tcase_add_test(t, rule66_mutex_under_an_sx_and_tries);
    tcase_add_test(t, rule68_under_a_spin_mutex);
    tcase_add_test(t, rule68_after_the_spin_mutex);
    tcase_add_test(t, w11_sleep_with_another_mutex);
    tcase_add_test(t, rule51_sleep_says_its_message);
    tcase_add_test(t, w11_sleep_with_its_interlock_and_an_sx);
    tcase_add_test(t, stanix_mutex_and_rwsem_under_a_spinlock);
    tcase_add_test(t, stanix_spinlock_under_sleepers);
    tcase_add_test(t, stanix_cond_wait_under_a_spinlock);
    tcase_add_test(t, stanix_cond_wait_without);
    return s;
}

int main(void)
{
    return support_run(suite());
}
