/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: signals and locks (T12, T66 to T69; contradictions C6 and C10). */
#include "aix_test.h"

static lock_t w, z;
static Simple_lock s;
static Complex_lock l;
static tid_t ev = EVENT_NULL;
static struct puppet p[3];
static int puppets;

static void setup(int n)
{
    w = z = LOCK_AVAIL;
    simple_lock_init(&s);
    lock_init(&l, TRUE);
    puppets = n;
    puppets_start(p, n);
    recorder_start();
}

static void finish(void)
{
    end_unreported(p, puppets);
}

static int disable(void *lock)
{
    return disable_lock(INTMAX, (simple_lock_t)lock);
}

static int enable(void *lock)
{
    unlock_enable(INTBASE, (simple_lock_t)lock);
    return 0;
}

static int check_signal(void *unused)
{
    (void)unused;
    return sig_chk();
}

/* All ways to hold a lock. */
static const struct {
    const char *name;
    call_fn take, release;
    void *lock;
} ways[] = {
    {"lockl", do_lockl, do_unlockl, &w},
    {"lockl with LOCK_NDELAY", do_lockl_ndelay, do_unlockl, &w},
    {"lockl with LOCK_SIGRET", do_lockl_sigret, do_unlockl, &w},
    {"kernel_lock", do_lockl, do_unlockl, &kernel_lock},
    {"simple", do_simple_lock, do_simple_unlock, &s},
    {"simple by try", do_simple_try, do_simple_unlock, &s},
    {"disabled", disable, enable, &s},
    {"read", do_lock_read, do_lock_done, &l},
    {"read by try", do_try_read, do_lock_done, &l},
    {"write", do_lock_write, do_lock_done, &l},
    {"write by try", do_try_write, do_lock_done, &l},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void check_deferred(const char *name)
{
    ck_assert_msg(!ask(&p[0], signal_pending, NULL), "%s: pending", name);
    ck_assert_msg(ask(&p[0], take_signal, NULL) == 0, "%s: taken", name);
    ck_assert_msg(ask(&p[0], check_signal, NULL) == 0, "%s: sig_chk", name);
}

static void check_delivered(const char *name, int signo)
{
    ck_assert_msg(ask(&p[0], signal_pending, NULL), "%s: not pending", name);
    ck_assert_msg(ask(&p[0], take_signal, NULL) == signo, "%s: not taken", name);
    ck_assert_msg(!ask(&p[0], signal_pending, NULL), "%s: twice", name);
}

START_TEST(aix_T66_delivery_waits_for_the_release)
{
    setup(1);
    for (int i = 0; i < WAYS; i++) {
        ask(&p[0], ways[i].take, ways[i].lock);
        check_deferred(ways[i].name);
        post_signal(&p[0], 20);
        check_deferred(ways[i].name);
        ask(&p[0], ways[i].release, ways[i].lock);
        check_delivered(ways[i].name, 20);
    }
    finish();
}
END_TEST

START_TEST(aix_T66_a_signal_from_before_is_deferred_too)
{
    setup(1);
    for (int i = 0; i < WAYS; i++) {
        post_signal(&p[0], 21);
        ck_assert_int_eq(ask(&p[0], signal_pending, NULL), 1);
        ask(&p[0], ways[i].take, ways[i].lock);
        check_deferred(ways[i].name);
        ask(&p[0], ways[i].release, ways[i].lock);
        if (i % 2)
            check_delivered(ways[i].name, 21);
        else
            ck_assert_int_eq(ask(&p[0], check_signal, NULL), 21);
    }
    finish();
}
END_TEST

/* Locks of several kinds, released in the order in which they were taken. */
START_TEST(aix_T66_delivery_waits_for_the_last_lock)
{
    static const int held[] = {0, 4, 7};
    setup(1);
    for (int i = 0; i < 3; i++)
        ask(&p[0], ways[held[i]].take, ways[held[i]].lock);
    ask(&p[0], do_lock_read, &l); /* once more */
    post_signal(&p[0], 22);
    for (int i = 0; i < 3; i++) {
        check_deferred("several");
        ask(&p[0], ways[held[i]].release, ways[held[i]].lock);
    }
    check_deferred("one share is left");
    ask(&p[0], do_lock_done, &l);
    check_delivered("several", 22);
    finish();
}
END_TEST

START_TEST(aix_T66_nested_holds_and_conversions_go_on_deferring)
{
    setup(1);
    ask(&p[0], do_lock_write, &l);
    ask(&p[0], do_set_recursive, &l);
    post_signal(&p[0], 23);
    ask(&p[0], do_lock_read, &l);
    check_deferred("nested");
    ask(&p[0], do_lock_done, &l);
    check_deferred("outer");
    ask(&p[0], do_clear_recursive, &l);
    ask(&p[0], do_downgrade, &l);
    check_deferred("downgraded");
    ck_assert_int_eq(ask(&p[0], do_upgrade, &l), FALSE);
    check_deferred("upgraded");
    ask(&p[0], do_lock_done, &l);
    check_delivered("done", 23);
    /* LOCK_NEST is no second hold. */
    ck_assert_int_eq(ask(&p[0], do_lockl, &w), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl, &w), LOCK_NEST);
    post_signal(&p[0], 24);
    check_deferred("nested lockl");
    ask(&p[0], do_unlockl, &w);
    check_delivered("unlockl", 24);
    finish();
}
END_TEST

