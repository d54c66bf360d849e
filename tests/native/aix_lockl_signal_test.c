/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX lockl locks and signals: T5 to T8, T12, contradiction C15. */
#include "aix_test.h"

enum { SIGNO = 10, JUMPED = 1000 };

static struct puppet p[4];
static lock_t word;
static Simple_lock simple;
static Complex_lock complex_lock;

static void setup(void)
{
    word = LOCK_AVAIL;
    simple_lock_init(&simple);
    lock_init(&complex_lock, TRUE);
    puppets_start(p, 4);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, 4);
    recorder_stop();
}

static void check_free(void)
{
    ck_assert_int_eq(ask(&p[3], do_lockl_ndelay, &word), LOCK_SUCC);
    (void)ask(&p[3], do_unlockl, &word);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

static int both_flags(void *w)
{
    return lockl((lock_t *)w, LOCK_SIGRET | LOCK_SIGWAKE);
}

/* JUMPED plus the value of setjmpx if the wait ends with a jump. */
static int do_lockl_sigwake(void *w)
{
    lock_t *volatile lock = w;
    label_t context;
    int value = setjmpx(&context);
    if (value != 0)
        return JUMPED + value;
    int result = lockl(lock, LOCK_SIGWAKE);
    clrjmpx(&context);
    return result;
}

static int mask_signals(void *object)
{
    (void)object;
    (void)ksl_signal_mask(UINT64_MAX);
    return 0;
}

static int unmask_signals(void *object)
{
    (void)object;
    (void)ksl_signal_mask(0);
    return 0;
}

/* The wait ends with that result, without the lock; nobody else notices. */
static void signal_ends(call_fn call, int result)
{
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_SUCC);
    tell_blocked(&p[1], call, &word);
    tell_blocked(&p[2], call, &word);
    post_signal(&p[1], SIGNO);
    ck_assert_int_eq(answer(&p[1]), result);
    ck_assert_int_eq(ask(&p[1], take_signal, NULL), SIGNO); /* the wait took nothing */
    ck_assert_int_eq(ask(&p[1], take_signal, NULL), 0);
    ck_assert(ksl_thread_asleep(p[2].actor.thread));
    ck_assert_int_eq(ask(&p[1], do_lockl_ndelay, &word), LOCK_FAIL);
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    ck_assert_int_eq(answer(&p[2]), LOCK_SUCC);
    (void)ask(&p[2], do_unlockl, &word);
    check_free();
}

START_TEST(aix_T5_a_signal_ends_a_wait_with_SIGRET)
{
    signal_ends(do_lockl_sigret, LOCK_SIG);
}
END_TEST

START_TEST(aix_T5_the_last_waiter_leaves_by_signal)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    for (int i = 0; i < 20; i++) {
        tell_blocked(&p[0], do_lockl_sigret, &word);
        post_signal(&p[0], SIGNO);
        ck_assert_int_eq(answer(&p[0]), LOCK_SIG);
        ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
        if (i % 4 == 3) {
            unlockl(&word);
            ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
        }
    }
    unlockl(&word);
    check_free();
}
END_TEST

START_TEST(aix_T5_a_pending_signal_matters_only_to_a_wait)
{
    post_signal(&p[0], SIGNO);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigret, &word), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigret, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigret, &word), LOCK_SIG);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigret, &word), LOCK_SIG); /* it stays */
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
    tell_blocked(&p[0], do_lockl_sigret, &word);
    unlockl(&word);
    ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
    (void)ask(&p[0], do_unlockl, &word);
    check_free();
}
END_TEST

/* The wait goes on; what was posted is there when the lock has gone. */
static void goes_on(struct puppet *waiter, call_fn call)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    tell_blocked(waiter, call, &word);
    post_signal(waiter, SIGNO);
    ck_assert_int_eq(ksl_thread_unblock(waiter->actor.thread), 0);
    wait_asleep(waiter->actor.thread);
    ck_assert(!done(waiter));
    unlockl(&word);
    ck_assert_int_eq(answer(waiter), LOCK_SUCC);
    ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_FAIL);
    (void)ask(waiter, do_unlockl, &word);
}

