/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Events: any word is one. A wake-up without a sleeper is lost, so the sleeper is queued
 * before its lock is given back. Events posted to a thread by et_post are kept.
 */

#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>

#include "example.h"

#include <kslock/irq.h>
#include <kslock/signal.h>

#include <stdbool.h>

enum { IRQ = 4, LEVEL = 6, SIGNAL = 15, READY = THREAD_OTHER + 1 };

_Static_assert(INTBASE - LEVEL == INTCLASS2, "the handler runs at INTCLASS2");

static simple_lock_data lock; /* guards `full`, in threads and in the handler */
static bool full;
static tid_t filled = EVENT_NULL;

static lock_t word = LOCK_AVAIL; /* guards `open` */
static bool open;
static tid_t opened = EVENT_NULL;

static tid_t never = EVENT_NULL;
static ksl_thread *sleeper;
static ksl_thread *old_sleeper;
static ksl_thread *caught;

/* Fills the buffer. */
static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    int pri = disable_lock(INTCLASS2, &lock);
    full = true;
    e_wakeup_one(&filled);
    unlock_enable(pri, &lock);
}

/* Sleeps with the interrupt masked: it is open until the wait is over. */
static void *consumer(void *arg)
{
    (void)arg;
    make_known(&sleeper);
    int pri = disable_lock(INTCLASS2, &lock);
    while (!full)
        CHECK(e_sleep_thread(&filled, &lock, LOCK_HANDLER) == THREAD_AWAKENED);
    CHECK(lock_mine(&lock));
    full = false;
    unlock_enable(pri, &lock);
    CHECK(i_disable(INTMAX) == INTBASE);
    i_enable(INTBASE);
    return NULL;
}

static void wake_by_interrupt(void)
{
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handler, NULL) == 0);
    pthread_t thread = start(consumer, NULL);
    CHECK(ksl_irq_raise_on(wait_asleep(&sleeper), IRQ) == 0);
    join(thread);
    CHECK(ksl_irq_free(IRQ) == 0 && !full);
    printf("events: the handler ran on the thread that slept, and woke it\n");
}

/* e_assert_wait, then as many locks as necessary, then e_block_thread. */
static void wait_in_two_steps(void)
{
    e_assert_wait(&filled, FALSE);
    e_wakeup_w_result(&filled, READY); /* comes first, and is not lost */
    CHECK(e_block_thread() == READY && filled == EVENT_NULL);
    printf("events: a wake-up between e_assert_wait and e_block_thread counts\n");
}

static void *old_style(void *arg)
{
    (void)arg;
    make_known(&old_sleeper);
    CHECK(lockl(&word, LOCK_SHORT) == LOCK_SUCC);
    while (!open)
        CHECK(e_sleepl(&word, &opened, EVENT_SHORT) == EVENT_SUCC);
    unlockl(&word);
    return NULL;
}

static void wake_with_lockl(void)
{
    pthread_t thread = start(old_style, NULL);
    wait_asleep(&old_sleeper);
    CHECK(lockl(&word, LOCK_SHORT) == LOCK_SUCC); /* given back for the wait */
    open = true;
    e_wakeup(&opened);
    unlockl(&word);
    join(thread);
}

static void *catcher(void *arg)
{
    (void)arg;
    make_known(&caught);
    CHECK(e_sleep(&never, EVENT_SIGRET) == EVENT_SIG);
    CHECK(ksl_signal_take() == SIGNAL);
    return NULL;
}

static void end_by_signal(void)
{
    pthread_t thread = start(catcher, NULL);
    wait_asleep(&caught);
    e_wakeup_w_sig(&never, SIGNAL);
    join(thread);
    printf("events: a signal ended a wait\n");
}

int main(void)
{
    simple_lock_init(&lock);
    wake_by_interrupt();
    wait_in_two_steps();
    wake_with_lockl();
    end_by_signal();

    et_post(0x6, thread_self()); /* before the wait: kept */
    CHECK(et_wait(0x2, 0x2, EVENT_SHORT) == 0x2);
    CHECK(et_wait(0x6, 0x4, EVENT_SHORT) == 0x4);
    printf("events: posted events are kept until a wait clears them\n");
    return 0;
}
