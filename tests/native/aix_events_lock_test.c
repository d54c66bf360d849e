/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX events with a lock that is given back for the sleep (T26, T77, T81, T82). */
#include "aix_test.h"

#include <errno.h>

static Simple_lock s, h; /* of threads; shared with handlers */
static Complex_lock l;
static lock_t w = LOCK_AVAIL;
static tid_t ev = EVENT_NULL;
static struct puppet p[2];

static void setup(void)
{
    simple_lock_init(&s);
    simple_lock_init(&h);
    lock_init(&l, TRUE);
    puppets_start(p, 2);
    recorder_start();
}

static void finish(void)
{
    end_unreported(p, 2);
    ck_assert_int_eq(simple_lock_try(&s), TRUE);
    simple_unlock(&s);
    ck_assert_int_eq(lock_islocked(&l), FALSE);
}

/* How a lock is taken, slept with, and given back. */
struct mode {
    const char *name;
    void *lock;
    call_fn take, release;
    call_fn get; /* of another thread, which excludes all: TRUE if it got the lock */
    int flag;
    int mine; /* what lock_mine says while it is held */
};

static int disable(void *lock)
{
    return disable_lock(INTCLASS0, (simple_lock_t)lock) == INTBASE;
}

static int enable(void *lock)
{
    unlock_enable(INTBASE, (simple_lock_t)lock);
    return 0;
}

static const struct mode modes[] = {
    {"simple", &s, do_simple_lock, do_simple_unlock, do_simple_try, LOCK_SIMPLE, TRUE},
    {"handler", &h, disable, enable, disable, LOCK_HANDLER, TRUE},
    {"read", &l, do_lock_read, do_lock_done, do_try_write, LOCK_READ, FALSE},
    {"write", &l, do_lock_write, do_lock_done, do_try_write, LOCK_WRITE, TRUE},
};
enum { MODES = sizeof modes / sizeof modes[0] };

static int released; /* atomic: who has kept the lock gives it back now */

/* What the sleeper found when it was back. */
static struct {
    int result, released, mine, priority;
} seen;
static const struct mode *mode;
static int extra; /* further flags */

static int take_and_sleep(void *unused)
{
    (void)unused;
    mode->take(mode->lock);
    seen.result = e_sleep_thread(&ev, mode->lock, mode->flag | extra);
    seen.released = LOAD(&released);
    seen.mine = lock_mine(mode->lock);
    seen.priority = priority_now();
    return 0;
}

/*
 * Puppet 0 takes the lock and sleeps; puppet 1 gets it meanwhile, the sleep of puppet 0
 * ends, and it has to wait for the lock.
 */
static void sleep_and_come_back(const struct mode *m, int result)
{
    mode = m;
    extra = result == THREAD_INTERRUPTED ? INTERRUPTIBLE : 0;
    STORE(&released, 0);
    tell_blocked(&p[0], take_and_sleep, NULL);
    ck_assert_int_eq(ask(&p[1], m->get, m->lock), TRUE);
    if (result == THREAD_INTERRUPTED)
        post_signal(&p[0], 10);
    else
        e_wakeup_w_result(&ev, result);
    ck_assert_msg(!done(&p[0]), "%s", m->name);
    STORE(&released, 1);
    ask(&p[1], m->release, m->lock);
    (void)answer(&p[0]);
    ck_assert_msg(seen.result == result && seen.released == 1 && seen.mine == m->mine,
                  "%s: result %d, released %d, mine %d", m->name, seen.result,
                  seen.released, seen.mine);
    ck_assert_int_eq(seen.priority, m->flag == LOCK_HANDLER ? INTCLASS0 : INTBASE);
    if (m->flag == LOCK_READ) { /* shared again */
        ck_assert_int_eq(ask(&p[1], do_try_write, &l), FALSE);
        ck_assert_int_eq(ask(&p[1], do_try_read, &l), TRUE);
        ask(&p[1], do_lock_done, &l);
    }
    ask(&p[0], m->release, m->lock);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL),
                     result == THREAD_INTERRUPTED ? 10 : 0);
}

START_TEST(aix_T81_the_lock_is_back_in_the_same_mode)
{
    setup();
    for (int i = 0; i < MODES; i++) {
        sleep_and_come_back(&modes[i], THREAD_AWAKENED);
        sleep_and_come_back(&modes[i], THREAD_OTHER + 1);
        sleep_and_come_back(&modes[i], THREAD_TIMED_OUT);
    }
    finish();
}
END_TEST

