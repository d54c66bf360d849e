/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL semaphore: dates, forced unblocks, kicks, signals (K7, K8, K13, K14). */
#include "evl_test.h"

#include <sched.h>

static struct puppet t, w;
static struct evl_ksem ksem;

static void setup(void)
{
    evl_init_ksem(&ksem, 0);
    puppet_start_on(&t, KSL_STAGE_OOB);
    puppet_start_on(&w, KSL_STAGE_OOB);
    recorder_start();
}

static void teardown(void)
{
    puppet_end(&t);
    puppet_end(&w);
    recorder_stop();
}

/* What the timed calls are given, and what they saw. */
static ktime_t date;
static bool early; /* the wait ended before the date */

static int down_until(void *object)
{
    int error = evl_down_timeout(object, date);
    early = (ktime_t)support_now_ns() < date;
    return error;
}

START_TEST(evl_ksem_K7_a_past_date)
{
    static const ktime_t past[] = {0, 1, -1, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        date = past[i];
        ck_assert_int_eq(ask(&t, down_until, &ksem), -ETIMEDOUT);
        evl_up(&ksem);
        ck_assert_int_eq(ask(&t, down_until, &ksem), 0);
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
    date = (ktime_t)support_now_ns();
    ck_assert_int_eq(ask(&t, down_until, &ksem), -ETIMEDOUT);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K7_never_early)
{
    for (int i = 0; i < 40; i++) {
        date = (ktime_t)support_now_ns() + i * 100000;
        ck_assert_int_eq(ask(&t, down_until, &ksem), -ETIMEDOUT);
        ck_assert(!early);
    }
    evl_up(&ksem);
    ck_assert_int_eq(drain(&ksem), 1);
}
END_TEST

START_TEST(evl_ksem_K7_the_largest_date_means_do_not_wait)
{
    date = EVL_NONBLOCK;
    ck_assert_int_eq(ask(&t, down_until, &ksem), -EAGAIN);
    ck_assert_int_eq(evl_down_timeout(&ksem, KTIME_MAX), -EAGAIN); /* in-band */
    evl_up(&ksem);
    ck_assert_int_eq(ask(&t, down_until, &ksem), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    date = KTIME_MAX - 1; /* that is a date */
    tell_blocked(&t, down_until, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
}
END_TEST

START_TEST(evl_ksem_K7_a_post_before_the_date)
{
    date = in_ms(60000);
    tell_blocked(&t, down_until, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
    ck_assert(early);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
}
END_TEST

/* The post goes to the first who waits, or, if that one timed out, to the other. */
START_TEST(evl_ksem_K8_a_post_near_the_date_of_the_first_waiter)
{
    for (int turn = 0; turn < 300; turn++) {
        date = (ktime_t)support_now_ns() + 200000 + turn * 500;
        ksl_thread_set_priority(t.actor.thread, 50);
        tell(&t, down_until, &ksem);
        tell(&w, down, &ksem);
        WAIT_UNTIL(ksl_thread_asleep(w.actor.thread));
        while ((ktime_t)support_now_ns() < date - 20000 + turn % 40 * 1000) {
        }
        evl_up(&ksem);
        int error = answer(&t);
        if (error == -ETIMEDOUT) {
            ck_assert_int_eq(answer(&w), 0);
        } else {
            ck_assert_int_eq(error, 0);
            ck_assert(!done(&w));
            evl_up(&ksem);
            ck_assert_int_eq(answer(&w), 0);
        }
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
}
END_TEST

START_TEST(evl_ksem_K13_a_forced_unblock_takes_no_unit)
{
    for (int turn = 0; turn < 4; turn++) {
        date = in_ms(60000);
        tell_blocked(&t, turn % 2 == 0 ? down : down_until, &ksem);
        tell_blocked(&w, down, &ksem);
        if (turn < 2)
            evl_unblock_thread(evl_of(&t), EVL_T_BREAK);
        else
            ck_assert_int_eq(ksl_thread_unblock(t.actor.thread), 1);
        ck_assert_int_eq(answer(&t), -EINTR);
        ck_assert(!done(&w));
        evl_up(&ksem);
        ck_assert_int_eq(answer(&w), 0);
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K13_a_kick_ends_a_wait_and_is_used_up_by_it)
{
    tell_blocked(&t, down, &ksem);
    evl_kick_thread(evl_of(&t), 0);
    ck_assert_int_eq(answer(&t), -EINTR);
    tell_blocked(&t, down, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
}
END_TEST

START_TEST(evl_ksem_K13_a_kick_in_advance_ends_the_next_wait)
{
    evl_kick_thread(evl_of(&t), 0);
    evl_up(&ksem);
    ck_assert_int_eq(ask(&t, down, &ksem), 0); /* that was no wait */
    ck_assert_int_eq(ask(&t, trydown, &ksem), -EAGAIN);
    ck_assert_int_eq(ask(&t, down, &ksem), -EINTR);
    tell_blocked(&t, down, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
    evl_kick_thread(evl_of(&t), 0);
    evl_kick_thread(evl_of(&t), 0); /* no counter */
    date = in_ms(60000);
    ck_assert_int_eq(ask(&t, down_until, &ksem), -EINTR);
    tell_blocked(&t, down_until, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K13_a_kick_with_a_signal_pending)
{
    ck_assert_int_eq(ask(&t, post_signal_to_self, NULL), 0);
    evl_kick_thread(evl_of(&t), 0);
    ck_assert_int_eq(ask(&t, down, &ksem), -ERESTARTSYS);
    ck_assert_int_eq(ask(&t, take_signal, NULL), 10);
    tell_blocked(&t, down, &ksem); /* the kick has ended that wait, and no other */
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
}
END_TEST

START_TEST(evl_ksem_K13_a_signal_ends_a_wait_and_takes_no_unit)
{
    tell_blocked(&t, down, &ksem);
    tell_blocked(&w, down, &ksem);
    ck_assert_int_eq(ksl_signal_post(t.actor.thread, 10), 0);
    ck_assert_int_eq(answer(&t), -ERESTARTSYS);
    ck_assert_int_eq(ask(&t, take_signal, NULL), 10);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&w), 0);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    ck_assert_int_eq(ask(&t, post_signal_to_self, NULL), 0);
    ck_assert_int_eq(ask(&t, down, &ksem), -ERESTARTSYS);
    evl_up(&ksem);
    ck_assert_int_eq(ask(&t, down, &ksem), 0); /* a unit that is there wins */
    ck_assert_int_eq(ask(&t, take_signal, NULL), 10);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K14_an_unblock_of_a_thread_that_does_not_wait)
{
    evl_unblock_thread(evl_of(&t), EVL_T_BREAK);
    ck_assert_int_eq(ksl_thread_unblock(t.actor.thread), 0);
    tell_blocked(&t, down, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
    evl_unblock_thread(evl_of(&t), EVL_T_BREAK);
    tell_blocked(&t, down, &ksem);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&t), 0);
}
END_TEST

/* The waiter is held in a handler while more than one thing happens to it. */
static int inside, leave; /* atomic */

static int stay(void *object)
{
    (void)object;
    STORE(&inside, 1);
    while (!LOAD(&leave))
        sched_yield();
    return 0;
}

static void hold_in_irq(struct irq_call *c, struct puppet *p)
{
    c->call = stay;
    STORE(&inside, 0);
    STORE(&leave, 0);
    ck_assert_int_eq(ksl_irq_raise_on(p->actor.thread, OOB_IRQ), 0);
    WAIT_UNTIL(LOAD(&inside));
}

START_TEST(evl_ksem_K14_when_several_results_apply_the_first_event_counts)
{
    struct irq_call inband = {0}, oob = {0};
    irq_setup(&inband, &oob);
    tell_blocked(&t, down, &ksem);
    hold_in_irq(&oob, &t);
    evl_up(&ksem); /* unlinked by a waker is woken */
    evl_unblock_thread(evl_of(&t), EVL_T_BREAK);
    ck_assert_int_eq(ksl_signal_post(t.actor.thread, 10), 0);
    STORE(&leave, 1);
    ck_assert_int_eq(answer(&t), 0);
    ck_assert_int_eq(ask(&t, take_signal, NULL), 10);

    date = in_ms(30);
    tell_blocked(&t, down_until, &ksem);
    hold_in_irq(&oob, &t);
    evl_up(&ksem);
    WAIT_UNTIL((ktime_t)support_now_ns() > date);
    STORE(&leave, 1);
    int error = answer(&t);
    ck_assert(error == 0 || error == -ETIMEDOUT); /* the date may have come first */
    ck_assert_int_eq(evl_trydown(&ksem), error == 0 ? -EAGAIN : 0);

    date = in_ms(60000);
    tell_blocked(&t, down_until, &ksem);
    hold_in_irq(&oob, &t);
    evl_destroy_ksem(&ksem);
    evl_unblock_thread(evl_of(&t), EVL_T_BREAK);
    STORE(&leave, 1);
    ck_assert_int_eq(answer(&t), -EIDRM);
    irq_teardown();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_ksem_K14_a_past_date_goes_before_signals_and_kicks)
{
    ck_assert_int_eq(ksl_signal_post(t.actor.thread, 10), 0);
    date = 1;
    ck_assert_int_eq(ask(&t, down_until, &ksem), -ETIMEDOUT);
    evl_kick_thread(evl_of(&t), 0);
    ck_assert_int_eq(ask(&t, down_until, &ksem), -ETIMEDOUT);
    date = in_ms(60000);
    ck_assert_int_eq(ask(&t, down_until, &ksem), -ERESTARTSYS); /* both are still there */
    ck_assert_int_eq(ask(&t, take_signal, NULL), 10);
    evl_up(&ksem);
    ck_assert_int_eq(evl_trydown(&ksem), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl ksem waits");
    TCase *tc = tcase_create("waits");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_ksem_K7_a_past_date);
    tcase_add_test(tc, evl_ksem_K7_never_early);
    tcase_add_test(tc, evl_ksem_K7_the_largest_date_means_do_not_wait);
    tcase_add_test(tc, evl_ksem_K7_a_post_before_the_date);
    tcase_add_test(tc, evl_ksem_K8_a_post_near_the_date_of_the_first_waiter);
    tcase_add_test(tc, evl_ksem_K13_a_forced_unblock_takes_no_unit);
    tcase_add_test(tc, evl_ksem_K13_a_kick_ends_a_wait_and_is_used_up_by_it);
    tcase_add_test(tc, evl_ksem_K13_a_kick_in_advance_ends_the_next_wait);
    tcase_add_test(tc, evl_ksem_K13_a_kick_with_a_signal_pending);
    tcase_add_test(tc, evl_ksem_K13_a_signal_ends_a_wait_and_takes_no_unit);
    tcase_add_test(tc, evl_ksem_K14_an_unblock_of_a_thread_that_does_not_wait);
    tcase_add_test(tc, evl_ksem_K14_a_past_date_goes_before_signals_and_kicks);
    tcase_add_test(tc, evl_ksem_K14_when_several_results_apply_the_first_event_counts);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
