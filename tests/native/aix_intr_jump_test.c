/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX setjmpx, longjmpx, clrjmpx: T27, trap 18. */
#include "aix_intr.h"

static struct puppet p[2];
static struct irq_call in_irq;
static Simple_lock lock;

static void setup(void)
{
    simple_lock_init(&lock);
    scene_start(p, 2, &in_irq);
}

static void teardown(void)
{
    scene_end(p, 2);
}

static void check_bad_argument(void)
{
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    recorder_start();
}

/* The value that setjmpx returns the second time. */
static int jump_with(int value)
{
    label_t context;
    int result = setjmpx(&context);
    if (result == 0)
        (void)longjmpx(value);
    return result;
}

START_TEST(aix_1_8_the_value_of_the_jump)
{
    ck_assert_int_eq(jump_with(1), 1);
    ck_assert_int_eq(jump_with(77), 77);
    ck_assert_int_eq(jump_with(-5), -5);
    ck_assert_int_eq(jump_with(0), EINTR);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    /* Nothing is left. */
    ck_assert_int_eq(longjmpx(3), -EPERM);
    check_bad_argument();
}
END_TEST

static int jump_from_below(volatile int *depth)
{
    int mine = *depth;
    if (mine == 0)
        return longjmpx(9);
    *depth = mine - 1;
    return jump_from_below(depth) + mine;
}

START_TEST(aix_1_8_the_jump_leaves_called_functions)
{
    label_t context;
    volatile int turns = 0;
    int result = setjmpx(&context);
    if (result == 0) {
        volatile int depth = 50;
        turns = turns + 1;
        (void)jump_from_below(&depth);
    }
    ck_assert_int_eq(result, 9);
    ck_assert_int_eq(turns, 1);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_1_8_contexts_stack)
{
    label_t context[3];
    volatile int seen[3] = {0, 0, 0};
    int result = setjmpx(&context[0]);
    if (result == 0) {
        if ((result = setjmpx(&context[1])) == 0) {
            if ((result = setjmpx(&context[2])) == 0)
                (void)longjmpx(1);
            seen[2] = result;
            (void)longjmpx(2);
        }
        seen[1] = result;
        (void)longjmpx(3);
    }
    seen[0] = result;
    ck_assert(seen[2] == 1 && seen[1] == 2 && seen[0] == 3);
    ck_assert_int_eq(longjmpx(4), -EPERM);
    check_bad_argument();
}
END_TEST

START_TEST(aix_1_8_a_cleared_context_is_left_out)
{
    label_t outer, inner;
    int result = setjmpx(&outer);
    if (result == 0) {
        int second = setjmpx(&inner);
        ck_assert_int_eq(second, 0);
        clrjmpx(&inner);
        (void)longjmpx(6);
    }
    ck_assert_int_eq(result, 6);
    result = setjmpx(&outer);
    ck_assert_int_eq(result, 0);
    clrjmpx(&outer);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(longjmpx(6), -EPERM);
    check_bad_argument();
}
END_TEST

START_TEST(aix_1_8_only_the_latest_can_be_cleared)
{
    label_t outer, inner;
    int result = setjmpx(&outer);
    if (result == 0) {
        int second = setjmpx(&inner);
        if (second == 0) {
            clrjmpx(&outer);
            check_bad_argument();
            (void)longjmpx(1); /* nothing has changed */
        }
        ck_assert_int_eq(second, 1);
        clrjmpx(&inner); /* used up */
        check_bad_argument();
        (void)longjmpx(2);
    }
    ck_assert_int_eq(result, 2);
    clrjmpx(&outer);
    check_bad_argument();
}
END_TEST

START_TEST(aix_2_11_a_jump_without_a_context_is_refused)
{
    int old = i_disable(INTCLASS2);
    ck_assert_int_eq(longjmpx(1), -EPERM);
    check_bad_argument();
    ck_assert_int_eq(longjmpx(0), -EPERM);
    check_bad_argument();
    ck_assert_int_eq(priority_now(), INTCLASS2);
    i_enable(old);
}
END_TEST

/* A context is the thread's own. */
static int jump_without_context(void *object)
{
    (void)object;
    return longjmpx(5);
}

