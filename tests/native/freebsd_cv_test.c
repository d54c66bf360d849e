/* SPDX-License-Identifier: BSD-2-Clause */
/* condvar(9) with an sx in both modes and with a mutex: rules 39 to 47. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <sys/condvar.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, SIGNO = 5, OTHER = 9, SHORT = 3, LONG = 1000000 };

enum how { SX_EXCLUSIVE, SX_SHARED, BY_MTX, HOWS };

enum call { WAIT, WAIT_UNLOCK, WAIT_SIG, TIMED, TIMED_SIG, CALLS };

static struct sx sx;
static struct mtx mtx;
static struct cv cv;

struct waiter {
    enum how how;
    enum call call;
    int timo;
    int post;      /* posted to itself before */
    uint64_t mask; /* signals that it masks */
    struct actor actor;
    int result;
    int pending;
    uint64_t elapsed;
};

static int wait_with_sx(const struct waiter *w)
{
    switch (w->call) {
    case WAIT:
        cv_wait(&cv, &sx);
        return 0;
    case WAIT_UNLOCK:
        cv_wait_unlock(&cv, &sx);
        return 0;
    case WAIT_SIG:
        return cv_wait_sig(&cv, &sx);
    case TIMED:
        return cv_timedwait(&cv, &sx, w->timo);
    default:
        return cv_timedwait_sig(&cv, &sx, w->timo);
    }
}

static int wait_with_mtx(const struct waiter *w)
{
    switch (w->call) {
    case WAIT:
        cv_wait(&cv, &mtx);
        return 0;
    case WAIT_UNLOCK:
        cv_wait_unlock(&cv, &mtx);
        return 0;
    case WAIT_SIG:
        return cv_wait_sig(&cv, &mtx);
    case TIMED:
        return cv_timedwait(&cv, &mtx, w->timo);
    default:
        return cv_timedwait_sig(&cv, &mtx, w->timo);
    }
}

static void give_unless_dropped(const struct waiter *w)
{
    if (w->call == WAIT_UNLOCK) {
        sx_assert(&sx, SA_UNLOCKED);
        mtx_assert(&mtx, MA_NOTOWNED);
    } else if (w->how == BY_MTX) {
        mtx_assert(&mtx, MA_OWNED | MA_NOTRECURSED);
        mtx_unlock(&mtx);
    } else if (w->how == SX_SHARED) {
        sx_assert(&sx, SA_SLOCKED);
        sx_sunlock(&sx);
    } else {
        sx_assert(&sx, SA_XLOCKED | SA_NOTRECURSED);
        sx_xunlock(&sx);
    }
}

static void wait_once(void *arg)
{
    struct waiter *w = arg;
    (void)ksl_signal_mask(w->mask);
    if (w->post != 0)
        (void)ksl_signal_post(ksl_thread_self(), w->post);
    if (w->how == BY_MTX)
        mtx_lock(&mtx);
    else if (w->how == SX_SHARED)
        sx_slock(&sx);
    else
        sx_xlock(&sx);
    uint64_t before = support_now_ns();
    w->result = w->how == BY_MTX ? wait_with_mtx(w) : wait_with_sx(w);
    w->elapsed = support_now_ns() - before;
    give_unless_dropped(w);
    w->pending = ksl_signal_pending();
}

static void start(struct waiter *w)
{
    w->result = -1;
    actor_start(&w->actor, wait_once, w);
}

static void start_asleep(struct waiter *w)
{
    start(w);
    wait_asleep(w->actor.thread);
}

static void post(struct waiter *w, int signo)
{
    ck_assert_int_eq(ksl_signal_post(w->actor.thread, signo), 0);
}

static void setup(void)
{
    sx_init(&sx, "interlock");
    mtx_init(&mtx, "interlock", NULL, MTX_DEF);
    cv_init(&cv, "condition");
    recorder_start();
}

