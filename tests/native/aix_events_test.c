/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX events without a lock: who is woken, with what result (T75 to T80, T85). */
#include "aix_test.h"

#include <errno.h>

static tid_t ev = EVENT_NULL, other = EVENT_NULL;
static struct puppet p[4];
static int puppets;

static void setup(int n)
{
    puppets = n;
    puppets_start(p, n);
    recorder_start();
}

static void finish(void)
{
    end_unreported(p, puppets);
}

static int sleep_on(void *event)
{
    return e_sleep_thread((tid_t *)event, NULL, 0);
}

static int sleep_interruptibly(void *event)
{
    return e_sleep_thread((tid_t *)event, NULL, INTERRUPTIBLE);
}

static int e_sleep_short(void *event)
{
    return e_sleep((tid_t *)event, EVENT_SHORT);
}

static int assert_wait(void *event)
{
    e_assert_wait((tid_t *)event, FALSE);
    return 0;
}

static int assert_interruptible_wait(void *event)
{
    e_assert_wait((tid_t *)event, TRUE);
    return 0;
}

static int block(void *unused)
{
    (void)unused;
    return e_block_thread();
}

START_TEST(aix_T75_a_wake_up_without_sleeper_is_lost)
{
    static const call_fn call[] = {sleep_on, e_sleep_short, sleep_interruptibly};
    setup(1);
    for (int i = 0; i < 3; i++) {
        e_wakeup(&ev);
        e_wakeup_one(&ev);
        e_wakeup_w_result(&ev, THREAD_OTHER);
        e_wakeup_w_sig(&ev, 10);
        tell_blocked(&p[0], call[i], &ev);
        still_asleep(&p[0]);
        e_wakeup(&ev);
        ck_assert_int_eq(answer(&p[0]), i == 1 ? EVENT_SUCC : THREAD_AWAKENED);
        ck_assert_int_eq(ask(&p[0], take_signal, NULL), 0);
    }
    finish();
}
END_TEST

START_TEST(aix_T76_a_wake_up_before_the_block_is_kept)
{
    setup(1);
    ask(&p[0], assert_wait, &ev);
    e_wakeup(&ev);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_AWAKENED);
    ask(&p[0], assert_wait, &ev);
    e_wakeup_w_result(&ev, THREAD_OTHER + 3);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_OTHER + 3);
    ask(&p[0], assert_wait, &ev);
    e_wakeup_one(&ev);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_AWAKENED);
    ask(&p[0], assert_wait, &ev);
    e_clear_wait(tid_of(&p[0]), THREAD_TIMED_OUT);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_TIMED_OUT);
    finish();
}
END_TEST

START_TEST(aix_T76_without_a_wake_up_the_block_waits)
{
    setup(1);
    e_wakeup(&ev); /* too early */
    ask(&p[0], assert_wait, &ev);
    e_wakeup(&other);
    tell_blocked(&p[0], block, NULL);
    e_wakeup(&other);
    still_asleep(&p[0]);
    e_wakeup(&ev);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    finish();
}
END_TEST

START_TEST(aix_T76_an_interruptible_block_ends_on_a_signal)
{
    setup(1);
    ask(&p[0], assert_interruptible_wait, &ev);
    tell_blocked(&p[0], block, NULL);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), THREAD_INTERRUPTED);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    ask(&p[0], assert_interruptible_wait, &ev);
    post_signal(&p[0], 11); /* between the two calls */
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_INTERRUPTED);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 11);
    ask(&p[0], assert_wait, &ev);
    post_signal(&p[0], 12);
    tell_blocked(&p[0], block, NULL);
    e_wakeup(&ev);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 12);
    finish();
}
END_TEST

START_TEST(aix_T78_a_wake_up_reaches_all_of_the_word_and_clears_it)
{
    setup(4);
    for (int round = 0; round < 2; round++) {
        tell_blocked(&p[0], sleep_on, &ev);
        tell_blocked(&p[1], sleep_interruptibly, &ev);
        tell_blocked(&p[2], e_sleep_short, &ev);
        tell_blocked(&p[3], sleep_on, &other);
        if (round == 0)
            e_wakeup(&ev);
        else
            e_wakeup_w_result(&ev, THREAD_AWAKENED);
        ck_assert_int_eq(LOAD(&ev), EVENT_NULL);
        ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
        ck_assert_int_eq(answer(&p[1]), THREAD_AWAKENED);
        ck_assert_int_eq(answer(&p[2]), EVENT_SUCC);
        still_asleep(&p[3]);
        e_wakeup(&other);
        answer(&p[3]);
    }
    finish();
}
END_TEST

