/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_SX_PUPPET_H
#define TESTS_NATIVE_FREEBSD_SX_PUPPET_H

/* Calls on an sx for puppets. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "puppet.h"

static inline int slock(void *sx)
{
    sx_slock(sx);
    return 0;
}

static inline int xlock(void *sx)
{
    sx_xlock(sx);
    return 0;
}

static inline int slock_sig(void *sx)
{
    return sx_slock_sig(sx);
}

static inline int xlock_sig(void *sx)
{
    return sx_xlock_sig(sx);
}

static inline int try_slock(void *sx)
{
    return sx_try_slock(sx);
}

static inline int try_xlock(void *sx)
{
    return sx_try_xlock(sx);
}

static inline int try_upgrade(void *sx)
{
    return sx_try_upgrade(sx);
}

static inline int unlock(void *sx)
{
    sx_unlock(sx);
    return 0;
}

static inline int sunlock(void *sx)
{
    sx_sunlock(sx);
    return 0;
}

static inline int xunlock(void *sx)
{
    sx_xunlock(sx);
    return 0;
}

static inline int downgrade(void *sx)
{
    sx_downgrade(sx);
    return 0;
}

static inline int room(void *sx)
{
    if (sx_try_xlock(sx) != 0) {
        sx_xunlock(sx);
        return 2;
    }
    if (sx_try_slock(sx) == 0)
        return 0;
    sx_sunlock(sx);
    return 1;
}

#endif
