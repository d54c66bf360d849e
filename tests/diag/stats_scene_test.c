/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: exact counts of scenes in which each step is known. */

#include "stats_calls.h"

START_TEST(recursion_is_counted)
{
    on_with_clock();
    for (int i = 0; i < 3; i++)
        (void)ksl_mutex_acquire(&mutex);
    pass(40);
    for (int i = 0; i < 3; i++)
        ksl_mutex_release(&mutex);
    struct ksi_stats_sum s = stats_of(&mutex);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, AGAIN, 2);
    COUNTED(s, HELD, 1);
    COUNTED(s, HOLD, 40);
    (void)take_xlock(&sx);
    (void)take_xlock(&sx);
    ck_assert_int_eq(try_xlock(&sx), 1);
    (void)give_xlock(&sx);
    (void)give_xlock(&sx);
    (void)give_xlock(&sx);
    s = stats_of(&sx);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, AGAIN, 2);
    COUNTED(s, HELD, 1);
    COUNTED(s, BUSY, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
}
END_TEST

/* Several shares of one thread are several. */
START_TEST(nested_shares_are_counted)
{
    on_with_clock();
    (void)take_slock(&sx);
    pass(10);
    (void)take_slock(&sx);
    pass(10);
    (void)give_slock(&sx);
    (void)give_slock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, SHARED, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, HOLD, 30);
    COUNTED(s, FOREIGN, 0);
    COUNTED(s, READERS, 1);
}
END_TEST

/* Also of a rwlock, where another thread may give one back. */
START_TEST(nested_reads_of_a_rwlock_are_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    (void)ask(&p, read_rwlock, &rwlock);
    pass(10);
    (void)ask(&p, read_rwlock, &rwlock);
    pass(10);
    ck_assert_uint_eq(stats_of(&rwlock).holding, 2);
    (void)ask(&p, unread_rwlock, &rwlock);
    (void)ask(&p, unread_rwlock, &rwlock);
    struct ksi_stats_sum s = stats_of(&rwlock);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, SHARED, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, HOLD, 30);
    COUNTED(s, FOREIGN, 0);
    COUNTED(s, READERS, 1);
    (void)ask(&p, read_rwlock, &rwlock);
    (void)unread_rwlock(&rwlock);
    (void)ask(&p, read_rwlock, &rwlock);
    s = stats_of(&rwlock);
    COUNTED(s, TAKEN, 4);
    COUNTED(s, HELD, 2);
    COUNTED(s, FOREIGN, 1);
    ck_assert_uint_eq(s.holding, 1);
    (void)ask(&p, unread_rwlock, &rwlock);
    COUNTED(stats_of(&rwlock), HELD, 3);
    puppet_end(&p);
}
END_TEST

START_TEST(an_interrupted_wait_is_counted)
{
    struct puppet waiter;
    on_with_clock();
    puppet_start(&waiter);
    (void)take_xlock(&sx);
    tell_blocked(&waiter, sig_slock, &sx);
    pass(700);
    ck_assert_int_eq(ksl_signal_post(waiter.actor.thread, 5), 0);
    ck_assert_int_ne(answer(&waiter), 0);
    (void)give_xlock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, GAVE_UP, 1);
    COUNTED(s, ENDED, 1);
    COUNTED(s, WOKEN, 0);
    COUNTED(s, WAIT, 700);
    ck_assert_uint_eq(s.waiting, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&waiter);
}
END_TEST

/* A date to come by the test's clock, which stands, and long past by the host's. */
CALL(down_late, ksi_ksem_down(lock, ksi_now() + 1, false, SITE))

START_TEST(a_late_wait_is_counted)
{
    struct puppet waiter;
    on_with_clock();
    puppet_start_on(&waiter, KSL_STAGE_OOB);
    (void)ask(&waiter, take_ksem, &ksem);
    ck_assert_int_eq(ask(&waiter, down_late, &ksem), -ETIMEDOUT);
    struct ksi_stats_sum s = stats_of(&ksem);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, GAVE_UP, 1);
    COUNTED(s, LATE, 1);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&waiter);
}
END_TEST

START_TEST(readers_are_counted)
{
    enum { READERS = 5 };
    struct puppet p[READERS];
    on_with_clock();
    puppets_start(p, READERS);
    for (int i = 0; i < READERS; i++) {
        (void)ask(&p[i], take_slock, &sx);
        (void)ask(&p[i], read_rwsem, &rwsem);
        (void)ask(&p[i], read_rwlock, &rwlock);
        ck_assert_uint_eq(stats_of(&sx).c[KSI_STAT_READERS], (unsigned)i + 1);
    }
    for (int i = 0; i < READERS; i++) {
        (void)ask(&p[i], unread_rwlock, &rwlock);
        (void)ask(&p[i], unread_rwsem, &rwsem);
        (void)ask(&p[i], give_slock, &sx);
    }
    (void)ask(&p[0], take_slock, &sx);
    (void)ask(&p[0], give_slock, &sx);
    COUNTED(stats_of(&sx), READERS, READERS);
    COUNTED(stats_of(&rwsem), READERS, READERS);
    COUNTED(stats_of(&rwlock), READERS, READERS);
    puppets_end(p, READERS);
}
END_TEST

