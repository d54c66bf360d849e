/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blocking and sleep queues (B1..B7, Q1..Q9).
 *
 * A thread that prepares to block is queued at once: on the sleep queue, or on
 * a queue of its own (key: its descriptor). From then on whoever takes it
 * off decides the block, whether the thread already sleeps or not, so a wake-up
 * between prepare and block is remembered and one before prepare is not.
 *
 *   prepared  on a queue  outcome    the next ksl_block
 *   0         no          any        returns 0, does not sleep (B3)
 *   1         yes         WAITING    sleeps
 *   1         no          WAITING    waker is between pop and wake: short sleep
 *   1         no          decided    returns it at once
 *
 * Who is responsible: the waker changes the state first and wakes the queue
 * afterwards; the sleeper queues first and tests afterwards (Q3). Both do the
 * queue part under the bucket lock, so one of them sees the other.
 */

#include "lock/lock.h"
#include "lock/spinlock.h"
#include "platform/testing.h"
#include "thread/signal.h"
#include "wait/wait.h"

#include <kslock/sleepq.h>

static struct ksi_waiter *block_waiter(ksl_thread *t)
{
    return &t->waiters[KSI_WAITER_BLOCK];
}

#if defined(KSI_TESTING) && KSI_TESTING
static __thread ksl_sleep_queue_t *late_queue; /* for SLEEPQ_QUEUE_LATE */
#endif

/* Queues the caller on q, or on its own queue if q is NULL. */
static void prepare(ksl_thread *t, ksl_sleep_queue_t *q, unsigned flags)
{
    struct ksi_lot lot;
    if (t->prepared != 0)
        ksl_block_cancel();
    t->prepared = 1;
    t->block_flags = flags;
#if defined(KSI_TESTING) && KSI_TESTING
    late_queue = KSI_FAULT(SLEEPQ_QUEUE_LATE) ? q : NULL;
    if (late_queue != NULL)
        return;
#endif
    const void *key = q != NULL ? (const void *)q : (const void *)t;
    ksi_lot_lock(&lot, key);
    ksi_lot_enqueue(&lot, block_waiter(t), key, q != NULL ? KSI_Q_SLEEP : KSI_Q_BLOCK,
                    KSI_FIFO, q != NULL ? &q->waiters : NULL);
    ksi_lot_unlock(&lot, NULL);
}

int ksl_block_check(void)
{
    bool refused = ksi_refuse_in_handler(ksi_self(), "sleep on a queue", KSI_SLEEPQ, NULL,
                                         KSI_SITE());
    return refused ? -EPERM : 0;
}

int ksl_sleepq_check(const ksl_sleep_queue_t *q)
{
    bool refused = ksi_refuse_in_handler(ksi_self(), "sleep_on_queue_condition",
                                         KSI_SLEEPQ, q, KSI_SITE());
    return refused ? -EPERM : 0;
}

int ksl_block_check_lock(const ksl_spinlock_t *l)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "sleep_on_queue_lock", KSI_SPINLOCK, l, KSI_SITE()))
        return -EPERM;
    return ksi_spinlock_check(l, t, "sleep with a spinlock", KSI_SITE()) ? 0 : -EPERM;
}

void ksl_block_prepare(unsigned flags)
{
    ksl_thread *t = ksi_self();
    if (!ksi_refuse_in_handler(t, "block_prepare", KSI_SLEEPQ, NULL, KSI_SITE()))
        prepare(t, NULL, flags);
}

void ksl_sleepq_prepare(ksl_sleep_queue_t *q, unsigned flags)
{
    ksl_thread *t = ksi_self();
    if (!ksi_refuse_in_handler(t, "sleep on a queue", KSI_SLEEPQ, q, KSI_SITE()))
        prepare(t, q, flags);
}

static void refuse_queue(const ksl_sleep_queue_t *q, const char *what, const void *site)
{
    struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, KSI_SLEEPQ, q, site, NULL, false};
    ksi_violate(&m, "%s", what);
}

