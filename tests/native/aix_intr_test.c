/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX interrupt priorities, disable_lock, unlock_enable: T19 to T24, T28, trap 10. */
#include "aix_simple.h"

static void check_free_and_enabled(Simple_lock *l)
{
    ck_assert_int_eq(priority_now(), INTBASE);
    check_free(l);
}

static void raise_on(struct puppet *on)
{
    ck_assert_int_eq(
        ksl_irq_raise_on(on ? on->actor.thread : ksl_thread_self(), TEST_IRQ), 0);
}

START_TEST(aix_i_disable_and_i_enable_walk_through_the_priorities)
{
    static const int walk[] = {INTBASE,  10,        INTCLASS3, INTCLASS3,
                               PL_IMP,   INTCLASS2, INTCLASS1, INTCLASS0,
                               INTTIMER, INTMAX,    INTMAX};
    enum { STEPS = sizeof walk / sizeof walk[0] };
    int old[STEPS];
    ck_assert_int_eq(priority_now(), INTBASE);
    for (int i = 0; i < STEPS; i++) {
        old[i] = i_disable(walk[i]);
        ck_assert_int_eq(old[i], i == 0 ? INTBASE : walk[i - 1]);
        ck_assert_int_eq(priority_now(), walk[i]);
        ck_assert_int_eq(ask(&p[0], ask_priority, NULL), INTBASE); /* mine alone */
    }
    for (int i = STEPS; i-- > 0;) {
        i_enable(old[i]);
        ck_assert_int_eq(priority_now(), old[i]);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_a_priority_holds_back_its_own_and_less_favoured_interrupts)
{
    static const struct {
        int priority, runs;
    } at[] = {{INTBASE, 1},
              {TEST_IRQ_PRIORITY + 1, 1},
              {TEST_IRQ_PRIORITY, 0},
              {TEST_IRQ_PRIORITY - 1, 0},
              {INTMAX, 0}};
    for (int i = 0; i < 5; i++) {
        int before = LOAD(&in_irq.runs);
        int old = i_disable(at[i].priority);
        raise_on(NULL);
        int during = LOAD(&in_irq.runs) - before;
        i_enable(old);
        ck_assert_int_eq(during, at[i].runs);
        ck_assert_int_eq(LOAD(&in_irq.runs) - before, 1);
        ck_assert_int_eq(in_irq.saw, TEST_IRQ_PRIORITY);
    }
}
END_TEST

START_TEST(aix_T19_T22_interrupts_are_held_off_and_the_lock_is_mine)
{
    static const int priorities[] = {INTMAX, INTCLASS0, TEST_IRQ_PRIORITY};
    for (int i = 0; i < 3; i++) {
        int old = disable_lock(priorities[i], &lock);
        raise_on(NULL);
        int runs = LOAD(&in_irq.runs), now = priority_now(), mine = lock_mine(&lock);
        int others = ask(&p[0], do_simple_try, &lock);
        unlock_enable(old, &lock);
        ck_assert_int_eq(LOAD(&in_irq.runs), i + 1); /* on return */
        ck_assert_int_eq(runs, i);
        ck_assert_int_eq(old, INTBASE);
        ck_assert_int_eq(now, priorities[i]);
        ck_assert_int_eq(mine, TRUE);
        ck_assert_int_eq(others, FALSE);
        ck_assert_int_eq(lock_mine(&lock), FALSE);
        check_free_and_enabled(&lock);
    }
}
END_TEST

START_TEST(aix_T20_two_locks_released_in_reverse_order)
{
    Simple_lock outer, inner;
    simple_lock_init(&outer);
    simple_lock_init(&inner);
    int first = disable_lock(INTCLASS3, &outer);
    int second = disable_lock(INTCLASS0, &inner);
    int both = priority_now();
    unlock_enable(second, &inner);
    int one = priority_now();
    int mine = lock_mine(&outer), not_mine = lock_mine(&inner);
    unlock_enable(first, &outer);
    ck_assert_int_eq(first, INTBASE);
    ck_assert_int_eq(second, INTCLASS3);
    ck_assert_int_eq(both, INTCLASS0);
    ck_assert_int_eq(one, INTCLASS3);
    ck_assert(mine && !not_mine);
    check_free_and_enabled(&outer);
    check_free_and_enabled(&inner);
}
END_TEST

/* Taken literally, and silent as long as nothing is switched on. */
START_TEST(aix_T20_two_locks_released_in_the_order_of_acquisition)
{
    Simple_lock outer, inner;
    simple_lock_init(&outer);
    simple_lock_init(&inner);
    int first = disable_lock(INTCLASS2, &outer);
    int second = disable_lock(INTMAX, &inner);
    raise_on(NULL);
    int before = LOAD(&in_irq.runs);
    unlock_enable(first, &outer);
    int after = LOAD(&in_irq.runs), now = priority_now(), mine = lock_mine(&inner);
    unlock_enable(second, &inner);
    int left = priority_now();
    i_enable(INTBASE);
    ck_assert_int_eq(before, 0);
    ck_assert_int_eq(after, 1);
    ck_assert_int_eq(now, INTBASE);
    ck_assert_int_eq(mine, TRUE);
    ck_assert_int_eq(left, INTCLASS2);
    check_free_and_enabled(&outer);
    check_free_and_enabled(&inner);
}
END_TEST

START_TEST(aix_T21_a_handler_that_was_held_off_finds_the_lock_free)
{
    in_irq.call = disable_and_enable;
    in_irq.object = &lock;
    for (int i = 0; i < 100; i++) {
        int old = disable_lock(TEST_IRQ_PRIORITY, &lock);
        raise_on(NULL);
        unlock_enable(old, &lock);
        ck_assert_int_eq(LOAD(&in_irq.runs), i + 1);
        ck_assert_int_eq(in_irq.result, TEST_IRQ_PRIORITY);
    }
    check_free_and_enabled(&lock);
}
END_TEST

static int lock_from_handler(void *l)
{
    int found = disable_lock(INTCLASS0, (simple_lock_t)l);
    int inside = priority_now();
    unlock_enable(found, (simple_lock_t)l);
    return 1000 * found + 100 * inside + priority_now();
}

START_TEST(aix_T23_disable_lock_in_a_handler_returns_its_priority)
{
    ck_assert_int_eq(call_in_irq(&in_irq, lock_from_handler, &lock),
                     1000 * TEST_IRQ_PRIORITY + 100 * INTCLASS0 + TEST_IRQ_PRIORITY);
    ck_assert_int_eq(in_irq.saw, TEST_IRQ_PRIORITY);
    check_free_and_enabled(&lock);
}
END_TEST

START_TEST(aix_T24_no_lock_address)
{
    ck_assert_int_eq(disable_lock(INTMAX, NULL), INTBASE);
    check_refused("bad-argument", NULL);
    ck_assert_int_eq(priority_now(), INTBASE);
    int old = i_disable(INTCLASS1);
    int refused = disable_lock(INTMAX, NULL), now = priority_now();
    check_refused("bad-argument", NULL);
    unlock_enable(INTBASE, NULL);
    check_refused("bad-argument", NULL);
    int still = priority_now();
    i_enable(old);
    ck_assert_int_eq(refused, INTCLASS1);
    ck_assert_int_eq(now, INTCLASS1);
    ck_assert_int_eq(still, INTCLASS1);
    check_free_and_enabled(&lock);
}
END_TEST

START_TEST(aix_T28_to_a_less_favoured_priority)
{
    static const int bad[] = {INTCLASS1 + 1, INTBASE, INTBASE + 1, -1};
    int old = i_disable(INTCLASS1);
    for (int i = 0; i < 4; i++) {
        int refused = i_disable(bad[i]), now = priority_now();
        ASSERT_VIOLATED("bad-argument");
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
        recorder_start();
        ck_assert_int_eq(refused, INTCLASS1);
        ck_assert_int_eq(now, INTCLASS1);
        refused = disable_lock(bad[i], &lock);
        check_refused("bad-argument", &lock);
        ck_assert_int_eq(refused, INTCLASS1);
        ck_assert_int_eq(priority_now(), INTCLASS1);
        ck_assert_int_eq(lock_mine(&lock), FALSE);
    }
    i_enable(old);
    check_free_and_enabled(&lock);
}
END_TEST

START_TEST(aix_i_enable_and_unlock_enable_to_no_priority_at_all)
{
    static const int bad[] = {-1, INTBASE + 1, 1000};
    for (int i = 0; i < 3; i++) {
        int old = disable_lock(INTCLASS2, &lock);
        i_enable(bad[i]);
        ASSERT_VIOLATED("bad-argument");
        recorder_start();
        int now = priority_now();
        unlock_enable(bad[i], &lock);
        check_refused("bad-argument", &lock);
        int mine = lock_mine(&lock), still = priority_now();
        unlock_enable(old, &lock);
        ck_assert_int_eq(now, INTCLASS2);
        ck_assert_int_eq(mine, TRUE);
        ck_assert_int_eq(still, INTCLASS2);
        check_free_and_enabled(&lock);
    }
}
END_TEST

START_TEST(aix_unlock_enable_without_owning_the_lock)
{
    int old = i_disable(INTCLASS0);
    unlock_enable(INTBASE, &lock);
    check_refused("not-locked", &lock);
    ck_assert_int_eq(priority_now(), INTCLASS0);
    (void)ask(&p[0], do_disable_lock, &lock);
    unlock_enable(INTBASE, &lock);
    check_refused("not-owner", &lock);
    ck_assert_int_eq(priority_now(), INTCLASS0);
    i_enable(old);
    ck_assert_int_eq(ask(&p[0], do_lock_mine, &lock), TRUE);
    (void)ask(&p[0], do_unlock_enable, &lock);
    check_free_and_enabled(&lock);
}
END_TEST

START_TEST(aix_T14_disable_lock_of_ones_own_lock)
{
    simple_lock(&lock);
    ck_assert_int_eq(disable_lock(INTMAX, &lock), INTBASE);
    check_refused("recursion", &lock);
    ck_assert_int_eq(priority_now(), INTBASE);
    simple_unlock(&lock);
    check_free_and_enabled(&lock);
    int old = disable_lock(INTCLASS1, &lock);
    int refused = disable_lock(INTMAX, &lock), now = priority_now();
    unlock_enable(old, &lock);
    check_refused("recursion", &lock);
    ck_assert_int_eq(refused, INTCLASS1);
    ck_assert_int_eq(now, INTCLASS1);
    check_free_and_enabled(&lock);
}
END_TEST

static int disable_lock_only(void *l)
{
    int result = disable_lock(INTMAX, (simple_lock_t)l);
    return 100 * result + priority_now();
}

START_TEST(aix_a_handler_that_would_spin_for_its_own_processor)
{
    simple_lock(&lock); /* the mistake: at INTBASE */
    ck_assert_int_eq(call_in_irq(&in_irq, disable_lock_only, &lock),
                     101 * TEST_IRQ_PRIORITY);
    check_refused("recursion", &lock);
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    simple_unlock(&lock);
    check_free_and_enabled(&lock);
}
END_TEST

START_TEST(aix_C7_disable_lock_is_i_disable_and_simple_lock)
{
    int old = i_disable(INTCLASS0);
    simple_lock(&lock);
    unlock_enable(old, &lock);
    check_free_and_enabled(&lock);
    old = disable_lock(INTCLASS0, &lock);
    simple_unlock(&lock);
    ck_assert_int_eq(priority_now(), INTCLASS0);
    i_enable(old);
    check_free_and_enabled(&lock);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix interrupt priorities");
    TCase *tc = tcase_create("priorities");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_i_disable_and_i_enable_walk_through_the_priorities);
    tcase_add_test(tc, aix_a_priority_holds_back_its_own_and_less_favoured_interrupts);
    tcase_add_test(tc, aix_T19_T22_interrupts_are_held_off_and_the_lock_is_mine);
    tcase_add_test(tc, aix_T20_two_locks_released_in_reverse_order);
    tcase_add_test(tc, aix_T20_two_locks_released_in_the_order_of_acquisition);
    tcase_add_test(tc, aix_T21_a_handler_that_was_held_off_finds_the_lock_free);
    tcase_add_test(tc, aix_T23_disable_lock_in_a_handler_returns_its_priority);
    tcase_add_test(tc, aix_T24_no_lock_address);
    tcase_add_test(tc, aix_T28_to_a_less_favoured_priority);
    tcase_add_test(tc, aix_i_enable_and_unlock_enable_to_no_priority_at_all);
    tcase_add_test(tc, aix_unlock_enable_without_owning_the_lock);
    tcase_add_test(tc, aix_T14_disable_lock_of_ones_own_lock);
    tcase_add_test(tc, aix_a_handler_that_would_spin_for_its_own_processor);
    tcase_add_test(tc, aix_C7_disable_lock_is_i_disable_and_simple_lock);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
