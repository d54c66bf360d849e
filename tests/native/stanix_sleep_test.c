/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix sleep queues: statements Q1 to Q9, T3, T4, T11, T17. */
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

/* How a sleeper sleeps. */
enum how { PLAIN, CONDITION, LOCK, LOCK_REVERSED };

struct sleeper {
    sleep_queue_t *queue;
    spinlock_t *lock;
    enum how how;
    bool masked;
    bool post_before;
    struct actor actor;
    int ready; /* what the condition looks at */
    int evals;
    int unlocked; /* evaluations and returns without the lock */
    int result;
    int open_inside; /* interrupt state on return, before the release */
    int open_after;
};

static int is_ready(struct sleeper *s)
{
    if (s->lock != NULL && !ksl_spinlock_held(s->lock))
        ADD(&s->unlocked, 1);
    ADD(&s->evals, 1);
    return LOAD(&s->ready);
}

static int sleep_with_lock(struct sleeper *s)
{
    int result;
    spinlock_acquire(s->lock);
    if (s->how == LOCK)
        result = sleep_on_queue_lock(s->queue, is_ready(s), s->lock);
    else
        result = sleep_on_queue_lock(s->queue, s->lock, is_ready(s));
    if (!ksl_spinlock_held(s->lock))
        ADD(&s->unlocked, 1);
    s->open_inside = have_interrupt() != 0;
    spinlock_release(s->lock);
    return result;
}

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    if (s->post_before)
        (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    if (s->masked)
        disable_interrupt();
    if (s->how == PLAIN)
        s->result = sleep_on_queue(s->queue);
    else if (s->how == CONDITION)
        s->result = sleep_on_queue_condition(s->queue, is_ready(s));
    else
        s->result = sleep_with_lock(s);
    s->open_after = have_interrupt() != 0;
    enable_interrupt();
}

static void start(struct sleeper *s, sleep_queue_t *queue, enum how how)
{
    s->queue = queue;
    s->how = how;
    s->result = 1;
    actor_start(&s->actor, sleep_once, s);
}

static void start_asleep(struct sleeper *s, sleep_queue_t *queue, enum how how)
{
    start(s, queue, how);
    wait_asleep(s->actor.thread);
}

static void check_result(struct sleeper *s, int expected)
{
    CHECK_RESULT(s, expected);
    ck_assert_int_eq(s->unlocked, 0);
}

/* It returned with its lock, interrupts masked, and has given it back. */
static void check_had_the_lock(const struct sleeper *s)
{
    ck_assert_int_eq(s->open_inside, 0);
    ck_assert_int_ne(s->open_after, 0);
    ck_assert(ksl_spinlock_try_acquire(s->lock));
    spinlock_release(s->lock);
}

