/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Mutex: sleeps instead of spinning, has an owner, and the owner may take it
 * again.
 */

#include "example.h"

#include <kernel/mutex.h>

enum { THREADS = 4, ROUNDS = 5000 };

static mutex_t mutex; /* zero-filled is ready to use */
static long balance[2];
static ksl_thread *waiter;

/* Takes the mutex itself, whether or not the caller holds it. */
static void deposit(int account, long amount)
{
    mutex_acquire(&mutex);
    balance[account] += amount;
    mutex_release(&mutex);
}

static void transfer(long amount)
{
    mutex_acquire(&mutex);
    deposit(0, -amount);
    deposit(1, amount);
    CHECK(balance[0] + balance[1] == 0);
    mutex_release(&mutex);
}

static void *worker(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        transfer(1);
    return NULL;
}

static void *impatient(void *arg)
{
    (void)arg;
    CHECK(mutex_try_acquire(&mutex) == 0); /* main holds it: no waiting */
    make_known(&waiter);
    mutex_acquire(&mutex); /* this waits */
    CHECK(balance[0] == -1);
    mutex_release(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    mutex_acquire(&mutex);
    CHECK(mutex_try_acquire(&mutex) == 1); /* the owner, for the second time */
    pthread_t other = start(impatient, NULL);
    wait_asleep(&waiter);
    mutex_release(&mutex); /* still held once */
    CHECK(ksl_thread_asleep(waiter));
    transfer(1);
    mutex_release(&mutex);
    join(other);

    for (int i = 0; i < THREADS; i++)
        threads[i] = start(worker, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(balance[1] == 1 + THREADS * ROUNDS);
    printf("mutex: %ld transfers, the accounts agree\n", balance[1]);
    return 0;
}
