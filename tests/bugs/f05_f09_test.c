/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F5: a wake-up goes to somebody who came later. F7: a stranger wakes. F8: an interrupt
 * between the steps of a post. F9: the first waiter leaves, with a wake-up meant for the
 * next one.
 */

#include "bugs.h"

#include <kslock/sleepq.h>

#include <evl/sem.h>
#include <evl/stax.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct evl_ksem sem;
static ksl_sleep_queue_t queue;

static int down(void *s)
{
    return evl_down(s);
}

static int trydown(void *s)
{
    return evl_trydown(s);
}

static int up(void *s)
{
    evl_up(s);
    return 0;
}

static int sleep_on(void *q)
{
    return ksl_sleepq_sleep(q, KSL_BLOCK_INTERRUPTIBLE);
}

static int wake_one(void *q)
{
    return (int)ksl_sleepq_wake(q, 1);
}

/* A wait for one of something, and how one is given. */
static const struct giving {
    const char *what;
    void *object;
    call_fn wait;
    call_fn give;
} givings[] = {
    {"semaphore", &sem, down, up},
    {"sleep queue", &queue, sleep_on, wake_one},
};
enum { GIVINGS = sizeof givings / sizeof *givings };

static void begin(struct puppet *p, int n)
{
    evl_init_ksem(&sem, 0);
    puppets_start_on(p, n, KSL_STAGE_OOB);
}

START_TEST(f05_a_wake_up_goes_to_who_waited_longest)
{
    struct puppet p[4];
    begin(p, 4);
    for (int g = 0; g < GIVINGS; g++) {
        const struct giving *v = &givings[g];
        for (int i = 0; i < 3; i++)
            tell_blocked(&p[i], v->wait, v->object);
        for (int i = 0; i < 3; i++) {
            ask(&p[3], v->give, v->object);
            ck_assert_int_eq(answer(&p[i]), 0);
            for (int j = i + 1; j < 3; j++)
                still_asleep(&p[j]);
        }
    }
    puppets_end(p, 4);
}
END_TEST

/* Who is woken is kept from running; others come meanwhile. */
START_TEST(f05_who_comes_later_takes_nothing)
{
    struct puppet p[3];
    begin(p, 3);
    for (int g = 0; g < GIVINGS; g++) {
        const struct giving *v = &givings[g];
        bug_stop(0, "wait: unparked", &p[0]);
        tell_blocked(&p[0], v->wait, v->object);
        ask(&p[2], v->give, v->object);
        bug_await_stop(0);
        if (v->wait == down)
            ck_assert_int_eq(ask(&p[1], trydown, v->object), -EAGAIN);
        tell_blocked(&p[1], v->wait, v->object);
        bug_go(0);
        ck_assert_int_eq(answer(&p[0]), 0);
        still_asleep(&p[1]);
        ask(&p[2], v->give, v->object);
        ck_assert_int_eq(answer(&p[1]), 0);
    }
    puppets_end(p, 3);
}
END_TEST

static void stranger_wakes(void *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 16, NULL, NULL, 0);
}

/* As another object's late wake-up would, where this object's memory was that one's. */
static void strangers_wake(struct scene *s, int i)
{
    enum { TIMES = 50 };
    struct ksi_parker *parker = &s->p[i].actor.thread->parker;
    for (int n = 0; n < TIMES; n++) {
        for (size_t at = 0; at < sizeof s->memory; at += sizeof(uint32_t))
            stranger_wakes(s->memory.bytes + at);
        stranger_wakes(&parker->word);
        ksi_unpark(parker); /* a token without a reason */
        WAIT_UNTIL(ksi_load(&parker->word) != 2 || done(&s->p[i]));
    }
}

/* Puppet 1 wanted it alone, puppet 2 a share. */
static void leave(struct scene *s, int i)
{
    const struct lock_kind *k = s->kind;
    ck_assert_int_eq(answer(&s->p[i]), 0);
    ck_assert_int_eq(says(s, i, i == 1 ? k->give : k->unshare), 0);
}

START_TEST(f07_strangers_that_wake_end_no_wait)
{
    struct scene s = {.puppets = 3};
    while (scene_next(&s, SLEEPS)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        waits(&s, 1, k->take);
        if (k->share != NULL)
            waits(&s, 2, k->share);
        strangers_wake(&s, 1);
        still_waits(&s, 1);
        bool shares = k->share != NULL;
        if (shares) {
            strangers_wake(&s, 2);
            still_waits(&s, 2);
        }
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        int first = shares ? one_of(&s, 1, 2) : 1;
        leave(&s, first);
        if (shares)
            leave(&s, 3 - first);
    }
}
END_TEST

START_TEST(f07_strangers_end_no_sleep)
{
    struct puppet p[2];
    begin(p, 2);
    for (int g = 0; g < GIVINGS; g++) {
        const struct giving *v = &givings[g];
        struct ksi_parker *parker = &p[0].actor.thread->parker;
        tell_blocked(&p[0], v->wait, v->object);
        for (int n = 0; n < 50; n++) {
            stranger_wakes(&parker->word);
            ksi_unpark(parker);
            WAIT_UNTIL(ksi_load(&parker->word) != 2 || done(&p[0]));
        }
        still_asleep(&p[0]);
        ask(&p[1], v->give, v->object);
        ck_assert_int_eq(answer(&p[0]), 0);
    }
    puppets_end(p, 2);
}
END_TEST

/* F8: a handler posts twice between the look of a post and its queue. */