void ksl_block_queue(ksl_sleep_queue_t *q)
{
    ksl_thread *t = ksi_self();
    struct ksi_waiter *w = block_waiter(t);
    struct ksi_lot lot;
    if (ksi_refuse_in_handler(t, "sleep on a queue", KSI_SLEEPQ, q, KSI_SITE()))
        return;
    if (t->prepared == 0) {
        refuse_queue(q, "queued without block_prepare", KSI_SITE());
        return;
    }
    ksi_lot_lock_two(&lot, w, q);
    /* Off any queue: woken since it prepared, so it will not sleep. */
    bool waits = w->queue != NULL;
    bool elsewhere = waits && w->queue->kind != KSI_Q_BLOCK;
    if (waits && !elsewhere) {
        ksi_lot_remove(w);
        ksi_lot_enqueue(&lot, w, q, KSI_Q_SLEEP, KSI_FIFO, &q->waiters);
    }
    ksi_lot_unlock(&lot, NULL);
    if (elsewhere)
        refuse_queue(q, "a task can be on one queue at a time", KSI_SITE());
}

void ksl_block_unqueue(ksl_sleep_queue_t *q)
{
    ksl_thread *t = ksi_self();
    struct ksi_waiter *w = block_waiter(t);
    struct ksi_lot lot;
    if (t->prepared == 0 || t->handlers > 0)
        return;
    ksi_lot_lock_two(&lot, w, t);
    if (w->queue != NULL && w->queue->address == q) {
        ksi_lot_remove(w);
        ksi_lot_enqueue(&lot, w, t, KSI_Q_BLOCK, KSI_FIFO, NULL);
    }
    ksi_lot_unlock(&lot, NULL);
}

void ksl_block_cancel(void)
{
    ksl_thread *t = ksi_self();
    struct ksi_waiter *w = block_waiter(t);
    struct ksi_lot lot;
    if (t->prepared == 0 || t->handlers > 0)
        return;
    t->prepared = 0;
    if (ksi_lot_find(&lot, w)) {
        ksi_lot_remove(w);
        ksi_store(&w->outcome, (uint32_t)KSI_WOKEN);
        ksi_lot_unlock(&lot, NULL);
    } else {
        ksi_wait_settle(w); /* the waker's list still links w */
    }
}

static int block(ksl_thread *t, uint64_t deadline, const void *site)
{
    struct ksi_waiter *w = block_waiter(t);
    struct ksi_lot lot;
    if (t->prepared == 0)
        return 0;
    ksi_watch_sleep("sleep on a queue", NULL, site);
    t->prepared = 0;
    KSI_POINT("block: begin");
#if defined(KSI_TESTING) && KSI_TESTING
    if (late_queue != NULL || (KSI_FAULT(BLOCK_FORGETS) && w->queue == NULL)) {
        const void *key = late_queue != NULL ? (const void *)late_queue : (const void *)t;
        if (late_queue == NULL)
            ksi_wait_settle(w);
        ksi_lot_lock(&lot, key);
        ksi_lot_enqueue(&lot, w, key, late_queue != NULL ? KSI_Q_SLEEP : KSI_Q_BLOCK,
                        KSI_FIFO, late_queue != NULL ? &late_queue->waiters : NULL);
        ksi_lot_unlock(&lot, NULL);
    }
#endif
    if (ksi_lot_find(&lot, w)) {
        if ((t->block_flags & KSL_BLOCK_INTERRUPTIBLE) != 0)
            ksi_wait_interruptible(w); /* false: the outcome is known */
        ksi_lot_unlock(&lot, NULL);
    }
    return ksi_outcome_error(ksi_wait(w, deadline));
}

int ksl_block(void)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "block_task", KSI_SLEEPQ, NULL, KSI_SITE()))
        return -EPERM;
    return block(t, KSI_FOREVER, KSI_SITE());
}