START_TEST(conversions_are_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    (void)take_slock(&sx);
    ck_assert_int_eq(ksi_sx_try_upgrade(&sx, SITE), 1);
    ksi_sx_downgrade(&sx, SITE);
    (void)ask(&p, take_slock, &sx);
    COUNTED(stats_of(&sx), READERS, 2);
    (void)ask(&p, give_slock, &sx);
    (void)give_slock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, UP, 1);
    COUNTED(s, DOWN, 1);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&p);
}
END_TEST

CALL(upgrade_complex, ksi_complex_upgrade(lock, true, SITE))

/* An upgrade that has to wait is a wait. */
START_TEST(a_waiting_upgrade_is_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    (void)read_complex(&complex_lock);
    (void)ask(&p, read_complex, &complex_lock);
    tell_blocked(&p, upgrade_complex, &complex_lock);
    ck_assert_uint_eq(stats_of(&complex_lock).waiting, 1);
    pass(900);
    (void)give_complex(&complex_lock);
    ck_assert_int_eq(answer(&p), 0);
    (void)ask(&p, give_complex, &complex_lock);
    struct ksi_stats_sum s = stats_of(&complex_lock);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, UP, 1);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, WAIT, 900);
    COUNTED(s, SLEEPS, 1);
    COUNTED(s, WOKEN, 1);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&p);
}
END_TEST

START_TEST(promotions_are_counted)
{
    struct puppet owner, waiter;
    on_with_clock();
    puppet_start_on(&owner, KSL_STAGE_OOB);
    puppet_start_on(&waiter, KSL_STAGE_OOB);
    ck_assert_int_eq(ksl_thread_set_priority(waiter.actor.thread, 40), 0);
    (void)ask(&owner, take_kmutex, (void *)(uintptr_t)&kmutex);
    tell_blocked(&waiter, take_kmutex, (void *)(uintptr_t)&kmutex);
    ck_assert_int_eq(ksl_thread_effective_priority(owner.actor.thread), 40);
    (void)ask(&owner, give_kmutex, (void *)(uintptr_t)&kmutex);
    (void)answer(&waiter);
    (void)ask(&waiter, give_kmutex, (void *)(uintptr_t)&kmutex);
    struct ksi_stats_sum s = stats_of(&kmutex);
    COUNTED(s, LENT, 1);
    COUNTED(s, CONTENDED, 1);
    puppet_end(&waiter);
    puppet_end(&owner);
}
END_TEST

/* Readers by slots; then a writer has to take them back. */
START_TEST(withdrawals_are_counted)
{
    enum { MOST = 1000000 };
    stats_on();
    begin_all();
    if (!ksi_heavy_works())
        return; /* no bias */
    for (int i = 0; i < MOST && (ksi_load(&sx.word) & KSL_WORD_BIAS) == 0; i++) {
        (void)take_slock(&sx);
        (void)give_slock(&sx);
    }
    ck_assert_uint_ne(ksi_load(&sx.word) & KSL_WORD_BIAS, 0);
    COUNTED(stats_of(&sx), WITHDRAWN, 0);
    (void)take_xlock(&sx);
    (void)give_xlock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, WITHDRAWN, 1);
    ck_assert_uint_gt(s.c[KSI_STAT_WITHDRAWAL], 0);
}
END_TEST

/* A unit of a semaphore goes from one thread to the other. */
START_TEST(units_given_elsewhere_are_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start_on(&p, KSL_STAGE_OOB);
    (void)ask(&p, take_ksem, &ksem);
    (void)give_ksem(&ksem);
    (void)ask(&p, take_ksem, &ksem);
    (void)give_ksem(&ksem);
    struct ksi_stats_sum s = stats_of(&ksem);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 0);
    COUNTED(s, FOREIGN, 2);
    puppet_end(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stats scenes");
    TCase *tc = tcase_create("scenes");
    tcase_add_test(tc, recursion_is_counted);
    tcase_add_test(tc, nested_shares_are_counted);
    tcase_add_test(tc, nested_reads_of_a_rwlock_are_counted);
    tcase_add_test(tc, an_interrupted_wait_is_counted);
    tcase_add_test(tc, a_late_wait_is_counted);
    tcase_add_test(tc, readers_are_counted);
    tcase_add_test(tc, conversions_are_counted);
    tcase_add_test(tc, a_waiting_upgrade_is_counted);
    tcase_add_test(tc, promotions_are_counted);
    tcase_add_test(tc, withdrawals_are_counted);
    tcase_add_test(tc, units_given_elsewhere_are_counted);
    suite_add_tcase(s, tc);
    return support_run(s);
}
