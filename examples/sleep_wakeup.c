/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sleep and wakeup: a bounded buffer. Any address is a channel. sx_sleep
 * queues the caller, then gives the sx back, so that no wake-up is lost, and
 * takes it again as it was held. A woken thread looks again.
 */

#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/param.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "example.h"

#include <kslock/signal.h>

#include <stdbool.h>

enum { SLOTS = 4, PRODUCERS = 2, CONSUMERS = 3, ITEMS = 5000, SIGNAL_STOP = 15 };

static struct sx lock;
SX_SYSINIT(lock, &lock, "buffer");

static int slots[SLOTS];
static u_int put_count; /* channel of consumers: something was put */
static u_int got_count; /* channel of producers: something was taken */
static unsigned long long total;
static bool closed;
static bool never; /* channel without wake-ups */
static ksl_thread *sleeper;
static int sleep_result;

static void put(int item)
{
    sx_xlock(&lock);
    while (put_count - got_count == SLOTS)
        (void)sx_sleep(&got_count, &lock, 0, "full", 0);
    slots[put_count++ % SLOTS] = item;
    wakeup_one(&put_count);
    sx_xunlock(&lock);
}

/* Takes an item; 0 if there will be none. */
static int get(void)
{
    int item = 0;
    sx_xlock(&lock);
    while (put_count == got_count && !closed)
        (void)sx_sleep(&put_count, &lock, 0, "empty", 0);
    if (put_count != got_count) {
        item = slots[got_count++ % SLOTS];
        total += (unsigned)item;
        wakeup_one(&got_count);
        if (got_count == PRODUCERS * ITEMS)
            wakeup(&total);
    }
    sx_xunlock(&lock);
    return item;
}

static void *producer(void *arg)
{
    (void)arg;
    for (int i = 1; i <= ITEMS; i++)
        put(i);
    return NULL;
}

static void *consumer(void *arg)
{
    (void)arg;
    while (get() != 0)
        ;
    return NULL;
}

/* A share is enough to wait, and it is a share again afterwards. */
static void wait_for_all(void)
{
    sx_slock(&lock);
    while (got_count != PRODUCERS * ITEMS)
        (void)sx_sleep(&total, &lock, 0, "all", 0);
    sx_assert(&lock, SA_SLOCKED);
    sx_sunlock(&lock);
}

static void close_buffer(void)
{
    sx_xlock(&lock);
    closed = true;
    wakeup(&put_count); /* all consumers */
    sx_xunlock(&lock);
}

/* PCATCH: a signal ends the sleep. PDROP: the lock is not taken again. */
static void *catcher(void *arg)
{
    (void)arg;
    make_known(&sleeper);
    sx_xlock(&lock);
    sleep_result = sx_sleep(&never, &lock, PCATCH | PDROP, "never", 0);
    sx_assert(&lock, SA_UNLOCKED);
    CHECK(ksl_signal_take() == SIGNAL_STOP);
    return NULL;
}

int main(void)
{
    pthread_t producers[PRODUCERS];
    pthread_t consumers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = start(consumer, NULL);
    for (int i = 0; i < PRODUCERS; i++)
        producers[i] = start(producer, NULL);
    wait_for_all();
    close_buffer();
    for (int i = 0; i < PRODUCERS; i++)
        join(producers[i]);
    for (int i = 0; i < CONSUMERS; i++)
        join(consumers[i]);
    CHECK(total == (unsigned long long)PRODUCERS * ITEMS * (ITEMS + 1) / 2);
    printf("sleep_wakeup: %d items through %d slots, sum %llu\n", PRODUCERS * ITEMS,
           SLOTS, total);

    pthread_t thread = start(catcher, NULL);
    ksl_thread *t = wait_asleep(&sleeper);
    CHECK(ksl_signal_post(t, SIGNAL_STOP) == 0);
    join(thread);
    CHECK(sleep_result == EINTR);

    wakeup(&never); /* nobody sleeps: not remembered */
    CHECK(tsleep(&never, 0, "nap", MAX(hz / 100, 1)) == EWOULDBLOCK);
    printf("sleep_wakeup: a signal and a time limit ended the others\n");
    return 0;
}
