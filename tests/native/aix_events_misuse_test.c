/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX events: what is refused, and that it changes nothing (section 1.7, T26, T81). */
#include "aix_test.h"

#include <errno.h>

static Simple_lock s;
static Complex_lock l;
static lock_t w = LOCK_AVAIL;
static tid_t ev = EVENT_NULL;
static struct puppet p;

static void setup(void)
{
    simple_lock_init(&s);
    lock_init(&l, TRUE);
    puppet_start(&p);
    recorder_start();
}

static void finish(void)
{
    end_unreported(&p, 1);
}

static void expect(const char *rule, const void *lock)
{
    ASSERT_VIOLATED(rule);
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    if (lock != NULL)
        ck_assert_ptr_eq(recorder_last().lock, lock);
    recorder_start();
}

static int sleep_flags;

static int sleep_with_s(void *unused)
{
    (void)unused;
    return e_sleep_thread(&ev, &s, sleep_flags);
}

static int sleep_with_l(void *unused)
{
    (void)unused;
    return e_sleep_thread(&ev, &l, sleep_flags);
}

static int e_sleepl_short(void *unused)
{
    (void)unused;
    return e_sleepl(&w, &ev, EVENT_SHORT);
}

/* What is wrong about the arguments is said of this event. */
START_TEST(aix_T79_results_and_signals_out_of_range_name_the_event)
{
    setup();
    e_wakeup_w_result(&ev, THREAD_OTHER - 1);
    expect("bad-argument", &ev);
    e_wakeup_w_sig(&ev, 0);
    expect("bad-argument", &ev);
    e_wakeup_w_sig(&ev, 65);
    expect("bad-argument", &ev);
    ck_assert_int_eq(e_sleep(&ev, ~(EVENT_SIGRET | EVENT_SIGWAKE)), -EPERM);
    expect("bad-argument", &ev);
    finish();
}
END_TEST

static int check_signal(void *unused)
{
    (void)unused;
    return sig_chk();
}

START_TEST(aix_T66_sig_chk_is_refused_in_a_handler)
{
    struct irq_call irq;
    setup();
    irq_setup(&irq);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 5), 0);
    ck_assert_int_eq(call_in_irq(&irq, check_signal, NULL), -EPERM);
    expect("bad-argument", NULL);
    ck_assert_int_eq(sig_chk(), 5); /* it has stayed */
    irq_teardown();
    finish();
}
END_TEST

/* A lock without its kind flag is `bad-argument` (DESIGN); exactly one is needed. */
START_TEST(aix_T81_a_lock_needs_exactly_one_kind_flag)
{
    static const int flags[] = {0, INTERRUPTIBLE, LOCK_SIMPLE | LOCK_HANDLER,
                                LOCK_SIMPLE | LOCK_WRITE, LOCK_READ | LOCK_WRITE};
    setup();
    ask(&p, do_simple_lock, &s);
    for (int i = 0; i < 5; i++) {
        sleep_flags = flags[i];
        ck_assert_int_eq(ask(&p, sleep_with_s, NULL), -EPERM);
        expect("bad-argument", &s);
        ck_assert_int_eq(ask(&p, do_lock_mine, &s), TRUE);
    }
    ask(&p, do_simple_unlock, &s);
    finish();
}
END_TEST

START_TEST(aix_T81_a_free_lock_cannot_be_slept_with)
{
    static const int flags[] = {LOCK_READ, LOCK_WRITE};
    setup();
    sleep_flags = LOCK_SIMPLE;
    ck_assert_int_eq(ask(&p, sleep_with_s, NULL), -EPERM);
    expect("not-locked", &s);
    ck_assert_int_eq(simple_lock_try(&s), TRUE);
    simple_unlock(&s);
    for (int i = 0; i < 2; i++) {
        sleep_flags = flags[i];
        ck_assert_int_eq(ask(&p, sleep_with_l, NULL), -EPERM);
        expect("not-locked", &l);
        ck_assert_int_eq(lock_islocked(&l), FALSE);
    }
    ck_assert_int_eq(ask(&p, e_sleepl_short, NULL), -EPERM);
    expect("not-locked", &w);
    ck_assert_int_eq(lockl(&w, LOCK_NDELAY), LOCK_SUCC);
    unlockl(&w);
    finish();
}
END_TEST

