/* SPDX-License-Identifier: BSD-2-Clause */

/* <kslock/irq.h>: registration, masking, levels, order and nesting. */

#include "support.h"

#include <kslock/irq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>

enum { LOG_MAX = 64 };

/* What handlers on this thread did, in order: irq at entry, -irq - 1 at exit. */
static int log_of[LOG_MAX];
static int log_n;

static void log_add(int what)
{
    if (log_n < LOG_MAX)
        log_of[log_n++] = what;
}

/* arg: irq to raise on oneself inside the handler, or NULL. */
static void logging(int irq, void *arg)
{
    log_add(irq);
    if (arg != NULL)
        (void)ksl_irq_raise_on(ksl_thread_self(), *(int *)arg);
    log_add(-irq - 1);
}

static void assert_log(const int *expected, int n)
{
    ck_assert_int_eq(log_n, n);
    for (int i = 0; i < n; i++)
        ck_assert_msg(log_of[i] == expected[i], "entry %d is %d, not %d", i, log_of[i],
                      expected[i]);
    log_n = 0;
}

#define ASSERT_LOG(...)                                                                  \
    do {                                                                                 \
        static const int expected_[] = {__VA_ARGS__};                                    \
        assert_log(expected_, (int)(sizeof expected_ / sizeof expected_[0]));            \
    } while (0)

static void request(int irq, int level, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(irq, KSL_STAGE_INBAND, level, logging, arg), 0);
}

static void raise_self(int irq)
{
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), irq), 0);
}

static void setup(void)
{
    log_n = 0;
    (void)ksl_thread_self();
}

static void teardown(void)
{
    for (int irq = 0; irq < KSL_IRQ_COUNT; irq++)
        (void)ksl_irq_free(irq);
}

START_TEST(bad_arguments)
{
    const ksl_stage s = KSL_STAGE_INBAND;
    ck_assert_int_eq(ksl_irq_request(-1, s, 1, logging, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_request(KSL_IRQ_COUNT, s, 1, logging, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_request(0, s, 0, logging, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_request(0, s, KSL_IRQ_LEVELS, logging, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_request(0, s, -1, logging, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_request(0, s, 1, NULL, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_request(0, (ksl_stage)2, 1, logging, NULL), -EINVAL);
    ck_assert_int_eq(ksl_irq_free(0), -ENOENT);
    ck_assert_int_eq(ksl_irq_free(-1), -EINVAL);
    ck_assert_int_eq(ksl_irq_free(KSL_IRQ_COUNT), -EINVAL);
    ck_assert_int_eq(ksl_irq_raise(0), -ENOENT);
    ck_assert_int_eq(ksl_irq_raise(-1), -EINVAL);
    ck_assert_int_eq(ksl_irq_raise(KSL_IRQ_COUNT), -EINVAL);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 0), -ENOENT);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), KSL_IRQ_COUNT), -EINVAL);
    ck_assert_int_eq(ksl_irq_raise_on(NULL, 0), -EINVAL);
}
END_TEST

START_TEST(request_and_free)
{
    request(0, 1, NULL);
    request(KSL_IRQ_COUNT - 1, KSL_IRQ_LEVELS - 1, NULL);
    ck_assert_int_eq(ksl_irq_request(0, KSL_STAGE_OOB, 2, logging, NULL), -EBUSY);
    raise_self(0);
    raise_self(KSL_IRQ_COUNT - 1);
    ASSERT_LOG(0, -1, 63, -64);
    ck_assert_int_eq(ksl_irq_free(0), 0);
    ck_assert_int_eq(ksl_irq_free(0), -ENOENT);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 0), -ENOENT);
    request(0, 1, NULL);
    raise_self(0);
    ASSERT_LOG(0, -1);
}
END_TEST

START_TEST(masked_interrupts_wait_and_collapse)
{
    request(7, 5, NULL);
    ck_assert(ksl_irq_enabled());
    unsigned outer = ksl_irq_save();
    ck_assert(!ksl_irq_enabled());
    for (int i = 0; i < 5; i++)
        raise_self(7);
    unsigned inner = ksl_irq_save();
    raise_self(7);
    ksl_irq_restore(inner);
    ck_assert(!ksl_irq_enabled());
    ck_assert_int_eq(log_n, 0);
    ksl_irq_restore(outer);
    ck_assert(ksl_irq_enabled());
    ASSERT_LOG(7, -8);
    raise_self(7);
    ASSERT_LOG(7, -8);
}
END_TEST

