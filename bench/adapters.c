/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "bench.h"

#include <kslock/kslock.h>

#include <pthread.h>
#include <signal.h>

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
    pthread_spinlock_t blocked __attribute__((aligned(128)));
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

/* What a program does that takes a lock in a signal handler. */
static __thread sigset_t before;

static void block_and_lock(void)
{
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &old);
    pthread_spin_lock(&locks.blocked);
    before = old;
}

static void unlock_and_unblock(void)
{
    sigset_t old = before;
    pthread_spin_unlock(&locks.blocked);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

ADAPTER(blocked, block_and_lock(), unlock_and_unblock())

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

/* What every pair with so many atomic operations takes at least. */
static uint32_t one_word __attribute__((aligned(128)));
static uint32_t two_word __attribute__((aligned(128)));

static void one_atomic_pairs(size_t n)
{
    while (n-- > 0) {
        uint32_t seen = 0;
        (void)__atomic_compare_exchange_n(&one_word, &seen, 1u, false, __ATOMIC_ACQUIRE,
                                          __ATOMIC_RELAXED);
        __atomic_store_n(&one_word, 0u, __ATOMIC_RELEASE);
    }
}

static void two_atomics_pairs(size_t n)
{
    while (n-- > 0) {
        __atomic_fetch_add(&two_word, 1u, __ATOMIC_ACQUIRE);
        __atomic_fetch_sub(&two_word, 1u, __ATOMIC_RELEASE);
    }
}

/* What a load or a mix does without any lock: more than that nobody can have. */
LOAD(none, (void)0, (void)0)
MIX(none, (void)0, (void)0, (void)0, (void)0)

static void pspin_init(void *lock)
{
    pthread_spin_init((pthread_spinlock_t *)lock, PTHREAD_PROCESS_PRIVATE);
}

static void precursive_init(void *lock)
{
    *(pthread_mutex_t *)lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}

OBJECTS(precursive, pthread_mutex_t, precursive_init, pthread_mutex_lock(l),
        pthread_mutex_unlock(l))
OBJECTS(spin, ksl_spinlock_t, NULL, ksl_spinlock_acquire(l), ksl_spinlock_release(l))
OBJECTS(mutex, ksl_mutex_t, NULL, ksl_mutex_acquire(l), ksl_mutex_release(l))
OBJECTS_UPTO(sem_read, 64, ksl_rwsem_t, NULL, ksl_rwsem_acquire_read(l),
             ksl_rwsem_release_read(l))
OBJECTS(sem_write, ksl_rwsem_t, NULL, ksl_rwsem_acquire_write(l),
        ksl_rwsem_release_write(l))
OBJECTS(pspin, pthread_spinlock_t, pspin_init, pthread_spin_lock(l),
        pthread_spin_unlock(l))
OBJECTS(pmutex, pthread_mutex_t, NULL, pthread_mutex_lock(l), pthread_mutex_unlock(l))
OBJECTS(pread, pthread_rwlock_t, NULL, pthread_rwlock_rdlock(l), pthread_rwlock_unlock(l))
OBJECTS(pwrite, pthread_rwlock_t, NULL, pthread_rwlock_wrlock(l),
        pthread_rwlock_unlock(l))

#define OURS(name_) BOTH(name_), .ours = true

const struct adapter adapters[] = {
    {"nothing", NULL, .pairs = nothing_pairs, .shared = true},
    {"1 atomic", NULL, .pairs = one_atomic_pairs},
    {"2 atomics", NULL, .pairs = two_atomics_pairs},
    {"no lock", NULL, .load = none_load, .mix = none_mix},
    {"pthread_spin", NULL, BOTH(pspin), .objects = &pspin_objects},
    {"pthread_spin, signals blocked", NULL, BOTH(blocked), .handler = true},
    {"pthread_mutex", NULL, BOTH(pmutex), .objects = &pmutex_objects},
    {"pthread_mutex recursive", NULL, BOTH(precursive), .objects = &precursive_objects},
    {"pthread_rwlock read", NULL, BOTH(pread), .shared = true, .objects = &pread_objects},
    {"pthread_rwlock write", NULL, BOTH(pwrite), .objects = &pwrite_objects},
    {"pthread_rwlock", NULL, .mix = prw_mix},
    {"spinlock", "pthread_spin", OURS(spin), .objects = &spin_objects, .handler = true},
    {"spinlock, to signals blocked", "pthread_spin, signals blocked", OURS(spin)},
    {"rwlock read", "pthread_spin", OURS(rw_read), .handler = true},
    {"rwlock write", "pthread_spin", OURS(rw_write), .handler = true},
    {"mutex", "pthread_mutex", OURS(mutex), .objects = &mutex_objects},
    {"rwsem read", "pthread_rwlock read", OURS(sem_read), .shared = true,
     .objects = &sem_read_objects},
    {"rwsem write", "pthread_rwlock write", OURS(sem_write),
     .objects = &sem_write_objects},
    {"rwsem", "pthread_rwlock", .mix = sem_mix, .ours = true},
    {"interrupt mask and restore", NULL, .pairs = mask_pairs, .ours = true},
};
const size_t adapter_count = sizeof adapters / sizeof adapters[0];

void adapters_init(void)
{
    pthread_spin_init(&locks.pspin, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_init(&locks.blocked, PTHREAD_PROCESS_PRIVATE);
}
