/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): interruptible acquisition (rules 33 to 35, 37). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/signal.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_signal.h"
#include "support.h"

static int mask(void *unused)
{
    (void)unused;
    (void)ksl_signal_mask(1ull << (MASKED - 1));
    return 0;
}

static const call_fn by_signal[2] = {slock_sig, xlock_sig};

START_TEST(sx_R33_a_free_lock_is_taken_with_a_signal_pending)
{
    setup();
    post(&p, STOPS);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p, by_signal[i], &sx), 0);
        ck_assert_int_eq(room(&sx), i == 0 ? 1 : 0);
        (void)ask(&p, unlock, &sx);
        ck_assert_int_eq(room(&sx), 2);
    }
    sx_slock(&sx);
    ck_assert_int_eq(ask(&p, slock_sig, &sx), 0); /* beside another share, too */
    sx_sunlock(&sx);
    (void)ask(&p, unlock, &sx);
    ck_assert_int_eq(ask(&p, take, &sx), STOPS);
    teardown();
}
END_TEST

START_TEST(sx_R34_a_pending_signal_prevents_the_wait)
{
    setup();
    sx_xlock(&sx);
    for (int i = 0; i < 2; i++) {
        post(&p, STOPS);
        ck_assert_int_eq(ask(&p, by_signal[i], &sx), EINTR);
        ck_assert_int_eq(ask(&p, by_signal[i], &sx), EINTR); /* still pending */
        ck_assert_int_eq(ask(&p, take, &sx), STOPS);
        post(&p, RESTARTS);
        ck_assert_int_eq(ask(&p, by_signal[i], &sx), ERESTART);
        ck_assert_int_eq(ask(&p, take, &sx), RESTARTS);
        ck_assert_int_eq(ask(&p, holds_nothing, &sx), 1);
    }
    sx_xunlock(&sx);
    teardown();
}
END_TEST

START_TEST(sx_R34_an_arriving_signal_ends_the_wait)
{
    setup();
    sx_xlock(&sx);
    for (int i = 0; i < 2; i++) {
        check_interrupted(by_signal[i], STOPS, EINTR);
        check_interrupted(by_signal[i], RESTARTS, ERESTART);
    }
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    sx_xunlock(&sx);
    sx_slock(&sx);
    check_interrupted(xlock_sig, STOPS, EINTR);
    check_interrupted(xlock_sig, RESTARTS, ERESTART);
    sx_sunlock(&sx);
    teardown();
}
END_TEST

START_TEST(sx_R34_the_lowest_pending_signal_decides)
{
    setup();
    sx_xlock(&sx);
    post(&p, STOPS);
    post(&p, RESTARTS);
    ck_assert_int_eq(ask(&p, xlock_sig, &sx), ERESTART);
    ck_assert_int_eq(ksl_signal_action(RESTARTS, 0), 0);
    ck_assert_int_eq(ask(&p, xlock_sig, &sx), EINTR);
    (void)ask(&p, take, &sx);
    sx_xunlock(&sx);
    teardown();
}
END_TEST

START_TEST(sx_R34_a_forced_unblock_ends_the_wait)
{
    setup();
    sx_xlock(&sx);
    for (int i = 0; i < 2; i++) {
        tell_blocked(&p, by_signal[i], &sx);
        ck_assert_int_eq(ksl_thread_unblock(p.actor.thread), 1);
        WAIT_UNTIL(done(&p));
        ck_assert_int_eq(p.result, EINTR);
        ck_assert_int_eq(ask(&p, holds_nothing, &sx), 1);
    }
    ck_assert_int_eq(ksl_thread_unblock(p.actor.thread), 0);
    sx_xunlock(&sx);
    teardown();
}
END_TEST

/* Asleep still; the lock comes with the release. */
static void check_goes_on(struct puppet *sleeper)
{
    ck_assert(ksl_thread_asleep(sleeper->actor.thread));
    ck_assert(!done(sleeper));
    sx_xunlock(&sx);
    WAIT_UNTIL(done(sleeper));
    ck_assert_int_eq(sleeper->result, 0);
    ck_assert_int_ne(room(&sx), 2);
    (void)ask(sleeper, unlock, &sx);
}

START_TEST(sx_R35_ignored_and_masked_signals_do_not_interrupt)
{
    setup();
    (void)ask(&p, mask, &sx);
    for (int i = 0; i < 2; i++) {
        sx_xlock(&sx);
        tell_blocked(&p, by_signal[i], &sx);
        post(&p, IGNORED);
        post(&p, MASKED);
        check_goes_on(&p);
    }
    teardown();
}
END_TEST

START_TEST(sx_R35_plain_calls_are_never_interrupted)
{
    const call_fn call[2] = {slock, xlock};
    setup();
    for (int i = 0; i < 2; i++) {
        sx_xlock(&sx);
        tell_blocked(&p, call[i], &sx);
        post(&p, STOPS);
        post(&p, RESTARTS);
        post(&p, 64);
        ck_assert_int_eq(ksl_thread_unblock(p.actor.thread), 0);
        check_goes_on(&p);
    }
    ck_assert_int_eq(ask(&p, take, &sx), RESTARTS);
    teardown();
}
END_TEST

START_TEST(sx_R37_the_owner_recurses_with_a_signal_pending)
{
    setup();
    post(&p, STOPS);
    ck_assert_int_eq(ask(&p, xlock_sig, &sx), 0);
    ck_assert_int_eq(ask(&p, xlock_sig, &sx), 0);
    ck_assert_uint_eq(sx.sx_recurse, 1);
    (void)ask(&p, unlock, &sx);
    ck_assert_int_eq(room(&sx), 0);
    (void)ask(&p, unlock, &sx);
    (void)ask(&p, take, &sx);
    teardown();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx signals");
    TCase *tc = tcase_create("signals");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R33_a_free_lock_is_taken_with_a_signal_pending);
    tcase_add_test(tc, sx_R34_a_pending_signal_prevents_the_wait);
    tcase_add_test(tc, sx_R34_an_arriving_signal_ends_the_wait);
    tcase_add_test(tc, sx_R34_the_lowest_pending_signal_decides);
    tcase_add_test(tc, sx_R34_a_forced_unblock_ends_the_wait);
    tcase_add_test(tc, sx_R35_ignored_and_masked_signals_do_not_interrupt);
    tcase_add_test(tc, sx_R35_plain_calls_are_never_interrupted);
    tcase_add_test(tc, sx_R37_the_owner_recurses_with_a_signal_pending);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