START_TEST(aix_T81_the_lock_of_another_cannot_be_slept_with)
{
    static const int flags[] = {LOCK_READ, LOCK_WRITE};
    setup();
    simple_lock(&s);
    sleep_flags = LOCK_SIMPLE;
    ck_assert_int_eq(ask(&p, sleep_with_s, NULL), -EPERM);
    expect("not-owner", &s);
    ck_assert_int_eq(lock_mine(&s), TRUE);
    simple_unlock(&s);
    lock_write(&l);
    for (int i = 0; i < 2; i++) {
        sleep_flags = flags[i];
        ck_assert_int_eq(ask(&p, sleep_with_l, NULL), -EPERM);
        expect("not-owner", &l);
        ck_assert_int_eq(lock_mine(&l), TRUE);
    }
    lock_done(&l);
    ck_assert_int_eq(lockl(&w, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(ask(&p, e_sleepl_short, NULL), -EPERM);
    expect("not-owner", &w);
    ck_assert_int_eq(lockl(&w, LOCK_SHORT), LOCK_NEST);
    unlockl(&w);
    finish();
}
END_TEST

START_TEST(aix_T81_a_share_is_no_write_hold)
{
    setup();
    ask(&p, do_lock_read, &l);
    sleep_flags = LOCK_WRITE;
    ck_assert_int_eq(ask(&p, sleep_with_l, NULL), -EPERM);
    expect("not-owner", &l);
    ck_assert_int_eq(lock_try_write(&l), FALSE); /* the share was kept */
    ask(&p, do_lock_done, &l);
    ck_assert_int_eq(lock_islocked(&l), FALSE);
    finish();
}
END_TEST

static int sleep_plain(void *unused)
{
    (void)unused;
    return e_sleep_thread(&ev, NULL, 0);
}

static int e_sleep_short(void *unused)
{
    (void)unused;
    return e_sleep(&ev, EVENT_SHORT);
}

static int wait_for_post(void *unused)
{
    (void)unused;
    return (int)et_wait(1, 1, EVENT_SHORT);
}

static unsigned long posted;

static int wait_to_jump(void *unused)
{
    (void)unused;
    posted = et_wait(1, 3, EVENT_SIGWAKE);
    return 0;
}

static int look_at_posted(void *unused)
{
    (void)unused;
    posted = et_wait(7, 7, EVENT_SHORT);
    return 0;
}

/* No event is what a refused et_wait returns, and what was posted stays. */
START_TEST(aix_C15_et_wait_without_a_saved_context_is_refused)
{
    setup();
    posted = 7;
    tell_blocked(&p, wait_to_jump, NULL);
    et_post(2, tid_of(&p));
    post_signal(&p, 10);
    ck_assert_int_eq(answer(&p), 0);
    expect("bad-argument", NULL);
    ck_assert_uint_eq(posted, 0);
    ck_assert_int_eq(ask(&p, take_signal, NULL), 10);
    ck_assert_int_eq(ask(&p, look_at_posted, NULL), 0);
    ck_assert_uint_eq(posted, 2);
    finish();
}
END_TEST

static int block(void *unused)
{
    (void)unused;
    return e_block_thread();
}

/* Process environment only, but for the wake-ups. */
START_TEST(aix_irq_sleep_event_waits_are_refused_in_a_handler)
{
    static const call_fn call[] = {sleep_plain, e_sleep_short, wait_for_post};
    struct irq_call irq;
    setup();
    irq_setup(&irq);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(call_in_irq(&irq, call[i], NULL), i == 2 ? 0 : -EPERM);
        expect("irq-sleep", NULL);
    }
    sleep_flags = LOCK_SIMPLE;
    simple_lock(&s);
    ck_assert_int_eq(call_in_irq(&irq, sleep_with_s, NULL), -EPERM);
    expect("irq-sleep", NULL);
    ck_assert_int_eq(lock_mine(&s), TRUE);
    simple_unlock(&s);
    ck_assert_int_eq(lockl(&w, LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(call_in_irq(&irq, e_sleepl_short, NULL), -EPERM);
    expect("irq-sleep", NULL);
    ck_assert_int_eq(lockl(&w, LOCK_SHORT), LOCK_NEST);
    unlockl(&w);
    irq_teardown();
    finish();
}
END_TEST

/* A refused block leaves the asserted wait as it is. */
START_TEST(aix_irq_sleep_e_block_thread_is_refused_in_a_handler)
{
    struct irq_call irq;
    setup();
    irq_setup(&irq);
    e_assert_wait(&ev, FALSE);
    ck_assert_int_eq(call_in_irq(&irq, block, NULL), -EPERM);
    expect("irq-sleep", NULL);
    e_wakeup_w_result(&ev, THREAD_OTHER);
    ck_assert_int_eq(e_block_thread(), THREAD_OTHER);
    irq_teardown();
    finish();
}
END_TEST

static int wake_from_handler; /* which one */
static tid_t sleeper;

static int wake(void *unused)
{
    (void)unused;
    if (wake_from_handler == 0)
        e_wakeup(&ev);
    else if (wake_from_handler == 1)
        e_wakeup_one(&ev);
    else if (wake_from_handler == 2)
        e_wakeup_w_result(&ev, THREAD_OTHER);
    else if (wake_from_handler == 3)
        e_clear_wait(sleeper, THREAD_TIMED_OUT);
    else if (wake_from_handler == 4)
        e_wakeup_w_sig(&ev, 10);
    else
        et_post(1, sleeper);
    return 0;
}

static int sleep_interruptibly(void *unused)
{
    (void)unused;
    return e_sleep_thread(&ev, NULL, INTERRUPTIBLE);
}

/* On any thread, that of the sleeper included. */
START_TEST(aix_T78_all_wake_ups_are_legal_in_a_handler)
{
    static const int result[] = {THREAD_AWAKENED,  THREAD_AWAKENED,    THREAD_OTHER,
                                 THREAD_TIMED_OUT, THREAD_INTERRUPTED, 1};
    struct irq_call irq;
    setup();
    irq_setup(&irq);
    irq.call = wake;
    sleeper = tid_of(&p);
    for (int i = 0; i < 12; i++) {
        wake_from_handler = i % 6;
        tell_blocked(&p, i % 6 == 5 ? wait_for_post : sleep_interruptibly, NULL);
        ksl_thread *on = i < 6 ? ksl_thread_self() : p.actor.thread;
        ck_assert_int_eq(ksl_irq_raise_on(on, TEST_IRQ), 0);
        ck_assert_int_eq(answer(&p), result[i % 6]);
        WAIT_UNTIL(LOAD(&irq.runs) == i + 1);
        ck_assert_ptr_eq(irq.on, on);
        ck_assert_int_eq(ask(&p, take_signal, NULL), i % 6 == 4 ? 10 : 0);
    }
    irq_teardown();
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *su = suite_create("aix event misuse");
    TCase *tc = tcase_create("misuse");
    tcase_add_test(tc, aix_T79_results_and_signals_out_of_range_name_the_event);
    tcase_add_test(tc, aix_T66_sig_chk_is_refused_in_a_handler);
    tcase_add_test(tc, aix_T81_a_lock_needs_exactly_one_kind_flag);
    tcase_add_test(tc, aix_T81_a_free_lock_cannot_be_slept_with);
    tcase_add_test(tc, aix_T81_the_lock_of_another_cannot_be_slept_with);
    tcase_add_test(tc, aix_T81_a_share_is_no_write_hold);
    tcase_add_test(tc, aix_C15_et_wait_without_a_saved_context_is_refused);
    tcase_add_test(tc, aix_irq_sleep_event_waits_are_refused_in_a_handler);
    tcase_add_test(tc, aix_irq_sleep_e_block_thread_is_refused_in_a_handler);
    tcase_add_test(tc, aix_T78_all_wake_ups_are_legal_in_a_handler);
    suite_add_tcase(su, tc);
    return su;
}

int main(void)
{
    return support_run(suite());
}
