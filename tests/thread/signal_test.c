/* SPDX-License-Identifier: BSD-2-Clause */

/* <kslock/signal.h>: the pending set of a thread and what it interrupts. */

#include "signal_waits.h"
#include "support.h"

#include <kslock/cond.h>
#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/signal.h>
#include <kslock/sleepq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

static uint64_t bit(int signo)
{
    return (uint64_t)1 << (signo - 1);
}

/* ---- the pending set ---- */

START_TEST(bad_arguments)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_signal_post(self, 0), -EINVAL);
    ck_assert_int_eq(ksl_signal_post(self, 65), -EINVAL);
    ck_assert_int_eq(ksl_signal_post(self, -1), -EINVAL);
    ck_assert_int_eq(ksl_signal_post(NULL, 1), -EINVAL);
    ck_assert_int_eq(ksl_signal_action(0, 0), -EINVAL);
    ck_assert_int_eq(ksl_signal_action(65, 0), -EINVAL);
    ck_assert_int_eq(ksl_signal_action(1, 4), -EINVAL);
    ck_assert_int_eq(ksl_signal_attach(0), -EINVAL);
    ck_assert_int_eq(ksl_signal_attach(65), -EINVAL);
    ck_assert_int_eq(ksl_signal_attach(SIGKILL), -EINVAL);
    ck_assert(!ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_take(), 0);
}
END_TEST

START_TEST(lowest_number_first)
{
    static const int posted[] = {40, 1, 64, 17, 33, 1};
    static const int taken[] = {1, 17, 33, 40, 64, 0, 0};
    for (size_t i = 0; i < sizeof posted / sizeof posted[0]; i++)
        ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), posted[i]), 0);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        ck_assert(ksl_signal_pending() == (taken[i] != 0));
        ck_assert_int_eq(ksl_signal_take(), taken[i]);
    }
}
END_TEST

START_TEST(masked_signals_wait)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_uint_eq(ksl_signal_mask(bit(3) | bit(64)), 0);
    ck_assert_int_eq(ksl_signal_post(self, 3), 0);
    ck_assert_int_eq(ksl_signal_post(self, 64), 0);
    ck_assert(!ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_take(), 0);
    ck_assert_int_eq(ksl_signal_post(self, 9), 0);
    ck_assert(ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_take(), 9);
    ck_assert_int_eq(ksl_signal_take(), 0);
    ck_assert_uint_eq(ksl_signal_mask(bit(3)), bit(3) | bit(64));
    ck_assert_int_eq(ksl_signal_take(), 64);
    ck_assert_uint_eq(ksl_signal_mask(0), bit(3));
    ck_assert(ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_take(), 3);
    ck_assert(!ksl_signal_pending());
}
END_TEST

START_TEST(ignored_signals_are_dropped)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_signal_action(8, KSL_SIGNAL_IGNORE), 0);
    ck_assert_int_eq(ksl_signal_post(self, 8), 0);
    ck_assert(!ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_action(8, 0), 0);
    ck_assert(!ksl_signal_pending()); /* dropped, not kept back */
    ck_assert_int_eq(ksl_signal_take(), 0);

    /* Pending before it became ignored: not delivered while it is. */
    ck_assert_int_eq(ksl_signal_post(self, 8), 0);
    ck_assert_int_eq(ksl_signal_post(self, 11), 0);
    ck_assert_int_eq(ksl_signal_action(8, KSL_SIGNAL_IGNORE), 0);
    ck_assert_int_eq(ksl_signal_take(), 11);
    ck_assert(!ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_take(), 0);
    ck_assert_int_eq(ksl_signal_action(8, KSL_SIGNAL_RESTART), 0);
    (void)ksl_signal_take();
    ck_assert_int_eq(ksl_signal_action(8, 0), 0);
}
END_TEST

/* ---- waits ---- */

struct sleeper {
    int kind; /* 0: cond, 1: queue, 2: prepare, queue, block */
    uint64_t mask;
    int result, taken, again;
};

static void sleeper(void *arg)
{
    struct sleeper *s = arg;
    (void)ksl_signal_mask(s->mask);
    s->result = wait_interruptibly(s->kind);
    if (s->result == -EINTR)
        s->again =
            wait_interruptibly(s->kind); /* nothing was taken: at once -EINTR again */
    s->taken = ksl_signal_take();
}

