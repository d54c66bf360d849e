/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stanix task blocking: statements B1 to B5, T12. B6 is in
 * stanix_block_irq_test.c, B7 in stanix_profile3_test.c.
 */
#include <kernel/asm.h>
#include <kernel/mutex.h>
#include <kernel/scheduler.h>

#include <kslock/signal.h>

#include "stanix_blocker.h"
#include "support.h"

#include <errno.h>
#include <string.h>

enum { SIGNO = 5 };

START_TEST(current_task_is_the_thread)
{
    ck_assert_ptr_eq(get_current_task(), ksl_thread_self());
}
END_TEST

START_TEST(B1_B3_an_unblock_between_prepare_and_block_is_remembered)
{
    struct blocker b = {0};
    start_prepared(&b);
    ck_assert_int_eq(unblock_task(b.actor.thread), 1);
    ck_assert_int_eq(unblock_task(b.actor.thread), 0); /* it runs already */
    finish(&b, 0);
}
END_TEST

START_TEST(B1_B4_a_task_may_unblock_itself)
{
    block_prepare();
    ck_assert_int_eq(unblock_task(get_current_task()), 1);
    ck_assert_int_eq(unblock_task(get_current_task()), 0);
    ck_assert_int_eq(block_task(), 0);
    ck_assert_int_eq(block_task(), 0);
}
END_TEST

START_TEST(B2_cancel_marks_the_caller_running)
{
    struct blocker b = {.cancel = 1};
    block_prepare();
    block_cancel();
    ck_assert_int_eq(unblock_task(get_current_task()), 0);
    ck_assert_int_eq(block_task(), 0);
    block_cancel(); /* without prepare: no effect */
    start_prepared(&b);
    finish(&b, 0);
}
END_TEST

START_TEST(B2_cancel_after_an_unblock_forgets_it)
{
    struct blocker b = {0};
    block_prepare();
    ck_assert_int_eq(unblock_task(get_current_task()), 1);
    block_cancel();
    ck_assert_int_eq(block_task(), 0);
    start_blocked(&b);
    ck_assert_int_eq(unblock_task(b.actor.thread), 1);
    finish(&b, 0);
}
END_TEST

START_TEST(B3_block_without_prepare_does_not_sleep)
{
    ck_assert_int_eq(block_task(), 0);
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(B3_B4_a_blocked_task_sleeps_until_it_is_unblocked)
{
    struct blocker b = {0};
    start_blocked(&b);
    ck_assert_int_eq(unblock_task(b.actor.thread), 1);
    finish(&b, 0);
    ck_assert_int_ne(b.open, 0);
}
END_TEST

struct idle {
    int go;
    int result;
};

static void idle_then_block(void *arg)
{
    struct idle *i = arg;
    WORKER_WAIT(LOAD(&i->go));
    block_prepare();
    i->result = block_task();
}

START_TEST(B4_an_unblock_of_a_running_task_is_not_remembered)
{
    struct idle i = {.result = 1};
    struct actor a;
    actor_start(&a, idle_then_block, &i);
    ck_assert_int_eq(unblock_task(a.thread), 0);
    STORE(&i.go, 1);
    wait_asleep(a.thread);
    ck_assert_int_eq(unblock_task(a.thread), 1);
    actor_join(&a);
    ck_assert_int_eq(i.result, 0);
}
END_TEST

START_TEST(B4_one_of_many_wakers_gets_the_one)
{
    for (int round = 0; round < 50; round++) {
        struct blocker b = {0};
        struct actor a[3];
        int wins = 0;
        start_blocked(&b);
        struct unblocker u = {b.actor.thread, &wins};
        for (int i = 0; i < 3; i++)
            actor_start(&a[i], unblock_once, &u);
        for (int i = 0; i < 3; i++)
            actor_join(&a[i]);
        finish(&b, 0);
        ck_assert_int_eq(wins, 1);
    }
}
END_TEST

static void lock_mutex(void *arg)
{
    mutex_acquire(arg);
    mutex_release(arg);
}

START_TEST(B4_a_wait_for_a_lock_is_not_a_block)
{
    mutex_t m = {0};
    struct actor a;
    mutex_acquire(&m);
    actor_start(&a, lock_mutex, &m);
    wait_asleep(a.thread);
    ck_assert_int_eq(unblock_task(a.thread), 0);
    ck_assert(ksl_thread_asleep(a.thread));
    mutex_release(&m);
    actor_join(&a);
}
END_TEST

START_TEST(B5_a_signal_ends_the_block)
{
    struct blocker b = {0};
    start_blocked(&b);
    ck_assert_int_eq(ksl_signal_post(b.actor.thread, SIGNO), 0);
    finish(&b, -EINTR);
    ck_assert_int_eq(b.pending, 1);
    ck_assert_int_ne(b.open, 0);
}
END_TEST

START_TEST(B5_T12_a_signal_between_prepare_and_block)
{
    struct blocker b = {0};
    start_prepared(&b);
    ck_assert_int_eq(ksl_signal_post(b.actor.thread, SIGNO), 0);
    finish(&b, -EINTR);
}
END_TEST

START_TEST(B5_T12_a_signal_before_prepare)
{
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), SIGNO), 0);
    block_prepare();
    ck_assert_int_eq(block_task(), -EINTR);
    ck_assert_int_eq(unblock_task(get_current_task()), 0);
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
}
END_TEST

