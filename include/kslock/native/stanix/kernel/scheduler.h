/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_SCHEDULER_H
#define KSLOCK_STANIX_SCHEDULER_H

/* Stanix <kernel/scheduler.h>: contracts in <kslock/sleepq.h>. */

#include <kernel/profile.h>

#include <kslock/sleepq.h>
#include <kslock/thread.h>

KSL_BEGIN_DECLS

/* A task is a thread; the value equals that of ksl_thread_self(). */
typedef struct ksl_thread task_t;

task_t *get_current_task(void) KSL_SYMBOL(ksl_thread_self);
void block_cancel(void) KSL_SYMBOL(ksl_block_cancel);
int block_task(void) KSL_SYMBOL(ksl_block);
int unblock_task(task_t *task) KSL_SYMBOL(ksl_block_wake);
task_t *new_kernel_task(void (*fn)(void *), void *arg) KSL_SYMBOL(ksl_task_new);

static inline void yield(int preempt)
{
    (void)preempt; /* a thread cannot be taken off its CPU involuntarily by this call */
    ksl_task_yield();
}

#if KSL_STANIX_PROFILE < 3

/* A signal ends the block that follows (B5). */
static inline void block_prepare(void)
{
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
}

#else

#define WAKEUP_TIMEOUT KSL_WAKE_TIMEOUT
#define WAKEUP_SIGNAL KSL_WAKE_SIGNAL
#define WAKEUP_OTHER KSL_WAKE_OTHER

int unblock_task_reason(task_t *task, int reason) KSL_SYMBOL(ksl_block_wake_reason);

static inline void block_prepare(void)
{
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
}

static inline void block_prepare_interruptible(void)
{
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
}

/* Absolute CLOCK_MONOTONIC date; NULL: no limit (B7). */
static inline int block_task_timeout(struct timespec *date)
{
    return ksl_block_until(date);
}

#endif

KSL_END_DECLS

#endif
