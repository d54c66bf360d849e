/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_SLEEPQ_H
#define KSLOCK_SLEEPQ_H

#include <kslock/base.h>
#include <kslock/spinlock.h>
#include <kslock/thread.h>

#include <stddef.h>
#include <time.h>

KSL_BEGIN_DECLS

/*
 * Sleep queue and task blocking (evl_stanix.md Q1..Q9, B1..B7). Valid when
 * zero-filled. First in, first out, whatever the priority.
 */
typedef struct ksl_sleep_queue {
    ksl_spinlock_t lock; /* free for the callers' use; the library takes it never */
    uint32_t waiters;    /* threads queued now */
    uint32_t reserved;
} ksl_sleep_queue_t;

/* clang-format off */
#define KSL_SLEEP_QUEUE_INIT { KSL_SPINLOCK_INIT, 0, 0 }
/* clang-format on */

enum {
    KSL_BLOCK_UNINTERRUPTIBLE = 0,
    KSL_BLOCK_INTERRUPTIBLE = 1 /* a signal or forced unblock ends the block */
};

/* Reasons of ksl_block_wake_reason. */
enum { KSL_WAKE_TIMEOUT = 0, KSL_WAKE_SIGNAL = 1, KSL_WAKE_OTHER = 2 };

/*
 * Says whether the caller may sleep here at all: 0, or -EPERM after an
 * `irq-sleep` violation in a handler. Context: any.
 */
KSL_API int ksl_block_check(void);

/* The same for a sleep on q, which the violation names. Context: any. 0 or -EPERM. */
KSL_API int ksl_sleepq_check(const ksl_sleep_queue_t *q);

/*
 * The same for a sleep that gives l up meanwhile: also `not-owner` or
 * `not-locked` unless the caller holds l (Q4). Context: any. 0 or -EPERM. The sleep
 * macros begin with it, or with ksl_sleepq_check.
 */
KSL_API int ksl_block_check_lock(const ksl_spinlock_t *l);

/*
 * Marks the caller as blocked (B1): from now on a wake-up is remembered until
 * ksl_block. Context: thread. In a handler: `irq-sleep`, nothing is marked.
 */
KSL_API void ksl_block_prepare(unsigned flags);

/*
 * Puts the prepared caller at the tail of q (Q3); if it was woken since it
 * prepared, nothing happens. Context: thread, after ksl_block_prepare.
 * Violations, nothing changes: `bad-argument` if it is not prepared or on a
 * queue already; `irq-sleep` in a handler.
 */
KSL_API void ksl_block_queue(ksl_sleep_queue_t *q);

/*
 * Takes the caller off q again if it is on it; it stays prepared.
 * Context: thread.
 */
KSL_API void ksl_block_unqueue(ksl_sleep_queue_t *q);

/*
 * ksl_block_prepare and ksl_block_queue in one step: marks the caller as blocked
 * and puts it at the tail of q (Q3, Q4).
 * Context: thread. In a handler: `irq-sleep`, nothing is marked.
 */
KSL_API void ksl_sleepq_prepare(ksl_sleep_queue_t *q, unsigned flags);

/*
 * Marks the caller as running; it is on no queue afterwards (B2).
 * Context: thread; without ksl_block_prepare nothing happens.
 */
KSL_API void ksl_block_cancel(void);

/*
 * Sleeps while the caller is marked as blocked (B3); not at all without
 * ksl_block_prepare. Interrupts are open while it sleeps and afterwards as
 * before (Q6).
 * Context: thread; may sleep. The caller is on no queue on return (Q7).
 * Returns 0 woken, -EINTR ended by signal or forced unblock (B5), -EPERM if
 * refused. Violations: `irq-sleep` in a handler.
 */
KSL_API int ksl_block(void);

/*
 * As ksl_block, until the absolute CLOCK_MONOTONIC date (NULL: no limit).
 * Context: thread; may sleep. Returns as ksl_block, and -ETIMEDOUT, never early,
 * at once for a date in the past (B7). Violations: `irq-sleep`; `bad-argument` for
 * nanoseconds outside 0..999999999, then -EPERM.
 */
KSL_API int ksl_block_until(const struct timespec *date);

/*
 * As ksl_block, but gives the spinlock l back once the caller can be found by
 * wakers and takes it again before it returns (Q4); interrupt state and the
 * state that l keeps for its holder are as before (Q6).
 * Context: thread that holds l; may sleep. Returns 0, -EINTR, or -EPERM if
 * refused. Violations: `not-owner`, `not-locked`, `irq-sleep` in a handler;
 * afterwards `recursion` if a handler has taken l and kept it, and `destroyed`
 * with -EPERM if l is no lock any more.
 */
KSL_API int ksl_block_unlock(ksl_spinlock_t *l);

/*
 * Wakes t if it is blocked: prepared, blocked or on a sleep queue, which it
 * leaves (B4). Waits for locks and conds are not ended.
 * Context: any, handlers included; never sleeps.
 * Returns 1 if it was blocked and runs now, else 0 and nothing is remembered.
 */
KSL_API int ksl_block_wake(ksl_thread *t);

/*
 * The same with a reason KSL_WAKE_*: its block gives -ETIMEDOUT, -EINTR or 0 (B5,
 * B7). Context: any. Returns 1 or 0; 0 for an unknown reason.
 */
KSL_API int ksl_block_wake_reason(ksl_thread *t, int reason);

/*
 * Sleeps on q until a wake-up that comes later (Q1, Q2).
 * Context: thread; may sleep, also with interrupts masked.
 * Returns 0; -EINTR with KSL_BLOCK_INTERRUPTIBLE; -EPERM if refused.
 * Violations: `irq-sleep` in a handler.
 */
KSL_API int ksl_sleepq_sleep(ksl_sleep_queue_t *q, unsigned flags);

/*
 * Wakes the first count waiters of q, count 0 all of them (Q1). A wake-up is never
 * spent on a waiter that already left (Q9). Touches no memory of q once the
 * last waiter is free to go.
 * Context: any, handlers included (Q8); never sleeps.
 * Returns how many it woke.
 */
KSL_API size_t ksl_sleepq_wake(ksl_sleep_queue_t *q, size_t count);

/*
 * Starts fn(arg) on a new detached thread.
 * Context: thread; may sleep. Returns the thread, NULL if the host refuses.
 * Violations: `irq-sleep` in a handler, then NULL.
 */
KSL_API ksl_thread *ksl_task_new(void (*fn)(void *arg), void *arg);

/* Offers the processor to other threads (the kernel's yield). Context: any. */
KSL_API void ksl_task_yield(void);

KSL_END_DECLS

#endif
