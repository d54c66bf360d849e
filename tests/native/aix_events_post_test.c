/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: et_wait and et_post, and how signals end event waits (T83 to T85, C15). */
#include "aix_test.h"

#include <errno.h>

static tid_t ev = EVENT_NULL;
static lock_t w = LOCK_AVAIL;
static struct puppet p[2];

static void setup(void)
{
    puppets_start(p, 2);
    recorder_start();
}

static void finish(void)
{
    end_unreported(p, 2);
}

struct wait {
    unsigned long mask, clear;
    int flags;
    unsigned long result;
};

static int post_wait(void *arg)
{
    struct wait *a = arg;
    a->result = et_wait(a->mask, a->clear, a->flags);
    return 0;
}

/* What et_wait of puppet i returns at once. */
static unsigned long got(int i, unsigned long mask, unsigned long clear)
{
    struct wait a = {mask, clear, EVENT_SHORT, 0};
    ask(&p[i], post_wait, &a);
    return a.result;
}

START_TEST(aix_T83_a_post_before_the_wait_is_kept)
{
    setup();
    et_post(1, tid_of(&p[0]));
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(got(0, 1, 0), 1); /* stays: not in the clear mask */
    ck_assert_uint_eq(got(0, 1, 1), 1);
    struct wait a = {1, 1, EVENT_SHORT, 0};
    tell_blocked(&p[0], post_wait, &a); /* it is gone now */
    et_post(1, tid_of(&p[0]));
    (void)answer(&p[0]);
    ck_assert_uint_eq(a.result, 1);
    tell_blocked(&p[0], post_wait, &a); /* the same where the wait had to sleep */
    et_post(1, tid_of(&p[0]));
    (void)answer(&p[0]);
    finish();
}
END_TEST

START_TEST(aix_T83_events_are_told_apart)
{
    setup();
    et_post(2, tid_of(&p[0]));
    struct wait a = {5, 4, EVENT_SHORT, 0};
    tell_blocked(&p[0], post_wait, &a); /* waits for others */
    et_post(8, tid_of(&p[0]));
    wait_asleep(p[0].actor.thread);
    ck_assert(!done(&p[0]));
    et_post(4, tid_of(&p[0]));
    (void)answer(&p[0]);
    ck_assert_uint_eq(a.result & 5, 4);
    ck_assert_uint_eq(got(0, 2, 2) & 2, 2);
    et_post(1, tid_of(&p[0]));
    et_post(4, tid_of(&p[0]));
    ck_assert_uint_eq(got(0, 5, 0) & 5, 5); /* several at once */
    ck_assert_uint_eq(got(0, 8, 13) & 8, 8);
    a = (struct wait){5, 5, EVENT_SHORT,
                      0}; /* the clear mask counts, not the wait mask */
    tell_blocked(&p[0], post_wait, &a);
    et_post(1, tid_of(&p[0]));
    (void)answer(&p[0]);
    ck_assert_uint_eq(a.result & 5, 1);
    finish();
}
END_TEST

START_TEST(aix_T83_a_post_is_for_one_thread_and_repeats_collapse)
{
    setup();
    struct wait a[2] = {{1, 1, EVENT_SHORT, 0}, {1, 1, EVENT_SHORT, 0}};
    tell_blocked(&p[0], post_wait, &a[0]);
    tell_blocked(&p[1], post_wait, &a[1]);
    et_post(1, tid_of(&p[1]));
    (void)answer(&p[1]);
    wait_asleep(p[0].actor.thread);
    ck_assert(!done(&p[0]));
    et_post(1, tid_of(&p[0]));
    (void)answer(&p[0]);
    for (int i = 0; i < 3; i++)
        et_post(1, tid_of(&p[0]));
    ck_assert_uint_eq(got(0, 1, 1), 1);
    tell_blocked(&p[0], post_wait, &a[0]);
    e_wakeup(&ev);
    ck_assert(!done(&p[0]));
    et_post(1, tid_of(&p[0]));
    (void)answer(&p[0]);
    finish();
}
END_TEST

START_TEST(aix_T84_a_signal_ends_the_wait_and_clears_the_events)
{
    setup();
    et_post(6, tid_of(&p[0]));
    struct wait a = {1, 1, EVENT_SIGRET, 0};
    tell_blocked(&p[0], post_wait, &a);
    post_signal(&p[0], 10);
    (void)answer(&p[0]);
    ck_assert_uint_eq(a.result, (unsigned long)EVENT_SIG);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    a = (struct wait){6, 6, EVENT_SHORT, 0};
    tell_blocked(&p[0], post_wait, &a); /* both had been posted */
    et_post(2, tid_of(&p[0]));
    (void)answer(&p[0]);
    ck_assert_uint_eq(a.result & 6, 2);
    finish();
}
END_TEST