START_TEST(levels_decide)
{
    for (int level = 1; level < KSL_IRQ_LEVELS; level++)
        request(level, level, NULL);
    for (unsigned mask = 0; mask < KSL_IRQ_LEVELS; mask++) {
        ck_assert_uint_eq(ksl_irq_set_level(mask), 0);
        ck_assert(ksl_irq_enabled() == (mask == 0));
        for (int level = 1; level < KSL_IRQ_LEVELS; level++) {
            int before = log_n;
            raise_self(level);
            ck_assert_int_eq(log_n - before, level > (int)mask ? 2 : 0);
        }
        log_n = 0;
        ck_assert_uint_eq(ksl_irq_set_level(0), mask);
        ck_assert_int_eq(log_n, 2 * (int)mask); /* the others, by falling level */
        for (int i = 0; i < (int)mask; i++)
            ck_assert_int_eq(log_of[2 * i], (int)mask - i);
        log_n = 0;
    }
}
END_TEST

START_TEST(lowering_the_level_step_by_step)
{
    request(1, 3, NULL);
    request(2, 6, NULL);
    unsigned state = ksl_irq_save();
    raise_self(1);
    raise_self(2);
    ck_assert_uint_eq(ksl_irq_set_level(6), KSL_IRQ_LEVELS - 1);
    ck_assert_int_eq(log_n, 0);
    ck_assert_uint_eq(ksl_irq_set_level(5), 6);
    ASSERT_LOG(2, -3);
    ck_assert_uint_eq(ksl_irq_set_level(3), 5);
    ck_assert_int_eq(log_n, 0);
    ck_assert_uint_eq(ksl_irq_set_level(2), 3);
    ASSERT_LOG(1, -2);
    ksl_irq_restore(state);
    ck_assert_int_eq(log_n, 0);
    ck_assert(ksl_irq_enabled());
}
END_TEST

START_TEST(bad_level_changes_nothing)
{
    recorder_start();
    (void)ksl_irq_set_level(4);
    (void)ksl_irq_set_level(KSL_IRQ_LEVELS);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_uint_eq(ksl_irq_set_level(0), 4);
    recorder_start();
    ksl_irq_restore(4711);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_uint_eq(ksl_irq_set_level(0), 0);
    recorder_stop();
}
END_TEST

START_TEST(most_urgent_first_then_lowest_number)
{
    static const int irq[] = {10, 4, 2, 20, 63, 0};
    static const int level[] = {3, 7, 3, 7, 11, 1};
    for (int i = 0; i < 6; i++)
        request(irq[i], level[i], NULL);
    unsigned state = ksl_irq_save();
    for (int i = 0; i < 6; i++)
        raise_self(irq[i]);
    ksl_irq_restore(state);
    ASSERT_LOG(63, -64, 4, -5, 20, -21, 2, -3, 10, -11, 0, -1);
}
END_TEST

START_TEST(nesting_by_level)
{
    static int more_urgent = 2, equal = 3, less_urgent = 4;
    request(2, 8, NULL);
    request(3, 5, NULL);
    request(4, 1, NULL);
    request(10, 5, &more_urgent);
    request(11, 5, &equal);
    request(12, 5, &less_urgent);
    request(13, 5, NULL);
    raise_self(10);
    ASSERT_LOG(10, 2, -3, -11);
    raise_self(11);
    ASSERT_LOG(11, -12, 3, -4);
    raise_self(12);
    ASSERT_LOG(12, -13, 4, -5);
}
END_TEST

static void raise_oneself_once(int irq, void *arg)
{
    int *left = arg;
    log_add(irq);
    if ((*left)-- > 0)
        (void)ksl_irq_raise_on(ksl_thread_self(), irq);
    log_add(-irq - 1);
}