START_TEST(aix_T78_e_wakeup_one_reaches_the_most_favoured_only)
{
    static const int urgency[4] = {10, 40, 30, 20}, order[4] = {1, 2, 3, 0};
    setup(4);
    for (int i = 0; i < 4; i++) {
        set_urgency(&p[i], urgency[i]);
        tell_blocked(&p[i], sleep_on, &ev);
    }
    for (int n = 0; n < 4; n++) {
        e_wakeup_one(&ev);
        ck_assert_int_eq(answer(&p[order[n]]), THREAD_AWAKENED);
        for (int k = n + 1; k < 4; k++)
            still_asleep(&p[order[k]]);
    }
    e_wakeup_one(&ev); /* nobody: lost */
    tell_blocked(&p[0], sleep_on, &ev);
    e_wakeup_one(&ev);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    finish();
}
END_TEST

/* The word is a 32-bit one beside others: no pointer in it, found by its address. */
START_TEST(aix_T78_an_event_word_has_neighbours)
{
    static tid_t word[4] = {0x5a5a5a5a, EVENT_NULL, EVENT_NULL, 0x5a5a5a5a};
    setup(2);
    tell_blocked(&p[0], sleep_on, &word[1]);
    tell_blocked(&p[1], sleep_on, &word[2]);
    e_wakeup(&word[2]);
    ck_assert_int_eq(answer(&p[1]), THREAD_AWAKENED);
    still_asleep(&p[0]);
    e_wakeup(&word[1]);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    ck_assert_int_eq(word[0], 0x5a5a5a5a);
    ck_assert_int_eq(word[1], EVENT_NULL);
    ck_assert_int_eq(word[2], EVENT_NULL);
    ck_assert_int_eq(word[3], 0x5a5a5a5a);
    finish();
}
END_TEST

/* int * in 4.3, tid_t * later: the word is a tid_t, and EVENT_NULL one of its values. */
START_TEST(aix_C14_event_words_are_tid_t)
{
    tid_t word = EVENT_NULL, before;
    int (*sleeps)(tid_t *, void *, int) = e_sleep_thread;
    void (*wakes)(tid_t *) = e_wakeup;
    setup(1);
    ck_assert_ptr_nonnull(sleeps);
    before = word;
    wakes(&word);
    ck_assert_int_eq(word, before);
    ck_assert_int_eq(word, EVENT_NULL);
    ck_assert_int_eq(ev, EVENT_NULL); /* statically initialised */
    ck_assert_int_ne(tid_of(&p[0]), EVENT_NULL);
    tell_blocked(&p[0], sleep_on, &word);
    wakes(&word);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    ck_assert_int_eq(word, EVENT_NULL);
    finish();
}
END_TEST

START_TEST(aix_T79_sleepers_see_the_result)
{
    static const int result[] = {THREAD_OTHER,     THREAD_OTHER + 1, 0x7fffffff,
                                 THREAD_TIMED_OUT, THREAD_AWAKENED,  THREAD_INTERRUPTED};
    setup(2);
    for (int i = 0; i < 6; i++) {
        tell_blocked(&p[0], sleep_on, &ev);
        tell_blocked(&p[1], sleep_interruptibly, &ev);
        e_wakeup_w_result(&ev, result[i]);
        ck_assert_int_eq(answer(&p[0]), result[i]);
        ck_assert_int_eq(answer(&p[1]), result[i]);
    }
    finish();
}
END_TEST

START_TEST(aix_T79_a_signal_counts_more_than_the_result)
{
    setup(2);
    ask(&p[0], assert_interruptible_wait, &ev);
    ask(&p[1], assert_wait, &ev);
    post_signal(&p[0], 10);
    post_signal(&p[1], 10);
    e_wakeup_w_result(&ev, THREAD_OTHER);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_INTERRUPTED);
    ck_assert_int_eq(ask(&p[1], block, NULL), THREAD_OTHER);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ask(&p[i], take_signal, NULL), 10);
    finish();
}
END_TEST

