/* SPDX-License-Identifier: BSD-2-Clause */

/* Kernel source in an application that has functions of the same names. */

#include "clash.h"

#include <kernel/asm.h>
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#define EXPECT(what)                                                                     \
    do {                                                                                 \
        if (!(what))                                                                     \
            return __LINE__;                                                             \
    } while (0)

static int use_spinlock(void)
{
    spinlock_t lock = KSL_SPINLOCK_INIT;
    spinlock_acquire(&lock);
    EXPECT(ksl_spinlock_held(&lock) && !have_interrupt());
    spinlock_raw_release(&lock);
    EXPECT(!ksl_spinlock_held(&lock) && !have_interrupt());
    enable_interrupt();
    spinlock_acquire(&lock);
    spinlock_release(&lock);
    EXPECT(!ksl_spinlock_held(&lock) && have_interrupt());
    return 0;
}

static int use_rwlock(void)
{
    rwlock_t lock = KSL_RWLOCK_INIT;
    int save;
    int other;
    rwlock_acquire_read(&lock, &save);
    EXPECT(!rwlock_try_acquire_write(&lock, &other));
    rwlock_release_read(&lock, &save);
    rwlock_acquire_write(&lock, &save);
    EXPECT(!rwlock_try_acquire_read(&lock, &other) && !have_interrupt());
    rwlock_release_write(&lock, &save);
    EXPECT(have_interrupt());
    return 0;
}

static int use_mutex(void)
{
    mutex_t mutex;
    mutex_init(&mutex);
    init_mutex(&mutex);
    EXPECT(mutex_acquire(&mutex) == 0);
    EXPECT(mutex_try_acquire(&mutex) == 1); /* the owner nests */
    mutex_release(&mutex);
    mutex_release(&mutex);
    return 0;
}

static int use_rwsem(void)
{
    rwsem_t rwsem;
    rwsem_init(&rwsem);
    init_rwsem(&rwsem);
    EXPECT(rwsem_acquire_write(&rwsem) == 0);
    EXPECT(rwsem_acquire_read(&rwsem) == 0);
    EXPECT(rwsem_release_read(&rwsem) == 0);
    EXPECT(rwsem_release_write(&rwsem) == 0);
    return 0;
}

static int use_cond(void)
{
    cond_t cond;
    cond_init(&cond);
    init_cond(&cond);
    cond_set(&cond, 7);
    EXPECT(cond_wait(&cond, 7) == 0);
    EXPECT(cond_wait_interruptible(&cond, 7) == 0);
    cond_destroy(&cond);
    EXPECT(cond_wait(&cond, 0) == 0);
    free_cond(&cond);
    return 0;
}

static int use_queue(void)
{
    sleep_queue_t queue = KSL_SLEEP_QUEUE_INIT;
    int done = 1;
    wakeup_queue(&queue, 0);
    EXPECT(sleep_on_queue_condition(&queue, done) == 0);
    EXPECT(get_current_task() == ksl_thread_self());
    block_prepare();
    EXPECT(unblock_task(get_current_task()) == 1);
    EXPECT(block_task() == 0);
    block_prepare();
    block_cancel();
    EXPECT(unblock_task(get_current_task()) == 0);
    yield(0);
    return 0;
}

int clash_use_kernel(void)
{
    static int (*const uses[])(void) = {
        use_spinlock, use_rwlock, use_mutex, use_rwsem, use_cond, use_queue,
    };
    for (unsigned i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        int line = uses[i]();
        if (line != 0)
            return line;
    }
    return 0;
}