START_TEST(aix_T66_a_failed_upgrade_ends_the_deferral)
{
    setup(2);
    ask(&p[0], do_lock_read, &l);
    tell_blocked(&p[1], do_lock_write, &l);
    post_signal(&p[0], 25);
    ck_assert_int_eq(ask(&p[0], do_try_upgrade, &l), FALSE);
    check_deferred("the share is kept");
    ck_assert_int_eq(ask(&p[0], do_upgrade, &l), TRUE);
    check_delivered("the share is gone", 25);
    (void)answer(&p[1]);
    ask(&p[1], do_lock_done, &l);
    finish();
}
END_TEST

START_TEST(aix_T66_a_failed_try_defers_nothing)
{
    setup(2);
    ask(&p[1], do_lockl, &w);
    ask(&p[1], do_simple_lock, &s);
    ask(&p[1], do_lock_write, &l);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &w), LOCK_FAIL);
    ck_assert_int_eq(ask(&p[0], do_simple_try, &s), FALSE);
    ck_assert_int_eq(ask(&p[0], do_try_read, &l), FALSE);
    ck_assert_int_eq(ask(&p[0], do_try_write, &l), FALSE);
    post_signal(&p[0], 26);
    check_delivered("failed", 26);
    ask(&p[1], do_lock_done, &l);
    ask(&p[1], do_simple_unlock, &s);
    ask(&p[1], do_unlockl, &w);
    finish();
}
END_TEST

/* "Kernel mode processes" and "kernel processes": every thread, this one too. */
START_TEST(aix_C6_every_thread_defers_signals)
{
    setup(2);
    simple_lock(&s);
    ask(&p[0], do_lock_read, &l);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 27), 0);
    post_signal(&p[0], 27);
    post_signal(&p[1], 27);
    ck_assert(!ksl_signal_pending());
    ck_assert_int_eq(ksl_signal_take(), 0);
    check_deferred("a thread");
    ck_assert_int_eq(ask(&p[1], take_signal, NULL), 27); /* holds nothing */
    simple_unlock(&s);
    ask(&p[0], do_lock_done, &l);
    ck_assert_int_eq(ksl_signal_take(), 27);
    check_delivered("a thread", 27);
    finish();
}
END_TEST

/* T12: a lockl wait with LOCK_SIGRET is the only lock wait that a signal ends. */
START_TEST(aix_T12_signals_end_no_wait_for_another_lock)
{
    static const call_fn wait[] = {do_simple_lock, do_lock_read, do_lock_write, do_lockl};
    void *const lock[] = {&s, &l, &l, &w};
    setup(2);
    ask(&p[1], do_simple_lock, &s);
    ask(&p[1], do_lock_write, &l);
    ask(&p[1], do_lockl, &w);
    for (int i = 0; i < 4; i++) {
        tell_blocked(&p[0], wait[i], lock[i]);
        for (int k = 0; k < 10; k++) {
            post_signal(&p[0], 20 + k);
            ck_assert_int_eq(ksl_thread_unblock(p[0].actor.thread), 0);
            still_asleep(&p[0]);
        }
        call_fn release = i == 0 ? do_simple_unlock : i == 3 ? do_unlockl : do_lock_done;
        ask(&p[1], release, lock[i]);
        (void)answer(&p[0]);
        check_deferred("after the wait");
        if (i != 1 && i != 3)
            ck_assert_int_eq(ask(&p[0], do_lock_mine, lock[i]), TRUE);
        ask(&p[0], release, lock[i]);
        for (int k = 0; k < 10; k++)
            ck_assert_int_eq(ask(&p[0], take_signal, NULL), 20 + k);
        if (i == 1)
            ask(&p[1], do_lock_write, &l);
    }
    finish();
}
END_TEST

START_TEST(aix_T12_signals_end_no_upgrade)
{
    static const call_fn upgrade[] = {do_upgrade, do_try_upgrade};
    setup(2);
    for (int i = 0; i < 2; i++) {
        ask(&p[0], do_lock_read, &l);
        ask(&p[1], do_lock_read, &l);
        tell_blocked(&p[0], upgrade[i], &l);
        post_signal(&p[0], 28);
        still_asleep(&p[0]);
        ask(&p[1], do_lock_done, &l);
        ck_assert_int_eq(answer(&p[0]), i == 0 ? FALSE : TRUE);
        ck_assert_int_eq(ask(&p[0], do_lock_mine, &l), TRUE);
        ask(&p[0], do_lock_done, &l);
        check_delivered("upgraded", 28);
    }
    finish();
}
END_TEST