static int lockl_without_flags(void *w)
{
    return lockl((lock_t *)w, 0);
}

START_TEST(aix_T6_a_short_wait_goes_on_and_the_signal_stays_pending)
{
    goes_on(&p[0], do_lockl);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
    goes_on(&p[0], lockl_without_flags);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
    check_free();
}
END_TEST

START_TEST(aix_T7_a_masked_signal_ends_no_wait)
{
    static const call_fn calls[] = {do_lockl_sigret, do_lockl_sigwake, both_flags};
    for (int i = 0; i < 3; i++) {
        (void)ask(&p[0], mask_signals, NULL);
        goes_on(&p[0], calls[i]);
        ck_assert_int_eq(ask(&p[0], take_signal, NULL), 0);
        (void)ask(&p[0], unmask_signals, NULL);
        ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
    }
    check_free();
}
END_TEST

START_TEST(aix_T5_an_ignored_signal_ends_no_wait)
{
    ck_assert_int_eq(ksl_signal_action(SIGNO, KSL_SIGNAL_IGNORE), 0);
    goes_on(&p[0], do_lockl_sigret);
    goes_on(&p[0], do_lockl_sigwake);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 0);
    ck_assert_int_eq(ksl_signal_action(SIGNO, 0), 0);
    check_free();
}
END_TEST

START_TEST(aix_T5_a_forced_unblock_ends_no_wait)
{
    static const call_fn calls[] = {do_lockl_sigret, do_lockl_sigwake};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
        tell_blocked(&p[0], calls[i], &word);
        ck_assert_int_eq(ksl_thread_unblock(p[0].actor.thread), 0);
        wait_asleep(p[0].actor.thread);
        ck_assert(!done(&p[0]));
        unlockl(&word);
        ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
        (void)ask(&p[0], do_unlockl, &word);
    }
    check_free();
}
END_TEST

START_TEST(aix_T8_C15_a_signal_ends_a_wait_with_SIGWAKE_by_a_jump_with_EINTR)
{
    signal_ends(do_lockl_sigwake, JUMPED + EINTR);
}
END_TEST

START_TEST(aix_T8_no_jump_without_a_wait)
{
    post_signal(&p[0], SIGNO);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigwake, &word), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigwake, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_sigwake, &word), JUMPED + EINTR);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
    unlockl(&word);
    check_free();
}
END_TEST

/* Two contexts: each signal takes the latest one that is left. */
static int two_contexts(void *w)
{
    lock_t *volatile lock = w;
    volatile int jumps = 0;
    label_t outer, inner;
    int value = setjmpx(&outer);
    if (value != 0)
        return JUMPED + 100 * jumps + value;
    value = setjmpx(&inner);
    if (value == 0)
        return lockl(lock, LOCK_SIGWAKE);
    jumps = value == EINTR ? jumps + 1 : 90;
    return lockl(lock, LOCK_SIGWAKE); /* the inner one is used up */
}

START_TEST(aix_T8_the_jump_is_to_the_latest_context)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    post_signal(&p[0], SIGNO);
    ck_assert_int_eq(ask(&p[0], two_contexts, &word), JUMPED + 100 + EINTR);
    unlockl(&word);
    check_free();
}
END_TEST

static int sigwake_without_context(void *w)
{
    return lockl((lock_t *)w, LOCK_SIGWAKE);
}

/* A refused call says LOCK_FAIL; LOCK_SIG would be an answer to LOCK_SIGRET. */
START_TEST(aix_T8_without_a_saved_context_the_call_is_refused)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    tell_blocked(&p[0], sigwake_without_context, &word);
    post_signal(&p[0], SIGNO);
    ck_assert_int_eq(answer(&p[0]), LOCK_FAIL);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), SIGNO);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_NEST);
    unlockl(&word);
    check_free();
}
END_TEST

START_TEST(aix_T8_SIGRET_wins_over_SIGWAKE)
{
    signal_ends(both_flags, LOCK_SIG);
}
END_TEST