static void teardown(void)
{
    for (int signo = 1; signo <= 64; signo++)
        (void)ksl_signal_action(signo, 0);
    cv_destroy(&cv);
    sx_destroy(&sx);
    mtx_destroy(&mtx);
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

static void check_free(void)
{
    ck_assert_int_ne(sx_try_xlock(&sx), 0);
    sx_xunlock(&sx);
    ck_assert_int_ne(mtx_trylock(&mtx), 0);
    mtx_unlock(&mtx);
}

START_TEST(cv_R40_signal_ends_every_wait)
{
    for (int call = 0; call < CALLS; call++) {
        struct waiter w = {.how = (enum how)_i, .call = (enum call)call, .timo = LONG};
        start_asleep(&w);
        check_free();
        CHECK_ASLEEP(&w);
        if (call % 2)
            cv_signal(&cv);
        else
            cv_broadcast(&cv);
        CHECK_RESULT(&w, 0);
        check_free();
    }
}
END_TEST

START_TEST(cv_R40_the_lock_is_waited_for)
{
    struct waiter w = {.how = SX_EXCLUSIVE, .call = WAIT};
    start_asleep(&w);
    sx_slock(&sx);
    cv_signal(&cv);
    WAIT_UNTIL(sx_has_waiters(&sx));
    CHECK_ASLEEP(&w);
    sx_sunlock(&sx);
    CHECK_RESULT(&w, 0);

    struct waiter shared = {.how = SX_SHARED, .call = WAIT};
    start_asleep(&shared);
    sx_slock(&sx);
    cv_signal(&cv);
    CHECK_RESULT(&shared, 0);
    sx_sunlock(&sx);
}
END_TEST

START_TEST(cv_R41_wait_unlock_does_not_wait_for_the_lock)
{
    struct waiter w = {.how = (enum how)_i, .call = WAIT_UNLOCK};
    start_asleep(&w);
    sx_xlock(&sx);
    mtx_lock(&mtx);
    cv_signal(&cv);
    CHECK_RESULT(&w, 0);
    mtx_unlock(&mtx);
    sx_xunlock(&sx);
}
END_TEST

START_TEST(cv_R43_timeout)
{
    for (int call = TIMED; call <= TIMED_SIG; call++) {
        struct waiter w = {.how = (enum how)_i, .call = (enum call)call, .timo = SHORT};
        start(&w);
        CHECK_RESULT(&w, EWOULDBLOCK);
        ck_assert_uint_ge(w.elapsed, SHORT * 1000000u);
        check_free();
        ck_assert_int_eq(cv.cv_waiters, 0);
    }
}
END_TEST

START_TEST(cv_R45_signals)
{
    static const unsigned flags[] = {0, KSL_SIGNAL_RESTART};
    for (int i = 0; i < 8; i++) {
        struct waiter w = {.how = (enum how)_i,
                           .call = i % 2 ? WAIT_SIG : TIMED_SIG,
                           .timo = LONG,
                           .post = i / 4 ? SIGNO : 0};
        ck_assert_int_eq(ksl_signal_action(SIGNO, flags[i / 2 % 2]), 0);
        if (w.post) {
            start(&w);
        } else {
            start_asleep(&w);
            post(&w, SIGNO);
        }
        CHECK_RESULT(&w, i / 2 % 2 ? ERESTART : EINTR);
        ck_assert_int_ne(w.pending, 0); /* nothing is taken */
        check_free();
    }
}
END_TEST

START_TEST(cv_R45_signals_that_do_not_end_it)
{
    struct waiter plain = {.how = (enum how)_i, .call = WAIT, .post = OTHER};
    start_asleep(&plain);
    post(&plain, SIGNO);
    ck_assert_int_eq(ksl_thread_unblock(plain.actor.thread), 0);
    CHECK_ASLEEP(&plain);
    cv_signal(&cv);
    CHECK_RESULT(&plain, 0);

    struct waiter timed = {
        .how = (enum how)_i, .call = TIMED, .timo = SHORT, .post = SIGNO};
    start(&timed);
    CHECK_RESULT(&timed, EWOULDBLOCK);

    struct waiter masked = {.how = (enum how)_i,
                            .call = WAIT_SIG,
                            .post = SIGNO,
                            .mask = UINT64_C(1) << (SIGNO - 1)};
    ck_assert_int_eq(ksl_signal_action(OTHER, KSL_SIGNAL_IGNORE), 0);
    start_asleep(&masked);
    post(&masked, SIGNO);
    post(&masked, OTHER);
    CHECK_ASLEEP(&masked);
    cv_broadcast(&cv);
    CHECK_RESULT(&masked, 0);
}
END_TEST

START_TEST(cv_R45_forced_unblock_is_EINTR)
{
    struct waiter w = {.how = (enum how)_i, .call = WAIT_SIG};
    start_asleep(&w);
    ck_assert_int_eq(ksl_thread_unblock(w.actor.thread), 1);
    CHECK_RESULT(&w, EINTR);
    ck_assert_int_eq(w.pending, 0);
}
END_TEST

START_TEST(cv_R44_woken_then_signalled_is_woken)
{
    for (int i = 0; i < 50; i++) {
        struct waiter w = {.how = (enum how)_i, .call = WAIT_SIG};
        start_asleep(&w);
        cv_signal(&cv);
        (void)ksl_signal_post(w.actor.thread, SIGNO);
        CHECK_RESULT(&w, 0);
    }
}
END_TEST

START_TEST(cv_R46_nothing_is_remembered)
{
    struct waiter w = {.how = (enum how)_i, .call = WAIT};
    cv_signal(&cv);
    cv_broadcast(&cv);
    start_asleep(&w);
    CHECK_ASLEEP(&w);
    cv_signal(&cv);
    CHECK_RESULT(&w, 0);
}
END_TEST

START_TEST(cv_R47_signal_wakes_one_most_urgent_first)
{
    static const int prio[5] = {0, 7, 0, 99, 7};
    static const int order[5] = {3, 1, 4, 0, 2};
    struct waiter w[5];
    memset(w, 0, sizeof w);
    for (int i = 0; i < 5; i++) {
        w[i].how = (enum how)(i % HOWS); /* different interlocks */
        start_asleep(&w[i]);
        ck_assert_int_eq(LOAD(&cv.cv_waiters), i + 1);
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ksl_thread_set_priority(w[i].actor.thread, prio[i]), 0);
    for (int i = 0; i < 5; i++) {
        cv_signal(&cv);
        CHECK_RESULT(&w[order[i]], 0);
        for (int k = i + 1; k < 5; k++)
            CHECK_ASLEEP(&w[order[k]]);
    }
    ck_assert_int_eq(LOAD(&cv.cv_waiters), 0);
}
END_TEST

START_TEST(cv_R47_broadcast_wakes_all_of_one_cv)
{
    struct cv other;
    struct waiter w[6];
    memset(w, 0, sizeof w);
    cv_init(&other, "other");
    for (int i = 0; i < 6; i++) {
        w[i].how = (enum how)(i % HOWS);
        w[i].call = i % 2 ? WAIT_SIG : WAIT;
        start_asleep(&w[i]);
    }
    cv_broadcast(&other);
    cv_signal(&other);
    wakeup(&other);
    for (int i = 0; i < 6; i++)
        CHECK_ASLEEP(&w[i]);
    if (_i)
        cv_broadcastpri(&cv, PVFS);
    else
        cv_broadcast(&cv);
    for (int i = 0; i < 6; i++)
        CHECK_RESULT(&w[i], 0);
    cv_destroy(&other);
}
END_TEST

static void signal_in_handler(int irq, void *arg)
{
    (void)irq;
    if (*(int *)arg)
        cv_broadcast(&cv);
    else
        cv_signal(&cv);
}

START_TEST(cv_R48_signal_in_a_handler)
{
    int all = 0;
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, signal_in_handler, &all), 0);
    for (int i = 0; i < 4; i++) {
        struct waiter w = {.how = (enum how)_i, .call = WAIT};
        all = i / 2;
        start_asleep(&w);
        ck_assert_int_eq(
            ksl_irq_raise_on(i % 2 ? w.actor.thread : ksl_thread_self(), IRQ), 0);
        CHECK_RESULT(&w, 0);
    }
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

