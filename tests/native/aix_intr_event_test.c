/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX waits with interrupts disabled: T25, T26, traps 9 and 14. */
#include "aix_intr.h"

static struct puppet p[3];
static struct irq_call in_irq;
static Simple_lock lock;
static tid_t event;

static void setup(void)
{
    simple_lock_init(&lock);
    event = EVENT_NULL;
    scene_start(p, 3, &in_irq);
}

static void teardown(void)
{
    scene_end(p, 3);
}

struct wait {
    int priority; /* at which the wait begins */
    int flags;
    int result, after, mine, back;
};

static int e_sleep_disabled(void *arg)
{
    struct wait *w = arg;
    int old = i_disable(w->priority);
    w->result = e_sleep(&event, w->flags);
    w->after = priority_now();
    i_enable(old);
    return old;
}

static int e_block_disabled(void *arg)
{
    struct wait *w = arg;
    int old = i_disable(w->priority);
    e_assert_wait(&event, FALSE);
    w->result = e_block_thread();
    w->after = priority_now();
    i_enable(old);
    return old;
}

static int et_wait_disabled(void *arg)
{
    struct wait *w = arg;
    int old = i_disable(w->priority);
    w->result = (int)et_wait(6, 6, w->flags);
    w->after = priority_now();
    i_enable(old);
    return old;
}

static int wake_event(void *object)
{
    (void)object;
    e_wakeup(&event);
    return 0;
}

static int post_to_puppet(void *puppet)
{
    et_post(4, tid_of(puppet));
    return 0;
}

/* The sleeper's own processor takes the interrupt whose handler wakes it. */
static void woken_by_handler(call_fn wait, call_fn wake, int expected)
{
    static const int priorities[] = {INTMAX, INTCLASS0, TEST_IRQ_PRIORITY};
    for (int i = 0; i < 3; i++) {
        struct wait w = {.priority = priorities[i], .flags = EVENT_SHORT};
        in_irq.call = wake;
        in_irq.object = &p[0];
        tell_blocked(&p[0], wait, &w);
        ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
        ck_assert_int_eq(answer(&p[0]), INTBASE);
        ck_assert_int_eq(w.result, expected);
        ck_assert_int_eq(w.after, priorities[i]);
        WAIT_UNTIL(LOAD(&in_irq.runs) == i + 1);
        ck_assert_ptr_eq(in_irq.on, p[0].actor.thread);
        ck_assert_uint_eq(recorder_count(NULL), 0);
    }
}

START_TEST(aix_T25_e_sleep_at_a_raised_priority)
{
    woken_by_handler(e_sleep_disabled, wake_event, EVENT_SUCC);
}
END_TEST

START_TEST(aix_T25_e_block_thread_at_a_raised_priority)
{
    woken_by_handler(e_block_disabled, wake_event, THREAD_AWAKENED);
}
END_TEST

START_TEST(aix_T25_et_wait_at_a_raised_priority)
{
    woken_by_handler(et_wait_disabled, post_to_puppet, 4);
}
END_TEST

static int sleep_with_handler_lock(void *arg)
{
    struct wait *w = arg;
    int old = disable_lock(w->priority, &lock);
    w->result = e_sleep_thread(&event, &lock, w->flags);
    w->after = priority_now();
    w->mine = lock_mine(&lock);
    unlock_enable(old, &lock);
    w->back = priority_now();
    return old;
}

static int lock_and_wake(void *object)
{
    int old = disable_lock(INTMAX, &lock);
    int mine = lock_mine(&lock);
    (void)object;
    e_wakeup(&event);
    unlock_enable(old, &lock);
    return mine;
}

START_TEST(aix_T26_trap_9_the_handler_that_posts_the_event_can_run)
{
    static const int priorities[] = {INTMAX, INTCLASS0, TEST_IRQ_PRIORITY};
    for (int i = 0; i < 6; i++) {
        struct wait w = {.priority = priorities[i % 3],
                         .flags = LOCK_HANDLER | (i < 3 ? 0 : INTERRUPTIBLE)};
        in_irq.call = lock_and_wake;
        tell_blocked(&p[0], sleep_with_handler_lock, &w);
        ck_assert_int_eq(ask(&p[1], do_simple_try, &lock), TRUE); /* given back */
        (void)ask(&p[1], do_simple_unlock, &lock);
        ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
        ck_assert_int_eq(answer(&p[0]), INTBASE);
        ck_assert_int_eq(LOAD(&in_irq.runs), i + 1);
        ck_assert_int_eq(in_irq.result, TRUE);
        ck_assert_ptr_eq(in_irq.on, p[0].actor.thread);
        ck_assert_int_eq(w.result, THREAD_AWAKENED);
        ck_assert_int_eq(w.after, w.priority);
        ck_assert_int_eq(w.mine, TRUE);
        ck_assert_int_eq(w.back, INTBASE);
        ck_assert_uint_eq(recorder_count(NULL), 0);
    }
}
END_TEST