START_TEST(an_irq_raised_in_its_own_handler_runs_again)
{
    int left = 1;
    ck_assert_int_eq(ksl_irq_request(5, KSL_STAGE_INBAND, 5, raise_oneself_once, &left),
                     0);
    raise_self(5);
    ASSERT_LOG(5, -6, 5, -6);
}
END_TEST

static int chain[KSL_IRQ_LEVELS];

START_TEST(the_deepest_nesting)
{
    for (int level = 1; level < KSL_IRQ_LEVELS; level++) {
        chain[level] = level + 1;
        request(level, level, level < KSL_IRQ_LEVELS - 1 ? &chain[level] : NULL);
    }
    raise_self(1);
    ck_assert_int_eq(log_n, 2 * (KSL_IRQ_LEVELS - 1));
    for (int i = 0; i < KSL_IRQ_LEVELS - 1; i++) {
        ck_assert_int_eq(log_of[i], i + 1);
        ck_assert_int_eq(log_of[log_n - 1 - i], -(i + 1) - 1);
    }
    log_n = 0;
}
END_TEST

struct inside {
    bool in_handler, enabled;
    unsigned level;
    int irq;
};

static void look_inside(int irq, void *arg)
{
    struct inside *in = arg;
    in->irq = irq;
    in->in_handler = ksl_irq_in_handler();
    in->enabled = ksl_irq_enabled();
    in->level = ksl_irq_set_level(11);
    (void)ksl_irq_stall_inband(); /* level and stall bit come back on return */
    errno = ENOTTY;
}

START_TEST(state_in_a_handler_and_after_it)
{
    struct inside in = {.enabled = true};
    ck_assert_int_eq(ksl_irq_request(9, KSL_STAGE_INBAND, 4, look_inside, &in), 0);
    ck_assert(!ksl_irq_in_handler());
    (void)ksl_irq_set_level(2);
    errno = EXDEV;
    raise_self(9);
    ck_assert_int_eq(errno, EXDEV);
    ck_assert_int_eq(in.irq, 9);
    ck_assert(in.in_handler);
    ck_assert(!in.enabled);
    ck_assert_uint_eq(in.level, 4);
    ck_assert(!ksl_irq_in_handler());
    ck_assert_uint_eq(ksl_irq_set_level(0), 2);
    ck_assert(ksl_irq_enabled());
}
END_TEST

static int free_result;

static void free_oneself(int irq, void *arg)
{
    (void)arg;
    free_result = ksl_irq_free(irq);
}

START_TEST(free_in_its_own_handler)
{
    ck_assert_int_eq(ksl_irq_request(9, KSL_STAGE_INBAND, 4, free_oneself, NULL), 0);
    raise_self(9);
    ck_assert_int_eq(free_result, -EDEADLK);
    free_result = 0;
    raise_self(9); /* it is still there */
    ck_assert_int_eq(free_result, -EDEADLK);
    ck_assert_int_eq(ksl_irq_free(9), 0);
}
END_TEST

START_TEST(free_forgets_what_is_pending)
{
    request(9, 4, NULL);
    request(8, 4, NULL);
    unsigned state = ksl_irq_save();
    raise_self(9);
    raise_self(8);
    ck_assert_int_eq(ksl_irq_free(9), 0);
    request(9, 4, NULL);
    ksl_irq_restore(state);
    ASSERT_LOG(8, -9);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("irq");
    TCase *tc = tcase_create("irq");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, bad_arguments);
    tcase_add_test(tc, request_and_free);
    tcase_add_test(tc, masked_interrupts_wait_and_collapse);
    tcase_add_test(tc, levels_decide);
    tcase_add_test(tc, lowering_the_level_step_by_step);
    tcase_add_test(tc, bad_level_changes_nothing);
    tcase_add_test(tc, most_urgent_first_then_lowest_number);
    tcase_add_test(tc, nesting_by_level);
    tcase_add_test(tc, an_irq_raised_in_its_own_handler_runs_again);
    tcase_add_test(tc, the_deepest_nesting);
    tcase_add_test(tc, state_in_a_handler_and_after_it);
    tcase_add_test(tc, free_in_its_own_handler);
    tcase_add_test(tc, free_forgets_what_is_pending);
    suite_add_tcase(s, tc);
    return support_run(s);
}