START_TEST(cv_its_name)
{
    ck_assert_str_eq(cv_wmesg(&cv), "condition");
    ck_assert_int_eq(cv.cv_waiters, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd cv");
    TCase *tc = tcase_create("rules");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, cv_R40_signal_ends_every_wait, 0, HOWS);
    tcase_add_test(tc, cv_R40_the_lock_is_waited_for);
    tcase_add_loop_test(tc, cv_R41_wait_unlock_does_not_wait_for_the_lock, 0, HOWS);
    tcase_add_loop_test(tc, cv_R43_timeout, 0, HOWS);
    tcase_add_loop_test(tc, cv_R45_signals, 0, HOWS);
    tcase_add_loop_test(tc, cv_R45_signals_that_do_not_end_it, 0, HOWS);
    tcase_add_loop_test(tc, cv_R45_forced_unblock_is_EINTR, 0, HOWS);
    tcase_add_loop_test(tc, cv_R44_woken_then_signalled_is_woken, 0, HOWS);
    tcase_add_loop_test(tc, cv_R46_nothing_is_remembered, 0, HOWS);
    tcase_add_test(tc, cv_R47_signal_wakes_one_most_urgent_first);
    tcase_add_loop_test(tc, cv_R47_broadcast_wakes_all_of_one_cv, 0, 2);
    tcase_add_loop_test(tc, cv_R48_signal_in_a_handler, 0, HOWS);
    tcase_add_test(tc, cv_its_name);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
