/* SPDX-License-Identifier: BSD-2-Clause */
#include "locks.h"

#include <kslock/signal.h>
#include <kslock/stage.h>

#include <evl/mutex.h>
#include <evl/sem.h>

#include <errno.h>

void lock_stage(bool oob)
{
    ksl_stage to = oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
    while (ksl_stage_switch(to) == -ERESTARTSYS)
        (void)ksl_signal_take();
}

/* A semaphore with one unit. */

static void sem_begin(void *l)
{
    evl_init_ksem((struct evl_ksem *)l, 1);
}

static void sem_end(void *l)
{
    evl_destroy_ksem((struct evl_ksem *)l);
}

/* Signals and forced unblocks end a wait for it. */
static int sem_take(void *l)
{
    int error;
    do {
        error = evl_down((struct evl_ksem *)l);
        if (error == -ERESTARTSYS)
            (void)ksl_signal_take();
    } while (error == -ERESTARTSYS || error == -EINTR);
    return error;
}

static int sem_try(void *l)
{
    return evl_trydown((struct evl_ksem *)l) == 0;
}

static int sem_give(void *l)
{
    evl_up((struct evl_ksem *)l);
    return 0;
}

static void mutex_begin(void *l)
{
    evl_init_kmutex((struct evl_kmutex *)l);
}

static void mutex_end(void *l)
{
    evl_destroy_kmutex((struct evl_kmutex *)l);
}

static int mutex_take(void *l)
{
    return evl_lock_kmutex((struct evl_kmutex *)l);
}

static int mutex_try(void *l)
{
    return evl_trylock_kmutex((struct evl_kmutex *)l) == 0;
}

static int mutex_give(void *l)
{
    evl_unlock_kmutex((struct evl_kmutex *)l);
    return 0;
}

const struct lock_kind evl_locks[] = {
    {
        .name = "ksem",
        .begin = sem_begin,
        .end = sem_end,
        .take = sem_take,
        .try_take = sem_try,
        .give = sem_give,
        .oob = true,
        .handlers = true,
    },
    {
        .name = "kmutex",
        .begin = mutex_begin,
        .end = mutex_end,
        .take = mutex_take,
        .try_take = mutex_try,
        .give = mutex_give,
        .oob = true,
        .handlers = true,
    },
    {.name = NULL},
};
