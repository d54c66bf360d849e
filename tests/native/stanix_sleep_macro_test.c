/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix sleep queues: the macros as such (T18), handlers (Q8) and misuse. */
#include <kernel/asm.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5 };

static void request(ksl_irq_handler fn, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, fn, arg), 0);
}

struct site {
    sleep_queue_t queue;
    spinlock_t lock;
    int queue_calls;
    int lock_calls;
    int cond_calls;
    int ready;
    int result;
    int open;
    int kind;
};

static sleep_queue_t *queue_of(struct site *s)
{
    ADD(&s->queue_calls, 1);
    return &s->queue;
}

static spinlock_t *lock_of(struct site *s)
{
    ADD(&s->lock_calls, 1);
    return &s->lock;
}

static int ready(struct site *s)
{
    ADD(&s->cond_calls, 1);
    return LOAD(&s->ready);
}

static void sleep_by_kind(void *arg)
{
    struct site *s = arg;
    if (s->kind == 0) {
        s->result = sleep_on_queue_condition(queue_of(s), ready(s));
    } else {
        spinlock_acquire(&s->lock);
        if (s->kind == 1)
            s->result = sleep_on_queue_lock(queue_of(s), ready(s), lock_of(s));
        else
            s->result = sleep_on_queue_lock(queue_of(s), lock_of(s), ready(s));
        spinlock_release(&s->lock);
    }
}

START_TEST(T18_queue_and_lock_are_evaluated_once)
{
    for (int kind = 0; kind < 3; kind++) {
        struct site s = {.kind = kind, .result = 1};
        struct actor a;
        actor_start(&a, sleep_by_kind, &s);
        for (int i = 0; i < 3; i++) {
            wait_asleep(a.thread);
            int calls = LOAD(&s.cond_calls);
            wakeup_queue(&s.queue, 1);
            WAIT_UNTIL(LOAD(&s.cond_calls) > calls);
        }
        wait_asleep(a.thread);
        STORE(&s.ready, 1);
        wakeup_queue(&s.queue, 1);
        actor_join(&a);
        ck_assert_int_eq(s.result, 0);
        ck_assert_int_eq(s.queue_calls, 1);
        ck_assert_int_eq(s.lock_calls, kind != 0);
    }
}
END_TEST

static void sleep_with_common_names(void *arg)
{
    struct site *s = arg;
    int *const ret = &s->ready, *const result = ret, *const cond = ret, *const l = ret;
    sleep_queue_t *queue = &s->queue;
    spinlock_t *lock = &s->lock;
    s->result = sleep_on_queue_condition(queue, LOAD(ret) == 1 && LOAD(result) == 1);
    spinlock_acquire(lock);
    s->result |= sleep_on_queue_lock(queue, LOAD(ret) == 2 && LOAD(cond) == 2, lock);
    s->result |= sleep_on_queue_lock(queue, lock, LOAD(ret) == 3 && LOAD(l) == 3);
    spinlock_release(lock);
}

START_TEST(T18_locals_of_the_caller_are_not_shadowed)
{
    struct site s = {.result = 1};
    struct actor a;
    actor_start(&a, sleep_with_common_names, &s);
    for (int i = 1; i <= 3; i++) {
        wait_asleep(a.thread);
        STORE(&s.ready, i);
        wakeup_queue(&s.queue, 0);
        /* Asleep again in the next sleep, or done. */
        WAIT_UNTIL(LOAD(&s.queue.waiters) == (i < 3) || actor_finished(&a));
    }
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
}
END_TEST

START_TEST(T18_a_plain_int_named_ret)
{
    sleep_queue_t q = {0};
    spinlock_t lock = {0};
    int ret = 1;
    ck_assert_int_eq(sleep_on_queue_condition(&q, ret == 1), 0);
    spinlock_acquire(&lock);
    ck_assert_int_eq(sleep_on_queue_lock(&q, ret == 1, &lock), 0);
    ck_assert_int_eq(sleep_on_queue_lock(&q, &lock, ret == 1), 0);
    ck_assert(ksl_spinlock_held(&lock));
    spinlock_release(&lock);
}
END_TEST

START_TEST(conditions_of_any_scalar_type)
{
    sleep_queue_t q = {0};
    spinlock_t lock = {0};
    const char *text = "x";
    unsigned long long wide = 1ull << 40; /* zero if cut to an int */
    ck_assert_int_eq(sleep_on_queue_condition(&q, text), 0);
    ck_assert_int_eq(sleep_on_queue_condition(&q, wide), 0);
    spinlock_acquire(&lock);
    ck_assert_int_eq(sleep_on_queue_lock(&q, text, &lock), 0);
    ck_assert_int_eq(sleep_on_queue_lock(&q, &lock, wide), 0);
    spinlock_release(&lock);
}
END_TEST

static void wake_in_handler(int irq, void *arg)
{
    struct site *s = arg;
    (void)irq;
    STORE(&s->ready, 1);
    wakeup_queue(&s->queue, 1);
}

