/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Spinlock: protects data that an interrupt handler uses, too. While it is
 * held the thread takes no interrupt; the release plays what has arrived.
 */

#include "example.h"

#include <kernel/asm.h>
#include <kernel/spinlock.h>
#include <kslock/irq.h>

enum { IRQ = 1, THREADS = 4, ROUNDS = 2000 };

static spinlock_t lock; /* zero-filled is ready to use */
static unsigned long counter;
static unsigned long from_handler;

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    spinlock_acquire(&lock);
    counter++;
    from_handler++;
    spinlock_release(&lock);
}

/* Counts, and interrupts itself once per round: no deadlock, no lost count. */
static void *worker(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        spinlock_acquire(&lock);
        counter++;
        spinlock_release(&lock);
        CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, handler, NULL) == 0);

    /* An interrupt that arrives while the lock is held waits for its release. */
    spinlock_acquire(&lock);
    CHECK(!have_interrupt());
    CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    CHECK(from_handler == 0);
    spinlock_release(&lock);
    CHECK(have_interrupt());
    CHECK(from_handler == 1);

    /* spinlock_raw_release frees the lock and leaves interrupts off. */
    spinlock_acquire(&lock);
    spinlock_raw_release(&lock);
    CHECK(!have_interrupt());
    enable_interrupt();

    for (int i = 0; i < THREADS; i++)
        threads[i] = start(worker, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(ksl_irq_free(IRQ) == 0);

    CHECK(from_handler == 1 + THREADS * ROUNDS);
    CHECK(counter == 1 + 2 * THREADS * ROUNDS);
    printf("spinlock: %lu counts, %lu of them by the interrupt handler\n", counter,
           from_handler);
    return 0;
}
