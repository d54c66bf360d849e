/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A semaphore turns out to be an event while a thread is about to learn something of its
 * class: the class is gone then, and its number that of another lock.
 */

#include <evl/mutex.h>
#include <evl/sem.h>

#include "order_test.h"
#include "puppet.h"

#include "platform/testing.h"

#include <kslock/irq.h>
#include <kslock/spinlock.h>

enum { IRQ = 5, LEVEL = 4 };

static DEFINE_EVL_KSEM(sem, 1); /* the places of their making are not known */
static DEFINE_EVL_KMUTEX(outer);
static DEFINE_EVL_KMUTEX(kmutex);
static ksl_spinlock_t spinlock;

static struct puppet other;
static ksl_thread *learner;
static const char *point; /* atomic: where the other one makes its calls, or NULL */
static call_fn use;       /* of a lock whose class is new */

static int give(void *s)
{
    evl_up(s);
    return 0;
}

static int lock_kmutex(void *unused)
{
    (void)unused;
    int error = evl_lock_kmutex(&kmutex);
    if (error == 0)
        evl_unlock_kmutex(&kmutex);
    return error;
}

static int lock_spinlock(void *unused)
{
    (void)unused;
    ksl_spinlock_acquire(&spinlock); /* masked */
    ksl_spinlock_release(&spinlock);
    return 0;
}

static void let_other_go(const char *where)
{
    const char *at = LOAD(&point);
    if (ksl_tls.self != learner || at == NULL || strcmp(where, at) != 0)
        return;
    STORE(&point, NULL);
    ask(&other, give, &sem);
    ck_assert_int_eq(ask(&other, use, NULL), 0);
}

/* At the next learning there. */
static void next_at(const char *where, call_fn other_uses)
{
    use = other_uses;
    STORE(&point, where);
}

static void start(void)
{
    order_begin();
    learner = ksl_thread_self();
    puppet_start_on(&other, KSL_STAGE_OOB);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    ck_assert_int_eq(evl_down_timeout(&sem, 1), 0); /* no inlined path */
    evl_up(&sem);
    STORE(&ksi_point_hook, let_other_go);
}

static void end(void)
{
    ck_assert_ptr_null(LOAD(&point)); /* it has gone */
    STORE(&ksi_point_hook, NULL);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    puppet_end(&other);
    order_end();
}

START_TEST(x7_no_edge_to_a_lock_that_has_its_number)
{
    start();
    ck_assert_int_eq(evl_lock_kmutex(&outer), 0);
    next_at("order: learn", lock_kmutex);
    ck_assert_int_eq(evl_down(&sem), 0);
    evl_unlock_kmutex(&outer);
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    ck_assert_int_eq(evl_lock_kmutex(&outer), 0); /* for the first time in this order */
    evl_unlock_kmutex(&outer);
    evl_unlock_kmutex(&kmutex);
    ASSERT_SILENT();
    end();
}
END_TEST

START_TEST(x7_no_edge_from_a_lock_that_has_its_number)
{
    start();
    ck_assert_int_eq(evl_down(&sem), 0);
    next_at("order: learn", lock_kmutex);
    ck_assert_int_eq(evl_lock_kmutex(&outer), 0);
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    evl_unlock_kmutex(&kmutex);
    evl_unlock_kmutex(&outer);
    ASSERT_SILENT();
    end();
}
END_TEST

static void take_spinlock(int irq, void *unused)
{
    (void)irq;
    (void)lock_spinlock(unused);
}

START_TEST(x7_a_lock_that_has_its_number_is_not_held_open)
{
    start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_OOB, LEVEL, take_spinlock, NULL), 0);
    ck_assert_int_eq(evl_lock_kmutex(&outer), 0); /* has been held so */
    evl_unlock_kmutex(&outer);
    ck_assert_int_eq(evl_down(&sem), 0);
    unsigned level = ksl_irq_set_level(1);
    next_at("order: held", lock_spinlock);
    ck_assert_int_eq(evl_lock_kmutex(&outer), 0);
    ksl_irq_set_level(level);
    evl_unlock_kmutex(&outer);
    ck_assert_int_eq(ksl_irq_raise_on(learner, IRQ), 0);
    ASSERT_SILENT();
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("order_reuse");
    TCase *c = tcase_create("numbers");
    tcase_add_test(c, x7_no_edge_to_a_lock_that_has_its_number);
    tcase_add_test(c, x7_no_edge_from_a_lock_that_has_its_number);
    tcase_add_test(c, x7_a_lock_that_has_its_number_is_not_held_open);
    suite_add_tcase(s, c);
    return support_run(s);
}
