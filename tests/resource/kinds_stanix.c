/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <kernel/mutex.h>
#include <kernel/rwsem.h>

#include <string.h>

static mutex_t mutex;
static rwsem_t sem;

static void mutex_renew(void)
{
    memset(&mutex, 0, sizeof mutex);
}

static void mutex_take(void)
{
    (void)mutex_acquire(&mutex);
}

static void mutex_give(void)
{
    mutex_release(&mutex);
}

static bool mutex_try(void)
{
    return mutex_try_acquire(&mutex) != 0;
}

static void sem_renew(void)
{
    memset(&sem, 0, sizeof sem);
}

static void sem_take(void)
{
    (void)rwsem_acquire_write(&sem);
}

static void sem_give(void)
{
    (void)rwsem_release_write(&sem);
}

const struct lock_kind stanix_kinds[] = {
    {"mutex", mutex_renew, mutex_take, mutex_give, mutex_try, false},
    {"rwsem", sem_renew, sem_take, sem_give, NULL, false},
};
const int stanix_kinds_count = sizeof stanix_kinds / sizeof *stanix_kinds;
