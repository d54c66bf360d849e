/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix cond: statements C1 to C7 (C7 also in stanix_memory_test.c), T4, T15. */
#include <kernel/asm.h>
#include <kernel/cond.h>
#include <kernel/scheduler.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5 };

typedef int wait_call(cond_t *, int);

struct waiter {
    cond_t *cond;
    wait_call *call;
    int value;
    bool post_before; /* posts SIGNO to itself first */
    uint64_t mask;    /* signals that it masks */
    bool masked;      /* waits with interrupts masked */
    struct actor actor;
    int result;
    int open;
    int pending;
};

static void wait_for_it(void *arg)
{
    struct waiter *w = arg;
    (void)ksl_signal_mask(w->mask);
    if (w->post_before)
        (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    if (w->masked)
        disable_interrupt();
    w->result = w->call(w->cond, w->value);
    w->open = have_interrupt() != 0;
    w->pending = ksl_signal_pending();
    enable_interrupt();
}

static void start(struct waiter *w)
{
    w->result = 1;
    actor_start(&w->actor, wait_for_it, w);
}

static void start_asleep(struct waiter *w)
{
    start(w);
    wait_asleep(w->actor.thread);
}

START_TEST(C1_returns_at_once_if_the_value_is_there)
{
    cond_t c;
    memset(&c, 0, sizeof c);
    static const int value[] = {0, 1, -1, INT_MAX, INT_MIN, 0};
    for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
        cond_set(&c, value[i]);
        ck_assert_int_eq(cond_wait(&c, value[i]), 0);
        ck_assert_int_eq(cond_wait_interruptible(&c, value[i]), 0);
    }
}
END_TEST

START_TEST(C1_sleeps_until_the_value_is_set)
{
    wait_call *const call[] = {cond_wait, cond_wait_interruptible};
    static const int value[] = {3, -1, INT_MIN, INT_MAX};
    for (int i = 0; i < 8; i++) {
        cond_t c = {0};
        struct waiter w = {.cond = &c, .call = call[i % 2], .value = value[i / 2]};
        start_asleep(&w);
        cond_set(&c, value[i / 2]);
        CHECK_RESULT(&w, 0);
        ck_assert_int_ne(w.open, 0);
    }
}
END_TEST

START_TEST(C2_set_wakes_all_waiters_of_the_value_and_no_others)
{
    cond_t c = {0};
    struct waiter one[4], two = {.cond = &c, .call = cond_wait, .value = 2};
    memset(one, 0, sizeof one);
    for (int i = 0; i < 4; i++) {
        one[i] = (struct waiter){.cond = &c, .call = cond_wait, .value = 1};
        start_asleep(&one[i]);
    }
    start_asleep(&two);
    cond_set(&c, 7);
    for (int i = 0; i < 4; i++)
        CHECK_ASLEEP(&one[i]);
    CHECK_ASLEEP(&two);
    cond_set(&c, 1);
    for (int i = 0; i < 4; i++)
        CHECK_RESULT(&one[i], 0);
    CHECK_ASLEEP(&two);
    cond_set(&c, 2);
    CHECK_RESULT(&two, 0);
}
END_TEST

START_TEST(C3_level_not_edge)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait, .value = 1};
    cond_set(&c, 1);
    cond_set(&c, 0);
    start_asleep(&w); /* the 1 is gone */
    cond_set(&c, 1);
    cond_set(&c, 0); /* may be missed, or not */
    WAIT_UNTIL(actor_finished(&w.actor) || ksl_thread_asleep(w.actor.thread));
    cond_set(&c, 1);
    CHECK_RESULT(&w, 0);
}
END_TEST

START_TEST(C4_T4_cond_wait_survives_signals)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait, .value = 1};
    start_asleep(&w);
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_thread_unblock(w.actor.thread), 0);
    ck_assert_int_eq(unblock_task(w.actor.thread), 0);
    CHECK_ASLEEP(&w);
    cond_set(&c, 2);
    CHECK_ASLEEP(&w);
    cond_set(&c, 1);
    CHECK_RESULT(&w, 0);
    ck_assert_int_eq(w.pending, 1);
}
END_TEST

START_TEST(C4_T15_a_signal_ends_the_interruptible_wait)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait_interruptible, .value = 1};
    struct waiter other = w;
    start_asleep(&w);
    start_asleep(&other);
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO), 0);
    CHECK_RESULT(&w, -EINTR);
    ck_assert_int_eq(w.pending, 1); /* the wait takes nothing */
    CHECK_ASLEEP(&other);
    cond_set(&c, 1);
    CHECK_RESULT(&other, 0);
    ck_assert_int_eq(other.pending, 0);
}
END_TEST

START_TEST(C4_a_signal_pending_before_the_wait)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait_interruptible, .value = 1};
    w.post_before = true;
    start(&w);
    CHECK_RESULT(&w, -EINTR);
    /* The value wins. */
    cond_set(&c, 1);
    start(&w);
    CHECK_RESULT(&w, 0);
    ck_assert_int_eq(w.pending, 1);
}
END_TEST

START_TEST(C4_masked_and_ignored_signals_end_nothing)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait_interruptible, .value = 1};
    w.mask = UINT64_C(1) << (SIGNO - 1);
    ck_assert_int_eq(ksl_signal_action(SIGNO + 1, KSL_SIGNAL_IGNORE), 0);
    start_asleep(&w);
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO + 1), 0);
    CHECK_ASLEEP(&w);
    cond_set(&c, 1);
    CHECK_RESULT(&w, 0);
    ck_assert_int_eq(w.pending, 0);
    ck_assert_int_eq(ksl_signal_action(SIGNO + 1, 0), 0);
}
END_TEST

