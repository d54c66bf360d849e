/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of pthread locks that bench/adapters*.c have no use for as a baseline. */
#define _GNU_SOURCE 1

#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

/* Each on lines of its own. */
static struct {
    pthread_mutex_t adaptive __attribute__((aligned(128)));
    pthread_mutex_t checked __attribute__((aligned(128)));
    pthread_mutex_t robust __attribute__((aligned(128)));
    pthread_rwlock_t read __attribute__((aligned(128)));
    pthread_rwlock_t write __attribute__((aligned(128)));
    pthread_rwlock_t mix __attribute__((aligned(128)));
    struct {
        pthread_mutex_t mutex;
        pthread_cond_t cond;
        unsigned turns; /* that have begun; the first thread's are the even ones */
    } hand __attribute__((aligned(128)));
} locks = {
    .adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP,
    .checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
    .read = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
    .write = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
    .mix = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP,
    .hand = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0},
};

ADAPTER(adaptive, pthread_mutex_lock(&locks.adaptive),
        pthread_mutex_unlock(&locks.adaptive))
ADAPTER(checked, pthread_mutex_lock(&locks.checked), pthread_mutex_unlock(&locks.checked))
ADAPTER(robust, pthread_mutex_lock(&locks.robust), pthread_mutex_unlock(&locks.robust))
ADAPTER(read, pthread_rwlock_rdlock(&locks.read), pthread_rwlock_unlock(&locks.read))
ADAPTER(write, pthread_rwlock_wrlock(&locks.write), pthread_rwlock_unlock(&locks.write))
MIX(prefer, pthread_rwlock_rdlock(&locks.mix), pthread_rwlock_unlock(&locks.mix),
    pthread_rwlock_wrlock(&locks.mix), pthread_rwlock_unlock(&locks.mix))

static void cond_bounce(size_t n, bool first)
{
    pthread_mutex_lock(&locks.hand.mutex);
    while (n-- > 0) {
        while (locks.hand.turns % 2 != (first ? 0 : 1))
            pthread_cond_wait(&locks.hand.cond, &locks.hand.mutex);
        locks.hand.turns++;
        pthread_cond_signal(&locks.hand.cond);
    }
    pthread_mutex_unlock(&locks.hand.mutex);
}

__attribute__((constructor)) static void prepare(void)
{
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0 ||
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutex_init(&locks.robust, &attributes) != 0)
        abort();
    (void)pthread_mutexattr_destroy(&attributes);
}

const struct adapter pthread_adapters[] = {
    {"pthread_mutex adaptive", "pthread_mutex", BOTH(adaptive)},
    {"pthread_mutex errorcheck", "pthread_mutex", BOTH(checked)},
    {"pthread_mutex robust", "pthread_mutex", BOTH(robust)},
    {"pthread_rwlock read, prefers writers", "pthread_rwlock read", BOTH(read),
     .shared = true},
    {"pthread_rwlock write, prefers writers", "pthread_rwlock write", BOTH(write)},
    {"pthread_rwlock, prefers writers", "pthread_rwlock", .mix = prefer_mix},
    {"pthread_cond", "sem_t", .bounce = cond_bounce},
};
const size_t pthread_adapter_count = sizeof pthread_adapters / sizeof pthread_adapters[0];
