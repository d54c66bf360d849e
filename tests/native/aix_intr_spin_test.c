/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX disable_lock that has to wait: T15, T18, trap 10. */
#include "aix_simple.h"

static void quiet_teardown(void)
{
    ck_assert_uint_eq(recorder_count(NULL), 0);
    teardown();
}

START_TEST(aix_T15_a_disabled_waiter_spins_for_a_disabled_owner)
{
    struct spinner s;
    int old = disable_lock(INTMAX, &lock);
    tell_spinning(&s, &p[0], do_disable_lock, &lock);
    open_for(&s);
    unlock_enable(old, &lock);
    ck_assert_int_eq(spinner_answer(&s), INTBASE);
    ck_assert_int_eq(ask(&p[0], ask_priority, NULL), INTMAX);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    ck_assert_int_eq(simple_lock_try(&lock), FALSE);
    (void)ask(&p[0], do_unlock_enable, &lock);
    ck_assert_int_eq(ask(&p[0], ask_priority, NULL), INTBASE);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T15_a_disabled_waiter_spins_for_an_enabled_owner)
{
    struct spinner s;
    simple_lock(&lock);
    tell_spinning(&s, &p[0], do_disable_lock, &lock);
    open_for(&s);
    simple_unlock(&lock);
    ck_assert_int_eq(spinner_answer(&s), INTBASE);
    (void)ask(&p[0], do_unlock_enable, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T18_an_enabled_waiter_of_a_disabled_owner)
{
    for (int i = 0; i < 20; i++) {
        int old = disable_lock(INTMAX, &lock);
        tell_blocked(&p[0], do_simple_lock, &lock);
        unlock_enable(old, &lock);
        (void)answer(&p[0]);
        ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
        (void)ask(&p[0], do_simple_unlock, &lock);
    }
    check_free(&lock);
}
END_TEST

START_TEST(aix_T18_waiters_of_both_kinds_get_it)
{
    for (int i = 0; i < 20; i++) {
        struct spinner s;
        (void)ask(&p[2], do_disable_lock, &lock);
        tell_blocked(&p[0], do_simple_lock, &lock);
        tell_spinning(&s, &p[1], do_disable_lock, &lock);
        open_for(&s);
        (void)ask(&p[2], do_unlock_enable, &lock);
        WAIT_UNTIL(done(&p[0]) || done(&p[1]));
        if (done(&p[0])) {
            (void)ask(&p[0], do_simple_unlock, &lock);
            (void)spinner_answer(&s);
            (void)ask(&p[1], do_unlock_enable, &lock);
        } else {
            ck_assert(!done(&p[0]));
            (void)ask(&p[1], do_unlock_enable, &lock);
            (void)answer(&p[0]);
            (void)ask(&p[0], do_simple_unlock, &lock);
        }
        check_free(&lock);
    }
}
END_TEST

/* Interrupts that come while disable_lock spins run after unlock_enable. */
struct masked_wait {
    int runs_inside, runs_after;
};

static int wait_masked(void *arg)
{
    struct masked_wait *m = arg;
    int inner = disable_lock(INTMAX, &lock);
    m->runs_inside = LOAD(&in_irq.runs);
    unlock_enable(inner, &lock);
    return inner;
}

static int masked_from_the_start(void *arg)
{
    struct spinner *s = arg;
    struct masked_wait *m = s->object;
    int outer = i_disable(TEST_IRQ_PRIORITY);
    (void)spin_in_call(s);
    i_enable(outer);
    m->runs_after = LOAD(&in_irq.runs);
    return outer;
}

START_TEST(aix_a_spinning_waiter_takes_no_interrupts)
{
    struct masked_wait m = {-1, -1};
    struct spinner s = {.puppet = &p[0], .call = wait_masked, .object = &m};
    simple_lock(&lock);
    tell(&p[0], masked_from_the_start, &s);
    WAIT_UNTIL(LOAD(&s.entered));
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
        sched_yield();
        ck_assert(!done(&p[0]));
        ck_assert_int_eq(LOAD(&in_irq.runs), 0);
    }
    open_for(&s);
    simple_unlock(&lock);
    ck_assert_int_eq(spinner_answer(&s), INTBASE);
    ck_assert_int_eq(s.result, TEST_IRQ_PRIORITY);
    ck_assert_int_eq(m.runs_inside, 0);
    ck_assert_int_eq(m.runs_after, 1); /* repeats collapse */
    check_free(&lock);
}
END_TEST

