/* SPDX-License-Identifier: BSD-2-Clause */
/* Stages: in-band locks out-of-band, a stax kept over a change of stage. */

#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/stax.h>

#include <kslock/mutex.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include "order_test.h"

static void go_oob(void)
{
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
}

static void go_inband(void)
{
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
}

START_TEST(d_in_band_lock_out_of_band)
{
    static ksl_mutex_t mutex;
    static ksl_rwsem_t rwsem;
    go_oob();
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
    ASSERT_VIOLATED("stage");
    ck_assert_ptr_eq(recorder_last().lock, &mutex);
    ksl_mutex_release(&mutex);
    ck_assert_int_eq(ksl_rwsem_acquire_read(&rwsem), 0);
    ck_assert_uint_eq(recorder_count("stage"), 2);
    ck_assert_int_eq(ksl_rwsem_release_read(&rwsem), 0);
    go_inband();
}
END_TEST

START_TEST(d_where_they_belong)
{
    static ksl_mutex_t mutex;
    static ksl_spinlock_t spinlock;
    static DEFINE_EVL_KMUTEX(kmutex);
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
    ksl_mutex_release(&mutex);
    go_oob();
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    ksl_spinlock_acquire(&spinlock);
    ksl_spinlock_release(&spinlock);
    evl_unlock_kmutex(&kmutex);
    go_inband();
    ASSERT_SILENT();
}
END_TEST

START_TEST(x_stax_kept_over_a_change_of_stage)
{
    struct evl_stax stax;
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    ck_assert_int_eq(evl_lock_stax(&stax), 0);
    go_oob();
    ASSERT_VIOLATED("stage");
    ASSERT_SAYS("stax");
    ck_assert_ptr_eq(recorder_last().lock, &stax);
    go_inband();
    evl_unlock_stax(&stax);
    ck_assert_int_eq(evl_destroy_stax(&stax), 0);
    ASSERT_VIOLATED("stage");
}
END_TEST

static struct evl_stax shared;

static void leave(void *arg)
{
    (void)arg;
    evl_unlock_stax(&shared);
}

START_TEST(x15_stax_left_by_itself_or_another)
{
    struct actor other;
    ck_assert_int_eq(evl_init_stax(&shared), 0);
    ck_assert_int_eq(evl_lock_stax(&shared), 0);
    evl_unlock_stax(&shared);
    go_oob();
    ck_assert_int_eq(evl_trylock_stax(&shared), 0);
    evl_unlock_stax(&shared);
    go_inband();
    ck_assert_int_eq(evl_lock_stax(&shared), 0);
    actor_start(&other, leave, NULL);
    actor_join(&other);
    go_oob();
    go_inband();
    ck_assert_int_eq(evl_destroy_stax(&shared), 0);
    ASSERT_SILENT();
}
END_TEST

START_TEST(order_of_kernel_mutexes)
{
    static DEFINE_EVL_KMUTEX(a);
    static DEFINE_EVL_KMUTEX(b);
    go_oob();
    ck_assert_int_eq(evl_lock_kmutex(&a), 0);
    ck_assert_int_eq(evl_lock_kmutex(&b), 0);
    evl_unlock_kmutex(&b);
    evl_unlock_kmutex(&a);
    ck_assert_int_eq(evl_lock_kmutex(&b), 0);
    ck_assert_int_eq(evl_trylock_kmutex(&a), 0);
    evl_unlock_kmutex(&a);
    ASSERT_SILENT();
    ck_assert_int_eq(evl_lock_kmutex(&a), 0);
    ASSERT_VIOLATED("order");
    evl_unlock_kmutex(&a);
    evl_unlock_kmutex(&b);
    go_inband();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_stage");
    TCase *t = order_case(s, "stage");
    tcase_add_test(t, d_in_band_lock_out_of_band);
    tcase_add_test(t, d_where_they_belong);
    tcase_add_test(t, x_stax_kept_over_a_change_of_stage);
    tcase_add_test(t, x15_stax_left_by_itself_or_another);
    t = order_case(s, "order");
    tcase_add_test(t, order_of_kernel_mutexes);
    return s;
}

int main(void)
{
    return support_run(suite());
}
