/* SPDX-License-Identifier: BSD-2-Clause */
/* sleep(9) with each kind of interlock: rules 40 to 44, 46, 49, 51, 52. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <string.h>

enum { SIGNO = 5, SHORT = 3, LATE_TICKS = 300, LATE_NS = 300000000 };

/* How a sleeper sleeps: the interlock and the call. */
enum how { SX_EXCLUSIVE, SX_SHARED, BY_MSLEEP, BY_MTX_SLEEP, NO_LOCK, HOWS };

struct site {
    struct sx sx;
    struct mtx mtx;
    int chan;
};

struct sleeper {
    struct site *site;
    enum how how;
    int priority;
    int timo;
    struct actor actor;
    int back; /* the sleep is over; set with the lock held */
    int result;
};

static void take(struct site *at, enum how how)
{
    if (how == SX_EXCLUSIVE)
        sx_xlock(&at->sx);
    else if (how == SX_SHARED)
        sx_slock(&at->sx);
    else if (how != NO_LOCK)
        mtx_lock(&at->mtx);
}

static int sleep_by(struct sleeper *s)
{
    struct site *at = s->site;
    switch (s->how) {
    case SX_EXCLUSIVE:
    case SX_SHARED:
        return sx_sleep(&at->chan, &at->sx, s->priority, "sleep", s->timo);
    case BY_MSLEEP:
        return msleep(&at->chan, &at->mtx, s->priority, "sleep", s->timo);
    case BY_MTX_SLEEP:
        return mtx_sleep(&at->chan, &at->mtx, s->priority, "sleep", s->timo);
    default:
        return tsleep(&at->chan, s->priority | PNOLOCK, "sleep", s->timo);
    }
}

/* A wrong mode here is a violation, which the recorder keeps. */
static void check_held_and_give(struct site *at, enum how how)
{
    if (how == SX_EXCLUSIVE) {
        sx_assert(&at->sx, SA_XLOCKED | SA_NOTRECURSED);
        sx_xunlock(&at->sx);
    } else if (how == SX_SHARED) {
        sx_assert(&at->sx, SA_SLOCKED);
        sx_sunlock(&at->sx);
    } else if (how != NO_LOCK) {
        mtx_assert(&at->mtx, MA_OWNED | MA_NOTRECURSED);
        mtx_unlock(&at->mtx);
    }
}

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    take(s->site, s->how);
    s->result = sleep_by(s);
    STORE(&s->back, 1);
    if ((s->priority & PDROP) == 0)
        check_held_and_give(s->site, s->how);
    sx_assert(&s->site->sx, SA_UNLOCKED);
    mtx_assert(&s->site->mtx, MA_NOTOWNED);
}

static void site_init(struct site *at)
{
    memset(at, 0, sizeof *at);
    sx_init(&at->sx, "interlock");
    mtx_init(&at->mtx, "interlock", NULL, MTX_DEF);
    recorder_start();
}

