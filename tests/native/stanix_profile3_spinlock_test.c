/* SPDX-License-Identifier: BSD-2-Clause */
/* The spinlock of the newest Stanix interface: S7, S8, T19. */
#define KSL_STANIX_PROFILE 3
#include <kernel/asm.h>
#include <kernel/spinlock.h>

#include <kslock/violation.h>

#include "support.h"

START_TEST(S8_acquire_disables_preemption_and_leaves_interrupts_open)
{
    spinlock_t outer = {0}, inner = {0};
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    spinlock_acquire(&outer);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_uint_eq(ksl_preempt_count(), 1);
    spinlock_acquire(&inner);
    ck_assert_uint_eq(ksl_preempt_count(), 2);
    spinlock_release(&inner);
    spinlock_release(&outer);
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    disable_interrupt();
    spinlock_acquire(&outer);
    spinlock_release(&outer);
    ck_assert_int_eq(have_interrupt(), 0);
    enable_interrupt();
}
END_TEST

START_TEST(S8_the_irq_pair_returns_and_restores_the_state)
{
    spinlock_t outer = {0}, inner = {0};
    int first = spinlock_acquire_irq(&outer);
    ck_assert_int_eq(have_interrupt(), 0);
    int second = spinlock_acquire_irq(&inner);
    spinlock_release_irq(&inner, second);
    ck_assert_int_eq(have_interrupt(), 0);
    spinlock_release_irq(&outer, first);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_uint_eq(ksl_preempt_count(), 0);
}
END_TEST

START_TEST(S8_raw_calls_touch_neither)
{
    spinlock_t lock = {0};
    spinlock_raw_acquire(&lock);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    ck_assert(ksl_spinlock_held(&lock));
    spinlock_raw_release(&lock);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    ck_assert(!ksl_spinlock_held(&lock));
}
END_TEST

START_TEST(S8_preempt_sections_must_balance)
{
    recorder_start();
    preempt_disable();
    preempt_disable();
    preempt_enable();
    preempt_enable();
    ck_assert_uint_eq(recorder_count(NULL), 0);
    preempt_enable();
    ASSERT_VIOLATED("bad-argument");
    ck_assert_uint_eq(ksl_preempt_count(), 0);
}
END_TEST

START_TEST(T19_assert_acquired_tests_and_changes_nothing)
{
    spinlock_t lock = {0};
    recorder_start();
    spinlock_assert_acquired(&lock);
    ASSERT_VIOLATED("assertion");
    spinlock_assert_acquired(&lock);
    ck_assert_uint_eq(recorder_count("assertion"), 2);
    ck_assert(!ksl_spinlock_held(&lock));
    spinlock_acquire(&lock);
    spinlock_assert_acquired(&lock);
    spinlock_release(&lock);
    ck_assert_uint_eq(recorder_count(NULL), 2);
}
END_TEST

START_TEST(S7_S8_refused_calls_change_nothing)
{
    spinlock_t lock = {0};
    spinlock_acquire(&lock);
    recorder_start();
    spinlock_acquire(&lock);
    ASSERT_VIOLATED("recursion");
    ck_assert_uint_eq(ksl_preempt_count(), 1);
    spinlock_release(&lock);
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    recorder_start();
    spinlock_release(&lock);
    ASSERT_VIOLATED("not-locked");
    ck_assert_uint_eq(ksl_preempt_count(), 0);
}
END_TEST

START_TEST(S8_a_release_with_preemption_enabled_keeps_the_lock)
{
    spinlock_t lock = {0};
    spinlock_acquire(&lock);
    preempt_enable();
    recorder_start();
    spinlock_release(&lock);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_ptr_eq(recorder_last().lock, &lock);
    ck_assert(ksl_spinlock_held(&lock));
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    preempt_disable();
    recorder_start();
    spinlock_release(&lock);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert(!ksl_spinlock_held(&lock));
    ck_assert_uint_eq(ksl_preempt_count(), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix profile 3 spinlock");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, S8_acquire_disables_preemption_and_leaves_interrupts_open);
    tcase_add_test(tc, S8_the_irq_pair_returns_and_restores_the_state);
    tcase_add_test(tc, S8_raw_calls_touch_neither);
    tcase_add_test(tc, S8_preempt_sections_must_balance);
    tcase_add_test(tc, T19_assert_acquired_tests_and_changes_nothing);
    tcase_add_test(tc, S7_S8_refused_calls_change_nothing);
    tcase_add_test(tc, S8_a_release_with_preemption_enabled_keeps_the_lock);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
