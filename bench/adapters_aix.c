/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

#include <sys/lock_def.h>
#include <sys/lockl.h>

/* Each on lines of its own; all are free when zero-filled. */
static struct {
    simple_lock_data simple __attribute__((aligned(128)));
    complex_lock_data read __attribute__((aligned(128)));
    complex_lock_data write __attribute__((aligned(128)));
    lock_t word __attribute__((aligned(128)));
    pthread_mutex_t inherit __attribute__((aligned(128)));
} locks;

ADAPTER(simple, simple_lock(&locks.simple), simple_unlock(&locks.simple))
ADAPTER(lockl, (void)lockl(&locks.word, LOCK_SHORT), unlockl(&locks.word))
ADAPTER(complex_read, lock_read(&locks.read), lock_done(&locks.read))
ADAPTER(complex_write, lock_write(&locks.write), lock_done(&locks.write))
ADAPTER(inherit, pthread_mutex_lock(&locks.inherit), pthread_mutex_unlock(&locks.inherit))

/* The mutex with the nearest meaning: its owner has the priority of its waiters. */
__attribute__((constructor)) static void prepare(void)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0 ||
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) != 0 ||
        pthread_mutex_init(&locks.inherit, &attributes) != 0)
        abort();
    (void)pthread_mutexattr_destroy(&attributes);
}

const struct adapter aix_adapters[] = {
    {"pthread_mutex PI", NULL, BOTH(inherit)},
    {"simple lock", "pthread_mutex", BOTH(simple)},
    {"simple lock, to PI", "pthread_mutex PI", BOTH(simple)},
    {"lockl", "pthread_mutex recursive", BOTH(lockl)},
    {"complex read", "pthread_rwlock read", BOTH(complex_read), .shared = true},
    {"complex write", "pthread_rwlock write", BOTH(complex_write)},
};
const size_t aix_adapter_count = sizeof aix_adapters / sizeof aix_adapters[0];