/* T68: holding Z, the wait for X with LOCK_SIGRET does not see the signal. */
START_TEST(aix_C10_deferral_wins_over_LOCK_SIGRET)
{
    static const int held[] = {0, 4, 7, 9}; /* lockl (on z), simple, read, write */
    setup(2);
    for (int i = 0; i < 4; i++) {
        void *other = i == 0 ? &z : ways[held[i]].lock;
        ask(&p[1], do_lockl, &w);
        ask(&p[0], ways[held[i]].take, other);
        tell_blocked(&p[0], do_lockl_sigret, &w);
        post_signal(&p[0], 29);
        still_asleep(&p[0]);
        ask(&p[1], do_unlockl, &w);
        ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
        ask(&p[0], ways[held[i]].release, other);
        check_deferred("the lockl lock is left");
        ask(&p[0], do_unlockl, &w);
        check_delivered("all", 29);
        /* Holding nothing, the same wait ends. */
        ask(&p[1], do_lockl, &w);
        tell_blocked(&p[0], do_lockl_sigret, &w);
        post_signal(&p[0], 30);
        ck_assert_int_eq(answer(&p[0]), LOCK_SIG);
        check_delivered("none", 30);
        ask(&p[1], do_unlockl, &w);
    }
    finish();
}
END_TEST

/* T69: the lock that is passed does not defer, because it is given back. */
static int sleep_flag;

static int sleep_with_s(void *unused)
{
    (void)unused;
    return e_sleep_thread(&ev, &s, sleep_flag | INTERRUPTIBLE);
}

static int sleep_with_l(void *unused)
{
    (void)unused;
    return e_sleep_thread(&ev, &l, sleep_flag | INTERRUPTIBLE);
}

static const struct {
    int way, flag;
    call_fn sleep;
} sleeps[] = {{4, LOCK_SIMPLE, sleep_with_s},
              {6, LOCK_HANDLER, sleep_with_s},
              {7, LOCK_READ, sleep_with_l},
              {9, LOCK_WRITE, sleep_with_l}};

START_TEST(aix_T69_with_the_passed_lock_alone_the_sleep_is_interruptible)
{
    setup(1);
    for (int i = 0; i < 8; i++) {
        int k = i % 4, way = sleeps[k].way;
        sleep_flag = sleeps[k].flag;
        ask(&p[0], ways[way].take, ways[way].lock);
        if (i < 4) {
            tell_blocked(&p[0], sleeps[k].sleep, NULL);
            post_signal(&p[0], 31);
        } else { /* it came while the lock was held */
            post_signal(&p[0], 31);
            tell(&p[0], sleeps[k].sleep, NULL);
        }
        ck_assert_int_eq(answer(&p[0]), THREAD_INTERRUPTED);
        check_deferred(ways[way].name); /* taken again, so deferred again */
        ask(&p[0], ways[way].release, ways[way].lock);
        check_delivered(ways[way].name, 31);
    }
    finish();
}
END_TEST

START_TEST(aix_T69_with_another_lock_held_the_sleep_is_not_interruptible)
{
    setup(1);
    for (int i = 0; i < 4; i++) {
        int way = sleeps[i].way;
        sleep_flag = sleeps[i].flag;
        ask(&p[0], do_lockl, &z);
        ask(&p[0], ways[way].take, ways[way].lock);
        tell_blocked(&p[0], sleeps[i].sleep, NULL);
        post_signal(&p[0], 32);
        still_asleep(&p[0]);
        e_wakeup(&ev);
        ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
        ask(&p[0], ways[way].release, ways[way].lock);
        check_deferred("z is held");
        ask(&p[0], do_unlockl, &z);
        check_delivered("z is free", 32);
    }
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *su = suite_create("aix signals");
    TCase *tc = tcase_create("signals");
    tcase_add_test(tc, aix_T66_delivery_waits_for_the_release);
    tcase_add_test(tc, aix_T66_a_signal_from_before_is_deferred_too);
    tcase_add_test(tc, aix_T66_delivery_waits_for_the_last_lock);
    tcase_add_test(tc, aix_T66_nested_holds_and_conversions_go_on_deferring);
    tcase_add_test(tc, aix_T66_a_failed_upgrade_ends_the_deferral);
    tcase_add_test(tc, aix_T66_a_failed_try_defers_nothing);
    tcase_add_test(tc, aix_C6_every_thread_defers_signals);
    tcase_add_test(tc, aix_T12_signals_end_no_wait_for_another_lock);
    tcase_add_test(tc, aix_T12_signals_end_no_upgrade);
    tcase_add_test(tc, aix_C10_deferral_wins_over_LOCK_SIGRET);
    tcase_add_test(tc, aix_T69_with_the_passed_lock_alone_the_sleep_is_interruptible);
    tcase_add_test(tc, aix_T69_with_another_lock_held_the_sleep_is_not_interruptible);
    suite_add_tcase(su, tc);
    return su;
}

int main(void)
{
    return support_run(suite());
}
