/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks that spin: nobody queues, so only the word and what it protects matter. */

#include "scenarios.h"

#include "thread/irq.h"

#include <kslock/rwlock.h>
#include <kslock/spinlock.h>

static ksl_spinlock_t lock;
static ksl_rwlock_t rwlock;

/* Each thread has its own level, which comes back: `saved` is the holder's alone. */
void spin_setup(void)
{
    lock = (ksl_spinlock_t)KSL_SPINLOCK_INIT;
    weak_shared = 0;
    for (unsigned i = 0; i < WEAK_THREADS; i++)
        weak_threads[i].front.level = i;
}

void spin_thread(void)
{
    const ksl_thread *t = ksl_tls.self;
    uint32_t level = ksi_load(&t->front.level);
    ksl_spinlock_acquire(&lock);
    WEAK_CHECK(ksi_load(&t->front.level) == KSI_MASK_ALL);
    weak_change();
    ksl_spinlock_release(&lock);
    WEAK_CHECK(ksi_load(&t->front.level) == level);
}

/* Not by the inlined ways, as without an owner word. */
void spin_slow_thread(void)
{
    ksl_tls.owner = 0;
    spin_thread();
}

void spin_finish(void)
{
    WEAK_CHECK(weak_shared == 3 && lock.word == 0);
}

void rwlock_setup(void)
{
    ksl_rwlock_init(&rwlock);
    weak_shared = 0;
}

void rwlock_read(void)
{
    int saved;
    ksl_rwlock_acquire_read(&rwlock, &saved);
    weak_look();
    ksl_rwlock_release_read(&rwlock, &saved);
}

void rwlock_read_slow(void)
{
    ksl_tls.owner = 0;
    rwlock_read();
}

void rwlock_write(void)
{
    int saved;
    ksl_rwlock_acquire_write(&rwlock, &saved);
    weak_change();
    ksl_rwlock_release_write(&rwlock, &saved);
}

void rwlock_write_slow(void)
{
    ksl_tls.owner = 0;
    rwlock_write();
}

void rwlock_finish(void)
{
    WEAK_CHECK(weak_shared >= 1 && weak_shared <= 2 && rwlock.word == 0);
}
