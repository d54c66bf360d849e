/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt timers: one thread of the library's own, which is no simulated CPU
 * and takes no interrupt, sleeps until the next date and raises what is due.
 */

#include "thread/irq_table.h"

#include "platform/host.h"
#include "platform/rawlock.h"
#include "platform/testing.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

struct timer {
    uint64_t date; /* 0: stopped */
    uint64_t period;
};

static struct ksi_rawlock timer_lock; /* users mask interrupts; the thread takes none */
static struct timer timers[KSL_IRQ_COUNT];
static struct ksi_parker timer_parker;
static bool timer_runs; /* timer_lock */

static uint64_t later(uint64_t now, uint64_t ns)
{
    return ns < KSI_FOREVER - 1 - now ? now + ns : KSI_FOREVER - 1;
}

/* Raises what is due and returns the next date. */
static uint64_t turn(void)
{
    uint64_t due = 0;
    uint64_t next = KSI_FOREVER;
    uint64_t now = ksi_now();
    ksi_raw_lock(&timer_lock);
    for (int irq = 0; irq < KSL_IRQ_COUNT; irq++) {
        struct timer *t = &timers[irq];
        if (t->date == 0)
            continue;
        if (t->date <= now) {
            due |= ksi_irq_bit(irq);
            if (t->period == 0 || KSI_FAULT(TIMER_ONCE)) {
                t->date = 0;
                continue;
            }
            /* Dates missed by a late thread are one: repeats collapse anyway. */
            t->date = later(now - (now - t->date) % t->period, t->period);
        }
        if (t->date < next)
            next = t->date;
    }
    KSI_POINT("irq timer: due");
    bool unlocked = due != 0 && KSI_FAULT(TIMER_RAISES_LATE);
    if (unlocked) {
        ksi_raw_unlock(&timer_lock);
        KSI_POINT("timer: due");
    }
    /* With the lock: who has stopped a timer sees no raise of it afterwards. */
    for (; due != 0; due &= due - 1)
        ksi_irq_raise_any(NULL, __builtin_ctzll(due));
    if (!unlocked)
        ksi_raw_unlock(&timer_lock);
    KSI_DELAY_POINT("irq timer: sleep"); /* the thread is not registered */
    return next;
}

static void *timer_main(void *arg)
{
    (void)arg;
    prctl(PR_SET_TIMERSLACK, 1ul);
    prctl(PR_SET_NAME, "ksl-timer");
    for (;;)
        ksi_park(&timer_parker, turn()); /* a change of the table unparks */
    return NULL;
}

/* With timer_lock. Real signals stay blocked in the new thread. */
static int start_thread(void)
{
    if (timer_runs)
        return 0;
    ksi_parker_init(&timer_parker);
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&thread, &attr, timer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    timer_runs = error == 0;
    return error == 0 ? 0 : -EAGAIN;
}

int ksl_irq_timer(int irq, uint64_t first_ns, uint64_t period_ns)
{
    if (!ksi_irq_valid(irq))
        return -EINVAL;
    ksl_thread *self = ksi_self();
    int saved = errno;
    int result = 0;
    uint32_t mask = ksi_irq_mask(self);
    ksi_raw_lock(&timer_lock);
    if (ksi_load_acq(&ksi_irq_slots[irq].fn) == NULL) {
        result = -ENOENT;
    } else if (first_ns == 0) {
        timers[irq].date = 0;
    } else {
        result = start_thread();
        if (result == 0) {
            timers[irq].date = later(ksi_now(), first_ns);
            timers[irq].period = period_ns;
        }
    }
    ksi_raw_unlock(&timer_lock);
    KSI_POINT("irq timer: set");
    if (result == 0 && first_ns != 0)
        ksi_unpark(&timer_parker);
    ksi_irq_unmask(self, mask);
    errno = saved;
    return result;
}

void ksi_irq_timer_stop(int irq)
{
    ksl_thread *self = ksi_self();
    uint32_t mask = ksi_irq_mask(self);
    ksi_raw_lock(&timer_lock);
    if (!KSI_FAULT(TIMER_OUTLIVES_FREE))
        timers[irq].date = 0;
    ksi_raw_unlock(&timer_lock);
    KSI_POINT("irq timer: stopped");
    ksi_irq_unmask(self, mask);
}

void ksi_irq_timer_before_fork(void)
{
    ksi_raw_lock(&timer_lock);
}

void ksi_irq_timer_after_fork(bool child)
{
    if (child) { /* the device and its thread stay with the parent */
        timer_runs = false;
        for (int irq = 0; irq < KSL_IRQ_COUNT; irq++)
            timers[irq].date = 0;
        ksi_raw_reset(&timer_lock);
    } else {
        ksi_raw_unlock(&timer_lock);
    }
}
