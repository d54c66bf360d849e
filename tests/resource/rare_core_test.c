/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of the core interface that no other test makes. */
#include "support.h"

#include <kslock/irq.h>
#include <kslock/rwlock.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>
#include <kslock/stage.h>

#include <errno.h>
#include <string.h>
#include <time.h>

START_TEST(rwlock_init_makes_it_free)
{
    ksl_rwlock_t lock;
    recorder_start();
    memset(&lock, 0xff, sizeof lock);
    ksl_rwlock_init(&lock);
    ck_assert(ksl_rwlock_try_acquire_write(&lock, NULL));
    ck_assert(!ksl_rwlock_try_acquire_read(&lock, NULL));
    ksl_rwlock_release_write(&lock, NULL);
    ck_assert(ksl_rwlock_try_acquire_read(&lock, NULL));
    ksl_rwlock_release_read(&lock, NULL);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(spinlock_release_irq_to_no_state_is_refused)
{
    static const int no_state[] = {-1, KSL_IRQ_LEVELS, 1000};
    ksl_spinlock_t lock = KSL_SPINLOCK_INIT;
    recorder_start();
    int state = ksl_spinlock_acquire_irq(&lock);
    for (int i = 0; i < 3; i++) {
        ksl_spinlock_release_irq(&lock, no_state[i]);
        ck_assert_ptr_eq(recorder_last().lock, &lock);
        ck_assert(ksl_spinlock_held(&lock));
        ck_assert(!ksl_irq_enabled());
    }
    ck_assert_uint_eq(recorder_count("bad-argument"), 3);
    ck_assert_uint_eq(recorder_count(NULL), 3);
    ksl_spinlock_release_irq(&lock, state);
    ck_assert(!ksl_spinlock_held(&lock));
    ck_assert(ksl_irq_enabled());
    ck_assert_uint_eq(recorder_count(NULL), 3);
}
END_TEST

START_TEST(stage_that_does_not_exist)
{
    ck_assert_int_eq(ksl_stage_switch((ksl_stage)2), -EINVAL);
    ck_assert_int_eq((int)ksl_stage_current(), (int)KSL_STAGE_INBAND);
}
END_TEST

/* ---- blocking where nobody may block, and with arguments that are none ---- */

enum { IRQ = 8 };

static ksl_sleep_queue_t queue;
static ksl_spinlock_t lock_of_handler;
static int refused, runs; /* atomic */

static void block_in_handler(int irq, void *arg)
{
    const struct timespec soon = {1, 0};
    (void)irq;
    (void)arg;
    ksl_spinlock_acquire(&lock_of_handler);
    ADD(&refused, ksl_block() == -EPERM);
    ADD(&refused, ksl_block_until(&soon) == -EPERM);
    ADD(&refused, ksl_block_unlock(&lock_of_handler) == -EPERM);
    ADD(&refused, ksl_block_check() == -EPERM);
    ADD(&refused, ksl_sleepq_sleep(&queue, 0) == -EPERM);
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ksl_sleepq_prepare(&queue, KSL_BLOCK_UNINTERRUPTIBLE);
    ksl_block_queue(&queue);
    ksl_spinlock_release(&lock_of_handler);
    ADD(&runs, 1);
}

START_TEST(nobody_blocks_in_a_handler)
{
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, block_in_handler, NULL),
                     0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&runs), 1);
    ck_assert_int_eq(LOAD(&refused), 5);
    ck_assert_uint_eq(recorder_count("irq-sleep"), 8);
    ck_assert_uint_eq(recorder_count(NULL), 8);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0);
    ck_assert_int_eq(ksl_block_wake(ksl_thread_self()), 0); /* nothing was marked */
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

START_TEST(block_with_arguments_that_are_none)
{
    const struct timespec before = {-1, 0}, no_date = {0, 1000000000};
    ksl_spinlock_t lock = KSL_SPINLOCK_INIT;
    recorder_start();
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ck_assert_int_eq(ksl_block_until(&before), -ETIMEDOUT);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(ksl_block_until(&no_date), -EPERM);
    ck_assert_uint_eq(recorder_count("bad-argument"), 1);
    ksl_block_queue(&queue); /* not prepared */
    ck_assert_uint_eq(recorder_count("bad-argument"), 2);
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ck_assert_int_eq(ksl_block_unlock(&lock), -EPERM);
    ck_assert_uint_eq(recorder_count("not-locked"), 1);
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ck_assert_int_eq(ksl_block_wake_reason(NULL, KSL_WAKE_OTHER), 0);
    ck_assert_int_eq(ksl_block_wake_reason(ksl_thread_self(), KSL_WAKE_OTHER + 1), 0);
    ck_assert_int_eq(ksl_block_wake_reason(ksl_thread_self(), -1), 0);
    ck_assert_int_eq(ksl_block_wake_reason(ksl_thread_self(), KSL_WAKE_TIMEOUT), 1);
    ck_assert_int_eq(ksl_block(), -ETIMEDOUT);
    ck_assert_uint_eq(recorder_count(NULL), 3);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rare core");
    TCase *tc = tcase_create("rare");
    tcase_add_test(tc, rwlock_init_makes_it_free);
    tcase_add_test(tc, spinlock_release_irq_to_no_state_is_refused);
    tcase_add_test(tc, stage_that_does_not_exist);
    tcase_add_test(tc, nobody_blocks_in_a_handler);
    tcase_add_test(tc, block_with_arguments_that_are_none);
    suite_add_tcase(s, tc);
    return support_run(s);
}
