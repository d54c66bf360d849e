/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Built with -fsanitize=thread against the library that is built without it. Without
 * an argument nothing is a race; with the name of one, there is one.
 */

#include <kslock/cond.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include "program.h"

static ksl_mutex_t mutex;
static ksl_spinlock_t spinlock;
static ksl_rwlock_t rwlock;
static ksl_rwsem_t rwsem;
static ksl_cond_t cond;
static long by_mutex, by_spinlock, by_rwlock, by_rwsem, by_cond;

static void *worker(void *arg)
{
    long *sum = arg;
    if (with_race)
        by_nobody++; /* nothing orders the first steps of two threads */
    for (int i = 0; i < TURNS; i++) {
        (void)ksl_mutex_acquire(&mutex);
        by_mutex++;
        ksl_mutex_release(&mutex);
        ksl_spinlock_acquire(&spinlock);
        by_spinlock++;
        ksl_spinlock_release(&spinlock);
        ksl_rwlock_acquire_write(&rwlock, NULL);
        by_rwlock++;
        ksl_rwlock_release_write(&rwlock, NULL);
        ksl_rwlock_acquire_read(&rwlock, NULL);
        *sum += by_rwlock;
        ksl_rwlock_release_read(&rwlock, NULL);
        (void)ksl_rwsem_acquire_write(&rwsem);
        by_rwsem++;
        (void)ksl_rwsem_release_write(&rwsem);
        for (int j = 0; j < 3; j++) {
            (void)ksl_rwsem_acquire_read(&rwsem);
            *sum += by_rwsem;
            (void)ksl_rwsem_release_read(&rwsem);
        }
    }
    (void)ksl_cond_wait(&cond, 1);
    *sum += by_cond;
    pthread_barrier_wait(&done);
    return NULL;
}

int main(int argc, char **argv)
{
    if (!start(argc, argv, worker))
        return 2;
    by_cond = 7;
    ksl_cond_set(&cond, 1);
    join_all();
    bool right = by_mutex == THREADS * TURNS && by_spinlock == THREADS * TURNS &&
                 by_rwlock == THREADS * TURNS && by_rwsem == THREADS * TURNS;
    printf("%s\n", right ? "right" : "wrong");
    return right ? 0 : 3;
}
