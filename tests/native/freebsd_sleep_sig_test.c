/* SPDX-License-Identifier: BSD-2-Clause */
/* PCATCH: sleeps that a signal ends, rules 40, 41, 44, 45. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <signal.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5, OTHER = 9, SHORT = 3 };

#define BIT(signo) (UINT64_C(1) << ((signo)-1))

enum how { SX_EXCLUSIVE, SX_SHARED, BY_MTX, NO_LOCK, HOWS };

static struct sx sx;
static struct mtx mtx;
static int chan;

struct sleeper {
    enum how how;
    int priority;
    int timo;
    uint64_t mask; /* signals that it masks */
    int post[2];   /* posted to itself before; 0: none */
    struct actor actor;
    int result;
    int pending; /* what ksl_signal_pending says afterwards */
    int taken;   /* what ksl_signal_take says then */
};

static int sleep_locked(struct sleeper *s)
{
    int drop = s->priority & PDROP;
    int result;
    if (s->how == BY_MTX) {
        mtx_lock(&mtx);
        result = msleep(&chan, &mtx, s->priority, "signal", s->timo);
        if (!drop)
            mtx_unlock(&mtx);
        mtx_assert(&mtx, MA_NOTOWNED);
        return result;
    }
    if (s->how == SX_EXCLUSIVE)
        sx_xlock(&sx);
    else
        sx_slock(&sx);
    result = sx_sleep(&chan, &sx, s->priority, "signal", s->timo);
    if (!drop && s->how == SX_EXCLUSIVE)
        sx_xunlock(&sx);
    else if (!drop)
        sx_sunlock(&sx);
    sx_assert(&sx, SA_UNLOCKED);
    return result;
}

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    (void)ksl_signal_mask(s->mask);
    for (int i = 0; i < 2; i++) {
        if (s->post[i] != 0)
            (void)ksl_signal_post(ksl_thread_self(), s->post[i]);
    }
    if (s->how == NO_LOCK)
        s->result = tsleep(&chan, s->priority | PNOLOCK, "signal", s->timo);
    else
        s->result = sleep_locked(s);
    s->pending = ksl_signal_pending();
    (void)ksl_signal_mask(0);
    s->taken = ksl_signal_take();
}

static void start(struct sleeper *s, enum how how)
{
    s->how = how;
    s->result = -1;
    actor_start(&s->actor, sleep_once, s);
}

static void start_asleep(struct sleeper *s, enum how how)
{
    start(s, how);
    wait_asleep(s->actor.thread);
}

static void post(struct sleeper *s, int signo)
{
    ck_assert_int_eq(ksl_signal_post(s->actor.thread, signo), 0);
}

static void setup(void)
{
    sx_init(&sx, "interlock");
    mtx_init(&mtx, "interlock", NULL, MTX_DEF);
    recorder_start();
}

static void teardown(void)
{
    for (int signo = 1; signo <= 64; signo++)
        (void)ksl_signal_action(signo, 0);
    sx_destroy(&sx);
    mtx_destroy(&mtx);
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

START_TEST(sleep_R45_a_signal_ends_it_and_stays_pending)
{
    struct sleeper s = {.priority = PCATCH | PWAIT};
    start_asleep(&s, (enum how)_i);
    post(&s, SIGNO);
    CHECK_RESULT(&s, EINTR);
    ck_assert_int_ne(s.pending, 0);
    ck_assert_int_eq(s.taken, SIGNO);
}
END_TEST

START_TEST(sleep_R45_a_signal_that_is_pending_before)
{
    static const int priority[] = {PCATCH, PCATCH | PDROP};
    for (int i = 0; i < 4; i++) {
        struct sleeper s = {.post = {SIGNO}};
        s.priority = priority[i % 2];
        s.timo = i / 2 ? 1000000 : 0;
        if (_i == NO_LOCK)
            s.priority = PCATCH; /* PDROP needs a lock */
        start(&s, (enum how)_i);
        CHECK_RESULT(&s, EINTR);
        ck_assert_int_eq(s.taken, SIGNO);
    }
}
END_TEST

START_TEST(sleep_R45_without_PCATCH_no_signal_ends_it)
{
    struct sleeper s = {.post = {OTHER}};
    start_asleep(&s, (enum how)_i);
    post(&s, SIGNO);
    ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 0);
    CHECK_ASLEEP(&s);
    wakeup(&chan);
    CHECK_RESULT(&s, 0);
    ck_assert_int_eq(s.taken, SIGNO);

    struct sleeper late = {.post = {SIGNO}, .timo = SHORT};
    start(&late, (enum how)_i);
    CHECK_RESULT(&late, EWOULDBLOCK);
}
END_TEST

START_TEST(sleep_R45_masked_and_ignored_signals_do_not_end_it)
{
    struct sleeper s = {.priority = PCATCH, .mask = BIT(SIGNO), .post = {SIGNO, OTHER}};
    ck_assert_int_eq(ksl_signal_action(OTHER, KSL_SIGNAL_IGNORE), 0);
    start_asleep(&s, (enum how)_i);
    post(&s, SIGNO);
    post(&s, OTHER);
    CHECK_ASLEEP(&s);
    wakeup(&chan);
    CHECK_RESULT(&s, 0);
    ck_assert_int_eq(s.pending, 0);
    ck_assert_int_eq(s.taken, SIGNO);
}
END_TEST

