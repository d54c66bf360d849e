/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix mutex: statements M1 to M6, T4, T9. */
#include <kernel/asm.h>
#include <kernel/mutex.h>
#include <kernel/scheduler.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5 };

static void on_other_thread(void (*fn)(void *arg), void *arg)
{
    struct actor a;
    actor_start(&a, fn, arg);
    actor_join(&a);
}

static void request(ksl_irq_handler fn, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, fn, arg), 0);
}

static void in_handler(ksl_irq_handler fn, void *arg)
{
    request(fn, arg);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

struct attempt {
    mutex_t *mutex;
    int result;
};

static void try_once(void *arg)
{
    struct attempt *t = arg;
    t->result = mutex_try_acquire(t->mutex);
    if (t->result == 1)
        mutex_release(t->mutex);
}

/* What mutex_try_acquire gives to another thread. */
static int other_tries(mutex_t *mutex)
{
    struct attempt t = {.mutex = mutex, .result = -1};
    on_other_thread(try_once, &t);
    return t.result;
}

struct waiter {
    mutex_t *mutex;
    struct actor actor;
    int *sequence;
    int result;
    int entered; /* place in the sequence, 0: not yet */
    int pending;
    int open;
    bool masked;
};

static void wait_for_it(void *arg)
{
    struct waiter *w = arg;
    if (w->masked)
        disable_interrupt();
    w->result = mutex_acquire(w->mutex);
    STORE(&w->entered, w->sequence != NULL ? ADD(w->sequence, 1) : 1);
    w->open = have_interrupt();
    w->pending = ksl_signal_pending();
    mutex_release(w->mutex);
    enable_interrupt();
}

static void start_waiter(struct waiter *w)
{
    w->result = -1;
    actor_start(&w->actor, wait_for_it, w);
    wait_asleep(w->actor.thread);
}

START_TEST(M1_try_acquire_of_a_free_mutex)
{
    mutex_t m;
    memset(&m, 0, sizeof m);
    ck_assert_int_eq(mutex_try_acquire(&m), 1);
    ck_assert_int_eq(other_tries(&m), 0);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M1_M2_try_acquire_of_ones_own_mutex_nests)
{
    mutex_t m = {0};
    ck_assert_int_eq(mutex_acquire(&m), 0);
    ck_assert_int_eq(mutex_try_acquire(&m), 1);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 0);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M2_three_acquires_need_three_releases)
{
    mutex_t m = {0};
    struct waiter w = {.mutex = &m};
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(mutex_acquire(&m), 0);
    start_waiter(&w);
    for (int i = 0; i < 2; i++) {
        mutex_release(&m);
        ck_assert_int_eq(other_tries(&m), 0);
        ck_assert(ksl_thread_asleep(w.actor.thread));
        ck_assert_int_eq(LOAD(&w.entered), 0);
    }
    mutex_release(&m);
    actor_join(&w.actor);
    ck_assert_int_eq(w.entered, 1);
    ck_assert_int_eq(w.result, 0);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(init_names_and_reuse)
{
    mutex_t m;
    memset(&m, 0xa5, sizeof m);
    mutex_init(&m);
    ck_assert_int_eq(mutex_acquire(&m), 0);
    mutex_release(&m);
    memset(&m, 0x5a, sizeof m);
    init_mutex(&m);
    ck_assert_int_eq(mutex_try_acquire(&m), 1);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M3_T4_signal_and_forced_unblock_do_not_end_the_wait)
{
    mutex_t m = {0};
    struct waiter w = {.mutex = &m};
    ck_assert_int_eq(mutex_acquire(&m), 0);
    start_waiter(&w);
    ck_assert_int_eq(ksl_signal_post(w.actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_thread_unblock(w.actor.thread), 0);
    ck_assert_int_eq(unblock_task(w.actor.thread), 0);
    wait_asleep(w.actor.thread);
    ck_assert_int_eq(LOAD(&w.entered), 0);
    ck_assert_int_eq(other_tries(&m), 0);
    mutex_release(&m);
    actor_join(&w.actor);
    ck_assert_int_eq(w.result, 0);
    ck_assert_int_eq(w.pending, 1);
}
END_TEST

START_TEST(M4_T9_release_of_a_free_mutex_is_not_locked)
{
    mutex_t m = {0};
    recorder_start();
    mutex_release(&m);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &m);
    ck_assert_int_eq(mutex_acquire(&m), 0);
    ck_assert_int_eq(other_tries(&m), 0);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(M4_T9_one_release_too_many_is_not_locked)
{
    mutex_t m = {0};
    recorder_start();
    mutex_acquire(&m);
    mutex_acquire(&m);
    mutex_release(&m);
    mutex_release(&m);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    mutex_release(&m);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

static void release_it(void *arg)
{
    mutex_release(arg);
}

START_TEST(M4_release_by_another_thread_is_not_owner)
{
    mutex_t m = {0};
    mutex_acquire(&m);
    mutex_acquire(&m);
    recorder_start();
    on_other_thread(release_it, &m);
    ASSERT_VIOLATED("not-owner");
    ck_assert_ptr_ne(recorder_last().thread, ksl_thread_self());
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 0);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(M4_release_by_another_thread_with_a_waiter)
{
    mutex_t m = {0};
    struct waiter w = {.mutex = &m};
    mutex_acquire(&m);
    start_waiter(&w);
    recorder_start();
    on_other_thread(release_it, &m);
    ASSERT_VIOLATED("not-owner");
    ck_assert(ksl_thread_asleep(w.actor.thread));
    mutex_release(&m);
    actor_join(&w.actor);
    ck_assert_int_eq(w.entered, 1);
}
END_TEST

static void acquire_in_handler(int irq, void *arg)
{
    struct attempt *t = arg;
    (void)irq;
    t->result = mutex_acquire(t->mutex);
}

static void try_in_handler(int irq, void *arg)
{
    struct attempt *t = arg;
    (void)irq;
    t->result = mutex_try_acquire(t->mutex);
}

static void release_in_handler(int irq, void *arg)
{
    (void)irq;
    mutex_release(((struct attempt *)arg)->mutex);
}

START_TEST(M5_acquire_in_a_handler_is_irq_sleep_even_if_free)
{
    mutex_t m = {0};
    struct attempt t = {.mutex = &m, .result = 1};
    recorder_start();
    in_handler(acquire_in_handler, &t);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(t.result, -EPERM);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M5_acquire_in_a_handler_over_the_interrupted_owner)
{
    mutex_t m = {0};
    struct attempt t = {.mutex = &m, .result = 1};
    mutex_acquire(&m);
    recorder_start();
    in_handler(acquire_in_handler, &t);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(t.result, -EPERM);
    mutex_release(&m); /* one acquisition only */
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M5_try_acquire_in_a_handler_fails)
{
    mutex_t m = {0};
    struct attempt t = {.mutex = &m, .result = -1};
    recorder_start();
    in_handler(try_in_handler, &t);
    ck_assert_int_eq(t.result, 0);
    ck_assert_int_eq(other_tries(&m), 1);
    mutex_acquire(&m);
    t.result = -1;
    in_handler(try_in_handler, &t);
    ck_assert_int_eq(t.result, 0);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M5_release_in_a_handler_is_refused)
{
    mutex_t m = {0};
    struct attempt t = {.mutex = &m};
    mutex_acquire(&m);
    recorder_start();
    in_handler(release_in_handler, &t);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(other_tries(&m), 0);
    mutex_release(&m);
    ck_assert_int_eq(other_tries(&m), 1);
}
END_TEST

START_TEST(M6_waiters_enter_in_order_of_arrival_whatever_the_priority)
{
    static const int priority[4] = {0, 99, 50, 99};
    mutex_t m = {0};
    int sequence = 0;
    struct waiter w[4];
    memset(w, 0, sizeof w);
    mutex_acquire(&m);
    for (int i = 0; i < 4; i++) {
        w[i].mutex = &m;
        w[i].sequence = &sequence;
        start_waiter(&w[i]);
        ck_assert_int_eq(ksl_thread_set_priority(w[i].actor.thread, priority[i]), 0);
    }
    ck_assert_int_eq(ksl_thread_effective_priority(ksl_thread_self()), 0);
    mutex_release(&m);
    for (int i = 0; i < 4; i++)
        actor_join(&w[i].actor);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(w[i].entered, i + 1);
}
END_TEST

static void count_irq(int irq, void *arg)
{
    (void)irq;
    ADD((int *)arg, 1);
}

START_TEST(sleeping_with_interrupts_masked_still_takes_interrupts)
{
    mutex_t m = {0};
    int ran = 0;
    struct waiter w = {.mutex = &m, .masked = true};
    recorder_start();
    request(count_irq, &ran);
    mutex_acquire(&m);
    start_waiter(&w);
    ck_assert_int_eq(ksl_irq_raise_on(w.actor.thread, IRQ), 0);
    WAIT_UNTIL(LOAD(&ran) == 1);
    wait_asleep(w.actor.thread);
    ck_assert_int_eq(LOAD(&w.entered), 0);
    mutex_release(&m);
    actor_join(&w.actor);
    ck_assert_int_eq(w.result, 0);
    ck_assert_int_eq(w.open, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(errno_is_preserved)
{
    mutex_t m = {0};
    errno = 77;
    mutex_acquire(&m);
    (void)mutex_try_acquire(&m);
    mutex_release(&m);
    mutex_release(&m);
    ck_assert_int_eq(errno, 77);
    recorder_start();
    errno = 78;
    mutex_release(&m);
    ck_assert_int_eq(errno, 78);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix mutex");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, M1_try_acquire_of_a_free_mutex);
    tcase_add_test(tc, M1_M2_try_acquire_of_ones_own_mutex_nests);
    tcase_add_test(tc, M2_three_acquires_need_three_releases);
    tcase_add_test(tc, init_names_and_reuse);
    tcase_add_test(tc, M3_T4_signal_and_forced_unblock_do_not_end_the_wait);
    tcase_add_test(tc, M6_waiters_enter_in_order_of_arrival_whatever_the_priority);
    tcase_add_test(tc, sleeping_with_interrupts_masked_still_takes_interrupts);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    tc = tcase_create("misuse");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, M4_T9_release_of_a_free_mutex_is_not_locked);
    tcase_add_test(tc, M4_T9_one_release_too_many_is_not_locked);
    tcase_add_test(tc, M4_release_by_another_thread_is_not_owner);
    tcase_add_test(tc, M4_release_by_another_thread_with_a_waiter);
    tcase_add_test(tc, M5_acquire_in_a_handler_is_irq_sleep_even_if_free);
    tcase_add_test(tc, M5_acquire_in_a_handler_over_the_interrupted_owner);
    tcase_add_test(tc, M5_try_acquire_in_a_handler_fails);
    tcase_add_test(tc, M5_release_in_a_handler_is_refused);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
