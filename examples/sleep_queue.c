/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sleep queue: a bounded buffer. sleep_on_queue_lock gives the spinlock back
 * while it sleeps, tests the condition with the lock held and returns with it
 * held.
 */

#include "example.h"

#include <kernel/sleep.h>
#include <kernel/spinlock.h>

enum { SLOTS = 4, CONSUMERS = 3, ITEMS = 10000 };

static spinlock_t lock;
static sleep_queue_t not_empty;
static sleep_queue_t not_full;
static sleep_queue_t gate;
static int slots[SLOTS];
static unsigned long put_count;
static unsigned long got_count;
static unsigned long long total;
static int gate_open;
static ksl_thread *guest_thread;

static void put(int item)
{
    spinlock_acquire(&lock);
    CHECK(sleep_on_queue_lock(&not_full, put_count - got_count < SLOTS, &lock) == 0);
    slots[put_count++ % SLOTS] = item;
    spinlock_release(&lock);
    wakeup_queue(&not_empty, 1);
}

static int get(void)
{
    spinlock_acquire(&lock);
    CHECK(sleep_on_queue_lock(&not_empty, put_count != got_count, &lock) == 0);
    int item = slots[got_count++ % SLOTS];
    spinlock_release(&lock);
    wakeup_queue(&not_full, 1);
    return item;
}

static void *consumer(void *arg)
{
    int item;
    (void)arg;
    while ((item = get()) != 0)
        __atomic_add_fetch(&total, (unsigned)item, __ATOMIC_RELAXED);
    return NULL;
}

/* Without a lock: the condition is looked at again after every wake-up. */
static void *guest(void *arg)
{
    (void)arg;
    make_known(&guest_thread);
    CHECK(sleep_on_queue_condition(&gate,
                                   __atomic_load_n(&gate_open, __ATOMIC_SEQ_CST)) == 0);
    return NULL;
}

int main(void)
{
    pthread_t consumers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = start(consumer, NULL);
    for (int i = 1; i <= ITEMS; i++)
        put(i);
    for (int i = 0; i < CONSUMERS; i++)
        put(0); /* the end, for each of them */
    for (int i = 0; i < CONSUMERS; i++)
        join(consumers[i]);
    CHECK(total == (unsigned long long)ITEMS * (ITEMS + 1) / 2);

    pthread_t thread = start(guest, NULL);
    wait_asleep(&guest_thread);
    __atomic_store_n(&gate_open, 1, __ATOMIC_SEQ_CST);
    wakeup_queue(&gate, 0); /* 0: everybody */
    join(thread);
    printf("sleep_queue: %d items through %d slots, sum %llu\n", ITEMS, SLOTS, total);
    return 0;
}