START_TEST(C4_forced_unblock_ends_the_interruptible_wait)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait_interruptible, .value = 1};
    start_asleep(&w);
    ck_assert_int_eq(unblock_task(w.actor.thread), 0);
    CHECK_ASLEEP(&w);
    ck_assert_int_eq(ksl_thread_unblock(w.actor.thread), 1);
    CHECK_RESULT(&w, -EINTR);
    ck_assert_int_eq(w.pending, 0);
}
END_TEST

START_TEST(C4_value_reached_before_the_signal_wins)
{
    for (int i = 0; i < 50; i++) {
        cond_t c = {0};
        struct waiter w = {.cond = &c, .call = cond_wait_interruptible, .value = 1};
        start_asleep(&w);
        ksl_thread *t = w.actor.thread;
        cond_set(&c, 1);
        (void)ksl_signal_post(t, SIGNO);
        CHECK_RESULT(&w, 0);
    }
}
END_TEST

static void request(ksl_irq_handler fn, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, fn, arg), 0);
}

static void set_in_handler(int irq, void *arg)
{
    (void)irq;
    cond_set(arg, 1);
}

START_TEST(C5_set_in_a_handler_of_another_thread)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait, .value = 1};
    recorder_start();
    request(set_in_handler, &c);
    start_asleep(&w);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    CHECK_RESULT(&w, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(C5_set_in_a_handler_on_the_sleeper_with_interrupts_masked)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait, .value = 1, .masked = true};
    recorder_start();
    request(set_in_handler, &c);
    start_asleep(&w);
    ck_assert_int_eq(ksl_irq_raise_on(w.actor.thread, IRQ), 0);
    CHECK_RESULT(&w, 0);
    ck_assert_int_eq(w.open, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void wait_in_handler(int irq, void *arg)
{
    struct waiter *w = arg;
    (void)irq;
    w->result = w->call(w->cond, w->value);
}

START_TEST(C5_waits_in_a_handler_are_irq_sleep)
{
    cond_t c = {0};
    wait_call *const call[] = {cond_wait, cond_wait_interruptible};
    for (int i = 0; i < 4; i++) {
        struct waiter w = {.cond = &c, .call = call[i % 2], .value = i / 2};
        recorder_start();
        request(wait_in_handler, &w);
        ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
        ck_assert_int_eq(ksl_irq_free(IRQ), 0);
        ASSERT_VIOLATED("irq-sleep");
        ck_assert_int_eq(w.result, -EPERM);
    }
}
END_TEST

START_TEST(C6_init_sets_zero)
{
    cond_t c;
    memset(&c, 0xa5, sizeof c);
    cond_init(&c);
    ck_assert_int_eq(cond_wait(&c, 0), 0);
    memset(&c, 0x5a, sizeof c);
    init_cond(&c);
    ck_assert_int_eq(cond_wait(&c, 0), 0);
    struct waiter w = {.cond = &c, .call = cond_wait, .value = 0x5a5a5a5a};
    start_asleep(&w);
    cond_set(&c, 0x5a5a5a5a);
    CHECK_RESULT(&w, 0);
}
END_TEST

START_TEST(destroy_leaves_it_as_after_init)
{
    cond_t c = {0};
    recorder_start();
    cond_set(&c, 5);
    cond_destroy(&c);
    ck_assert_int_eq(cond_wait(&c, 0), 0);
    cond_set(&c, 6);
    free_cond(&c);
    ck_assert_int_eq(cond_wait(&c, 0), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(destroy_with_a_waiter_is_destroy_held)
{
    cond_t c = {0};
    struct waiter w = {.cond = &c, .call = cond_wait, .value = 1};
    cond_set(&c, 9);
    start_asleep(&w);
    recorder_start();
    cond_destroy(&c);
    ASSERT_VIOLATED("destroy-held");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &c);
    recorder_start();
    free_cond(&c);
    ASSERT_VIOLATED("destroy-held");
    CHECK_ASLEEP(&w);
    ck_assert_int_eq(cond_wait(&c, 9), 0); /* the value stayed */
    cond_set(&c, 1);
    CHECK_RESULT(&w, 0);
}
END_TEST

START_TEST(errno_is_preserved)
{
    cond_t c = {0};
    errno = 77;
    cond_set(&c, 1);
    ck_assert_int_eq(cond_wait(&c, 1), 0);
    (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    ck_assert_int_eq(cond_wait_interruptible(&c, 2), -EINTR);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix cond");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, C1_returns_at_once_if_the_value_is_there);
    tcase_add_test(tc, C1_sleeps_until_the_value_is_set);
    tcase_add_test(tc, C2_set_wakes_all_waiters_of_the_value_and_no_others);
    tcase_add_test(tc, C3_level_not_edge);
    tcase_add_test(tc, C4_T4_cond_wait_survives_signals);
    tcase_add_test(tc, C4_T15_a_signal_ends_the_interruptible_wait);
    tcase_add_test(tc, C4_a_signal_pending_before_the_wait);
    tcase_add_test(tc, C4_masked_and_ignored_signals_end_nothing);
    tcase_add_test(tc, C4_forced_unblock_ends_the_interruptible_wait);
    tcase_add_test(tc, C4_value_reached_before_the_signal_wins);
    tcase_add_test(tc, C5_set_in_a_handler_of_another_thread);
    tcase_add_test(tc, C5_set_in_a_handler_on_the_sleeper_with_interrupts_masked);
    tcase_add_test(tc, C5_waits_in_a_handler_are_irq_sleep);
    tcase_add_test(tc, C6_init_sets_zero);
    tcase_add_test(tc, destroy_leaves_it_as_after_init);
    tcase_add_test(tc, destroy_with_a_waiter_is_destroy_held);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
