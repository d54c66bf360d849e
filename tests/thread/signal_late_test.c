/* SPDX-License-Identifier: BSD-2-Clause */

/* An attached signal that comes when what an interrupt has left is all but done. */

#include "support.h"

#include "platform/testing.h"

#include <kslock/cond.h>
#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/thread.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { IRQ = 11, MASKED = 12 };

static ksl_cond_t cond;
static int result, taken;
static int armed; /* atomic: the signal is to come */
static __thread bool waits;

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
}

static void shoot_once(const char *where)
{
    if (waits && strcmp(where, "lot: unlocked") == 0 && LOAD(&armed)) {
        STORE(&armed, 0);
        (void)pthread_kill(pthread_self(), SIGUSR1);
    }
}

/* With a signal pending that is masked, after an interrupt its wait is looked at. */
static void sleeper(void *arg)
{
    (void)arg;
    waits = true;
    (void)ksl_signal_mask(UINT64_C(1) << (MASKED - 1));
    (void)ksl_signal_post(ksl_thread_self(), MASKED);
    result = ksl_cond_wait_interruptible(&cond, 1);
    taken = ksl_signal_take();
}

START_TEST(it_ends_the_wait_of_who_has_just_handled_an_interrupt)
{
    struct actor a;
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
    __atomic_store_n(&ksi_point_hook, shoot_once, __ATOMIC_SEQ_CST);
    actor_start(&a, sleeper, NULL);
    wait_asleep(a.thread);
    STORE(&armed, 1);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, IRQ), 0);
    WAIT_UNTIL(!LOAD(&armed));
    WAIT_UNTIL(actor_finished(&a));
    actor_join(&a);
    ck_assert_int_eq(result, -EINTR);
    ck_assert_int_eq(taken, SIGUSR1);
    __atomic_store_n(&ksi_point_hook, NULL, __ATOMIC_SEQ_CST);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("signal_late");
    TCase *tc = tcase_create("late");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, it_ends_the_wait_of_who_has_just_handled_an_interrupt);
    suite_add_tcase(s, tc);
    return support_run(s);
}
