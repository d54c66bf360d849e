/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Simple locks: one owner, which has the priority of its most favoured waiter. Threads
 * sleep for them; what is shared with an interrupt handler is taken by disable_lock.
 */

#include <sys/intr.h>
#include <sys/lock_def.h>

#include "example.h"

#include <kslock/irq.h>

enum { IRQ = 4, LEVEL = 6, OWNER = 10, LESS = 40, MORE = 70 };

_Static_assert(INTBASE - LEVEL == INTCLASS2, "the handler runs at INTCLASS2");

static simple_lock_data lock;
static ksl_thread *thread_of[2];
static int order[2]; /* priorities of those who got the lock, the first one first */
static int taken;    /* lock */

static simple_lock_data shared; /* with the handler */
static int handled;             /* shared */

static void *waiter(void *arg)
{
    int which = *(int *)arg;
    CHECK(ksl_thread_set_priority(ksl_thread_self(), which == 0 ? LESS : MORE) == 0);
    CHECK(!simple_lock_try(&lock));
    make_known(&thread_of[which]);
    simple_lock(&lock);
    order[taken++] = ksl_thread_priority(ksl_thread_self());
    simple_unlock(&lock);
    return NULL;
}

/* Larger priorities of <kslock/thread.h> are more favoured. */
static void promote(void)
{
    static int which[2] = {0, 1};
    static const int lent[2] = {LESS, MORE};
    ksl_thread *me = ksl_thread_self();
    pthread_t thread[2];

    CHECK(ksl_thread_set_priority(me, OWNER) == 0);
    simple_lock(&lock);
    CHECK(lock_mine(&lock) && !simple_lock_try(&lock)); /* not recursive */
    CHECK(ksl_thread_effective_priority(me) == OWNER);
    for (int i = 0; i < 2; i++) {
        thread[i] = start(waiter, &which[i]);
        wait_asleep(&thread_of[i]);
        CHECK(ksl_thread_effective_priority(me) == lent[i]);
        printf("simple: the owner, of priority %d, has %d\n", ksl_thread_priority(me),
               ksl_thread_effective_priority(me));
    }
    simple_unlock(&lock);
    CHECK(ksl_thread_effective_priority(me) == OWNER);
    for (int i = 0; i < 2; i++)
        join(thread[i]);
    CHECK(order[0] == MORE && order[1] == LESS);
    printf("simple: priority %d again, and the most favoured waiter was first\n", OWNER);
}

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    int pri = disable_lock(INTCLASS2, &shared);
    CHECK(pri == INTCLASS2); /* that of the handler */
    handled++;
    unlock_enable(pri, &shared);
}

static void mask(void)
{
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handler, NULL) == 0);
    int pri = disable_lock(INTCLASS2, &shared);
    CHECK(pri == INTBASE && lock_mine(&shared));
    CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    CHECK(handled == 0); /* it cannot find its own thread with the lock */
    unlock_enable(pri, &shared);
    CHECK(handled == 1); /* and has run when the call returns */
    CHECK(ksl_irq_free(IRQ) == 0);
    printf("simple: the interrupt waited until unlock_enable\n");
}

int main(void)
{
    simple_lock_init(&lock);
    simple_lock_init(&shared);
    promote();
    mask();
    return 0;
}
