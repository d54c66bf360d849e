/* SPDX-License-Identifier: BSD-2-Clause */
/* The newest Stanix interface: sleeping, blocking with dates (B7), T13, T14, T16. */
#define KSL_STANIX_PROFILE 3
#include <kernel/asm.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/signal.h>

#include "irq_call.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { SIGNO = 5 };

enum how {
    BLOCK,
    BLOCK_INTR,
    SLEEP,
    SLEEP_INTR,
    COND,
    COND_INTR,
    LOCK,
    LOCK_INTR,
    LOCK_REVERSED,
    LOCK_REVERSED_INTR,
    UNTIL_NEVER, /* block_task_timeout without a date */
    HOWS
};

struct sleeper {
    struct actor actor;
    enum how how;
    bool post_before;
    sleep_queue_t queue;
    spinlock_t lock;
    int ready;
    int result;
    int unlocked;
    unsigned preempt;
    int open;
};

static int is_ready(struct sleeper *s)
{
    if (s->how >= LOCK && !ksl_spinlock_held(&s->lock))
        ADD(&s->unlocked, 1);
    return LOAD(&s->ready);
}

static int sleep_with_lock(struct sleeper *s)
{
    int result = 1;
    spinlock_acquire(&s->lock);
    if (s->how == LOCK)
        result = sleep_on_queue_lock(&s->queue, &s->lock, is_ready(s));
    else if (s->how == LOCK_INTR)
        result = sleep_on_queue_lock_interruptible(&s->queue, &s->lock, is_ready(s));
    else if (s->how == LOCK_REVERSED)
        result = sleep_on_queue_lock(&s->queue, is_ready(s), &s->lock);
    else
        result = sleep_on_queue_lock_interruptible(&s->queue, is_ready(s), &s->lock);
    if (!ksl_spinlock_held(&s->lock))
        ADD(&s->unlocked, 1);
    spinlock_release(&s->lock);
    return result;
}

static int sleep_by_kind(struct sleeper *s)
{
    switch (s->how) {
    case BLOCK:
        block_prepare();
        return block_task();
    case BLOCK_INTR:
        block_prepare_interruptible();
        return block_task();
    case SLEEP:
        return sleep_on_queue(&s->queue);
    case SLEEP_INTR:
        return sleep_on_queue_interruptible(&s->queue);
    case COND:
        return sleep_on_queue_condition(&s->queue, is_ready(s));
    case COND_INTR:
        return sleep_on_queue_condition_interruptible(&s->queue, is_ready(s));
    case UNTIL_NEVER:
        block_prepare_interruptible();
        return block_task_timeout(NULL);
    default:
        return sleep_with_lock(s);
    }
}

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    if (s->post_before)
        (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    s->result = sleep_by_kind(s);
    s->preempt = ksl_preempt_count();
    s->open = have_interrupt() != 0;
}

static bool interruptible(enum how how)
{
    return how == UNTIL_NEVER || how % 2 != 0;
}

static void start(struct sleeper *s)
{
    s->result = 1;
    actor_start(&s->actor, sleep_once, s);
}

static void check_result(struct sleeper *s, int expected)
{
    actor_join(&s->actor);
    ck_assert_int_eq(s->result, expected);
    ck_assert_int_eq(s->unlocked, 0);
    ck_assert_uint_eq(s->preempt, 0);
    ck_assert_int_eq(s->open, 1);
}

static void wake(struct sleeper *s)
{
    STORE(&s->ready, 1);
    if (s->how <= BLOCK_INTR || s->how == UNTIL_NEVER)
        ck_assert_int_eq(unblock_task(s->actor.thread), 1);
    else
        wakeup_queue(&s->queue, 1);
}

START_TEST(B3_Q1_Q3_Q4_every_sleep_can_be_woken)
{
    for (int how = 0; how < HOWS; how++) {
        struct sleeper s = {.how = (enum how)how};
        start(&s);
        wait_asleep(s.actor.thread);
        wake(&s);
        check_result(&s, 0);
    }
}
END_TEST

