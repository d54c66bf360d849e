/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of the core interface that no other test makes. */
#include "support.h"

#include <kslock/irq.h>
#include <kslock/rwlock.h>
#include <kslock/spinlock.h>
#include <kslock/stage.h>

#include <errno.h>
#include <string.h>

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

int main(void)
{
    Suite *s = suite_create("rare core");
    TCase *tc = tcase_create("rare");
    tcase_add_test(tc, rwlock_init_makes_it_free);
    tcase_add_test(tc, spinlock_release_irq_to_no_state_is_refused);
    tcase_add_test(tc, stage_that_does_not_exist);
    suite_add_tcase(s, tc);
    return support_run(s);
}
