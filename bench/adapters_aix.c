/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

/* Each on lines of its own; all are free when zero-filled. */
static struct {
    simple_lock_data simple __attribute__((aligned(128)));
    simple_lock_data disabled __attribute__((aligned(128)));
    complex_lock_data mix __attribute__((aligned(128)));
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

static __thread int priority;

ADAPTER(disabled, priority = disable_lock(INTMAX, &locks.disabled),
        unlock_enable(priority, &locks.disabled))
MIX(complex, lock_read(&locks.mix), lock_done(&locks.mix), lock_write(&locks.mix),
    lock_done(&locks.mix))

static pthread_mutexattr_t inheriting;

static void inherit_init(void *lock)
{
    if (pthread_mutex_init((pthread_mutex_t *)lock, &inheriting) != 0)
        abort();
}

OBJECTS(simple, simple_lock_data, NULL, simple_lock(l), simple_unlock(l))
OBJECTS(lockl, lock_t, NULL, (void)lockl(l, LOCK_SHORT), unlockl(l))
OBJECTS(complex_read, complex_lock_data, NULL, lock_read(l), lock_done(l))
OBJECTS(complex_write, complex_lock_data, NULL, lock_write(l), lock_done(l))
OBJECTS(inherit, pthread_mutex_t, inherit_init, pthread_mutex_lock(l),
        pthread_mutex_unlock(l))

/* The mutex with the nearest meaning: its owner has the priority of its waiters. */
__attribute__((constructor)) static void prepare(void)
{
    if (pthread_mutexattr_init(&inheriting) != 0 ||
        pthread_mutexattr_setprotocol(&inheriting, PTHREAD_PRIO_INHERIT) != 0)
        abort();
    inherit_init(&locks.inherit);
}

#define OURS(name_) BOTH(name_), .ours = true

const struct adapter aix_adapters[] = {
    {"pthread_mutex PI", NULL, BOTH(inherit), .objects = &inherit_objects},
    {"simple lock", "pthread_mutex", OURS(simple), .objects = &simple_objects},
    {"simple lock, to PI", "pthread_mutex PI", OURS(simple), .objects = &simple_objects},
    {"lockl", "pthread_mutex recursive", OURS(lockl), .objects = &lockl_objects},
    {"lockl, to PI", "pthread_mutex PI", OURS(lockl), .objects = &lockl_objects},
    {"complex read", "pthread_rwlock read", OURS(complex_read), .shared = true,
     .objects = &complex_read_objects},
    {"complex write", "pthread_rwlock write", OURS(complex_write),
     .objects = &complex_write_objects},
    {"complex", "pthread_rwlock", .mix = complex_mix, .ours = true},
    {"disable_lock", "pthread_spin", OURS(disabled), .handler = true},
};
const size_t aix_adapter_count = sizeof aix_adapters / sizeof aix_adapters[0];
