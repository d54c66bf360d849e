/* SPDX-License-Identifier: BSD-2-Clause */
#include "locks.h"

#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include <string.h>

static void zero(void *l)
{
    memset(l, 0, sizeof(struct lock_memory));
}

static void nothing(void *l)
{
    (void)l;
}

static int spin_take(void *l)
{
    ksl_spinlock_acquire(l);
    return 0;
}

static int spin_try(void *l)
{
    return ksl_spinlock_try_acquire(l);
}

static int spin_give(void *l)
{
    ksl_spinlock_release(l);
    return 0;
}

/* Interrupts stay as they are. */

static int rw_take(void *l)
{
    ksl_rwlock_acquire_write(l, NULL);
    return 0;
}

static int rw_try(void *l)
{
    return ksl_rwlock_try_acquire_write(l, NULL);
}

static int rw_give(void *l)
{
    ksl_rwlock_release_write(l, NULL);
    return 0;
}

static int rw_share(void *l)
{
    ksl_rwlock_acquire_read(l, NULL);
    return 0;
}

static int rw_try_share(void *l)
{
    return ksl_rwlock_try_acquire_read(l, NULL);
}

static int rw_unshare(void *l)
{
    ksl_rwlock_release_read(l, NULL);
    return 0;
}

static int mutex_take(void *l)
{
    return ksl_mutex_acquire(l);
}

static int mutex_try(void *l)
{
    return ksl_mutex_try_acquire(l);
}

static int mutex_give(void *l)
{
    ksl_mutex_release(l);
    return 0;
}

static int sem_take(void *l)
{
    return ksl_rwsem_acquire_write(l);
}

static int sem_give(void *l)
{
    return ksl_rwsem_release_write(l);
}

static int sem_share(void *l)
{
    return ksl_rwsem_acquire_read(l);
}

static int sem_unshare(void *l)
{
    return ksl_rwsem_release_read(l);
}

const struct lock_kind stanix_locks[] = {
    {
        .name = "spinlock",
        .begin = zero,
        .end = nothing,
        .take = spin_take,
        .try_take = spin_try,
        .give = spin_give,
        .spins = true,
        .handlers = true,
    },
    {
        .name = "rwlock",
        .begin = zero,
        .end = nothing,
        .take = rw_take,
        .try_take = rw_try,
        .give = rw_give,
        .share = rw_share,
        .try_share = rw_try_share,
        .unshare = rw_unshare,
        .spins = true,
        .readers_pass = true,
        .handlers = true,
    },
    {
        .name = "mutex",
        .begin = zero,
        .end = nothing,
        .take = mutex_take,
        .try_take = mutex_try,
        .give = mutex_give,
    },
    {
        .name = "rwsem",
        .begin = zero,
        .end = nothing,
        .take = sem_take,
        .give = sem_give,
        .share = sem_share,
        .unshare = sem_unshare,
    },
    {.name = NULL},
};
