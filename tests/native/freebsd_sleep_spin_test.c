/* SPDX-License-Identifier: BSD-2-Clause */
/* msleep_spin: sleeping with a spin mutex as interlock, rules 39, 40, 43, 48. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5, SHORT = 3, ROUNDS = 20000, STEP = 1000 };

static struct mtx spin;
static int chan;

struct sleeper {
    int timo;
    struct actor actor;
    int result;
    int owned; /* on return */
    int open_inside;
    int open_after;
};

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    mtx_lock_spin(&spin);
    s->result = msleep_spin(&chan, &spin, "spin", s->timo);
    s->owned = mtx_owned(&spin);
    s->open_inside = ksl_irq_enabled();
    mtx_unlock_spin(&spin);
    s->open_after = ksl_irq_enabled();
}

static void start_asleep(struct sleeper *s)
{
    s->result = -1;
    actor_start(&s->actor, sleep_once, s);
    wait_asleep(s->actor.thread);
}

static void check_result(struct sleeper *s, int expected)
{
    actor_join(&s->actor);
    ck_assert_int_eq(s->result, expected);
    ck_assert_int_ne(s->owned, 0);
    ck_assert_int_eq(s->open_inside, 0);
    ck_assert_int_ne(s->open_after, 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

static void setup(void)
{
    mtx_init(&spin, "interlock", NULL, MTX_SPIN);
    recorder_start();
}

static void teardown(void)
{
    mtx_destroy(&spin);
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

START_TEST(msleep_spin_R40_the_lock_is_free_during_the_sleep_and_held_after)
{
    struct sleeper s = {0};
    start_asleep(&s);
    ck_assert_int_ne(mtx_trylock_spin(&spin), 0);
    wakeup(&chan); /* under the lock */
    mtx_unlock_spin(&spin);
    check_result(&s, 0);
}
END_TEST

START_TEST(msleep_spin_R43_timeout)
{
    struct sleeper s = {.timo = SHORT, .result = -1};
    uint64_t before = support_now_ns();
    actor_start(&s.actor, sleep_once, &s);
    check_result(&s, EWOULDBLOCK);
    ck_assert_uint_ge(support_now_ns() - before, SHORT * 1000000u);
}
END_TEST

START_TEST(msleep_spin_is_not_ended_by_a_signal)
{
    struct sleeper s = {0};
    start_asleep(&s);
    ck_assert_int_eq(ksl_signal_post(s.actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 0);
    wait_asleep(s.actor.thread);
    ck_assert(!actor_finished(&s.actor));
    wakeup_one(&chan);
    check_result(&s, 0);
}
END_TEST

static void wake_in_handler(int irq, void *arg)
{
    (void)irq;
    mtx_lock_spin(&spin);
    wakeup(&chan);
    ADD((int *)arg, 1);
    mtx_unlock_spin(&spin);
}

START_TEST(msleep_spin_R48_woken_by_a_handler_that_takes_the_lock)
{
    int ran = 0;
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, wake_in_handler, &ran), 0);
    struct sleeper s = {0};
    start_asleep(&s);
    if (_i == 0)
        ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    else
        ck_assert_int_eq(ksl_irq_raise_on(s.actor.thread, IRQ), 0);
    check_result(&s, 0);
    ck_assert_int_eq(LOAD(&ran), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

struct turns {
    int turn;  /* under the lock */
    int count; /* atomic */
};

struct player {
    struct turns *turns;
    int me;
    int other;
    struct actor actor;
};

static void play(void *arg)
{
    struct player *p = arg;
    for (int i = 0; i < ROUNDS; i++) {
        mtx_lock_spin(&spin);
        while (p->turns->turn != p->me)
            (void)msleep_spin(p->turns, &spin, "turn", 0);
        p->turns->turn = p->other;
        wakeup(p->turns);
        mtx_unlock_spin(&spin);
        ADD(&p->turns->count, 1);
    }
}

START_TEST(msleep_spin_R39_no_wake_up_is_lost)
{
    struct turns t = {0};
    struct player a = {.turns = &t, .me = 0, .other = 1};
    struct player b = {.turns = &t, .me = 1, .other = 0};
    actor_start(&a.actor, play, &a);
    actor_start(&b.actor, play, &b);
    for (int i = STEP; i <= 2 * ROUNDS; i += STEP)
        WAIT_UNTIL(LOAD(&t.count) >= i);
    actor_join(&a.actor);
    actor_join(&b.actor);
    ck_assert_int_eq(t.count, 2 * ROUNDS);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd msleep_spin");
    TCase *tc = tcase_create("rules");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, msleep_spin_R40_the_lock_is_free_during_the_sleep_and_held_after);
    tcase_add_test(tc, msleep_spin_R43_timeout);
    tcase_add_test(tc, msleep_spin_is_not_ended_by_a_signal);
    tcase_add_loop_test(tc, msleep_spin_R48_woken_by_a_handler_that_takes_the_lock, 0, 2);
    tcase_add_test(tc, msleep_spin_R39_no_wake_up_is_lost);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