START_TEST(B5_T13_a_signal_ends_only_the_interruptible_sleeps)
{
    for (int how = 0; how < HOWS; how++) {
        struct sleeper s = {.how = (enum how)how};
        start(&s);
        wait_asleep(s.actor.thread);
        ck_assert_int_eq(ksl_signal_post(s.actor.thread, SIGNO), 0);
        if (interruptible(s.how)) {
            check_result(&s, -EINTR);
            ck_assert_uint_eq(LOAD(&s.queue.waiters), 0);
        } else {
            ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 0);
            wait_asleep(s.actor.thread);
            wake(&s);
            check_result(&s, 0);
        }
    }
}
END_TEST

START_TEST(B5_T16_a_signal_pending_before_the_sleep_is_seen)
{
    for (int how = 0; how < HOWS; how++) {
        struct sleeper s = {.how = (enum how)how, .post_before = true};
        start(&s);
        if (interruptible(s.how)) {
            check_result(&s, -EINTR);
        } else {
            wait_asleep(s.actor.thread);
            wake(&s);
            check_result(&s, 0);
        }
    }
}
END_TEST

START_TEST(forced_unblock_ends_the_interruptible_sleeps)
{
    for (int how = 0; how < HOWS; how++) {
        struct sleeper s = {.how = (enum how)how};
        if (!interruptible(s.how))
            continue;
        start(&s);
        wait_asleep(s.actor.thread);
        ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 1);
        check_result(&s, -EINTR);
    }
}
END_TEST

START_TEST(unblock_task_reason_decides_the_result)
{
    static const struct {
        int reason, result;
    } table[] = {
        {WAKEUP_TIMEOUT, -ETIMEDOUT}, {WAKEUP_SIGNAL, -EINTR}, {WAKEUP_OTHER, 0}};
    for (int i = 0; i < 3; i++) {
        struct sleeper s = {.how = BLOCK_INTR};
        ck_assert_int_eq(unblock_task_reason(get_current_task(), table[i].reason), 0);
        start(&s);
        wait_asleep(s.actor.thread);
        ck_assert_int_eq(unblock_task_reason(s.actor.thread, table[i].reason), 1);
        check_result(&s, table[i].result);
    }
}
END_TEST

START_TEST(T13_reason_signal_against_an_uninterruptible_sleeper)
{
    struct sleeper s = {.how = BLOCK}, next = {.how = BLOCK};
    start(&s);
    wait_asleep(s.actor.thread);
    (void)unblock_task_reason(s.actor.thread, WAKEUP_SIGNAL);
    /* Whatever it did, it left nothing locked behind. */
    (void)unblock_task(s.actor.thread);
    actor_join(&s.actor);
    start(&next);
    wait_asleep(next.actor.thread);
    wake(&next);
    check_result(&next, 0);
}
END_TEST

static struct timespec date_in(int64_t ns)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t total = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + ns;
    return (struct timespec){.tv_sec = (time_t)(total / 1000000000),
                             .tv_nsec = (long)(total % 1000000000)};
}

static bool reached(const struct timespec *date)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > date->tv_sec ||
           (now.tv_sec == date->tv_sec && now.tv_nsec >= date->tv_nsec);
}

START_TEST(B7_T14_a_date_gives_etimedout_never_early)
{
    for (int i = 0; i < 20; i++) {
        struct timespec date = date_in(i * 100000);
        block_prepare();
        ck_assert_int_eq(block_task_timeout(&date), -ETIMEDOUT);
        ck_assert(reached(&date));
        ck_assert_int_eq(unblock_task(get_current_task()), 0);
    }
}
END_TEST

START_TEST(B7_T14_a_date_in_the_past)
{
    struct timespec dates[] = {date_in(-1000000000), {0, 0}};
    for (int i = 0; i < 2; i++) {
        block_prepare_interruptible();
        ck_assert_int_eq(block_task_timeout(&dates[i]), -ETIMEDOUT);
        ck_assert_int_eq(unblock_task(get_current_task()), 0);
        ck_assert_int_eq(block_task(), 0); /* it is running */
    }
}
END_TEST

struct timed {
    struct timespec date;
    int result;
};

static void block_long(void *arg)
{
    struct timed *t = arg;
    block_prepare_interruptible();
    t->result = block_task_timeout(&t->date);
}

static void sleep_long(void *arg)
{
    struct timed *t = arg;
    t->result = sleep_until(&t->date);
}

