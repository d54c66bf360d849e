/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX lockl locks: T1 to T4, T9 to T11, T25, contradictions C1 to C4, C9, trap 1. */
#include "aix_test.h"

static struct puppet p[4];
static struct irq_call in_irq;
static lock_t word;

static void setup(void)
{
    word = LOCK_AVAIL;
    scene_start(p, 4, &in_irq);
}

static void teardown(void)
{
    scene_end(p, 4);
}

/* Free for a thread that has had nothing to do with it, and then free again. */
static void check_free(lock_t *w)
{
    ck_assert_int_eq(ask(&p[3], do_lockl_ndelay, w), LOCK_SUCC);
    (void)ask(&p[3], do_unlockl, w);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(aix_T1_the_owner_takes_it_again_at_once)
{
    static const int flags[] = {LOCK_SHORT, 0, LOCK_SIGRET, LOCK_SIGWAKE, LOCK_NDELAY};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(lockl(&word, flags[i]), LOCK_SUCC);
        for (int j = 0; j < 5; j++)
            ck_assert_int_eq(lockl(&word, flags[j]), LOCK_NEST);
        unlockl(&word);
        check_free(&word);
    }
}
END_TEST

START_TEST(aix_T2_one_unlock_frees_it_whatever_the_nesting)
{
    for (int depth = 0; depth < 5; depth++) {
        ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
        for (int i = 0; i < depth; i++)
            ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_NEST);
        ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
        unlockl(&word);
        ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_SUCC);
        ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_FAIL);
        (void)ask(&p[0], do_unlockl, &word);
    }
    check_free(&word);
}
END_TEST

START_TEST(aix_C2_recursive_to_acquire_and_flat_to_release)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_NEST);
    tell_blocked(&p[0], do_lockl, &word);
    unlockl(&word);
    ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
    unlockl(&word); /* no longer mine: the count of a recursive mutex would allow it */
    check_refused("not-owner", &word);
    ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_FAIL);
    (void)ask(&p[0], do_unlockl, &word);
    check_free(&word);
}
END_TEST

/* What a function does that may be called with or without the lock. */
static int nested(lock_t *w, int depth)
{
    int wrong = 0;
    int result = lockl(w, LOCK_SHORT);
    if (depth > 0)
        wrong += nested(w, depth - 1);
    wrong += ask(&p[0], do_lockl_ndelay, w) != LOCK_FAIL;
    if (result != LOCK_NEST)
        unlockl(w);
    return wrong;
}

START_TEST(aix_T3_functions_that_unlock_only_what_they_took)
{
    ck_assert_int_eq(nested(&word, 0), 0);
    check_free(&word);
    ck_assert_int_eq(nested(&word, 4), 0);
    check_free(&word);
}
END_TEST

START_TEST(aix_C3_only_LOCK_SUCC_has_to_be_unlocked)
{
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_SUCC);
    int result = lockl(&word, LOCK_NDELAY);
    if (result == LOCK_SUCC)
        unlockl(&word);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    if (result != LOCK_NEST) /* as in the published example */
        unlockl(&word);
    check_refused("not-owner", &word);
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    check_free(&word);
}
END_TEST

START_TEST(aix_T4_no_delay)
{
    ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_SUCC);
    ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_NEST);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
    ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_NEST);
    unlockl(&word);
    check_free(&word);
}
END_TEST

START_TEST(aix_T4_a_refused_one_leaves_the_word_alone)
{
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_SUCC);
    lock_t before = word;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(lockl(&word, LOCK_NDELAY), LOCK_FAIL);
    ck_assert_mem_eq(&word, &before, sizeof word);
    (void)ask(&p[0], do_unlockl, &word);
    check_free(&word);
}
END_TEST

static int ndelay_with_signal_flags(void *w)
{
    return lockl((lock_t *)w, LOCK_NDELAY | LOCK_SIGRET | LOCK_SIGWAKE);
}

START_TEST(aix_T4_no_delay_never_waits_whatever_else_is_asked)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], ndelay_with_signal_flags, &word), LOCK_FAIL);
    unlockl(&word);
    ck_assert_int_eq(ask(&p[0], ndelay_with_signal_flags, &word), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], ndelay_with_signal_flags, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    check_free(&word);
}
END_TEST

