/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks of AIX with interrupts masked, events with many waiters, threads elsewhere. */
#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/sleep.h>

#include <kslock/signal.h>
#include <kslock/sleepq.h>

#include "complex_calls.h"
#include "puppet.h"

enum { MANY = 20, SIGNO = 12 };

static Complex_lock complex;
static tid_t event = EVENT_NULL;
static ksl_sleep_queue_t queue;

static int write_masked(void *l)
{
    int before = i_disable(INTMAX);
    lock_write((complex_lock_t)l); /* refused: it would have to wait */
    i_enable(before);
    return 0;
}

/* The refused writer has closed the slots of the readers; they open again. */
START_TEST(aix_T34_a_refused_writer_leaves_the_readers_alone)
{
    struct puppet p[3];
    lock_init(&complex, TRUE);
    puppets_start(p, 3);
    for (int i = 0; i < 300; i++) {
        ck_assert_int_eq(ask(&p[0], read_it, &complex), 0);
        ck_assert_int_eq(ask(&p[0], done_it, &complex), 0);
    }
    recorder_start();
    for (int turn = 1; turn <= 3; turn++) {
        ck_assert_int_eq(ask(&p[0], read_it, &complex), 0);
        ck_assert_int_eq(ask(&p[1], write_masked, &complex), 0);
        ck_assert_uint_eq(recorder_count("masked-sleep"), (unsigned)turn);
        ck_assert_int_eq(ask(&p[2], read_it, &complex), 0);
        ck_assert_int_eq(ask(&p[2], done_it, &complex), 0);
        ck_assert_int_eq(ask(&p[0], done_it, &complex), 0);
        ck_assert_int_eq(ask(&p[1], write_it, &complex), 0);
        ck_assert_int_eq(ask(&p[1], done_it, &complex), 0);
    }
    ck_assert_int_eq(lock_islocked(&complex), FALSE);
    recorder_stop();
    puppets_end(p, 3);
}
END_TEST

static int assert_wait(void *unused)
{
    (void)unused;
    e_assert_wait(&event, TRUE);
    return 0;
}

static int block(void *unused)
{
    (void)unused;
    return e_block_thread();
}

static int take(void *unused)
{
    (void)unused;
    return ksl_signal_take();
}

/* More than are told at a time; none of them sleeps yet, and none is left out. */
START_TEST(aix_T85_a_signal_reaches_all_who_are_queued)
{
    struct puppet p[MANY];
    puppets_start(p, MANY);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(ask(&p[i], assert_wait, NULL), 0);
    e_wakeup_w_sig(&event, SIGNO);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(ask(&p[i], block, NULL), THREAD_INTERRUPTED);
        ck_assert_int_eq(ask(&p[i], take, NULL), SIGNO);
    }
    puppets_end(p, MANY);
}
END_TEST

START_TEST(aix_T85_an_ignored_signal_wakes_nobody)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ksl_signal_action(SIGNO, KSL_SIGNAL_IGNORE), 0);
    ck_assert_int_eq(ask(&p, assert_wait, NULL), 0);
    tell_blocked(&p, block, NULL);
    e_wakeup_w_sig(&event, SIGNO);
    still_asleep(&p);
    e_wakeup(&event);
    ck_assert_int_eq(answer(&p), THREAD_AWAKENED);
    ck_assert_int_eq(ksl_signal_action(SIGNO, 0), 0);
    puppet_end(&p);
}
END_TEST

static int sleep_elsewhere(void *q)
{
    return ksl_sleepq_sleep(q, 0);
}

/* e_clear_wait and the wake-ups of Stanix end waits of their own kind only. */
START_TEST(aix_T80_clear_wait_ends_no_wait_of_another_kernel)
{
    struct puppet p[2];
    puppets_start(p, 2);
    tell_blocked(&p[0], sleep_elsewhere, &queue);
    e_clear_wait(ksl_thread_id(p[0].actor.thread), THREAD_AWAKENED);
    still_asleep(&p[0]);
    ck_assert_int_eq(ask(&p[1], assert_wait, NULL), 0);
    tell_blocked(&p[1], block, NULL);
    ck_assert_int_eq(ksl_block_wake_reason(p[1].actor.thread, KSL_WAKE_OTHER), 0);
    still_asleep(&p[1]);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1);
    ck_assert_int_eq(answer(&p[0]), 0);
    e_clear_wait(ksl_thread_id(p[1].actor.thread), THREAD_OTHER + 3);
    ck_assert_int_eq(answer(&p[1]), THREAD_OTHER + 3);
    puppets_end(p, 2);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aix_rare_paths");
    TCase *c = tcase_create("aix_rare_paths");
    tcase_add_test(c, aix_T34_a_refused_writer_leaves_the_readers_alone);
    tcase_add_test(c, aix_T85_a_signal_reaches_all_who_are_queued);
    tcase_add_test(c, aix_T85_an_ignored_signal_wakes_nobody);
    tcase_add_test(c, aix_T80_clear_wait_ends_no_wait_of_another_kernel);
    suite_add_tcase(s, c);
    return support_run(s);
}