START_TEST(aix_trap_10_a_handler_on_another_processor_meets_the_lock)
{
    int stop = 0;
    in_irq.call = disable_and_enable;
    in_irq.object = &lock;
    int old = disable_lock(INTMAX, &lock);
    tell(&p[0], poll_until_set, &stop);
    ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&in_irq.entered) == 1);
    for (int i = 0; i < 100; i++) {
        sched_yield();
        ck_assert_int_eq(LOAD(&in_irq.runs), 0);
    }
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    unlock_enable(old, &lock);
    WAIT_UNTIL(LOAD(&in_irq.runs) == 1);
    ck_assert_ptr_eq(in_irq.on, p[0].actor.thread);
    ck_assert_int_eq(in_irq.result, TEST_IRQ_PRIORITY);
    STORE(&stop, 1);
    (void)answer(&p[0]);
    check_free(&lock);
}
END_TEST

START_TEST(aix_trap_10_a_handler_on_another_processor_runs_while_i_am_disabled)
{
    int stop = 0;
    in_irq.call = NULL;
    int old = disable_lock(INTMAX, &lock);
    tell(&p[0], poll_until_set, &stop);
    for (int i = 1; i <= 10; i++) {
        ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
        WAIT_UNTIL(LOAD(&in_irq.runs) == i);
    }
    ck_assert_ptr_eq(in_irq.on, p[0].actor.thread);
    STORE(&stop, 1);
    (void)answer(&p[0]);
    unlock_enable(old, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T12_a_signal_does_not_end_a_wait_in_disable_lock)
{
    struct spinner s;
    simple_lock(&lock);
    tell_spinning(&s, &p[0], do_disable_lock, &lock);
    post_signal(&p[0], 10);
    ck_assert_int_eq(ksl_thread_unblock(p[0].actor.thread), 0);
    ck_assert(!done(&p[0]));
    open_for(&s);
    simple_unlock(&lock);
    ck_assert_int_eq(spinner_answer(&s), INTBASE);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    (void)ask(&p[0], do_unlock_enable, &lock);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T65_a_spinning_handler_promotes_nobody)
{
    int stop = 0;
    in_irq.call = disable_and_enable;
    in_irq.object = &lock;
    set_urgency(&p[0], 50);
    simple_lock(&lock);
    tell(&p[0], poll_until_set, &stop);
    ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&in_irq.entered) == 1);
    for (int i = 0; i < 100; i++) {
        sched_yield();
        ck_assert_int_eq(ksl_thread_effective_priority(ksl_thread_self()), 0);
    }
    simple_unlock(&lock);
    WAIT_UNTIL(LOAD(&in_irq.runs) == 1);
    STORE(&stop, 1);
    (void)answer(&p[0]);
    check_free(&lock);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix disable_lock, waiting");
    TCase *tc = tcase_create("spinning");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, quiet_teardown);
    tcase_add_test(tc, aix_T15_a_disabled_waiter_spins_for_a_disabled_owner);
    tcase_add_test(tc, aix_T15_a_disabled_waiter_spins_for_an_enabled_owner);
    tcase_add_test(tc, aix_T18_an_enabled_waiter_of_a_disabled_owner);
    tcase_add_test(tc, aix_T18_waiters_of_both_kinds_get_it);
    tcase_add_test(tc, aix_a_spinning_waiter_takes_no_interrupts);
    tcase_add_test(tc, aix_trap_10_a_handler_on_another_processor_meets_the_lock);
    tcase_add_test(tc,
                   aix_trap_10_a_handler_on_another_processor_runs_while_i_am_disabled);
    tcase_add_test(tc, aix_T12_a_signal_does_not_end_a_wait_in_disable_lock);
    tcase_add_test(tc, aix_T65_a_spinning_handler_promotes_nobody);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
