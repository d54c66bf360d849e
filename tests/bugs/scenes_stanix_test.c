/* SPDX-License-Identifier: BSD-2-Clause */
/* F3 and F15 with cond, sleep queues and blocking; the wake-up comes at the gap. */

#include "bugs.h"

#include <kslock/cond.h>

#include <kernel/sleep.h>

static struct {
    ksl_cond_t cond;
    spinlock_t lock;
    sleep_queue_t queue;
    int ready; /* under the lock */
    int held;  /* the lock was held when the sleeper came back */
} st;

static int wait_cond(void *unused)
{
    (void)unused;
    return ksl_cond_wait(&st.cond, 1);
}

static int set_cond(void *unused)
{
    (void)unused;
    ksl_cond_set(&st.cond, 1);
    return 0;
}

static int sleep_with_lock(void *unused)
{
    (void)unused;
    ksl_spinlock_acquire(&st.lock);
    int error = sleep_on_queue_lock(&st.queue, &st.lock, st.ready != 0);
    st.held = ksl_spinlock_held(&st.lock);
    st.ready = 0;
    if (st.held)
        ksl_spinlock_release(&st.lock);
    while (ksl_signal_take() != 0)
        ;
    return error;
}

static int make_ready(void *unused)
{
    (void)unused;
    ksl_spinlock_acquire(&st.lock);
    st.ready = 1;
    ksl_spinlock_release(&st.lock);
    wakeup_queue(&st.queue, 1);
    return 0;
}

static int block(void *unused)
{
    (void)unused;
    ksl_block_prepare(0);
    return ksl_block();
}

static int unblock(void *t)
{
    return ksl_block_wake(t);
}

/* The waiter stops at the point between its look and its sleep. */
static void woken_in_the_gap(const char *where, call_fn wait, call_fn wake,
                             bool to_thread)
{
    struct puppet p[2];
    puppets_start(p, 2);
    bug_stop(0, where, &p[0]);
    tell(&p[0], wait, NULL);
    bug_await_stop(0);
    ask(&p[1], wake, to_thread ? p[0].actor.thread : NULL);
    bug_go(0);
    ck_assert_int_eq(answer(&p[0]), 0);
    puppets_end(p, 2);
}

START_TEST(f03_a_cond_is_set_between_the_look_and_the_queueing)
{
    woken_in_the_gap("cond: queue", wait_cond, set_cond, false);
}
END_TEST

START_TEST(f03_a_queue_is_woken_when_the_lock_is_given_back)
{
    woken_in_the_gap("block: unlocked", sleep_with_lock, make_ready, false);
    ck_assert_int_eq(st.held, 1);
}
END_TEST

START_TEST(f03_a_task_is_unblocked_before_it_blocks)
{
    woken_in_the_gap("block: begin", block, unblock, true);
}
END_TEST

START_TEST(f15_sleep_on_queue_lock_has_the_lock_after_a_signal)
{
    struct puppet p[2];
    puppets_start(p, 2);
    tell_blocked(&p[0], sleep_with_lock, NULL);
    ck_assert_int_eq(ksl_signal_post(p[0].actor.thread, 3), 0);
    ck_assert_int_eq(answer(&p[0]), -EINTR);
    ck_assert_int_eq(st.held, 1);
    tell_blocked(&p[0], sleep_with_lock, NULL);
    ck_assert_int_eq(ask(&p[1], make_ready, NULL), 0);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert_int_eq(st.held, 1);
    puppets_end(p, 2);
}
END_TEST

void add_stanix_scenes(void)
{
    BUG(f03_a_cond_is_set_between_the_look_and_the_queueing);
    BUG(f03_a_queue_is_woken_when_the_lock_is_given_back);
    BUG(f03_a_task_is_unblocked_before_it_blocks);
    BUG(f15_sleep_on_queue_lock_has_the_lock_after_a_signal);
}