static void sleep_plain(void *arg)
{
    struct site *s = arg;
    if (s->kind != 0)
        disable_interrupt();
    s->result = sleep_on_queue(&s->queue);
    s->open = have_interrupt() != 0;
    enable_interrupt();
}

START_TEST(Q8_wakeup_from_a_handler)
{
    struct site s = {.result = 1};
    struct actor a;
    recorder_start();
    request(wake_in_handler, &s);
    actor_start(&a, sleep_plain, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
    ck_assert_int_ne(s.open, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(Q6_Q8_a_handler_on_the_masked_sleeper_wakes_it)
{
    struct site s = {.result = 1, .kind = 1};
    struct actor a;
    recorder_start();
    request(wake_in_handler, &s);
    actor_start(&a, sleep_plain, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, IRQ), 0);
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
    ck_assert_int_eq(s.open, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(Q4_Q8_a_handler_on_the_sleeper_with_a_lock_wakes_it)
{
    struct site s = {.result = 1, .kind = 1};
    struct actor a;
    recorder_start();
    request(wake_in_handler, &s);
    actor_start(&a, sleep_by_kind, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, IRQ), 0);
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void sleep_in_handler(int irq, void *arg)
{
    struct site *s = arg;
    (void)irq;
    if (s->kind == 3)
        s->result = sleep_on_queue(&s->queue);
    else
        sleep_by_kind(s);
}

START_TEST(sleeping_in_a_handler_is_irq_sleep_even_if_the_condition_is_true)
{
    for (int i = 0; i < 7; i++) {
        struct site s = {.kind = i % 4, .ready = i / 4, .result = 1};
        recorder_start();
        request(sleep_in_handler, &s);
        ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
        ck_assert_int_eq(ksl_irq_free(IRQ), 0);
        ASSERT_VIOLATED("irq-sleep");
        if (s.kind == 1 || s.kind == 2)
            ck_assert_ptr_eq(recorder_last().lock, &s.lock);
        else
            ck_assert_ptr_eq(recorder_last().lock, &s.queue);
        ck_assert_int_eq(s.result, -EPERM);
        ck_assert_uint_eq(LOAD(&s.queue.waiters), 0);
        ck_assert_int_ne(have_interrupt(), 0);
    }
}
END_TEST

static void hold_lock(void *arg)
{
    struct site *s = arg;
    spinlock_acquire(&s->lock);
    STORE(&s->open, 1);
    uint64_t state = 0;
    while (!LOAD(&s->ready) && support_keep_waiting(&state)) {
    }
    spinlock_release(&s->lock);
}

START_TEST(sleep_with_a_free_lock_is_not_locked)
{
    struct site s = {.ready = 0};
    recorder_start();
    ck_assert_int_eq(sleep_on_queue_lock(&s.queue, ready(&s), &s.lock), -EPERM);
    ASSERT_VIOLATED("not-locked");
    ck_assert_uint_eq(LOAD(&s.queue.waiters), 0);
    ck_assert_int_eq(unblock_task(get_current_task()), 0);
    ck_assert(ksl_spinlock_try_acquire(&s.lock));
    spinlock_release(&s.lock);
}
END_TEST

START_TEST(sleep_with_the_lock_of_another_thread_is_not_owner)
{
    struct site s = {.ready = 0};
    struct actor a;
    actor_start(&a, hold_lock, &s);
    WAIT_UNTIL(LOAD(&s.open));
    recorder_start();
    ck_assert_int_eq(sleep_on_queue_lock(&s.queue, false, &s.lock), -EPERM);
    ASSERT_VIOLATED("not-owner");
    ck_assert_uint_eq(LOAD(&s.queue.waiters), 0);
    ck_assert(!ksl_spinlock_try_acquire(&s.lock));
    STORE(&s.ready, 1);
    actor_join(&a);
}
END_TEST

START_TEST(errno_is_preserved)
{
    sleep_queue_t q = {0};
    errno = 77;
    (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    ck_assert_int_eq(sleep_on_queue(&q), -EINTR);
    ck_assert_int_eq(sleep_on_queue_condition(&q, false), -EINTR);
    ck_assert_int_eq(sleep_on_queue_condition(&q, true), 0);
    wakeup_queue(&q, 0);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix sleep macros");
    TCase *tc = tcase_create("macros");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, T18_queue_and_lock_are_evaluated_once);
    tcase_add_test(tc, T18_locals_of_the_caller_are_not_shadowed);
    tcase_add_test(tc, T18_a_plain_int_named_ret);
    tcase_add_test(tc, conditions_of_any_scalar_type);
    tcase_add_test(tc, Q8_wakeup_from_a_handler);
    tcase_add_test(tc, Q6_Q8_a_handler_on_the_masked_sleeper_wakes_it);
    tcase_add_test(tc, Q4_Q8_a_handler_on_the_sleeper_with_a_lock_wakes_it);
    tcase_add_test(tc, sleeping_in_a_handler_is_irq_sleep_even_if_the_condition_is_true);
    tcase_add_test(tc, sleep_with_a_free_lock_is_not_locked);
    tcase_add_test(tc, sleep_with_the_lock_of_another_thread_is_not_owner);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
