/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix task blocking and interrupts: B4 and B6 with handlers. */
#include <kernel/asm.h>
#include <kernel/scheduler.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "stanix_blocker.h"
#include "support.h"

#include <errno.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5 };

static void request(ksl_irq_handler fn, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, fn, arg), 0);
}

static void count_irq(int irq, void *arg)
{
    (void)irq;
    ADD((int *)arg, 1);
}

START_TEST(B6_preemption_between_prepare_and_block_does_not_sleep)
{
    int ran = 0;
    request(count_irq, &ran);
    block_prepare();
    yield(0);
    yield(1);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&ran), 1);
    ck_assert(!ksl_thread_asleep(ksl_thread_self()));
    ck_assert_int_eq(unblock_task(get_current_task()), 1); /* still prepared */
    ck_assert_int_eq(block_task(), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

static void unblock_in_handler(int irq, void *arg)
{
    (void)irq;
    unblock_once(arg);
}

START_TEST(unblock_in_a_handler)
{
    struct blocker b = {0};
    int wins = 0;
    struct unblocker u = {NULL, &wins};
    recorder_start();
    request(unblock_in_handler, &u);
    start_blocked(&b);
    u.target = b.actor.thread;
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    finish(&b, 0);
    ck_assert_int_eq(wins, 1);
    /* Between one's own prepare and block. */
    u.target = ksl_thread_self();
    block_prepare();
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(block_task(), 0);
    ck_assert_int_eq(wins, 2);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(a_handler_on_the_masked_sleeper_wakes_it)
{
    struct blocker b = {.masked = true};
    int wins = 0;
    struct unblocker u = {NULL, &wins};
    recorder_start();
    request(unblock_in_handler, &u);
    start_blocked(&b);
    u.target = b.actor.thread;
    ck_assert_int_eq(ksl_irq_raise_on(b.actor.thread, IRQ), 0);
    finish(&b, 0);
    ck_assert_int_eq(b.open, 0);
    ck_assert_int_eq(wins, 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* What the sleeper gave up is no lock when it wakes up, or a handler has kept it. */
static ksl_spinlock_t given_up;
static int kept; /* atomic */

static void keep(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ksl_spinlock_acquire(&given_up);
    STORE(&kept, 1);
}

static void sleep_unlocked(void *arg)
{
    struct blocker *b = arg;
    ksl_spinlock_acquire(&given_up);
    block_prepare();
    b->result = ksl_block_unlock(&given_up);
    b->open = have_interrupt() != 0;
    if (ksl_spinlock_held(&given_up))
        ksl_spinlock_release(&given_up);
    b->pending = have_interrupt() != 0;
}

static void start_sleeper(struct blocker *b)
{
    recorder_start();
    actor_start(&b->actor, sleep_unlocked, b);
    wait_asleep(b->actor.thread);
}

START_TEST(Q4_a_handler_has_taken_the_lock_of_a_sleeper_and_kept_it)
{
    struct blocker b = {.result = 1};
    request(keep, NULL);
    start_sleeper(&b);
    ck_assert_int_eq(ksl_irq_raise_on(b.actor.thread, IRQ), 0);
    WAIT_UNTIL(LOAD(&kept));
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(unblock_task(b.actor.thread), 1);
    actor_join(&b.actor);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(b.result, 0);
    ck_assert_int_eq(b.open, 0);
    ck_assert_int_eq(b.pending, 1); /* released: as before its own acquire */
}
END_TEST

START_TEST(Q4_the_lock_of_a_sleeper_is_no_lock_any_more)
{
    struct blocker b = {.result = 1};
    start_sleeper(&b);
    memset(&given_up, 0x55, sizeof given_up);
    ck_assert_int_eq(unblock_task(b.actor.thread), 1);
    actor_join(&b.actor);
    ASSERT_VIOLATED("destroyed");
    ck_assert_int_eq(b.result, -EPERM);
    ck_assert_int_eq(b.open, 1);
}
END_TEST

static void block_in_handler(int irq, void *arg)
{
    (void)irq;
    *(int *)arg = block_task();
}

static void prepare_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    block_prepare();
}

START_TEST(blocking_in_a_handler_is_irq_sleep)
{
    int result = 1;
    recorder_start();
    request(block_in_handler, &result);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(result, -EPERM);
    recorder_start();
    request(prepare_in_handler, NULL);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(unblock_task(get_current_task()), 0); /* nothing is marked */
}
END_TEST

static void never_run(void *arg)
{
    (void)arg;
    ck_abort();
}

static void start_in_handler(int irq, void *arg)
{
    (void)irq;
    *(const task_t **)arg = new_kernel_task(never_run, NULL);
}

START_TEST(new_kernel_task_in_a_handler_is_irq_sleep_and_named)
{
    const task_t *task = get_current_task();
    recorder_start();
    request(start_in_handler, &task);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_ptr_null(strstr(recorder_last().message, "queue"));
    ck_assert_ptr_nonnull(strstr(recorder_last().message, "new_kernel_task"));
    ck_assert_ptr_null(task);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix block and interrupts");
    TCase *tc = tcase_create("interrupts");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, B6_preemption_between_prepare_and_block_does_not_sleep);
    tcase_add_test(tc, unblock_in_a_handler);
    tcase_add_test(tc, a_handler_on_the_masked_sleeper_wakes_it);
    tcase_add_test(tc, Q4_a_handler_has_taken_the_lock_of_a_sleeper_and_kept_it);
    tcase_add_test(tc, Q4_the_lock_of_a_sleeper_is_no_lock_any_more);
    tcase_add_test(tc, blocking_in_a_handler_is_irq_sleep);
    tcase_add_test(tc, new_kernel_task_in_a_handler_is_irq_sleep_and_named);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