START_TEST(aix_C1_a_request_that_is_ended_does_not_assign_the_lock)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
    unlockl(&word);
    /* Nor is it given to the refused one later. */
    ck_assert_int_eq(ask(&p[1], do_lockl_ndelay, &word), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
    (void)ask(&p[1], do_unlockl, &word);
    check_free(&word);
}
END_TEST

START_TEST(aix_T9_the_most_favoured_waiter_is_woken_and_nobody_else)
{
    static const int urgency[] = {10, 30, 20}, order[] = {1, 2, 0};
    ck_assert_int_eq(ask(&p[3], do_lockl, &word), LOCK_SUCC);
    for (int i = 0; i < 3; i++) {
        set_urgency(&p[i], urgency[i]);
        tell_blocked(&p[i], do_lockl, &word);
    }
    struct puppet *owner = &p[3];
    for (int turn = 0; turn < 3; turn++) {
        (void)ask(owner, do_unlockl, &word);
        owner = &p[order[turn]];
        ck_assert_int_eq(answer(owner), LOCK_SUCC);
        for (int rest = turn + 1; rest < 3; rest++) {
            ck_assert(ksl_thread_asleep(p[order[rest]].actor.thread));
            ck_assert(!done(&p[order[rest]]));
        }
    }
    (void)ask(owner, do_unlockl, &word);
    check_free(&word);
}
END_TEST

/* The woken one competes, with threads that come and go; in the end it has its turn. */
static int rounds(void *w)
{
    int taken = 0;
    for (int i = 0; i < 500; i++) {
        int result = lockl((lock_t *)w, i % 3 == 0 ? LOCK_NDELAY : LOCK_SHORT);
        taken += result == LOCK_SUCC;
        if (result == LOCK_SUCC)
            unlockl((lock_t *)w);
    }
    return taken;
}

START_TEST(aix_T9_every_waiter_gets_it_in_the_end)
{
    for (int i = 0; i < 3; i++)
        set_urgency(&p[i], 10 * i);
    for (int i = 0; i < 3; i++)
        tell(&p[i], rounds, &word);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(answer(&p[i]), 333);
    check_free(&word);
}
END_TEST

START_TEST(aix_T10_unlock_by_another_thread_is_refused)
{
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_SUCC);
    tell_blocked(&p[1], do_lockl, &word);
    unlockl(&word);
    ck_assert_ptr_eq(recorder_last().thread, ksl_thread_self());
    check_refused("not-owner", &word);
    ck_assert(ksl_thread_asleep(p[1].actor.thread));
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    ck_assert_int_eq(answer(&p[1]), LOCK_SUCC);
    (void)ask(&p[1], do_unlockl, &word);
    check_free(&word);
}
END_TEST

START_TEST(aix_T10_unlock_of_a_free_one_is_refused)
{
    unlockl(&word);
    check_refused("not-locked", &word);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    unlockl(&word);
    unlockl(&word);
    check_refused("not-locked", &word);
    check_free(&word);
}
END_TEST

START_TEST(aix_T11_C4_the_owner_is_a_thread_and_not_the_process)
{
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &word), LOCK_FAIL);
    tell_blocked(&p[0], do_lockl, &word);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_NEST);
    ck_assert(!done(&p[0]));
    unlockl(&word);
    ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
    (void)ask(&p[0], do_unlockl, &word);
    check_free(&word);
}
END_TEST

/* With interrupts disabled: at which priority did the call return, and with what? */
struct disabled {
    lock_t *word;
    int priority, result, after;
};

static int lockl_disabled(void *arg)
{
    struct disabled *d = arg;
    int old = i_disable(d->priority);
    d->result = lockl(d->word, LOCK_SHORT);
    d->after = priority_now();
    unlockl(d->word);
    i_enable(old);
    return 0;
}

