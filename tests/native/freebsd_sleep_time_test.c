/* SPDX-License-Identifier: BSD-2-Clause */
/* Ticks: rule 43, hz, tick and ticks, pause(9). Sleeps are never too short. */
#include <sys/param.h>

#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <sys/condvar.h>

#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <string.h>

enum { SIGNO = 5, DEFAULT_HZ = 1000 };

enum how { BY_TSLEEP, BY_SX, BY_MSLEEP, BY_SPIN, BY_CV, BY_PAUSE, BY_PAUSE_SIG, HOWS };

static struct sx sx;
static struct mtx mtx, spin;
static struct cv cv;
static int chan;

struct sleeper {
    enum how how;
    int timo;
    struct actor actor;
    int result;
    uint64_t elapsed; /* ns */
};

static int sleep_by(const struct sleeper *s)
{
    int result;
    switch (s->how) {
    case BY_TSLEEP:
        return tsleep(&chan, 0, "ticks", s->timo);
    case BY_PAUSE:
        return ksl_freebsd_pause("ticks", s->timo);
    case BY_PAUSE_SIG:
        return pause_sig("ticks", s->timo);
    case BY_MSLEEP:
        mtx_lock(&mtx);
        return msleep(&chan, &mtx, PDROP, "ticks", s->timo);
    case BY_SPIN:
        mtx_lock_spin(&spin);
        result = msleep_spin(&chan, &spin, "ticks", s->timo);
        mtx_unlock_spin(&spin);
        return result;
    case BY_CV:
        sx_xlock(&sx);
        result = cv_timedwait(&cv, &sx, s->timo);
        sx_xunlock(&sx);
        return result;
    default:
        sx_slock(&sx);
        return sx_sleep(&chan, &sx, PDROP, "ticks", s->timo);
    }
}

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    uint64_t before = support_now_ns();
    s->result = sleep_by(s);
    s->elapsed = support_now_ns() - before;
}

static void setup(void)
{
    sx_init(&sx, "sx");
    mtx_init(&mtx, "mtx", NULL, MTX_DEF);
    mtx_init(&spin, "spin", NULL, MTX_SPIN);
    cv_init(&cv, "cv");
    recorder_start();
}

static void teardown(void)
{
    hz = DEFAULT_HZ;
    cv_destroy(&cv);
    mtx_destroy(&spin);
    mtx_destroy(&mtx);
    sx_destroy(&sx);
    recorder_stop();
}

static void check_no_violation(void)
{
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
}

static void check_not_early(enum how how, int timo, uint64_t at_least_ns)
{
    struct sleeper s = {.how = how, .timo = timo, .result = -1};
    actor_start(&s.actor, sleep_once, &s);
    actor_join(&s.actor);
    ck_assert_int_eq(s.result, EWOULDBLOCK);
    ck_assert_uint_ge(s.elapsed, at_least_ns);
    check_no_violation();
}

START_TEST(sleep_R43_never_early)
{
    static const int timo[] = {1, 2, 3, 7, 20};
    for (int i = 0; i < 5; i++)
        check_not_early((enum how)_i, timo[i], (uint64_t)timo[i] * 1000000u);
}
END_TEST

START_TEST(sleep_R43_hz_is_read_at_each_call)
{
    ck_assert_int_eq(hz, DEFAULT_HZ);
    hz = 100;
    check_not_early((enum how)_i, 3, 30000000u);
    hz = 7; /* does not divide a second */
    check_not_early((enum how)_i, 1, 142857143u);
    hz = 1000000; /* the deadline of the test stands for 100 seconds at 1000 */
    check_not_early((enum how)_i, 100000, 100000000u);
    hz = DEFAULT_HZ;
    check_not_early((enum how)_i, 5, 5000000u);
}
END_TEST

START_TEST(tick_is_the_length_of_a_tick)
{
    ck_assert_int_eq(tick, 1000);
    hz = 100;
    ck_assert_int_eq(tick, 10000);
    hz = 1000000;
    ck_assert_int_eq(tick, 1);
}
END_TEST

START_TEST(ticks_go_on)
{
    int before = ticks;
    ck_assert_int_ge(before, 0);
    check_not_early(BY_TSLEEP, 20, 20000000u);
    int between = ticks;
    ck_assert_int_ge(between - before, 20);
    WAIT_UNTIL(ticks > between);
    ck_assert_int_gt(ticks, before);
}
END_TEST

START_TEST(sleep_R43_the_longest_timeout_is_no_timeout_yet)
{
    struct sleeper s = {.how = BY_TSLEEP, .timo = INT32_MAX, .result = -1};
    hz = 1;
    actor_start(&s.actor, sleep_once, &s);
    wait_asleep(s.actor.thread);
    ck_assert(!actor_finished(&s.actor));
    wakeup(&chan);
    actor_join(&s.actor);
    ck_assert_int_eq(s.result, 0);
    check_no_violation();
}
END_TEST

START_TEST(pause_of_zero_is_one_tick)
{
    hz = 20;
    check_not_early(BY_PAUSE, 0, 50000000u);
    check_not_early(BY_PAUSE_SIG, 0, 50000000u);
}
END_TEST

START_TEST(pause_is_not_ended_by_a_signal)
{
    struct sleeper s = {.how = BY_PAUSE, .timo = 100, .result = -1};
    actor_start(&s.actor, sleep_once, &s);
    WAIT_UNTIL(ksl_thread_asleep(s.actor.thread) || actor_finished(&s.actor));
    (void)ksl_signal_post(s.actor.thread, SIGNO);
    (void)ksl_thread_unblock(s.actor.thread);
    actor_join(&s.actor);
    ck_assert_int_eq(s.result, EWOULDBLOCK);
    ck_assert_uint_ge(s.elapsed, 100000000u);
    check_no_violation();
}
END_TEST

START_TEST(pause_sig_is_ended_by_a_signal)
{
    static const unsigned flags[] = {0, KSL_SIGNAL_RESTART};
    for (int i = 0; i < 2; i++) {
        struct sleeper s = {.how = BY_PAUSE_SIG, .timo = 1000000, .result = -1};
        ck_assert_int_eq(ksl_signal_action(SIGNO, flags[i]), 0);
        actor_start(&s.actor, sleep_once, &s);
        wait_asleep(s.actor.thread);
        ck_assert_int_eq(ksl_signal_post(s.actor.thread, SIGNO), 0);
        actor_join(&s.actor);
        ck_assert_int_eq(s.result, i ? ERESTART : EINTR);
    }
    ck_assert_int_eq(ksl_signal_action(SIGNO, 0), 0);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), SIGNO), 0);
    ck_assert_int_eq(pause_sig("before", 1000000), EINTR);
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
    check_no_violation();
}
END_TEST

START_TEST(pause_of_less_than_zero_is_a_bad_argument)
{
    (void)ksl_freebsd_pause("negative", -1);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    (void)pause_sig("negative", -1000);
    ASSERT_VIOLATED("bad-argument");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd ticks");
    TCase *tc = tcase_create("ticks");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, sleep_R43_never_early, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R43_hz_is_read_at_each_call, 0, HOWS);
    tcase_add_test(tc, tick_is_the_length_of_a_tick);
    tcase_add_test(tc, ticks_go_on);
    tcase_add_test(tc, sleep_R43_the_longest_timeout_is_no_timeout_yet);
    tcase_add_test(tc, pause_of_zero_is_one_tick);
    tcase_add_test(tc, pause_is_not_ended_by_a_signal);
    tcase_add_test(tc, pause_sig_is_ended_by_a_signal);
    tcase_add_test(tc, pause_of_less_than_zero_is_a_bad_argument);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