START_TEST(sleep_R45_ERESTART_by_the_action)
{
    ck_assert_int_eq(ksl_signal_action(SIGNO, KSL_SIGNAL_RESTART), 0);
    struct sleeper s = {.priority = PCATCH};
    start_asleep(&s, (enum how)_i);
    post(&s, SIGNO);
    CHECK_RESULT(&s, ERESTART);
    struct sleeper before = {.priority = PCATCH, .post = {SIGNO}};
    start(&before, (enum how)_i);
    CHECK_RESULT(&before, ERESTART);
    struct sleeper other = {.priority = PCATCH};
    start_asleep(&other, (enum how)_i);
    post(&other, OTHER);
    CHECK_RESULT(&other, EINTR);
}
END_TEST

START_TEST(sleep_R45_the_lowest_signal_decides)
{
    ck_assert_int_eq(ksl_signal_action(SIGNO, KSL_SIGNAL_RESTART), 0);
    struct sleeper low = {.priority = PCATCH, .post = {OTHER, SIGNO}};
    start(&low, (enum how)_i);
    CHECK_RESULT(&low, ERESTART);
    ck_assert_int_eq(low.taken, SIGNO);
    struct sleeper masked = {
        .priority = PCATCH, .post = {OTHER, SIGNO}, .mask = BIT(SIGNO)};
    start(&masked, (enum how)_i);
    CHECK_RESULT(&masked, EINTR);
}
END_TEST

START_TEST(sleep_R45_forced_unblock_is_EINTR)
{
    struct sleeper s = {.priority = PCATCH};
    start_asleep(&s, (enum how)_i);
    ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 1);
    CHECK_RESULT(&s, EINTR);
    ck_assert_int_eq(s.pending, 0);
}
END_TEST

START_TEST(sleep_R41_PDROP_on_every_interrupted_path)
{
    static const unsigned flags[] = {0, KSL_SIGNAL_RESTART};
    for (int i = 0; i < 2; i++) {
        struct sleeper s = {.priority = PCATCH | PDROP};
        ck_assert_int_eq(ksl_signal_action(SIGNO, flags[i]), 0);
        start_asleep(&s, (enum how)_i);
        post(&s, SIGNO);
        CHECK_RESULT(&s, i ? ERESTART : EINTR);
    }
}
END_TEST

START_TEST(sleep_R44_woken_then_signalled_is_woken)
{
    for (int i = 0; i < 50; i++) {
        struct sleeper s = {.priority = PCATCH};
        start_asleep(&s, (enum how)_i);
        wakeup_one(&chan);
        (void)ksl_signal_post(s.actor.thread, SIGNO);
        CHECK_RESULT(&s, 0);
    }
}
END_TEST

static void post_signal(void *arg)
{
    (void)ksl_signal_post(arg, SIGNO);
}

/* The wake-up goes to one sleeper, never to one that reports a signal. */
START_TEST(sleep_R44_one_wake_up_against_a_signal)
{
    for (int i = 0; i < 100; i++) {
        struct sleeper a = {.priority = PCATCH}, b = {0};
        struct actor poster;
        start_asleep(&a, (enum how)_i);
        start_asleep(&b, (enum how)_i);
        actor_start(&poster, post_signal, a.actor.thread);
        wakeup_one(&chan);
        actor_join(&poster);
        actor_join(&a.actor);
        if (a.result == 0) {
            CHECK_ASLEEP(&b);
            wakeup_one(&chan);
        } else {
            ck_assert_int_eq(a.result, EINTR);
        }
        CHECK_RESULT(&b, 0);
    }
}
END_TEST

START_TEST(sleep_R44_one_wake_up_against_a_timeout)
{
    for (int i = 0; i < 100; i++) {
        struct sleeper a = {.timo = 1 + i % 2}, b = {0};
        start(&a, (enum how)_i);
        WAIT_UNTIL(ksl_thread_asleep(a.actor.thread) || actor_finished(&a.actor));
        start_asleep(&b, NO_LOCK); /* asleep on the channel, not for a lock */
        wakeup_one(&chan);
        actor_join(&a.actor);
        if (a.result == 0) {
            CHECK_ASLEEP(&b);
            wakeup_one(&chan);
        } else {
            ck_assert_int_eq(a.result, EWOULDBLOCK);
        }
        CHECK_RESULT(&b, 0);
    }
}
END_TEST

static void post_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)ksl_signal_post(ksl_thread_self(), SIGNO);
    ADD((int *)arg, 1);
}

START_TEST(sleep_R45_a_signal_from_a_handler_on_the_sleeper)
{
    int ran = 0;
    struct sleeper s = {.priority = PCATCH};
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, post_in_handler, &ran), 0);
    start_asleep(&s, (enum how)_i);
    ck_assert_int_eq(ksl_irq_raise_on(s.actor.thread, IRQ), 0);
    CHECK_RESULT(&s, EINTR);
    ck_assert_int_eq(LOAD(&ran), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

START_TEST(sleep_R45_a_posix_signal)
{
    struct sleeper s = {.priority = PCATCH};
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    start_asleep(&s, (enum how)_i);
    ck_assert_int_eq(pthread_kill(s.actor.pthread, SIGUSR1), 0);
    CHECK_RESULT(&s, EINTR);
    ck_assert_int_eq(s.taken, SIGUSR1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sleep and signals");
    TCase *tc = tcase_create("PCATCH");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, sleep_R45_a_signal_ends_it_and_stays_pending, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_a_signal_that_is_pending_before, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_without_PCATCH_no_signal_ends_it, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_masked_and_ignored_signals_do_not_end_it, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_ERESTART_by_the_action, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_the_lowest_signal_decides, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_forced_unblock_is_EINTR, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R41_PDROP_on_every_interrupted_path, 0, NO_LOCK);
    tcase_add_loop_test(tc, sleep_R44_woken_then_signalled_is_woken, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R44_one_wake_up_against_a_signal, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R44_one_wake_up_against_a_timeout, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_a_signal_from_a_handler_on_the_sleeper, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R45_a_posix_signal, 0, HOWS);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