START_TEST(aix_T25_C9_a_disabled_thread_may_wait_in_lockl)
{
    static const int priorities[] = {INTCLASS3, INTCLASS0, INTMAX};
    in_irq.call = NULL;
    for (int i = 0; i < 3; i++) {
        struct disabled d = {&word, priorities[i], -1, -1};
        ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
        tell_blocked(&p[0], lockl_disabled, &d);
        /* Its processor is idle, and takes interrupts. */
        ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
        WAIT_UNTIL(LOAD(&in_irq.runs) == i + 1);
        ck_assert_ptr_eq(in_irq.on, p[0].actor.thread);
        unlockl(&word);
        (void)answer(&p[0]);
        ck_assert_int_eq(d.result, LOCK_SUCC);
        ck_assert_int_eq(d.after, priorities[i]);
        ck_assert_uint_eq(recorder_count(NULL), 0);
    }
    check_free(&word);
}
END_TEST

START_TEST(aix_C9_a_handler_may_not_call_lockl)
{
    ck_assert_int_eq(call_in_irq(&in_irq, do_lockl, &word), LOCK_FAIL);
    check_refused("irq-sleep", &word);
    check_free(&word);
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_SUCC);
    ck_assert_int_eq(call_in_irq(&in_irq, do_lockl, &word), LOCK_FAIL);
    check_refused("irq-sleep", &word);
    ck_assert_int_eq(ask(&p[0], do_lockl, &word), LOCK_NEST);
    (void)ask(&p[0], do_unlockl, &word);
    check_free(&word);
}
END_TEST

START_TEST(aix_kernel_lock_is_a_lockl_lock)
{
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_NEST);
    ck_assert_int_eq(ask(&p[0], do_lockl_ndelay, &kernel_lock), LOCK_FAIL);
    tell_blocked(&p[0], do_lockl_sigret, &kernel_lock);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), LOCK_SIG);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    tell_blocked(&p[0], do_lockl, &kernel_lock);
    unlockl(&kernel_lock);
    ck_assert_int_eq(answer(&p[0]), LOCK_SUCC);
    unlockl(&kernel_lock);
    check_refused("not-owner", &kernel_lock);
    (void)ask(&p[0], do_unlockl, &kernel_lock);
    check_free(&kernel_lock);
}
END_TEST

START_TEST(aix_T71_T72_kernel_lock_beside_others_is_silent_by_default)
{
    for (int i = 0; i < 2; i++) {
        lock_t *first = i == 0 ? &kernel_lock : &word;
        lock_t *second = i == 0 ? &word : &kernel_lock;
        ck_assert_int_eq(lockl(first, LOCK_SHORT), LOCK_SUCC);
        ck_assert_int_eq(lockl(second, LOCK_SHORT), LOCK_SUCC);
        unlockl(second);
        unlockl(first);
    }
    check_free(&word);
    check_free(&kernel_lock);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix lockl");
    TCase *tc = tcase_create("lockl");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_T1_the_owner_takes_it_again_at_once);
    tcase_add_test(tc, aix_T2_one_unlock_frees_it_whatever_the_nesting);
    tcase_add_test(tc, aix_C2_recursive_to_acquire_and_flat_to_release);
    tcase_add_test(tc, aix_T3_functions_that_unlock_only_what_they_took);
    tcase_add_test(tc, aix_C3_only_LOCK_SUCC_has_to_be_unlocked);
    tcase_add_test(tc, aix_T4_no_delay);
    tcase_add_test(tc, aix_T4_a_refused_one_leaves_the_word_alone);
    tcase_add_test(tc, aix_T4_no_delay_never_waits_whatever_else_is_asked);
    tcase_add_test(tc, aix_C1_a_request_that_is_ended_does_not_assign_the_lock);
    tcase_add_test(tc, aix_T9_the_most_favoured_waiter_is_woken_and_nobody_else);
    tcase_add_test(tc, aix_T9_every_waiter_gets_it_in_the_end);
    tcase_add_test(tc, aix_T10_unlock_by_another_thread_is_refused);
    tcase_add_test(tc, aix_T10_unlock_of_a_free_one_is_refused);
    tcase_add_test(tc, aix_T11_C4_the_owner_is_a_thread_and_not_the_process);
    tcase_add_test(tc, aix_T25_C9_a_disabled_thread_may_wait_in_lockl);
    tcase_add_test(tc, aix_C9_a_handler_may_not_call_lockl);
    tcase_add_test(tc, aix_kernel_lock_is_a_lockl_lock);
    tcase_add_test(tc, aix_T71_T72_kernel_lock_beside_others_is_silent_by_default);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
