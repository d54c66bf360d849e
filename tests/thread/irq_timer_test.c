/* SPDX-License-Identifier: BSD-2-Clause */

/* ksl_irq_timer: once, periodic, stopped, rearmed, freed. */

#include "support.h"

#include <kslock/irq.h>
#include <kslock/sleepq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>

enum { TIMED = 1, REFERENCE = 2, MS = 1000000 };

static int ticks[3];      /* atomic, by irq */
static uint64_t first_at; /* atomic: when TIMED ran first */

static void tick(int irq, void *arg)
{
    (void)arg;
    if (irq == TIMED && ticks[irq] == 0)
        STORE(&first_at, support_now_ns());
    ADD(&ticks[irq], 1);
}

static int count(int irq)
{
    return LOAD(&ticks[irq]);
}

static void setup(void)
{
    memset(ticks, 0, sizeof ticks);
    ck_assert_int_eq(ksl_irq_request(TIMED, KSL_STAGE_INBAND, 4, tick, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(REFERENCE, KSL_STAGE_INBAND, 4, tick, NULL), 0);
}

static void teardown(void)
{
    (void)ksl_irq_free(TIMED);
    (void)ksl_irq_free(REFERENCE);
}

/* Lets time pass on the timers' own clock: n ticks of another timer. */
static void let_pass(int n)
{
    int from = count(REFERENCE);
    ck_assert_int_eq(ksl_irq_timer(REFERENCE, 2 * MS, 2 * MS), 0);
    WAIT_UNTIL(count(REFERENCE) >= from + n);
    ck_assert_int_eq(ksl_irq_timer(REFERENCE, 0, 0), 0);
}

START_TEST(bad_arguments)
{
    ck_assert_int_eq(ksl_irq_timer(-1, MS, 0), -EINVAL);
    ck_assert_int_eq(ksl_irq_timer(KSL_IRQ_COUNT, MS, 0), -EINVAL);
    ck_assert_int_eq(ksl_irq_timer(30, MS, 0), -ENOENT);
    ck_assert_int_eq(ksl_irq_timer(TIMED, 0, 0), 0); /* stops nothing */
    ck_assert_int_eq(ksl_irq_timer(TIMED, 0, MS), 0);
    let_pass(3);
    ck_assert_int_eq(count(TIMED), 0);
}
END_TEST

START_TEST(once_and_not_early)
{
    uint64_t start = support_now_ns();
    ck_assert_int_eq(ksl_irq_timer(TIMED, 5 * MS, 0), 0);
    WAIT_UNTIL(count(TIMED) > 0);
    ck_assert_uint_ge(LOAD(&first_at), start + 5 * MS);
    let_pass(5);
    ck_assert_int_eq(count(TIMED), 1);
    ck_assert_int_eq(ksl_irq_timer(TIMED, 1, 0), 0); /* again */
    WAIT_UNTIL(count(TIMED) == 2);
}
END_TEST

START_TEST(periodic_until_stopped)
{
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, MS), 0);
    WAIT_UNTIL(count(TIMED) >= 10);
    ck_assert_int_eq(ksl_irq_timer(TIMED, 0, 0), 0);
    let_pass(1); /* a tick may have been under way */
    int stopped_at = count(TIMED);
    let_pass(5);
    ck_assert_int_eq(count(TIMED), stopped_at);
}
END_TEST

START_TEST(stopped_before_it_fires)
{
    ck_assert_int_eq(ksl_irq_timer(TIMED, 3600000000000u, 0), 0);
    ck_assert_int_eq(ksl_irq_timer(TIMED, 0, 0), 0);
    ck_assert_int_eq(ksl_irq_timer(TIMED, 3600000000000u, 0), 0);
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, 0), 0); /* replaces the long one */
    WAIT_UNTIL(count(TIMED) == 1);
    let_pass(3);
    ck_assert_int_eq(count(TIMED), 1);
}
END_TEST

START_TEST(free_stops_the_timer)
{
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, MS), 0);
    WAIT_UNTIL(count(TIMED) >= 3);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
    int freed_at = count(TIMED);
    ck_assert_int_eq(ksl_irq_request(TIMED, KSL_STAGE_INBAND, 4, tick, NULL), 0);
    let_pass(5);
    ck_assert_int_eq(count(TIMED), freed_at);
}
END_TEST

START_TEST(masked_ticks_collapse)
{
    /* There is no other thread that could take the ticks. */
    unsigned state = ksl_irq_save();
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, MS), 0);
    uint64_t until = support_now_ns() + 20 * MS;
    WAIT_UNTIL(support_now_ns() > until);
    ck_assert_int_eq(count(TIMED), 0);
    ck_assert_int_eq(ksl_irq_timer(TIMED, 3600000000000u, 0), 0);
    ksl_irq_restore(state);
    let_pass(1);
    ck_assert_int_ge(count(TIMED), 1);
    ck_assert_int_le(count(TIMED), 2);
}
END_TEST

static ksl_sleep_queue_t queue;

static void wake_me(int irq, void *arg)
{
    (void)irq;
    (void)ksl_sleepq_wake(arg, 1);
}

/* Idle: the only thread sleeps, the tick wakes it. */
START_TEST(a_tick_wakes_the_only_thread)
{
    ck_assert_int_eq(ksl_irq_request(7, KSL_STAGE_INBAND, 4, wake_me, &queue), 0);
    ck_assert_int_eq(ksl_irq_timer(7, MS, MS), 0);
    for (int i = 0; i < 20; i++) {
        unsigned state = i % 2 == 0 ? ksl_irq_save() : ksl_irq_set_level(0);
        ck_assert_int_eq(ksl_sleepq_sleep(&queue, KSL_BLOCK_UNINTERRUPTIBLE), 0);
        ksl_irq_restore(state);
    }
    ck_assert_int_eq(ksl_irq_free(7), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("irq_timer");
    TCase *tc = tcase_create("timer");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, bad_arguments);
    tcase_add_test(tc, once_and_not_early);
    tcase_add_test(tc, periodic_until_stopped);
    tcase_add_test(tc, stopped_before_it_fires);
    tcase_add_test(tc, free_stops_the_timer);
    tcase_add_test(tc, masked_ticks_collapse);
    tcase_add_test(tc, a_tick_wakes_the_only_thread);
    suite_add_tcase(s, tc);
    return support_run(s);
}