int ksl_block_until(const struct timespec *date)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "block_task_timeout", KSI_SLEEPQ, NULL, KSI_SITE()))
        return -EPERM;
    uint64_t deadline = KSI_FOREVER;
    if (date != NULL && (date->tv_nsec < 0 || date->tv_nsec >= 1000000000)) {
        struct ksi_misuse m = {
            KSI_BAD_ARGUMENT_RULE, KSI_SLEEPQ, NULL, KSI_SITE(), NULL, false};
        ksi_violate(&m, "block_task_timeout: %ld nanoseconds", (long)date->tv_nsec);
        return -EPERM;
    }
    if (date != NULL) {
        const uint64_t second = 1000000000u;
        if (date->tv_sec < 0)
            deadline = 0;
        else if ((uint64_t)date->tv_sec < KSI_FOREVER / second - 1)
            deadline = (uint64_t)date->tv_sec * second + (uint64_t)date->tv_nsec;
    }
    return block(t, deadline, KSI_SITE());
}

int ksl_block_unlock(ksl_spinlock_t *l)
{
    ksl_thread *t = ksi_self();
    uint32_t kept;
    if (ksi_refuse_in_handler(t, "sleep_on_queue_lock", KSI_SPINLOCK, l, KSI_SITE()))
        return -EPERM;
    if (!ksi_spinlock_suspend(l, t, &kept, KSI_SITE())) {
        ksl_block_cancel();
        return -EPERM;
    }
    KSI_POINT("block: unlocked");
    int result = block(t, KSI_FOREVER, KSI_SITE());
    return ksi_spinlock_resume(l, t, kept, KSI_SITE()) ? result : -EPERM;
}

int ksl_block_wake_reason(ksl_thread *t, int reason)
{
    static const enum ksi_outcome outcomes[] = {KSI_TIMED_OUT, KSI_SIGNALLED, KSI_WOKEN};
    struct ksi_lot lot;
    if (t == NULL || reason < KSL_WAKE_TIMEOUT || reason > KSL_WAKE_OTHER ||
        !ksi_thread_alive(t) || !ksi_lot_find_after(&lot, block_waiter(t)))
        return 0;
    struct ksi_wake_list wake = {
        NULL, NULL, KSI_FAULT(BLOCK_REASON_LOST) ? KSI_WOKEN : outcomes[reason]};
    unsigned kind = block_waiter(t)->queue->kind;
    if (kind != KSI_Q_BLOCK &&
        kind != KSI_Q_SLEEP) { /* it waits for another kernel's event */
        ksi_lot_unlock(&lot, NULL);
        return 0;
    }
    ksi_lot_remove(block_waiter(t));
    ksi_wake_add(&wake, block_waiter(t));
    ksi_lot_unlock(&lot, &wake);
    return 1;
}

int ksl_block_wake(ksl_thread *t)
{
    return ksl_block_wake_reason(t, KSL_WAKE_OTHER);
}

int ksl_sleepq_sleep(ksl_sleep_queue_t *q, unsigned flags)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "sleep_on_queue", KSI_SLEEPQ, q, KSI_SITE()))
        return -EPERM;
    prepare(t, q, flags);
    return block(t, KSI_FOREVER, KSI_SITE());
}

size_t ksl_sleepq_wake(ksl_sleep_queue_t *q, size_t count)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    size_t woken = 0;
    KSI_POINT("sleepq: wake");
    ksi_lot_lock(&lot, q);
    while ((count == 0 || woken < count) && ksi_lot_pop(&lot, q, KSI_Q_SLEEP, &wake)) {
        if (KSI_FAULT(SLEEPQ_SPENT_WAKE) && ksi_signal_next(wake.last->thread) != 0)
            wake.outcome = KSI_SIGNALLED;
        woken++;
    }
    ksi_lot_unlock(&lot, &wake);
    return woken;
}
