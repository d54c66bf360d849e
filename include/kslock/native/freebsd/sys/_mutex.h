/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS__MUTEX_H
#define KSLOCK_FREEBSD_SYS__MUTEX_H

#include <sys/_lock.h>

#include <stdint.h>

/* Mutex, sleeping or spinning. Not valid when zero-filled: mtx_init first. */
struct mtx {
    struct lock_object lock_object;
    volatile uintptr_t
        mtx_lock; /* MTX_DEF: see src/lock/rw.h; MTX_SPIN: src/lock/mtx.c */
};

#endif