enum { IRQ = 20 };

static void post_twice(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    evl_up(&sem);
    evl_up(&sem);
}

static void interrupt_self(void *arg)
{
    (void)arg;
    ksl_irq_raise_on(ksl_thread_self(), IRQ);
}

START_TEST(f08_a_post_interrupted_between_its_steps_loses_no_unit)
{
    struct puppet p[4];
    begin(p, 4);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_OOB, 5, post_twice, NULL), 0);
    for (int waiters = 0; waiters <= 2; waiters++) {
        for (int i = 0; i < waiters; i++)
            tell_blocked(&p[i], down, &sem);
        bug_act(0, "ksem: up", &p[3], interrupt_self, NULL);
        ck_assert_int_eq(ask(&p[3], up, &sem), 0);
        int units = bug_reached(0) ? 3 : 1;
        ck_assert_int_eq(units, waiters > 0 ? 3 : 1);
        for (int i = 0; i < waiters; i++)
            ck_assert_int_eq(answer(&p[i]), 0);
        for (int left = units - waiters; left > 0; left--)
            ck_assert_int_eq(ask(&p[3], trydown, &sem), 0);
        ck_assert_int_eq(ask(&p[3], trydown, &sem), -EAGAIN);
    }
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    puppets_end(p, 4);
}
END_TEST

/* F9 */

static int post_signal_to(void *t)
{
    return ksl_signal_post(t, 10);
}

/*
 * The signal is there, its poster has not yet looked for the wait; then the first waiter
 * is given what it waits for: either it has that, or the next one gets it.
 */
START_TEST(f09_the_first_waiter_is_signalled_and_given_at_once)
{
    struct puppet p[4];
    begin(p, 4);
    for (int g = 0; g < GIVINGS; g++) {
        const struct giving *v = &givings[g];
        tell_blocked(&p[0], v->wait, v->object);
        tell_blocked(&p[1], v->wait, v->object);
        bug_stop(0, "signal: posted", &p[2]);
        tell(&p[2], post_signal_to, p[0].actor.thread);
        bug_await_stop(0);
        ask(&p[3], v->give, v->object);
        bug_go(0);
        ck_assert_int_eq(answer(&p[2]), 0);
        if (answer(&p[0]) == 0) {
            still_asleep(&p[1]);
            ask(&p[3], v->give, v->object);
        }
        ck_assert_int_eq(answer(&p[1]), 0);
        ask(&p[0], take_signals, NULL);
    }
    puppets_end(p, 4);
}
END_TEST

/* It has left already: what is given goes to the next one. */
START_TEST(f09_the_first_waiter_has_left_by_a_signal)
{
    struct puppet p[4];
    begin(p, 4);
    for (int g = 0; g < GIVINGS; g++) {
        const struct giving *v = &givings[g];
        tell_blocked(&p[0], v->wait, v->object);
        tell_blocked(&p[1], v->wait, v->object);
        /* It is off the queue, but does not run yet. */
        bug_stop(0, "wait: unparked", &p[0]);
        ck_assert_int_eq(ask(&p[2], post_signal_to, p[0].actor.thread), 0);
        bug_await_stop(0);
        ask(&p[3], v->give, v->object);
        ck_assert_int_eq(answer(&p[1]), 0);
        bug_go(0);
        ck_assert_int_ne(answer(&p[0]), 0);
        ask(&p[0], take_signals, NULL);
    }
    puppets_end(p, 4);
}
END_TEST

static struct evl_stax stax;

static int lock_stax(void *s)
{
    return evl_lock_stax(s);
}

static int unlock_stax(void *s)
{
    evl_unlock_stax(s);
    return 0;
}

/* Of a gate that is handed over: nobody counts for inside who has left by a signal. */
START_TEST(f09_the_first_waiter_of_a_stax_is_signalled_and_let_in_at_once)
{
    struct puppet out[2], in[2];
    puppets_start_on(out, 2, KSL_STAGE_OOB);
    puppets_start(in, 2);
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    ck_assert_int_eq(ask(&in[0], lock_stax, &stax), 0);
    tell_blocked(&out[0], lock_stax, &stax);
    bug_stop(0, "signal: posted", &in[1]);
    tell(&in[1], post_signal_to, out[0].actor.thread);
    bug_await_stop(0);
    ck_assert_int_eq(ask(&in[0], unlock_stax, &stax), 0);
    bug_go(0);
    ck_assert_int_eq(answer(&in[1]), 0);
    if (answer(&out[0]) == 0)
        ck_assert_int_eq(ask(&out[0], unlock_stax, &stax), 0);
    tell(&in[0], lock_stax, &stax);
    ck_assert_int_eq(answer(&in[0]), 0);
    ck_assert_int_eq(ask(&in[0], unlock_stax, &stax), 0);
    puppets_end(out, 2);
    puppets_end(in, 2);
}
END_TEST

void add_f05_to_f09(void)
{
    BUG(f05_a_wake_up_goes_to_who_waited_longest);
    BUG(f05_who_comes_later_takes_nothing);
    BUG(f07_strangers_that_wake_end_no_wait);
    BUG(f07_strangers_end_no_sleep);
    BUG(f08_a_post_interrupted_between_its_steps_loses_no_unit);
    BUG(f09_the_first_waiter_is_signalled_and_given_at_once);
    BUG(f09_the_first_waiter_has_left_by_a_signal);
    BUG(f09_the_first_waiter_of_a_stax_is_signalled_and_let_in_at_once);
}
