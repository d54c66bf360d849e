/* SPDX-License-Identifier: BSD-2-Clause */
#include <kernel/asm.h>
#include <kernel/rwlock.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/kslock.h>

int expand(sleep_queue_t *queue, spinlock_t *lock, rwlock_t *rw);
int expand(sleep_queue_t *queue, spinlock_t *lock, rwlock_t *rw)
{
    ksl_rwlock_t initialised = KSL_RWLOCK_INIT;
    disable_interrupt();
    enable_interrupt();
    rwlock_raw_acquire_read(rw);
    rwlock_raw_release_read(rw);
    ksl_rwlock_acquire_write(&initialised, nullptr);
    ksl_rwlock_release_write(&initialised, nullptr);
    int state = ksl_spinlock_acquire_irq(lock);
    ksl_spinlock_release_irq(lock, state);
    return sleep_on_queue_lock(queue, state == 0, lock) +
           sleep_on_queue_condition(queue, state == 0);
}
