/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_STANIX_BLOCKER_H
#define TESTS_NATIVE_STANIX_BLOCKER_H

/* Threads that block themselves, and threads that unblock them. */

#include <kernel/asm.h>
#include <kernel/scheduler.h>

#include <kslock/signal.h>

#include "support.h"

/* Prepares, waits for the main thread to say go, blocks. */
struct blocker {
    struct actor actor;
    bool masked; /* all with interrupts masked */
    bool cancel; /* cancels before it blocks */
    int prepared;
    int go;
    int result;
    int pending; /* signals, afterwards */
    int open;    /* interrupts, afterwards */
};

static inline void block(void *arg)
{
    struct blocker *b = arg;
    if (b->masked)
        disable_interrupt();
    block_prepare();
    STORE(&b->prepared, 1);
    WORKER_WAIT(LOAD(&b->go));
    if (b->cancel)
        block_cancel();
    b->result = block_task();
    b->open = have_interrupt() != 0;
    b->pending = ksl_signal_pending();
    enable_interrupt();
}

static inline void start_prepared(struct blocker *b)
{
    b->result = 1;
    actor_start(&b->actor, block, b);
    WAIT_UNTIL(LOAD(&b->prepared));
}

static inline void start_blocked(struct blocker *b)
{
    b->go = 1;
    start_prepared(b);
    wait_asleep(b->actor.thread);
}

static inline void finish(struct blocker *b, int expected)
{
    STORE(&b->go, 1);
    CHECK_RESULT(b, expected);
}

struct unblocker {
    ksl_thread *target;
    int *wins; /* atomic: unblocks that found it blocked or prepared */
};

static inline void unblock_once(void *arg)
{
    struct unblocker *u = arg;
    if (unblock_task(u->target) == 1)
        ADD(u->wins, 1);
}

#endif