START_TEST(Q1_first_in_first_out_whatever_the_priority)
{
    static const int priority[4] = {0, 99, 50, 99};
    sleep_queue_t q;
    struct sleeper s[4];
    memset(&q, 0, sizeof q);
    memset(s, 0, sizeof s);
    for (int i = 0; i < 4; i++) {
        start_asleep(&s[i], &q, PLAIN);
        ck_assert_int_eq(ksl_thread_set_priority(s[i].actor.thread, priority[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert_uint_eq(LOAD(&q.waiters), (unsigned)(4 - i));
        wakeup_queue(&q, 1);
        check_result(&s[i], 0);
        for (int k = i + 1; k < 4; k++)
            CHECK_ASLEEP(&s[k]);
    }
    ck_assert_uint_eq(LOAD(&q.waiters), 0);
}
END_TEST

START_TEST(Q1_count_wakes_that_many_and_zero_wakes_all)
{
    sleep_queue_t q = {0};
    struct sleeper s[6];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 6; i++)
        start_asleep(&s[i], &q, PLAIN);
    wakeup_queue(&q, 2);
    check_result(&s[0], 0);
    check_result(&s[1], 0);
    for (int i = 2; i < 6; i++)
        CHECK_ASLEEP(&s[i]);
    wakeup_queue(&q, 0);
    for (int i = 2; i < 6; i++)
        check_result(&s[i], 0);
    memset(s, 0, sizeof s);
    start_asleep(&s[0], &q, PLAIN);
    wakeup_queue(&q, 100);
    check_result(&s[0], 0);
}
END_TEST

START_TEST(Q1_Q2_a_wake_up_of_an_empty_queue_is_not_remembered)
{
    sleep_queue_t q = {0};
    struct sleeper s = {0};
    wakeup_queue(&q, 0);
    wakeup_queue(&q, 1);
    start_asleep(&s, &q, PLAIN);
    wakeup_queue(&q, 1);
    check_result(&s, 0);
}
END_TEST

START_TEST(Q3_Q5_sleeps_on_until_the_condition_is_true)
{
    sleep_queue_t q = {0};
    struct sleeper s = {0};
    start_asleep(&s, &q, CONDITION);
    int evals = LOAD(&s.evals);
    wakeup_queue(&q, 1);
    WAIT_UNTIL(LOAD(&s.evals) > evals);
    CHECK_ASLEEP(&s);
    STORE(&s.ready, 1);
    CHECK_ASLEEP(&s); /* nobody has said so yet */
    wakeup_queue(&q, 1);
    check_result(&s, 0);
    ck_assert_uint_eq(LOAD(&q.waiters), 0);
}
END_TEST

START_TEST(Q4_the_lock_is_free_during_the_sleep_and_held_after)
{
    static const enum how how[] = {LOCK, LOCK_REVERSED};
    for (int i = 0; i < 2; i++) {
        sleep_queue_t q = {0};
        spinlock_t lock = {0};
        struct sleeper s = {.lock = &lock};
        start_asleep(&s, &q, how[i]);
        spinlock_acquire(&lock);
        STORE(&s.ready, 1);
        wakeup_queue(&q, 1);
        spinlock_release(&lock);
        check_result(&s, 0);
        check_had_the_lock(&s);
    }
}
END_TEST

START_TEST(Q3_Q4_a_condition_true_at_once_does_not_sleep)
{
    for (int how = CONDITION; how <= LOCK_REVERSED; how++) {
        sleep_queue_t q = {0};
        spinlock_t lock = {0};
        struct sleeper s = {.lock = how >= LOCK ? &lock : NULL, .ready = 1};
        start(&s, &q, (enum how)how);
        check_result(&s, 0);
        ck_assert_int_eq(s.open_inside, 0);
        ck_assert_int_ne(s.open_after, 0);
        ck_assert_uint_eq(LOAD(&q.waiters), 0);
    }
}
END_TEST

START_TEST(Q4_T4_the_lock_is_held_after_a_signal)
{
    static const enum how how[] = {LOCK, LOCK_REVERSED};
    for (int i = 0; i < 2; i++) {
        sleep_queue_t q = {0};
        spinlock_t lock = {0};
        struct sleeper s = {.lock = &lock};
        start_asleep(&s, &q, how[i]);
        ck_assert_int_eq(ksl_signal_post(s.actor.thread, SIGNO), 0);
        check_result(&s, -EINTR);
        check_had_the_lock(&s);
    }
}
END_TEST

START_TEST(Q4_the_lock_of_the_queue_may_be_the_callers_lock)
{
    sleep_queue_t q = {0};
    struct sleeper s = {.lock = &q.lock};
    start_asleep(&s, &q, LOCK);
    spinlock_acquire(&q.lock);
    STORE(&s.ready, 1);
    wakeup_queue(&q, 0);
    spinlock_release(&q.lock);
    check_result(&s, 0);
}
END_TEST

START_TEST(Q5_woken_for_nothing_goes_to_the_tail)
{
    sleep_queue_t q = {0};
    struct sleeper a = {0}, b = {0};
    start_asleep(&a, &q, CONDITION);
    start_asleep(&b, &q, CONDITION);
    int evals = LOAD(&a.evals);
    wakeup_queue(&q, 1); /* a, in vain */
    WAIT_UNTIL(LOAD(&a.evals) > evals);
    CHECK_ASLEEP(&a);
    STORE(&a.ready, 1);
    STORE(&b.ready, 1);
    wakeup_queue(&q, 1);
    check_result(&b, 0);
    CHECK_ASLEEP(&a);
    wakeup_queue(&q, 1);
    check_result(&a, 0);
}
END_TEST

START_TEST(Q6_T3_interrupt_state_afterwards_is_as_before)
{
    sleep_queue_t q = {0};
    for (int i = 0; i < 16; i++) {
        spinlock_t lock = {0};
        bool locking = i % 4 >= LOCK, by_signal = i / 8 != 0;
        struct sleeper s = {.lock = locking ? &lock : NULL, .masked = i / 4 % 2 != 0};
        start_asleep(&s, &q, (enum how)(i % 4));
        STORE(&s.ready, !by_signal);
        if (by_signal)
            ck_assert_int_eq(ksl_signal_post(s.actor.thread, SIGNO), 0);
        else
            wakeup_queue(&q, 1);
        check_result(&s, by_signal ? -EINTR : 0);
        ck_assert_int_eq(s.open_after, !s.masked);
        ck_assert_int_eq(s.open_inside, 0);
    }
}
END_TEST

START_TEST(Q7_Q9_T4_T11_an_interrupted_sleeper_is_on_no_queue)
{
    sleep_queue_t q = {0};
    for (int how = PLAIN; how <= LOCK_REVERSED; how++) {
        spinlock_t lock_a = {0}, lock_b = {0};
        bool locking = how >= LOCK;
        struct sleeper a = {.lock = locking ? &lock_a : NULL};
        struct sleeper b = {.lock = locking ? &lock_b : NULL};
        start_asleep(&a, &q, (enum how)how);
        start_asleep(&b, &q, (enum how)how);
        ck_assert_int_eq(ksl_signal_post(a.actor.thread, SIGNO), 0);
        check_result(&a, -EINTR);
        CHECK_ASLEEP(&b);
        ck_assert_uint_eq(LOAD(&q.waiters), 1);
        STORE(&b.ready, 1);
        wakeup_queue(&q, 1);
        check_result(&b, 0);
    }
}
END_TEST

START_TEST(Q7_forced_unblock_ends_every_kind_of_sleep)
{
    sleep_queue_t q = {0};
    for (int how = PLAIN; how <= LOCK_REVERSED; how++) {
        spinlock_t lock = {0};
        struct sleeper s = {.lock = how >= LOCK ? &lock : NULL};
        start_asleep(&s, &q, (enum how)how);
        ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 1);
        check_result(&s, -EINTR);
        ck_assert_uint_eq(LOAD(&q.waiters), 0);
    }
}
END_TEST

START_TEST(Q7_a_signal_pending_before_the_sleep)
{
    sleep_queue_t q = {0};
    for (int i = 0; i < 8; i++) {
        spinlock_t lock = {0};
        int how = i % 4, ready = i / 4;
        if (how == PLAIN && ready)
            continue;
        struct sleeper s = {.lock = how >= LOCK ? &lock : NULL, .ready = ready};
        s.post_before = true;
        start(&s, &q, (enum how)how);
        check_result(&s, ready ? 0 : -EINTR); /* a true condition wins */
        ck_assert_uint_eq(LOAD(&q.waiters), 0);
    }
}
END_TEST

static void post_signal(void *arg)
{
    (void)ksl_signal_post(arg, SIGNO);
}

START_TEST(Q9_T11_one_wake_up_is_spent_on_one_waiter_that_stays)
{
    for (int i = 0; i < 150; i++) {
        sleep_queue_t q = {0};
        struct sleeper a = {0}, b = {0};
        struct actor poster;
        start_asleep(&a, &q, PLAIN);
        start_asleep(&b, &q, PLAIN);
        actor_start(&poster, post_signal, a.actor.thread);
        wakeup_queue(&q, 1);
        actor_join(&poster);
        actor_join(&a.actor);
        if (a.result == 0) {
            CHECK_ASLEEP(&b);
            wakeup_queue(&q, 1);
        } else {
            ck_assert_int_eq(a.result, -EINTR);
        }
        check_result(&b, 0); /* a wake-up lost on a ends here */
    }
}
END_TEST

START_TEST(woken_first_then_signalled_is_woken)
{
    for (int i = 0; i < 50; i++) {
        sleep_queue_t q = {0};
        struct sleeper s = {0};
        start_asleep(&s, &q, PLAIN);
        wakeup_queue(&q, 1);
        (void)ksl_signal_post(s.actor.thread, SIGNO);
        check_result(&s, 0);
    }
}
END_TEST

START_TEST(T17_a_task_unblocked_directly_leaves_its_queue)
{
    sleep_queue_t q = {0};
    struct sleeper a = {0}, b = {0};
    start_asleep(&a, &q, PLAIN);
    start_asleep(&b, &q, PLAIN);
    ck_assert_int_eq(unblock_task(a.actor.thread), 1);
    check_result(&a, 0);
    CHECK_ASLEEP(&b);
    wakeup_queue(&q, 1);
    check_result(&b, 0);
}
END_TEST

START_TEST(T17_a_loop_after_a_direct_unblock_queues_once)
{
    sleep_queue_t q = {0};
    struct sleeper a = {0}, b = {0}, c = {0};
    start_asleep(&a, &q, CONDITION);
    start_asleep(&b, &q, CONDITION);
    int evals = LOAD(&a.evals);
    ck_assert_int_eq(unblock_task(a.actor.thread), 1);
    WAIT_UNTIL(LOAD(&a.evals) > evals);
    CHECK_ASLEEP(&a);
    start_asleep(&c, &q, CONDITION);
    ck_assert_uint_eq(LOAD(&q.waiters), 3);
    STORE(&a.ready, 1);
    STORE(&b.ready, 1);
    STORE(&c.ready, 1);
    wakeup_queue(&q, 3);
    check_result(&a, 0);
    check_result(&b, 0);
    check_result(&c, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix sleep queue");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, Q1_first_in_first_out_whatever_the_priority);
    tcase_add_test(tc, Q1_count_wakes_that_many_and_zero_wakes_all);
    tcase_add_test(tc, Q1_Q2_a_wake_up_of_an_empty_queue_is_not_remembered);
    tcase_add_test(tc, Q3_Q5_sleeps_on_until_the_condition_is_true);
    tcase_add_test(tc, Q4_the_lock_is_free_during_the_sleep_and_held_after);
    tcase_add_test(tc, Q3_Q4_a_condition_true_at_once_does_not_sleep);
    tcase_add_test(tc, Q4_T4_the_lock_is_held_after_a_signal);
    tcase_add_test(tc, Q4_the_lock_of_the_queue_may_be_the_callers_lock);
    tcase_add_test(tc, Q5_woken_for_nothing_goes_to_the_tail);
    tcase_add_test(tc, Q6_T3_interrupt_state_afterwards_is_as_before);
    tcase_add_test(tc, Q7_Q9_T4_T11_an_interrupted_sleeper_is_on_no_queue);
    tcase_add_test(tc, Q7_forced_unblock_ends_every_kind_of_sleep);
    tcase_add_test(tc, Q7_a_signal_pending_before_the_sleep);
    tcase_add_test(tc, Q9_T11_one_wake_up_is_spent_on_one_waiter_that_stays);
    tcase_add_test(tc, woken_first_then_signalled_is_woken);
    tcase_add_test(tc, T17_a_task_unblocked_directly_leaves_its_queue);
    tcase_add_test(tc, T17_a_loop_after_a_direct_unblock_queues_once);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
