/* SPDX-License-Identifier: BSD-2-Clause */

/* Signals that must end a wait, and met a moment in which they were put off (T5, T85). */
#include "../native/aix_test.h"

#include "platform/testing.h"

#include <string.h>

enum { SIGNO = 5 };

static lock_t taken = LOCK_AVAIL;
static tid_t event = EVENT_NULL;
static Simple_lock of_handler;
static int in_handler, handler_may_go; /* atomic */
static struct puppet p;

/* Has a lock of its own for a while, on whatever thread it interrupts. */
static int hold_in_handler(void *object)
{
    uint64_t state = 0;
    (void)object;
    int before = disable_lock(INTMAX, &of_handler);
    STORE(&in_handler, 1);
    while (!LOAD(&handler_may_go) && support_keep_waiting(&state))
        ;
    unlock_enable(before, &of_handler);
    return 0;
}

static int sleep_for_event(void *object)
{
    (void)object;
    return e_sleep_thread(&event, NULL, INTERRUPTIBLE);
}

static int sleep_for_posts(void *object)
{
    (void)object;
    return et_wait(1, 1, EVENT_SIGRET) == (unsigned long)EVENT_SIG;
}

/* p sleeps; a handler on it has a lock. */
static void interrupt(struct irq_call *c)
{
    irq_setup(c);
    c->call = hold_in_handler;
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&in_handler));
}

static void let_go(struct irq_call *c)
{
    STORE(&handler_may_go, 1);
    WAIT_UNTIL(LOAD(&c->runs) == 1);
}

START_TEST(aix_T5_signal_while_a_handler_on_the_waiter_has_a_lock)
{
    struct irq_call c;
    ck_assert_int_eq(lockl(&taken, LOCK_SHORT), LOCK_SUCC);
    puppet_start(&p);
    tell_blocked(&p, do_lockl_sigret, &taken);
    interrupt(&c);
    post_signal(&p, SIGNO);
    let_go(&c);
    ck_assert_int_eq(answer(&p), LOCK_SIG);
    unlockl(&taken);
    puppet_end(&p);
    irq_teardown();
}
END_TEST

START_TEST(aix_T84_signal_while_a_handler_on_the_waiter_has_a_lock)
{
    struct irq_call c;
    puppet_start(&p);
    tell_blocked(&p, sleep_for_posts, NULL);
    interrupt(&c);
    post_signal(&p, SIGNO);
    let_go(&c);
    ck_assert_int_eq(answer(&p), 1);
    puppet_end(&p);
    irq_teardown();
}
END_TEST

START_TEST(aix_T85_signal_while_a_handler_on_the_sleeper_has_a_lock)
{
    struct irq_call c;
    puppet_start(&p);
    tell_blocked(&p, sleep_for_event, NULL);
    interrupt(&c);
    e_wakeup_w_sig(&event, SIGNO);
    let_go(&c);
    ck_assert_int_eq(answer(&p), THREAD_INTERRUPTED);
    puppet_end(&p);
    irq_teardown();
}
END_TEST

/* ---- the handler comes when the waiter is queued and does not sleep yet ---- */

static __thread bool raises;

static void hook(const char *where)
{
    if (!raises || strcmp(where, "rw: queued") != 0)
        return;
    raises = false;
    (void)ksl_irq_raise_on(ksl_thread_self(), TEST_IRQ);
}

static int lockl_interrupted(void *w)
{
    raises = true;
    return lockl((lock_t *)w, LOCK_SIGRET);
}

START_TEST(aix_T5_signal_while_a_handler_has_a_lock_before_the_waiter_sleeps)
{
    struct irq_call c;
    irq_setup(&c);
    c.call = hold_in_handler;
    STORE(&ksi_spin_cap, 0);
    STORE(&ksi_point_hook, hook);
    ck_assert_int_eq(lockl(&taken, LOCK_SHORT), LOCK_SUCC);
    puppet_start(&p);
    tell(&p, lockl_interrupted, &taken);
    WAIT_UNTIL(LOAD(&in_handler));
    post_signal(&p, SIGNO);
    let_go(&c);
    ck_assert_int_eq(answer(&p), LOCK_SIG);
    STORE(&ksi_point_hook, NULL);
    unlockl(&taken);
    puppet_end(&p);
    irq_teardown();
}
END_TEST

/* ---- two waits ---- */

static int assert_wait(void *object)
{
    (void)object;
    e_assert_wait(&event, TRUE);
    return 0;
}

static int block(void *object)
{
    (void)object;
    return e_block_thread();
}

/* Queued for the event, the thread waits for a lock first; signals may end that, too. */
START_TEST(aix_T85_posted_signal_ends_the_wait_that_the_thread_is_in)
{
    ck_assert_int_eq(lockl(&taken, LOCK_SHORT), LOCK_SUCC);
    puppet_start(&p);
    ask(&p, assert_wait, NULL);
    tell_blocked(&p, do_lockl_sigret, &taken);
    e_wakeup_w_sig(&event, SIGNO);
    ck_assert_int_eq(answer(&p), LOCK_SIG);
    ck_assert_int_eq(ask(&p, block, NULL), THREAD_INTERRUPTED);
    unlockl(&taken);
    puppet_end(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_signals");
    TCase *tc = tcase_create("signals");
    tcase_add_test(tc, aix_T5_signal_while_a_handler_on_the_waiter_has_a_lock);
    tcase_add_test(tc, aix_T84_signal_while_a_handler_on_the_waiter_has_a_lock);
    tcase_add_test(tc, aix_T85_signal_while_a_handler_on_the_sleeper_has_a_lock);
    tcase_add_test(tc, aix_T5_signal_while_a_handler_has_a_lock_before_the_waiter_sleeps);
    tcase_add_test(tc, aix_T85_posted_signal_ends_the_wait_that_the_thread_is_in);
    suite_add_tcase(s, tc);
    return support_run(s);
}
