/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Simulated signals: a per-thread pending set. A signal ends an interruptible
 * wait with -EINTR and stays pending until it is taken; other waits go on.
 */

#include "example.h"

#include <kernel/cond.h>
#include <kernel/sleep.h>
#include <kslock/signal.h>

#include <errno.h>

enum { SIGNAL_STOP = 15, SIGNAL_NOISE = 10 };

static cond_t never;
static cond_t later;
static sleep_queue_t queue;
static ksl_thread *sleeper;
static int results[3];
static int taken[2];

static void *interruptible(void *arg)
{
    (void)arg;
    (void)ksl_signal_mask(UINT64_C(1) << (SIGNAL_NOISE - 1));
    make_known(&sleeper);
    results[0] = cond_wait_interruptible(&never, 1);
    results[1] = sleep_on_queue(&queue); /* still pending: does not sleep */
    taken[0] = ksl_signal_take();
    taken[1] = ksl_signal_take(); /* the masked one is not delivered */
    return NULL;
}

static void *patient(void *arg)
{
    (void)arg;
    make_known(&sleeper);
    results[2] = cond_wait(&later, 1);
    CHECK(ksl_signal_pending());
    return NULL;
}

int main(void)
{
    pthread_t thread = start(interruptible, NULL);
    ksl_thread *t = wait_asleep(&sleeper);
    CHECK(ksl_signal_post(t, SIGNAL_NOISE) == 0); /* masked: it sleeps on */
    CHECK(ksl_thread_asleep(t));
    CHECK(ksl_signal_post(t, SIGNAL_STOP) == 0);
    join(thread);
    CHECK(results[0] == -EINTR && results[1] == -EINTR);
    CHECK(taken[0] == SIGNAL_STOP && taken[1] == 0);

    /* cond_wait is not interruptible. */
    sleeper = NULL;
    thread = start(patient, NULL);
    t = wait_asleep(&sleeper);
    CHECK(ksl_signal_post(t, SIGNAL_STOP) == 0);
    wait_asleep(&sleeper);
    cond_set(&later, 1);
    join(thread);
    CHECK(results[2] == 0);
    printf("signals: the interruptible waits ended with -EINTR, the other went on\n");
    return 0;
}
