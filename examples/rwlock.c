/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rwlock: a spinning reader/writer lock for threads and interrupt handlers.
 * Each call takes the address of an int that keeps the caller's interrupt
 * state.
 */

#include "example.h"

#include <kernel/asm.h>
#include <kernel/rwlock.h>
#include <kslock/irq.h>

enum { IRQ = 1, READERS = 2, ROUNDS = 20000 };

static rwlock_t lock;          /* zero-filled is ready to use */
static unsigned long table[2]; /* both entries are always equal */
static unsigned long seen_by_handler;

static void handler(int irq, void *arg)
{
    int save;
    (void)irq;
    (void)arg;
    rwlock_acquire_read(&lock, &save);
    seen_by_handler = table[0];
    rwlock_release_read(&lock, &save);
}

static void *reader(void *arg)
{
    int save;
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        rwlock_acquire_read(&lock, &save);
        CHECK(table[0] == table[1]);
        rwlock_release_read(&lock, &save);
    }
    return NULL;
}

static void *second_reader(void *arg)
{
    int save;
    (void)arg;
    CHECK(rwlock_try_acquire_write(&lock, &save) == 0);
    CHECK(have_interrupt()); /* a failed try changes nothing */
    CHECK(rwlock_try_acquire_read(&lock, &save) == 1);
    CHECK(!have_interrupt());
    rwlock_release_read(&lock, &save);
    CHECK(have_interrupt());
    return NULL;
}

int main(void)
{
    pthread_t readers[READERS];
    int save;
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, handler, NULL) == 0);

    /* Readers enter together; a writer does not enter beside them. */
    rwlock_acquire_read(&lock, &save);
    join(start(second_reader, NULL));
    rwlock_release_read(&lock, &save);

    for (int i = 0; i < READERS; i++)
        readers[i] = start(reader, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        rwlock_acquire_write(&lock, &save);
        table[0]++;
        table[1]++;
        rwlock_release_write(&lock, &save);
    }
    for (int i = 0; i < READERS; i++)
        join(readers[i]);

    /* The handler waits for the writer that it would interrupt. */
    rwlock_acquire_write(&lock, &save);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    CHECK(seen_by_handler == 0);
    rwlock_release_write(&lock, &save);
    CHECK(seen_by_handler == ROUNDS);
    CHECK(ksl_irq_free(IRQ) == 0);
    printf("rwlock: %lu writes, no reader saw half of one\n", table[0]);
    return 0;
}
