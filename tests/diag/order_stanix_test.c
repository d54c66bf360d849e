/* SPDX-License-Identifier: BSD-2-Clause */
/* Order and release order of the locks of Stanix. */

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include "order_test.h"

#include <sched.h>

/* A lock of any kind behind two calls. */
struct any {
    void (*take)(void *lock);
    void (*give)(void *lock);
    void *lock;
};

static ksl_spinlock_t spinlock[2];
static ksl_rwlock_t rwlock[2];
static ksl_mutex_t mutex[2];
static ksl_rwsem_t rwsem[2];

static void take_spinlock(void *l)
{
    ksl_spinlock_acquire(l);
}

static void give_spinlock(void *l)
{
    ksl_spinlock_release(l);
}

static void take_rwlock(void *l)
{
    ksl_rwlock_acquire_read(l, NULL);
}

static void give_rwlock(void *l)
{
    ksl_rwlock_release_read(l, NULL);
}

static void take_mutex(void *l)
{
    ck_assert_int_eq(ksl_mutex_acquire(l), 0);
}

static void give_mutex(void *l)
{
    ksl_mutex_release(l);
}

static void take_rwsem(void *l)
{
    ck_assert_int_eq(ksl_rwsem_acquire_write(l), 0);
}

static void give_rwsem(void *l)
{
    ck_assert_int_eq(ksl_rwsem_release_write(l), 0);
}

static const struct any pairs[][2] = {
    {{take_spinlock, give_spinlock, &spinlock[0]},
     {take_spinlock, give_spinlock, &spinlock[1]}},
    {{take_rwlock, give_rwlock, &rwlock[0]}, {take_rwlock, give_rwlock, &rwlock[1]}},
    {{take_mutex, give_mutex, &mutex[0]}, {take_mutex, give_mutex, &mutex[1]}},
    {{take_rwsem, give_rwsem, &rwsem[0]}, {take_rwsem, give_rwsem, &rwsem[1]}},
    {{take_rwlock, give_rwlock, &rwlock[0]},
     {take_spinlock, give_spinlock, &spinlock[1]}},
    {{take_mutex, give_mutex, &mutex[0]}, {take_rwsem, give_rwsem, &rwsem[1]}},
};
enum { PAIRS = sizeof pairs / sizeof pairs[0] };

static void nest(const struct any *outer, const struct any *inner)
{
    outer->take(outer->lock);
    inner->take(inner->lock);
    inner->give(inner->lock);
    outer->give(outer->lock);
}

START_TEST(opposite_orders)
{
    const struct any *pair = pairs[_i];
    nest(&pair[0], &pair[1]);
    nest(&pair[0], &pair[1]);
    ASSERT_SILENT();
    nest(&pair[1], &pair[0]);
    ASSERT_VIOLATED("order");
    ck_assert_ptr_eq(recorder_last().lock, pair[0].lock);
}
END_TEST

START_TEST(init_gives_another_class)
{
    static ksl_mutex_t a, b;
    ck_assert_int_eq(ksl_mutex_acquire(&a), 0);
    ck_assert_int_eq(ksl_mutex_acquire(&b), 0);
    ksl_mutex_release(&b);
    ksl_mutex_release(&a);
    ksl_mutex_init(&b);
    ck_assert_int_eq(ksl_mutex_acquire(&b), 0);
    ck_assert_int_eq(ksl_mutex_acquire(&a), 0);
    ksl_mutex_release(&a);
    ksl_mutex_release(&b);
    ASSERT_SILENT();
}
END_TEST

/* One call, whatever the compiler makes of the loop. */
static __attribute__((noinline)) void make(ksl_mutex_t *m)
{
    ksl_mutex_init(m);
    __asm__ volatile("" ::: "memory");
}

START_TEST(one_place_of_init_is_one_class)
{
    static ksl_mutex_t a[3];
    for (int i = 0; i < 3; i++)
        make(&a[i]);
    ck_assert_int_eq(ksl_mutex_acquire(&a[0]), 0);
    ck_assert_int_eq(ksl_mutex_acquire(&a[1]), 0);
    ASSERT_VIOLATED("duplicate");
    ksl_mutex_release(&a[1]);
    ksl_mutex_release(&a[0]);
}
END_TEST

