/* SPDX-License-Identifier: BSD-2-Clause */

/* Sentences of the contract that an audit found broken. */

#define KSL_STANIX_PROFILE 3

#include "support.h"

#include <kernel/oneshot.h>
#include <kernel/sleep.h>

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- the report at exit lists every lock ---- */

enum { MUTEXES = 20, SHARES = 64 };
static ksl_mutex_t mutexes[MUTEXES];
static ksl_rwsem_t shares[SHARES];
static char report[16384];
static int reports;

static void keep_report(const ksl_violation *v, void *arg)
{
    (void)arg;
    snprintf(report, sizeof report, "%s", v->message);
    ADD(&reports, 1);
}

static void hold_all(void *arg)
{
    (void)arg;
    for (int i = 0; i < MUTEXES; i++)
        (void)ksl_mutex_acquire(&mutexes[i]);
    for (int i = 0; i < SHARES; i++)
        (void)ksl_rwsem_acquire_read(&shares[i]);
}

static bool report_names(const void *lock)
{
    char address[32];
    snprintf(address, sizeof address, "%p", lock);
    return strstr(report, address) != NULL;
}

START_TEST(the_exit_report_lists_all_holds)
{
    struct actor a;
    ksl_set_violation_handler(keep_report, NULL);
    actor_start(&a, hold_all, NULL);
    actor_join(&a);
    ksl_set_violation_handler(NULL, NULL);
    ck_assert_int_eq(reports, 1);
    for (int i = 0; i < MUTEXES; i++)
        ck_assert_msg(report_names(&mutexes[i]), "mutex %d is missing", i);
    for (int i = 0; i < SHARES; i++)
        ck_assert_msg(report_names(&shares[i]), "share %d is missing", i);
    ck_assert_ptr_nonnull(strstr(report, "84 locks"));
}
END_TEST

/* ---- blocking ---- */

START_TEST(Q4_the_lock_must_be_held_even_if_the_condition_is_true)
{
    static sleep_queue_t queue;
    static spinlock_t lock;
    recorder_start();
    ck_assert_int_eq(sleep_on_queue_lock(&queue, &lock, true), -EPERM);
    ASSERT_VIOLATED("not-locked");
    recorder_stop();
}
END_TEST

START_TEST(B7_nanoseconds_out_of_range_are_refused)
{
    static const long wrong[] = {-1, -5, 1000000000, 2000000000};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct timespec date = {.tv_sec = 0, .tv_nsec = wrong[i]};
        recorder_start();
        block_prepare();
        ck_assert_int_eq(block_task_timeout(&date), -EPERM);
        block_cancel();
        ASSERT_VIOLATED("bad-argument");
    }
    recorder_stop();
}
END_TEST

START_TEST(a_task_is_on_one_queue_at_a_time)
{
    static sleep_queue_t first, second;
    recorder_start();
    sleep_add_to_queue(&first); /* not prepared */
    ASSERT_VIOLATED("bad-argument");
    ck_assert_uint_eq(first.waiters, 0);
    recorder_start();
    block_prepare();
    sleep_add_to_queue(&first);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    sleep_add_to_queue(&second);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_uint_eq(first.waiters, 1);
    ck_assert_uint_eq(second.waiters, 0);
    sleep_remove_from_queue(&second); /* is not on it */
    ck_assert_uint_eq(first.waiters, 1);
    sleep_remove_from_queue(&first);
    ck_assert_uint_eq(first.waiters, 0);
    ck_assert_int_eq(unblock_task(get_current_task()), 1); /* still prepared */
    ck_assert_int_eq(block_task(), 0);
    recorder_stop();
}
END_TEST

/* ---- a handler may not wait for other handlers ---- */

enum { IRQ = 5, OTHER = 6 };
static int freed;

static void free_other(int irq, void *arg)
{
    (void)arg;
    freed = ksl_irq_free(irq == IRQ ? OTHER : IRQ);
}

START_TEST(no_handler_frees_another_interrupt)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, free_other, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(OTHER, KSL_STAGE_INBAND, 3, free_other, NULL), 0);
    recorder_start();
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(freed, -EPERM);
    ASSERT_VIOLATED("irq-sleep");
    recorder_stop();
    ck_assert_int_eq(ksl_irq_free(OTHER), 0); /* still installed */
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* ---- oneshot ---- */

static oneshot_t oneshot;

static void wait_oneshot(void *arg)
{
    STORE((int *)arg, oneshot_wait(&oneshot) + 1);
}

START_TEST(oneshot_lets_waiters_go_for_ever)
{
    struct actor a;
    int result = 0;
    oneshot_init(&oneshot);
    actor_start(&a, wait_oneshot, &result);
    wait_asleep(a.thread);
    oneshot_signal(&oneshot);
    actor_join(&a);
    ck_assert_int_eq(result, 1);
    ck_assert_int_eq(oneshot_wait(&oneshot), 0);
    ck_assert_int_eq(oneshot_wait_interruptible(&oneshot), 0);
    oneshot_destroy(&oneshot);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("contract");
    TCase *tc = tcase_create("contract");
    tcase_add_test(tc, the_exit_report_lists_all_holds);
    tcase_add_test(tc, Q4_the_lock_must_be_held_even_if_the_condition_is_true);
    tcase_add_test(tc, B7_nanoseconds_out_of_range_are_refused);
    tcase_add_test(tc, a_task_is_on_one_queue_at_a_time);
    tcase_add_test(tc, no_handler_frees_another_interrupt);
    tcase_add_test(tc, oneshot_lets_waiters_go_for_ever);
    suite_add_tcase(s, tc);
    return support_run(s);
}