START_TEST(aix_T84_without_the_flag_a_signal_waits)
{
    setup();
    struct wait a = {1, 1, EVENT_SHORT, 0};
    tell_blocked(&p[0], post_wait, &a);
    post_signal(&p[0], 10);
    wait_asleep(p[0].actor.thread);
    ck_assert(!done(&p[0]));
    et_post(1, tid_of(&p[0]));
    (void)answer(&p[0]);
    ck_assert_uint_eq(a.result, 1);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    finish();
}
END_TEST

static int sleep_flags;

static int sleeps(void *unused)
{
    (void)unused;
    return e_sleep(&ev, sleep_flags);
}

START_TEST(aix_T85_signals_and_e_sleep)
{
    static const int flags[] = {EVENT_SHORT, EVENT_SIGRET, EVENT_SIGRET | EVENT_SIGWAKE};
    setup();
    for (int i = 0; i < 3; i++) {
        sleep_flags = flags[i];
        tell_blocked(&p[0], sleeps, NULL);
        post_signal(&p[0], 10);
        if (i == 0) {
            wait_asleep(p[0].actor.thread);
            ck_assert(!done(&p[0]));
            e_wakeup(&ev);
        }
        ck_assert_int_eq(answer(&p[0]), i == 0 ? EVENT_SUCC : EVENT_SIG);
        ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
        tell_blocked(&p[0], sleeps, NULL);
        e_wakeup(&ev);
        ck_assert_int_eq(answer(&p[0]), EVENT_SUCC);
    }
    finish();
}
END_TEST

/* A masked signal ends no wait; nor does a forced unblock. */
static int mask_all(void *set)
{
    (void)ksl_signal_mask(set == NULL ? 0 : ~0ull);
    return 0;
}

START_TEST(aix_T85_a_masked_signal_waits)
{
    setup();
    sleep_flags = EVENT_SIGRET;
    ask(&p[0], mask_all, &w);
    tell_blocked(&p[0], sleeps, NULL);
    post_signal(&p[0], 10);
    ck_assert_int_eq(ksl_thread_unblock(p[0].actor.thread), 0);
    wait_asleep(p[0].actor.thread);
    ck_assert(!done(&p[0]));
    e_wakeup(&ev);
    ck_assert_int_eq(answer(&p[0]), EVENT_SUCC);
    ck_assert_int_eq(ask(&p[0], signal_pending, NULL), 0);
    ask(&p[0], mask_all, NULL);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    finish();
}
END_TEST

/* Which call the signal jumps out of: 0 e_sleep, 1 e_sleepl, 2 et_wait. */
static int jump_from(void *which)
{
    label_t jb;
    int value = setjmpx(&jb);
    if (value != 0)
        return value;
    if (which == &p[0])
        (void)e_sleep(&ev, EVENT_SIGWAKE);
    else if (which == &p[1])
        (void)et_wait(1, 1, EVENT_SIGWAKE);
    else
        (void)e_sleepl(&w, &ev, EVENT_SIGWAKE);
    clrjmpx(&jb);
    return 0;
}

START_TEST(aix_C15_the_value_of_the_jump_is_that_of_the_call)
{
    setup();
    tell_blocked(&p[0], jump_from, &p[0]);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), EINTR);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    tell_blocked(&p[0], jump_from, &p[1]);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), EXSIG);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    ck_assert_int_eq(ask(&p[0], do_lockl, &w), LOCK_SUCC);
    tell_blocked(&p[0], jump_from, &w);
    ck_assert_int_eq(ask(&p[1], do_lockl_ndelay, &w), LOCK_SUCC);
    ask(&p[1], do_unlockl, &w);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), EINTR);
    ck_assert_int_eq(ask(&p[1], do_lockl_ndelay, &w), LOCK_FAIL); /* T82: taken again */
    ask(&p[0], do_unlockl, &w);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    for (int i = 0; i < 2; i++) { /* woken: no jump */
        tell_blocked(&p[0], jump_from, &p[i]);
        e_wakeup(&ev);
        et_post(1, tid_of(&p[0]));
        ck_assert_int_eq(answer(&p[0]), 0);
        if (i == 0)
            ck_assert_uint_eq(got(0, 1, 1), 1);
    }
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix posted events");
    TCase *tc = tcase_create("events");
    tcase_add_test(tc, aix_T83_a_post_before_the_wait_is_kept);
    tcase_add_test(tc, aix_T83_events_are_told_apart);
    tcase_add_test(tc, aix_T83_a_post_is_for_one_thread_and_repeats_collapse);
    tcase_add_test(tc, aix_T84_a_signal_ends_the_wait_and_clears_the_events);
    tcase_add_test(tc, aix_T84_without_the_flag_a_signal_waits);
    tcase_add_test(tc, aix_T85_signals_and_e_sleep);
    tcase_add_test(tc, aix_T85_a_masked_signal_waits);
    tcase_add_test(tc, aix_C15_the_value_of_the_jump_is_that_of_the_call);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
