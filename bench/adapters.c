/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "bench.h"

#include <kslock/kslock.h>

#include <pthread.h>
#include <semaphore.h>

/*
 * Each on lines of its own; a lock that is only read keeps what speeds readers up.
 */
static struct {
    ksl_spinlock_t spin __attribute__((aligned(128)));
    ksl_mutex_t mutex __attribute__((aligned(128)));
    ksl_rwlock_t rwlock __attribute__((aligned(128)));
    ksl_rwsem_t sem_read __attribute__((aligned(128)));
    ksl_rwsem_t sem_write __attribute__((aligned(128)));
    ksl_rwsem_t sem_mix __attribute__((aligned(128)));
    pthread_spinlock_t pspin __attribute__((aligned(128)));
    pthread_mutex_t pmutex __attribute__((aligned(128)));
    pthread_mutex_t precursive __attribute__((aligned(128)));
    pthread_rwlock_t pread __attribute__((aligned(128)));
    pthread_rwlock_t pwrite __attribute__((aligned(128)));
    pthread_rwlock_t pmix __attribute__((aligned(128)));
} locks = {
    .pmutex = PTHREAD_MUTEX_INITIALIZER,
    .precursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
    .pread = PTHREAD_RWLOCK_INITIALIZER,
    .pwrite = PTHREAD_RWLOCK_INITIALIZER,
    .pmix = PTHREAD_RWLOCK_INITIALIZER,
};

ADAPTER(spin, ksl_spinlock_acquire(&locks.spin), ksl_spinlock_release(&locks.spin))
ADAPTER(mutex, ksl_mutex_acquire(&locks.mutex), ksl_mutex_release(&locks.mutex))
ADAPTER(sem_read, ksl_rwsem_acquire_read(&locks.sem_read),
        ksl_rwsem_release_read(&locks.sem_read))
ADAPTER(sem_write, ksl_rwsem_acquire_write(&locks.sem_write),
        ksl_rwsem_release_write(&locks.sem_write))
ADAPTER(pspin, pthread_spin_lock(&locks.pspin), pthread_spin_unlock(&locks.pspin))
ADAPTER(pmutex, pthread_mutex_lock(&locks.pmutex), pthread_mutex_unlock(&locks.pmutex))
ADAPTER(precursive, pthread_mutex_lock(&locks.precursive),
        pthread_mutex_unlock(&locks.precursive))
ADAPTER(pread, pthread_rwlock_rdlock(&locks.pread), pthread_rwlock_unlock(&locks.pread))
ADAPTER(pwrite, pthread_rwlock_wrlock(&locks.pwrite),
        pthread_rwlock_unlock(&locks.pwrite))
MIX(sem, ksl_rwsem_acquire_read(&locks.sem_mix), ksl_rwsem_release_read(&locks.sem_mix),
    ksl_rwsem_acquire_write(&locks.sem_mix), ksl_rwsem_release_write(&locks.sem_mix))
MIX(prw, pthread_rwlock_rdlock(&locks.pmix), pthread_rwlock_unlock(&locks.pmix),
    pthread_rwlock_wrlock(&locks.pmix), pthread_rwlock_unlock(&locks.pmix))

static __thread int irq_state;

ADAPTER(rw_read, ksl_rwlock_acquire_read(&locks.rwlock, &irq_state),
        ksl_rwlock_release_read(&locks.rwlock, &irq_state))
ADAPTER(rw_write, ksl_rwlock_acquire_write(&locks.rwlock, &irq_state),
        ksl_rwlock_release_write(&locks.rwlock, &irq_state))

static void mask_pairs(size_t n)
{
    while (n-- > 0)
        ksl_irq_restore(ksl_irq_save());
}

/* Two of them should do twice the work of one: if not, the machine is busy. */
static void nothing_pairs(size_t n)
{
    while (n-- > 0)
        work(10);
}

const struct adapter adapters[] = {
    {"nothing", NULL, .pairs = nothing_pairs, .shared = true},
    {"pthread_spin", NULL, BOTH(pspin)},
    {"pthread_mutex", NULL, BOTH(pmutex)},
    {"pthread_mutex recursive", NULL, BOTH(precursive)},
    {"pthread_rwlock read", NULL, BOTH(pread), .shared = true},
    {"pthread_rwlock write", NULL, BOTH(pwrite)},
    {"spinlock", "pthread_spin", BOTH(spin)},
    {"rwlock read", "pthread_spin", BOTH(rw_read)},
    {"rwlock write", "pthread_spin", BOTH(rw_write)},
    {"mutex", "pthread_mutex", BOTH(mutex)},
    {"rwsem read", "pthread_rwlock read", BOTH(sem_read), .shared = true},
    {"rwsem write", "pthread_rwlock write", BOTH(sem_write)},
    {"interrupt mask and restore", NULL, .pairs = mask_pairs},
    {"pthread_rwlock", NULL, .mix = prw_mix},
    {"rwsem", "pthread_rwlock", .mix = sem_mix},
};
const size_t adapter_count = sizeof adapters / sizeof adapters[0];

void adapters_init(void)
{
    pthread_spin_init(&locks.pspin, PTHREAD_PROCESS_PRIVATE);
}