START_TEST(aix_T81_the_lock_is_back_after_a_signal_too)
{
    setup();
    for (int i = 0; i < MODES; i++)
        sleep_and_come_back(&modes[i], THREAD_INTERRUPTED);
    finish();
}
END_TEST

static int assert_under_locks(void *unused)
{
    (void)unused;
    (void)lockl(&w, LOCK_SHORT);
    simple_lock(&s);
    lock_read(&l);
    e_assert_wait(&ev, FALSE);
    simple_unlock(&s);
    lock_done(&l);
    unlockl(&w);
    return 0;
}

static int post_under_locks(void *unused)
{
    (void)unused;
    lock_write(&l);
    simple_lock(&s);
    (void)lockl(&w, LOCK_SHORT);
    e_wakeup_w_result(&ev, THREAD_OTHER);
    unlockl(&w);
    simple_unlock(&s);
    lock_done(&l);
    return 0;
}

static int block(void *unused)
{
    (void)unused;
    return e_block_thread();
}

static int post_under_write_hold(void *unused)
{
    (void)unused;
    lock_write(&l);
    e_wakeup(&ev);
    lock_done(&l);
    return 0;
}

static int assert_wait(void *unused)
{
    (void)unused;
    e_assert_wait(&ev, FALSE);
    return 0;
}

START_TEST(aix_T77_who_waits_for_the_lock_posts_before_the_block)
{
    setup();
    ask(&p[0], do_lock_write, &l);
    ask(&p[0], assert_wait, NULL);
    tell_blocked(&p[1], post_under_write_hold, NULL);
    ask(&p[0], do_lock_done, &l);
    (void)answer(&p[1]);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_AWAKENED);
    finish();
}
END_TEST

START_TEST(aix_T77_any_number_of_locks_is_given_back_in_between)
{
    setup();
    ask(&p[0], assert_under_locks, NULL);
    ask(&p[1], post_under_locks, NULL);
    ck_assert_int_eq(ask(&p[0], block, NULL), THREAD_OTHER);
    finish();
}
END_TEST

/* T26: the poster is a handler on the CPU of the sleeper. */
static struct {
    int ready; /* guarded by h */
    int result, mine, saved, priority, end, rounds;
} drv;

static int driver_waits(void *raise_first)
{
    drv.saved = disable_lock(INTCLASS0, &h);
    drv.rounds = 0;
    if (raise_first != NULL)
        (void)ksl_irq_raise_on(ksl_thread_self(), TEST_IRQ); /* held back: masked */
    while (!drv.ready) {
        drv.rounds++;
        drv.result = e_sleep_thread(&ev, &h, LOCK_HANDLER | INTERRUPTIBLE);
    }
    drv.ready = 0;
    drv.mine = lock_mine(&h);
    drv.priority = priority_now();
    unlock_enable(drv.saved, &h);
    drv.end = priority_now();
    return 0;
}

static int handler_posts(void *unused)
{
    (void)unused;
    int before = disable_lock(INTMAX, &h);
    drv.ready = 1;
    e_wakeup(&ev);
    unlock_enable(before, &h);
    return 0;
}

static void check_driver(const struct irq_call *c, int rounds)
{
    (void)answer(&p[0]);
    ck_assert_ptr_eq(c->on, p[0].actor.thread);
    ck_assert_int_eq(drv.rounds, rounds);
    ck_assert_int_eq(drv.result, THREAD_AWAKENED);
    ck_assert_int_eq(drv.saved, INTBASE);
    ck_assert_int_eq(drv.mine, TRUE);
    ck_assert_int_eq(drv.priority, INTCLASS0);
    ck_assert_int_eq(drv.end, INTBASE);
}

START_TEST(aix_T26_the_handler_runs_while_the_disabled_thread_sleeps)
{
    struct irq_call c;
    setup();
    irq_setup(&c);
    c.call = handler_posts;
    for (int i = 1; i <= 20; i++) {
        tell_blocked(&p[0], driver_waits, NULL);
        ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
        check_driver(&c, 1);
        ck_assert_int_eq(LOAD(&c.runs), i);
    }
    irq_teardown();
    finish();
}
END_TEST

