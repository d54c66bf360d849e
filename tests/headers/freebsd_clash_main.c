/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An application whose own functions bear FreeBSD's names: each must be the
 * one that is called from here, and none of them from anywhere else.
 */

#include "clash.h"

#include <stdio.h>

int freebsd_clash_use_kernel(void);

static int calls;

/* Variables of an application. */
int hz = 42;
int tick = 43;
int ticks = 44;
int curthread = 45;

#define OWN(name)                                                                        \
    int name(void);                                                                      \
    int name(void)                                                                       \
    {                                                                                    \
        return ++calls;                                                                  \
    }

#define NAMES(X)                                                                         \
    X(sx_init)                                                                           \
    X(sx_init_flags)                                                                     \
    X(sx_destroy)                                                                        \
    X(sx_slock)                                                                          \
    X(sx_xlock)                                                                          \
    X(sx_slock_sig)                                                                      \
    X(sx_xlock_sig)                                                                      \
    X(sx_try_slock)                                                                      \
    X(sx_try_xlock)                                                                      \
    X(sx_sunlock)                                                                        \
    X(sx_xunlock)                                                                        \
    X(sx_unlock)                                                                         \
    X(sx_try_upgrade)                                                                    \
    X(sx_downgrade)                                                                      \
    X(sx_sleep)                                                                          \
    X(sx_xholder)                                                                        \
    X(sx_xlocked)                                                                        \
    X(sx_has_waiters)                                                                    \
    X(sx_assert)                                                                         \
    X(sx_sysinit)                                                                        \
    X(mtx_init)                                                                          \
    X(mtx_destroy)                                                                       \
    X(mtx_lock)                                                                          \
    X(mtx_trylock)                                                                       \
    X(mtx_unlock)                                                                        \
    X(mtx_lock_spin)                                                                     \
    X(mtx_trylock_spin)                                                                  \
    X(mtx_unlock_spin)                                                                   \
    X(mtx_owned)                                                                         \
    X(mtx_recursed)                                                                      \
    X(mtx_initialized)                                                                   \
    X(mtx_assert)                                                                        \
    X(mtx_sleep)                                                                         \
    X(mtx_sysinit)                                                                       \
    X(cv_init)                                                                           \
    X(cv_destroy)                                                                        \
    X(cv_wait)                                                                           \
    X(cv_wait_unlock)                                                                    \
    X(cv_wait_sig)                                                                       \
    X(cv_timedwait)                                                                      \
    X(cv_timedwait_sig)                                                                  \
    X(cv_signal)                                                                         \
    X(cv_broadcast)                                                                      \
    X(cv_broadcastpri)                                                                   \
    X(tsleep)                                                                            \
    X(msleep)                                                                            \
    X(msleep_spin)                                                                       \
    X(wakeup)                                                                            \
    X(wakeup_one)                                                                        \
    X(wakeup_any)                                                                        \
    X(pause_sig)                                                                         \
    X(panic)

NAMES(OWN)

int main(void)
{
    int expected = 0;
    NAMES(CHECK_OWN)

    int line = freebsd_clash_use_kernel();
    if (line != 0) {
        printf("freebsd_clash_kernel.c:%d: not what the kernel's function does\n", line);
        return 1;
    }
    if (calls != expected || hz != 42 || tick != 43 || ticks != 44 || curthread != 45) {
        printf("the library reached the application\n");
        return 1;
    }
    return 0;
}
