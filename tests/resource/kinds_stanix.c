/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/spinlock.h>

#include <string.h>

static mutex_t mutex;
static rwsem_t sem;
static spinlock_t spin;
static rwlock_t rw;

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

bool stanix_use_spinning(void)
{
    int state;
    spinlock_acquire(&spin);
    bool kept = ksl_spinlock_held(&spin);
    spinlock_release(&spin);
    state = ksl_spinlock_acquire_irq(&spin);
    kept = kept && ksl_spinlock_held(&spin);
    ksl_spinlock_release_irq(&spin, state);
    rwlock_acquire_read(&rw, &state);
    rwlock_release_read(&rw, &state);
    rwlock_acquire_write(&rw, &state);
    kept = kept && !ksl_rwlock_try_acquire_read(&rw, &(int){0});
    rwlock_release_write(&rw, &state);
    return kept && !ksl_spinlock_held(&spin);
}