START_TEST(B5_a_signal_does_not_end_a_block_that_was_not_prepared)
{
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), SIGNO), 0);
    ck_assert_int_eq(block_task(), 0);
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
}
END_TEST

START_TEST(B5_forced_unblock)
{
    struct blocker b = {0};
    start_blocked(&b);
    ck_assert_int_eq(ksl_thread_unblock(b.actor.thread), 1);
    finish(&b, -EINTR);
    ck_assert_int_eq(b.pending, 0);
}
END_TEST

START_TEST(woken_first_then_signalled_is_woken)
{
    for (int i = 0; i < 50; i++) {
        struct blocker b = {0};
        start_blocked(&b);
        ck_assert_int_eq(unblock_task(b.actor.thread), 1);
        (void)ksl_signal_post(b.actor.thread, SIGNO);
        finish(&b, 0);
    }
}
END_TEST

START_TEST(B5_T12_a_signal_that_races_with_the_block_is_never_lost)
{
    for (int i = 0; i < 200; i++) {
        struct blocker b = {0};
        start_prepared(&b);
        STORE(&b.go, 1);
        ck_assert_int_eq(ksl_signal_post(b.actor.thread, SIGNO), 0);
        finish(&b, -EINTR);
        ck_assert_int_eq(b.pending, 1);
    }
}
END_TEST

struct task {
    task_t *self;
    int go;
    int done;
};

static void run_task(void *arg)
{
    struct task *t = arg;
    STORE(&t->self, get_current_task());
    WORKER_WAIT(LOAD(&t->go));
    STORE(&t->done, 1);
}

START_TEST(new_kernel_task_runs_and_gives_the_task)
{
    struct task t = {0};
    task_t *task = new_kernel_task(run_task, &t);
    ck_assert_ptr_nonnull(task);
    WAIT_UNTIL(LOAD(&t.self) != NULL);
    ck_assert_ptr_eq(LOAD(&t.self), task);
    ck_assert_ptr_ne(task, get_current_task());
    STORE(&t.go, 1);
    WAIT_UNTIL(LOAD(&t.done));
}
END_TEST

START_TEST(errno_is_preserved)
{
    errno = 77;
    (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    block_prepare();
    ck_assert_int_eq(block_task(), -EINTR);
    ck_assert_int_eq(unblock_task(get_current_task()), 0);
    yield(0);
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix block");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, current_task_is_the_thread);
    tcase_add_test(tc, B1_B3_an_unblock_between_prepare_and_block_is_remembered);
    tcase_add_test(tc, B1_B4_a_task_may_unblock_itself);
    tcase_add_test(tc, B2_cancel_marks_the_caller_running);
    tcase_add_test(tc, B2_cancel_after_an_unblock_forgets_it);
    tcase_add_test(tc, B3_block_without_prepare_does_not_sleep);
    tcase_add_test(tc, B3_B4_a_blocked_task_sleeps_until_it_is_unblocked);
    tcase_add_test(tc, B4_an_unblock_of_a_running_task_is_not_remembered);
    tcase_add_test(tc, B4_one_of_many_wakers_gets_the_one);
    tcase_add_test(tc, B4_a_wait_for_a_lock_is_not_a_block);
    tcase_add_test(tc, B5_a_signal_ends_the_block);
    tcase_add_test(tc, B5_T12_a_signal_between_prepare_and_block);
    tcase_add_test(tc, B5_T12_a_signal_before_prepare);
    tcase_add_test(tc, B5_a_signal_does_not_end_a_block_that_was_not_prepared);
    tcase_add_test(tc, B5_forced_unblock);
    tcase_add_test(tc, B5_T12_a_signal_that_races_with_the_block_is_never_lost);
    tcase_add_test(tc, woken_first_then_signalled_is_woken);
    tcase_add_test(tc, new_kernel_task_runs_and_gives_the_task);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