START_TEST(w5_rwlock_write_over_read)
{
    static ksl_rwlock_t l;
    int saved = 7;
    ksl_rwlock_acquire_read(&l, NULL);
    ksl_rwlock_acquire_write(&l, &saved);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_int_eq(saved, 7);
    ksl_rwlock_release_read(&l, NULL);
    ksl_rwlock_acquire_write(&l, NULL);
    ksl_rwlock_acquire_read(&l, NULL);
    ck_assert_uint_eq(recorder_count("recursion"), 2);
    ksl_rwlock_release_write(&l, NULL);
    ck_assert_int_eq(ksl_rwlock_try_acquire_write(&l, NULL), 1); /* nothing was taken */
    ksl_rwlock_release_write(&l, NULL);
}
END_TEST

START_TEST(w5_rwlock_read_over_read)
{
    static ksl_rwlock_t l;
    ksl_rwlock_acquire_read(&l, NULL);
    ksl_rwlock_acquire_read(&l, NULL);
    ksl_rwlock_release_read(&l, NULL);
    ksl_rwlock_release_read(&l, NULL);
    ASSERT_SILENT();
}
END_TEST

START_TEST(s3_spinlocks_given_back_first_in_first_out)
{
    static ksl_spinlock_t a, b;
    ksl_spinlock_acquire(&a);
    ksl_spinlock_acquire(&b);
    ksl_spinlock_release(&a);
    ASSERT_VIOLATED("release-order");
    ck_assert_ptr_eq(recorder_last().lock, &a);
    ksl_spinlock_release(&b);
    (void)ksl_irq_set_level(0);
}
END_TEST

START_TEST(s3_last_in_first_out_or_always_open)
{
    static ksl_spinlock_t a, b;
    ksl_spinlock_acquire(&a);
    ksl_spinlock_acquire(&b);
    ksl_spinlock_release(&b);
    ksl_spinlock_release(&a);
    ksl_spinlock_raw_acquire(&a);
    ksl_spinlock_raw_acquire(&b);
    ksl_spinlock_raw_release(&a);
    ksl_spinlock_raw_release(&b);
    ASSERT_SILENT();
}
END_TEST

/* Contended: the report comes before the wait. */
static ksl_mutex_t first, second;
static int holds, go; /* atomic */

static void hold_first(void *arg)
{
    (void)arg;
    (void)ksl_mutex_acquire(&first);
    STORE(&holds, 1);
    while (LOAD(&go) == 0)
        sched_yield();
    ksl_mutex_release(&first);
}

static void second_then_first(void *arg)
{
    (void)arg;
    (void)ksl_mutex_acquire(&second);
    (void)ksl_mutex_acquire(&first);
    ksl_mutex_release(&first);
    ksl_mutex_release(&second);
}

START_TEST(the_report_comes_before_the_wait)
{
    struct actor holder, waiter;
    ck_assert_int_eq(ksl_mutex_acquire(&first), 0);
    ck_assert_int_eq(ksl_mutex_acquire(&second), 0);
    ksl_mutex_release(&second);
    ksl_mutex_release(&first);
    actor_start(&holder, hold_first, NULL);
    WAIT_UNTIL(LOAD(&holds) == 1);
    actor_start(&waiter, second_then_first, NULL);
    wait_asleep(waiter.thread);
    unsigned reports = recorder_count("order");
    STORE(&go, 1);
    actor_join(&waiter);
    actor_join(&holder);
    ck_assert_uint_eq(reports, 1);
    ASSERT_VIOLATED("order");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_stanix");
    TCase *t = order_case(s, "order");
    tcase_add_loop_test(t, opposite_orders, 0, PAIRS);
    tcase_add_test(t, init_gives_another_class);
    tcase_add_test(t, one_place_of_init_is_one_class);
    tcase_add_test(t, the_report_comes_before_the_wait);
    t = order_case(s, "rwlock");
    tcase_add_test(t, w5_rwlock_write_over_read);
    tcase_add_test(t, w5_rwlock_read_over_read);
    t = order_case(s, "release-order");
    tcase_add_test(t, s3_spinlocks_given_back_first_in_first_out);
    tcase_add_test(t, s3_last_in_first_out_or_always_open);
    return s;
}

int main(void)
{
    return support_run(suite());
}