/* Nobody holds a lock of it any more, and no rule was broken. */
static void site_end(struct site *at)
{
    sx_destroy(&at->sx);
    mtx_destroy(&at->mtx);
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

static void start(struct sleeper *s, struct site *at, enum how how)
{
    s->site = at;
    s->how = how;
    s->result = -1;
    actor_start(&s->actor, sleep_once, s);
}

static void start_asleep(struct sleeper *s, struct site *at, enum how how)
{
    start(s, at, how);
    wait_asleep(s->actor.thread);
}

static void check_asleep(const struct sleeper *s)
{
    wait_asleep(s->actor.thread);
    ck_assert_int_eq(LOAD(&s->back), 0);
}

static void check_result(struct sleeper *s, int expected)
{
    actor_join(&s->actor);
    ck_assert_int_eq(s->result, expected);
}

static void check_free(struct site *at)
{
    ck_assert_int_ne(sx_try_xlock(&at->sx), 0);
    sx_xunlock(&at->sx);
    ck_assert_int_ne(mtx_trylock(&at->mtx), 0);
    mtx_unlock(&at->mtx);
}

START_TEST(sleep_R40_the_lock_is_free_during_the_sleep_and_held_after)
{
    struct site at;
    struct sleeper s = {0};
    site_init(&at);
    start_asleep(&s, &at, (enum how)_i);
    check_free(&at);
    check_asleep(&s);
    wakeup(&at.chan);
    check_result(&s, 0);
    check_free(&at);
    site_end(&at);
}
END_TEST

START_TEST(sleep_R40_the_holder_is_waited_for_in_the_same_mode)
{
    struct site at;
    struct sleeper s = {0};
    site_init(&at);
    start_asleep(&s, &at, SX_SHARED);
    sx_slock(&at.sx);
    wakeup(&at.chan);
    check_result(&s, 0); /* a share beside ours */
    sx_sunlock(&at.sx);

    memset(&s, 0, sizeof s);
    start_asleep(&s, &at, SX_EXCLUSIVE);
    sx_slock(&at.sx);
    wakeup(&at.chan);
    WAIT_UNTIL(sx_has_waiters(&at.sx));
    check_asleep(&s);
    sx_sunlock(&at.sx);
    check_result(&s, 0);
    site_end(&at);
}
END_TEST

START_TEST(sleep_R40_R43_a_timeout_leaves_the_lock_held)
{
    struct site at;
    struct sleeper s = {.timo = SHORT};
    site_init(&at);
    start(&s, &at, (enum how)_i);
    check_result(&s, EWOULDBLOCK);
    check_free(&at);
    site_end(&at);
}
END_TEST

START_TEST(sleep_R40_a_timed_sleep_that_is_woken)
{
    struct site at;
    struct sleeper s = {.timo = 1000000};
    site_init(&at);
    start_asleep(&s, &at, (enum how)_i);
    wakeup_one(&at.chan);
    check_result(&s, 0);
    site_end(&at);
}
END_TEST

START_TEST(sleep_R41_PDROP_leaves_the_lock_free)
{
    struct site at;
    struct sleeper woken = {.priority = PDROP | PWAIT};
    struct sleeper late = {.priority = PDROP, .timo = SHORT};
    struct sleeper signalled = {.priority = PDROP | PCATCH};
    site_init(&at);
    start_asleep(&woken, &at, (enum how)_i);
    wakeup(&at.chan);
    check_result(&woken, 0);
    check_free(&at);
    start(&late, &at, (enum how)_i);
    check_result(&late, EWOULDBLOCK);
    check_free(&at);
    start_asleep(&signalled, &at, (enum how)_i);
    ck_assert_int_eq(ksl_signal_post(signalled.actor.thread, SIGNO), 0);
    check_result(&signalled, EINTR);
    check_free(&at);
    site_end(&at);
}
END_TEST

START_TEST(sleep_R41_PDROP_does_not_wait_for_the_lock)
{
    struct site at;
    struct sleeper s = {.priority = PDROP};
    site_init(&at);
    start_asleep(&s, &at, (enum how)_i);
    sx_xlock(&at.sx);
    mtx_lock(&at.mtx);
    wakeup(&at.chan);
    check_result(&s, 0);
    mtx_unlock(&at.mtx);
    sx_xunlock(&at.sx);
    site_end(&at);
}
END_TEST

/* The sleeper is late, and its lock is taken: it waits for that, too. */
START_TEST(sleep_R42_taking_the_lock_again_is_neither_timed_nor_interruptible)
{
    bool seen = false;
    struct site at;
    site_init(&at);
    for (int i = 0; i < 100 && !seen; i++) {
        struct sleeper s = {.timo = 20, .priority = PCATCH};
        start(&s, &at, (enum how)_i);
        WAIT_UNTIL(ksl_thread_asleep(s.actor.thread) || LOAD(&s.back));
        sx_xlock(&at.sx);
        if (!LOAD(&s.back)) {
            seen = true;
            WAIT_UNTIL(sx_has_waiters(&at.sx)); /* its time is over */
            ck_assert_int_eq(ksl_signal_post(s.actor.thread, SIGNO), 0);
            ck_assert_int_eq(ksl_thread_unblock(s.actor.thread), 0);
            check_asleep(&s);
        }
        sx_xunlock(&at.sx);
        check_result(&s, EWOULDBLOCK);
    }
    ck_assert_msg(seen, "the sleeper was never asleep with the lock free");
    site_end(&at);
}
END_TEST

/* A wake-up takes the sleeper off its channel; what comes later is too late. */
START_TEST(sleep_R44_woken_then_late_or_signalled_is_woken)
{
    bool seen = false;
    struct site at;
    site_init(&at);
    for (int i = 0; i < 20 && !seen; i++) {
        struct sleeper s = {.timo = LATE_TICKS, .priority = PCATCH};
        uint64_t deadline = support_now_ns() + LATE_NS; /* its own is later */
        start(&s, &at, (enum how)_i);
        WAIT_UNTIL(ksl_thread_asleep(s.actor.thread) || LOAD(&s.back));
        sx_xlock(&at.sx);
        wakeup(&at.chan);
        seen = support_now_ns() < deadline;
        (void)ksl_signal_post(s.actor.thread, SIGNO);
        WAIT_UNTIL(support_now_ns() > deadline);
        sx_xunlock(&at.sx);
        actor_join(&s.actor);
        if (seen)
            ck_assert_int_eq(s.result, 0);
    }
    ck_assert_msg(seen, "no wake-up was in time");
    site_end(&at);
}
END_TEST

START_TEST(sleep_R46_a_wake_up_without_sleeper_is_not_remembered)
{
    struct site at;
    struct sleeper s = {0};
    site_init(&at);
    wakeup(&at.chan);
    wakeup_one(&at.chan);
    wakeup_any(&at.chan);
    start_asleep(&s, &at, (enum how)_i);
    check_asleep(&s);
    wakeup(&at.chan);
    check_result(&s, 0);
    site_end(&at);
}
END_TEST

START_TEST(sleep_R49_different_interlocks_on_one_channel)
{
    struct site at;
    struct sleeper s[HOWS];
    memset(s, 0, sizeof s);
    site_init(&at);
    for (int i = 0; i < HOWS; i++)
        start_asleep(&s[i], &at, (enum how)i);
    wakeup_one(&at.chan);
    check_result(&s[0], 0);
    for (int i = 1; i < HOWS; i++)
        check_asleep(&s[i]);
    wakeup(&at.chan);
    for (int i = 1; i < HOWS; i++)
        check_result(&s[i], 0);
    site_end(&at);
}
END_TEST

struct holder {
    struct sleeper sleeper;
    struct sx exclusive, shared;
    struct mtx mtx;
};

static void sleep_with_locks(void *arg)
{
    struct holder *h = arg;
    sx_xlock(&h->exclusive);
    sx_slock(&h->shared);
    mtx_lock(&h->mtx);
    sleep_once(&h->sleeper);
    mtx_assert(&h->mtx, MA_OWNED);
    sx_assert(&h->shared, SA_SLOCKED);
    sx_assert(&h->exclusive, SA_XLOCKED);
    mtx_unlock(&h->mtx);
    sx_sunlock(&h->shared);
    sx_xunlock(&h->exclusive);
}

START_TEST(sleep_R51_R52_other_locks_stay_held)
{
    struct site at;
    struct holder h = {.sleeper = {.site = &at, .how = (enum how)_i}};
    site_init(&at);
    sx_init(&h.exclusive, "exclusive");
    sx_init(&h.shared, "shared");
    mtx_init(&h.mtx, "mutex", NULL, MTX_DEF);
    actor_start(&h.sleeper.actor, sleep_with_locks, &h);
    wait_asleep(h.sleeper.actor.thread);
    ck_assert_int_eq(sx_try_slock(&h.exclusive), 0);
    ck_assert_ptr_eq(sx_xholder(&h.exclusive), h.sleeper.actor.thread);
    ck_assert_int_eq(sx_try_xlock(&h.shared), 0);
    ck_assert_int_eq(mtx_trylock(&h.mtx), 0);
    wakeup(&at.chan);
    check_result(&h.sleeper, 0);
    sx_destroy(&h.exclusive);
    sx_destroy(&h.shared);
    mtx_destroy(&h.mtx);
    site_end(&at);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sleep");
    TCase *tc = tcase_create("rules");
    tcase_add_loop_test(tc, sleep_R40_the_lock_is_free_during_the_sleep_and_held_after, 0,
                        HOWS);
    tcase_add_test(tc, sleep_R40_the_holder_is_waited_for_in_the_same_mode);
    tcase_add_loop_test(tc, sleep_R40_R43_a_timeout_leaves_the_lock_held, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R40_a_timed_sleep_that_is_woken, 0, HOWS);
    tcase_add_loop_test(tc, sleep_R41_PDROP_leaves_the_lock_free, 0, NO_LOCK);
    tcase_add_loop_test(tc, sleep_R41_PDROP_does_not_wait_for_the_lock, 0, NO_LOCK);
    tcase_add_loop_test(
        tc, sleep_R42_taking_the_lock_again_is_neither_timed_nor_interruptible, 0,
        SX_SHARED + 1);
    tcase_add_loop_test(tc, sleep_R44_woken_then_late_or_signalled_is_woken, 0,
                        SX_SHARED + 1);
    tcase_add_loop_test(tc, sleep_R46_a_wake_up_without_sleeper_is_not_remembered, 0,
                        HOWS);
    tcase_add_test(tc, sleep_R49_different_interlocks_on_one_channel);
    tcase_add_loop_test(tc, sleep_R51_R52_other_locks_stay_held, 0, HOWS);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
