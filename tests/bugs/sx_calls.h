/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_BUGS_SX_CALLS_H
#define TESTS_BUGS_SX_CALLS_H

/* Calls of sx that a puppet or a handler can be told to make. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

static inline int xlock(void *l)
{
    sx_xlock((struct sx *)l);
    return 0;
}

static inline int xunlock(void *l)
{
    sx_xunlock((struct sx *)l);
    return 0;
}

static inline int slock(void *l)
{
    sx_slock((struct sx *)l);
    return 0;
}

static inline int sunlock(void *l)
{
    sx_sunlock((struct sx *)l);
    return 0;
}

static inline int try_xlock(void *l)
{
    return sx_try_xlock((struct sx *)l);
}

static inline int try_slock(void *l)
{
    return sx_try_slock((struct sx *)l);
}

static inline int try_upgrade(void *l)
{
    return sx_try_upgrade((struct sx *)l);
}

#endif