/* lockl with interrupts disabled: the jump brings back the priority of setjmpx. */
static int sigwake_disabled(void *w)
{
    lock_t *volatile lock = w;
    label_t context;
    volatile int old = i_disable(INTCLASS3);
    int value = setjmpx(&context);
    if (value == 0) {
        (void)i_disable(INTMAX);
        (void)lockl(lock, LOCK_SIGWAKE);
    }
    int now = priority_now();
    i_enable(old);
    return JUMPED * now + value;
}

START_TEST(aix_T8_the_jump_brings_back_the_priority)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    tell_blocked(&p[0], sigwake_disabled, &word);
    post_signal(&p[0], SIGNO);
    ck_assert_int_eq(answer(&p[0]), JUMPED * INTCLASS3 + EINTR);
    unlockl(&word);
    check_free();
}
END_TEST

/* A wait that no signal ends, on a lock that the main thread has. */
static void survives(struct puppet *waiter, call_fn call, void *lock, call_fn release)
{
    tell_blocked(waiter, call, lock);
    post_signal(waiter, SIGNO);
    ck_assert_int_eq(ksl_thread_unblock(waiter->actor.thread), 0);
    wait_asleep(waiter->actor.thread);
    ck_assert(!done(waiter));
    (void)release(lock);
    ck_assert_int_eq(answer(waiter), 0);
    (void)ask(waiter, release, lock);
    ck_assert_int_eq(ask(waiter, take_signal, NULL), SIGNO);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(aix_T12_a_signal_does_not_end_a_wait_in_simple_lock)
{
    simple_lock(&simple);
    survives(&p[0], do_simple_lock, &simple, do_simple_unlock);
    ck_assert(simple_lock_try(&simple));
    simple_unlock(&simple);
}
END_TEST

START_TEST(aix_T12_a_signal_does_not_end_a_wait_for_a_complex_lock)
{
    lock_write(&complex_lock);
    survives(&p[0], do_lock_read, &complex_lock, do_lock_done);
    lock_write(&complex_lock);
    survives(&p[0], do_lock_write, &complex_lock, do_lock_done);
    lock_read(&complex_lock);
    survives(&p[0], do_lock_write, &complex_lock, do_lock_done);
    lock_read(&complex_lock);
    (void)ask(&p[0], do_lock_read, &complex_lock);
    survives(&p[0], do_upgrade, &complex_lock, do_lock_done);
    ck_assert_int_eq(lock_islocked(&complex_lock), FALSE);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix lockl and signals");
    TCase *tc = tcase_create("signals");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_T5_a_signal_ends_a_wait_with_SIGRET);
    tcase_add_test(tc, aix_T5_the_last_waiter_leaves_by_signal);
    tcase_add_test(tc, aix_T5_a_pending_signal_matters_only_to_a_wait);
    tcase_add_test(tc, aix_T5_an_ignored_signal_ends_no_wait);
    tcase_add_test(tc, aix_T5_a_forced_unblock_ends_no_wait);
    tcase_add_test(tc, aix_T6_a_short_wait_goes_on_and_the_signal_stays_pending);
    tcase_add_test(tc, aix_T7_a_masked_signal_ends_no_wait);
    tcase_add_test(tc, aix_T8_C15_a_signal_ends_a_wait_with_SIGWAKE_by_a_jump_with_EINTR);
    tcase_add_test(tc, aix_T8_no_jump_without_a_wait);
    tcase_add_test(tc, aix_T8_the_jump_is_to_the_latest_context);
    tcase_add_test(tc, aix_T8_without_a_saved_context_the_call_is_refused);
    tcase_add_test(tc, aix_T8_SIGRET_wins_over_SIGWAKE);
    tcase_add_test(tc, aix_T8_the_jump_brings_back_the_priority);
    tcase_add_test(tc, aix_T12_a_signal_does_not_end_a_wait_in_simple_lock);
    tcase_add_test(tc, aix_T12_a_signal_does_not_end_a_wait_for_a_complex_lock);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
