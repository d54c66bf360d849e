/* SPDX-License-Identifier: BSD-2-Clause */

/* A piece of kernel source, includes and calls as they stand there. */

#include <kernel/asm.h>
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

int consumer_c(void);

static spinlock_t lock;
static sleep_queue_t queue;
static mutex_t mutex;
static rwlock_t rwlock;
static rwsem_t rwsem;
static cond_t finished;
static int items;
static int taken;

static void producer(void *arg)
{
    (void)arg;
    spinlock_acquire(&lock);
    items++;
    spinlock_release(&lock);
    wakeup_queue(&queue, 1);
    cond_set(&finished, 1);
}

int consumer_c(void)
{
    int save;

    if (!new_kernel_task(producer, NULL))
        return 1;

    spinlock_acquire(&lock);
    if (sleep_on_queue_lock(&queue, items > 0, &lock) == 0)
        taken = items--;
    spinlock_release(&lock);
    cond_wait(&finished, 1);

    mutex_acquire(&mutex);
    mutex_release(&mutex);
    rwlock_acquire_read(&rwlock, &save);
    rwlock_release_read(&rwlock, &save);
    rwsem_acquire_write(&rwsem);
    rwsem_release_write(&rwsem);
    return taken == 1 && items == 0 && have_interrupt() ? 0 : 1;
}
