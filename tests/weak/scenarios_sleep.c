/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep queues and blocking: the waker changes the state first and wakes afterwards, the
 * sleeper queues first and tests afterwards; the state itself orders nothing.
 */

#include "scenarios.h"

#include <kslock/sleepq.h>

static ksl_sleep_queue_t queue;
static uint32_t state; /* atomic, relaxed */

void sleep_setup(void)
{
    queue = (ksl_sleep_queue_t)KSL_SLEEP_QUEUE_INIT;
    state = 0;
    weak_shared = 0;
}

void sleep_on_queue(void)
{
    ksl_sleepq_prepare(&queue, KSL_BLOCK_UNINTERRUPTIBLE);
    if (ksi_load(&state) != 0)
        ksl_block_cancel();
    else
        WEAK_CHECK(ksl_block() == 0);
    WEAK_CHECK(ksi_load(&state) != 0);
}

void sleep_wake_queue(void)
{
    ksi_store(&state, 1u);
    (void)ksl_sleepq_wake(&queue, 0);
}

/* Blocks; who wakes it hands something over. */
void sleep_block(void)
{
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    if (ksi_load(&state) != 0)
        ksl_block_cancel();
    else if (ksl_block() == 0)
        WEAK_CHECK(weak_shared == 1);
}

void sleep_wake_thread(void)
{
    weak_shared = 1;
    ksi_store(&state, 1u);
    (void)ksl_block_wake(&weak_threads[0]);
}

void sleep_finish(void)
{
    WEAK_CHECK(queue.waiters == 0);
}
