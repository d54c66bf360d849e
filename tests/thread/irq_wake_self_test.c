/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A handler that wakes the very thread it interrupted, which is about to
 * sleep: the wake-up is never lost, wherever the interrupt falls. The number
 * of rounds is the first argument.
 */

#include "sanitized.h"
#include "support.h"

#include <kernel/cond.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/thread.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#if SANITIZED
static int rounds = 2000;
#else
static int rounds = 30000 / TEST_SHARE;
#endif

enum { IRQ = 11 };
enum way { BY_COND, BY_QUEUE_CONDITION, BY_QUEUE_LOCK, BY_BLOCK, BY_SIGNAL, WAYS };

static struct {
    enum way way;
    bool masked;
    int began, ended; /* atomic: newest round */
    int flag;         /* atomic: what the sleeper waits for */
    int bad, result;  /* first bad round */
    task_t *sleeper;
    cond_t cond;
    sleep_queue_t queue;
    spinlock_t lock;
} s;

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (s.way == BY_QUEUE_LOCK)
        spinlock_acquire(&s.lock);
    STORE(&s.flag, 1);
    if (s.way == BY_QUEUE_LOCK)
        spinlock_release(&s.lock);
    switch (s.way) {
    case BY_COND:
        cond_set(&s.cond, 1);
        break;
    case BY_BLOCK:
        (void)unblock_task(s.sleeper);
        break;
    case BY_SIGNAL:
        (void)ksl_signal_post(s.sleeper, 3);
        break;
    default:
        wakeup_queue(&s.queue, 0);
        break;
    }
}

/* Prepares, looks, blocks: the lowest level of the interface. */
static int block_until_flag(void)
{
    int result = 0;
    while (result == 0) {
        block_prepare();
        if (LOAD(&s.flag)) {
            block_cancel();
            break;
        }
        result = block_task();
    }
    return result;
}

static int sleep_once(void)
{
    int result = 0;
    switch (s.way) {
    case BY_COND:
        result = cond_wait(&s.cond, 1);
        break;
    case BY_QUEUE_CONDITION:
        result = sleep_on_queue_condition(&s.queue, LOAD(&s.flag));
        break;
    case BY_QUEUE_LOCK:
        spinlock_acquire(&s.lock);
        result = sleep_on_queue_lock(&s.queue, LOAD(&s.flag), &s.lock);
        spinlock_release(&s.lock);
        break;
    case BY_BLOCK:
        result = block_until_flag();
        break;
    default:
        result = sleep_on_queue(&s.queue) == -EINTR && ksl_signal_take() == 3 ? 0 : 1;
        break;
    }
    return result;
}

static void delay(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        __asm__ volatile("" ::: "memory");
}

static unsigned next_random(unsigned *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

static void sleeper(void *arg)
{
    unsigned x = 3;
    (void)arg;
    for (int round = 1; round <= rounds; round++) {
        STORE(&s.flag, 0);
        cond_set(&s.cond, 0);
        STORE(&s.began, round);
        delay(next_random(&x) % 500);
        unsigned state = s.masked ? ksl_irq_save() : 0;
        int result = sleep_once();
        if (s.masked)
            ksl_irq_restore(state);
        if ((result != 0 || !ksl_irq_enabled() || !LOAD(&s.flag)) && !s.bad) {
            s.bad = round;
            s.result = result;
        }
        STORE(&s.ended, round);
    }
}

/* Odd: the sleeper masks interrupts before it sleeps. */
START_TEST(no_wakeup_is_lost)
{
    struct actor a;
    unsigned x = 9;
    memset(&s, 0, sizeof s);
    s.way = (enum way)(_i / 2);
    s.masked = _i % 2 != 0;
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
    actor_start(&a, sleeper, NULL);
    STORE(&s.sleeper, a.thread);
    for (int round = 1; round <= rounds; round++) {
        WAIT_UNTIL(LOAD(&s.began) == round);
        delay(next_random(&x) % 2500);
        ck_assert_int_eq(ksl_irq_raise_on(a.thread, IRQ), 0);
        WAIT_UNTIL(LOAD(&s.ended) == round);
    }
    actor_join(&a);
    ck_assert_msg(s.bad == 0, "round %d: result %d", s.bad, s.result);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = atoi(argv[1]);
    if (rounds < 1) {
        fprintf(stderr, "usage: %s [rounds]\n", argv[0]);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("irq_wake_self");
    TCase *tc = tcase_create("wake_self");
    tcase_set_timeout(tc, 120 + rounds / 5000);
    tcase_add_loop_test(tc, no_wakeup_is_lost, 0, 2 * WAYS);
    suite_add_tcase(suite, tc);
    return support_run(suite);
}