START_TEST(aix_T26_a_signal_ends_the_wait_with_the_lock_and_the_priority)
{
    struct wait w = {.priority = INTMAX, .flags = LOCK_HANDLER | INTERRUPTIBLE};
    tell_blocked(&p[0], sleep_with_handler_lock, &w);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), INTBASE);
    ck_assert_int_eq(w.result, THREAD_INTERRUPTED);
    ck_assert_int_eq(w.after, INTMAX);
    ck_assert_int_eq(w.mine, TRUE);
    ck_assert_int_eq(w.back, INTBASE);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Awake, it competes for the lock, disabled: so it spins. */
START_TEST(aix_T26_the_lock_is_taken_again_when_it_is_free)
{
    struct wait w = {.priority = INTMAX, .flags = LOCK_HANDLER};
    tell_blocked(&p[0], sleep_with_handler_lock, &w);
    simple_lock(&lock);
    e_wakeup(&event);
    for (int i = 0; i < 100; i++) {
        sched_yield();
        ck_assert(!done(&p[0]));
    }
    ck_assert_int_eq(lock_mine(&lock), TRUE);
    simple_unlock(&lock);
    ck_assert_int_eq(answer(&p[0]), INTBASE);
    ck_assert_int_eq(w.mine, TRUE);
    ck_assert_int_eq(w.after, INTMAX);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int e_sleep_plain(void *object)
{
    (void)object;
    return e_sleep_thread(&event, NULL, 0);
}

static int clear_wait_of(void *puppet)
{
    e_clear_wait(tid_of(puppet), THREAD_TIMED_OUT);
    return 0;
}

START_TEST(aix_trap_14_a_late_e_clear_wait_does_not_end_the_next_sleep)
{
    for (int i = 0; i < 10; i++) {
        (void)clear_wait_of(&p[0]);
        (void)call_in_irq(&in_irq, clear_wait_of, &p[0]);
        tell_blocked(&p[0], e_sleep_plain, NULL);
        ck_assert(!done(&p[0]));
        if (i % 2 == 0) {
            e_wakeup(&event);
            ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
        } else {
            (void)call_in_irq(&in_irq, clear_wait_of, &p[0]);
            ck_assert_int_eq(answer(&p[0]), THREAD_TIMED_OUT);
        }
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Nor does it end the wait for a lock. */
START_TEST(aix_trap_14_e_clear_wait_leaves_waits_for_locks_alone)
{
    lock_t word = LOCK_AVAIL;
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    simple_lock(&lock);
    tell_blocked(&p[0], do_lockl_sigret, &word);
    tell_blocked(&p[1], do_simple_lock, &lock);
    for (int i = 0; i < 2; i++) {
        (void)clear_wait_of(&p[i]);
        wait_asleep(p[i].actor.thread);
        ck_assert(!done(&p[i]));
    }
    unlockl(&word);
    simple_unlock(&lock);
    ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
    (void)answer(&p[1]);
    (void)ask(&p[0], do_unlockl, &word);
    (void)ask(&p[1], do_simple_unlock, &lock);
    tell_blocked(&p[0], e_sleep_plain, NULL);
    e_wakeup(&event);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int ask_thread_self(void *object)
{
    (void)object;
    return (int)thread_self();
}

START_TEST(aix_1_0_thread_self_in_both_environments)
{
    ck_assert_int_eq(thread_self(), ksl_thread_id(ksl_thread_self()));
    ck_assert_int_eq(ask(&p[0], ask_thread_self, NULL), tid_of(&p[0]));
    ck_assert_int_ne(tid_of(&p[0]), thread_self());
    ck_assert_int_eq(call_in_irq(&in_irq, ask_thread_self, NULL), -1);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix waits with interrupts disabled");
    TCase *tc = tcase_create("waits");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_T25_e_sleep_at_a_raised_priority);
    tcase_add_test(tc, aix_T25_e_block_thread_at_a_raised_priority);
    tcase_add_test(tc, aix_T25_et_wait_at_a_raised_priority);
    tcase_add_test(tc, aix_T26_trap_9_the_handler_that_posts_the_event_can_run);
    tcase_add_test(tc, aix_T26_a_signal_ends_the_wait_with_the_lock_and_the_priority);
    tcase_add_test(tc, aix_T26_the_lock_is_taken_again_when_it_is_free);
    tcase_add_test(tc, aix_trap_14_a_late_e_clear_wait_does_not_end_the_next_sleep);
    tcase_add_test(tc, aix_trap_14_e_clear_wait_leaves_waits_for_locks_alone);
    tcase_add_test(tc, aix_1_0_thread_self_in_both_environments);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
