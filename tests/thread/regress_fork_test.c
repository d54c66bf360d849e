/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: fork. Built twice, because a static library
 * brings only what somebody refers to.
 */

#include "child.h"
#include "sanitized.h"
#include "support.h"

#include <kslock/kslock.h>

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#if SANITIZED
enum { FORKS = 50 };
#else
enum { FORKS = 400 };
#endif

enum { IRQ = 7 };

static ksl_thread *self;

static void child_id(void)
{
    CHILD_CHECK(ksl_thread_self() == self);
    CHILD_CHECK(ksl_thread_id(self) == getpid());
}

START_TEST(the_child_knows_its_thread)
{
    self = ksl_thread_self();
    in_child(child_id);
    ck_assert_int_eq(ksl_thread_id(self), getpid());
}
END_TEST

static ksl_sleep_queue_t queue;

static void child_cancel(void)
{
    ksl_block_cancel();
    CHILD_CHECK(queue.waiters == 0);
    ksl_sleepq_prepare(&queue, KSL_BLOCK_UNINTERRUPTIBLE);
    CHILD_CHECK(queue.waiters == 1);
    CHILD_CHECK(ksl_block_wake(ksl_thread_self()) == 1);
    CHILD_CHECK(ksl_block() == 0);
}

static void child_wake(void)
{
    CHILD_CHECK(ksl_sleepq_wake(&queue, 0) == 1);
    CHILD_CHECK(ksl_block() == 0);
}

static void sleep_on(void *arg)
{
    (void)ksl_sleepq_sleep(arg, KSL_BLOCK_UNINTERRUPTIBLE);
}

/* Loop: without and with another thread that waits before the caller. */
START_TEST(B2_prepared_over_fork)
{
    struct actor a;
    if (_i == 1) {
        actor_start(&a, sleep_on, &queue);
        wait_asleep(a.thread);
    }
    ksl_sleepq_prepare(&queue, KSL_BLOCK_UNINTERRUPTIBLE);
    in_child(child_cancel);
    in_child(child_wake);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), (size_t)_i + 1);
    ck_assert_int_eq(ksl_block(), 0);
    if (_i == 1)
        actor_join(&a);
}
END_TEST

static int stop; /* atomic */

static void no_report(const ksl_violation *v, void *arg)
{
    (void)v;
    (void)arg;
}

static void set_handlers(void *arg)
{
    (void)arg;
    while (!LOAD(&stop))
        ksl_set_violation_handler(no_report, NULL);
}

static void child_violation(void)
{
    ksl_mutex_t m = KSL_MUTEX_INIT;
    ksl_mutex_release(&m);
}

START_TEST(the_child_reports_violations)
{
    struct actor a;
    ksl_set_violation_handler(no_report, NULL);
    actor_start(&a, set_handlers, NULL);
    for (int i = 0; i < FORKS; i++)
        in_child(child_violation);
    STORE(&stop, 1);
    actor_join(&a);
}
END_TEST

static int hits; /* atomic */

static void hit(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&hits, 1);
}

static void request_and_free(void *arg)
{
    (void)arg;
    while (!LOAD(&stop)) {
        (void)ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL);
        (void)ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL);
        (void)ksl_irq_free(IRQ);
    }
}

/* The slot is in use or free, nothing between. */
static void child_slot(void)
{
    int result = ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL);
    CHILD_CHECK(result == 0 || result == -EBUSY);
    CHILD_CHECK(ksl_irq_free(IRQ) == 0);
}

START_TEST(the_child_can_request_interrupts)
{
    struct actor a;
    (void)ksl_thread_self();
    actor_start(&a, request_and_free, NULL);
    for (int i = 0; i < FORKS; i++)
        in_child(child_slot);
    STORE(&stop, 1);
    actor_join(&a);
}
END_TEST

static void child_open(void)
{
    ksl_irq_restore(0);
    CHILD_CHECK(LOAD(&hits) == 0);
}

/* Loop: raised on the thread, raised on whoever takes it. */
START_TEST(a_pending_interrupt_stays_with_the_parent)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    unsigned state = ksl_irq_save();
    if (_i == 0)
        ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    else
        ck_assert_int_eq(ksl_irq_raise(IRQ), 0);
    in_child(child_open);
    ksl_irq_restore(state);
    ck_assert_int_eq(LOAD(&hits), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* ---- the program's own fork handlers use locks ---- */

static ksl_mutex_t big;            /* contended when the fork begins */
static int big_is_held, fork_runs, fork_done; /* atomic */

static void take_big(void)
{
    STORE(&fork_runs, 1);
    (void)ksl_mutex_acquire(&big);
}

static void give_big(void)
{
    ksl_mutex_release(&big);
}

static void hold_big(void *arg)
{
    (void)arg;
    (void)ksl_mutex_acquire(&big);
    STORE(&big_is_held, 1);
    uint64_t state = 0;
    while (!LOAD(&fork_runs) && support_keep_waiting(&state))
        ;
    for (int i = 0; i < 1000; i++)
        ksl_task_yield(); /* let it queue */
    ksl_mutex_release(&big);
    while (!LOAD(&fork_done) && support_keep_waiting(&state))
        ;
}

static void child_ends(void)
{
}

START_TEST(a_program_locks_in_its_own_fork_handlers)
{
    struct actor a;
    ck_assert_int_eq(pthread_atfork(take_big, give_big, give_big), 0);
    actor_start(&a, hold_big, NULL);
    WAIT_UNTIL(LOAD(&big_is_held));
    in_child(child_ends);
    STORE(&fork_done, 1);
    actor_join(&a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_fork");
    TCase *tc = tcase_create("fork");
    tcase_add_test(tc, the_child_knows_its_thread);
    tcase_add_loop_test(tc, B2_prepared_over_fork, 0, 2);
    tcase_add_test(tc, the_child_reports_violations);
    tcase_add_test(tc, the_child_can_request_interrupts);
    tcase_add_loop_test(tc, a_pending_interrupt_stays_with_the_parent, 0, 2);
    tcase_add_test(tc, a_program_locks_in_its_own_fork_handlers);
    suite_add_tcase(s, tc);
    return support_run(s);
}