START_TEST(aix_1_8_other_threads_have_other_contexts)
{
    label_t context;
    int result = setjmpx(&context);
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(ask(&p[0], jump_without_context, NULL), -EPERM);
    check_bad_argument();
    clrjmpx(&context);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_T27_trap_18_the_priority_comes_back_and_the_lock_stays)
{
    static const int before[] = {INTBASE, INTCLASS3, INTCLASS0, INTMAX};
    for (volatile int i = 0; i < 4; i++) {
        label_t context;
        volatile int base = i_disable(before[i]);
        int result = setjmpx(&context);
        if (result == 0) {
            (void)disable_lock(INTMAX, &lock);
            (void)longjmpx(0);
        }
        int now = priority_now(), mine = lock_mine(&lock);
        int others = ask(&p[0], do_simple_try, &lock);
        simple_unlock(&lock);
        i_enable(base);
        ck_assert_int_eq(result, EINTR);
        ck_assert_int_eq(now, before[i]);
        ck_assert_int_eq(mine, TRUE);
        ck_assert_int_eq(others, FALSE);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_T27_held_off_handlers_run_when_the_priority_comes_back)
{
    label_t context;
    volatile int inside = -1;
    int result = setjmpx(&context);
    if (result == 0) {
        (void)i_disable(INTMAX);
        ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), TEST_IRQ), 0);
        inside = LOAD(&in_irq.runs);
        (void)longjmpx(0);
    }
    ck_assert_int_eq(inside, 0);
    ck_assert_int_eq(LOAD(&in_irq.runs), 1);
    ck_assert_int_eq(in_irq.saw, TEST_IRQ_PRIORITY);
    ck_assert_int_eq(priority_now(), INTBASE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_trap_18_no_other_lock_is_released)
{
    Complex_lock complex_lock, shared;
    lock_t word = LOCK_AVAIL;
    label_t context;
    lock_init(&complex_lock, TRUE);
    lock_init(&shared, TRUE);
    int result = setjmpx(&context);
    if (result == 0) {
        simple_lock(&lock);
        lock_write(&complex_lock);
        lock_read(&shared);
        (void)lockl(&word, LOCK_SHORT);
        (void)longjmpx(0);
    }
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    ck_assert_int_eq(lock_mine(&complex_lock), TRUE);
    ck_assert_int_eq(lock_islocked(&shared), TRUE);
    ck_assert_int_eq(ask(&p[0], do_simple_try, &lock), FALSE);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
    unlockl(&word);
    lock_done(&shared);
    lock_done(&complex_lock);
    simple_unlock(&lock);
    ck_assert_int_eq(lock_islocked(&shared), FALSE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* kernel_lock is as it was at setjmpx, as far as that means taking it. */
START_TEST(aix_trap_18_kernel_lock_is_taken_again)
{
    for (volatile int given_back = 0; given_back < 2; given_back++) {
        label_t context;
        ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_SUCC);
        int result = setjmpx(&context);
        if (result == 0) {
            if (given_back)
                unlockl(&kernel_lock);
            (void)longjmpx(0);
        }
        ck_assert_int_eq(result, EINTR);
        ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &kernel_lock), LOCK_FAIL);
        ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_NEST);
        unlockl(&kernel_lock);
        ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &kernel_lock), LOCK_SUCC);
        (void)ask(&p[0], do_unlockl, &kernel_lock);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* In handlers. */

static int jump_inside(void *object)
{
    (void)object;
    label_t context;
    int result = setjmpx(&context);
    if (result == 0) {
        (void)i_disable(INTMAX);
        (void)longjmpx(8);
    }
    return 100 * priority_now() + result;
}

START_TEST(aix_1_8_a_handler_has_contexts_of_its_own)
{
    label_t context;
    int result = setjmpx(&context);
    if (result == 0) {
        ck_assert_int_eq(call_in_irq(&in_irq, jump_inside, NULL),
                         100 * TEST_IRQ_PRIORITY + 8);
        ck_assert_uint_eq(recorder_count(NULL), 0);
        ck_assert_int_eq(call_in_irq(&in_irq, jump_without_context, NULL), -EPERM);
        check_bad_argument();
        (void)longjmpx(4);
    }
    ck_assert_int_eq(result, 4);
    ck_assert_int_eq(priority_now(), INTBASE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix saved contexts");
    TCase *tc = tcase_create("contexts");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_1_8_the_value_of_the_jump);
    tcase_add_test(tc, aix_1_8_the_jump_leaves_called_functions);
    tcase_add_test(tc, aix_1_8_contexts_stack);
    tcase_add_test(tc, aix_1_8_a_cleared_context_is_left_out);
    tcase_add_test(tc, aix_1_8_only_the_latest_can_be_cleared);
    tcase_add_test(tc, aix_2_11_a_jump_without_a_context_is_refused);
    tcase_add_test(tc, aix_1_8_other_threads_have_other_contexts);
    tcase_add_test(tc, aix_T27_trap_18_the_priority_comes_back_and_the_lock_stays);
    tcase_add_test(tc, aix_T27_held_off_handlers_run_when_the_priority_comes_back);
    tcase_add_test(tc, aix_trap_18_no_other_lock_is_released);
    tcase_add_test(tc, aix_trap_18_kernel_lock_is_taken_again);
    tcase_add_test(tc, aix_1_8_a_handler_has_contexts_of_its_own);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
