/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX simple locks: T13 to T18, contradictions C7 and C8, masked interrupts. */
#include "aix_simple.h"

START_TEST(aix_T13_one_owner_at_a_time)
{
    ck_assert_int_eq(lock_mine(&lock), FALSE);
    ck_assert_int_eq(simple_lock_try(&lock), TRUE);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), FALSE);
    ck_assert_int_eq(ask(&p[0], do_simple_try, &lock), FALSE);
    simple_unlock(&lock);
    ck_assert_int_eq(lock_mine(&lock), FALSE);
    ck_assert_int_eq(ask(&p[0], do_simple_try, &lock), TRUE);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    ck_assert_int_eq(lock_mine(&lock), FALSE);
    (void)ask(&p[0], do_simple_unlock, &lock);
    simple_lock(&lock);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    simple_unlock(&lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T13_a_waiter_gets_it_when_it_is_free)
{
    simple_lock(&lock);
    tell_blocked(&p[0], do_simple_lock, &lock);
    ck_assert_int_eq(ask(&p[1], do_simple_try, &lock), FALSE);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    simple_unlock(&lock);
    (void)answer(&p[0]);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    ck_assert_int_eq(simple_lock_try(&lock), FALSE);
    (void)ask(&p[0], do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T14_taken_again_by_the_owner_is_refused)
{
    simple_lock(&lock);
    simple_lock(&lock);
    check_refused("recursion", &lock);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    ck_assert_int_eq(ask(&p[0], do_simple_try, &lock), FALSE);
    simple_unlock(&lock); /* once: the second one changed nothing */
    check_free(&lock);
}
END_TEST

START_TEST(aix_T14_with_a_waiter_taken_again_by_the_owner_is_refused)
{
    simple_lock(&lock);
    tell_blocked(&p[0], do_simple_lock, &lock);
    simple_lock(&lock);
    check_refused("recursion", &lock);
    simple_unlock(&lock);
    (void)answer(&p[0]);
    (void)ask(&p[0], do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T14_the_owner_that_tries_is_told_busy)
{
    simple_lock(&lock);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(simple_lock_try(&lock), FALSE);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    simple_unlock(&lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T16_the_most_favoured_waiter_is_woken_and_nobody_else)
{
    static const int urgency[] = {20, 10, 30}, order[] = {2, 0, 1};
    (void)ask(&p[3], do_simple_lock, &lock);
    for (int i = 0; i < 3; i++) {
        set_urgency(&p[i], urgency[i]);
        tell_blocked(&p[i], do_simple_lock, &lock);
    }
    struct puppet *owner = &p[3];
    for (int turn = 0; turn < 3; turn++) {
        (void)ask(owner, do_simple_unlock, &lock);
        owner = &p[order[turn]];
        (void)answer(owner);
        for (int rest = turn + 1; rest < 3; rest++) {
            ck_assert(ksl_thread_asleep(p[order[rest]].actor.thread));
            ck_assert(!done(&p[order[rest]]));
        }
    }
    (void)ask(owner, do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T17_the_owner_may_wait_for_other_locks)
{
    Simple_lock inner;
    Complex_lock third;
    lock_t word = LOCK_AVAIL;
    simple_lock_init(&inner);
    lock_init(&third, TRUE);
    simple_lock(&inner);
    lock_write(&third);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    (void)ask(&p[0], do_simple_lock, &lock);
    tell_blocked(&p[0], do_simple_lock, &inner);
    simple_unlock(&inner);
    (void)answer(&p[0]);
    tell_blocked(&p[0], do_lock_read, &third);
    lock_done(&third);
    (void)answer(&p[0]);
    tell_blocked(&p[0], do_lockl, &word);
    unlockl(&word);
    ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &inner), TRUE);
    (void)ask(&p[0], do_unlockl, &word);
    (void)ask(&p[0], do_lock_done, &third);
    (void)ask(&p[0], do_simple_unlock, &inner);
    (void)ask(&p[0], do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_T73_released_in_any_order)
{
    Simple_lock more[3];
    for (int i = 0; i < 3; i++) {
        simple_lock_init(&more[i]);
        simple_lock(&more[i]);
    }
    for (int i = 0; i < 3; i++) {
        simple_unlock(&more[i]);
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(lock_mine(&more[j]), j > i);
    }
    check_free(&lock);
}
END_TEST

START_TEST(aix_simple_unlock_by_another_thread_is_refused)
{
    (void)ask(&p[0], do_simple_lock, &lock);
    tell_blocked(&p[1], do_simple_lock, &lock);
    simple_unlock(&lock);
    ck_assert_ptr_eq(recorder_last().thread, ksl_thread_self());
    check_refused("not-owner", &lock);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    ck_assert(ksl_thread_asleep(p[1].actor.thread));
    (void)ask(&p[0], do_simple_unlock, &lock);
    (void)answer(&p[1]);
    (void)ask(&p[1], do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_simple_unlock_of_a_free_one_is_refused)
{
    simple_unlock(&lock);
    check_refused("not-locked", &lock);
    simple_lock(&lock);
    simple_unlock(&lock);
    simple_unlock(&lock);
    check_refused("not-locked", &lock);
    check_free(&lock);
}
END_TEST

/* Interrupts disabled. */

START_TEST(aix_T25_a_free_one_at_a_raised_priority)
{
    static const int priorities[] = {INTCLASS3, INTCLASS0, INTMAX};
    for (int i = 0; i < 3; i++) {
        int old = i_disable(priorities[i]);
        simple_lock(&lock);
        ck_assert_int_eq(lock_mine(&lock), TRUE);
        simple_unlock(&lock);
        ck_assert_int_eq(simple_lock_try(&lock), TRUE);
        simple_unlock(&lock);
        i_enable(old);
        ck_assert_int_eq(old, INTBASE);
    }
    check_free(&lock);
}
END_TEST

START_TEST(aix_T25_a_wait_at_a_raised_priority_is_masked_sleep)
{
    static const int priorities[] = {10, INTCLASS3, INTCLASS0, INTMAX};
    (void)ask(&p[0], do_simple_lock, &lock);
    for (int i = 0; i < 4; i++) {
        int old = i_disable(priorities[i]);
        simple_lock(&lock);
        int now = priority_now();
        boolean_t mine = lock_mine(&lock), tried = simple_lock_try(&lock);
        i_enable(old);
        check_refused("masked-sleep", &lock);
        ck_assert_int_eq(now, priorities[i]);
        ck_assert_int_eq(mine, FALSE);
        ck_assert_int_eq(tried, FALSE);
    }
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    tell_blocked(&p[1], do_simple_lock, &lock); /* at INTBASE it may wait */
    (void)ask(&p[0], do_simple_unlock, &lock);
    (void)answer(&p[1]);
    (void)ask(&p[1], do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_a_sleeping_waiter_takes_interrupts)
{
    in_irq.call = NULL;
    simple_lock(&lock);
    tell_blocked(&p[0], do_simple_lock, &lock);
    ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&in_irq.runs) == 1);
    ck_assert_ptr_eq(in_irq.on, p[0].actor.thread);
    wait_asleep(p[0].actor.thread);
    simple_unlock(&lock);
    (void)answer(&p[0]);
    (void)ask(&p[0], do_simple_unlock, &lock);
    check_free(&lock);
}
END_TEST

START_TEST(aix_C7_a_handler_may_not_call_simple_lock)
{
    for (int turn = 0; turn < 3; turn++) {
        if (turn == 1)
            (void)ask(&p[0], do_simple_lock, &lock);
        if (turn == 2)
            simple_lock(&lock); /* of the interrupted thread */
        (void)call_in_irq(&in_irq, do_simple_lock, &lock);
        check_refused("irq-sleep", &lock);
        ck_assert_int_eq(lock_mine(&lock), turn == 2);
        ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), turn == 1);
        if (turn == 1)
            (void)ask(&p[0], do_simple_unlock, &lock);
        if (turn == 2)
            simple_unlock(&lock);
        check_free(&lock);
    }
}
END_TEST

START_TEST(aix_C7_a_handler_may_take_it_by_disable_lock)
{
    ck_assert_int_eq(call_in_irq(&in_irq, disable_and_enable, &lock), TEST_IRQ_PRIORITY);
    ck_assert_int_eq(in_irq.saw, TEST_IRQ_PRIORITY);
    ck_assert_int_eq(priority_now(), INTBASE);
    check_free(&lock);
}
END_TEST

static int init_and_use(void *l)
{
    simple_lock_init((simple_lock_t)l);
    return disable_and_enable(l);
}

START_TEST(aix_C8_simple_lock_init_by_threads_and_handlers)
{
    static Simple_lock fresh;
    ck_assert_int_eq(call_in_irq(&in_irq, init_and_use, &fresh), TEST_IRQ_PRIORITY);
    ck_assert_int_eq(ask(&p[0], init_and_use, &fresh), INTBASE);
    ck_assert_int_eq(simple_lock_try(&fresh), TRUE);
    simple_unlock(&fresh);
    check_free(&lock);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix simple lock");
    TCase *tc = tcase_create("simple");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_T13_one_owner_at_a_time);
    tcase_add_test(tc, aix_T13_a_waiter_gets_it_when_it_is_free);
    tcase_add_test(tc, aix_T14_taken_again_by_the_owner_is_refused);
    tcase_add_test(tc, aix_T14_with_a_waiter_taken_again_by_the_owner_is_refused);
    tcase_add_test(tc, aix_T14_the_owner_that_tries_is_told_busy);
    tcase_add_test(tc, aix_T16_the_most_favoured_waiter_is_woken_and_nobody_else);
    tcase_add_test(tc, aix_T17_the_owner_may_wait_for_other_locks);
    tcase_add_test(tc, aix_T73_released_in_any_order);
    tcase_add_test(tc, aix_simple_unlock_by_another_thread_is_refused);
    tcase_add_test(tc, aix_simple_unlock_of_a_free_one_is_refused);
    tcase_add_test(tc, aix_T25_a_free_one_at_a_raised_priority);
    tcase_add_test(tc, aix_T25_a_wait_at_a_raised_priority_is_masked_sleep);
    tcase_add_test(tc, aix_a_sleeping_waiter_takes_interrupts);
    tcase_add_test(tc, aix_C7_a_handler_may_not_call_simple_lock);
    tcase_add_test(tc, aix_C7_a_handler_may_take_it_by_disable_lock);
    tcase_add_test(tc, aix_C8_simple_lock_init_by_threads_and_handlers);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
