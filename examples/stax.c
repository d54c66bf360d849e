/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Stax: keeps the two stages apart. Threads of one stage are inside together, as many
 * as like; the other stage waits until the last of them has left.
 */

#include "example.h"

#include <evl/sched.h>
#include <evl/stax.h>
#include <evl/thread.h>
#include <kslock/irq.h>
#include <kslock/signal.h>

#include <errno.h>

enum { OOB_IRQ = 4, SIGNAL = 15, ROUNDS = 2000 };

static struct evl_stax gate;
static ksl_thread *oob_thread;
static ksl_thread *inband_thread;
static int answer;

/* One counter for each stage; each must stand still while the other stage is inside. */
static int visits[2];

static void *visitor(void *arg)
{
    bool oob = *(bool *)arg;
    if (oob)
        CHECK(evl_switch_oob() == 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(evl_lock_stax(&gate) == 0);
        int others = __atomic_load_n(&visits[!oob], __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&visits[oob], 1, __ATOMIC_SEQ_CST);
        sched_yield();
        CHECK(__atomic_load_n(&visits[!oob], __ATOMIC_SEQ_CST) == others);
        evl_unlock_stax(&gate);
    }
    return NULL;
}

static void meet(void)
{
    static bool stage[4] = {false, true, false, true};
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        thread[i] = start(visitor, &stage[i]);
    for (int i = 0; i < 4; i++)
        join(thread[i]);
    CHECK(visits[0] == 2 * ROUNDS && visits[1] == 2 * ROUNDS);
}

/* Of the stage that is inside: does not wait, and may leave for somebody else (X15). */
static void *colleague(void *arg)
{
    (void)arg;
    CHECK(evl_lock_stax(&gate) == 0);
    evl_unlock_stax(&gate);
    evl_unlock_stax(&gate);
    return NULL;
}

static void *other_stage(void *arg)
{
    (void)arg;
    CHECK(evl_switch_oob() == 0);
    CHECK(evl_trylock_stax(&gate) == -EAGAIN);
    make_known(&oob_thread);
    CHECK(evl_lock_stax(&gate) == 0);
    evl_unlock_stax(&gate);
    return NULL;
}

static void try_in_handler(int irq, void *arg)
{
    (void)irq;
    answer = evl_trylock_stax(arg);
}

static void *signalled(void *arg)
{
    (void)arg;
    make_known(&inband_thread);
    CHECK(evl_lock_stax(&gate) == -ERESTARTSYS);
    CHECK(ksl_signal_take() == SIGNAL);
    return NULL;
}

int main(void)
{
    CHECK(evl_init_stax(&gate) == 0);
    meet();
    printf("stax: %d visits of each stage, never together\n", visits[0]);

    /* Two entries of ours; the other stage waits until both are gone. */
    CHECK(evl_lock_stax(&gate) == 0 && evl_trylock_stax(&gate) == 0);
    pthread_t thread = start(other_stage, NULL);
    wait_asleep(&oob_thread);
    evl_unlock_stax(&gate);
    wait_asleep(&oob_thread);

    /* An out-of-band handler is of the other stage, whatever it interrupts. */
    CHECK(ksl_irq_request(OOB_IRQ, KSL_STAGE_OOB, 6, try_in_handler, &gate) == 0);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), OOB_IRQ) == 0);
    CHECK(ksl_irq_free(OOB_IRQ) == 0 && answer == -EAGAIN);

    join(start(colleague, NULL));
    join(thread);
    printf("stax: the last of the stage let the other one in\n");

    /* An in-band wait ends with a signal. */
    CHECK(evl_switch_oob() == 0 && evl_lock_stax(&gate) == 0);
    thread = start(signalled, NULL);
    CHECK(ksl_signal_post(wait_asleep(&inband_thread), SIGNAL) == 0);
    join(thread);
    evl_unlock_stax(&gate);
    printf("stax: the interrupted wait ended with ERESTARTSYS\n");
    return evl_destroy_stax(&gate);
}
