/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An application whose own functions bear the kernels' names: each must be the
 * one that is called from here, and none of them from anywhere else.
 */

#include "clash.h"

#include <stdio.h>

int clash_calls;

#define OWN(name)                                                                        \
    int name(void);                                                                      \
    int name(void)                                                                       \
    {                                                                                    \
        return ++clash_calls;                                                            \
    }

#define NAMES(X)                                                                         \
    X(spinlock_acquire)                                                                  \
    X(spinlock_release)                                                                  \
    X(spinlock_raw_release)                                                              \
    X(mutex_init)                                                                        \
    X(init_mutex)                                                                        \
    X(mutex_acquire)                                                                     \
    X(mutex_try_acquire)                                                                 \
    X(mutex_release)                                                                     \
    X(rwlock_acquire_read)                                                               \
    X(rwlock_acquire_write)                                                              \
    X(rwlock_try_acquire_read)                                                           \
    X(rwlock_try_acquire_write)                                                          \
    X(rwlock_release_read)                                                               \
    X(rwlock_release_write)                                                              \
    X(rwsem_init)                                                                        \
    X(init_rwsem)                                                                        \
    X(rwsem_acquire_read)                                                                \
    X(rwsem_acquire_write)                                                               \
    X(rwsem_release_read)                                                                \
    X(rwsem_release_write)                                                               \
    X(cond_init)                                                                         \
    X(init_cond)                                                                         \
    X(cond_destroy)                                                                      \
    X(free_cond)                                                                         \
    X(cond_wait)                                                                         \
    X(cond_wait_interruptible)                                                           \
    X(cond_set)                                                                          \
    X(wakeup_queue)                                                                      \
    X(sleep_on_queue)                                                                    \
    X(get_current_task)                                                                  \
    X(block_cancel)                                                                      \
    X(block_task)                                                                        \
    X(unblock_task)                                                                      \
    X(have_interrupt)                                                                    \
    X(yield)

NAMES(OWN)

int main(void)
{
    int expected = 0;
    NAMES(CHECK_OWN)
    if (expected != CLASH_NAMES)
        return 1;

    int line = clash_use_kernel();
    if (line != 0) {
        printf("clash_kernel.c:%d: not what the kernel's function does\n", line);
        return 1;
    }
    if (clash_calls != CLASH_NAMES) {
        printf("%d calls of the library reached the application\n",
               clash_calls - CLASH_NAMES);
        return 1;
    }
    return 0;
}