START_TEST(aix_T26_an_interrupt_held_back_before_runs_in_the_sleep)
{
    struct irq_call c;
    setup();
    irq_setup(&c);
    c.call = handler_posts;
    for (int i = 1; i <= 20; i++) {
        tell(&p[0], driver_waits, &c);
        check_driver(&c, 1);
        ck_assert_int_eq(LOAD(&c.runs), i);
    }
    irq_teardown();
    finish();
}
END_TEST

/*
 * Two kinds of critical sections, and "interrupt-interrupt" of e_sleep_thread:
 * LOCK_HANDLER serves a lock that handlers of two CPUs and a thread share.
 */
START_TEST(aix_C12_the_lock_of_handlers_is_accepted)
{
    struct irq_call c;
    setup();
    irq_setup(&c);
    c.call = handler_posts;
    tell_blocked(&p[0], driver_waits, NULL);
    ck_assert_int_eq(ksl_irq_raise_on(p[1].actor.thread, TEST_IRQ), 0);
    (void)answer(&p[0]);
    ck_assert_ptr_eq(c.on, p[1].actor.thread);
    ck_assert_int_eq(drv.result, THREAD_AWAKENED);
    ck_assert_int_eq(drv.mine, TRUE);
    ck_assert_int_eq(drv.end, INTBASE);
    (void)call_in_irq(&c, handler_posts, NULL); /* nobody sleeps: lost */
    ck_assert_int_eq(drv.ready, 1);
    drv.ready = 0;
    irq_teardown();
    finish();
}
END_TEST

static int sleepl_flags;

static int nested_e_sleepl(void *unused)
{
    (void)unused;
    (void)lockl(&w, LOCK_SHORT);
    if (lockl(&w, LOCK_SHORT) != LOCK_NEST)
        return -1000;
    seen.result = e_sleepl(&w, &ev, sleepl_flags);
    seen.released = LOAD(&released);
    seen.mine = lockl(&w, LOCK_NDELAY);
    unlockl(&w);
    return 0;
}

START_TEST(aix_T82_e_sleepl_gives_the_lock_back_and_takes_it_again)
{
    static const int flags[] = {EVENT_SHORT, EVENT_SIGRET, EVENT_SIGRET};
    setup();
    for (int i = 0; i < 3; i++) {
        sleepl_flags = flags[i];
        STORE(&released, 0);
        tell_blocked(&p[0], nested_e_sleepl, NULL);
        ck_assert_int_eq(ask(&p[1], do_lockl_ndelay, &w), LOCK_SUCC);
        if (i < 2)
            e_wakeup(&ev);
        else
            post_signal(&p[0], 10);
        ck_assert(!done(&p[0]));
        STORE(&released, 1);
        ask(&p[1], do_unlockl, &w);
        ck_assert_int_eq(answer(&p[0]), 0);
        ck_assert_int_eq(seen.result, i < 2 ? EVENT_SUCC : EVENT_SIG);
        ck_assert_int_eq(seen.released, 1);
        ck_assert_int_eq(seen.mine, LOCK_NEST);
        /* One unlockl was enough. */
        ck_assert_int_eq(ask(&p[1], do_lockl_ndelay, &w), LOCK_SUCC);
        ask(&p[1], do_unlockl, &w);
    }
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *su = suite_create("aix events with locks");
    TCase *tc = tcase_create("locks");
    tcase_add_test(tc, aix_T81_the_lock_is_back_in_the_same_mode);
    tcase_add_test(tc, aix_T81_the_lock_is_back_after_a_signal_too);
    tcase_add_test(tc, aix_T77_who_waits_for_the_lock_posts_before_the_block);
    tcase_add_test(tc, aix_T77_any_number_of_locks_is_given_back_in_between);
    tcase_add_test(tc, aix_T26_the_handler_runs_while_the_disabled_thread_sleeps);
    tcase_add_test(tc, aix_T26_an_interrupt_held_back_before_runs_in_the_sleep);
    tcase_add_test(tc, aix_C12_the_lock_of_handlers_is_accepted);
    tcase_add_test(tc, aix_T82_e_sleepl_gives_the_lock_back_and_takes_it_again);
    suite_add_tcase(su, tc);
    return su;
}

int main(void)
{
    return support_run(suite());
}
