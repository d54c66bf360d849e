/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An undirected interrupt whose real signal comes during an inlined release, to a thread
 * that has masked interrupts since it was chosen: another thread gets it.
 */
#include "../native/aix_test.h"

#include "thread/thread.h"

#include <sched.h>
#include <signal.h>

static struct actor taker, raiser;
static int taker_masked, taker_may_open, taker_open; /* atomic */
static int raiser_masked, may_raise, raised, may_end, handled;
static ksl_thread *on;

/* Without a deadline: who gives up would take the interrupt, or offer it. */
static void wait_for(const int *flag)
{
    while (!LOAD(flag))
        sched_yield();
}

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    on = ksl_thread_self();
    STORE(&handled, 1);
}

static void open_later(void *arg)
{
    (void)arg;
    unsigned level = ksl_irq_save();
    STORE(&taker_masked, 1);
    wait_for(&taker_may_open);
    ksl_irq_restore(level);
    STORE(&taker_open, 1);
    wait_for(&may_end);
}

static void raise_masked(void *arg)
{
    (void)arg;
    unsigned level = ksl_irq_save();
    STORE(&raiser_masked, 1);
    wait_for(&may_raise);
    (void)ksl_irq_raise(TEST_IRQ);
    STORE(&raised, 1);
    wait_for(&may_end);
    ksl_irq_restore(level);
}

START_TEST(aix_T19_interrupt_put_off_by_a_masked_thread_goes_to_another)
{
    sigset_t all, old;
    ck_assert_int_eq(
        ksl_irq_request(TEST_IRQ, KSL_STAGE_INBAND, TEST_IRQ_LEVEL, handler, NULL), 0);
    actor_start(&taker, open_later, NULL);
    actor_start(&raiser, raise_masked, NULL);
    WAIT_UNTIL(LOAD(&taker_masked) && LOAD(&raiser_masked));
    (void)sigfillset(&all);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &all, &old), 0);
    /* The main thread alone may take it, and the real signal waits. */
    (void)ksl_thread_self();
    STORE(&may_raise, 1);
    WAIT_UNTIL(LOAD(&raised));
    unsigned level = ksl_irq_save();
    STORE(&taker_may_open, 1);
    WAIT_UNTIL(LOAD(&taker_open));
    ck_assert_int_eq(LOAD(&handled), 0);
    /* As ksl_disown_fast, at the place where its handlers have to wait. */
    STORE(&ksl_tls.releasing, 1u);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
    STORE(&ksl_tls.releasing, 0u);
    ksl_put_off_answer();
    WAIT_UNTIL(LOAD(&handled));
    ck_assert_ptr_eq(on, taker.thread);
    ksl_irq_restore(level);
    STORE(&may_end, 1);
    actor_join(&raiser);
    actor_join(&taker);
    irq_teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_offer");
    TCase *tc = tcase_create("offer");
    tcase_add_test(tc, aix_T19_interrupt_put_off_by_a_masked_thread_goes_to_another);
    suite_add_tcase(s, tc);
    return support_run(s);
}
