/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * lockl, the locks of old code: a thread may ask again for what it has, is told so by
 * LOCK_NEST, and gives the lock back once. They are the only ones of AIX whose waits
 * a signal may end.
 */

#include <sys/lock.h>
#include <sys/types.h>

#include "example.h"

#include <kslock/signal.h>

#include <errno.h>
#include <stdbool.h>

enum { SIGNAL = 15 };

static lock_t word = LOCK_AVAIL;
static int calls;
static ksl_thread *returning_thread;
static ksl_thread *jumping_thread;
static ksl_thread *patient_thread;

/* May be called with the lock or without. */
static void inner(void)
{
    int got = lockl(&word, LOCK_SHORT);
    calls++;
    if (got != LOCK_NEST)
        unlockl(&word);
}

static void outer(void)
{
    int got = lockl(&word, LOCK_SHORT);
    CHECK(got == LOCK_SUCC);
    inner();
    inner();
    CHECK(lockl(&word, LOCK_NDELAY) == LOCK_NEST); /* still ours */
    unlockl(&word);                                /* however often it was asked for */
}

/* LOCK_SIGRET: the call says that a signal came. */
static void *returning(void *arg)
{
    (void)arg;
    CHECK(lockl(&word, LOCK_NDELAY) == LOCK_FAIL);
    make_known(&returning_thread);
    CHECK(lockl(&word, LOCK_SIGRET) == LOCK_SIG);
    CHECK(ksl_signal_take() == SIGNAL);
    return NULL;
}

/* LOCK_SIGWAKE: the call does not come back, the saved context does. */
static void *jumping(void *arg)
{
    label_t context;
    (void)arg;
    switch (setjmpx(&context)) {
    case 0:
        make_known(&jumping_thread);
        (void)lockl(&word, LOCK_SIGWAKE);
        CHECK(false); /* does not come back */
        break;
    case EINTR:
        CHECK(ksl_signal_take() == SIGNAL);
        break;
    default:
        CHECK(false);
    }
    return NULL;
}

/* LOCK_SHORT: signals have to wait. */
static void *patient(void *arg)
{
    (void)arg;
    make_known(&patient_thread);
    CHECK(lockl(&word, LOCK_SHORT) == LOCK_SUCC);
    CHECK(!ksl_signal_pending()); /* put off while a lock is held */
    unlockl(&word);
    CHECK(ksl_signal_take() == SIGNAL);
    return NULL;
}

int main(void)
{
    outer();
    inner();
    CHECK(calls == 3 && word == LOCK_AVAIL);
    printf("lockl: %d nested and plain calls, each gave back what it had taken\n", calls);

    CHECK(lockl(&word, LOCK_SHORT) == LOCK_SUCC);
    pthread_t thread[3] = {start(returning, NULL), start(jumping, NULL),
                           start(patient, NULL)};
    ksl_thread **known[3] = {&returning_thread, &jumping_thread, &patient_thread};
    for (int i = 0; i < 3; i++)
        CHECK(ksl_signal_post(wait_asleep(known[i]), SIGNAL) == 0);
    join(thread[0]);
    join(thread[1]);
    wait_asleep(&patient_thread);
    unlockl(&word);
    join(thread[2]);
    printf("lockl: a signal ended the waits that allow it, by a result and by a jump\n");
    return 0;
}