START_TEST(B7_woken_or_interrupted_before_the_date)
{
    struct timed t = {date_in(INT64_C(3600000000000)), 1};
    struct actor a;
    actor_start(&a, block_long, &t);
    wait_asleep(a.thread);
    ck_assert_int_eq(unblock_task(a.thread), 1);
    actor_join(&a);
    ck_assert_int_eq(t.result, 0);
    actor_start(&a, block_long, &t);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, SIGNO), 0);
    actor_join(&a);
    ck_assert_int_eq(t.result, -EINTR);
    actor_start(&a, sleep_long, &t);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_signal_post(a.thread, SIGNO), 0);
    actor_join(&a);
    ck_assert_int_eq(t.result, -EINTR);
}
END_TEST

START_TEST(sleep_until_sleeps_to_the_date)
{
    struct timespec date = date_in(2000000), past = date_in(-1);
    ck_assert_int_eq(sleep_until(&date), 0);
    ck_assert(reached(&date));
    ck_assert_int_eq(sleep_until(&past), 0);
}
END_TEST

static int until_never(void *unused)
{
    (void)unused;
    return sleep_until(NULL);
}

static int no_look(void)
{
    return 0;
}

/* One violation, and the task is not left prepared. */
START_TEST(sleep_until_refused_changes_nothing)
{
    struct timespec date = {1, 1000000000};
    struct irq_call irq;
    recorder_start();
    irq_call_setup(&irq, 3, KSL_STAGE_INBAND, 5, no_look);
    ck_assert_int_eq(call_in_irq(&irq, until_never, NULL), -EPERM);
    ASSERT_VIOLATED("irq-sleep");
    recorder_start();
    ck_assert_int_eq(sleep_until(&date), -EPERM);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_eq(unblock_task(get_current_task()), 0);
    recorder_stop();
    ck_assert_int_eq(ksl_irq_free(3), 0);
}
END_TEST

struct queued {
    sleep_queue_t queue;
    int result;
};

static void queue_by_hand(void *arg)
{
    struct queued *q = arg;
    block_prepare();
    sleep_add_to_queue(&q->queue);
    q->result = block_task();
    sleep_remove_from_queue(&q->queue);
}

START_TEST(a_prepared_task_queued_by_hand)
{
    struct queued q = {.result = 1};
    struct actor a;
    block_prepare();
    sleep_add_to_queue(&q.queue);
    ck_assert_uint_eq(LOAD(&q.queue.waiters), 1);
    sleep_remove_from_queue(&q.queue);
    ck_assert_uint_eq(LOAD(&q.queue.waiters), 0);
    block_cancel(); /* off the queue, but still prepared until here */
    ck_assert_int_eq(block_task(), 0);
    /* Woken between queueing and blocking: no sleep. */
    block_prepare();
    sleep_add_to_queue(&q.queue);
    wakeup_queue(&q.queue, 1);
    ck_assert_int_eq(block_task(), 0);
    sleep_remove_from_queue(&q.queue);
    actor_start(&a, queue_by_hand, &q);
    wait_asleep(a.thread);
    wakeup_queue(&q.queue, 1);
    actor_join(&a);
    ck_assert_int_eq(q.result, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix profile 3");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, B3_Q1_Q3_Q4_every_sleep_can_be_woken);
    tcase_add_test(tc, B5_T13_a_signal_ends_only_the_interruptible_sleeps);
    tcase_add_test(tc, B5_T16_a_signal_pending_before_the_sleep_is_seen);
    tcase_add_test(tc, forced_unblock_ends_the_interruptible_sleeps);
    tcase_add_test(tc, unblock_task_reason_decides_the_result);
    tcase_add_test(tc, T13_reason_signal_against_an_uninterruptible_sleeper);
    tcase_add_test(tc, B7_T14_a_date_gives_etimedout_never_early);
    tcase_add_test(tc, B7_T14_a_date_in_the_past);
    tcase_add_test(tc, B7_woken_or_interrupted_before_the_date);
    tcase_add_test(tc, sleep_until_sleeps_to_the_date);
    tcase_add_test(tc, sleep_until_refused_changes_nothing);
    tcase_add_test(tc, a_prepared_task_queued_by_hand);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
