/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_THREAD_SIGNAL_WAITS_H
#define TESTS_THREAD_SIGNAL_WAITS_H

/* The waits that a signal ends. */

#include <kslock/cond.h>
#include <kslock/sleepq.h>

static ksl_cond_t cond;
static ksl_sleep_queue_t queue;

/* kind: 0: cond, 1: queue, 2: prepare, queue, block. */
static inline int wait_interruptibly(int kind)
{
    if (kind == 0)
        return ksl_cond_wait_interruptible(&cond, 1);
    if (kind == 1)
        return ksl_sleepq_sleep(&queue, KSL_BLOCK_INTERRUPTIBLE);
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
    ksl_block_queue(&queue);
    return ksl_block();
}

#endif