START_TEST(aix_T80_e_clear_wait_wakes_one_thread)
{
    setup(3);
    for (int i = 0; i < 3; i++)
        tell_blocked(&p[i], sleep_on, &ev);
    e_clear_wait(tid_of(&p[1]), THREAD_TIMED_OUT);
    ck_assert_int_eq(answer(&p[1]), THREAD_TIMED_OUT);
    still_asleep(&p[0]);
    still_asleep(&p[2]);
    e_clear_wait(tid_of(&p[2]), THREAD_OTHER + 9);
    ck_assert_int_eq(answer(&p[2]), THREAD_OTHER + 9);
    still_asleep(&p[0]);
    e_wakeup(&ev);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    finish();
}
END_TEST

/* The timer that fires too late must not end the next sleep. */
START_TEST(aix_T80_e_clear_wait_of_a_thread_that_runs_has_no_effect)
{
    setup(1);
    for (int i = 0; i < 3; i++) {
        e_clear_wait(tid_of(&p[0]), THREAD_TIMED_OUT);
        tell_blocked(&p[0], i == 1 ? e_sleep_short : sleep_on, &ev);
        still_asleep(&p[0]);
        e_wakeup(&ev);
        ck_assert_int_eq(answer(&p[0]), i == 1 ? EVENT_SUCC : THREAD_AWAKENED);
    }
    e_clear_wait(tid_of(&p[0]), THREAD_TIMED_OUT);
    ask(&p[0], assert_wait, &ev);
    tell_blocked(&p[0], block, NULL);
    e_wakeup(&ev);
    ck_assert_int_eq(answer(&p[0]), THREAD_AWAKENED);
    finish();
}
END_TEST

/* Derived: waiting for a lock is not waiting for an event. */
START_TEST(aix_T80_e_clear_wait_does_not_end_a_lock_wait)
{
    static Complex_lock l;
    setup(2);
    lock_init(&l, TRUE);
    ask(&p[0], do_lock_write, &l);
    tell_blocked(&p[1], do_lock_write, &l);
    e_clear_wait(tid_of(&p[1]), THREAD_TIMED_OUT);
    still_asleep(&p[1]);
    ask(&p[0], do_lock_done, &l);
    answer(&p[1]);
    ck_assert_int_eq(ask(&p[1], do_lock_mine, &l), TRUE);
    ask(&p[1], do_lock_done, &l);
    finish();
}
END_TEST

START_TEST(aix_T85_only_interruptible_sleepers_get_the_signal)
{
    setup(4);
    tell_blocked(&p[0], sleep_interruptibly, &ev);
    tell_blocked(&p[1], sleep_on, &ev);
    tell_blocked(&p[2], e_sleep_short, &ev);
    tell_blocked(&p[3], sleep_interruptibly, &other);
    e_wakeup_w_sig(&ev, 14);
    ck_assert_int_eq(answer(&p[0]), THREAD_INTERRUPTED);
    for (int i = 1; i < 4; i++)
        still_asleep(&p[i]);
    e_wakeup(&ev);
    e_wakeup(&other);
    ck_assert_int_eq(answer(&p[1]), THREAD_AWAKENED);
    ck_assert_int_eq(answer(&p[2]), EVENT_SUCC);
    ck_assert_int_eq(answer(&p[3]), THREAD_AWAKENED);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 14);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(ask(&p[i], take_signal, NULL), 0);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix events");
    TCase *tc = tcase_create("events");
    tcase_add_test(tc, aix_T75_a_wake_up_without_sleeper_is_lost);
    tcase_add_test(tc, aix_T76_a_wake_up_before_the_block_is_kept);
    tcase_add_test(tc, aix_T76_without_a_wake_up_the_block_waits);
    tcase_add_test(tc, aix_T76_an_interruptible_block_ends_on_a_signal);
    tcase_add_test(tc, aix_T78_a_wake_up_reaches_all_of_the_word_and_clears_it);
    tcase_add_test(tc, aix_T78_e_wakeup_one_reaches_the_most_favoured_only);
    tcase_add_test(tc, aix_T78_an_event_word_has_neighbours);
    tcase_add_test(tc, aix_C14_event_words_are_tid_t);
    tcase_add_test(tc, aix_T79_sleepers_see_the_result);
    tcase_add_test(tc, aix_T79_a_signal_counts_more_than_the_result);
    tcase_add_test(tc, aix_T80_e_clear_wait_wakes_one_thread);
    tcase_add_test(tc, aix_T80_e_clear_wait_of_a_thread_that_runs_has_no_effect);
    tcase_add_test(tc, aix_T80_e_clear_wait_does_not_end_a_lock_wait);
    tcase_add_test(tc, aix_T85_only_interruptible_sleepers_get_the_signal);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
