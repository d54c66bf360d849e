/* SPDX-License-Identifier: BSD-2-Clause */

/* Locks stay small, and zero is unlocked. Compiled as C and as C++. */

#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(spinlock_t) <= 8, "spinlock_t");
static_assert(sizeof(rwlock_t) <= 8, "rwlock_t");
static_assert(sizeof(mutex_t) <= 16, "mutex_t");
static_assert(sizeof(cond_t) <= 16, "cond_t");
static_assert(sizeof(rwsem_t) <= 32, "rwsem_t");
static_assert(sizeof(sleep_queue_t) <= 16, "sleep_queue_t");

static const spinlock_t spinlock = KSL_SPINLOCK_INIT;
static const rwlock_t rwlock = KSL_RWLOCK_INIT;
static const mutex_t mutex = KSL_MUTEX_INIT;
static const cond_t cond = KSL_COND_INIT;
static const rwsem_t rwsem = KSL_RWSEM_INIT;
static const sleep_queue_t queue = KSL_SLEEP_QUEUE_INIT;

static int check_zero(const char *name, const void *object, size_t size)
{
    static const char zero[64] = {0};
    if (size <= sizeof zero && memcmp(object, zero, size) == 0)
        return 0;
    printf("the initialiser of %s is not all zero\n", name);
    return 1;
}

int main(void)
{
    return check_zero("spinlock_t", &spinlock, sizeof spinlock) |
           check_zero("rwlock_t", &rwlock, sizeof rwlock) |
           check_zero("mutex_t", &mutex, sizeof mutex) |
           check_zero("cond_t", &cond, sizeof cond) |
           check_zero("rwsem_t", &rwsem, sizeof rwsem) |
           check_zero("sleep_queue_t", &queue, sizeof queue);
}