START_TEST(a_signal_ends_an_interruptible_wait)
{
    struct sleeper s = {.kind = _i, .mask = bit(2)};
    struct actor a;
    ksl_cond_init(&cond);
    actor_start(&a, sleeper, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, 2), 0); /* masked: no effect */
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, 20), 0);
    actor_join(&a);
    ck_assert_int_eq(s.result, -EINTR);
    ck_assert_int_eq(s.again, -EINTR);
    ck_assert_int_eq(s.taken, 20);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0); /* on no queue */
}
END_TEST

START_TEST(a_masked_or_ignored_signal_does_not)
{
    struct sleeper s = {.kind = 1 + _i, .mask = bit(2)};
    struct actor a;
    ck_assert_int_eq(ksl_signal_action(5, KSL_SIGNAL_IGNORE), 0);
    actor_start(&a, sleeper, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, 2), 0);
    ck_assert_int_eq(ksl_signal_post(a.thread, 5), 0);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1); /* it was still queued */
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
    ck_assert_int_eq(s.taken, 0);
    ck_assert_int_eq(ksl_signal_action(5, 0), 0);
}
END_TEST

START_TEST(a_signal_before_the_wait_ends_it_too)
{
    ksl_cond_init(&cond);
    for (int round = 0; round < 100; round++) {
        ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 6), 0);
        ck_assert_int_eq(wait_interruptibly(_i), -EINTR);
        ck_assert_int_eq(wait_interruptibly(_i), -EINTR);
        ck_assert(ksl_signal_pending());
        ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0);
        ck_assert_int_eq(ksl_signal_take(), 6);
    }
}
END_TEST

START_TEST(a_signal_between_prepare_and_block)
{
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
    ksl_block_queue(&queue);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 6), 0);
    ck_assert_int_eq(ksl_block(), -EINTR);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0);
    ck_assert_int_eq(ksl_signal_take(), 6);
}
END_TEST

START_TEST(the_value_wins_over_a_signal)
{
    ksl_cond_init(&cond);
    ksl_cond_set(&cond, 1);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 6), 0);
    ck_assert_int_eq(ksl_cond_wait_interruptible(&cond, 1), 0);
    ck_assert_int_eq(ksl_signal_take(), 6);
}
END_TEST

static ksl_mutex_t mutex;

static void uninterruptible(void *arg)
{
    struct sleeper *s = arg;
    if (s->kind == 0) {
        s->result = ksl_mutex_acquire(&mutex);
        ksl_mutex_release(&mutex);
    } else if (s->kind == 1) {
        s->result = ksl_cond_wait(&cond, 1);
    } else {
        s->result = ksl_sleepq_sleep(&queue, KSL_BLOCK_UNINTERRUPTIBLE);
    }
    s->taken = ksl_signal_take();
}

START_TEST(other_waits_go_on)
{
    struct sleeper s = {.kind = _i, .result = 1};
    struct actor a;
    ksl_cond_init(&cond);
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
    actor_start(&a, uninterruptible, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, 15), 0);
    wait_asleep(a.thread);
    ck_assert(!actor_finished(&a));
    ksl_mutex_release(&mutex);
    if (_i == 2)
        ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 1);
    ksl_cond_set(&cond, 1);
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
    ck_assert_int_eq(s.taken, 15);
}
END_TEST

static void post_from_handler(int irq, void *arg)
{
    (void)irq;
    (void)ksl_signal_post(arg, 30);
}

START_TEST(a_handler_may_post)
{
    struct sleeper s = {.kind = 1};
    struct actor a;
    actor_start(&a, sleeper, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_irq_request(1, KSL_STAGE_INBAND, 1, post_from_handler, a.thread),
                     0);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, 1), 0);
    actor_join(&a);
    ck_assert_int_eq(s.result, -EINTR);
    ck_assert_int_eq(s.taken, 30);
    ck_assert_int_eq(ksl_irq_free(1), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("signal");
    TCase *tc = tcase_create("signal");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bad_arguments);
    tcase_add_test(tc, lowest_number_first);
    tcase_add_test(tc, masked_signals_wait);
    tcase_add_test(tc, ignored_signals_are_dropped);
    tcase_add_loop_test(tc, a_signal_ends_an_interruptible_wait, 0, 3);
    tcase_add_loop_test(tc, a_masked_or_ignored_signal_does_not, 0, 2);
    tcase_add_loop_test(tc, a_signal_before_the_wait_ends_it_too, 0, 3);
    tcase_add_test(tc, a_signal_between_prepare_and_block);
    tcase_add_test(tc, the_value_wins_over_a_signal);
    tcase_add_loop_test(tc, other_waits_go_on, 0, 3);
    tcase_add_test(tc, a_handler_may_post);
    suite_add_tcase(s, tc);
    return support_run(s);
}
