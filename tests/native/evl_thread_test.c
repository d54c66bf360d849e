/* SPDX-License-Identifier: BSD-2-Clause */
/* <evl/thread.h>: sleeping, unblocking, kernel threads. */
#include "evl_test.h"

#include <limits.h>
#include <string.h>

static struct puppet p;
static struct irq_call inband_irq, oob_irq;

static void setup(void)
{
    puppet_start_on(&p, KSL_STAGE_OOB);
    irq_setup(&inband_irq, &oob_irq);
    recorder_start();
}

static void teardown(void)
{
    puppet_end(&p);
    irq_teardown();
    recorder_stop();
}

static int sleep_for(void *object)
{
    ktime_t delay = *(ktime_t *)object;
    ktime_t date = (ktime_t)support_now_ns() + delay;
    int error = evl_sleep(delay);
    return error == 0 && (ktime_t)support_now_ns() < date ? 1 : error;
}

static int sleep_until(void *object)
{
    ktime_t date = *(ktime_t *)object;
    int error = evl_sleep_until(date);
    return error == 0 && (ktime_t)support_now_ns() < date ? 1 : error;
}

START_TEST(evl_thread_sleep_is_never_early)
{
    for (int i = 0; i < 20; i++) {
        ktime_t time = 1 + i * 100000;
        ck_assert_int_eq(ask(&p, sleep_for, &time), 0);
        time += (ktime_t)support_now_ns();
        ck_assert_int_eq(ask(&p, sleep_until, &time), 0);
        ck_assert_int_eq(ask(&p, sleep_until, &time), 0); /* past */
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_thread_sleep_that_is_ended)
{
    ktime_t for_ever = EVL_INFINITE, minute = (ktime_t)60 * 1000000000;
    tell_blocked(&p, sleep_for, &for_ever);
    evl_unblock_thread(evl_of(&p), EVL_T_BREAK);
    ck_assert_int_eq(answer(&p), -EINTR);
    tell_blocked(&p, sleep_for, &minute);
    ck_assert_int_eq(ksl_thread_unblock(p.actor.thread), 1);
    ck_assert_int_eq(answer(&p), -EINTR);
    minute = in_ms(60000);
    tell_blocked(&p, sleep_until, &minute);
    ck_assert_int_eq(ksl_signal_post(p.actor.thread, 10), 0);
    ck_assert_int_eq(answer(&p), -ERESTARTSYS);
    ck_assert_int_eq(ask(&p, sleep_for, &for_ever), -ERESTARTSYS);
    ck_assert_int_eq(ask(&p, take_signal, NULL), 10);
    evl_kick_thread(evl_of(&p), 0);
    ck_assert_int_eq(ask(&p, sleep_for, &for_ever), -EINTR);
    tell_blocked(&p, sleep_for, &for_ever);
    evl_kick_thread(evl_of(&p), 0);
    ck_assert_int_eq(answer(&p), -EINTR);
}
END_TEST

START_TEST(evl_thread_K13_a_kick_with_a_signal_pending)
{
    ktime_t for_ever = EVL_INFINITE;
    ck_assert_int_eq(ask(&p, post_signal_to_self, NULL), 0);
    evl_kick_thread(evl_of(&p), 0);
    ck_assert_int_eq(ask(&p, sleep_for, &for_ever), -ERESTARTSYS);
    ck_assert_int_eq(ask(&p, take_signal, NULL), 10);
    /* the kick has ended that wait, and no other */
    tell_blocked(&p, sleep_for, &for_ever);
    evl_unblock_thread(evl_of(&p), EVL_T_BREAK);
    ck_assert_int_eq(answer(&p), -EINTR);
}
END_TEST

START_TEST(evl_thread_sleep_on_the_wrong_stage)
{
    ktime_t time = 1000;
    for (int i = 0; i < 4; i++) {
        recorder_start();
        int error = i == 0 ? evl_sleep(time)
                    : i == 1
                        ? evl_sleep_until(in_ms(60000))
                        : call_in_irq(i == 2 ? &inband_irq : &oob_irq, sleep_for, &time);
        ck_assert_int_eq(error, -EPERM);
        ASSERT_VIOLATED("stage");
        ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    }
}
END_TEST

static int unblock(void *object)
{
    evl_unblock_thread(object, EVL_T_BREAK);
    return 0;
}

static int kick(void *object)
{
    evl_kick_thread(object, 0);
    return 0;
}

START_TEST(evl_thread_unblocked_in_handlers)
{
    ktime_t for_ever = EVL_INFINITE;
    tell_blocked(&p, sleep_for, &for_ever);
    (void)call_in_irq(&inband_irq, unblock, evl_of(&p));
    ck_assert_int_eq(answer(&p), -EINTR);
    tell_blocked(&p, sleep_for, &for_ever);
    (void)call_in_irq(&oob_irq, kick, evl_of(&p));
    ck_assert_int_eq(answer(&p), -EINTR);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_thread_current_is_the_thread_of_the_core)
{
    ck_assert_ptr_eq(evl_current(), (struct evl_thread *)(void *)ksl_thread_self());
}
END_TEST

/* Kernel threads ------------------------------------------------------------------- */

static struct {
    struct evl_kthread kthread;
    struct evl_ksem ksem;
    struct evl_thread *current;
    bool oob, stop_before, stop_after;
    int prio, result, waits;
    char name[40];
    int ended; /* atomic */
} k;

static void look_and_wait(void *arg)
{
    k.current = evl_current();
    k.oob = running_oob();
    k.stop_before = evl_kthread_should_stop();
    k.prio = ksl_thread_priority(ksl_thread_self());
    strncpy(k.name, ksl_thread_name(ksl_thread_self()), sizeof k.name - 1);
    k.result = evl_down(arg);
    k.stop_after = evl_kthread_should_stop();
    STORE(&k.ended, 1);
}

static void run_and_stop(bool post)
{
    memset(&k, 0, sizeof k);
    evl_init_ksem(&k.ksem, 0);
    ck_assert_int_eq(evl_run_kthread(&k.kthread, look_and_wait, &k.ksem, 42, 0,
                                     "worker-%d/%s", 7, "x"),
                     0);
    struct evl_thread *thread = k.kthread.thread;
    ck_assert_ptr_nonnull(thread);
    wait_asleep((ksl_thread *)(void *)thread);
    if (post) {
        evl_up(&k.ksem);
        WAIT_UNTIL(LOAD(&k.ended));
    }
    evl_stop_kthread(&k.kthread);
    ck_assert_int_eq(LOAD(&k.ended), 1);
    ck_assert_ptr_eq(k.current, thread);
    ck_assert(k.oob && !k.stop_before);
    ck_assert_int_eq(k.prio, 42);
    ck_assert_str_eq(k.name, "worker-7/x");
    ck_assert_int_eq(k.result, post ? 0 : -EINTR);
    ck_assert(k.stop_after == !post);
    ck_assert_int_eq(evl_trydown(&k.ksem), -EAGAIN);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(evl_kthread_runs_and_is_stopped)
{
    run_and_stop(false);
    run_and_stop(true);
    ck_assert(!evl_kthread_should_stop()); /* the main thread is none */
    ck_assert(running_inband());
}
END_TEST

static void serve(void *arg)
{
    while (!evl_kthread_should_stop()) {
        k.waits++;
        (void)evl_down(arg);
    }
}

START_TEST(evl_kthread_a_stop_is_never_missed)
{
    evl_init_ksem(&k.ksem, 0);
    for (int turn = 0; turn < 400; turn++) {
        ck_assert_int_eq(
            evl_run_kthread(&k.kthread, serve, &k.ksem, turn % 100, 0, "server"), 0);
        if (turn % 2 == 0)
            evl_up(&k.ksem);
        for (int n = turn % 20 * 100; n > 0; n--)
            __asm__ volatile("");
        evl_stop_kthread(&k.kthread);
    }
    ck_assert_int_le(drain(&k.ksem), 200);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void stop_oneself(void *arg)
{
    evl_stop_kthread(arg);
    STORE(&k.ended, 1);
}

START_TEST(evl_kthread_misuse)
{
    memset(&k, 0, sizeof k);
    ck_assert_int_eq(evl_run_kthread(&k.kthread, stop_oneself, &k.kthread, 100, 0, "k"),
                     -EINVAL);
    ck_assert_int_eq(evl_run_kthread(&k.kthread, stop_oneself, &k.kthread, -1, 0, "k"),
                     -EINVAL);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(evl_run_kthread(&k.kthread, stop_oneself, &k.kthread, 0, 0, "k"), 0);
    WAIT_UNTIL(LOAD(&k.ended));
    ASSERT_VIOLATED("bad-argument");
    evl_stop_kthread(&k.kthread);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

static int stop(void *object)
{
    evl_stop_kthread(object);
    return 0;
}

START_TEST(evl_kthread_is_not_stopped_in_a_handler)
{
    memset(&k, 0, sizeof k);
    evl_init_ksem(&k.ksem, 0);
    ck_assert_int_eq(evl_run_kthread(&k.kthread, look_and_wait, &k.ksem, 0, 0, "k"), 0);
    wait_asleep((ksl_thread *)(void *)k.kthread.thread);
    (void)call_in_irq(&inband_irq, stop, &k.kthread);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(LOAD(&k.ended), 0);
    evl_stop_kthread(&k.kthread);
    ck_assert_int_eq(k.result, -EINTR);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

static void nothing(void *arg)
{
    STORE((int *)arg, 1);
}

static void nothing_and_exit(void *arg)
{
    STORE((int *)arg, 1);
    pthread_exit(NULL);
}

/* A thread that has the descriptor of the kthread, which has ended, waits. */
static void take_its_place(void *arg)
{
    bool *taken = arg;
    *taken = evl_current() == k.kthread.thread;
    if (!*taken)
        return;
    evl_stop_kthread(&k.kthread);
    k.oob = evl_switch_oob() == 0;
    k.result = evl_down_timeout(&k.ksem, in_ms(1));
    evl_switch_inband(0);
}

START_TEST(evl_kthread_K13_to_stop_one_that_has_ended_kicks_nobody)
{
    static void (*const fn[])(void *) = {nothing, nothing_and_exit};
    memset(&k, 0, sizeof k);
    evl_init_ksem(&k.ksem, 0);
    ck_assert_int_eq(evl_run_kthread(&k.kthread, fn[_i], &k.ended, 0, 0, "k"), 0);
    WAIT_UNTIL(LOAD(&k.ended));
    bool taken = false;
    for (int turn = 0; turn < 4000 && !taken; turn++) {
        struct actor a;
        actor_start(&a, take_its_place, &taken);
        actor_join(&a);
    }
    if (taken)
        ck_assert_int_eq(k.result, -ETIMEDOUT);
    else
        evl_stop_kthread(&k.kthread); /* descriptors are not used again so soon */
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl threads");
    TCase *tc = tcase_create("threads");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_thread_sleep_is_never_early);
    tcase_add_test(tc, evl_thread_sleep_that_is_ended);
    tcase_add_test(tc, evl_thread_K13_a_kick_with_a_signal_pending);
    tcase_add_test(tc, evl_thread_sleep_on_the_wrong_stage);
    tcase_add_test(tc, evl_thread_unblocked_in_handlers);
    tcase_add_test(tc, evl_thread_current_is_the_thread_of_the_core);
    tcase_add_test(tc, evl_kthread_runs_and_is_stopped);
    tcase_add_test(tc, evl_kthread_a_stop_is_never_missed);
    tcase_add_test(tc, evl_kthread_misuse);
    tcase_add_test(tc, evl_kthread_is_not_stopped_in_a_handler);
    tcase_add_loop_test(tc, evl_kthread_K13_to_stop_one_that_has_ended_kicks_nobody, 0,
                        2);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
